//! The layers of a packet, each as far as it can be read, whatever the verdict.

use std::net::IpAddr;

use serde::{Serialize, Serializer};
use vtep::wire::{
    EtherType, EthernetFrame, EthernetHeader, FragmentOffset, IpProtocol, Ipv4Flags, Ipv4Header,
    Ipv6Header, Ipv6Packet, MacAddr, PseudoHeader, UdpChecksumState, UdpDatagram, UdpHeader,
    VxlanHeader,
};

#[derive(Debug, Default, Serialize)]
pub struct Layers {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outer: Option<Outer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vxlan: Option<Vxlan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inner: Option<Inner>,
}

/// The outer IP and UDP headers. What the packet has not is null.
#[derive(Debug, Serialize)]
pub struct Outer {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub sport: Option<u16>,
    pub dport: Option<u16>,
    pub ttl: u8,
    pub tos: u8,
    pub df: Option<bool>,
    pub id: Option<u16>,
    /// Null without UDP, and when the datagram is not all there to sum: a fragment, or cut short.
    pub udp_checksum: Option<&'static str>,
    /// The IP length is 0 while bytes follow: the NIC was to fill it in, or it does not fit 16
    /// bits.
    #[serde(skip_serializing_if = "is_false")]
    pub length_zero: bool,
}

#[derive(Debug, Serialize)]
pub struct Vxlan {
    pub vni: u32,
    pub flags: u8,
    pub gbp: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dont_learn: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_applied: Option<bool>,
}

#[derive(Debug, Serialize)]
pub struct Inner {
    /// What the UDP length leaves to the inner frame; what was captured of it where that is 0, too.
    pub len: usize,
    #[serde(serialize_with = "as_text")]
    pub src: MacAddr,
    #[serde(serialize_with = "as_text")]
    pub dst: MacAddr,
    pub ethertype: u16,
    /// The length of the inner IP packet is 0 while bytes follow.
    #[serde(skip_serializing_if = "is_false")]
    pub length_zero: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn as_text<S: Serializer>(address: &MacAddr, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(address)
}

/// What is read as VXLAN, and whether its group policy is.
pub struct Reading<'a> {
    pub ports: &'a [u16],
    pub gbp: bool,
}

/// An IP payload as far as it was captured.
struct Transport<'a> {
    protocol: IpProtocol,
    payload: &'a [u8],
    pseudo: Option<PseudoHeader>,
    /// Neither a fragment nor cut short.
    whole: bool,
    /// Its front is the transport header.
    first: bool,
}

impl Layers {
    pub fn read(frame: &[u8], reading: &Reading<'_>) -> Self {
        let mut layers = Self::default();
        let Ok(frame) = EthernetFrame::parse(frame) else { return layers };
        let ip = match frame.ethertype() {
            EtherType::IPV4 => read_ipv4(frame.payload()),
            EtherType::IPV6 => read_ipv6(frame.payload()),
            _ => None,
        };
        let Some((mut outer, transport)) = ip else { return layers };
        if let Some(transport) = transport.filter(Transport::is_udp) {
            layers.read_udp(&mut outer, &transport, reading);
        }
        layers.outer = Some(outer);
        layers
    }

    fn read_udp(&mut self, outer: &mut Outer, transport: &Transport<'_>, reading: &Reading<'_>) {
        let Ok((header, rest)) = UdpHeader::ref_from_prefix(transport.payload) else { return };
        outer.sport = Some(header.source_port());
        outer.dport = Some(header.destination_port());
        outer.udp_checksum = udp_checksum(header, transport);
        if !reading.ports.contains(&header.destination_port()) {
            return;
        }
        let len = match usize::from(header.datagram_len()) {
            0 if outer.length_zero => rest.len(),
            len => len.saturating_sub(UdpHeader::LEN),
        };
        let payload = &rest[..len.min(rest.len())];
        let Ok((vxlan, rest)) = VxlanHeader::ref_from_prefix(payload) else { return };
        let gbp = vxlan.gbp().filter(|_| reading.gbp);
        self.vxlan = Some(Vxlan {
            vni: vxlan.vni().value(),
            flags: vxlan.flags().bits(),
            gbp: gbp.map(|gbp| gbp.group),
            dont_learn: gbp.map(|gbp| gbp.dont_learn),
            policy_applied: gbp.map(|gbp| gbp.policy_applied),
        });
        if vxlan.is_gpe() {
            return;
        }
        let Ok((inner, _)) = EthernetHeader::ref_from_prefix(rest) else { return };
        self.inner = Some(Inner {
            len: len - VxlanHeader::LEN,
            src: inner.source(),
            dst: inner.destination(),
            ethertype: inner.ethertype().0,
            length_zero: is_length_zero(rest),
        });
    }
}

/// Returns true if `frame` holds an IP packet whose length is 0.
fn is_length_zero(frame: &[u8]) -> bool {
    let Ok(frame) = EthernetFrame::parse(frame) else { return false };
    match frame.ethertype() {
        EtherType::IPV4 => read_ipv4(frame.payload()).is_some_and(|(ip, _)| ip.length_zero),
        EtherType::IPV6 => read_ipv6(frame.payload()).is_some_and(|(ip, _)| ip.length_zero),
        _ => false,
    }
}

impl Transport<'_> {
    fn is_udp(&self) -> bool {
        self.first && self.protocol == IpProtocol::UDP
    }
}

fn udp_checksum(header: &UdpHeader, transport: &Transport<'_>) -> Option<&'static str> {
    if header.checksum() == 0 {
        return Some("zero");
    }
    let datagram = UdpDatagram::parse(transport.payload).ok().filter(|_| transport.whole)?;
    Some(match datagram.checksum_state(&transport.pseudo?) {
        UdpChecksumState::Zero => "zero",
        UdpChecksumState::Good => "good",
        UdpChecksumState::Bad => "bad",
    })
}

fn read_ipv4(bytes: &[u8]) -> Option<(Outer, Option<Transport<'_>>)> {
    let (header, _) = Ipv4Header::ref_from_prefix(bytes).ok()?;
    if header.version() != 4 || header.header_len() < Ipv4Header::LEN {
        return None;
    }
    let (source, destination) = (header.source(), header.destination());
    let length_zero = header.total_len() == 0;
    let outer = Outer {
        src: IpAddr::V4(source),
        dst: IpAddr::V4(destination),
        sport: None,
        dport: None,
        ttl: header.ttl(),
        tos: header.traffic_class().0,
        df: Some(header.flags().contains(Ipv4Flags::DONT_FRAGMENT)),
        id: Some(header.id()),
        udp_checksum: None,
        length_zero,
    };
    let total_len = if length_zero { bytes.len() } else { header.total_len().into() };
    let payload = bytes.get(header.header_len()..total_len.min(bytes.len()));
    let transport = payload.map(|payload| Transport {
        protocol: header.protocol(),
        payload,
        pseudo: Some(PseudoHeader::v4(source, destination, header.protocol())),
        whole: !length_zero && !header.is_fragment() && total_len <= bytes.len(),
        first: header.fragment_offset() == FragmentOffset::default(),
    });
    Some((outer, transport))
}

fn read_ipv6(bytes: &[u8]) -> Option<(Outer, Option<Transport<'_>>)> {
    let (header, rest) = Ipv6Header::ref_from_prefix(bytes).ok()?;
    if header.version() != 6 {
        return None;
    }
    // With no next header a length of 0 is right: what follows is padding.
    let length_zero = header.payload_len() == 0
        && header.next_header() != IpProtocol::NO_NEXT_HEADER
        && !rest.is_empty();
    let outer = Outer {
        src: IpAddr::V6(header.source()),
        dst: IpAddr::V6(header.destination()),
        sport: None,
        dport: None,
        ttl: header.hop_limit(),
        tos: header.traffic_class().0,
        df: None,
        id: None,
        udp_checksum: None,
        length_zero,
    };
    let transport = if length_zero { jumbo(bytes) } else { after_extensions(bytes) };
    Some((outer, transport))
}

/// The transport after the extension headers, or `None` if these are not whole.
fn after_extensions(bytes: &[u8]) -> Option<Transport<'_>> {
    let packet = Ipv6Packet::parse_head(bytes).ok()?;
    let end = Ipv6Header::LEN + usize::from(packet.header().payload_len());
    Some(transport(&packet, packet.payload(), end <= bytes.len()))
}

/// The transport of a packet whose payload length is 0: all that was captured, with or without the
/// jumbo payload option of RFC 2675. The headers are read in a copy with the greatest payload
/// length.
fn jumbo(bytes: &[u8]) -> Option<Transport<'_>> {
    let mut copy = bytes.to_vec();
    let (header, _) = Ipv6Header::mut_from_prefix(&mut copy).ok()?;
    header.set_payload_len(u16::MAX);
    let packet = Ipv6Packet::parse_head(&copy).ok()?;
    Some(transport(&packet, bytes.get(packet.payload_offset()..)?, false))
}

fn transport<'a>(packet: &Ipv6Packet<'_>, payload: &'a [u8], whole: bool) -> Transport<'a> {
    let first = |offset| offset == FragmentOffset::default();
    Transport {
        protocol: packet.protocol(),
        payload,
        pseudo: packet.pseudo_header(),
        whole: whole && !packet.is_fragment(),
        first: packet.fragment().is_none_or(|fragment| first(fragment.offset())),
    }
}
