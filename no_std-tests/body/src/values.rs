//! Conversions of field types, setters that keep checksums, and packets that are edited in place.

use core::net::{Ipv4Addr, Ipv6Addr};

use vtep::checksum::Sum;
use vtep::wire::{
    ArpHeader, ArpOperation, Build, Dscp, EtherType, EthernetBuilder, EthernetFrameMut,
    EthernetHeader, FlowLabel, FragmentOffset, HeaderOptions, Icmpv4Header, Icmpv6Header,
    IpProtocol, Ipv4Header, Ipv4PacketMut, Ipv6Builder, Ipv6FragmentHeader, Ipv6Header,
    Ipv6PacketMut, MacAddr, OutOfRange, Pcp, TcpBuilder, TcpHeader, TcpSegment, TcpSegmentMut,
    TrafficClass, UdpDatagramMut, UdpHeader, VlanHeader, VlanId, Vni, VxlanHeader,
};

use crate::wire::FRAME;
use crate::{Checks, any, v6};

/// Each type: a value that fits, one that does not, and a text of each.
macro_rules! bounded {
    ($checks:ident, $($number:ident($integer:ty) $fits:literal $beyond:literal $text:literal;)*) => {$(
        $checks.all(concat!(stringify!($number), ": conversions"), || {
            let number = $number::try_from(any::<$integer>($fits)).ok()?;
            let refused: Result<$number, OutOfRange> = any::<$integer>($beyond).try_into();
            Some(
                <$integer>::from(number) == $fits
                    && number == $number::literal::<$fits>()
                    && any(stringify!($fits)).parse() == Ok(number)
                    && any($text).parse::<$number>().is_err()
                    && refused.is_err(),
            )
        });
    )*};
}

macro_rules! unbounded {
    ($checks:ident, $($number:ident($integer:ty) $value:literal;)*) => {$(
        $checks.is(concat!(stringify!($number), ": conversions"), {
            let number = $number::from(any::<$integer>($value));
            <$integer>::from(number) == $value
                && any(stringify!($value)).parse() == Ok(number)
                && any("65536").parse::<$number>().is_err()
        });
    )*};
}

/// Each header: its conversions of bytes.
macro_rules! headers {
    ($checks:ident, $($header:ident)*) => {$(
        $checks.is(concat!(stringify!($header), ": conversions"), {
            let header = $header::from(any([0x45; $header::LEN]));
            <[u8; $header::LEN]>::from(header) == [0x45; $header::LEN]
        });
    )*};
}

// A frame of its own, for `callgraph.py`.
#[inline(never)]
pub(crate) fn run(checks: &mut Checks<'_>) {
    bounded!(checks,
        Vni(u32) 0x64 0x100_0000 "16777216";
        VlanId(u16) 100 4096 "0x1000";
        Pcp(u8) 5 8 "x";
        Dscp(u8) 46 64 "";
        FlowLabel(u32) 0xabc 0x10_0000 "0x";
        FragmentOffset(u16) 185 8192 "-1";
    );
    unbounded!(checks, EtherType(u16) 0x0800; IpProtocol(u8) 17; TrafficClass(u8) 0xb8; ArpOperation(u16) 2;);
    headers!(checks, ArpHeader EthernetHeader Icmpv4Header Icmpv6Header Ipv4Header Ipv6FragmentHeader);
    headers!(checks, Ipv6Header TcpHeader UdpHeader VlanHeader VxlanHeader);
    checks.is("mac: conversions", {
        let mac = MacAddr::from(any([2, 0, 0, 0, 0, 1]));
        <[u8; 6]>::from(mac) == [2, 0, 0, 0, 0, 1]
            && MacAddr::random_local(any([1, 0, 0, 0, 0, 1])) == mac
    });
    checks.is("options: conversion", HeaderOptions::try_from(any(&[1; 41][..])).is_err());
    setters(checks);
    edits(checks);
}

/// The bytes sum to what they summed to.
fn setters(checks: &mut Checks<'_>) {
    checks.is("ipv4: setters keep the sum", {
        let mut header = Ipv4Header::from_bytes(any([0x45; 20]));
        let before = Sum::of(header.as_bytes());
        header.set_protocol(any(IpProtocol::TCP));
        header.set_fragment_offset(any(FragmentOffset::MAX));
        Sum::of(header.as_bytes()) == before
    });
    checks.is("tcp: setters keep the sum", {
        let mut header = TcpHeader::from_bytes(any([0x45; 20]));
        let before = Sum::of(header.as_bytes());
        header.set_sequence(any(1));
        header.set_acknowledgment(any(2));
        header.set_window(any(3));
        header.set_urgent_pointer(any(4));
        Sum::of(header.as_bytes()) == before
    });
    checks.is("icmp: setters keep the sum", {
        let mut v4 = Icmpv4Header::from_bytes(any([0x45; 8]));
        let mut v6 = Icmpv6Header::from_bytes(any([0x45; 8]));
        v4.set_rest(any([1, 2, 3, 4]));
        v6.set_rest(any([1, 2, 3, 4]));
        v4.update_checksum(any(1_u16), any(1_u16));
        v6.update_checksum(any(1_u32), any(1_u32));
        let before = Sum::of(&[0x45; 8]);
        Sum::of(v4.as_bytes()) == before && Sum::of(v6.as_bytes()) == before
    });
    checks.is("udp: the length, twice", {
        let mut header = UdpHeader::from_bytes(any([0x45; 8]));
        header.set_datagram_len(any(0x4546));
        (header.datagram_len(), header.checksum()) == (0x4546, 0x4543)
    });
    checks.is("sum: of addresses", {
        let (v4, v6) = (any(Ipv4Addr::LOCALHOST), any(Ipv6Addr::LOCALHOST));
        Sum::from(v4) == Sum::of(&[127, 0, 0, 1]) && Sum::from(v6) == Sum::from(1_u32) + 0
    });
}

fn edits(checks: &mut Checks<'_>) {
    checks.all("edit: UDP over IPv4", || {
        let mut bytes = any(FRAME);
        let frame = EthernetFrameMut::parse(&mut bytes).ok()?;
        let mut ipv4 = Ipv4PacketMut::parse(frame.payload).ok()?;
        let pseudo = ipv4.pseudo_header();
        ipv4.header.set_checksum_raw(0);
        ipv4.fill_checksum();
        let mut udp = UdpDatagramMut::parse(ipv4.payload).ok()?;
        udp.header.set_checksum_raw(1);
        udp.header.update_checksum(any(1_u16), any(2_u16));
        udp.fill_checksum(&pseudo);
        Some(frame.ethertype == EtherType::IPV4 && bytes == FRAME)
    });
    checks.all("edit: TCP over IPv6", || {
        let tcp = TcpBuilder::new(any(1), 2, b"abcd");
        let mut bytes = [0; 14 + 40 + 24];
        let (source, destination) = (v6(1), v6(2));
        let ipv6 = Ipv6Builder::new(source, destination, tcp);
        EthernetBuilder::new(MacAddr::ZERO, MacAddr::ZERO, ipv6).build(&mut bytes).ok()?;
        let ipv6 = Ipv6PacketMut::parse(bytes.get_mut(14..)?).ok()?;
        let pseudo = vtep::wire::PseudoHeader::v6(source, destination, ipv6.protocol);
        let mut segment = TcpSegmentMut::parse(ipv6.payload).ok()?;
        segment.header.update_checksum(any(1_u16), any(2_u16));
        segment.fill_checksum(&pseudo).ok()?;
        let segment = TcpSegment::parse(bytes.get(54..)?).ok()?;
        Some(segment.is_checksum_valid(&pseudo))
    });
    checks.all("build: arrays", || {
        let mut out = [0; 4];
        let is_copied = any([1, 2]).build(&mut out).ok()? == [1, 2];
        let lens = (Build::len(&any([0; 3])), Build::len(&any(&[0; 3])));
        let fits = Build::check(&any([0; 3])).is_ok() && Build::check(&any(&[0; 3])).is_ok();
        Some(is_copied && lens == (3, 3) && fits)
    });
}
