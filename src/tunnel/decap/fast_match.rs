//! The VTEP's sets as the fast path compares them.

use core::net::IpAddr;

use crate::tunnel::set::Set;
use crate::wire::Vni;

/// The headers of a fast-path packet for a VTEP. If the VTEP accepts one port, one address and one
/// VNI, or any, two comparisons replace the searches of its sets.
#[derive(Clone, Copy, Debug)]
pub(in crate::tunnel) struct FastMatch {
    /// Of the destination address, the source port and the destination port.
    pub(super) address: Bits,
    /// Of the VXLAN header: I is set, and no reserved bit.
    pub(super) vxlan: Bits,
}

impl FastMatch {
    pub(in crate::tunnel) const fn new(
        ports: &Set<'_, u16>,
        locals: &Set<'_, IpAddr>,
        vnis: &Set<'_, Vni>,
    ) -> Self {
        let port = match ports {
            Set::Any => Bits::ALL,
            Set::One(port) => {
                let [a, b] = port.to_be_bytes();
                Bits::new([0, 0, 0, 0, 0, 0, a, b], [0, 0, 0, 0, 0, 0, 255, 255])
            }
            Set::Sorted(_) => Bits::NONE,
        };
        let local = match locals {
            Set::Any => Bits::ALL,
            Set::One(IpAddr::V4(local)) => {
                let [a, b, c, d] = local.octets();
                Bits::new([a, b, c, d, 0, 0, 0, 0], [255, 255, 255, 255, 0, 0, 0, 0])
            }
            Set::One(IpAddr::V6(_)) | Set::Sorted(_) => Bits::NONE,
        };
        let vni = match vnis {
            Set::Any => Bits::new([8, 0, 0, 0, 0, 0, 0, 0], [255, 255, 255, 255, 0, 0, 0, 255]),
            Set::One(vni) => {
                let [a, b, c] = vni.to_be_bytes();
                Bits::new([8, 0, 0, 0, a, b, c, 0], [255; 8])
            }
            Set::Sorted(_) => Bits::NONE,
        };
        Self { address: port.and(local), vxlan: vni }
    }
}

/// A pattern of 64 bits in wire order: some of them, and the values that they must have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits {
    value: u64,
    mask: u64,
}

impl Bits {
    /// Matches every word.
    const ALL: Self = Self::new([0; 8], [0; 8]);
    /// Matches no word, even when combined with another by `and`: it requires a bit outside the
    /// mask, in the source port, which no rule tests.
    const NONE: Self = Self::new([0, 0, 0, 0, 1, 0, 0, 0], [0; 8]);

    const fn new(value: [u8; 8], mask: [u8; 8]) -> Self {
        Self { value: u64::from_ne_bytes(value), mask: u64::from_ne_bytes(mask) }
    }

    /// Matches the words that match both.
    const fn and(self, other: Self) -> Self {
        Self { value: self.value | other.value, mask: self.mask | other.mask }
    }

    #[inline(always)]
    pub(super) const fn matches(self, word: [u8; 8]) -> bool {
        u64::from_ne_bytes(word) & self.mask == self.value
    }
}
