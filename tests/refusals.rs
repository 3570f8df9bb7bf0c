//! Every drop reason is reached from packet bytes through the public calls, and the refused frame is as it
//! was: its bytes, its bounds and the room in front of it.

#[path = "common/chained.rs"]
mod chained;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::net::IpAddr;

use chained::Chained;
use vtep::buf::{
    ArrayFrame, Frame, FrameBuf, InnerChecksum, NicChecksum, PartialChecksum, RxMeta, TxMeta,
};
use vtep::tunnel::{
    Adjacency, EncapState, InnerVlanTx, OuterTag, Set, Tunnel, TunnelConfig, UdpChecksum, Vtep,
};
use vtep::verdict::DropReason;
use vtep::wire::{
    Build, EtherType, EthernetBuilder, Ipv4Builder, Ipv6Builder, MacAddr, UdpBuilder, VlanBuilder,
    VlanId, VlanTag, Vni, VxlanBuilder, VxlanHeader,
};

const ROOM: usize = 100;
const A: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 0xa]);
const B: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 0xb]);
/// An ARP request (RFC 826).
const ARP: [u8; 28] =
    [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 0xb, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2];

fn built(packet: &impl Build) -> Vec<u8> {
    let mut bytes = vec![0; packet.len()];
    packet.build(&mut bytes).unwrap();
    bytes
}

fn inner() -> Vec<u8> {
    let udp = UdpBuilder::new(1234, 53, &b"payload"[..]);
    built(&EthernetBuilder::new(
        A,
        B,
        Ipv4Builder::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), udp),
    ))
}

fn vni(value: u32) -> Vni {
    Vni::new(value).unwrap()
}

/// A good packet over IPv4 to port 8472, VNI 1, with a UDP checksum.
fn outer(inner: &[u8]) -> Vec<u8> {
    let vxlan = VxlanBuilder::new(vni(1), inner);
    let udp = UdpBuilder::new(40_000, 8472, vxlan);
    let ip = Ipv4Builder::new([192, 168, 0, 1].into(), [192, 168, 0, 2].into(), udp);
    built(&EthernetBuilder::new(A, B, ip))
}

fn outer_v6(inner: &[u8], checksum: bool) -> Vec<u8> {
    let udp = UdpBuilder::new(40_000, 8472, VxlanBuilder::new(vni(1), inner));
    let udp = if checksum { udp } else { udp.without_checksum() };
    let (source, destination) = ("fd00::1".parse().unwrap(), "fd00::2".parse().unwrap());
    built(&EthernetBuilder::new(A, B, Ipv6Builder::new(source, destination, udp)))
}

fn with(bytes: &[u8], at: usize, value: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] = value;
    bytes
}

/// Mends the outer IPv4 checksum, and takes the UDP checksum away.
fn mended(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[24..26].fill(0);
    bytes[40..42].fill(0);
    let sum: u32 = bytes[14..34].chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    bytes[24..26].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// Runs calls that must be refused, and remembers which reasons came up.
#[derive(Default)]
struct Refusals {
    seen: Cell<BTreeSet<DropReason>>,
}

impl Refusals {
    fn note(&self, reason: DropReason) {
        let mut seen = self.seen.take();
        seen.insert(reason);
        self.seen.set(seen);
    }

    /// `bytes` of which `behind` lie in other segments, with `room` in front.
    fn refused(
        &self,
        want: DropReason,
        (bytes, behind, room): (&[u8], usize, usize),
        (rx, tx): (RxMeta, TxMeta),
        call: impl FnOnce(&mut Chained<'_>) -> Result<(), DropReason>,
    ) {
        let mut buffer = vec![0x5a; room];
        buffer.extend(&bytes[..bytes.len() - behind]);
        let before = buffer.clone();
        let head = Frame::new(&mut buffer[..], room..before.len())
            .unwrap()
            .with_rx_meta(rx)
            .with_tx_meta(tx);
        let mut frame = Chained { head, behind };
        assert_eq!(call(&mut frame), Err(want));
        assert_eq!(frame.head.range(), room..before.len(), "{want}: the bounds moved");
        assert_eq!(frame.behind, behind, "{want}: the chain was cut");
        assert_eq!(buffer, before, "{want}: bytes changed");
        self.note(want);
    }

    fn decap(&self, want: DropReason, vtep: Vtep<'_>, bytes: &[u8]) {
        self.refused(want, (bytes, 0, ROOM), Default::default(), |frame| {
            let inspected = vtep.inspect(frame.bytes()).map(|_| ());
            assert_eq!(inspected, Err(want));
            vtep.decap(frame).map(|_| ())
        });
    }

    fn decap_chained(&self, vtep: Vtep<'_>, bytes: &[u8], behind: usize) {
        let decap = |frame: &mut Chained<'_>| vtep.decap(frame).map(|_| ());
        self.refused(DropReason::NotLinear, (bytes, behind, ROOM), Default::default(), decap);
    }

    fn encap(&self, want: DropReason, tunnel: &Tunnel, bytes: &[u8]) {
        let encap = |frame: &mut Chained<'_>| tunnel.encap(frame, &mut EncapState::predictable());
        self.refused(want, (bytes, 0, ROOM), Default::default(), encap);
    }
}

fn tunnel() -> TunnelConfig {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    TunnelConfig::linux(address("192.168.0.1"), address("192.168.0.2"), Adjacency::new(A, B))
        .vni(vni(1))
}

fn linux() -> Vtep<'static> {
    Vtep::linux().vni(vni(1))
}

/// Untagged, one tag, two tags.
fn tagged(tags: &[VlanTag]) -> Vec<u8> {
    let payload = &inner()[14..];
    match tags {
        [] => inner(),
        [one] => {
            let vlan = VlanBuilder::with_ethertype(*one, EtherType::IPV4, payload);
            built(&EthernetBuilder::new(A, B, vlan))
        }
        [one, two, ..] => {
            let vlan = VlanBuilder::with_ethertype(*two, EtherType::IPV4, payload);
            built(&EthernetBuilder::new(A, B, VlanBuilder::new(*one, vlan)))
        }
    }
}

fn vlan(id: u16) -> VlanTag {
    VlanTag::customer(VlanId::new(id).unwrap())
}

#[test]
fn every_reason_is_reached_and_leaves_the_frame() {
    let refusals = Refusals::default();
    outer_headers(&refusals);
    vxlan_and_inner(&refusals);
    over_ipv6(&refusals);
    checksums_of_the_nic(&refusals);
    chained(&refusals);
    encap(&refusals);
    // `NoRoute` belongs to batches.
    let seen = refusals.seen.take();
    let missing: Vec<_> = DropReason::ALL
        .iter()
        .filter(|reason| !seen.contains(reason) && **reason != DropReason::NoRoute)
        .collect();
    assert!(missing.is_empty(), "never reached: {missing:?}");
}

fn outer_headers(refusals: &Refusals) {
    let good = outer(&inner());
    assert!(linux().inspect(&good).is_ok());
    let check = |want, bytes: &[u8]| refusals.decap(want, linux(), bytes);
    for len in 0..good.len() {
        check(DropReason::Truncated, &good[..len]);
    }
    check(DropReason::NotVxlan, &with(&good, 13, 0x06));
    check(DropReason::IpHeader, &with(&good, 14, 0x44));
    check(DropReason::IpHeader, &with(&good, 14, 0x65));
    check(DropReason::IpHeader, &mended(with(&good, 17, 19)));
    check(DropReason::NotVxlan, &with(&good, 23, 6));
    check(DropReason::Fragment, &with(&good, 20, 0x20));
    check(DropReason::Fragment, &with(&good, 21, 0x01));
    check(DropReason::NotVxlan, &with(&good, 37, 0x19));
    check(DropReason::IpChecksum, &with(&good, 22, 0x41));
    check(DropReason::UdpLength, &with(&good, 39, 7));
    check(DropReason::UdpLength, &with(&good, 39, good[39] + 1));
    check(DropReason::UdpChecksum, &with(&good, 41, good[41] ^ 1));
    refusals.decap(DropReason::NotLocal, linux().local([192, 168, 0, 3].into()), &good);
    let ports = [4789, 8471];
    refusals.decap(DropReason::NotVxlan, linux().ports(Set::sorted(&ports).unwrap()), &good);
    let mut tagged = good.clone();
    tagged.splice(12..12, [0x81, 0x00, 0x00, 0x05]);
    check(DropReason::OuterVlan, &tagged);
    let ours = |id| linux().outer_tag(OuterTag::One(VlanId::new(id).unwrap()));
    refusals.decap(DropReason::OuterVlan, ours(6), &tagged);
    refusals.decap(DropReason::OuterVlan, ours(5), &good);
    assert!(ours(5).inspect(&tagged).is_ok());
    for len in 14..18 {
        refusals.decap(DropReason::Truncated, ours(5), &tagged[..len]);
    }
}

fn vxlan_and_inner(refusals: &Refusals) {
    let good = mended(outer(&inner()));
    let check = |want, bytes: &[u8]| refusals.decap(want, linux(), bytes);
    check(DropReason::NoVni, &with(&good, 42, 0x00));
    for at in [42, 43, 44, 45, 49] {
        check(DropReason::ReservedBits, &with(&good, at, good[at] | 0x40));
        assert!(Vtep::rfc7348().port(8472).inspect(&with(&good, at, good[at] | 0x40)).is_ok());
    }
    check(DropReason::UnknownVni, &with(&good, 48, 2));
    let mut gpe = with(&good, 42, 0x0c);
    gpe[45] = 1;
    check(DropReason::UnsupportedGpe, &gpe);
    for len in 0..14 {
        check(DropReason::InnerTruncated, &mended(outer(&inner()[..len])));
    }
    check(DropReason::InnerTruncated, &mended(outer(&inner()[..33])));
    let short = mended(outer(&inner()));
    for len in 8..16 {
        let mut bytes = short[..42 + usize::from(len) - 8].to_vec();
        bytes[17] = 20 + len;
        bytes[39] = len;
        check(DropReason::VxlanTruncated, &mended(bytes));
    }
    refusals.decap(DropReason::OwnMac, linux().own_mac(B), &good);
    let packets = linux().inner_ethernet(A);
    let another = MacAddr::new([2, 0, 0, 0, 0, 0xc]);
    refusals.decap(DropReason::InnerDestination, linux().inner_ethernet(another), &good);
    refusals.decap(DropReason::InnerVlan, packets, &mended(outer(&tagged(&[vlan(7)]))));
    let arp = [&A.octets()[..], &B.octets(), &[8, 6], &ARP].concat();
    refusals.decap(DropReason::NotIp, packets, &mended(outer(&arp)));
    let decap = packets.inspect(&good).unwrap();
    assert_eq!((decap.offset(), decap.len()), (50 + 14, inner().len() - 14));
    let rfc = Vtep::rfc7348().port(8472);
    refusals.decap(DropReason::InnerVlan, rfc, &mended(outer(&tagged(&[vlan(7)]))));
    check(DropReason::EcnUnmarkable, &mended(with(&good, 15, 0x03)));
}

fn over_ipv6(refusals: &Refusals) {
    let good = outer_v6(&inner(), true);
    assert!(linux().inspect(&good).is_ok());
    for len in 0..good.len() {
        refusals.decap(DropReason::Truncated, linux(), &good[..len]);
    }
    refusals.decap(DropReason::UdpChecksumMissing, linux(), &outer_v6(&inner(), false));
    assert!(linux().zero_checksum_v6(true).inspect(&outer_v6(&inner(), false)).is_ok());
    refusals.decap(DropReason::UdpChecksum, linux(), &with(&good, 61, good[61] ^ 1));
    refusals.decap(DropReason::IpHeader, linux(), &with(&good, 14, 0x40));
    refusals.decap(DropReason::NotVxlan, linux(), &with(&good, 20, 58));
    let local = linux().local("fd00::3".parse().unwrap());
    refusals.decap(DropReason::NotLocal, local, &good);
}

/// `outer_v6` with an extension header of this kind before UDP.
fn extended(kind: u8, extension: &[u8]) -> Vec<u8> {
    let mut packet = outer_v6(&inner(), true);
    let len = u16::from_be_bytes([packet[18], packet[19]]) + extension.len() as u16;
    packet[18..20].copy_from_slice(&len.to_be_bytes());
    packet[20] = kind;
    packet.splice(54..54, extension.iter().copied());
    packet
}

/// RFC 8200 section 4.4: with segments left it is on its way, whatever its last address is.
#[test]
fn an_ipv6_packet_with_segments_left_is_not_local() {
    let destination = outer_v6(&inner(), true)[38..54].to_vec();
    for kind in [0, 2, 3, 4] {
        for (segments_left, address) in
            [(1, [0x22; 16].as_slice()), (1, &destination), (2, &[0; 16]), (0, &destination)]
        {
            let routing = [&[17, 2, kind, segments_left, 0, 0, 0, 0][..], address].concat();
            let packet = extended(43, &routing);
            let verdict = linux().inspect(&packet).map(|decap| decap.len());
            let wanted =
                if segments_left == 0 { Ok(inner().len()) } else { Err(DropReason::NotLocal) };
            assert_eq!(verdict, wanted, "type {kind}, {segments_left} left");
        }
    }
}

/// RFC 8200 section 4.5, RFC 6946: an atomic fragment is a whole packet; the others are not.
#[test]
fn an_atomic_ipv6_fragment_is_accepted() {
    for (offset_and_more, is_whole) in
        [([0, 0], true), ([0, 6], true), ([0, 1], false), ([0, 8], false), ([0x80, 0], false)]
    {
        let [high, low] = offset_and_more;
        let packet = extended(44, &[17, 0, high, low, 0, 0, 0, 9]);
        let wanted = if is_whole { Ok(inner().len()) } else { Err(DropReason::Fragment) };
        assert_eq!(
            linux().inspect(&packet).map(|decap| decap.len()),
            wanted,
            "{high:02x}{low:02x}"
        );
        let mut frame = ArrayFrame::<256>::from_bytes_with_headroom(&packet, 0).unwrap();
        assert_eq!(linux().decap(&mut frame).is_ok(), is_whole);
    }
}

fn checksums_of_the_nic(refusals: &Refusals) {
    let good = outer(&inner());
    let decap = |frame: &mut Chained<'_>| linux().decap(frame).map(|_| ());
    for (want, rx) in [
        (DropReason::IpChecksum, RxMeta::new().with_ip_checksum(NicChecksum::Bad)),
        (DropReason::UdpChecksum, RxMeta::new().with_udp_checksum(NicChecksum::Bad)),
    ] {
        refusals.refused(want, (&good, 0, ROOM), (rx, TxMeta::default()), decap);
    }
    // What the NIC vouches for is not summed again.
    let mut wrong = with(&good, 41, good[41] ^ 1);
    wrong[24] ^= 1;
    let rx = RxMeta::new().with_ip_checksum(NicChecksum::Good).with_udp_checksum(NicChecksum::Good);
    let mut frame = Frame::new(&mut wrong[..], 0..good.len()).unwrap().with_rx_meta(rx);
    assert!(linux().decap(&mut frame).is_ok());
    assert_eq!(frame.bytes(), inner());
}

fn chained(refusals: &Refusals) {
    let good = outer(&inner());
    // The payload has to be summed, or a header is cut: at every length.
    for behind in 1..=good.len() {
        refusals.decap_chained(linux(), &good, behind);
    }
    // Without a sum the headers suffice: 50 outer bytes, 34 inner ones.
    let unsummed = mended(good);
    for behind in 1..=unsummed.len() {
        let mut head = unsummed[..unsummed.len() - behind].to_vec();
        let len = head.len();
        let mut frame = Chained { head: Frame::new(&mut head[..], 0..len).unwrap(), behind };
        if len >= 50 + 34 {
            assert!(linux().decap(&mut frame).is_ok(), "{len}");
            assert_eq!(frame.total_len(), inner().len());
        } else {
            refusals.decap_chained(linux(), &unsummed, behind);
        }
    }
}

fn encap(refusals: &Refusals) {
    let plain = tunnel().udp_checksum(UdpChecksum::None);
    let tunnel_of = |config: &TunnelConfig| config.build().unwrap();
    for len in 0..14 {
        refusals.encap(DropReason::InnerTruncated, &tunnel_of(&plain), &inner()[..len]);
    }
    for config in [plain.clone(), tunnel()] {
        let tunnel = tunnel_of(&config);
        for room in 0..50 {
            let encap =
                |frame: &mut Chained<'_>| tunnel.encap(frame, &mut EncapState::predictable());
            let frame = (&inner()[..], 0, room);
            refusals.refused(DropReason::NoHeadroom, frame, Default::default(), encap);
        }
    }
    refusals.encap(DropReason::TooLong, &tunnel_of(&plain), &vec![0; 65_500]);
    let limited = plain.clone().mtu(35);
    assert_eq!(inner().len(), 14 + 35);
    refusals.encap(DropReason::TooBig, &tunnel_of(&limited.clone().mtu(34)), &inner());
    refusals.encap(DropReason::TooBig, &tunnel_of(&limited.clone().mtu(34)), &tagged(&[vlan(1)]));
    let strips = limited.mtu(34).inner_vlan(InnerVlanTx::Strip);
    refusals.encap(DropReason::TooBig, &tunnel_of(&strips), &tagged(&[vlan(1)]));
    refusals.encap(DropReason::TooBig, &tunnel_of(&strips), &tagged(&[vlan(1), vlan(2)]));
    let packets = tunnel_of(&plain.clone().inner_ethernet(A, B));
    for bytes in [&[][..], &[0x45], &inner(), &[0x50; 40]] {
        refusals.encap(DropReason::NotIp, &packets, bytes);
    }
    kinds(refusals, &tunnel_of(&plain), &packets);
    summed_encap(refusals);
}

/// A frame in a tunnel for packets and a packet in a tunnel for frames, whatever their first bytes look like.
fn kinds(refusals: &Refusals, frames: &Tunnel, packets: &Tunnel) {
    let udp = UdpBuilder::new(1234, 53, &[0; 1216][..]);
    let v4 = built(&Ipv4Builder::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), udp));
    let [pod, peer] = ["fd00::1", "fd00::2"].map(|address| address.parse().unwrap());
    let v6 = built(&Ipv6Builder::new(pod, peer, udp));
    for packet in [&v4, &v6] {
        refusals.encap(DropReason::NotEthernet, frames, packet);
        let mut frame = ArrayFrame::<1500>::from_bytes_with_headroom(packet, ROOM).unwrap();
        packets.encap(&mut frame, &mut EncapState::predictable()).unwrap();
    }
    // MAC addresses that start like an IPv4 header with one word of options, and like an IPv6 header.
    for mac in [[0x46, 0, 0, 60, 0, 0], [0x62, 0, 0, 0, 0, 2]] {
        for (ethertype, payload) in [([8, 0], &v4[..]), ([0x86, 0xdd], &v6), ([8, 6], &ARP)] {
            let frame = [&mac[..], &B.octets(), &ethertype, payload].concat();
            refusals.encap(DropReason::NotIp, packets, &frame);
            let mut same = ArrayFrame::<1500>::from_bytes_with_headroom(&frame, ROOM).unwrap();
            frames.encap(&mut same, &mut EncapState::predictable()).unwrap();
        }
    }
}

fn summed_encap(refusals: &Refusals) {
    let full = tunnel().build().unwrap();
    let encap = |frame: &mut Chained<'_>| full.encap(frame, &mut EncapState::predictable());
    // A part of the frame that has to be summed is elsewhere.
    refusals.refused(DropReason::NotLinear, (&inner(), 5, ROOM), Default::default(), encap);
    // The inner checksum is the NIC's, and the frame has bytes behind its packet.
    let mut padded = inner();
    padded.push(0);
    let tx = TxMeta::new().with_inner_checksum(InnerChecksum::Partial(PartialChecksum::new(34, 6)));
    let frame = (&padded[..], 0, ROOM);
    refusals.refused(DropReason::PartialChecksum, frame, (RxMeta::default(), tx), encap);
}

#[test]
fn gpe_on_its_port() {
    let mut bytes = mended(outer(&inner()));
    bytes[36..38].copy_from_slice(&VxlanHeader::GPE_PORT.to_be_bytes());
    bytes[42] = 0x0c;
    let vtep = Vtep::rfc7348().port(VxlanHeader::GPE_PORT);
    assert_eq!(vtep.inspect(&bytes).unwrap_err(), DropReason::UnsupportedGpe);
}
