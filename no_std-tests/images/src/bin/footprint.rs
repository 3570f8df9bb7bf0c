//! The code of what the features name, and nothing else: what it has beyond the image without any is the footprint.
//!
//! It is measured, not run: its inputs are pointers that nobody made.
#![no_std]
#![no_main]
#![allow(unused_imports, unused_macros, dead_code, reason = "each image has a part of it")]

use core::hint::black_box;

use vtep::buf::Frame;
use vtep::subnet::{AllocateError, Ipv4Prefix, SubnetAllocator};
use vtep::tunnel::{Core, Origin, PlainV4, Tunnel, Vtep};
use vtep::verdict::{DropReason, Verdict};

board::panic_never!();
board::main!(refer);

type Borrowed<'a> = Frame<&'a mut [u8]>;

#[inline(never)]
fn encap(tunnel: &Tunnel, frame: &mut Borrowed<'_>, core: &mut Core) -> Verdict {
    tunnel.encap(frame, core)
}

#[inline(never)]
fn decap(vtep: &Vtep<'_>, frame: &mut Borrowed<'_>) -> Result<Origin, DropReason> {
    vtep.decap(frame)
}

#[inline(never)]
fn encap_v4(tunnel: PlainV4<'_>, frame: &mut Borrowed<'_>, core: &mut Core) -> Verdict {
    tunnel.encap(frame, core)
}

#[inline(never)]
fn decap_v4(vtep: &Vtep<'_>, frame: &mut Borrowed<'_>) -> Result<Origin, DropReason> {
    vtep.decap_v4(frame)
}

fn refer() -> i32 {
    #[cfg(feature = "encap")]
    black_box(encap as fn(_, _, _) -> _);
    #[cfg(feature = "decap")]
    black_box(decap as fn(_, _) -> _);
    #[cfg(feature = "encap-v4")]
    black_box(encap_v4 as fn(_, _, _) -> _);
    #[cfg(feature = "decap-v4")]
    {
        static VTEP: Vtep<'_> = Vtep::linux();
        black_box(&VTEP);
        black_box(decap_v4 as fn(_, _) -> _);
    }
    0
}
