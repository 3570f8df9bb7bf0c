//! What every board needs: its start, its exit status, its output, its stack's mark.
//!
//! Console and exit status go through semihosting, which QEMU passes on to the host, and on x86-64 through ports.
#![no_std]

#[cfg(not(target_arch = "x86_64"))]
pub use semihosting::{print, println, process::exit};

pub mod stack;
mod start;
#[cfg(target_arch = "x86_64")]
mod x86;
#[cfg(target_arch = "x86_64")]
pub use x86::{Serial, exit};

#[cfg(target_arch = "arm")]
#[doc(hidden)]
pub use cortex_m_rt;

/// Makes `fn() -> i32` the image's main function; what it returns is the exit status.
#[macro_export]
macro_rules! main {
    ($main:path) => {
        #[cfg(target_arch = "arm")]
        #[unsafe(export_name = "main")]
        extern "C" fn board_main() -> ! {
            $crate::exit($main())
        }

        #[cfg(not(target_arch = "arm"))]
        #[unsafe(no_mangle)]
        extern "C" fn board_main() -> ! {
            $crate::exit($main())
        }
    };
}

/// A panic handler that tells the panic and ends with exit status 101.
#[macro_export]
macro_rules! panic_exit {
    () => {
        #[panic_handler]
        fn panic(panic: &core::panic::PanicInfo<'_>) -> ! {
            $crate::println!("{panic}");
            $crate::exit(101)
        }
    };
}

/// A panic handler that refers to a symbol which does not exist: an image with a reachable panic does not link.
#[macro_export]
macro_rules! panic_never {
    () => {
        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
            unsafe extern "C" {
                fn PANIC_IS_REACHABLE() -> !;
            }
            // SAFETY: it does not exist, so this is never linked, let alone called.
            unsafe { PANIC_IS_REACHABLE() }
        }
    };
}
