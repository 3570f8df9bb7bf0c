//! The parsers of etherparse and smoltcp beside this crate's: on the same bytes they say the same, but for
//! the differences that `vtep::manual::differences` lists.

use arbitrary::{Result, Unstructured};
use etherparse::{
    Ethernet2Slice, Icmpv4Slice, Icmpv6Slice, Ipv4Slice, Ipv6Slice, SingleVlanSlice, TcpSlice,
    UdpSlice,
};
use smoltcp::wire as smol;
use vtep::wire::{
    ArpPacket, EthernetFrame, Icmpv4Packet, Icmpv6Packet, IpProtocol, Ipv4Packet, Ipv6Packet,
    ParseErrorKind, TcpSegment, UdpDatagram,
};

/// What a parser says: fields, then the payload.
type View<'a> = (Vec<u32>, &'a [u8]);

/// Both agree, or differ as is known.
fn agree(what: &str, ours: &Option<View<'_>>, theirs: &Option<View<'_>>, is_known: bool) {
    assert!(ours == theirs || is_known, "{what}: ours {ours:x?}, theirs {theirs:x?}");
}

/// All parsers on the same bytes.
pub fn parsers(u: &mut Unstructured<'_>) -> Result<()> {
    let bytes = u.bytes(u.len())?;
    ethernet(bytes);
    ipv4(bytes);
    ipv6(bytes);
    udp(bytes);
    tcp(bytes);
    icmp(bytes);
    arp(bytes);
    Ok(())
}

fn ethernet(bytes: &[u8]) {
    let ours = EthernetFrame::parse(bytes).ok().map(|frame| {
        let mut fields: Vec<u32> = frame.tags().map(|tag| u32::from(tag.control())).collect();
        fields.push(u32::from(frame.ethertype().0));
        (fields, frame.payload())
    });
    let theirs = Ethernet2Slice::from_slice_without_fcs(bytes).ok().and_then(|frame| {
        let (mut fields, mut ethertype) = (Vec::new(), frame.ether_type());
        let mut payload = frame.payload_slice();
        for _ in 0..2 {
            if !matches!(ethertype.0, 0x8100 | 0x88a8) {
                break;
            }
            let tag = SingleVlanSlice::from_slice(payload).ok()?;
            let drop_eligible = u32::from(tag.drop_eligible_indicator()) << 12;
            let priority = u32::from(tag.priority_code_point().value()) << 13;
            fields.push(priority | drop_eligible | u32::from(tag.vlan_identifier().value()));
            (ethertype, payload) = (tag.ether_type(), tag.payload_slice());
        }
        fields.push(u32::from(ethertype.0));
        Some((fields, payload))
    });
    agree("Ethernet, etherparse", &ours, &theirs, false);
}

fn ipv4(bytes: &[u8]) {
    let ours = Ipv4Packet::parse(bytes).ok().map(|packet| {
        let header = packet.header();
        let fields = vec![
            header.source().into(),
            header.destination().into(),
            header.protocol().0.into(),
            header.ttl().into(),
            header.id().into(),
            header.fragment_offset().units().into(),
            header.traffic_class().dscp().value().into(),
            header.traffic_class().ecn().bits().into(),
        ];
        (fields, packet.payload())
    });
    let theirs = Ipv4Slice::from_slice(bytes).ok().map(|packet| {
        let header = packet.header();
        let fields = vec![
            header.source_addr().into(),
            header.destination_addr().into(),
            header.protocol().0.into(),
            header.ttl().into(),
            header.identification().into(),
            header.fragments_offset().value().into(),
            header.dcp().value().into(),
            header.ecn().value().into(),
        ];
        (fields, packet.payload().payload)
    });
    // etherparse takes an authentication header for part of the IPv4 header.
    let is_authenticated = bytes.get(9) == Some(&IpProtocol::AUTHENTICATION.0);
    agree("IPv4, etherparse", &ours, &theirs, is_authenticated);

    let theirs = smol::Ipv4Packet::new_checked(bytes).ok().map(|packet| {
        let fields = vec![
            packet.src_addr().into(),
            packet.dst_addr().into(),
            u8::from(packet.next_header()).into(),
            packet.hop_limit().into(),
            packet.ident().into(),
            u32::from(packet.frag_offset()) / 8,
            packet.dscp().into(),
            packet.ecn().into(),
        ];
        (fields, packet.payload())
    });
    // smoltcp looks at the version later.
    let is_not_version_4 = ours.is_none() && bytes.first().is_some_and(|first| first >> 4 != 4);
    agree("IPv4, smoltcp", &ours, &theirs, is_not_version_4);
}

fn ipv6(bytes: &[u8]) {
    let parsed = Ipv6Packet::parse(bytes);
    let ours = parsed.ok().map(|packet| {
        let header = packet.header();
        let fields = vec![
            header.traffic_class().0.into(),
            header.flow_label().value(),
            header.hop_limit().into(),
            packet.protocol().0.into(),
        ];
        (fields, packet.payload())
    });
    let theirs = Ipv6Slice::from_slice(bytes).ok().map(|packet| {
        let header = packet.header();
        let fields = vec![
            header.traffic_class().into(),
            header.flow_label().value(),
            header.hop_limit().into(),
            packet.payload().ip_number.0.into(),
        ];
        (fields, packet.payload().payload)
    });
    let is_known = match parsed {
        // etherparse reads mobility, HIP and shim6 headers, all of them in any number, and goes on behind a
        // fragment header with an offset.
        Ok(packet) => {
            let is_later = packet.fragment().is_some_and(|fragment| fragment.offset().units() != 0);
            let is_more = matches!(packet.protocol().0, 0 | 135 | 139 | 140);
            is_later || is_more || has_short_authentication(bytes)
        }
        Err(error) => matches!(error.kind, ParseErrorKind::TooManyExtensions { .. }),
    };
    // etherparse takes a payload length of 0 for a jumbogram's.
    let has_no_len = bytes.get(4..6) == Some(&[0, 0]);
    agree("IPv6, etherparse", &ours, &theirs, is_known || has_no_len);

    let base = |bytes: &[u8]| bytes.get(8..40).map(<[u8]>::to_vec);
    let theirs = smol::Ipv6Packet::new_checked(bytes).ok();
    if let (Ok(packet), Some(theirs)) = (parsed, &theirs) {
        let header = packet.header();
        let ours = [header.source().octets(), header.destination().octets()].concat();
        assert_eq!(base(bytes), Some(ours));
        assert_eq!(header.payload_len(), theirs.payload_len());
        assert_eq!((header.source(), header.destination()), (theirs.src_addr(), theirs.dst_addr()));
    }
    // smoltcp looks at the version, and behind the header, later.
    assert!(parsed.is_err() || theirs.is_some(), "IPv6, smoltcp");
}

/// Whether there is an authentication header of 8 bytes, less than RFC 4302 section 2 has fields for.
fn has_short_authentication(bytes: &[u8]) -> bool {
    let (mut next, mut rest) = (bytes[6], &bytes[40..]);
    while let (0 | 43 | 44 | 51 | 60, [following, len, ..]) = (next, rest) {
        let len = match next {
            51 if *len == 0 => return true,
            51 => (usize::from(*len) + 2) * 4,
            44 => 8,
            _ => (usize::from(*len) + 1) * 8,
        };
        (next, rest) = (*following, rest.get(len..).unwrap_or_default());
    }
    false
}

fn udp(bytes: &[u8]) {
    let ours = UdpDatagram::parse(bytes).ok().map(|datagram| {
        let header = datagram.header();
        let fields = [header.source_port(), header.destination_port(), header.checksum()];
        (fields.map(u32::from).to_vec(), datagram.payload())
    });
    let theirs = UdpSlice::from_slice(bytes).ok().map(|datagram| {
        let fields = [datagram.source_port(), datagram.destination_port(), datagram.checksum()];
        (fields.map(u32::from).to_vec(), datagram.payload())
    });
    // etherparse takes a length of 0 for a jumbogram's.
    agree("UDP, etherparse", &ours, &theirs, bytes.get(4..6) == Some(&[0, 0]));
    let theirs = smol::UdpPacket::new_checked(bytes).ok().map(|datagram| {
        let fields = [datagram.src_port(), datagram.dst_port(), datagram.checksum()];
        (fields.map(u32::from).to_vec(), datagram.payload())
    });
    agree("UDP, smoltcp", &ours, &theirs, false);
}

fn tcp(bytes: &[u8]) {
    let ours = TcpSegment::parse(bytes).ok().map(|segment| {
        let header = segment.header();
        let mut fields = vec![header.sequence(), header.acknowledgment()];
        fields.extend([header.source_port(), header.destination_port()].map(u32::from));
        fields.extend([header.window(), header.checksum(), header.urgent_pointer()].map(u32::from));
        (fields, segment.payload())
    });
    let theirs = TcpSlice::from_slice(bytes).ok().map(|segment| {
        let mut fields = vec![segment.sequence_number(), segment.acknowledgment_number()];
        fields.extend([segment.source_port(), segment.destination_port()].map(u32::from));
        let rest = [segment.window_size(), segment.checksum(), segment.urgent_pointer()];
        fields.extend(rest.map(u32::from));
        (fields, segment.payload())
    });
    agree("TCP, etherparse", &ours, &theirs, false);
    let theirs = smol::TcpPacket::new_checked(bytes).ok().map(|segment| {
        let mut fields = vec![segment.seq_number().0 as u32, segment.ack_number().0 as u32];
        fields.extend([segment.src_port(), segment.dst_port()].map(u32::from));
        let rest = [segment.window_len(), segment.checksum(), segment.urgent_at()];
        fields.extend(rest.map(u32::from));
        (fields, segment.payload())
    });
    agree("TCP, smoltcp", &ours, &theirs, false);
}

fn icmp(bytes: &[u8]) {
    let ours = Icmpv4Packet::parse(bytes).ok();
    let theirs = Icmpv4Slice::from_slice(bytes).ok();
    // etherparse wants timestamp messages to be exactly 20 bytes long.
    let is_timestamp = matches!(bytes.first(), Some(13 | 14));
    assert!(ours.is_some() == theirs.is_some() || is_timestamp, "ICMPv4, etherparse");
    if let (Some(ours), Some(theirs)) = (ours, theirs) {
        assert!(is_timestamp || ours.payload() == theirs.payload(), "ICMPv4, etherparse");
    }
    let ours = Icmpv6Packet::parse(bytes).ok().map(|message| (vec![], message.payload()));
    let theirs = Icmpv6Slice::from_slice(bytes).ok().map(|message| (vec![], message.payload()));
    agree("ICMPv6, etherparse", &ours, &theirs, false);
}

fn arp(bytes: &[u8]) {
    let ours = ArpPacket::parse(bytes).ok().map(|packet| {
        let header = packet.header();
        (vec![header.sender_ip().into(), header.target_ip().into()], &bytes[..28])
    });
    // smoltcp takes any sizes of addresses.
    let is_ours = bytes.get(..6) == Some(&[0, 1, 8, 0, 6, 4]);
    let theirs = smol::ArpPacket::new_checked(bytes).ok().filter(|_| is_ours).map(|packet| {
        let address = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().expect("4 bytes"));
        let addresses = [packet.source_protocol_addr(), packet.target_protocol_addr()];
        (addresses.map(address).to_vec(), &bytes[..28])
    });
    agree("ARP, smoltcp", &ours, &theirs, false);
}
