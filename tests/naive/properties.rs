//! What holds for any input: each property is a quickcheck test and a fuzz target.
//!
//! A property takes the fuzzer's bytes, generates what it needs from them and panics where it does
//! not hold. `Err` says that there were too few bytes.

use std::collections::BTreeSet;

use arbitrary::{Arbitrary, Result, Unstructured};
use vtep::arbitrary::{
    ConfigText, InnerFrame, LeaseText, MessageFlaw, NearlyValid, NearlyValidMessage,
    NetlinkMessage, VxlanPacket,
};
use vtep::arch::Kernels;
use vtep::batch::{decap_batch, encap_batch};
use vtep::buf::{Frame, FrameBuf, HEADROOM_MAX, InnerChecksum, TxMeta};
use vtep::checksum::{Sum, update};
use vtep::lease::{LeaseKey, LeaseValue, NetworkConfig, NetworkConfigError, RecordError};
use vtep::netlink::{
    Attrs, Body, Dump, Header, MessageError, MessageFlags, MessageType, Messages, RouteAttr, build,
};
use vtep::subnet::{Ipv4Prefix, OtherLease, PoolConfig, SubnetAllocator};
use vtep::tunnel::{
    EncapState, InnerVlanRx, OuterTag, SourcePorts, Tunnel, TunnelConfig, TunnelInfo, UdpChecksum,
    Vtep,
};
use vtep::verdict::Verdict;
use vtep::wire::{
    ArpPacket, EthernetFrame, Icmpv4Packet, Icmpv6Packet, Ipv4Packet, Ipv6Packet, TcpSegment,
    UdpDatagram, Vni, VxlanFrame,
};

use super::{Receiver, sum};

/// A property.
pub type Property = fn(&mut Unstructured<'_>) -> Result<()>;

/// Whether `part` is bytes of `whole`.
fn is_within(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}

/// Every parser, on anything: what it gives lies within what it got.
pub fn parsers(u: &mut Unstructured<'_>) -> Result<()> {
    let bytes = u.bytes(u.len())?;
    let mut payloads = Vec::new();
    if let Ok(frame) = EthernetFrame::parse(bytes) {
        assert_eq!(frame.payload().len() + 14 + 4 * frame.tags().count(), bytes.len());
        payloads.push(frame.payload());
    }
    payloads.extend(Ipv4Packet::parse(bytes).map(|packet| packet.payload()));
    payloads.extend(Ipv4Packet::parse_head(bytes).map(|packet| packet.payload()));
    payloads.extend(Ipv6Packet::parse(bytes).map(|packet| packet.payload()));
    if let Ok(packet) = Ipv6Packet::parse_head(bytes) {
        assert_eq!(&bytes[packet.payload_offset()..][..packet.payload().len()], packet.payload());
        payloads.push(packet.payload());
    }
    payloads.extend(UdpDatagram::parse(bytes).map(|datagram| datagram.payload()));
    payloads.extend(TcpSegment::parse(bytes).map(|segment| segment.payload()));
    payloads.extend(Icmpv4Packet::parse(bytes).map(|message| message.payload()));
    payloads.extend(Icmpv6Packet::parse(bytes).map(|message| message.payload()));
    payloads.extend(VxlanFrame::parse(bytes).map(|frame| frame.inner().payload()));
    if let Ok(arp) = ArpPacket::parse(bytes) {
        assert_eq!(arp.header().as_bytes(), &bytes[..28]);
    }
    assert!(payloads.iter().all(|payload| is_within(payload, bytes)));
    Ok(())
}

fn receiver(u: &mut Unstructured<'_>) -> Result<Receiver> {
    Ok(Receiver {
        port: if u.ratio(7, 8)? { 8472 } else { 4790 },
        vni: if u.ratio(7, 8)? { None } else { Some(1) },
        local: None,
        gbp: u.arbitrary()?,
        zero_checksum_v6: u.arbitrary()?,
        any_outer_tag: u.arbitrary()?,
        rfc7348: u.arbitrary()?,
    })
}

fn vtep(receiver: Receiver) -> Vtep<'static> {
    let vtep = if receiver.rfc7348 { Vtep::rfc7348() } else { Vtep::linux() };
    let vtep = vtep.port(receiver.port).gbp(receiver.gbp);
    let vtep = vtep.zero_checksum_v6(receiver.zero_checksum_v6);
    let tag = if receiver.any_outer_tag { OuterTag::Any } else { OuterTag::Untagged };
    let vtep = vtep.outer_tag(tag);
    receiver.vni.map_or(vtep, |vni| vtep.vni(Vni::new(vni).expect("24 bits")))
}

/// Decap of anything, as the naive decoder has it; a refused frame, and what is around it, is as it
/// was.
pub fn decap(u: &mut Unstructured<'_>) -> Result<()> {
    let receiver = receiver(u)?;
    let (headroom, tailroom) = (u.int_in_range(0..=64)?, u.int_in_range(0..=64)?);
    let sent = u.bytes(u.len())?;
    decap_of(receiver, sent, headroom, tailroom);
    Ok(())
}

fn decap_of(receiver: Receiver, sent: &[u8], headroom: usize, tailroom: usize) {
    let mut buffer = [&vec![0xa5; headroom][..], sent, &vec![0x5a; tailroom]].concat();
    let before = buffer.clone();
    let range = headroom..headroom + sent.len();
    let mut frame = Frame::new(&mut buffer[..], range.clone()).unwrap();
    let verdict = vtep(receiver).decap(&mut frame);
    let (now, ours) = (frame.range(), frame.bytes().to_vec());
    let naive = receiver.decap(sent);
    match verdict {
        Ok(_) => {
            assert_eq!(Some(&ours), naive.as_ref(), "{receiver:?}");
            assert!(range.start <= now.start && now.end <= range.end);
            let outside = |buffer: &[u8]| [&buffer[..now.start], &buffer[now.end..]].concat();
            assert_eq!(outside(&buffer), outside(&before), "written outside of the inner frame");
        }
        Err(reason) => {
            assert_eq!((now, &buffer), (range, &before), "changed, and refused: {reason}");
            assert_eq!(naive, None, "{reason}: {receiver:?}");
        }
    }
}

/// A valid packet is accepted, and a nearly valid one refused for what is wrong with it.
pub fn nearly_valid(u: &mut Unstructured<'_>) -> Result<()> {
    let broken = NearlyValid::arbitrary(u)?;
    let packet = broken.packet();
    let vtep = packet.vtep();
    let decap = vtep.inspect(packet.as_bytes()).expect("a valid packet");
    assert_eq!((decap.offset(), decap.info().vni), (packet.inner_at(), packet.vni()));
    assert_eq!(decap.len(), packet.inner().as_bytes().len());
    let verdict = vtep.inspect(broken.as_bytes());
    assert_eq!(verdict, Err(broken.flaw().reason()), "{:?}", broken.flaw());
    Ok(())
}

/// Decap of valid and nearly valid packets, as the naive decoder has it.
pub fn decap_of_packets(u: &mut Unstructured<'_>) -> Result<()> {
    let mut receiver = receiver(u)?;
    let broken = NearlyValid::arbitrary(u)?;
    let packet = broken.packet();
    receiver.port = u16::from_be_bytes([2, 3].map(|at| packet.as_bytes()[packet.udp_at() + at]));
    receiver.vni = receiver.vni.and(Some(packet.vni().value()));
    for bytes in [packet.as_bytes(), broken.as_bytes()] {
        decap_of(receiver, bytes, 3, 5);
    }
    Ok(())
}

/// A frame in a buffer with room in front of it.
fn in_buffer(bytes: &[u8], tx: TxMeta) -> Frame<Vec<u8>> {
    let buffer = [&[0; HEADROOM_MAX], bytes].concat();
    let end = buffer.len();
    Frame::new(buffer, HEADROOM_MAX..end).unwrap().with_tx_meta(tx)
}

/// What encap of `frame` gives; a refused frame is as it was.
fn encap(tunnel: &Tunnel, bytes: &[u8], tx: TxMeta) -> Option<Vec<u8>> {
    let mut frame = in_buffer(bytes, tx);
    let verdict = tunnel.encap(&mut frame, &mut EncapState::predictable());
    if verdict.is_err() {
        assert_eq!(frame.bytes(), bytes, "changed, and refused: {verdict:?}");
    }
    verdict.is_ok().then(|| frame.bytes().to_vec())
}

fn without_tags(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    for _ in 0..2 {
        if matches!(frame[12..14], [0x81, 0] | [0x88, 0xa8]) {
            frame.drain(12..16);
        }
    }
    frame
}

/// Encap, then decap, is the identity, but for tags that are stripped.
pub fn round_trip(u: &mut Unstructured<'_>) -> Result<()> {
    let config = TunnelConfig::arbitrary(u)?;
    let inner = InnerFrame::arbitrary(u)?;
    let tunnel = config.build().expect("a configuration that builds");
    let frame = inner.as_bytes();
    let bytes = if tunnel.carries_packets() { &frame[14..] } else { frame };
    let Some(outer) = encap(&tunnel, bytes, TxMeta::default()) else { return Ok(()) };
    let mut back = in_buffer(&outer, TxMeta::default());
    let vtep = Vtep::linux().port(port_of(&outer)).gbp(true).zero_checksum_v6(true);
    let vtep = vtep.outer_tag(OuterTag::Any).inner_vlan(InnerVlanRx::Keep).vni(tunnel.vni());
    let info = vtep.decap(&mut back).expect("what encap gives, decap takes");
    assert_eq!(info.vni, tunnel.vni());
    let back = if tunnel.carries_packets() { &back.bytes()[14..] } else { back.bytes() };
    assert!(back == bytes || back == without_tags(bytes));
    Ok(())
}

/// The UDP destination port of a packet that encap made.
fn port_of(outer: &[u8]) -> u16 {
    let mut ip_at = 14;
    while outer[ip_at - 2..ip_at] == [0x81, 0] || outer[ip_at - 2..ip_at] == [0x88, 0xa8] {
        ip_at += 4;
    }
    let udp_at = ip_at + if outer[ip_at] >> 4 == 4 { 20 } else { 40 };
    u16::from_be_bytes([outer[udp_at + 2], outer[udp_at + 3]])
}

/// An outer checksum from headers alone is the one from all bytes.
pub fn local_checksum_offload(u: &mut Unstructured<'_>) -> Result<()> {
    let config = TunnelConfig::arbitrary(u)?.zero_checksum_v6(true);
    let inner = InnerFrame::arbitrary(u)?;
    let build = |checksum| config.clone().udp_checksum(checksum).build().expect("a configuration");
    let valid = TxMeta::new().with_inner_checksum(InnerChecksum::Valid);
    let full = build(UdpChecksum::Full);
    let bytes = if full.carries_packets() { &inner.as_bytes()[14..] } else { inner.as_bytes() };
    let lco = encap(&build(UdpChecksum::Lco), bytes, valid);
    assert_eq!(lco, encap(&full, bytes, TxMeta::default()));
    Ok(())
}

/// Every implementation of the sum that this machine has, at any alignment; an update is a sum
/// again.
pub fn checksums(u: &mut Unstructured<'_>) -> Result<()> {
    let (at, word): (usize, u16) = (u.arbitrary()?, u.arbitrary()?);
    let mut bytes = u.bytes(u.len())?.to_vec();
    let want = Sum::word(sum(&bytes));
    assert_eq!(Sum::of(&bytes), want);
    for kernels in Kernels::supported() {
        for start in 0..bytes.len().min(9) {
            assert_eq!(
                kernels.sum(&bytes[start..]),
                Sum::word(sum(&bytes[start..])),
                "{kernels:?}"
            );
        }
    }
    let (even, odd) = bytes.split_at((at % (bytes.len() + 1)) & !1);
    assert_eq!(Sum::of(even) + Sum::of(odd), want);
    if even.len() >= 2 {
        let place = even.len() - 2;
        let (old, checksum) = (u16::from_be_bytes([even[place], even[place + 1]]), !sum(&bytes));
        bytes[place..place + 2].copy_from_slice(&word.to_be_bytes());
        let updated = update(checksum, old, word);
        // Zero has two forms: 0x0000 comes from bytes that are all zero alone.
        let same = |one: u16, other: u16| one % 0xffff == other % 0xffff;
        assert!(same(updated, !sum(&bytes)), "{checksum:04x} {old:04x} {word:04x}");
    }
    Ok(())
}

/// A batch does what single calls do.
pub fn batches(u: &mut Unstructured<'_>) -> Result<()> {
    let tunnels = [TunnelConfig::arbitrary(u)?, TunnelConfig::arbitrary(u)?]
        .map(|config| config.source_ports(SourcePorts::LINUX).build().expect("a configuration"));
    let route = |frame: &Frame<Vec<u8>>| match frame.bytes().last() {
        Some(last) if last % 3 < 2 => tunnels.get(usize::from(last % 3)),
        _ => None,
    };
    let vtep: Vtep<'_> = u.arbitrary()?;
    let mut frames = Vec::new();
    for _ in 0..u.int_in_range(0..=40)? {
        let bytes = match u.int_in_range(0..=3)? {
            0 => u.arbitrary::<Vec<u8>>()?,
            1 => NearlyValid::arbitrary(u)?.as_bytes().to_vec(),
            2 => VxlanPacket::arbitrary(u)?.as_bytes().to_vec(),
            _ => InnerFrame::arbitrary(u)?.as_bytes().to_vec(),
        };
        frames.push(in_buffer(&bytes, TxMeta::default()));
    }
    let mut verdicts = vec![Ok(()); frames.len()];
    let mut infos = vec![TunnelInfo::NONE; frames.len()];

    let (mut one, mut all) = (frames.clone(), frames.clone());
    let taken: Vec<_> = one.iter_mut().map(|frame| vtep.decap(frame)).collect();
    let passed =
        decap_batch(&vtep, &mut all, Some(&mut infos), &mut verdicts).expect("lengths agree");
    assert_eq!(passed, taken.iter().flatten().count());
    for ((taken, info), verdict) in taken.iter().zip(&infos).zip(&verdicts) {
        assert_eq!((taken.map(drop), taken.unwrap_or(TunnelInfo::NONE)), (*verdict, *info));
    }
    assert!(one.iter().map(Frame::bytes).eq(all.iter().map(Frame::bytes)));

    let (mut one, mut all) = (frames.clone(), frames);
    let (mut core, mut batch_core) = (EncapState::predictable(), EncapState::predictable());
    let mut encap = |frame: &mut Frame<Vec<u8>>| match route(frame) {
        Some(tunnel) => tunnel.encap(frame, &mut core),
        None => Err(vtep::verdict::DropReason::NoRoute),
    };
    let sent: Vec<Verdict> = one.iter_mut().map(&mut encap).collect();
    let passed = encap_batch(&mut all, |_, frame| route(frame), &mut batch_core, &mut verdicts)
        .expect("lengths agree");
    assert_eq!((passed, &verdicts), (sent.iter().flatten().count(), &sent));
    assert!(one.iter().map(Frame::bytes).eq(all.iter().map(Frame::bytes)));
    Ok(())
}

/// Lease keys and JSON: what is generated is read; what is read is printed, and read again.
pub fn leases(u: &mut Unstructured<'_>) -> Result<()> {
    let key = LeaseKey::arbitrary(u)?;
    assert_eq!(key.to_string().parse(), Ok(key));
    let text = LeaseText::arbitrary(u)?;
    let value = LeaseValue::from_json(text.as_str()).expect("a value");
    print_and_read(value);
    let config = ConfigText::arbitrary(u)?;
    let read = NetworkConfig::from_json(config.as_str()).expect("a configuration");
    let pools = read.pools().unwrap_or_else(|error| panic!("{error}: {config:?}"));
    assert_eq!(pools.ipv6.is_some(), read.enable_ipv6);
    let broken = ConfigText::nearly_valid(u)?;
    match NetworkConfig::from_json(broken.as_str()) {
        Err(NetworkConfigError::Record(RecordError::Field { field, .. })) => {
            assert_eq!(Some(field), broken.broken());
        }
        other => panic!("{other:?} of {broken:?}"),
    }
    Ok(())
}

fn print_and_read(value: LeaseValue<'_>) {
    let printed = value.to_string();
    let again = LeaseValue::from_json(&printed).expect(&printed);
    assert_eq!(again.to_string(), printed);
    assert!(is_json(&printed), "{printed}");
    if let Ok(known) = serde_json::from_str::<serde_json::Value>(&printed) {
        let public_ip = value.public_ip.unwrap_or(core::net::Ipv4Addr::UNSPECIFIED);
        assert_eq!(known["PublicIP"], public_ip.to_string());
    }
}

/// Whether another reader finds JSON. It looks at the grammar alone: an escaped surrogate without
/// its other half is a character here as in Go, and an error in serde_json's values.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<&serde_json::value::RawValue>(text.trim()).is_ok()
}

/// Any text: what is taken for a lease key or JSON is printed, and read again; another reader
/// agrees.
pub fn texts(u: &mut Unstructured<'_>) -> Result<()> {
    let Ok(text) = std::str::from_utf8(u.bytes(u.len())?) else { return Ok(()) };
    if let Ok(key) = text.parse::<LeaseKey>() {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    if let Ok(value) = LeaseValue::from_json(text) {
        print_and_read(value);
        assert!(is_json(text), "{text}");
    }
    if let Ok(config) = NetworkConfig::from_json(text) {
        assert!(is_json(text), "{text}");
        let _ = config.pools();
    }
    Ok(())
}

/// Netlink: a generated message is walked to its end and built again; a wrong length is found.
pub fn netlink_messages(u: &mut Unstructured<'_>) -> Result<()> {
    let message = NetlinkMessage::arbitrary(u)?;
    let bytes = message.as_bytes();
    let read: Vec<_> = Messages::new(bytes).collect();
    let [Ok(read)] = read[..] else { panic!("{read:?}") };
    let body = read.body().expect("a body");
    assert_eq!(body.trailing(), &bytes[message.trailing_at()..]);
    let mut again = vec![0; bytes.len() + 4];
    let len = read.rebuild(&mut again).expect("a message");
    assert_eq!(&again[..len], bytes);
    attributes_are_rebuilt(body);
    drop((format!("{body:?}"), Dump::new(read.header.seq).step(&read)));

    let broken = NearlyValidMessage::arbitrary(u)?;
    let read = Messages::new(broken.as_bytes()).next().expect("something");
    match broken.flaw() {
        MessageFlaw::LenShort | MessageFlaw::LenLong => {
            assert!(matches!(read, Err(MessageError::Length { .. })));
        }
        MessageFlaw::AttrLenShort | MessageFlaw::AttrLenLong => {
            let body = read.expect("a message").body().expect("a body");
            let rest = &broken.as_bytes()[broken.attrs_at()..];
            assert_eq!(body.trailing(), rest, "all that follows");
            assert_eq!(Attrs::new(rest).check().unwrap_err().offset, 0);
        }
    }
    Ok(())
}

/// An attribute of a next hop, at any depth, is written again from what it was read as.
fn attributes_are_rebuilt(body: Body<'_>) {
    let Body::Route(route) = body else { return };
    let mut nests = vec![route.attrs()];
    while let Some(attrs) = nests.pop() {
        for attr in attrs {
            let read = RouteAttr::decode(attr);
            let header = Header::request(MessageType::NEWROUTE, MessageFlags::empty(), 1);
            let mut again = [0; 4096];
            let len = build(&mut again, header, |writer| read.emit(writer)).expect("an attribute");
            let again = Attrs::new(&again[16..len]).next().expect("an attribute");
            assert_eq!((again.raw_type(), again.value()), (attr.raw_type(), attr.value()));
            match read {
                RouteAttr::Multipath(hops) => nests.extend(hops.iter().map(|hop| hop.attrs())),
                RouteAttr::Encap(nest) | RouteAttr::Metrics(nest) => nests.push(nest.attrs()),
                _ => {}
            }
        }
    }
}

/// Netlink from anything: the walk ends, and what is read is built again to the byte.
pub fn netlink_walk(u: &mut Unstructured<'_>) -> Result<()> {
    let bytes = u.bytes(u.len())?;
    for message in Messages::new(bytes).flatten() {
        let Ok(body) = message.body() else { continue };
        drop(format!("{body:?}"));
        let mut again = vec![0; message.payload().len() + 32];
        let len = message.rebuild(&mut again).expect("it was read");
        assert_eq!(again[16..len][..message.payload().len()], *message.payload());
    }
    Ok(())
}

/// The allocator against a set of what is taken.
pub fn allocator(u: &mut Unstructured<'_>) -> Result<()> {
    let network: Ipv4Prefix = *u.choose(&[
        "10.3.0.0/16".parse().expect("a prefix"),
        "10.3.0.0/22".parse().expect("a prefix"),
        "10.0.0.0/12".parse().expect("a prefix"),
    ])?;
    let pool = PoolConfig::new(network).pool().expect("a pool");
    let mut words = vec![u.arbitrary()?; SubnetAllocator::words(&pool)];
    let mut others = [OtherLease::EMPTY; 4];
    let mut allocator = SubnetAllocator::new(pool, &mut words, &mut others).expect("words");
    let mut taken = BTreeSet::new();
    let free = |taken: &BTreeSet<Ipv4Prefix>| -> Vec<Ipv4Prefix> {
        pool.subnets().filter(|subnet| !taken.contains(subnet)).take(100).collect()
    };
    for _ in 0..u.int_in_range(0..=64)? {
        let Some(subnet) = pool.nth(u128::from(u.arbitrary::<u16>()?) % pool.count()) else {
            continue;
        };
        match u.int_in_range(0..=3)? {
            0 => {
                let candidates = free(&taken);
                let index: u32 = u.arbitrary()?;
                let got = allocator.allocate(|count| {
                    assert_eq!(count as usize, candidates.len());
                    index % count
                });
                match candidates.get(index as usize % candidates.len().max(1)) {
                    Some(want) => assert_eq!(got, Ok(*want)),
                    None => assert!(got.is_err()),
                }
                taken.extend(got);
            }
            1 => {
                allocator.reserve(subnet).expect("a bit for each");
                taken.insert(subnet);
            }
            2 => {
                allocator.release(subnet);
                taken.remove(&subnet);
            }
            _ => assert_eq!(allocator.is_free(subnet), !taken.contains(&subnet)),
        }
    }
    assert!(allocator.candidates().take(100).eq(free(&taken)));
    Ok(())
}

/// All of them, by name.
pub const ALL: [(&str, Property); 13] = [
    ("parsers", parsers),
    ("decap", decap),
    ("nearly_valid", nearly_valid),
    ("decap_of_packets", decap_of_packets),
    ("round_trip", round_trip),
    ("local_checksum_offload", local_checksum_offload),
    ("checksums", checksums),
    ("batches", batches),
    ("leases", leases),
    ("texts", texts),
    ("netlink_messages", netlink_messages),
    ("netlink_walk", netlink_walk),
    ("allocator", allocator),
];
