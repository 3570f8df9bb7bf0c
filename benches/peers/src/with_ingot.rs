//! ingot: owned headers that are emitted as a tuple, views that are parsed. VXLAN's header is defined by its
//! macro.

use ingot::Ingot;
use ingot::ethernet::{Ethernet, EthernetRef, Ethertype, ValidEthernet};
use ingot::ip::{Ecn, IpProtocol, Ipv4, Ipv4Flags, Ipv4Ref, ValidIpv4};
use ingot::types::primitives::u24be;
use ingot::types::{Emit, HeaderParse};
use ingot::udp::{Udp, UdpRef, ValidUdp};

use crate::job::{
    OUTER, Outer, PORT, Peer, Received, Sender, TTL, lengths, ports, source_port, sum,
};

#[derive(Clone, Copy, Ingot)]
#[ingot(impl_default)]
pub struct Vxlan {
    pub flags: u8,
    pub reserved: u24be,
    pub vni: u24be,
    pub reserved_end: u8,
}

pub struct WithIngot;

fn is_fragment(ip: &ValidIpv4<&[u8]>) -> bool {
    ip.flags().contains(Ipv4Flags::MORE_FRAGMENTS) || ip.fragment_offset() != 0
}

/// Its length and its sum are for the caller.
#[inline]
fn outer_ip(outer: &Outer, ecn: Ecn, total_len: u16) -> Ipv4 {
    let [a, b] = total_len.to_be_bytes();
    let mut fixed = [0x45, ecn as u8, a, b, 0, 0, 0x40, 0, TTL, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    fixed[12..16].copy_from_slice(&outer.local.octets());
    fixed[16..].copy_from_slice(&outer.remote.octets());
    Ipv4 {
        ecn,
        total_len,
        flags: Ipv4Flags::DONT_FRAGMENT,
        hop_limit: TTL,
        protocol: IpProtocol::UDP,
        checksum: !sum(&fixed),
        source: outer.local.octets().into(),
        destination: outer.remote.octets().into(),
        ..Ipv4::default()
    }
}

impl Peer for WithIngot {
    #[inline]
    fn encap(outer: &Outer, room: &mut [u8; OUTER], frame: &[u8]) -> Option<()> {
        let (ethernet, _, rest) = ValidEthernet::parse(frame).ok()?;
        if ethernet.ethertype() != Ethertype::IPV4 {
            return None;
        }
        let (inner, _, payload) = ValidIpv4::parse(rest).ok()?;
        let protocol = inner.protocol().0;
        let ports = ports(protocol, is_fragment(&inner), payload);
        let source = source_port(
            inner.source().octets().into(),
            inner.destination().octets().into(),
            protocol,
            ports,
        );
        let (total_len, length) = lengths(frame)?;
        let headers = (
            Ethernet {
                destination: outer.next_hop.into(),
                source: outer.source_mac.into(),
                ethertype: Ethertype::IPV4,
            },
            outer_ip(outer, inner.ecn(), total_len),
            Udp { source, destination: PORT, length, checksum: 0 },
            Vxlan { flags: 8, vni: outer.vni, ..Vxlan::default() },
        );
        headers.emit(&mut room[..]).ok().map(drop)
    }

    #[inline]
    fn decap(packet: &[u8]) -> Option<Received> {
        let (ethernet, _, bytes) = ValidEthernet::parse(packet).ok()?;
        if ethernet.ethertype() != Ethertype::IPV4 {
            return None;
        }
        let (ip, _, rest) = ValidIpv4::parse(bytes).ok()?;
        let header_len = usize::from(ip.ihl()) * 4;
        let payload_len = usize::from(ip.total_len()).checked_sub(header_len)?;
        // It takes any version and header length.
        if ip.version() != 4
            || header_len < 20
            || ip.protocol() != IpProtocol::UDP
            || is_fragment(&ip)
            || sum(bytes.get(..header_len)?) != 0xFFFF
        {
            return None;
        }
        let (udp, _, rest) = ValidUdp::parse(rest.get(..payload_len)?).ok()?;
        if udp.destination() != PORT {
            return None;
        }
        let payload = rest.get(..usize::from(udp.length()).checked_sub(8)?)?;
        let (vxlan, _, inner) = ValidVxlan::parse(payload).ok()?;
        Sender {
            remote: ip.source().octets().into(),
            port: udp.source(),
            class: ip.dscp() << 2 | ip.ecn() as u8,
            payload_at: 14 + header_len + 8,
        }
        .of_inner(vxlan.flags(), vxlan.vni(), inner)
    }
}
