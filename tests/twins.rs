//! Twins: what is decided in more than one place is decided alike. Random packets whose lengths may lie go untagged and
//! tagged, as a frame and as a packet, in one segment and in two, one by one and in a batch.

#[path = "common/chained.rs"]
mod chained;

use chained::Chained;
use vtep::batch::encap_batch;
use vtep::buf::{ArrayFrame, Frame, FrameBuf, HEADROOM_MAX, RxMeta};
use vtep::checksum::Sum;
use vtep::tunnel::minimal::{MinimalV4, encap_v4};
use vtep::tunnel::mtu::{icmp_too_big_frame, icmp_too_big_packet};
use vtep::tunnel::{
    Adjacency, Df, EncapState, InnerVlanRx, OuterDscp, OuterTag, Ttl, Tunnel, TunnelConfig,
    UdpChecksum, Vtep,
};
use vtep::verdict::DropReason;
use vtep::wire::{EthernetFrame, Ipv4Packet, MacAddr, UdpChecksumState, UdpDatagram};

type Packet = ArrayFrame<512>;

const A: [u8; 6] = [2, 0, 0, 0, 0, 0xa];
const B: [u8; 6] = [2, 0, 0, 0, 0, 0xb];
const TAGS: [&[u8]; 2] = [&[0x81, 0, 0, 5], &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 6]];
const COUNT: usize = 2_000;

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}

/// A length: right, near the ends of what is there, or anything.
fn length(random: &mut Random, right: usize) -> usize {
    match random.below(4) {
        0 => right,
        1 => random.below(right + 1),
        2 => random.below(30),
        _ => random.below(right + 30),
    }
}

fn ipv4(random: &mut Random) -> Vec<u8> {
    let words = random.one_of(&[5, 5, 5, 5, 6, 15, 4]);
    let behind = random.below(40);
    let mut packet = random.bytes(20 + behind);
    packet[0] = 0x40 | words;
    packet[1] &= 3;
    let total_len = length(random, 20 + behind) as u16;
    packet[2..4].copy_from_slice(&total_len.to_be_bytes());
    packet[6..8].copy_from_slice(&random.one_of(&[[0, 0], [0x40, 0], [0x20, 0], [0, 9]]));
    packet[9] = random.one_of(&[6, 17, 132, 1, 47]);
    packet[10..12].fill(0);
    let checksum = Sum::of(&packet[..20]).checksum();
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet
}

fn ipv6(random: &mut Random) -> Vec<u8> {
    let behind = random.below(48);
    let mut packet = random.bytes(40 + behind);
    packet[0] = 0x60;
    let payload_len = length(random, behind) as u16;
    packet[4..6].copy_from_slice(&payload_len.to_be_bytes());
    packet[6] = random.one_of(&[6, 17, 132, 58, 44, 0, 60, 43]);
    if let [next, len, ..] = &mut packet[40..] {
        (*next, *len) = (random.one_of(&[6, 17, 58]), random.one_of(&[0, 0, 1]));
    }
    packet
}

/// An EtherType and a packet.
fn inner(random: &mut Random) -> Vec<u8> {
    let is_v4 = random.below(2) == 0;
    let packet = if is_v4 { ipv4(random) } else { ipv6(random) };
    [if is_v4 { [8, 0] } else { [0x86, 0xdd] }.as_slice(), &packet].concat()
}

fn frame(tags: &[u8], inner: &[u8]) -> Vec<u8> {
    [&A[..], &B, tags, inner].concat()
}

fn config() -> TunnelConfig {
    let adjacency = Adjacency::new(MacAddr::new(A), MacAddr::new(B));
    TunnelConfig::linux([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), adjacency)
}

fn encap(tunnel: &Tunnel, bytes: &[u8]) -> Result<Vec<u8>, DropReason> {
    let mut frame = Packet::from_bytes_with_headroom(bytes, HEADROOM_MAX).unwrap();
    tunnel.encap(&mut frame, &mut EncapState::predictable()).map(|()| frame.bytes().to_vec())
}

/// What depends on the inner packet: class, DF, TTL and source port.
fn implied(outer: &[u8]) -> [u8; 6] {
    [outer[15], outer[20], outer[22], outer[34], outer[35], outer[23]]
}

#[test]
fn encap_of_a_tagged_frame_and_of_a_packet() {
    let mut random = Random(1);
    let frames = config().ttl(Ttl::Inherit).dscp(OuterDscp::Inherit).df(Df::Inherit);
    let packets = frames.clone().inner_ethernet(MacAddr::new(A), MacAddr::new(B));
    let [frames, packets] = [frames, packets].map(|config| config.build().unwrap());
    let mut taken = 0;
    for _ in 0..COUNT {
        let inner = inner(&mut random);
        let untagged = implied(&encap(&frames, &frame(&[], &inner)).unwrap());
        for tags in TAGS {
            let tagged = implied(&encap(&frames, &frame(tags, &inner)).unwrap());
            assert_eq!(untagged, tagged, "{inner:02x?}");
        }
        match encap(&packets, &inner[2..]) {
            Ok(outer) => {
                assert_eq!(implied(&outer), untagged, "{inner:02x?}");
                taken += 1;
            }
            Err(reason) => assert_eq!(reason, DropReason::NotIp),
        }
    }
    assert!(taken > COUNT / 3, "{taken}");
}

/// What follows the IP length has no part in anything.
#[test]
fn encap_with_other_padding() {
    let mut random = Random(2);
    let tunnel = config().build().unwrap();
    for _ in 0..COUNT {
        let inner = inner(&mut random);
        let word = |at: usize| usize::from(u16::from_be_bytes([inner[at], inner[at + 1]]));
        let end = if inner[0] == 8 { 2 + word(4).max(20) } else { 42 + word(6) };
        let own = implied(&encap(&tunnel, &frame(&[], &inner)).unwrap());
        let mut other = inner.clone();
        other.resize(inner.len() + random.below(8), 0);
        other.iter_mut().skip(end).for_each(|byte| *byte ^= 0xff);
        if end <= inner.len() {
            let padded = implied(&encap(&tunnel, &frame(&[], &other)).unwrap());
            assert_eq!(padded, own, "{inner:02x?}");
        }
    }
}

#[test]
fn encap_of_two_segments() {
    let mut random = Random(3);
    let tunnel = config().udp_checksum(UdpChecksum::None).build().unwrap();
    let mut taken = 0;
    for _ in 0..COUNT {
        let tags = random.one_of(&[&[], TAGS[0], TAGS[1]]);
        let whole = frame(tags, &inner(&mut random));
        let own = implied(&encap(&tunnel, &whole).unwrap());
        let head = random.below(whole.len());
        let mut buffer = [&[0; HEADROOM_MAX], &whole[..head]].concat();
        let end = buffer.len();
        let head = Frame::new(&mut buffer[..], HEADROOM_MAX..end).unwrap();
        let mut chain = Chained { behind: whole.len() - head.total_len(), head };
        match tunnel.encap(&mut chain, &mut EncapState::predictable()) {
            Ok(()) => {
                assert_eq!(implied(chain.bytes()), own, "{whole:02x?}");
                taken += 1;
            }
            Err(reason) => assert_eq!(reason, DropReason::NotLinear),
        }
    }
    assert!(taken > COUNT / 20, "{taken}");
}

/// A chained packet that is too short for ports has them nowhere else.
#[test]
fn a_packet_without_ports_needs_none_in_its_head() {
    let tunnel = config().udp_checksum(UdpChecksum::None).build().unwrap();
    let v4 = [0x46, 0, 0, 26, 0, 1, 0, 0, 9, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 1, 1, 1, 0, 7, 7];
    let mut v6 = vec![0x60, 0, 0, 0, 0, 3, 17, 9];
    v6.extend([0xfd; 32]);
    v6.extend([7; 3]);
    for inner in [[&[8, 0], &v4[..]].concat(), [&[0x86, 0xdd], &v6[..]].concat()] {
        let whole = frame(&[], &inner);
        let own = implied(&encap(&tunnel, &whole).unwrap());
        let mut buffer = [&[0; HEADROOM_MAX], &whole[..]].concat();
        let end = buffer.len();
        let head = Frame::new(&mut buffer[..], HEADROOM_MAX..end).unwrap();
        let mut chain = Chained { behind: 20, head };
        tunnel.encap(&mut chain, &mut EncapState::predictable()).unwrap();
        assert_eq!(implied(chain.bytes()), own);
    }
}

#[test]
fn encap_in_a_batch_and_of_a_small_program() {
    let mut random = Random(4);
    let tunnel = config().udp_checksum(UdpChecksum::None).build().unwrap();
    let plain = MinimalV4::new(&tunnel).unwrap();
    let mut taken = 0;
    for _ in 0..COUNT {
        let tags = random.one_of(&[&[], TAGS[0]]);
        let bytes = frame(tags, &inner(&mut random));
        let one = encap(&tunnel, &bytes).unwrap();
        let frame = Packet::from_bytes_with_headroom(&bytes, HEADROOM_MAX).unwrap();
        let mut frames = [frame.clone(), frame];
        let mut verdicts = [Ok(()); 2];
        encap_batch(
            &mut frames,
            |_, _| Some(&tunnel),
            &mut EncapState::predictable(),
            &mut verdicts,
        )
        .unwrap();
        assert_eq!(frames[0].bytes(), one, "{bytes:02x?}");
        let mut small = Packet::from_bytes_with_headroom(&bytes, HEADROOM_MAX).unwrap();
        if encap_v4(plain, &mut small, &mut EncapState::predictable()).is_ok() {
            assert_eq!(small.bytes(), one, "{bytes:02x?}");
            taken += 1;
        }
    }
    assert!(taken > COUNT / 20, "{taken}");
}

/// Whether the outer checksum is right, its payload spoilt: it is where it was computed in full.
fn is_full(tunnel: &Tunnel, bytes: &[u8]) -> bool {
    let outer = encap(tunnel, bytes).unwrap();
    let ip = Ipv4Packet::parse(EthernetFrame::parse(&outer).unwrap().payload()).unwrap();
    let state = UdpDatagram::parse(ip.payload()).unwrap().checksum_state(&ip.pseudo_header());
    state == UdpChecksumState::Good
}

#[test]
fn local_checksum_offload_of_a_tagged_frame_and_of_a_packet() {
    let mut random = Random(5);
    let frames = config().udp_checksum(UdpChecksum::Lco).inner_checksum_valid(true);
    let packets = frames.clone().inner_ethernet(MacAddr::new(A), MacAddr::new(B));
    let [frames, packets] = [frames, packets].map(|config| config.build().unwrap());
    let mut short = 0;
    for _ in 0..COUNT {
        let mut inner = inner(&mut random);
        // UDP lengths that fit, so that more are taken from the headers.
        let at = if inner[0] == 8 { 26 } else { 46 };
        let len = (inner.len() + 4).wrapping_sub(at) as u16;
        if let Some(field) = inner.get_mut(at..at + 2) {
            field.copy_from_slice(&len.to_be_bytes());
        }
        let untagged = is_full(&frames, &frame(&[], &inner));
        for tags in TAGS {
            assert_eq!(is_full(&frames, &frame(tags, &inner)), untagged, "{inner:02x?}");
        }
        if encap(&packets, &inner[2..]).is_ok() {
            assert_eq!(is_full(&packets, &inner[2..]), untagged, "{inner:02x?}");
        }
        short += usize::from(!untagged);
    }
    assert!(short > COUNT / 20, "{short}");
}

#[test]
fn answers_to_a_tagged_frame_and_to_a_packet() {
    let mut random = Random(6);
    let mut answered = 0;
    for _ in 0..COUNT {
        let mut inner = inner(&mut random);
        inner.resize(inner.len() + 1300, 0x5a);
        if random.below(2) == 0 {
            let (at, right) =
                if inner[0] == 8 { (4, inner.len() - 2) } else { (6, inner.len() - 42) };
            inner[at..at + 2].copy_from_slice(&(right as u16).to_be_bytes());
        }
        let mut buffer = [0; 1400];
        let mtu = random.one_of(&[1280, 576, 68, 67, 1290]);
        let untagged = icmp_too_big_frame(&frame(&[], &inner), mtu, &mut buffer);
        let untagged = untagged.map(|answer| answer[14..].to_vec());
        for tags in TAGS {
            let tagged = icmp_too_big_frame(&frame(tags, &inner), mtu, &mut buffer);
            let tagged = tagged.map(|answer| answer[14 + tags.len()..].to_vec());
            assert_eq!(tagged, untagged, "{inner:02x?}");
        }
        // A router of the other family answers as if from the destination.
        let router = if inner[0] == 8 { [0xfd; 16].into() } else { [10, 0, 0, 1].into() };
        let packet = icmp_too_big_packet(&inner[2..], router, mtu, &mut buffer);
        assert_eq!(packet.map(|answer| answer.to_vec()), untagged, "{inner:02x?}");
        answered += usize::from(untagged.is_ok());
    }
    assert!(answered > COUNT / 40, "{answered}");
}

/// Outer tags change where the inner frame is, and nothing else; so do inner tags where they are read past.
#[test]
fn decap_of_tagged_frames() {
    let mut random = Random(7);
    let vtep = Vtep::linux().outer_tag(OuterTag::Any).inner_vlan(InnerVlanRx::Keep);
    let tunnel = config().udp_checksum(UdpChecksum::None).build().unwrap();
    let mut taken = 0;
    for _ in 0..COUNT {
        let inner = inner(&mut random);
        let mut outer = encap(&tunnel, &frame(&[], &inner)).unwrap();
        outer[15] = random.below(4) as u8;
        for _ in 0..random.below(3) {
            let at = 14 + random.below(36);
            outer[at] = random.one_of(&[0, 1, 8, 20, 40, 50, 60, 0x45, 255]);
        }
        outer[24..26].fill(0);
        let checksum = Sum::of(&outer[14..34]).checksum();
        outer[24..26].copy_from_slice(&checksum.to_be_bytes());
        let untagged = vtep.inspect(&outer);
        let mut frame = Packet::from_bytes_with_headroom(&outer, 0).unwrap();
        assert_eq!(vtep.decap(&mut frame), untagged.map(|decap| decap.info()), "{outer:02x?}");
        for tags in TAGS {
            let tagged = [&outer[..12], tags, &outer[12..]].concat();
            let inspected = vtep.inspect_head(&tagged, tagged.len(), RxMeta::default());
            let shifted = inspected.map(|decap| {
                (decap.offset() - tags.len(), decap.len(), decap.info(), decap.inner_class())
            });
            let own = untagged
                .map(|decap| (decap.offset(), decap.len(), decap.info(), decap.inner_class()));
            assert_eq!(shifted, own, "{outer:02x?}");
        }
        taken += usize::from(untagged.is_ok());
    }
    assert!(taken > COUNT / 10, "{taken}");
}
