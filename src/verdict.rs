//! The outcome of one packet, accepted or refused for one reason, and counters of both.
#![forbid(unsafe_code)]

use core::fmt;
use core::iter::Sum;
use core::ops::{AddAssign, Index};
use core::str::FromStr;

/// The outcome of one packet. It is one byte.
pub type Verdict = Result<(), DropReason>;

const _: () = assert!(size_of::<Verdict>() == 1);

macro_rules! drop_reasons {
    ($($(#[$doc:meta])+ $name:ident = $label:literal, $text:literal,)+) => {
        /// The reason why a packet was refused. The packet is unchanged.
        ///
        /// [`NotVxlan`](Self::NotVxlan), [`NotLocal`](Self::NotLocal) and
        /// [`Fragment`](Self::Fragment) are ordinary: the owner passes such a packet on, to its
        /// host stack or to reassembly.
        ///
        /// # Examples
        ///
        /// `Display` is for logs, [`as_str`](Self::as_str) for the label of a metric:
        ///
        /// ```
        /// use vtep::verdict::DropReason;
        ///
        /// let reason = DropReason::NotLocal;
        /// assert_eq!(reason.to_string(), "the outer destination is not an address of this VTEP");
        /// assert_eq!(reason.as_str(), "not-local");
        /// assert_eq!("not-local".parse(), Ok(reason));
        /// assert_eq!(DropReason::try_from(reason as u8), Ok(reason));
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum DropReason {
            $($(#[$doc])+ $name,)+
        }

        impl DropReason {
            /// Every reason, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];
            /// The number of reasons.
            pub const COUNT: usize = Self::ALL.len();

            /// The reason's name in kebab-case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)+
                }
            }
        }

        impl fmt::Display for DropReason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $text,)+
                })
            }
        }
    };
}

drop_reasons! {
    /// The frame has less space in front of it than the tunnel's headers need.
    NoHeadroom = "no-headroom", "the frame has less headroom than the tunnel's headers need",
    /// Bytes that are needed are not in the linear head of a chained buffer.
    NotLinear = "not-linear", "the headers are not in the linear head of the buffer",
    /// The inner packet exceeds the overlay's MTU. [`mtu`](crate::tunnel::mtu) builds the ICMP
    /// message about it.
    TooBig = "too-big", "the inner packet exceeds the overlay's MTU",
    /// The outer packet would exceed 65,535 bytes, the maximum of the IPv4, IPv6 and UDP length
    /// fields.
    TooLong = "too-long", "the outer packet would exceed 65535 bytes",
    /// A tunnel or VTEP that carries IP packets got something else.
    NotIp = "not-ip", "the inner packet is not an IP packet",
    /// A tunnel that carries Ethernet frames got a bare IP packet.
    NotEthernet = "not-ethernet", "the inner frame is a bare IP packet",
    /// The outer UDP checksum covers an inner one that is not filled in yet, and the headers do not
    /// show what it will be.
    PartialChecksum = "partial-checksum", "the inner checksum is not filled in yet",
    /// The route closure of a batch returned no tunnel.
    NoRoute = "no-route", "no tunnel leads to the destination",
    /// The packet is not UDP over IPv4 or IPv6 to one of the VTEP's ports.
    NotVxlan = "not-vxlan", "not UDP to a port of this VTEP",
    /// The outer destination address is not one of the VTEP's.
    NotLocal = "not-local", "the outer destination is not an address of this VTEP",
    /// The outer frame's VLAN tags are not those of the underlay.
    OuterVlan = "outer-vlan", "the outer VLAN tags are not those of the underlay",
    /// The outer packet is a fragment. A VTEP may discard it (RFC 7348 section 4.3).
    Fragment = "fragment", "the outer packet is a fragment",
    /// The packet ends before the outer headers do, or before their lengths say.
    Truncated = "truncated", "the packet ends before its outer headers say",
    /// The outer IP header's version, header length or extension headers are malformed.
    IpHeader = "ip-header", "the outer IP header is malformed",
    /// The outer IPv4 header checksum is wrong.
    IpChecksum = "ip-checksum", "the outer IPv4 header checksum is wrong",
    /// The UDP length is less than 8, or greater than the IP payload.
    UdpLength = "udp-length", "the outer UDP length is less than 8 or exceeds the IP payload",
    /// The outer UDP checksum is wrong.
    UdpChecksum = "udp-checksum", "the outer UDP checksum is wrong",
    /// The outer UDP checksum is zero over IPv6, and the VTEP has not opted in (RFC 6935 section
    /// 5).
    UdpChecksumMissing = "udp-checksum-missing", "the outer UDP checksum over IPv6 is absent",
    /// The UDP payload is shorter than a VXLAN header.
    VxlanTruncated = "vxlan-truncated", "the UDP payload is shorter than a VXLAN header",
    /// The I flag is clear: there is no valid VNI (RFC 7348 section 5).
    NoVni = "no-vni", "the VXLAN header has no valid VNI",
    /// The packet is VXLAN-GPE, which this crate does not read.
    UnsupportedGpe = "unsupported-gpe", "VXLAN-GPE is not supported",
    /// A reserved bit is set, and the VTEP rejects that as Linux does.
    ReservedBits = "reserved-bits", "a reserved bit of the VXLAN header is set",
    /// The VNI is not one of the VTEP's.
    UnknownVni = "unknown-vni", "the VNI is not one of this VTEP's",
    /// The inner frame is shorter than its Ethernet header, its VLAN tags or its IP header.
    InnerTruncated = "inner-truncated", "the inner frame is shorter than its headers",
    /// The inner source is the receiver's own MAC address: the frame went in a loop.
    OwnMac = "own-mac", "the inner source is the receiver's own MAC address",
    /// The inner destination is not the receiver's own MAC address, and it takes only packets for
    /// itself ([`Vtep::inner_ethernet`](crate::tunnel::Vtep::inner_ethernet)).
    InnerDestination = "inner-destination", "the inner destination is another MAC address",
    /// The inner frame is VLAN-tagged (RFC 7348 section 6.1).
    InnerVlan = "inner-vlan", "the inner frame is VLAN-tagged",
    /// Congestion was marked on an inner packet that cannot carry the mark (RFC 6040 section 4.2).
    EcnUnmarkable = "ecn-unmarkable", "congestion was marked on a packet without ECN",
}

impl core::error::Error for DropReason {}

impl TryFrom<u8> for DropReason {
    type Error = UnknownReasonNumber;

    /// Converts the number of a reason, `reason as u8`, back.
    fn try_from(number: u8) -> Result<Self, Self::Error> {
        Self::ALL.get(usize::from(number)).copied().ok_or(UnknownReasonNumber { number })
    }
}

impl FromStr for DropReason {
    type Err = ParseDropReasonError;

    /// Reads a name as [`as_str`](Self::as_str) returns it.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|reason| reason.as_str() == name);
        found.copied().ok_or(ParseDropReasonError { _private: () })
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for DropReason {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.as_str());
    }
}

/// A number that no [`DropReason`] has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct UnknownReasonNumber {
    /// The number.
    pub number: u8,
}

impl fmt::Display for UnknownReasonNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not the number of a drop reason", self.number)
    }
}

impl core::error::Error for UnknownReasonNumber {}

/// A text that is not the name of a [`DropReason`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ParseDropReasonError {
    _private: (),
}

impl fmt::Display for ParseDropReasonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the name of a drop reason")
    }
}

impl core::error::Error for ParseDropReasonError {}

/// The number of packets that were accepted, and of those refused for each reason. A plain value:
/// one a core, added up with `+=` or [`sum`](Iterator::sum). Counts wrap at 2^64.
///
/// # Examples
///
/// ```
/// use vtep::verdict::{DropCounters, DropReason};
///
/// let mut cores = [DropCounters::ZERO; 2];
/// cores[0].count_all(&[Ok(()), Err(DropReason::NotVxlan), Ok(())]);
/// cores[1].count(Err(DropReason::NotVxlan));
///
/// let total: DropCounters = cores.iter().sum();
/// assert_eq!((total.passed(), total[DropReason::NotVxlan]), (2, 2));
/// for (reason, count) in &total {
///     println!("vtep_dropped_total{{reason=\"{}\"}} {count}", reason.as_str());
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DropCounters {
    passed: u64,
    dropped: [u64; DropReason::COUNT],
}

impl DropCounters {
    /// All counts zero.
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

    /// The number of packets that were accepted.
    #[must_use]
    pub const fn passed(&self) -> u64 {
        self.passed
    }

    /// Returns the reasons that have occurred, with their counts, in the order of their number.
    #[must_use]
    pub fn iter(&self) -> Drops<'_> {
        Drops { reasons: DropReason::ALL.iter(), counters: self }
    }
}

impl DropCounters {
    fn add(&mut self, other: &Self) {
        self.passed = self.passed.wrapping_add(other.passed);
        for (count, more) in self.dropped.iter_mut().zip(&other.dropped) {
            *count = count.wrapping_add(*more);
        }
    }
}

impl Default for DropCounters {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Index<DropReason> for DropCounters {
    type Output = u64;

    /// The number of packets that were refused for `reason`.
    fn index(&self, reason: DropReason) -> &u64 {
        self.dropped.get(usize::from(reason as u8)).unwrap_or(&0)
    }
}

impl AddAssign<&Self> for DropCounters {
    /// Adds the counts of another core.
    fn add_assign(&mut self, other: &Self) {
        self.add(other);
    }
}

impl AddAssign for DropCounters {
    fn add_assign(&mut self, other: Self) {
        self.add(&other);
    }
}

impl<'a> Sum<&'a Self> for DropCounters {
    fn sum<I: Iterator<Item = &'a Self>>(counters: I) -> Self {
        let mut total = Self::ZERO;
        counters.for_each(|one| total.add(one));
        total
    }
}

impl Sum for DropCounters {
    fn sum<I: Iterator<Item = Self>>(counters: I) -> Self {
        let mut total = Self::ZERO;
        counters.for_each(|one| total.add(&one));
        total
    }
}

impl<'a> IntoIterator for &'a DropCounters {
    type Item = (DropReason, u64);
    type IntoIter = Drops<'a>;

    fn into_iter(self) -> Drops<'a> {
        self.iter()
    }
}

/// The reasons that have occurred, with their counts: see [`DropCounters::iter`].
#[derive(Clone, Debug)]
pub struct Drops<'a> {
    reasons: core::slice::Iter<'static, DropReason>,
    counters: &'a DropCounters,
}

impl Iterator for Drops<'_> {
    type Item = (DropReason, u64);

    fn next(&mut self) -> Option<Self::Item> {
        let counters = self.counters;
        let mut counted = self.reasons.by_ref().map(|reason| (*reason, counters[*reason]));
        counted.find(|(_, count)| *count != 0)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Drops<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        for (reason, count) in self.clone() {
            defmt::write!(f, "{}: {=u64} ", reason, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::string::ToString;
    use std::vec::Vec;

    #[test]
    fn reasons_are_numbered_and_named_apart() {
        for (number, reason) in DropReason::ALL.iter().enumerate() {
            let number = u8::try_from(number).unwrap();
            assert_eq!(DropReason::try_from(number), Ok(*reason));
            assert_eq!(*reason as u8, number);
            assert_eq!(reason.as_str().parse(), Ok(*reason));
            assert!(reason.as_str().bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase()));
        }
        let texts: BTreeSet<_> = DropReason::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), DropReason::COUNT);
    }

    #[test]
    fn other_numbers_and_names_are_no_reasons() {
        let number = u8::try_from(DropReason::COUNT).unwrap();
        assert_eq!(DropReason::try_from(number), Err(UnknownReasonNumber { number }));
        for name in ["", "not-locals", "Not-local", "the frame went in a loop"] {
            assert!(name.parse::<DropReason>().is_err(), "{name}");
        }
    }

    #[test]
    fn counters_count_add_up_and_list() {
        let mut one = DropCounters::ZERO;
        one.count_all(&[Ok(()), Err(DropReason::Fragment), Ok(()), Err(DropReason::EcnUnmarkable)]);
        let mut both = one;
        both += &one;
        assert_eq!((both.passed(), both[DropReason::Fragment]), (4, 2));
        let listed: Vec<_> = both.iter().collect();
        assert_eq!(listed, [(DropReason::Fragment, 2), (DropReason::EcnUnmarkable, 2)]);
        assert_eq!([one, one].iter().sum::<DropCounters>(), both);
        assert_eq!([one, one].into_iter().sum::<DropCounters>(), both);
        one += one;
        assert_eq!(one, both);
    }
}
