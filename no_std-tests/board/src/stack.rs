//! The peak stack of a call: the free stack is painted, the call made, the paint looked at.

use core::arch::asm;

/// How far below the caller the stack is painted, in bytes. The stack of every board has twice that.
const REACH: usize = 16 * 1024;
/// What is left alone just below the caller: the frames of the functions here.
const FRAME: usize = 256;
const PAINT: u8 = 0xA5;

#[inline(always)]
fn pointer() -> usize {
    let sp;
    // SAFETY: it reads a register.
    unsafe {
        #[cfg(target_arch = "arm")]
        asm!("mov {}, sp", out(reg) sp);
        #[cfg(target_arch = "aarch64")]
        asm!("mov {}, sp", out(reg) sp);
        #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
        asm!("mv {}, sp", out(reg) sp);
        #[cfg(target_arch = "x86_64")]
        asm!("mov {}, rsp", out(reg) sp);
    }
    sp
}

#[inline(never)]
fn paint(top: usize) {
    for at in top - REACH..top - FRAME {
        // SAFETY: the bytes lie in this image's stack, below every live frame.
        unsafe { core::ptr::with_exposed_provenance_mut::<u8>(at).write_volatile(PAINT) }
    }
}

#[inline(never)]
fn mark(top: usize) -> usize {
    let is_paint = |at: &usize| {
        // SAFETY: as in `paint`.
        unsafe { core::ptr::with_exposed_provenance::<u8>(*at).read_volatile() == PAINT }
    };
    let untouched = (top - REACH..top - FRAME).take_while(is_paint).count();
    REACH - untouched
}

/// How many bytes of stack `call` uses, from the caller's stack pointer down. What needs less than 256 bytes
/// gives 256: see [`peak`].
#[inline(never)]
fn measure(call: &mut dyn FnMut()) -> usize {
    let top = pointer();
    paint(top);
    // What the call would otherwise use of the unpainted bytes.
    descend(call);
    mark(top)
}

/// Goes below the bytes that are not painted, and calls.
#[inline(never)]
fn descend(call: &mut dyn FnMut()) {
    let mut gap = [0u8; FRAME];
    core::hint::black_box(&mut gap);
    call();
    core::hint::black_box(&mut gap);
}

/// The peak stack of `call` in bytes: what it uses beyond a call of nothing.
#[must_use]
pub fn peak(call: &mut dyn FnMut()) -> usize {
    let nothing = measure(&mut || ());
    measure(call) - nothing
}
