//! etherparse: header structs that are written out, slices that are read.

use etherparse::checksum::Sum16BitWords;
use etherparse::{
    EtherType, Ethernet2Header, Ethernet2Slice, IpNumber, Ipv4Header, Ipv4Slice, UdpHeader,
    UdpSlice,
};

use crate::job::{
    OUTER, Outer, PORT, Peer, Received, Sender, TTL, lengths, ports, source_port, vxlan,
};

pub struct Etherparse;

impl Peer for Etherparse {
    #[inline]
    fn encap(outer: &Outer, room: &mut [u8; OUTER], frame: &[u8]) -> Option<()> {
        let mut room = &mut room[..];
        let ethernet = Ethernet2Slice::from_slice_without_fcs(frame).ok()?;
        if ethernet.ether_type() != EtherType::IPV4 {
            return None;
        }
        let inner = Ipv4Slice::from_slice(ethernet.payload_slice()).ok()?;
        let (header, payload) = (inner.header(), inner.payload());
        let ports = ports(header.protocol().0, payload.fragmented, payload.payload);
        let source = source_port(
            header.source_addr(),
            header.destination_addr(),
            header.protocol().0,
            ports,
        );
        let (_, udp_len) = lengths(frame)?;
        let mut ip = Ipv4Header::new(
            udp_len,
            TTL,
            IpNumber::UDP,
            outer.local.octets(),
            outer.remote.octets(),
        )
        .ok()?;
        ip.ecn = header.ecn();
        let udp = UdpHeader::without_ipv4_checksum(source, PORT, usize::from(udp_len - 8)).ok()?;
        Ethernet2Header {
            destination: outer.next_hop,
            source: outer.source_mac,
            ether_type: EtherType::IPV4,
        }
        .write(&mut room)
        .ok()?;
        ip.write(&mut room).ok()?;
        udp.write(&mut room).ok()?;
        room.copy_from_slice(&vxlan(outer.vni));
        Some(())
    }

    #[inline]
    fn decap(packet: &[u8]) -> Option<Received> {
        let ethernet = Ethernet2Slice::from_slice_without_fcs(packet).ok()?;
        if ethernet.ether_type() != EtherType::IPV4 {
            return None;
        }
        let ip = Ipv4Slice::from_slice(ethernet.payload_slice()).ok()?;
        let (header, payload) = (ip.header(), ip.payload());
        if payload.ip_number != IpNumber::UDP || payload.fragmented {
            return None;
        }
        // Not the `header_checksum` of a `to_header`, which loses the reserved flag.
        if Sum16BitWords::new().add_slice(header.slice()).ones_complement() != 0 {
            return None;
        }
        let udp = UdpSlice::from_slice(payload.payload).ok()?;
        // It takes a length of 0 for the length of the slice.
        if udp.destination_port() != PORT || udp.length() == 0 {
            return None;
        }
        Sender {
            remote: header.source_addr(),
            port: udp.source_port(),
            class: header.dcp().value() << 2 | header.ecn().value(),
            payload_at: 14 + header.slice().len() + 8,
        }
        .of_payload(udp.payload())
    }
}
