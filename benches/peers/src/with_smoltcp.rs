//! smoltcp, its wire module: representations that are emitted into packet views.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpProtocol, Ipv4Packet,
    Ipv4Repr, UdpPacket,
};

use crate::job::{
    OUTER, Outer, PORT, Peer, Received, Sender, TTL, lengths, ports, source_port, vxlan,
};

pub struct Smoltcp;

fn is_fragment(ip: &Ipv4Packet<&[u8]>) -> bool {
    ip.more_frags() || ip.frag_offset() != 0
}

impl Peer for Smoltcp {
    #[inline]
    fn encap(outer: &Outer, room: &mut [u8; OUTER], frame: &[u8]) -> Option<()> {
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        if ethernet.ethertype() != EthernetProtocol::Ipv4 {
            return None;
        }
        let inner = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
        let protocol = inner.next_header().into();
        let ports = ports(protocol, is_fragment(&inner), inner.payload());
        let source = source_port(inner.src_addr(), inner.dst_addr(), protocol, ports);
        let (_, udp_len) = lengths(frame)?;

        let (link, rest) = room.split_at_mut_checked(14)?;
        let (network, rest) = rest.split_at_mut_checked(20)?;
        let (transport, rest) = rest.split_at_mut_checked(8)?;
        let ethernet = EthernetRepr {
            src_addr: EthernetAddress(outer.source_mac),
            dst_addr: EthernetAddress(outer.next_hop),
            ethertype: EthernetProtocol::Ipv4,
        };
        ethernet.emit(&mut EthernetFrame::new_unchecked(link));
        let repr = Ipv4Repr {
            src_addr: outer.local,
            dst_addr: outer.remote,
            next_header: IpProtocol::Udp,
            payload_len: usize::from(udp_len),
            hop_limit: TTL,
        };
        let mut ip = Ipv4Packet::new_unchecked(network);
        // It has no ECN field: the checksum is filled in behind it.
        repr.emit(&mut ip, &ChecksumCapabilities::ignored());
        ip.set_ecn(inner.ecn());
        ip.fill_checksum();
        // `UdpRepr::emit` wants to write the payload too.
        let mut udp = UdpPacket::new_unchecked(transport);
        udp.set_src_port(source);
        udp.set_dst_port(PORT);
        udp.set_len(udp_len);
        udp.set_checksum(0);
        rest.copy_from_slice(&vxlan(outer.vni));
        Some(())
    }

    #[inline]
    fn decap(packet: &[u8]) -> Option<Received> {
        let ethernet = EthernetFrame::new_checked(packet).ok()?;
        if ethernet.ethertype() != EthernetProtocol::Ipv4 {
            return None;
        }
        let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
        // It takes any version.
        if ip.version() != 4
            || ip.next_header() != IpProtocol::Udp
            || is_fragment(&ip)
            || !ip.verify_checksum()
        {
            return None;
        }
        let udp = UdpPacket::new_checked(ip.payload()).ok()?;
        if udp.dst_port() != PORT {
            return None;
        }
        Sender {
            remote: ip.src_addr(),
            port: udp.src_port(),
            class: ip.dscp() << 2 | ip.ecn(),
            payload_at: 14 + usize::from(ip.header_len()) + 8,
        }
        .of_payload(udp.payload())
    }
}
