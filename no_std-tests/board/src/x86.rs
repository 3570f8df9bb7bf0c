//! x86-64 under QEMU: the first serial port, and the device `isa-debug-exit`, for semihosting does not have it.

use core::arch::asm;
use core::fmt;

const SERIAL: u16 = 0x3F8;
const DEBUG_EXIT: u16 = 0xF4;

/// The first serial port. QEMU's takes a byte at any time.
pub struct Serial;

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // SAFETY: the port is a UART's transmit register, which touches no memory.
            unsafe { asm!("out dx, al", in("dx") SERIAL, in("al") byte, options(nomem, nostack)) }
        }
        Ok(())
    }
}

/// Ends QEMU with exit status `2 * status + 1`.
pub fn exit(status: i32) -> ! {
    loop {
        // SAFETY: the device ends QEMU; without it the port is nobody's.
        unsafe {
            asm!("out dx, eax", in("dx") DEBUG_EXIT, in("eax") status, options(nomem, nostack))
        }
    }
}

/// Prints to the serial port.
#[macro_export]
macro_rules! print {
    ($($arguments:tt)*) => {{
        let _ = core::fmt::Write::write_fmt(&mut $crate::Serial, format_args!($($arguments)*));
    }};
}

/// Prints a line to the serial port.
#[macro_export]
macro_rules! println {
    ($($arguments:tt)*) => { $crate::print!("{}\n", format_args!($($arguments)*)) };
}
