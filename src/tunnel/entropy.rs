//! The outer source port: entropy for the underlay's ECMP from a hash of the inner flow (RFC 7348
//! section 5, Linux `udp_flow_src_port`).

use core::fmt;

use crate::wire::{IpProtocol, Ipv4Header, Ipv6Header, MacAddr};

/// The key of the flow hash.
///
/// Every packet of a flow has to get the same port, so all cores that serve a tunnel take the same
/// key. Where strangers choose the inner packets, take a key they do not know: without it they
/// cannot aim flows at one port, and so at one path of the underlay. It resists guessing, not a
/// cryptanalyst.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowHashKey([u64; 2]);

impl FlowHashKey {
    /// A known key, for tests and for underlays where nobody aims: the first 128 bits of the
    /// fraction of pi.
    pub const PUBLIC: Self = Self([0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344]);

    /// A key from 16 bytes that were drawn at random.
    #[must_use]
    pub const fn new(random: [u8; 16]) -> Self {
        let bits = u128::from_le_bytes(random);
        #[allow(clippy::cast_possible_truncation, reason = "the two halves of a u128")]
        Self([bits as u64, (bits >> 64) as u64])
    }
}

/// The key does not show in logs.
impl fmt::Debug for FlowHashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlowHashKey(..)")
    }
}

impl FlowHashKey {
    /// Folds the 128-bit product of two keyed words: every bit of both reaches every bit of the
    /// result.
    #[inline]
    fn mix(self, a: u64, b: u64) -> u64 {
        let [key_a, key_b] = self.0;
        let product = u128::from(a ^ key_a).wrapping_mul(u128::from(b ^ key_b));
        #[allow(clippy::cast_possible_truncation, reason = "the two halves of a u128")]
        let folded = (product as u64) ^ ((product >> 64) as u64);
        folded
    }

    /// The hash of an IPv4 flow. `ports` are the first four bytes after the header, or zero for a
    /// fragment and for a protocol that has none.
    #[inline]
    pub(super) fn v4(self, header: &Ipv4Header, ports: [u8; 4]) -> u32 {
        let [a, b, c, d] = header.source().octets();
        let [e, f, g, h] = header.destination().octets();
        let addresses = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        high_half(self.mix(addresses, protocol_and_ports(header.protocol(), ports)))
    }

    /// The hash of an IPv6 flow: addresses, protocol and ports. The flow label is not used: Linux
    /// changes that of a TCP connection which stalls (`sk_rethink_txhash`).
    #[inline]
    pub(super) fn v6(self, header: &Ipv6Header, protocol: IpProtocol, ports: [u8; 4]) -> u32 {
        let [source, destination] = [header.source(), header.destination()].map(halves);
        let source = self.mix(source[0], source[1]);
        let destination = self.mix(destination[0], destination[1] ^ source);
        high_half(
            self.mix(source ^ destination.rotate_left(32), protocol_and_ports(protocol, ports)),
        )
    }

    /// The hash of a frame that is not IP: its MAC addresses.
    #[inline]
    pub(super) fn macs(self, destination: MacAddr, source: MacAddr) -> u32 {
        let word = |mac: MacAddr| {
            let [a, b, c, d, e, f] = mac.octets();
            u64::from_be_bytes([0, 0, a, b, c, d, e, f])
        };
        high_half(self.mix(word(destination), word(source)))
    }
}

fn halves(address: core::net::Ipv6Addr) -> [u64; 2] {
    let bits = address.to_bits();
    #[allow(clippy::cast_possible_truncation, reason = "the two halves of a u128")]
    [(bits >> 64) as u64, bits as u64]
}

#[inline]
fn protocol_and_ports(protocol: IpProtocol, ports: [u8; 4]) -> u64 {
    u64::from(u32::from_le_bytes(ports)) | u64::from(protocol.0) << 32
}

#[inline]
#[allow(clippy::cast_possible_truncation, reason = "a shift by 32 leaves 32 bits")]
const fn high_half(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// The range that outer source ports come from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SourcePorts {
    min: u16,
    /// How many ports, less one: so that all 65,536 fit.
    span: u16,
}

impl SourcePorts {
    /// 49152 to 65535, the dynamic ports that RFC 7348 section 5 recommends.
    pub const RFC7348: Self = Self { min: 49_152, span: 16_383 };
    /// The Linux default: 32768 to 60998, from `net.ipv4.ip_local_port_range` 32768 60999.
    pub const LINUX: Self = Self { min: 32_768, span: 28_230 };

    /// The ports `min` to `max`, both included. `min == max` is one fixed port.
    ///
    /// # Errors
    /// [`EmptyPortRange`] when `min` is greater than `max`.
    pub const fn inclusive(min: u16, max: u16) -> Result<Self, EmptyPortRange> {
        match max.checked_sub(min) {
            Some(span) => Ok(Self { min, span }),
            None => Err(EmptyPortRange { min, max }),
        }
    }

    /// The ports that Linux uses for `srcport min max`: `max` itself never comes out
    /// (`udp_flow_src_port`).
    ///
    /// # Errors
    /// [`EmptyPortRange`] when `min` is not less than `max`.
    pub const fn linux(min: u16, max: u16) -> Result<Self, EmptyPortRange> {
        match max.checked_sub(min) {
            None | Some(0) => Err(EmptyPortRange { min, max }),
            Some(count) => Ok(Self { min, span: count.wrapping_sub(1) }),
        }
    }

    /// The least port.
    #[must_use]
    pub const fn min(self) -> u16 {
        self.min
    }

    /// The greatest port, included.
    #[must_use]
    pub const fn max(self) -> u16 {
        self.min.wrapping_add(self.span)
    }

    /// The port for a flow hash, as Linux scales it: the hash folded on itself, times the number of
    /// ports, divided by 2^32.
    #[must_use]
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the quotient is at most the span")]
    pub const fn port(self, hash: u32) -> u16 {
        let hash = hash ^ hash << 16;
        let count = (self.span as u64).wrapping_add(1);
        let offset = (hash as u64).wrapping_mul(count) >> 32;
        self.min.wrapping_add(offset as u16)
    }
}

/// A range of ports that has none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EmptyPortRange {
    /// The lower bound.
    pub min: u16,
    /// The upper bound.
    pub max: u16,
}

impl fmt::Display for EmptyPortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no source port from {} to {}", self.min, self.max)
    }
}

impl core::error::Error for EmptyPortRange {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_scale_as_in_linux() {
        let linux = SourcePorts::linux(32_768, 60_999).unwrap();
        assert_eq!(linux, SourcePorts::LINUX);
        let dynamic = SourcePorts::linux(49_152, 65_535).unwrap();
        for (hash, in_linux, in_dynamic, inclusive) in [
            (0x0000_0001, 32_768, 49_152, 49_152),
            (0x1234_5678, 40_299, 53_522, 53_523),
            (0xdead_beef, 43_383, 55_312, 55_312),
            (0xffff_ffff, 32_768, 49_152, 49_152),
            (0x8000_0000, 46_883, 57_343, 57_344),
            (0x0000_ffff, 60_998, 65_534, 65_535),
        ] {
            assert_eq!(linux.port(hash), in_linux, "{hash:08x}");
            assert_eq!(dynamic.port(hash), in_dynamic, "{hash:08x}");
            assert_eq!(SourcePorts::RFC7348.port(hash), inclusive, "{hash:08x}");
        }
    }

    #[test]
    fn ranges_of_one_of_all_and_of_none() {
        let one = SourcePorts::inclusive(7, 7).unwrap();
        assert_eq!((one.port(0), one.port(u32::MAX), one.port(0xffff)), (7, 7, 7));
        let all = SourcePorts::inclusive(0, 65_535).unwrap();
        assert_eq!((all.port(0), all.port(0xffff), all.max()), (0, 65_535, 65_535));
        assert_eq!(SourcePorts::inclusive(8, 7), Err(EmptyPortRange { min: 8, max: 7 }));
        assert_eq!(SourcePorts::linux(7, 7), Err(EmptyPortRange { min: 7, max: 7 }));
    }

    #[test]
    fn each_part_of_a_flow_moves_the_hash() {
        let key = FlowHashKey::PUBLIC;
        let header = |source: u8, protocol| {
            Ipv4Header::new([10, 0, 0, source].into(), [10, 0, 1, 1].into(), protocol)
        };
        let base = key.v4(&header(1, IpProtocol::UDP), [0, 1, 0, 2]);
        for other in [
            key.v4(&header(2, IpProtocol::UDP), [0, 1, 0, 2]),
            key.v4(&header(1, IpProtocol::TCP), [0, 1, 0, 2]),
            key.v4(&header(1, IpProtocol::UDP), [0, 1, 0, 3]),
            key.v4(&header(1, IpProtocol::UDP), [0, 2, 0, 1]),
            FlowHashKey::new([1; 16]).v4(&header(1, IpProtocol::UDP), [0, 1, 0, 2]),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn many_flows_spread_evenly() {
        // 64 Ki flows that differ in one port over 1024 buckets of source ports: 64 each on
        // average.
        let header = Ipv4Header::new([10, 1, 17, 5].into(), [10, 1, 18, 7].into(), IpProtocol::UDP);
        let mut buckets = [0u32; 1024];
        for port in 0..=u16::MAX {
            let [high, low] = port.to_be_bytes();
            let hash = FlowHashKey::PUBLIC.v4(&header, [high, low, 0x23, 0x28]);
            buckets[usize::from(SourcePorts::RFC7348.port(hash) - 49_152) / 16] += 1;
        }
        let (least, most) = (buckets.iter().min().unwrap(), buckets.iter().max().unwrap());
        assert!(*least > 24 && *most < 128, "{least} to {most}");
    }
}
