//! Encap and decap to the byte, and every reason to refuse a packet.

use core::net::{IpAddr, Ipv4Addr};

use vtep::buf::{
    ArrayFrame, Frame, FrameBuf, InnerChecksum, NicChecksum, OuterChecksum, PartialChecksum,
    RxMeta, TxMeta,
};
use vtep::checksum::Sum;
use vtep::tunnel::ecn::{self, EcnDecap};
use vtep::tunnel::minimal::{MinimalV4, decap_v4, encap_v4};
use vtep::tunnel::mtu::IcmpSuppressed;
use vtep::tunnel::{
    Adjacency, Df, DscpModel, EcnEncap, EncapState, FlowHashKey, InnerVlanRx, InnerVlanTx, IpId,
    OuterDscp, OuterTag, ReservedBits, Set, SourcePorts, Ttl, Tunnel, TunnelConfig,
    TunnelConfigError, TunnelInfo, UdpChecksum, UdpChecksumPolicy, Vtep, mtu, overlay_mtu,
};
use vtep::verdict::{DropCounters, DropReason, Verdict};
use vtep::wire::{
    BuildError, Ecn, FlowLabel, Gbp, Ipv4Header, MacAddr, TrafficClass, VlanId, VlanTag, Vni,
    VxlanHeader,
};

use crate::wire::FRAME;
use crate::{Checks, any, ip, v6};

/// What stands before [`FRAME`] over IPv4, port 8472, VNI 1, without a checksum.
const OVER_V4: [u8; 50] = [
    2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 0x52, 0, 0, 0x40, 0, 0x40, 0x11, 0xb9,
    0x2f, 0xc0, 0xa8, 0, 0x0a, 0xc0, 0xa8, 0, 0x11, 0xd1, 0x12, 0x21, 0x18, 0, 0x3e, 0, 0, 8, 0, 0,
    0, 0, 0, 1, 0,
];
/// The UDP checksum there, if there is one.
const CHECKSUM_V4: [u8; 2] = [0xde, 0x9b];
/// The same over IPv6, from UDP on.
const UDP_OVER_V6: [u8; 8] = [0xd1, 0x12, 0x21, 0x18, 0, 0x3e, 0x04, 0x7b];

type Packet = ArrayFrame<256>;

// A frame of its own, for `callgraph.py`.
#[inline(never)]
pub(crate) fn run(checks: &mut Checks<'_>) {
    buffers(checks);
    config(checks);
    encap(checks);
    policies(checks);
    decap(checks);
    refused_by_encap(checks);
    refused_by_decap(checks);
    congestion(checks);
    too_big(checks);
    counters(checks);
}

fn mac(last: u8) -> MacAddr {
    MacAddr::new([2, 0, 0, 0, 0, any(last)])
}

fn between(local: IpAddr, remote: IpAddr) -> TunnelConfig {
    TunnelConfig::rfc7348(local, remote, Adjacency::new(mac(2), mac(1)))
        .vni(Vni::from_be_bytes(any([0, 0, 1])))
        .port(any(8472))
        .source_ports(SourcePorts::inclusive(any(53_522), 53_522).unwrap_or(SourcePorts::RFC7348))
}

pub(crate) fn config_v4() -> TunnelConfig {
    between(ip(192, 168, 0, 10), ip(192, 168, 0, 17))
}

fn config_v6() -> TunnelConfig {
    between(IpAddr::V6(v6(0xa)), IpAddr::V6(v6(0x11)))
}

fn framed(bytes: &[u8]) -> Option<Packet> {
    Packet::from_bytes_with_headroom(bytes, any(88)).ok()
}

fn sent(config: &TunnelConfig, bytes: &[u8]) -> Option<Packet> {
    let mut frame = framed(bytes)?;
    config.build().ok()?.encap(&mut frame, &mut EncapState::predictable()).ok()?;
    Some(frame)
}

/// `OVER_V4` and the frame.
pub(crate) fn packet_v4() -> [u8; 96] {
    let mut packet = [0; 96];
    packet.iter_mut().zip(any(OVER_V4).iter().chain(&FRAME)).for_each(|(to, from)| *to = *from);
    packet
}

/// A checksum of the outer IPv4 header that is right again.
fn mended(mut packet: [u8; 96]) -> [u8; 96] {
    if let Some(Ok((header, _))) = packet.get_mut(14..).map(Ipv4Header::mut_from_prefix) {
        header.fill_checksum(&[]);
    }
    packet
}

fn with<const N: usize>(mut packet: [u8; N], at: usize, value: u8) -> [u8; N] {
    if let Some(byte) = packet.get_mut(any(at)) {
        *byte = value;
    }
    packet
}

fn buffers(checks: &mut Checks<'_>) {
    let mut memory = any(*b"0123456789");
    checks.all("buf: a borrowed frame", || {
        let mut frame = Frame::new(&mut memory[..], any(0)..0).ok()?;
        let refused = frame.reset(any(4)..11).err()?;
        let refused = (refused.start, refused.end, refused.available) == (4, 11, 10);
        frame.reset(any(4)..8).ok()?;
        let refused = refused && frame.buffer_mut().len() == 10 && frame.headroom() == 4;
        frame.push_front(any(4)).ok()?;
        let grown = refused
            && frame.bytes() == b"01234567"
            && frame.push_front(any(1)) == Err(DropReason::NoHeadroom);
        frame.pull_front(any(3)).ok()?;
        frame.truncate(any(4));
        *frame.bytes_mut().first_mut()? = b'x';
        let mut split = false;
        let refused = frame.push_header::<3, DropReason>(|room, bytes| {
            split = (&*room, bytes) == (b"012", b"x456");
            Err(DropReason::NotIp)
        });
        let split = split && refused == Err(DropReason::NotIp);
        frame.prefetch(any(3));
        frame.prefetch_descriptor();
        let is_cut = frame.range() == (3..7) && frame.total_len() == 4;
        Some(grown && split && is_cut && frame.into_buffer() == b"012x456789")
    });
    checks.all("buf: what is known of a frame", || {
        let tx = TxMeta::new().with_flow_hash(any(7)).with_outer_checksum(OuterChecksum::Nic);
        let good = NicChecksum::Good;
        let rx = RxMeta::new().with_ip_checksum(good).with_udp_checksum(any(good));
        let frame = Packet::from_bytes_with_headroom(any(b"abc"), 9).ok()?;
        let frame = frame.with_tx_meta(tx).with_rx_meta(rx);
        let too_long = Packet::from_bytes_with_headroom(&FRAME, any(255)).is_err();
        Some((frame.tx_meta(), frame.rx_meta()) == (tx, rx) && too_long)
    });
    checks.all("buf: a partial checksum", || {
        let partial = PartialChecksum::new(any(2), 2);
        let mut frame = Packet::from_bytes_with_headroom(any(&[1, 2, 3, 4, 0x12, 0x34]), 9).ok()?;
        frame.set_rx_meta(RxMeta::new().with_partial(partial));
        let found = frame.meta()?.partial() == Some(partial);
        frame.complete_checksum().ok()?;
        let valid = InnerChecksum::Valid;
        let noted = frame.tx_meta() == TxMeta::new().with_inner_checksum(valid);
        frame.set_tx_meta(TxMeta::new().with_inner_checksum(InnerChecksum::Partial(partial)));
        let place = (partial.start(), partial.offset()) == (2, 2);
        // 0304 and 1234 add up to 1538.
        Some(found && noted && place && frame.bytes() == [1, 2, 3, 4, 0xea, 0xc7])
    });
}

fn config(checks: &mut Checks<'_>) {
    let mixed = between(ip(1, 2, 3, 4), IpAddr::V6(v6(1))).build().err();
    checks
        .is("config: two families", matches!(mixed, Some(TunnelConfigError::MixedFamilies { .. })));
    checks.is("config: a range without ports", SourcePorts::linux(any(9), 9).is_err());
    let ports = SourcePorts::linux(any(9), 11)
        .map(|ports| (ports.min(), ports.max(), ports.port(any(u32::MAX))));
    checks.is(
        "config: a range of Linux",
        ports.is_ok_and(|(min, max, port)| (min, max) == (9, 10) && port <= 10),
    );
    checks.all("config: a tunnel's own", || {
        let mut tunnel = config_v4().build().ok()?;
        let packets = config_v6().inner_ethernet(mac(4), mac(3)).build().ok()?;
        tunnel.set_adjacency(Adjacency::new(mac(7), mac(8)));
        let mut frame = framed(&FRAME)?;
        tunnel.encap(&mut frame, &mut EncapState::predictable()).ok()?;
        Some(
            frame.bytes().first_chunk() == Some(&[2, 0, 0, 0, 0, 7, 2, 0, 0, 0, 0, 8])
                && (tunnel.remote(), tunnel.vni().value()) == (ip(192, 168, 0, 17), 1)
                && (tunnel.headroom(), packets.headroom()) == (50, 84)
                && (tunnel.carries_packets(), packets.carries_packets()) == (false, true),
        )
    });
}

fn encap(checks: &mut Checks<'_>) {
    checks.all("encap: over IPv4", || Some(sent(&config_v4(), &FRAME)?.bytes() == packet_v4()));
    checks.all("encap: over IPv4, summed", || {
        let config = config_v4().udp_checksum(UdpChecksum::Full);
        let lco = config_v4().udp_checksum(UdpChecksum::Lco).inner_checksum_valid(true);
        let summed = [sent(&config, &FRAME)?, sent(&lco, &FRAME)?];
        Some(summed.iter().all(|frame| frame.bytes().get(40..42) == Some(&CHECKSUM_V4)))
    });
    checks.all("encap: over IPv6", || {
        let frame = sent(&config_v6(), &FRAME)?;
        Some(frame.bytes().get(54..62)? == UDP_OVER_V6 && frame.total_len() == 70 + 46)
    });
    checks.all("encap: an IP packet", || {
        let (destination, rest) = FRAME.split_first_chunk()?;
        let (source, _) = rest.split_first_chunk()?;
        let macs = [MacAddr::new(*destination), MacAddr::new(*source)];
        let packets = config_v4().inner_ethernet(macs[0], macs[1]);
        Some(sent(&packets, FRAME.get(14..)?)?.bytes() == packet_v4())
    });
    checks.all("encap: the NIC sums", || {
        let tunnel = config_v4().udp_checksum(UdpChecksum::Full).build().ok()?;
        let tx = TxMeta::new().with_outer_checksum(OuterChecksum::Nic);
        let mut frame = framed(&FRAME)?.with_tx_meta(tx);
        tunnel.encap(&mut frame, &mut EncapState::predictable()).ok()?;
        // The pseudo-header: two addresses, 17, 62.
        Some(frame.bytes().get(40..42)? == [0x81, 0xbb])
    });
}

/// Every policy, on a tagged underlay, for both families.
fn policies(checks: &mut Checks<'_>) {
    for (name, config) in
        [("encap: policies over IPv4", config_v4()), ("encap: policies over IPv6", config_v6())]
    {
        checks.all(name, || {
            let tag = VlanTag::customer(VlanId::new(any(5)).ok()?);
            let key = FlowHashKey::new(any([7; 16]));
            let config = config
                .ttl(Ttl::Inherit)
                .dscp(OuterDscp::Inherit)
                .df(Df::Inherit)
                .ip_id(IpId::Counter)
                .ecn(EcnEncap::Linux)
                .flow_label(FlowLabel::new(any(1)).ok()?)
                .udp_checksum(UdpChecksum::None)
                .zero_checksum_v6(true)
                .inner_vlan(InnerVlanTx::Keep)
                .gbp(Some(Gbp::from_mark(any(3))))
                .mtu(any(32));
            let mut tunnel = config.build().ok()?;
            tunnel.set_adjacency(Adjacency::new(mac(2), mac(1)).tagged(tag));
            let mut frame = framed(&FRAME)?;
            tunnel.encap(&mut frame, &mut EncapState::new(key, any(77))).ok()?;
            let ttl_at = if tunnel.remote().is_ipv4() { 18 + 8 } else { 18 + 7 };
            let vtep = Vtep::linux()
                .locals(Set::Any)
                .outer_tag(OuterTag::One(tag.id()))
                .gbp(true)
                .zero_checksum_v6(true);
            let inherited = frame.bytes().get(ttl_at) == Some(&63);
            let info = vtep.decap(&mut frame).ok()?;
            Some(inherited && frame.bytes() == FRAME && info.gbp == Some(Gbp::from_mark(3)))
        });
    }
    checks.all("encap: the Linux profile", || {
        let config =
            TunnelConfig::linux(ip(10, 0, 0, 1), ip(10, 0, 0, 2), Adjacency::new(mac(2), mac(1)));
        let mut frame = sent(&config, &FRAME)?;
        let id = frame.bytes().get(18..20)? == [0, 0];
        let info = Vtep::linux().decap(&mut frame).ok()?;
        let port = (32_768..60_999).contains(&info.source_port);
        Some(id && port && (info.ecn(), info.dscp().value()) == (Ecn::NotEct, 0))
    });
}

fn decap(checks: &mut Checks<'_>) {
    let packet = packet_v4();
    let vnis = [Vni::from_be_bytes([0, 0, 1]), Vni::from_be_bytes([0, 0, 9])];
    checks.all("decap: inspected and applied", || {
        let vtep = Vtep::rfc7348()
            .ports(Set::sorted(any(&[4789, 8472][..])).ok()?)
            .local(ip(192, 168, 0, 17))
            .vnis(Set::sorted(&vnis).ok()?)
            .own_mac(mac(9))
            .reserved_bits(ReservedBits::Reject)
            .udp_checksum(UdpChecksumPolicy::Accept)
            .inner_vlan(InnerVlanRx::Keep)
            .dscp_model(DscpModel::Uniform);
        let found = vtep.inspect(&packet).ok()?;
        let head = vtep.inspect_head(packet.get(..84)?, 96, RxMeta::default()).ok()?;
        let mut frame = framed(&packet)?;
        found.apply(&mut frame).ok()?;
        let info = found.info();
        Some(
            found == head
                && (found.offset(), found.len(), found.inner_class()) == (50, 46, None)
                && frame.bytes() == FRAME
                && (info.remote, info.vni, info.source_port)
                    == (ip(192, 168, 0, 10), any(vnis)[0], 53_522),
        )
    });
    checks.all("decap: the plain ones", || {
        let tunnel = config_v4().build().ok()?;
        let plain = MinimalV4::new(&tunnel)?;
        let mut frame = framed(&FRAME)?;
        encap_v4(plain, &mut frame, &mut EncapState::predictable()).ok()?;
        let is_same = frame.bytes() == packet && plain.tunnel().headroom() == 50;
        let info = decap_v4(&Vtep::linux(), &mut frame).ok()?;
        Some(is_same && frame.bytes() == FRAME && info.source_port == 53_522)
    });
    checks.is("decap: members out of order", Set::sorted(any(&[2, 1][..])).is_err());
    checks.all("decap: congestion is passed on", || {
        let mut ect = with(packet, 51 + 14, 0x02);
        if let Some(Ok((inner, _))) = ect.get_mut(64..).map(Ipv4Header::mut_from_prefix) {
            inner.fill_checksum(&[]);
        }
        let marked = mended(with(ect, 15, 0x03));
        let mut frame = framed(&marked)?;
        let class = Vtep::linux().inspect(&marked).ok()?.inner_class();
        Vtep::linux().decap(&mut frame).ok()?;
        let (inner, _) = Ipv4Header::ref_from_prefix(frame.bytes().get(14..)?).ok()?;
        let is_valid = inner.is_checksum_valid(&[]) && inner.traffic_class() == TrafficClass(3);
        Some(is_valid && class == Some(TrafficClass(3)))
    });
    checks.is("decap: from somewhere", {
        let info = TunnelInfo::new(Vni::from_be_bytes(any([0, 0, 7])), ip(192, 168, 0, 17));
        (info.vni.value(), info.source_port) == (7, 0)
    });
    checks.is("decap: from nowhere", any(TunnelInfo::NONE) == TunnelInfo::default());
}

/// What encap makes of a frame that it refuses: the reason, and the frame as it was.
fn refusal(config: &TunnelConfig, bytes: &[u8], room: usize, tx: TxMeta) -> Option<DropReason> {
    let mut frame = Packet::from_bytes_with_headroom(bytes, any(room)).ok()?.with_tx_meta(tx);
    let verdict = config.build().ok()?.encap(&mut frame, &mut EncapState::predictable());
    verdict.err().filter(|_| frame.bytes() == bytes)
}

fn refused_by_encap(checks: &mut Checks<'_>) {
    let plain = TxMeta::default();
    let mut is = |name: &str, want, got: Option<DropReason>| checks.is(name, got == Some(want));
    let config = config_v4();
    is("encap: no-headroom", DropReason::NoHeadroom, refusal(&config, &FRAME, 49, plain));
    let small = config_v4().mtu(any(31));
    is("encap: too-big", DropReason::TooBig, refusal(&small, &FRAME, 88, plain));
    is(
        "encap: inner-truncated",
        DropReason::InnerTruncated,
        refusal(&config, any(&[0; 13]), 88, plain),
    );
    let packets = config_v4().inner_ethernet(mac(4), mac(3));
    is("encap: not-ip", DropReason::NotIp, refusal(&packets, any(&[0x50; 40]), 88, plain));
    let packet = FRAME.get(14..).unwrap_or_default();
    is("encap: not-ethernet", DropReason::NotEthernet, refusal(&config, any(packet), 88, plain));
    let summed = config_v4().udp_checksum(UdpChecksum::Full);
    let partial =
        TxMeta::new().with_inner_checksum(InnerChecksum::Partial(PartialChecksum::new(34, 6)));
    let refused = refusal(&summed, any(&[1; 46]), 88, partial);
    is("encap: partial-checksum", DropReason::PartialChecksum, refused);
    let mut chained = Chained { head: framed(&FRAME), behind: any(1) };
    let verdict =
        summed.build().map(|tunnel| tunnel.encap(&mut chained, &mut EncapState::predictable()));
    checks.is("encap: not-linear", verdict == Ok(Err(DropReason::NotLinear)));
    let mut long = Chained { head: framed(&FRAME), behind: any(65_500) };
    let verdict =
        config.build().map(|tunnel| tunnel.encap(&mut long, &mut EncapState::predictable()));
    checks.is("encap: too-long", verdict == Ok(Err(DropReason::TooLong)));
    checks.all("encap: a tag that fails is put back", || {
        let mut tagged = [0_u8; 50];
        let (macs, rest) = FRAME.split_first_chunk::<12>()?;
        let bytes = macs.iter().chain(any(&[0x81, 0, 0, 5])).chain(rest);
        tagged.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        let refused = refusal(&small, &tagged, 88, plain) == Some(DropReason::TooBig);
        Some(refused && sent(&config, &tagged)?.bytes() == packet_v4())
    });
}

/// A frame of which `behind` bytes are not at hand.
struct Chained {
    head: Option<Packet>,
    behind: usize,
}

impl FrameBuf for Chained {
    fn bytes(&self) -> &[u8] {
        self.head.as_ref().map(FrameBuf::bytes).unwrap_or_default()
    }

    fn split_headroom(&mut self) -> (&mut [u8], &mut [u8]) {
        self.head.as_mut().map(FrameBuf::split_headroom).unwrap_or_default()
    }

    fn push_front(&mut self, count: usize) -> Verdict {
        self.head.as_mut().ok_or(DropReason::NoHeadroom)?.push_front(count)
    }

    fn pull_front(&mut self, count: usize) -> Verdict {
        self.head.as_mut().ok_or(DropReason::NotLinear)?.pull_front(count)
    }

    fn truncate(&mut self, len: usize) {
        self.behind = len.saturating_sub(self.bytes().len());
    }

    fn total_len(&self) -> usize {
        self.bytes().len().saturating_add(self.behind)
    }
}

fn refused_by_decap(checks: &mut Checks<'_>) {
    let good = packet_v4();
    let linux = Vtep::linux();
    let other_vni = Vtep::linux().vni(Vni::from_be_bytes(any([0, 0, 2])));
    let other_address = Vtep::linux().local(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let own = Vtep::linux().own_mac(MacAddr::new(any([2, 0x77, 0x11, 0xaa, 0x33, 0xbc])));
    let gpe = with(with(good, 42, 0x0c), 45, 1);
    let tagged_inner = with(with(good, 62, 0x81), 63, 0);
    let no_payload = mended(with(with(good, 17, 28), 39, 8));
    let short_inner = mended(with(with(good, 17, 40), 39, 20));
    for (reason, vtep, packet) in [
        (DropReason::NotVxlan, linux, with(good, 13, 6)),
        (DropReason::NotLocal, other_address, good),
        (DropReason::OuterVlan, linux.outer_tag(OuterTag::One(VlanId::default())), good),
        (DropReason::Fragment, linux, mended(with(good, 20, 0x20))),
        (DropReason::Truncated, linux, mended(with(good, 17, 97))),
        (DropReason::IpHeader, linux, with(good, 14, 0x44)),
        (DropReason::IpChecksum, linux, with(good, 24, 0)),
        (DropReason::UdpLength, linux, with(good, 39, 7)),
        (DropReason::UdpChecksum, linux, with(good, 41, 1)),
        (DropReason::VxlanTruncated, linux, no_payload),
        (DropReason::NoVni, linux, with(good, 42, 0)),
        (DropReason::UnsupportedGpe, linux, gpe),
        (DropReason::ReservedBits, linux, with(good, 49, 1)),
        (DropReason::UnknownVni, other_vni, good),
        (DropReason::InnerTruncated, linux, short_inner),
        (DropReason::OwnMac, own, good),
        (DropReason::InnerDestination, Vtep::linux().inner_ethernet(mac(any(9))), good),
        (DropReason::InnerVlan, Vtep::rfc7348().port(any(8472)), tagged_inner),
        (DropReason::EcnUnmarkable, linux, mended(with(good, 15, 3))),
    ] {
        let mut frame = framed(&packet);
        let verdict = frame.as_mut().map(|frame| vtep.decap(frame).map(|_| ()));
        let is_as_it_was = frame.is_some_and(|frame| frame.bytes() == packet);
        checks.is(reason.as_str(), verdict == Some(Err(reason)) && is_as_it_was);
    }
    let cut = vtep_of_head(&linux, good.get(..60));
    checks.is("decap: not-linear", cut == Some(Err(DropReason::NotLinear)));
    checks.all("decap: no checksum over IPv6", || {
        let config = config_v6().udp_checksum(UdpChecksum::None).zero_checksum_v6(true);
        let frame = sent(&config, &FRAME)?;
        Some(linux.inspect(frame.bytes()) == Err(DropReason::UdpChecksumMissing))
    });
}

fn vtep_of_head(vtep: &Vtep<'_>, head: Option<&[u8]>) -> Option<Verdict> {
    Some(vtep.inspect_head(head?, 96, RxMeta::default()).map(|_| ()))
}

fn congestion(checks: &mut Checks<'_>) {
    checks.is("ecn: compatibility", EcnEncap::Compatibility.outer(any(Ecn::Ce)) == Ecn::NotEct);
    checks
        .is("ecn: marked", ecn::decap(any(Ecn::Ect0), any(Ecn::Ce)) == EcnDecap::Forward(Ecn::Ce));
    checks.is("ecn: suspicious", ecn::is_suspicious(any(Ecn::NotEct), any(Ecn::Ce)));
}

fn too_big(checks: &mut Checks<'_>) {
    let over = |remote| overlay_mtu(any(1500), remote, any(0));
    checks.is("mtu: over IPv4", over(ip(10, 0, 0, 1)) == 1450);
    checks.is("mtu: over IPv6", over(IpAddr::V6(v6(1))) == 1430);
    let mut buffer = [0; 700];
    // Padded beyond the least MTU of IPv4.
    let mut long = [0; 90];
    long.iter_mut().zip(&FRAME).for_each(|(to, from)| *to = *from);
    checks.all("mtu: the answer to a frame", || {
        let answer = mtu::icmp_too_big_frame(&long, any(68), &mut buffer).ok()?;
        let icmp = answer.get(34..)?;
        Some(icmp.get(..2)? == [3, 4] && icmp.get(6..8)? == [0, 68] && Sum::of(icmp).is_valid())
    });
    checks.all("mtu: the answer to a packet", || {
        let answer =
            mtu::icmp_too_big_packet(long.get(14..)?, ip(10, 1, 15, 1), any(68), &mut buffer)
                .ok()?;
        Some(answer.get(12..16)? == [10, 1, 15, 1] && answer.get(20..22)? == [3, 4])
    });
    checks.all("mtu: no room for the answer", || {
        let no_room = mtu::icmp_too_big_frame(&long, any(68), &mut [0; 40]).err()?;
        let IcmpSuppressed::Build(error) = no_room else { return None };
        Some(
            matches!(error, BuildError::BufferTooSmall { available: 40, .. })
                && IcmpSuppressed::from(error) == no_room,
        )
    });
}

fn counters(checks: &mut Checks<'_>) {
    let mut counters = DropCounters::default();
    counters.count(any(Ok(())));
    counters.count_all(&any([Err(DropReason::Fragment); 2]));
    let mut both = any(DropCounters::ZERO);
    both += &counters;
    both += any(DropCounters::ZERO);
    let sums = [[both].iter().sum::<DropCounters>(), any([both]).into_iter().sum()];
    checks.is("counters: added up", sums == [both; 2]);
    checks.is("counters: counted", (both.passed(), both[any(DropReason::Fragment)]) == (1, 2));
    checks.is("counters: listed", both.iter().next() == Some((DropReason::Fragment, 2)));
    let listed = (&both).into_iter().count() == 1;
    let reason = DropReason::try_from(any(DropReason::Fragment as u8));
    let named = any("fragment").parse::<DropReason>();
    let is_known = (reason, named) == (Ok(DropReason::Fragment), Ok(DropReason::Fragment));
    let unknown = DropReason::try_from(any(255)).is_err() && any("").parse::<DropReason>().is_err();
    checks.is("reasons: numbers and names", listed && is_known && unknown);
    let is_small = size_of::<usize>() == 4;
    checks.is(
        "sizes: as the embedding guide has them",
        (size_of::<Tunnel>(), align_of::<Tunnel>()) == (128, 64)
            && size_of::<EncapState>() == if is_small { 24 } else { 32 }
            && size_of::<Vtep<'_>>() == if is_small { 104 } else { 136 }
            && size_of::<DropCounters>() == 8 * (1 + DropReason::ALL.len()),
    );
    let header = VxlanHeader::new(Vni::default());
    checks
        .is("counters: one byte", any(size_of::<Verdict>()) == 1 && header.vni() == Vni::default());
}
