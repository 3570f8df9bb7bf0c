//! What encap has to know of the packet it is given: its flow, and the fields that the outer header may
//! inherit.

use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::FlowKey;
use crate::verdict::DropReason;
use crate::wire::{
    EtherType, EthernetFrame, EthernetHeader, IpProtocol, Ipv4Flags, Ipv4Header, Ipv4Packet,
    Ipv6Header, Ipv6Packet, Layer, ParseError, ParseErrorKind, TrafficClass,
};

/// The inner packet, as far as the outer one depends on it.
#[derive(Clone, Copy)]
pub(super) struct Inner {
    /// The hash of its flow: L3 fields alone for a fragment, MAC addresses where it is not IP.
    pub(super) hash: u32,
    /// What is inherited; `None` where it is not IP.
    pub(super) ip: Option<InnerIp>,
}

/// What an outer header may inherit.
#[derive(Clone, Copy)]
pub(super) struct InnerIp {
    pub(super) ethertype: EtherType,
    pub(super) traffic_class: TrafficClass,
    pub(super) ttl: u8,
    pub(super) dont_fragment: bool,
}

/// The usual frame: untagged, IPv4 without options, and something behind it.
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
    ports: [u8; 4],
}

impl PlainPacket {
    #[inline]
    fn is_usual(&self) -> bool {
        self.ip.first_byte() == 0x45
    }
}

impl Inner {
    /// The EtherType of the inner packet; 0 where it is not IP.
    #[inline]
    pub(super) fn ethertype(&self) -> EtherType {
        self.ip.map_or(EtherType::default(), |ip| ip.ethertype)
    }

    /// Looks at an Ethernet frame; `None` if it is not the usual one.
    #[inline]
    pub(super) fn of_usual_frame(head: &[u8], key: FlowKey) -> Option<Self> {
        let (frame, _) = PlainFrame::ref_from_prefix(head).ok()?;
        let is_usual = frame.ethernet.ethertype() == EtherType::IPV4 && frame.packet.is_usual();
        is_usual.then(|| Self::v4(&frame.packet.ip, frame.packet.ports, key))
    }

    /// Looks at an IPv4 packet; `None` if it is not the usual one.
    #[inline]
    pub(super) fn of_usual_packet(head: &[u8], key: FlowKey) -> Option<Self> {
        let (packet, _) = PlainPacket::ref_from_prefix(head).ok()?;
        packet.is_usual().then(|| Self::v4(&packet.ip, packet.ports, key))
    }

    #[inline]
    fn v4(header: &Ipv4Header, front: [u8; 4], key: FlowKey) -> Self {
        // All fragments of a datagram take one path, the first one too, though it has the ports.
        let has_ports = header.protocol().has_ports() && !header.is_fragment();
        let ports = if has_ports { front } else { [0; 4] };
        Self { hash: key.v4(header, ports), ip: Some(InnerIp::v4(header)) }
    }

    /// Looks at an Ethernet frame of `total` bytes, of which `head` are at hand.
    pub(super) fn of_frame(head: &[u8], total: usize, key: FlowKey) -> Result<Self, DropReason> {
        if let Some(usual) = Self::of_usual_frame(head, key) {
            return Ok(usual);
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
            // A frame goes out whatever it claims to hold. Its first header says what is inherited, as in
            // Linux, even if what follows is malformed.
            walked => Ok(walked.unwrap_or_else(|_| Self { ip: InnerIp::of_frame(head), ..other })),
        }
    }

    /// Looks at an IPv4 or IPv6 packet of `total` bytes, of which `head` are at hand.
    pub(super) fn of_packet(head: &[u8], total: usize, key: FlowKey) -> Result<Self, DropReason> {
        if let Some(usual) = Self::of_usual_packet(head, key) {
            return Ok(usual);
        }
        let is_chained = head.len() < total;
        let walked = match head.first().map(|byte| byte >> 4) {
            Some(4) => Self::walk_v4(head, is_chained, key),
            _ => Self::walk_v6(head, is_chained, key),
        };
        walked.map_err(|error| refusal(error, is_chained, DropReason::NotIp))
    }

    fn walk_v4(head: &[u8], is_chained: bool, key: FlowKey) -> Result<Self, ParseError> {
        let packet = Ipv4Packet::parse_head(head)?;
        let header = packet.header();
        let has_ports = header.protocol().has_ports() && !header.is_fragment();
        let ports = front(packet.payload(), has_ports && is_chained)?;
        Ok(Self::v4(header, ports, key))
    }

    fn walk_v6(head: &[u8], is_chained: bool, key: FlowKey) -> Result<Self, ParseError> {
        let packet = Ipv6Packet::parse_head(head)?;
        let header = packet.header();
        let (protocol, has_ports) = match packet.is_fragment() {
            true => (IpProtocol::FRAGMENT, false),
            false => (packet.protocol(), packet.protocol().has_ports()),
        };
        let ports = front(packet.payload(), has_ports && is_chained)?;
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

/// The first four bytes of a payload. Where a short payload goes on in another segment they are `needed`.
fn front(payload: &[u8], needed: bool) -> Result<[u8; 4], ParseError> {
    match payload.first_chunk() {
        None if needed => Err(ParseError::truncated(Layer::Udp, 4, payload.len())),
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
