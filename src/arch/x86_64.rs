//! x86-64: prefetch, and kernels for AVX2.
#![allow(unused_unsafe, reason = "arithmetic intrinsics are safe to call from Rust 1.87 on")]

use core::arch::x86_64::{
    __m128i, __m256i, _MM_HINT_T0, _mm_add_epi64, _mm_cvtsi128_si64, _mm_prefetch,
    _mm_unpackhi_epi64, _mm256_add_epi32, _mm256_add_epi64, _mm256_castsi256_si128,
    _mm256_cvtepi32_epi64, _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_set1_epi16, _mm256_setzero_si256, _mm256_xor_si256,
};

use super::{Isa, Kernels};
use crate::checksum::sum_words;

/// Returned by `Kernels::baseline` if the target has the extensions, by `Kernels::detect` if the
/// processor reports them, and by `Kernels::assume`, which is `unsafe`.
pub(super) static KERNELS: Kernels = Kernels { isa: Isa::Avx2, sum };

#[cfg(feature = "std")]
pub(super) fn is_detected() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("bmi2")
        && std::arch::is_x86_feature_detected!("movbe")
}

#[inline]
pub(super) fn prefetch(address: *const i8) {
    // SAFETY: every x86-64 has SSE, and PREFETCHT0 is a hint that never faults, whatever the
    // address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
}

#[inline]
pub(super) fn run<R>(_: &Kernels, body: impl FnOnce() -> R) -> R {
    // SAFETY: called for a `Kernels` whose ISA is AVX2 alone. There is one, `KERNELS`, and it is
    // returned only if the processor has these extensions.
    unsafe { run_avx2(body) }
}

#[target_feature(enable = "avx2,bmi2,movbe")]
unsafe fn run_avx2<R>(body: impl FnOnce() -> R) -> R {
    body()
}

fn sum(bytes: &[u8]) -> u64 {
    // SAFETY: this function is named in `KERNELS` alone, which is returned only if the processor
    // has these extensions.
    unsafe { sum_avx2(bytes) }
}

type Block = [u8; 32];

/// Bytes that the four lanes take at once.
const QUAD: usize = 4 * size_of::<Block>();
/// Bytes that a 32-bit lane takes without overflow: each block adds two words of 16 bits, signed.
const RUN: usize = size_of::<Block>() << 14;

/// Adds words of 16 bits as signed numbers, each 32,768 too small, because there is an instruction
/// that widens and adds pairs of signed ones.
#[target_feature(enable = "avx2,bmi2,movbe")]
unsafe fn sum_avx2(bytes: &[u8]) -> u64 {
    let mut total = 0u64;
    let mut runs = bytes.chunks_exact(RUN);
    for run in &mut runs {
        // SAFETY: the same extensions as here.
        total = total.wrapping_add(unsafe { sum_run(run) });
    }
    // SAFETY: the same extensions as here.
    total.wrapping_add(unsafe { sum_run(runs.remainder()) })
}

/// Returns the sum of at most `RUN` bytes.
#[inline]
#[target_feature(enable = "avx2,bmi2,movbe")]
unsafe fn sum_run(bytes: &[u8]) -> u64 {
    // SAFETY: AVX is enabled here.
    let mut lanes = [unsafe { _mm256_setzero_si256() }; 4];
    let mut quads = bytes.chunks_exact(QUAD);
    for quad in &mut quads {
        for (lane, block) in lanes.iter_mut().zip(quad.chunks_exact(size_of::<Block>())) {
            if let Some(block) = block.first_chunk() {
                // SAFETY: the same extensions as here.
                *lane = unsafe { add_block(*lane, block) };
            }
        }
    }
    let mut blocks = quads.remainder().chunks_exact(size_of::<Block>());
    for (lane, block) in lanes.iter_mut().zip(&mut blocks) {
        if let Some(block) = block.first_chunk() {
            // SAFETY: the same extensions as here.
            *lane = unsafe { add_block(*lane, block) };
        }
    }
    let [mut lane, others @ ..] = lanes;
    for other in others {
        // SAFETY: AVX2 is enabled here.
        lane = unsafe { _mm256_add_epi32(lane, other) };
    }
    let rest = blocks.remainder();
    let words = bytes.len().wrapping_sub(rest.len()) as u64 / 2;
    let bias = words.wrapping_mul(0x8000);
    // SAFETY: the same extensions as here.
    let signed = unsafe { add_lanes(lane) };
    bias.wrapping_add_signed(signed).wrapping_add(sum_rest(rest))
}

/// Returns the sum of fewer bytes than a block has.
#[inline]
fn sum_rest(bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(size_of::<u64>());
    let rest = words.remainder();
    let halves = |word: &[u8]| {
        let word = word.first_chunk().map_or(0, |word| u64::from_ne_bytes(*word));
        (word >> 32).wrapping_add(word & 0xFFFF_FFFF)
    };
    sum_words(words.map(halves).fold(0, u64::wrapping_add), rest)
}

#[inline]
#[target_feature(enable = "avx2,bmi2,movbe")]
unsafe fn add_block(lane: __m256i, block: &Block) -> __m256i {
    // SAFETY: the 32 bytes that are read are those of `block`, and no alignment is required.
    let words = unsafe { _mm256_loadu_si256(block.as_ptr().cast()) };
    // SAFETY: AVX is enabled here.
    let sign = unsafe { _mm256_set1_epi16(i16::MIN) };
    // SAFETY: AVX is enabled here.
    let one = unsafe { _mm256_set1_epi16(1) };
    // SAFETY: AVX2 is enabled here.
    let signed = unsafe { _mm256_xor_si256(words, sign) };
    // SAFETY: AVX2 is enabled here.
    let pairs = unsafe { _mm256_madd_epi16(signed, one) };
    // SAFETY: AVX2 is enabled here.
    unsafe { _mm256_add_epi32(lane, pairs) }
}

#[inline]
#[target_feature(enable = "avx2,bmi2,movbe")]
unsafe fn add_lanes(lanes: __m256i) -> i64 {
    // SAFETY: the same extensions as here.
    let [low, high] = unsafe { halves(lanes) };
    // SAFETY: AVX2 is enabled here.
    let low = unsafe { _mm256_cvtepi32_epi64(low) };
    // SAFETY: AVX2 is enabled here.
    let high = unsafe { _mm256_cvtepi32_epi64(high) };
    // SAFETY: AVX2 is enabled here.
    let four = unsafe { _mm256_add_epi64(low, high) };
    // SAFETY: the same extensions as here.
    let [low, high] = unsafe { halves(four) };
    // SAFETY: every x86-64 has SSE2.
    let two = unsafe { _mm_add_epi64(low, high) };
    // SAFETY: every x86-64 has SSE2.
    let other = unsafe { _mm_unpackhi_epi64(two, two) };
    // SAFETY: every x86-64 has SSE2.
    let one = unsafe { _mm_add_epi64(two, other) };
    // SAFETY: every x86-64 has SSE2.
    unsafe { _mm_cvtsi128_si64(one) }
}

#[inline]
#[target_feature(enable = "avx2,bmi2,movbe")]
unsafe fn halves(lanes: __m256i) -> [__m128i; 2] {
    // SAFETY: AVX is enabled here.
    let low = unsafe { _mm256_castsi256_si128(lanes) };
    // SAFETY: AVX2 is enabled here.
    let high = unsafe { _mm256_extracti128_si256::<1>(lanes) };
    [low, high]
}
