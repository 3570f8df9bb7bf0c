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
    /// What the UDP length leaves to the inner frame.
    pub len: u16,
    #[serde(serialize_with = "as_text")]
    pub src: MacAddr,
    #[serde(serialize_with = "as_text")]
    pub dst: MacAddr,
    pub ethertype: u16,
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
        let len = usize::from(header.length()).saturating_sub(UdpHeader::LEN);
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
            len: header.length() - (UdpHeader::LEN + VxlanHeader::LEN) as u16,
            src: inner.source(),
            dst: inner.destination(),
            ethertype: inner.ethertype().0,
        });
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
    };
    let total_len = usize::from(header.total_len());
    let payload = bytes.get(header.header_len()..total_len.min(bytes.len()));
    let transport = payload.map(|payload| Transport {
        protocol: header.protocol(),
        payload,
        pseudo: Some(PseudoHeader::v4(source, destination, header.protocol())),
        whole: !header.is_fragment() && total_len <= bytes.len(),
        first: header.fragment_offset() == FragmentOffset::default(),
    });
    Some((outer, transport))
}

fn read_ipv6(bytes: &[u8]) -> Option<(Outer, Option<Transport<'_>>)> {
    let (header, rest) = Ipv6Header::ref_from_prefix(bytes).ok()?;
    if header.version() != 6 {
        return None;
    }
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
    };
    // Without the whole of the extension headers there is no telling what is behind them.
    let transport = Ipv6Packet::parse_head(bytes).ok().map(|packet| Transport {
        protocol: packet.protocol(),
        payload: packet.payload(),
        pseudo: packet.pseudo_header(),
        whole: !packet.is_fragment() && usize::from(header.payload_len()) <= rest.len(),
        first: packet
            .fragment()
            .is_none_or(|fragment| fragment.offset() == FragmentOffset::default()),
    });
    Some((outer, transport))
}
