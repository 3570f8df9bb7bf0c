//! The tunnel that says what the outer headers of a packet say.

use vtep::tunnel::{
    Adjacency, Df, InnerVlanTx, IpId, OuterDscp, SourcePorts, Ttl, TunnelConfig, UdpChecksum,
};
use vtep::wire::{
    EtherType, EthernetFrame, Ipv4Flags, Ipv4Packet, Ipv6Packet, UdpDatagram, VxlanFrame,
    VxlanHeader,
};

/// Why no tunnel can say what a packet says.
type Inexpressible = &'static str;

/// What no other reason covers.
pub const INEXPRESSIBLE: Inexpressible = "inexpressible";

/// Returns the tunnel that writes the outer headers of `frame`, save the ECN field: it follows from
/// the inner one.
///
/// # Errors
/// What no tunnel can say: IP options and extension headers, reserved bits, bytes after the IP or
/// UDP length, more than one outer VLAN tag.
pub fn tunnel_of(frame: &[u8]) -> Result<TunnelConfig, Inexpressible> {
    let frame = EthernetFrame::parse(frame).or(Err(INEXPRESSIBLE))?;
    let mut tags = frame.tags();
    let adjacency = Adjacency {
        destination: frame.header().destination(),
        source: frame.header().source(),
        tag: tags.next(),
    };
    if tags.next().is_some() {
        return Err("outer-tags");
    }
    let (config, udp) = match frame.ethertype() {
        EtherType::IPV4 => over_ipv4(frame.payload(), adjacency)?,
        EtherType::IPV6 => over_ipv6(frame.payload(), adjacency)?,
        _ => return Err(INEXPRESSIBLE),
    };
    with_datagram(config, udp)
}

fn over_ipv4(payload: &[u8], adjacency: Adjacency) -> Result<(TunnelConfig, &[u8]), Inexpressible> {
    let packet = Ipv4Packet::parse(payload).or(Err(INEXPRESSIBLE))?;
    let header = packet.header();
    if payload.len() != usize::from(header.total_len()) {
        return Err("ethernet-trailer");
    }
    if !packet.options().is_empty() {
        return Err("ip-options");
    }
    if header.flags().contains(Ipv4Flags::RESERVED) {
        return Err("ip-reserved-flag");
    }
    let df = if header.flags().contains(Ipv4Flags::DONT_FRAGMENT) { Df::Set } else { Df::Unset };
    let config =
        TunnelConfig::linux(header.source().into(), header.destination().into(), adjacency)
            .ttl(Ttl::Fixed(header.ttl()))
            .dscp(OuterDscp::Fixed(header.traffic_class()))
            .df(df)
            .ip_id(IpId::Fixed(header.id()));
    Ok((config, packet.payload()))
}

fn over_ipv6(payload: &[u8], adjacency: Adjacency) -> Result<(TunnelConfig, &[u8]), Inexpressible> {
    let packet = Ipv6Packet::parse(payload).or(Err(INEXPRESSIBLE))?;
    let header = packet.header();
    if payload.len() != packet.payload_offset() + packet.payload().len() {
        return Err("ethernet-trailer");
    }
    if !packet.extensions().is_empty() {
        return Err("ipv6-extensions");
    }
    let config =
        TunnelConfig::linux(header.source().into(), header.destination().into(), adjacency)
            .ttl(Ttl::Fixed(header.hop_limit()))
            .dscp(OuterDscp::Fixed(header.traffic_class()))
            .flow_label(header.flow_label())
            .zero_checksum_v6(true);
    Ok((config, packet.payload()))
}

fn with_datagram(config: TunnelConfig, udp: &[u8]) -> Result<TunnelConfig, Inexpressible> {
    let datagram = UdpDatagram::parse(udp).or(Err(INEXPRESSIBLE))?;
    let header = datagram.header();
    if udp.len() != usize::from(header.datagram_len()) {
        return Err("udp-trailer");
    }
    let vxlan = VxlanFrame::parse(datagram.payload()).or(Err(INEXPRESSIBLE))?;
    let (vni, gbp) = (vxlan.vni(), vxlan.header().gbp());
    let mut plain = VxlanHeader::new(vni);
    plain.set_gbp(gbp);
    if *vxlan.header() != plain {
        return Err("vxlan-reserved");
    }
    let source = header.source_port();
    let checksum = if header.checksum() == 0 { UdpChecksum::None } else { UdpChecksum::Full };
    Ok(config
        .vni(vni)
        .gbp(gbp)
        .port(header.destination_port())
        .source_ports(SourcePorts::inclusive(source, source).or(Err(INEXPRESSIBLE))?)
        .udp_checksum(checksum)
        .inner_vlan(InnerVlanTx::Keep))
}
