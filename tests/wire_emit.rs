//! Builders write every byte of their packet and no other, and whole packets come out as known:
//! constructed ones, captured ones, and any that can be parsed.

mod common;

use quickcheck::{TestResult, quickcheck};
use vtep::wire::{
    ArpHeader, ArpPacket, Build, EtherType, EthernetBuilder, EthernetFrame, EthernetFrameMut,
    HeaderOptions, Icmpv4Builder, Icmpv4Packet, Icmpv6Builder, Icmpv6Packet, IpProtocol,
    Ipv4Builder, Ipv4Flags, Ipv4Packet, Ipv4PacketMut, Ipv6Builder, Ipv6Packet, Ipv6PacketMut,
    MacAddr, PseudoHeader, TcpBuilder, TcpFlags, TcpSegment, TcpSegmentMut, UdpBuilder,
    UdpChecksumState, UdpDatagram, UdpDatagramMut, VlanBuilder, VlanHeader, VlanId, VlanTag, Vni,
    VxlanBuilder, VxlanFrame, VxlanHeader,
};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

/// Returns what `packet` writes. The bytes do not depend on what the buffer held, those after the
/// packet stay, and a buffer that is too short is not touched.
fn emit(packet: &impl Build) -> Vec<u8> {
    let len = packet.len();
    let [first, second] = [0xa5, 0x5a].map(|fill| {
        let mut buffer = vec![fill; len + 16];
        assert_eq!(packet.build(&mut buffer).unwrap().len(), len);
        assert!(buffer.drain(len..).all(|byte| byte == fill));
        buffer
    });
    assert_eq!(first, second);
    for short in 0..len {
        let mut buffer = vec![0xa5; short];
        assert!(packet.build(&mut buffer).is_err());
        assert!(buffer.iter().all(|byte| *byte == 0xa5));
    }
    first
}

const OUTER_MACS: [MacAddr; 2] =
    [MacAddr::new([2, 0, 0, 0, 0, 2]), MacAddr::new([2, 0, 0, 0, 0, 1])];

/// UDP 1234 -> 53, "ping", from 10.1.15.2 to 10.1.17.3 between two VTEPs' MAC addresses.
fn inner() -> impl Build {
    let udp = UdpBuilder::new(1234, 53, &b"ping"[..]);
    let ip = Ipv4Builder::new([10, 1, 15, 2].into(), [10, 1, 17, 3].into(), udp)
        .ttl(63)
        .flags(Ipv4Flags::DONT_FRAGMENT);
    let to = MacAddr::new([0xc6, 0xd2, 0x32, 0x6f, 0x8f, 0x44]);
    EthernetBuilder::new(to, MacAddr::new([0x02, 0x77, 0x11, 0xaa, 0x33, 0xbc]), ip)
}

const INNER: &str = "c6d2326f8f44 027711aa33bc 0800 45000020000040003f1107c70a010f020a011103
    04d20035000ce7f7 70696e67";

#[test]
fn vxlan_over_ipv4_in_one_pass() {
    let known = |checksum: &str| {
        hex(&format!(
            "020000000002 020000000001 0800 45000052000040004011b92fc0a8000ac0a80011
             d1122118003e{checksum} 0800000000000100 {INNER}"
        ))
    };
    let vxlan = || VxlanBuilder::new(Vni::new(1).unwrap(), inner());
    let over = |udp: UdpBuilder<_>| {
        let [to, from] = OUTER_MACS;
        let ip = Ipv4Builder::new([192, 168, 0, 10].into(), [192, 168, 0, 17].into(), udp);
        emit(&EthernetBuilder::new(to, from, ip.flags(Ipv4Flags::DONT_FRAGMENT)))
    };
    let udp = || UdpBuilder::new(53_522, 8472, vxlan());
    assert_eq!(over(udp()), known("de9b"));
    assert_eq!(over(udp().without_checksum()), known("0000"));
}

#[test]
fn vxlan_over_ipv6_in_one_pass() {
    let known = |checksum: &str| {
        hex(&format!(
            "020000000002 020000000001 86dd 60000000003e1140 20010db800000000000000000000000a
             20010db8000000000000000000000011 d1122118003e{checksum} 0800000000000100 {INNER}"
        ))
    };
    let over = |udp: UdpBuilder<_>| {
        let [to, from] = OUTER_MACS;
        let ends = ("2001:db8::a".parse().unwrap(), "2001:db8::11".parse().unwrap());
        emit(&EthernetBuilder::new(to, from, Ipv6Builder::new(ends.0, ends.1, udp)))
    };
    let udp = || UdpBuilder::new(53_522, 8472, VxlanBuilder::new(Vni::new(1).unwrap(), inner()));
    assert_eq!(over(udp()), known("047b"));
    assert_eq!(over(udp().without_checksum()), known("0000"));
}

#[test]
fn tcpdumps_golden_packets() {
    // tests/vxlan.pcap, packet 1, and tests/vxlan_port_8472.pcap: an inner frame of 98 bytes, which
    // no sum covers.
    let mut inner = hex("00308801000200163e37f6040800");
    inner.resize(98, 0);
    for (port, bytes) in [(VxlanHeader::PORT, "12b5"), (VxlanHeader::LINUX_PORT, "2118")] {
        let known = hex(&format!(
            "00163e0871cf36dc851eb3400800 45000086d2c0400040115152c0a8cb01c0a8ca01
             b05d{bytes}00720000 0800000000006400"
        ));
        let vxlan = VxlanBuilder::new(Vni::new(100).unwrap(), inner.as_slice());
        let udp = UdpBuilder::new(45_149, port, vxlan).without_checksum();
        let ip = Ipv4Builder::new([192, 168, 203, 1].into(), [192, 168, 202, 1].into(), udp)
            .id(0xd2c0)
            .flags(Ipv4Flags::DONT_FRAGMENT);
        let to = MacAddr::new([0x00, 0x16, 0x3e, 0x08, 0x71, 0xcf]);
        let from = MacAddr::new([0x36, 0xdc, 0x85, 0x1e, 0xb3, 0x40]);
        let packet = emit(&EthernetBuilder::new(to, from, ip));
        assert_eq!(packet, [known, inner.clone()].concat());
    }
    // tests/nsh-over-vxlan-gpe.pcap.
    let gpe = VxlanHeader::ref_from_prefix(&hex("0c000004 ffffff00")).unwrap().0.to_owned();
    assert!(gpe.is_gpe() && gpe.vni() == Vni::MAX);
}

#[test]
fn every_builder_writes_all_of_itself_and_no_more() {
    let [to, from] = OUTER_MACS;
    let ends = ([10, 1, 15, 2].into(), [10, 1, 17, 3].into());
    let payload = &[0xc3; 5][..];
    let options = HeaderOptions::new(&[1; 7]).unwrap();
    emit(&payload);
    emit(&ArpHeader::request((from, ends.0), ends.1));
    emit(&EthernetBuilder::with_ethertype(to, from, EtherType::TEB, payload));
    emit(&VxlanBuilder::new(Vni::MAX, payload));
    emit(&UdpBuilder::new(1, 2, payload));
    emit(&TcpBuilder::new(1, 2, payload).flags(TcpFlags::all()).options(options));
    let tag = VlanTag::customer(VlanId::MAX);
    let ip = Ipv4Builder::new(ends.0, ends.1, TcpBuilder::new(1, 2, payload)).options(options);
    emit(&EthernetBuilder::new(to, from, VlanBuilder::new(tag, VlanBuilder::new(tag, ip))));
    let ping = Icmpv4Packet::parse(&[8, 0, 0, 0, 1, 2, 3, 4]).unwrap().header().message();
    emit(&Ipv4Builder::new(ends.0, ends.1, Icmpv4Builder::new(ping, payload)));
    let ping = Icmpv6Packet::parse(&[128, 0, 0, 0, 1, 2, 3, 4]).unwrap().header().message();
    let any = "::1".parse().unwrap();
    emit(&Ipv6Builder::new(any, any, Icmpv6Builder::new(ping, payload)));
}

/// Returns a frame built again from what the parsers return; `None` if a checksum is wrong, which
/// no builder can write.
fn ethernet(bytes: &[u8]) -> Option<Vec<u8>> {
    let frame = EthernetFrame::parse(bytes).ok()?;
    let mut rest = network(frame.ethertype(), frame.payload())?;
    let mut ethertype = frame.ethertype();
    let tags: Vec<VlanTag> = frame.tags().collect();
    for tag in tags.into_iter().rev() {
        rest = [&VlanHeader::new(tag, ethertype).as_bytes()[..], &rest].concat();
        ethertype = tag.protocol();
    }
    let header = frame.header();
    let (to, from) = (header.destination(), header.source());
    Some(write(&EthernetBuilder::with_ethertype(to, from, ethertype, rest.as_slice())))
}

fn write(packet: &impl Build) -> Vec<u8> {
    let mut out = vec![0xa5; packet.len()];
    packet.build(&mut out).unwrap();
    out
}

/// Returns what follows an Ethernet header, its padding included.
fn network(ethertype: EtherType, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = match ethertype {
        EtherType::IPV4 => ipv4(&Ipv4Packet::parse(bytes).ok()?)?,
        EtherType::IPV6 => ipv6(&Ipv6Packet::parse(bytes).ok()?)?,
        EtherType::ARP => {
            let arp = ArpPacket::parse(bytes).ok()?.header();
            let sender = (arp.sender_mac(), arp.sender_ip());
            let target = (arp.target_mac(), arp.target_ip());
            write(&ArpHeader::new(arp.operation(), sender, target))
        }
        _ => bytes.to_vec(),
    };
    out.extend(&bytes[out.len()..]);
    Some(out)
}

fn ipv4(packet: &Ipv4Packet<'_>) -> Option<Vec<u8>> {
    if !packet.is_checksum_valid() {
        return None;
    }
    let header = packet.header();
    let protocol = if header.is_fragment() { IpProtocol(255) } else { header.protocol() };
    let ends = (header.source(), header.destination());
    let payload = transport(protocol, packet.payload(), &packet.pseudo_header())?;
    let builder = Ipv4Builder::with_protocol(ends.0, ends.1, header.protocol(), payload.as_slice())
        .traffic_class(header.traffic_class())
        .id(header.id())
        .flags(header.flags())
        .fragment_offset(header.fragment_offset())
        .ttl(header.ttl())
        .options(HeaderOptions::new(packet.options()).unwrap());
    Some(write(&builder))
}

fn ipv6(packet: &Ipv6Packet<'_>) -> Option<Vec<u8>> {
    let header = packet.header();
    let protocol = if packet.is_fragment() { IpProtocol(255) } else { packet.protocol() };
    let ends = (header.source(), header.destination());
    let transport = transport(protocol, packet.payload(), &packet.pseudo_header()?)?;
    let payload = [packet.extensions(), &transport].concat();
    let builder =
        Ipv6Builder::with_next_header(ends.0, ends.1, header.next_header(), payload.as_slice())
            .traffic_class(header.traffic_class())
            .flow_label(header.flow_label())
            .hop_limit(header.hop_limit());
    Some(write(&builder))
}

fn transport(protocol: IpProtocol, bytes: &[u8], pseudo: &PseudoHeader) -> Option<Vec<u8>> {
    match protocol {
        IpProtocol::UDP => {
            let datagram = UdpDatagram::parse(bytes).ok()?;
            let header = datagram.header();
            let payload = match header.destination_port() {
                VxlanHeader::PORT | VxlanHeader::LINUX_PORT => vxlan(datagram.payload())?,
                _ => datagram.payload().to_vec(),
            };
            let ports = (header.source_port(), header.destination_port());
            let builder = UdpBuilder::new(ports.0, ports.1, payload.as_slice());
            match datagram.checksum_state(pseudo) {
                UdpChecksumState::Good => Some(within(&builder, pseudo)),
                UdpChecksumState::Zero => Some(within(&builder.without_checksum(), pseudo)),
                UdpChecksumState::Bad => None,
            }
        }
        IpProtocol::TCP => {
            let segment = TcpSegment::parse(bytes).ok()?;
            segment.is_checksum_valid(pseudo).then(|| within(&tcp(&segment), pseudo))
        }
        IpProtocol::ICMPV4 => {
            let packet = Icmpv4Packet::parse(bytes).ok()?;
            let message = packet.header().message();
            packet
                .is_checksum_valid()
                .then(|| within(&Icmpv4Builder::new(message, packet.payload()), pseudo))
        }
        IpProtocol::ICMPV6 => {
            let packet = Icmpv6Packet::parse(bytes).ok()?;
            let message = packet.header().message();
            packet
                .is_checksum_valid(pseudo)
                .then(|| within(&Icmpv6Builder::new(message, packet.payload()), pseudo))
        }
        _ => Some(bytes.to_vec()),
    }
}

fn within(packet: &impl Build, pseudo: &PseudoHeader) -> Vec<u8> {
    let mut out = vec![0xa5; packet.len()];
    packet.build_with_pseudo_header(&mut out, pseudo).unwrap();
    out
}

fn tcp<'a>(segment: &TcpSegment<'a>) -> TcpBuilder<&'a [u8]> {
    let header = segment.header();
    TcpBuilder::new(header.source_port(), header.destination_port(), segment.payload())
        .sequence(header.sequence())
        .acknowledgment(header.acknowledgment())
        .flags(header.flags())
        .window(header.window())
        .urgent_pointer(header.urgent_pointer())
        .options(HeaderOptions::new(segment.options()).unwrap())
}

fn vxlan(payload: &[u8]) -> Option<Vec<u8>> {
    let frame = VxlanFrame::parse(payload).ok()?;
    let inner = ethernet(&payload[VxlanHeader::LEN..])?;
    Some(write(&VxlanBuilder::with_header(*frame.header(), inner.as_slice())))
}

#[test]
fn every_captured_packet_is_built_again_as_it_was() {
    let mut built = 0;
    for name in common::captures() {
        for (index, packet) in common::packets(&name).iter().enumerate() {
            match ethernet(packet) {
                Some(again) => {
                    assert_eq!(&again, packet, "{name}, packet {}", index + 1);
                    built += 1;
                }
                // The crafted packets are wrong on purpose; offloading leaves inner checksums to
                // the NIC, and remote checksum offload to the receiver.
                None => assert!(
                    name.starts_with("rxprobe")
                        || ["gso_enabled_capture", "vxlan_remcsum"].contains(&name.as_str()),
                    "{name}, packet {} is not built",
                    index + 1
                ),
            }
        }
    }
    assert!(built > 1400, "only {built} packets are built");
}

/// Parses `bytes` as everything that they may be. What is parsed lies in the bytes, its accessors
/// return, and the views to edit have the same parts.
fn parse_all(bytes: &[u8]) {
    let within = |payload: &[u8]| {
        let (all, part) = (bytes.as_ptr_range(), payload.as_ptr_range());
        assert!(payload.is_empty() || all.start <= part.start && part.end <= all.end);
    };
    if let Ok(frame) = EthernetFrame::parse(bytes) {
        within(frame.payload());
    }
    if let Ok(packet) = Ipv4Packet::parse(bytes) {
        within(packet.payload());
        let _ = (packet.is_checksum_valid(), packet.header().fragment_offset());
    }
    if let Ok(packet) = Ipv6Packet::parse(bytes) {
        within(packet.payload());
        let _ = (packet.fragment(), packet.pseudo_header(), packet.header().flow_label());
    }
    let pseudo = PseudoHeader::v4([0; 4].into(), [0; 4].into(), IpProtocol::UDP);
    if let Ok(datagram) = UdpDatagram::parse(bytes) {
        within(datagram.payload());
        let _ = datagram.checksum_state(&pseudo);
    }
    if let Ok(segment) = TcpSegment::parse(bytes) {
        within(segment.payload());
        let _ = segment.is_checksum_valid(&pseudo);
    }
    if let Ok(packet) = Icmpv4Packet::parse(bytes) {
        let _ = (packet.header().message(), packet.is_checksum_valid());
    }
    if let Ok(packet) = Icmpv6Packet::parse(bytes) {
        let _ = (packet.header().message(), packet.is_checksum_valid(&pseudo));
    }
    if let Ok(frame) = VxlanFrame::parse(bytes) {
        let _ = (frame.vni(), frame.header().gbp());
    }
    let _ = (ArpPacket::parse(bytes), Ipv4Packet::parse_head(bytes), Ipv6Packet::parse_head(bytes));
    parse_all_to_edit(bytes);
}

/// Compares each view to edit with the parsed packet: the parts, or the error.
fn parse_all_to_edit(bytes: &[u8]) {
    let mut copy = bytes.to_vec();
    assert_eq!(
        EthernetFrame::parse(bytes).map(|frame| (frame.ethertype(), frame.payload().to_vec())),
        EthernetFrameMut::parse(&mut copy).map(|frame| (frame.ethertype, frame.payload.to_vec()))
    );
    assert_eq!(
        Ipv4Packet::parse(bytes).map(|ip| [ip.options(), ip.payload()].map(<[u8]>::to_vec)),
        Ipv4PacketMut::parse(&mut copy).map(|ip| [ip.options.to_vec(), ip.payload.to_vec()])
    );
    assert_eq!(
        Ipv6Packet::parse(bytes).map(|ip| [ip.extensions(), ip.payload()].map(<[u8]>::to_vec)),
        Ipv6PacketMut::parse(&mut copy).map(|ip| [ip.extensions.to_vec(), ip.payload.to_vec()])
    );
    assert_eq!(
        UdpDatagram::parse(bytes).map(|datagram| datagram.payload().to_vec()),
        UdpDatagramMut::parse(&mut copy).map(|datagram| datagram.payload.to_vec())
    );
    assert_eq!(
        TcpSegment::parse(bytes).map(|tcp| [tcp.options(), tcp.payload()].map(<[u8]>::to_vec)),
        TcpSegmentMut::parse(&mut copy).map(|tcp| [tcp.options.to_vec(), tcp.payload.to_vec()])
    );
    assert_eq!(copy, bytes);
}

#[test]
fn every_truncation_of_captured_packets_is_parsed_without_a_panic() {
    for name in ["l2_vlan_tagged_inner", "flannel_inner_ipv6", "rxprobe_default", "gbp_policy"] {
        for packet in common::packets(name) {
            let packet = &packet[..packet.len().min(200)];
            for len in 0..=packet.len() {
                // From the start of each layer: Ethernet, IP, UDP, VXLAN, inner Ethernet, inner IP.
                for start in [0, 14, 34, 42, 50, 64, 84] {
                    if let Some(bytes) = packet.get(start..len) {
                        parse_all(bytes);
                    }
                }
            }
        }
    }
}

/// `bytes` with `header` written over its front.
fn with_front(mut bytes: Vec<u8>, header: &[u8]) -> Vec<u8> {
    bytes.splice(..header.len().min(bytes.len()), header.iter().copied());
    bytes
}

quickcheck! {
    fn any_bytes_are_parsed_without_a_panic(bytes: Vec<u8>) -> bool {
        parse_all(&bytes);
        // Again with what the parsers check first, so that they get further.
        let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
        parse_all(&with_front(bytes.clone(), &[0x46, 0, len[0], len[1]]));
        parse_all(&with_front(bytes.clone(), &[0x60, 0, 0, 0, 0, 24, 0]));
        parse_all(&with_front(bytes, &[0x08]));
        true
    }

    fn any_ipv4_packet_is_built_again(bytes: Vec<u8>, words: u8) -> TestResult {
        let words = 5 + words % 11;
        let header_len = usize::from(words) * 4;
        if bytes.len() < header_len {
            return TestResult::discard();
        }
        let len = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        let mut bytes = bytes;
        bytes[0] = 0x40 | words;
        bytes[2..4].copy_from_slice(&len);
        bytes[9] = 253;
        bytes[10..12].fill(0);
        let checksum = common::ones_complement(&bytes[..header_len]);
        bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
        TestResult::from_bool(ipv4(&Ipv4Packet::parse(&bytes).unwrap()) == Some(bytes))
    }

    fn any_ipv6_packet_is_built_again(bytes: Vec<u8>) -> TestResult {
        let Some(payload_len) = bytes.len().checked_sub(40) else { return TestResult::discard() };
        let mut bytes = bytes;
        bytes[0] = 0x60 | bytes[0] & 0x0f;
        bytes[4..6].copy_from_slice(&u16::try_from(payload_len).unwrap().to_be_bytes());
        bytes[6] = 253;
        TestResult::from_bool(ipv6(&Ipv6Packet::parse(&bytes).unwrap()) == Some(bytes))
    }

    fn any_tcp_segment_is_built_again(bytes: Vec<u8>, words: u8) -> TestResult {
        let words = 5 + words % 11;
        if bytes.len() < usize::from(words) * 4 {
            return TestResult::discard();
        }
        let mut bytes = bytes;
        bytes[12] = words << 4 | bytes[12] & 0x0f;
        bytes[16..18].fill(0);
        let segment = TcpSegment::parse(&bytes).unwrap();
        let mut out = vec![0xa5; bytes.len()];
        tcp(&segment).build(&mut out).unwrap();
        TestResult::from_bool(out == bytes)
    }

    fn any_tagged_frame_is_built_again(bytes: Vec<u8>, tags: u8) -> TestResult {
        let mut bytes = bytes;
        for at in 0..usize::from(tags % 4) {
            let Some(protocol) = bytes.get_mut(12 + 4 * at..14 + 4 * at) else {
                return TestResult::discard();
            };
            protocol.copy_from_slice(if tags & 0x80 == 0 { &[0x81, 0x00] } else { &[0x88, 0xa8] });
        }
        match EthernetFrame::parse(&bytes) {
            Ok(frame) if ![EtherType::IPV4, EtherType::IPV6, EtherType::ARP].contains(&frame.ethertype()) => {
                TestResult::from_bool(ethernet(&bytes) == Some(bytes))
            }
            _ => TestResult::discard(),
        }
    }

    fn any_vxlan_header_is_built_again(high: u32, low: u32) -> bool {
        let bytes = (u64::from(high) << 32 | u64::from(low)).to_be_bytes();
        let header = VxlanHeader::from_bytes(bytes);
        write(&VxlanBuilder::with_header(header, &[][..])) == bytes
    }
}
