//! What became of a packet: it passed, or one reason why not; and counters of both.
#![forbid(unsafe_code)]

use core::fmt;

/// What became of one packet. It is one byte.
pub type Verdict = Result<(), DropReason>;

const _: () = assert!(size_of::<Verdict>() == 1);

macro_rules! drop_reasons {
    ($($(#[$doc:meta])+ $name:ident = $text:literal,)+) => {
        /// Why a packet was refused. The packet is as it was.
        ///
        /// [`NotVxlan`](Self::NotVxlan), [`NotLocal`](Self::NotLocal) and [`Fragment`](Self::Fragment) are
        /// ordinary: the owner passes such a packet on, to its host stack or to reassembly.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum DropReason {
            $($(#[$doc])+ $name,)+
        }

        impl DropReason {
            /// Every reason, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];
            /// How many reasons there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The reason's name in kebab-case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

drop_reasons! {
    /// The frame has fewer bytes of room in front of it than the tunnel's headers.
    NoHeadroom = "no-headroom",
    /// The bytes that are needed do not lie in the linear head of a chained buffer.
    NotLinear = "not-linear",
    /// The inner packet exceeds the overlay's MTU. [`mtu`](crate::tunnel::mtu) builds the ICMP answer.
    TooBig = "too-big",
    /// The outer packet would exceed 65,535 bytes, the most that IPv4, IPv6 and UDP length fields say.
    TooLong = "too-long",
    /// A tunnel that carries IP packets was given something else.
    NotIp = "not-ip",
    /// The outer UDP checksum has to cover an inner one that the NIC has yet to fill, and the headers do
    /// not show what it will be.
    PartialChecksum = "partial-checksum",
    /// The route closure of a batch named no tunnel.
    NoRoute = "no-route",
    /// Not UDP over IPv4 or IPv6 to one of the VTEP's ports.
    NotVxlan = "not-vxlan",
    /// The outer destination address is none of the VTEP's.
    NotLocal = "not-local",
    /// The outer frame's VLAN tags are not those of the underlay.
    OuterVlan = "outer-vlan",
    /// The outer packet is a fragment. A VTEP may discard it (RFC 7348 section 4.3).
    Fragment = "fragment",
    /// The packet ends before the outer headers do, or before their lengths say.
    Truncated = "truncated",
    /// The outer IP header's version, header length or extension headers are malformed.
    IpHeader = "ip-header",
    /// The outer IPv4 header checksum is wrong.
    IpChecksum = "ip-checksum",
    /// The UDP length is less than 8, or more than the IP payload.
    UdpLength = "udp-length",
    /// The outer UDP checksum is wrong.
    UdpChecksum = "udp-checksum",
    /// The outer UDP checksum is zero over IPv6, and the VTEP has not opted in (RFC 6935 section 5).
    UdpChecksumMissing = "udp-checksum-missing",
    /// The UDP payload is shorter than a VXLAN header.
    VxlanTruncated = "vxlan-truncated",
    /// The I flag is clear: there is no valid VNI (RFC 7348 section 5).
    NoVni = "no-vni",
    /// It is VXLAN-GPE, which this crate does not read.
    UnsupportedGpe = "unsupported-gpe",
    /// A reserved bit is set, and the VTEP rejects that as Linux does.
    ReservedBits = "reserved-bits",
    /// The VNI is none of the VTEP's.
    UnknownVni = "unknown-vni",
    /// The inner frame is shorter than its Ethernet header, its VLAN tags or its IP header.
    InnerTruncated = "inner-truncated",
    /// The inner source is the receiver's own MAC address: the frame went in a loop.
    OwnMac = "own-mac",
    /// The inner frame is VLAN-tagged (RFC 7348 section 6.1).
    InnerVlan = "inner-vlan",
    /// Congestion was marked on an inner packet that cannot carry the mark (RFC 6040 section 4.2).
    EcnUnmarkable = "ecn-unmarkable",
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::error::Error for DropReason {}

/// How many packets passed, and how many were refused for each reason. A plain value: one a core, added up
/// with [`merge`](Self::merge). Counts wrap at 2^64.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DropCounters {
    passed: u64,
    dropped: [u64; DropReason::COUNT],
}

impl DropCounters {
    /// All zero.
    pub const ZERO: Self = Self { passed: 0, dropped: [0; DropReason::COUNT] };

    /// Counts one packet.
    #[inline]
    pub fn count(&mut self, verdict: Verdict) {
        match verdict {
            Ok(()) => self.passed = self.passed.wrapping_add(1),
            Err(reason) => {
                if let Some(count) = self.dropped.get_mut(usize::from(reason as u8)) {
                    *count = count.wrapping_add(1);
                }
            }
        }
    }

    /// Counts every packet of a batch.
    #[inline]
    pub fn count_all(&mut self, verdicts: &[Verdict]) {
        for verdict in verdicts {
            self.count(*verdict);
        }
    }

    /// How many packets passed.
    #[must_use]
    pub const fn passed(&self) -> u64 {
        self.passed
    }

    /// How many packets were refused for `reason`.
    #[must_use]
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped.get(usize::from(reason as u8)).copied().unwrap_or(0)
    }

    /// The reasons that have occurred, with their counts, in the order of their number.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        let counts = DropReason::ALL.iter().copied().zip(self.dropped);
        counts.filter(|(_, count)| *count != 0)
    }

    /// Adds what another core counted.
    pub fn merge(&mut self, other: &Self) {
        self.passed = self.passed.wrapping_add(other.passed);
        for (count, more) in self.dropped.iter_mut().zip(other.dropped) {
            *count = count.wrapping_add(more);
        }
    }
}

impl Default for DropCounters {
    fn default() -> Self {
        Self::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn reasons_are_numbered_and_named_apart() {
        for (number, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, number);
            let others = DropReason::ALL.iter().filter(|other| other.as_str() == reason.as_str());
            assert_eq!(others.count(), 1);
            assert!(reason.as_str().bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase()));
        }
    }

    #[test]
    fn counters_count_merge_and_list() {
        let mut one = DropCounters::ZERO;
        one.count_all(&[Ok(()), Err(DropReason::Fragment), Ok(()), Err(DropReason::EcnUnmarkable)]);
        let mut both = one;
        both.merge(&one);
        assert_eq!((both.passed(), both.dropped(DropReason::Fragment)), (4, 2));
        let listed: Vec<_> = both.iter().collect();
        assert_eq!(listed, [(DropReason::Fragment, 2), (DropReason::EcnUnmarkable, 2)]);
    }
}
