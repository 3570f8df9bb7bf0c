//! pnet_packet: mutable views with a setter for each field. It knows VXLAN.

use pnet_packet::Packet;
use pnet_packet::ethernet::{EtherTypes, EthernetPacket, MutableEthernetPacket};
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv4::{self, Ipv4Flags, Ipv4Packet, MutableIpv4Packet};
use pnet_packet::udp::{MutableUdpPacket, UdpPacket};
use pnet_packet::vxlan::{MutableVxlanPacket, VxlanPacket};

use crate::job::{OUTER, Outer, PORT, Peer, Received, Sender, TTL, lengths, ports, source_port};

pub struct Pnet;

fn is_fragment(ip: &Ipv4Packet<'_>) -> bool {
    ip.get_flags() & Ipv4Flags::MoreFragments != 0 || ip.get_fragment_offset() != 0
}

impl Peer for Pnet {
    #[inline]
    fn encap(outer: &Outer, room: &mut [u8; OUTER], frame: &[u8]) -> Option<()> {
        let ethernet = EthernetPacket::new(frame)?;
        if ethernet.get_ethertype() != EtherTypes::Ipv4 {
            return None;
        }
        let inner = Ipv4Packet::new(ethernet.payload())?;
        let protocol = inner.get_next_level_protocol().0;
        let ports = ports(protocol, is_fragment(&inner), inner.payload());
        let source = source_port(inner.get_source(), inner.get_destination(), protocol, ports);
        let (total_len, udp_len) = lengths(frame)?;

        let (link, rest) = room.split_at_mut_checked(14)?;
        let (network, rest) = rest.split_at_mut_checked(20)?;
        let (transport, rest) = rest.split_at_mut_checked(8)?;
        let mut link = MutableEthernetPacket::new(link)?;
        link.set_destination(outer.next_hop.into());
        link.set_source(outer.source_mac.into());
        link.set_ethertype(EtherTypes::Ipv4);
        let mut ip = MutableIpv4Packet::new(network)?;
        ip.set_version(4);
        ip.set_header_length(5);
        ip.set_dscp(0);
        ip.set_ecn(inner.get_ecn());
        ip.set_total_length(total_len);
        ip.set_identification(0);
        ip.set_flags(Ipv4Flags::DontFragment);
        ip.set_fragment_offset(0);
        ip.set_ttl(TTL);
        ip.set_next_level_protocol(IpNextHeaderProtocols::Udp);
        ip.set_source(outer.local);
        ip.set_destination(outer.remote);
        ip.set_checksum(ipv4::checksum(&ip.to_immutable()));
        let mut udp = MutableUdpPacket::new(transport)?;
        udp.set_source(source);
        udp.set_destination(PORT);
        udp.set_length(udp_len);
        udp.set_checksum(0);
        let mut vxlan = MutableVxlanPacket::new(rest)?;
        vxlan.set_flags(8);
        vxlan.set_reserved1(0);
        vxlan.set_vni(outer.vni);
        vxlan.set_reserved2(0);
        Some(())
    }

    #[inline]
    fn decap(packet: &[u8]) -> Option<Received> {
        let ethernet = EthernetPacket::new(packet)?;
        if ethernet.get_ethertype() != EtherTypes::Ipv4 {
            return None;
        }
        let bytes = ethernet.packet().get(14..)?;
        let ip = Ipv4Packet::new(bytes)?;
        let header_len = usize::from(ip.get_header_length()) * 4;
        let total_len = usize::from(ip.get_total_length());
        if ip.get_version() != 4
            || header_len < 20
            || total_len < header_len
            || bytes.len() < total_len
            || ip.get_next_level_protocol() != IpNextHeaderProtocols::Udp
            || is_fragment(&ip)
            || ipv4::checksum(&ip) != ip.get_checksum()
        {
            return None;
        }
        let bytes = bytes.get(header_len..total_len)?;
        let udp = UdpPacket::new(bytes)?;
        if udp.get_destination() != PORT {
            return None;
        }
        let vxlan = VxlanPacket::new(bytes.get(8..usize::from(udp.get_length()))?)?;
        let inner = vxlan.packet().get(8..)?;
        Sender {
            remote: ip.get_source(),
            port: udp.get_source(),
            class: ip.get_dscp() << 2 | ip.get_ecn(),
            payload_at: 14 + header_len + 8,
        }
        .of_inner(vxlan.get_flags(), vxlan.get_vni(), inner)
    }
}
