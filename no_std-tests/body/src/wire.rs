//! Headers, packets and builders, each against bytes written down here.

use core::net::IpAddr;

use vtep::checksum::Sum;
use vtep::wire::{
    ArpHeader, ArpOperation, ArpPacket, Build, BuildError, Dscp, Echo, Ecn, EtherType,
    EthernetBuilder, EthernetFrame, EthernetHeader, EthernetPayload, FlowLabel, FragmentOffset,
    Gbp, HeaderOptions, Icmpv4Builder, Icmpv4Header, Icmpv4Message, Icmpv4Packet, Icmpv6Builder,
    Icmpv6Header, Icmpv6Message, Icmpv6Packet, InPlace, IpPayload, IpProtocol, Ipv4Builder,
    Ipv4Flags, Ipv4Header, Ipv4Packet, Ipv6Builder, Ipv6FragmentHeader, Ipv6Header, Ipv6Packet,
    Layer, MacAddr, ParseError, Pcp, PseudoHeader, TcpBuilder, TcpFlags, TcpHeader, TcpSegment,
    TrafficClass, UdpBuilder, UdpChecksumState, UdpDatagram, UdpHeader, VlanBuilder, VlanHeader,
    VlanId, VlanTag, Vni, VxlanBuilder, VxlanFlags, VxlanFrame, VxlanHeader,
};

use crate::{Checks, any, v4, v6};

/// UDP 1234 to 53, "ping", from 10.1.15.2 to 10.1.17.3.
pub(crate) const FRAME: [u8; 46] = [
    0xc6, 0xd2, 0x32, 0x6f, 0x8f, 0x44, 0x02, 0x77, 0x11, 0xaa, 0x33, 0xbc, 0x08, 0x00, 0x45, 0x00,
    0x00, 0x20, 0x00, 0x00, 0x40, 0x00, 0x3f, 0x11, 0x07, 0xc7, 0x0a, 0x01, 0x0f, 0x02, 0x0a, 0x01,
    0x11, 0x03, 0x04, 0xd2, 0x00, 0x35, 0x00, 0x0c, 0xe7, 0xf7, 0x70, 0x69, 0x6e, 0x67,
];

// A frame of its own, for `callgraph.py`.
#[inline(never)]
pub(crate) fn run(checks: &mut Checks<'_>) {
    mac(checks);
    ethernet(checks);
    vlan(checks);
    vxlan(checks);
    values(checks);
    ipv4(checks);
    ipv6(checks);
    udp(checks);
    tcp(checks);
    arp(checks);
    icmp(checks);
    builders(checks);
    errors(checks);
}

fn mac(checks: &mut Checks<'_>) {
    let mac = MacAddr::new(any([2, 0x42, 0xac, 0x11, 0, 2]));
    checks.is("mac: octets", mac.octets() == [2, 0x42, 0xac, 0x11, 0, 2]);
    checks.is("mac: kinds", mac.is_valid_unicast() && mac.is_local() && !mac.is_multicast());
    checks.is("mac: broadcast", MacAddr::new(any([0xff; 6])).is_broadcast());
    checks.is("mac: text", any("02:42:ac:11:00:02").parse() == Ok(mac));
    checks.is("mac: bad text", any("02:42:ac:11:00").parse::<MacAddr>().is_err());
}

fn ethernet(checks: &mut Checks<'_>) {
    let frame = any(FRAME);
    checks.all("ethernet: header", || {
        let (header, rest) = EthernetHeader::ref_from_prefix(&frame).ok()?;
        let mut edited = EthernetHeader::from_bytes([0; 14]);
        edited.set_destination(header.destination());
        edited.set_source(header.source());
        edited.set_ethertype(header.ethertype());
        let new = EthernetHeader::new(header.destination(), header.source(), EtherType::IPV4);
        Some(rest.len() == 32 && edited == *header && new.as_bytes() == header.as_bytes())
    });
    checks.all("ethernet: frame", || {
        let parsed = EthernetFrame::parse(&frame).ok()?;
        Some(
            parsed.ethertype() == EtherType::IPV4
                && parsed.tags().next().is_none()
                && parsed.payload().len() == 32
                && parsed.header().source().octets() == [2, 0x77, 0x11, 0xaa, 0x33, 0xbc],
        )
    });
    checks.all("ethernet: in place", || {
        let mut bytes = any(FRAME);
        let (header, _) = EthernetHeader::mut_from_prefix(&mut bytes).ok()?;
        header.set_ethertype(EtherType::IPV6);
        Some(bytes.get(12..14)? == [0x86, 0xdd])
    });
    checks.is("ethernet: short", EthernetFrame::parse(any(&[0; 13][..])).is_err());
    checks.is(
        "ethernet: length field",
        EtherType(any(0x05dc)).is_length() && !EtherType::IPV4.is_vlan(),
    );
}

fn vlan(checks: &mut Checks<'_>) {
    checks.all("vlan: tag", || {
        let (id, priority) = (VlanId::new(any(42)).ok()?, Pcp::new(any(5)).ok()?);
        let tag = VlanTag::customer(id).with_priority(priority).with_drop_eligible(true);
        let service = VlanTag::service(id);
        let mut header = VlanHeader::new(tag, EtherType::IPV4);
        let is_written = header.as_bytes() == &[0xb0, 0x2a, 0x08, 0x00];
        header.set_control(any(7));
        header.set_ethertype(EtherType::ARP);
        Some(
            is_written
                && (header.control(), header.ethertype()) == (7, EtherType::ARP)
                && (tag.protocol(), service.protocol()) == (EtherType::DOT1Q, EtherType(0x88a8))
                && (tag.priority().value(), tag.is_drop_eligible(), tag.id().value())
                    == (5, true, 42)
                && tag.control() == 0xb02a,
        )
    });
    checks.is("vlan: beyond 12 bits", VlanId::new(any(4096)).is_err() && Pcp::new(any(8)).is_err());
}

fn vxlan(checks: &mut Checks<'_>) {
    checks.all("vxlan: header", || {
        let vni = Vni::new(any(0x12_3456)).ok()?;
        let mut header = VxlanHeader::new(vni);
        let is_written = header.as_bytes() == &[8, 0, 0, 0, 0x12, 0x34, 0x56, 0];
        let gbp = Gbp { group: 0x1234, dont_learn: true, policy_applied: true };
        let with = header.with_gbp(gbp);
        header.set_flags(VxlanFlags::VNI | VxlanFlags::NEXT_PROTOCOL);
        header.set_reserved24(any([0, 0, 3]));
        let is_gpe = header.is_gpe() && header.reserved24() == [0, 0, 3];
        header.set_vni(Vni::from_be_bytes(any([0, 0, 1])));
        header.set_reserved8(any(9));
        header.set_gbp(None);
        Some(
            is_written
                && is_gpe
                && with.gbp() == Some(Gbp::from_mark(gbp.mark()))
                && with.as_bytes() == &[0x88, 0x48, 0x12, 0x34, 0x12, 0x34, 0x56, 0]
                && (header.vni().to_be_bytes(), header.reserved8()) == ([0, 0, 1], 9)
                && header.flags().contains(VxlanFlags::NEXT_PROTOCOL),
        )
    });
    checks.is("vxlan: VNI of 25 bits", Vni::new(any(1 << 24)).is_err());
    checks.is("vxlan: greatest VNI", Vni::new(any(0xff_ffff)).map(Vni::value) == Ok(0xff_ffff));
    checks.all("vxlan: frame", || {
        let mut packet = any([0_u8; 54]);
        let (header, rest) = VxlanHeader::mut_from_prefix(&mut packet).ok()?;
        *header = VxlanHeader::new(Vni::new(any(7)).ok()?);
        rest.iter_mut().zip(FRAME).for_each(|(to, from)| *to = from);
        let parsed = VxlanFrame::parse(&packet).ok()?;
        let is_parsed = parsed.vni().value() == 7
            && parsed.inner().ethertype() == EtherType::IPV4
            && parsed.header().flags() == VxlanFlags::VNI;
        Some(is_parsed && VxlanFrame::parse(packet.get(..21)?).is_err())
    });
}

fn values(checks: &mut Checks<'_>) {
    checks.all("ip: traffic class", || {
        let dscp = Dscp::new(any(46)).ok()?;
        let class = TrafficClass::new(dscp, Ecn::from_bits(any(2)));
        Some(
            class.0 == 0xba
                && (class.dscp().value(), class.ecn().bits()) == (46, 2)
                && class.with_ecn(Ecn::Ce).0 == 0xbb
                && Dscp::new(any(64)).is_err(),
        )
    });
    checks.all("ip: fragment offset", || {
        let offset = FragmentOffset::new(any(185)).ok()?;
        let is_bounded = FragmentOffset::new(any(0x2000)).is_err();
        Some((offset.units(), offset.bytes()) == (185, 1480) && is_bounded)
    });
    checks.is("ip: ports", IpProtocol(any(17)).has_ports() && !IpProtocol(any(1)).has_ports());
    let v4_pseudo = PseudoHeader::v4(v4(10, 0, 0, 1), v4(10, 0, 0, 2), IpProtocol::UDP);
    let v6_pseudo = PseudoHeader::v6(v6(1), v6(2), IpProtocol::TCP);
    checks.is("ip: pseudo-headers", !v4_pseudo.is_v6() && v6_pseudo.is_v6());
    // 0a00 + 0001 + 0a00 + 0002 + 0011 + 0008.
    checks.is("ip: pseudo-header sum", v4_pseudo.sum(any(8)).folded() == 0x141c);
    checks.is(
        "ip: pseudo-header addresses",
        v6_pseudo.addresses() == (IpAddr::V6(v6(1)), IpAddr::V6(v6(2))),
    );
    checks.is("ip: pseudo-header protocol", v6_pseudo.protocol() == IpProtocol::TCP);
    let label = FlowLabel::new(any(0xf_ffff)).map(FlowLabel::value);
    checks.is("ip: flow label", label == Ok(0xf_ffff) && FlowLabel::new(any(1 << 20)).is_err());
    let options = HeaderOptions::new(any(&[7, 3, 4][..]));
    let is_padded = options.is_ok_and(|options| options.as_bytes() == [7, 3, 4, 0]);
    checks.is("ip: options", is_padded && HeaderOptions::new(any(&[0; 41][..])).is_err());
}

fn ipv4(checks: &mut Checks<'_>) {
    let frame = any(FRAME);
    let bytes = frame.get(14..).unwrap_or_default();
    checks.all("ipv4: header", || {
        let (header, _) = Ipv4Header::ref_from_prefix(bytes).ok()?;
        Some(
            (header.version(), header.header_len(), header.total_len()) == (4, 20, 32)
                && (header.traffic_class().0, header.id(), header.ttl()) == (0, 0, 63)
                && header.flags() == Ipv4Flags::DONT_FRAGMENT
                && header.fragment_offset().units() == 0
                && !header.is_fragment()
                && header.protocol() == IpProtocol::UDP
                && header.checksum() == 0x07c7
                && header.is_checksum_valid(&[])
                && (header.source(), header.destination()) == (v4(10, 1, 15, 2), v4(10, 1, 17, 3)),
        )
    });
    checks.all("ipv4: edits keep the checksum right", || {
        let (header, _) = Ipv4Header::ref_from_prefix(bytes).ok()?;
        let mut edited = Ipv4Header::from_bytes(*header.as_bytes());
        edited.set_traffic_class(TrafficClass(any(0xb8)));
        edited.set_total_len(any(1500));
        edited.set_id(any(0xffff));
        edited.set_flags(Ipv4Flags::MORE_FRAGMENTS);
        edited.set_ttl(any(1));
        edited.set_source(v4(255, 255, 255, 255));
        edited.set_destination(v4(0, 0, 0, 0));
        Some(edited.is_checksum_valid(&[]) && edited.is_fragment() && edited.total_len() == 1500)
    });
    checks.all("ipv4: raw edits", || {
        let mut made = Ipv4Header::new(v4(1, 2, 3, 4), v4(5, 6, 7, 8), IpProtocol::TCP);
        let (header, _) = Ipv4Header::ref_from_prefix(bytes).ok()?;
        made.set_traffic_class_raw(header.traffic_class());
        made.set_total_len_raw(header.total_len());
        made.set_id_raw(header.id());
        made.set_flags_raw(header.flags());
        made.set_fragment_offset_raw(FragmentOffset::new(any(1)).ok()?);
        let is_fragment = made.is_fragment();
        made.set_fragment_offset_raw(header.fragment_offset());
        made.set_ttl_raw(header.ttl());
        made.set_protocol_raw(header.protocol());
        made.set_source_raw(header.source());
        made.set_destination_raw(header.destination());
        made.fill_checksum(&[]);
        let is_filled = made.as_bytes() == header.as_bytes();
        made.set_checksum_raw(any(0));
        Some(is_fragment && is_filled && !made.is_checksum_valid(&[]))
    });
    checks.all("ipv4: packet", || {
        let packet = Ipv4Packet::parse(bytes).ok()?;
        let head = Ipv4Packet::parse_head(bytes.get(..24)?).ok()?;
        Some(
            packet.header().total_len() == 32
                && packet.options().is_empty()
                && (packet.payload().len(), head.payload().len()) == (12, 4)
                && packet.is_checksum_valid()
                && packet.pseudo_header().protocol() == IpProtocol::UDP,
        )
    });
    let is_cut_refused = |len| bytes.get(..len).is_some_and(|cut| Ipv4Packet::parse(cut).is_err());
    checks.is("ipv4: cut anywhere", (0..bytes.len()).all(is_cut_refused));
}

fn ipv6(checks: &mut Checks<'_>) {
    // Hop-by-hop options, then the first fragment of a UDP datagram.
    let mut bytes = any([0_u8; 64]);
    checks.all("ipv6: header", || {
        let (header, _) = Ipv6Header::mut_from_prefix(&mut bytes).ok()?;
        *header = Ipv6Header::new(v6(1), v6(2), IpProtocol::TCP);
        header.set_traffic_class(TrafficClass(any(0x12)));
        header.set_flow_label(FlowLabel::new(any(0x3_4567)).ok()?);
        header.set_payload_len(any(24));
        header.set_next_header(IpProtocol(any(0)));
        header.set_hop_limit(any(7));
        header.set_source(v6(3));
        header.set_destination(v6(4));
        let is_first =
            header.as_bytes().first_chunk() == Some(&[0x61, 0x23, 0x45, 0x67, 0, 24, 0, 7]);
        Some(
            is_first
                && (header.version(), header.traffic_class().0) == (6, 0x12)
                && (header.flow_label().value(), header.payload_len()) == (0x3_4567, 24)
                && (header.next_header().0, header.hop_limit()) == (0, 7)
                && (header.source(), header.destination()) == (v6(3), v6(4)),
        )
    });
    checks.all("ipv6: fragment header", || {
        let fragment = Ipv6FragmentHeader::new(
            IpProtocol::UDP,
            FragmentOffset::new(any(0)).ok()?,
            true,
            any(9),
        );
        let hop_by_hop = any([44, 0, 1, 4, 0, 0, 0, 0]);
        let udp = any([0x04, 0xd2, 0, 53, 0, 8, 0, 0]);
        let from = hop_by_hop.iter().chain(fragment.as_bytes()).chain(&udp);
        bytes.get_mut(40..)?.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        Some(
            fragment.next_header() == IpProtocol::UDP
                && (fragment.offset().units(), fragment.id()) == (0, 9)
                && fragment.more_fragments()
                && fragment.is_fragment(),
        )
    });
    checks.all("ipv6: packet", || {
        let packet = Ipv6Packet::parse(&bytes).ok()?;
        let head = Ipv6Packet::parse_head(bytes.get(..60)?).ok()?;
        Some(
            packet.header().hop_limit() == 7
                && (packet.extensions().len(), packet.payload_offset()) == (16, 56)
                && (packet.protocol(), packet.payload().len()) == (IpProtocol::UDP, 8)
                && packet.fragment().is_some_and(|fragment| fragment.id() == 9)
                && packet.is_fragment()
                && packet.final_destination() == Some(v6(4))
                && packet.pseudo_header().is_some()
                && head.payload().len() == 4,
        )
    });
    checks.is("ipv6: cut", bytes.get(..63).is_some_and(|cut| Ipv6Packet::parse(cut).is_err()));
}

fn udp(checks: &mut Checks<'_>) {
    let frame = any(FRAME);
    let pseudo = PseudoHeader::v4(v4(10, 1, 15, 2), v4(10, 1, 17, 3), IpProtocol::UDP);
    checks.all("udp: datagram", || {
        let datagram = UdpDatagram::parse(frame.get(34..)?).ok()?;
        let header = datagram.header();
        Some(
            (header.source_port(), header.destination_port()) == (1234, 53)
                && (header.datagram_len(), header.checksum()) == (12, 0xe7f7)
                && datagram.payload() == b"ping"
                && datagram.checksum_state(&pseudo) == UdpChecksumState::Good,
        )
    });
    checks.all("udp: edits", || {
        let mut header = UdpHeader::new(any(1), any(2), any(3));
        header.set_source_port_raw(any(1234));
        header.set_destination_port_raw(any(54));
        header.set_datagram_len_raw(any(12));
        header.set_checksum_raw(any(0));
        header.fill_checksum(&pseudo, b"ping");
        header.set_destination_port(any(53));
        header.set_source_port(any(1234));
        Some(header.checksum() == 0xe7f7 && UdpHeader::from_bytes(*header.as_bytes()) == header)
    });
}

fn tcp(checks: &mut Checks<'_>) {
    let pseudo = PseudoHeader::v4(v4(10, 0, 0, 1), v4(10, 0, 0, 2), IpProtocol::TCP);
    let mut buffer = [0_u8; 64];
    checks.all("tcp: built and read", || {
        let options = HeaderOptions::new(any(&[2, 4, 5, 0xb4][..])).ok()?;
        let segment = TcpBuilder::new(any(4321), any(80), any(&b"hello"[..]))
            .sequence(any(1))
            .acknowledgment(any(2))
            .flags(TcpFlags::SYN | TcpFlags::ACK)
            .window(any(512))
            .urgent_pointer(any(3))
            .options(options);
        let out = segment.build_with_pseudo_header(&mut buffer, &pseudo).ok()?;
        let read = TcpSegment::parse(out).ok()?;
        let header = read.header();
        Some(
            segment.protocol() == IpProtocol::TCP
                && read.is_checksum_valid(&pseudo)
                && (read.options(), read.payload()) == (&[2, 4, 5, 0xb4][..], &b"hello"[..])
                && (header.source_port(), header.destination_port()) == (4321, 80)
                && (header.sequence(), header.acknowledgment(), header.header_len()) == (1, 2, 24)
                && header.flags() == (TcpFlags::SYN | TcpFlags::ACK)
                && (header.window(), header.urgent_pointer()) == (512, 3),
        )
    });
    checks.all("tcp: edits", || {
        let mut header = TcpHeader::new(any(1), any(2));
        header.set_source_port_raw(any(3));
        header.set_destination_port_raw(any(4));
        header.set_sequence_raw(any(5));
        header.set_acknowledgment_raw(any(6));
        header.set_flags_raw(TcpFlags::FIN);
        header.set_window_raw(any(7));
        header.set_urgent_pointer_raw(any(8));
        header.set_checksum_raw(any(0x1234));
        header.set_source_port(any(9));
        header.set_destination_port(any(10));
        header.set_flags(TcpFlags::RST);
        header.update_checksum(any(0_u16), any(1_u16));
        // RFC 1624: 1234 less the six of each port, the three of the flags and the one.
        Some(header.checksum() == 0x1234 - 6 - 6 - 3 - 1)
    });
}

fn builders(checks: &mut Checks<'_>) {
    let mut buffer = [0_u8; 160];
    let frame = any(FRAME);
    checks.all("build: the frame above", || {
        let mac = |bytes: &[u8]| bytes.first_chunk().copied().map(MacAddr::new);
        let udp = UdpBuilder::new(any(1234), any(53), &b"ping"[..]);
        let packet = Ipv4Builder::new(v4(10, 1, 15, 2), v4(10, 1, 17, 3), udp)
            .traffic_class(TrafficClass(any(0)))
            .id(any(0))
            .flags(Ipv4Flags::DONT_FRAGMENT)
            .fragment_offset(FragmentOffset::default())
            .ttl(any(63))
            .options(HeaderOptions::new(any(&[][..])).ok()?);
        let built = EthernetBuilder::new(mac(&frame)?, mac(frame.get(6..)?)?, packet);
        Some(packet.ethertype() == EtherType::IPV4 && *built.build(&mut buffer).ok()? == frame)
    });
    checks.all("build: a VXLAN packet in place", || {
        let inner = buffer.get_mut(50..96)?;
        inner.iter_mut().zip(&frame).for_each(|(to, from)| *to = *from);
        let vxlan = VxlanBuilder::new(Vni::new(any(1)).ok()?, InPlace::of(inner));
        let udp = UdpBuilder::new(any(50_000), any(4789), vxlan).without_checksum();
        let packet =
            Ipv4Builder::with_protocol(v4(1, 1, 1, 1), v4(2, 2, 2, 2), IpProtocol::UDP, udp);
        let mac = MacAddr::new(any([2; 6]));
        let built = EthernetBuilder::with_ethertype(mac, mac, EtherType::IPV4, packet);
        let len = built.build(&mut buffer).ok()?.len();
        Some(len == 96 && !built.is_empty() && *buffer.get(50..96)? == frame)
    });
    checks.all("build: tagged IPv6", || {
        let header = VxlanHeader::new(Vni::new(any(1)).ok()?);
        let vxlan = VxlanBuilder::with_header(header, InPlace::with_sum(46, Sum::ZERO));
        let udp = UdpBuilder::new(any(1), any(2), vxlan);
        let packet = Ipv6Builder::new(v6(1), v6(2), udp)
            .traffic_class(TrafficClass(any(1)))
            .flow_label(FlowLabel::new(any(2)).ok()?)
            .hop_limit(any(3));
        let packet = VlanBuilder::new(VlanTag::customer(VlanId::new(any(5)).ok()?), packet);
        let built = packet.build(&mut buffer).ok()?;
        Some(packet.ethertype() == EtherType::DOT1Q && built.len() == 4 + 40 + 8 + 8 + 46)
    });
    checks.all("build: no room", || {
        let packet = Ipv6Builder::with_next_header(v6(1), v6(2), IpProtocol::TCP, &[0_u8; 200][..]);
        let error = packet.build(&mut buffer).err()?;
        Some(
            packet.ethertype() == EtherType::IPV6
                && error == BuildError::BufferTooSmall { needed: 240, available: 160 },
        )
    });
}

fn errors(checks: &mut Checks<'_>) {
    let short = ParseError::truncated(Layer::Udp, any(8), any(7));
    checks.is("error: truncated", UdpDatagram::parse(any(&[0; 7][..])).err() == Some(short));
    let named = [
        ParseError::unsupported(Layer::Vxlan, 0, any(8), any(0)).layer,
        ParseError::length_too_small(Layer::Ipv4, any(0), 20, 19).layer,
        ParseError::too_many_extensions(any(0), 9).layer,
    ];
    checks.is("error: layers", named.iter().all(|layer| !any(*layer).as_str().is_empty()));
}

fn arp(checks: &mut Checks<'_>) {
    let (one, two) = (MacAddr::new(any([2, 0, 0, 0, 0, 1])), MacAddr::new(any([2, 0, 0, 0, 0, 2])));
    checks.all("arp: asked and answered", || {
        let request = ArpHeader::request((one, v4(10, 0, 0, 1)), v4(10, 0, 0, 2));
        let mut reply = ArpHeader::reply((two, v4(10, 0, 0, 2)), (one, v4(10, 0, 0, 1)));
        let new =
            ArpHeader::new(ArpOperation::REPLY, (two, v4(10, 0, 0, 2)), (one, v4(10, 0, 0, 1)));
        let parsed = *ArpPacket::parse(request.as_bytes()).ok()?.header();
        let same = new == reply;
        reply.set_operation(parsed.operation());
        reply.set_sender_mac(parsed.sender_mac());
        reply.set_sender_ip(parsed.sender_ip());
        reply.set_target_mac(parsed.target_mac());
        reply.set_target_ip(parsed.target_ip());
        let (built, mut buffer) =
            (EthernetBuilder::new(MacAddr::new([0xff; 6]), one, request), [0; 42]);
        let frame = built.build(&mut buffer).ok()?;
        Some(same && reply == request && parsed == request && frame.get(12..14)? == [8, 6])
    });
}

fn icmp(checks: &mut Checks<'_>) {
    let mut buffer = [0; 64];
    checks.all("icmp: an echo", || {
        let message = Icmpv4Message::EchoRequest(Echo { id: any(1), sequence: any(2) });
        let packet = Icmpv4Builder::new(message, any(&b"ping"[..]));
        packet.build(&mut buffer).ok()?;
        let (header, _) = Icmpv4Header::mut_from_prefix(&mut buffer).ok()?;
        header.set_echo_id(any(7));
        let parsed = Icmpv4Packet::parse(buffer.get(..12)?).ok()?;
        let mut copy = *parsed.header();
        copy.set_checksum_raw(any(0));
        copy.set_rest_raw(any([0, 7, 0, 2]));
        Some(
            packet.protocol() == IpProtocol::ICMPV4
                && parsed.is_checksum_valid()
                && parsed.payload() == b"ping"
                && (copy.message_type(), copy.code(), copy.checksum(), copy.rest())
                    == (8, 0, 0, [0, 7, 0, 2])
                && copy.message() == Icmpv4Header::new(copy.message()).message(),
        )
    });
    checks.all("icmpv6: packet too big", || {
        let pseudo = PseudoHeader::v6(v6(1), v6(2), IpProtocol::ICMPV6);
        let message = Icmpv6Message::PacketTooBig { mtu: any(1280) };
        let packet = Icmpv6Builder::new(message, any(&b"ping"[..]));
        packet.build_with_pseudo_header(&mut buffer, &pseudo).ok()?;
        let parsed = Icmpv6Packet::parse(buffer.get(..12)?).ok()?;
        let mut copy = *parsed.header();
        let valid = parsed.is_checksum_valid(&pseudo) && parsed.payload() == b"ping";
        copy.set_echo_id(any(7));
        copy.set_checksum_raw(any(0));
        copy.set_rest_raw(any([0, 0, 5, 0]));
        Some(
            valid
                && packet.protocol() == IpProtocol::ICMPV6
                && (copy.message_type(), copy.code(), copy.checksum(), copy.rest())
                    == (2, 0, 0, [0, 0, 5, 0])
                && copy.message() == Icmpv6Header::new(message).message(),
        )
    });
}
