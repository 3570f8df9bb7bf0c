//! The tunnel that says what the outer headers of a packet say.

use vtep::tunnel::{
    Adjacency, Df, InnerVlan, IpId, SourcePorts, Tos, Ttl, TunnelConfig, UdpChecksum,
};
use vtep::wire::{
    EtherType, EthernetFrame, Ipv4Flags, Ipv4Packet, Ipv6Packet, UdpDatagram, VxlanFrame,
    VxlanHeader,
};

/// What a tunnel can say of the outer headers of `frame`, but for the ECN field, which follows the inner
/// one. `None` for what no tunnel can say: IP options and extension headers, reserved bits, bytes behind
/// the IP or UDP length, more than one outer VLAN tag.
pub fn tunnel_of(frame: &[u8]) -> Option<TunnelConfig> {
    let frame = EthernetFrame::parse(frame).ok()?;
    let mut tags = frame.tags();
    let adjacency = Adjacency {
        destination: frame.header().destination(),
        source: frame.header().source(),
        tag: tags.next(),
    };
    if tags.next().is_some() {
        return None;
    }
    let (config, udp) = match frame.ethertype() {
        EtherType::IPV4 => over_ipv4(frame.payload(), adjacency)?,
        EtherType::IPV6 => over_ipv6(frame.payload(), adjacency)?,
        _ => return None,
    };
    with_datagram(config, udp)
}

fn over_ipv4(payload: &[u8], adjacency: Adjacency) -> Option<(TunnelConfig, &[u8])> {
    let packet = Ipv4Packet::parse(payload).ok()?;
    let header = packet.header();
    let has_trailer = payload.len() != usize::from(header.total_len());
    if has_trailer || !packet.options().is_empty() || header.flags().contains(Ipv4Flags::RESERVED) {
        return None;
    }
    let df = if header.flags().contains(Ipv4Flags::DONT_FRAGMENT) { Df::Set } else { Df::Unset };
    let config =
        TunnelConfig::linux(header.source().into(), header.destination().into(), adjacency)
            .ttl(Ttl::Fixed(header.ttl()))
            .tos(Tos::Fixed(header.traffic_class()))
            .df(df)
            .ip_id(IpId::Fixed(header.id()));
    Some((config, packet.payload()))
}

fn over_ipv6(payload: &[u8], adjacency: Adjacency) -> Option<(TunnelConfig, &[u8])> {
    let packet = Ipv6Packet::parse(payload).ok()?;
    let header = packet.header();
    let has_trailer = payload.len() != packet.payload_offset() + packet.payload().len();
    if has_trailer || !packet.extensions().is_empty() {
        return None;
    }
    let config =
        TunnelConfig::linux(header.source().into(), header.destination().into(), adjacency)
            .ttl(Ttl::Fixed(header.hop_limit()))
            .tos(Tos::Fixed(header.traffic_class()))
            .flow_label(header.flow_label())
            .zero_checksum_v6(true);
    Some((config, packet.payload()))
}

fn with_datagram(config: TunnelConfig, udp: &[u8]) -> Option<TunnelConfig> {
    let datagram = UdpDatagram::parse(udp).ok()?;
    let header = datagram.header();
    let vxlan = VxlanFrame::parse(datagram.payload()).ok()?;
    let (vni, gbp) = (vxlan.vni(), vxlan.header().gbp());
    let mut plain = VxlanHeader::new(vni);
    plain.set_gbp(gbp);
    if udp.len() != usize::from(header.length()) || *vxlan.header() != plain {
        return None;
    }
    let source = header.source_port();
    let checksum = if header.checksum() == 0 { UdpChecksum::None } else { UdpChecksum::Full };
    Some(
        config
            .vni(vni)
            .gbp(gbp)
            .port(header.destination_port())
            .source_ports(SourcePorts::inclusive(source, source).ok()?)
            .udp_checksum(checksum)
            .inner_vlan(InnerVlan::Keep),
    )
}
