//! What encap has to know of the packet it is given: its flow, and the fields that the outer header
//! may inherit.

use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::kind;
use crate::tunnel::entropy::FlowHashKey;
use crate::verdict::DropReason;
use crate::wire::{
    EtherType, EthernetFrame, EthernetHeader, IpProtocol, Ipv4Flags, Ipv4Header, Ipv4Packet,
    Ipv6Header, Ipv6Packet, Layer, ParseError, ParseErrorKind, TrafficClass,
};

/// The inner packet, as far as the outer one depends on it.
#[derive(Clone, Copy)]
pub(in crate::tunnel) struct Inner {
    /// The hash of its flow: L3 fields alone for a fragment, MAC addresses where it is not IP.
    pub(in crate::tunnel) hash: u32,
    /// What is inherited; `None` where it is not IP.
    pub(in crate::tunnel) ip: Option<InnerIp>,
}

/// What an outer header may inherit.
#[derive(Clone, Copy)]
pub(in crate::tunnel) struct InnerIp {
    pub(in crate::tunnel) ethertype: EtherType,
    pub(in crate::tunnel) traffic_class: TrafficClass,
    pub(in crate::tunnel) ttl: u8,
    pub(in crate::tunnel) dont_fragment: bool,
}

/// The common frame: untagged, IPv4 without options, whose total length covers four bytes of
/// payload. What follows the total length is padding, and has no part in the flow.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct PlainFrame {
    ethernet: EthernetHeader,
    packet: PlainPacket,
}

#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct PlainPacket {
    ip: Ipv4Header,
    ports: [u8; PORTS],
}

/// The length of a source and a destination port.
const PORTS: usize = 4;

impl PlainPacket {
    #[inline]
    fn is_fast(&self) -> bool {
        self.ip.first_byte() == 0x45 && usize::from(self.ip.total_len()) >= size_of::<Self>()
    }
}

impl Inner {
    /// The EtherType of the inner packet; 0 where it is not IP.
    #[inline]
    pub(in crate::tunnel) fn ethertype(&self) -> EtherType {
        self.ip.map_or(EtherType::default(), |ip| ip.ethertype)
    }

    /// Dissects an Ethernet frame of the fast path; `None` for any other.
    #[inline]
    pub(in crate::tunnel) fn of_fast_frame(head: &[u8], key: FlowHashKey) -> Option<Self> {
        let (frame, _) = PlainFrame::ref_from_prefix(head).ok()?;
        let is_fast = frame.ethernet.ethertype() == EtherType::IPV4 && frame.packet.is_fast();
        is_fast.then(|| Self::v4(&frame.packet.ip, frame.packet.ports, key))
    }

    /// Dissects an IPv4 packet of the fast path; `None` for any other.
    #[inline]
    pub(in crate::tunnel) fn of_fast_packet(head: &[u8], key: FlowHashKey) -> Option<Self> {
        let (packet, _) = PlainPacket::ref_from_prefix(head).ok()?;
        packet.is_fast().then(|| Self::v4(&packet.ip, packet.ports, key))
    }

    #[inline]
    fn v4(header: &Ipv4Header, front: [u8; 4], key: FlowHashKey) -> Self {
        // All fragments of a datagram take one path, the first one too, though it has the ports.
        let has_ports = header.protocol().has_ports() && !header.is_fragment();
        let ports = if has_ports { front } else { [0; 4] };
        Self { hash: key.v4(header, ports), ip: Some(InnerIp::v4(header)) }
    }

    /// Looks at an Ethernet frame of `total` bytes, of which `head` are in the linear head.
    pub(in crate::tunnel) fn of_frame(
        head: &[u8],
        total: usize,
        key: FlowHashKey,
    ) -> Result<Self, DropReason> {
        if let Some(inner) = Self::of_fast_frame(head, key) {
            return Ok(inner);
        }
        if kind::is_packet(head, total) {
            return Err(DropReason::NotEthernet);
        }
        let is_chained = head.len() < total;
        let (header, _) = EthernetHeader::ref_from_prefix(head)
            .map_err(|error| refusal(error, is_chained, DropReason::InnerTruncated))?;
        let other = Self { hash: key.macs(header.destination(), header.source()), ip: None };
        let walked = EthernetFrame::parse(head).and_then(|frame| match frame.ethertype() {
            EtherType::IPV4 => Self::walk_v4(frame.payload(), is_chained, key),
            EtherType::IPV6 => Self::walk_v6(frame.payload(), is_chained, key),
            _ => Ok(other),
        });
        match walked {
            Err(error) if is_chained && is_truncated(error) => Err(DropReason::NotLinear),
            // A frame goes out whatever it claims to hold. Its first header says what is inherited,
            // as in Linux, even if what follows is malformed.
            walked => Ok(walked.unwrap_or_else(|_| Self { ip: InnerIp::of_frame(head), ..other })),
        }
    }

    /// Looks at an IPv4 or IPv6 packet of `total` bytes, of which `head` are in the linear head.
    pub(in crate::tunnel) fn of_packet(
        head: &[u8],
        total: usize,
        key: FlowHashKey,
    ) -> Result<Self, DropReason> {
        if let Some(inner) = Self::of_fast_packet(head, key) {
            return Ok(inner);
        }
        if kind::is_frame(head, total) {
            return Err(DropReason::NotIp);
        }
        let is_chained = head.len() < total;
        let walked = match head.first().map(|byte| byte >> 4) {
            Some(4) => Self::walk_v4(head, is_chained, key),
            _ => Self::walk_v6(head, is_chained, key),
        };
        walked.map_err(|error| refusal(error, is_chained, DropReason::NotIp))
    }

    fn walk_v4(head: &[u8], is_chained: bool, key: FlowHashKey) -> Result<Self, ParseError> {
        let packet = Ipv4Packet::parse_head(head)?;
        let header = packet.header();
        let has_ports = header.protocol().has_ports() && !header.is_fragment();
        let end = usize::from(header.total_len());
        let is_needed = has_ports && is_chained && end >= header.header_len().saturating_add(PORTS);
        let ports = front(packet.payload(), is_needed)?;
        Ok(Self::v4(header, ports, key))
    }

    fn walk_v6(head: &[u8], is_chained: bool, key: FlowHashKey) -> Result<Self, ParseError> {
        let packet = Ipv6Packet::parse_head(head)?;
        let header = packet.header();
        let (protocol, has_ports) = match packet.is_fragment() {
            true => (IpProtocol::FRAGMENT, false),
            false => (packet.protocol(), packet.protocol().has_ports()),
        };
        let end = Ipv6Header::LEN.saturating_add(usize::from(header.payload_len()));
        let is_needed =
            has_ports && is_chained && end >= packet.payload_offset().saturating_add(PORTS);
        let ports = front(packet.payload(), is_needed)?;
        Ok(Self {
            hash: key.v6(header, protocol, if has_ports { ports } else { [0; 4] }),
            ip: Some(InnerIp::v6(header)),
        })
    }
}

impl InnerIp {
    #[inline]
    const fn v4(header: &Ipv4Header) -> Self {
        Self {
            ethertype: EtherType::IPV4,
            traffic_class: header.traffic_class(),
            ttl: header.ttl(),
            dont_fragment: header.flags().contains(Ipv4Flags::DONT_FRAGMENT),
        }
    }

    const fn v6(header: &Ipv6Header) -> Self {
        Self {
            ethertype: EtherType::IPV6,
            traffic_class: header.traffic_class(),
            ttl: header.hop_limit(),
            dont_fragment: true,
        }
    }

    /// The header that the EtherType of a frame announces, whatever its bytes.
    fn of_frame(head: &[u8]) -> Option<Self> {
        let frame = EthernetFrame::parse(head).ok()?;
        match frame.ethertype() {
            EtherType::IPV4 => Some(Self::v4(Ipv4Header::ref_from_prefix(frame.payload()).ok()?.0)),
            EtherType::IPV6 => Some(Self::v6(Ipv6Header::ref_from_prefix(frame.payload()).ok()?.0)),
            _ => None,
        }
    }
}

/// The first four bytes of a payload, or zeros if it is shorter. They are `needed` if the IP length
/// covers them, and a payload that ends earlier here goes on in another segment.
fn front(payload: &[u8], needed: bool) -> Result<[u8; PORTS], ParseError> {
    match payload.first_chunk() {
        None if needed => Err(ParseError::truncated(Layer::Udp, PORTS, payload.len())),
        ports => Ok(ports.copied().unwrap_or_default()),
    }
}

const fn is_truncated(error: ParseError) -> bool {
    matches!(error.kind, ParseErrorKind::Truncated { .. })
}

/// Headers of a chained frame have to lie in its head; otherwise the frame is `reason`.
const fn refusal(error: ParseError, is_chained: bool, reason: DropReason) -> DropReason {
    if is_chained && is_truncated(error) { DropReason::NotLinear } else { reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const KEY: FlowHashKey = FlowHashKey::PUBLIC;

    /// flannel_udp_64flows.pcap, packet 1, its inner frame up to four bytes after the ports.
    const FRAME: [u8; 42] = [
        0x02, 0x42, 0x0a, 0x01, 0x12, 0x00, 0x02, 0x42, 0x0a, 0x01, 0x11, 0x00, 0x08, 0x00, 0x45,
        0x00, 0x00, 0x22, 0x00, 0x01, 0x00, 0x00, 0x3f, 0x11, 0x44, 0xbd, 0x0a, 0x01, 0x11, 0x05,
        0x0a, 0x01, 0x12, 0x07, 0x04, 0x57, 0x08, 0xae, 0x00, 0x0e, 0x00, 0x00,
    ];

    /// The packet with one word of options: NOP, NOP, NOP, end.
    fn with_options() -> Vec<u8> {
        let mut packet = FRAME[14..].to_vec();
        (packet[0], packet[3]) = (0x46, 0x26);
        packet.splice(20..20, [1, 1, 1, 0]);
        packet.extend([0; 10]);
        packet
    }

    fn v6(next_header: u8, behind: &[u8]) -> Vec<u8> {
        let len = u8::try_from(behind.len()).unwrap();
        let mut packet = [&[0x6b, 0x80, 0, 0, 0, len, next_header, 9][..], &[0xfd; 32]].concat();
        packet.extend(behind);
        packet
    }

    fn ethernet(ethertype: [u8; 2], packet: &[u8]) -> Vec<u8> {
        [&FRAME[..12], &ethertype, packet].concat()
    }

    fn hash(inner: Result<Inner, DropReason>) -> u32 {
        inner.unwrap_or_else(|reason| panic!("{reason}")).hash
    }

    #[test]
    fn the_fast_path_dissects_as_the_slow_path_does() {
        let packet = &FRAME[14..];
        let walked = Inner::walk_v4(packet, false, KEY).unwrap();
        for fast in [Inner::of_fast_frame(&FRAME, KEY), Inner::of_fast_packet(packet, KEY)] {
            let fast = fast.expect("a packet of the fast path");
            assert_eq!(fast.hash, walked.hash);
            assert_eq!(fast.ethertype(), EtherType::IPV4);
        }
        let options = ethernet([8, 0], &with_options());
        assert!(Inner::of_fast_frame(&options, KEY).is_none());
        let other = ethernet([0x86, 0xdd], packet);
        assert!(Inner::of_fast_frame(&other, KEY).is_none());
        // Options change nothing of the flow, but take the slow path.
        assert!(Inner::of_fast_packet(&with_options(), KEY).is_none());
        let total = with_options().len();
        assert_eq!(hash(Inner::of_packet(&with_options(), total, KEY)), walked.hash);
    }

    #[test]
    fn what_a_chained_packet_has_to_show() {
        let tcp = v6(6, &[1; 20]);
        let packets = [(with_options(), 24), (tcp, 40)];
        for (packet, header) in packets {
            let whole = hash(Inner::of_packet(&packet, packet.len(), KEY));
            for head in 0..packet.len() {
                let looked = Inner::of_packet(&packet[..head], packet.len(), KEY);
                match head < header + 4 {
                    true => assert_eq!(looked.err(), Some(DropReason::NotLinear), "{head}"),
                    false => assert_eq!(hash(looked), whole),
                }
            }
        }
        // No ports are needed of a fragment or of ICMP.
        for (at, value) in [(6, 0x20), (9, 1)] {
            let mut packet = with_options();
            packet[at] = value;
            assert!(Inner::of_packet(&packet[..24], packet.len(), KEY).is_ok());
        }
        let (fragment, echo) = (v6(44, &[6, 0, 0, 1, 0, 0, 0, 1, 9, 9]), v6(58, &[128, 0, 0, 0]));
        assert!(Inner::of_packet(&fragment[..48], fragment.len(), KEY).is_ok());
        assert!(Inner::of_packet(&echo[..40], echo.len(), KEY).is_ok());
    }

    #[test]
    fn a_whole_packet_that_is_cut_is_no_ip() {
        let packet = with_options();
        let looked = Inner::of_packet(&packet[..23], 23, KEY);
        assert_eq!(looked.err(), Some(DropReason::NotIp));
        assert_eq!(Inner::of_packet(&[0x12; 60], 60, KEY).err(), Some(DropReason::NotIp));
        assert_eq!(Inner::of_packet(&[0x12; 60], 90, KEY).err(), Some(DropReason::NotIp));
    }

    #[test]
    fn a_frame_goes_out_whatever_it_holds() {
        for (ethertype, packet) in [([8, 0], with_options()), ([0x86, 0xdd], v6(6, &[1; 20]))] {
            let frame = ethernet(ethertype, &packet);
            for head in 14..frame.len() {
                assert!(Inner::of_frame(&frame[..head], head, KEY).is_ok(), "{head}");
            }
            // Where the rest lies in another buffer, the headers have to lie in this one.
            let looked = |head| Inner::of_frame(&frame[..head], frame.len(), KEY);
            assert_eq!(looked(20).err(), Some(DropReason::NotLinear));
            assert_eq!(looked(10).err(), Some(DropReason::NotLinear));
            assert_eq!(
                hash(looked(frame.len() - 1)),
                hash(Inner::of_frame(&frame, frame.len(), KEY))
            );
        }
        assert_eq!(Inner::of_frame(&[0; 13], 13, KEY).err(), Some(DropReason::InnerTruncated));
        // Malformed, not cut: chained or not, it goes out.
        let frame = ethernet([8, 0], &[0x42; 40]);
        assert!(Inner::of_frame(&frame, 90, KEY).is_ok());
    }

    #[test]
    fn a_malformed_packet_is_inherited_from_by_its_first_header() {
        // The fragment header after it is cut short.
        let cut = ethernet([0x86, 0xdd], &v6(44, &[6, 0, 0]));
        let ip = Inner::of_frame(&cut, cut.len(), KEY).unwrap().ip.unwrap();
        assert_eq!(
            (ip.ethertype, ip.traffic_class, ip.ttl),
            (EtherType::IPV6, TrafficClass(0xb8), 9)
        );
        assert!(ip.dont_fragment);
        // The header length says more than there is.
        let mut cut = ethernet([8, 0], &FRAME[14..]);
        cut[14] = 0x4f;
        let ip = Inner::of_frame(&cut, cut.len(), KEY).unwrap().ip.unwrap();
        assert_eq!((ip.ethertype, ip.ttl, ip.dont_fragment), (EtherType::IPV4, 0x3f, false));
        let arp = ethernet([8, 6], &[0; 28]);
        assert!(Inner::of_frame(&arp, arp.len(), KEY).unwrap().ip.is_none());
    }

    /// All fragments of a datagram take one path: what each finds after its fragment header has no
    /// part in it.
    #[test]
    fn ipv6_fragments_hash_alike() {
        let of = |packet: &[u8]| hash(Inner::of_packet(packet, packet.len(), KEY));
        // The first one has destination options and UDP after them, a later one neither.
        let options = [17, 0, 1, 4, 0, 0, 0, 0];
        let first = v6(44, &[&[60, 0, 0, 1, 0, 0, 0, 1][..], &options, &[1; 16]].concat());
        let later = v6(44, &[&[60, 0, 0, 9, 0, 0, 0, 1][..], &[2; 24]].concat());
        let last = v6(44, &[&[60, 0, 0, 16, 0, 0, 0, 1][..], &[3; 4]].concat());
        assert_eq!([of(&later), of(&last)], [of(&first); 2]);
        // An atomic one is a whole packet, and has ports (RFC 6946).
        let atomic = |port: u8| v6(44, &[&[17, 0, 0, 0, 0, 0, 0, 1][..], &[port; 16]].concat());
        assert_ne!(of(&atomic(1)), of(&atomic(2)));
        assert_eq!(of(&atomic(1)), of(&v6(17, &[1; 16])));
        assert_ne!(of(&atomic(1)), of(&first));
    }
}
