//! The code of what the features name, and nothing else: what it has beyond the image without any is the footprint.
//!
//! It is measured, not run.
#![no_std]
#![no_main]

use core::hint::black_box;

use vtep::tunnel::Vtep;

#[allow(dead_code, reason = "each image has a part of it")]
#[path = "../measured.rs"]
mod measured;

board::panic_never!();
board::main!(refer);

fn refer() -> i32 {
    if cfg!(feature = "decap") {
        static VTEP: Vtep<'_> = Vtep::linux();
        black_box(&VTEP);
    }
    match (cfg!(feature = "encap"), cfg!(feature = "every-policy")) {
        (true, true) => drop(black_box(measured::encap_every as fn(_, _, _) -> _)),
        (true, false) => drop(black_box(measured::encap as fn(_, _, _) -> _)),
        _ => {}
    }
    match (cfg!(feature = "decap"), cfg!(feature = "every-policy")) {
        (true, true) => drop(black_box(measured::decap_every as fn(_, _) -> _)),
        (true, false) => drop(black_box(measured::decap as fn(_, _) -> _)),
        _ => {}
    }
    if cfg!(feature = "allocator") {
        black_box(measured::allocate as fn(_, _, _) -> _);
    }
    0
}
