//! AArch64: prefetch, and kernels for NEON.
#![allow(unused_unsafe, reason = "arithmetic intrinsics are safe to call from Rust 1.87 on")]

use core::arch::aarch64::{
    uint32x4_t, vaddlvq_u32, vdupq_n_u32, vld1q_u8, vpadalq_u16, vreinterpretq_u16_u8,
};

use super::{Isa, Kernels};
use crate::checksum::native_sum;

/// This module is compiled only where the target has NEON.
pub(super) static KERNELS: Kernels = Kernels { isa: Isa::Neon, sum };

#[inline]
pub(super) fn prefetch(address: *const u8) {
    // SAFETY: PRFM is a hint that never faults, whatever the address, and changes no register or
    // flag.
    unsafe {
        core::arch::asm!(
            "prfm pldl1keep, [{address}]",
            address = in(reg) address,
            options(nostack, readonly, preserves_flags)
        );
    }
}

type Block = [u8; 16];

/// Bytes that the four lanes take at once.
const QUAD: usize = 4 * size_of::<Block>();
/// Bytes that a 32-bit lane takes without overflow: each block adds two words of 16 bits.
const RUN: usize = size_of::<Block>() << 14;

fn sum(bytes: &[u8]) -> u64 {
    let mut runs = bytes.chunks_exact(RUN);
    let total = (&mut runs).fold(0u64, |total, run| total.wrapping_add(sum_run(run)));
    total.wrapping_add(sum_run(runs.remainder()))
}

/// Returns the sum of at most `RUN` bytes.
#[inline]
fn sum_run(bytes: &[u8]) -> u64 {
    // SAFETY: the target has NEON.
    let mut lanes = [unsafe { vdupq_n_u32(0) }; 4];
    let mut quads = bytes.chunks_exact(QUAD);
    for quad in &mut quads {
        for (lane, block) in lanes.iter_mut().zip(quad.chunks_exact(size_of::<Block>())) {
            if let Some(block) = block.first_chunk() {
                *lane = add_block(*lane, block);
            }
        }
    }
    let mut blocks = quads.remainder().chunks_exact(size_of::<Block>());
    let [first, ..] = &mut lanes;
    for block in &mut blocks {
        if let Some(block) = block.first_chunk() {
            *first = add_block(*first, block);
        }
    }
    let rest = native_sum(blocks.remainder());
    lanes.iter().fold(rest, |sum, lane| {
        // SAFETY: the target has NEON.
        sum.wrapping_add(unsafe { vaddlvq_u32(*lane) })
    })
}

#[inline]
fn add_block(lane: uint32x4_t, block: &Block) -> uint32x4_t {
    // SAFETY: the 16 bytes that are read are those of `block`, and no alignment is required.
    let bytes = unsafe { vld1q_u8(block.as_ptr()) };
    // SAFETY: the target has NEON.
    let words = unsafe { vreinterpretq_u16_u8(bytes) };
    // SAFETY: the target has NEON.
    unsafe { vpadalq_u16(lane, words) }
}
