//! The code that depends on the processor: prefetch, and kernels compiled for its vectors. The only
//! `unsafe` of the crate is here.
//!
//! A [`Kernels`] is a table of safe functions that is held by what uses it, a
//! [`EncapState`](crate::tunnel::EncapState) or a [`Vtep`](crate::tunnel::Vtep). On x86-64 with SSE2
//! there is one for AVX2 beside the generic one, on AArch64 one for NEON. The generic one is safe code, is
//! always compiled, and is what the others are tested against. AVX-512 is left out: its intrinsics need a
//! later compiler than the crate does.
#![allow(unsafe_code)]

use core::fmt;

use crate::checksum::Sum;

mod generic;
#[cfg(all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"))]
#[path = "aarch64.rs"]
mod native;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[path = "x86_64.rs"]
mod native;

/// The instruction set that kernels are compiled for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Isa {
    /// The instructions that the target has anyway.
    Generic,
    /// x86-64 with AVX2, BMI2 and MOVBE: Intel from Haswell (2013) on, AMD from Excavator (2015)
    /// on.
    Avx2,
    /// AArch64 with NEON: all little-endian targets except soft-float ones.
    Neon,
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Generic => "generic",
            Self::Avx2 => "AVX2",
            Self::Neon => "NEON",
        })
    }
}

/// The functions that are worth compiling for one processor or another.
///
/// Holding a `&Kernels` is proof that the CPU supports its instruction set; safe functions rely on
/// this.
///
/// # Examples
///
/// A long sum, with the best kernels that there are:
///
/// ```
/// use vtep::arch::Kernels;
/// use vtep::checksum::Sum;
///
/// let payload = [0x5a; 1450];
/// assert_eq!(Kernels::detect().sum(&payload), Sum::of(&payload));
/// ```
///
/// A receiver whose behaviour must not depend on the machine:
///
/// ```
/// # use vtep::arch::Kernels;
/// use vtep::tunnel::Vtep;
///
/// let vtep = Vtep::rfc7348().kernels(Kernels::generic());
/// # let _ = vtep;
/// ```
#[derive(Debug)]
pub struct Kernels {
    isa: Isa,
    sum: fn(&[u8]) -> u64,
}

static GENERIC: Kernels = Kernels { isa: Isa::Generic, sum: generic::sum };

impl Kernels {
    /// Returns the kernels in safe code, which every processor runs.
    #[must_use]
    pub const fn generic() -> &'static Self {
        &GENERIC
    }

    /// Returns the best kernels for every processor that this build runs on, by `-C target-cpu` and
    /// `-C target-feature`.
    #[must_use]
    pub const fn baseline() -> &'static Self {
        #[cfg(any(
            all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"),
            all(
                target_arch = "x86_64",
                target_feature = "avx2",
                target_feature = "bmi2",
                target_feature = "movbe"
            )
        ))]
        return &native::KERNELS;
        #[allow(unreachable_code, reason = "the rest of the targets")]
        &GENERIC
    }

    /// Returns the best kernels for the processor that this runs on; without the feature `std`,
    /// which alone can tell, the [`baseline`](Self::baseline). The standard library caches what it
    /// detected.
    ///
    /// They are the default of a [`EncapState`](crate::tunnel::EncapState) and of a
    /// [`Vtep`](crate::tunnel::Vtep).
    #[must_use]
    pub fn detect() -> &'static Self {
        #[cfg(all(feature = "std", target_arch = "x86_64", target_feature = "sse2"))]
        if native::is_detected() {
            return &native::KERNELS;
        }
        Self::baseline()
    }

    /// Returns the kernels for `isa`, or `None` if this target has none.
    ///
    /// # Safety
    /// The processor has `isa`: all the extensions that its documentation names.
    #[must_use]
    pub const unsafe fn assume(isa: Isa) -> Option<&'static Self> {
        match isa {
            Isa::Generic => Some(&GENERIC),
            #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
            Isa::Avx2 => Some(&native::KERNELS),
            #[cfg(all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"))]
            Isa::Neon => Some(&native::KERNELS),
            #[allow(unreachable_patterns, reason = "not so on every target")]
            _ => None,
        }
    }

    /// Returns all kernels that the processor is known to run: for tests.
    pub fn supported() -> impl Iterator<Item = &'static Self> {
        let best = Self::detect();
        let others = (best.isa != Isa::Generic).then_some(best);
        core::iter::once(Self::generic()).chain(others)
    }

    /// The instruction set that they are compiled for.
    #[must_use]
    pub const fn isa(&self) -> Isa {
        self.isa
    }

    /// Returns what [`Sum::of`] returns for `bytes`, sooner.
    #[must_use]
    #[inline]
    pub fn sum(&self, bytes: &[u8]) -> Sum {
        Sum::from_native((self.sum)(bytes))
    }

    /// Runs `body`; as far as it is inlined, it is compiled for the processor.
    #[inline]
    pub(crate) fn run<R>(&self, body: impl FnOnce() -> R) -> R {
        match self.isa {
            #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
            Isa::Avx2 => native::run(self, body),
            _ => body(),
        }
    }
}

/// Prefetches the cache line at `address`. It is a hint: whatever the address, it does nothing
/// else. On targets other than x86-64 with SSE2 and AArch64 with NEON it does nothing.
///
/// # Examples
///
/// A [`FrameBuf`](crate::buf::FrameBuf) prefetches the two cache lines that encap writes and reads:
///
/// ```
/// use vtep::arch::prefetch;
///
/// let (memory, start, headroom) = ([0_u8; 2048], 128, 64);
/// let front = memory.as_ptr().wrapping_add(start - headroom);
/// prefetch(front);
/// prefetch(front.wrapping_add(64));
/// ```
#[inline]
pub fn prefetch<T>(address: *const T) {
    #[cfg(any(
        all(target_arch = "x86_64", target_feature = "sse2"),
        all(target_arch = "aarch64", target_feature = "neon", target_endian = "little")
    ))]
    native::prefetch(address.cast());
    #[cfg(not(any(
        all(target_arch = "x86_64", target_feature = "sse2"),
        all(target_arch = "aarch64", target_feature = "neon", target_endian = "little")
    )))]
    let _ = address;
}

#[cfg(feature = "defmt")]
impl defmt::Format for Kernels {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Kernels({})", self.isa);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefetch_of_any_address_does_nothing() {
        prefetch(&raw const GENERIC);
        prefetch(core::ptr::null::<u8>());
        prefetch(core::ptr::without_provenance::<u8>(usize::MAX));
    }

    #[test]
    fn the_generic_kernels_are_always_supported() {
        assert!(Kernels::supported().any(|kernels| kernels.isa() == Isa::Generic));
        assert!(Kernels::supported().any(|kernels| kernels.isa() == Kernels::baseline().isa()));
    }
}
