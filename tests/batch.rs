//! A batch does what the one-packet calls do, to the byte, whatever the frames; and every kernel
//! does what the generic one does.

use std::net::IpAddr;

use vtep::arch::Kernels;
use vtep::batch::{TooFewResults, decap_batch, decap_passed, encap_batch, encap_passed};
use vtep::buf::{
    ArrayFrame, FrameBuf, InnerChecksum, NicChecksum, PartialChecksum, RxMeta, TxMeta,
};
use vtep::checksum::Sum;
use vtep::tunnel::{
    Adjacency, Df, DscpModel, EncapState, InnerVlanTx, IpId, OuterDscp, OuterTag, Ttl, Tunnel,
    TunnelConfig, TunnelInfo, UdpChecksum, Vtep,
};
use vtep::verdict::{DropCounters, DropReason, Verdict};
use vtep::wire::{MacAddr, TrafficClass, VlanId, VlanTag, Vni};

type TestFrame = ArrayFrame<256>;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// The inner destination of half the frames.
const INNER_MAC: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 9]);

fn tunnels() -> Vec<Tunnel> {
    let [one, two] = [1, 2].map(|last| MacAddr::new([2, 0, 0, 0, 0, last]));
    let adjacency = Adjacency::new(two, one);
    let addresses = |local: &str, remote: &str| -> [IpAddr; 2] {
        [local.parse().unwrap(), remote.parse().unwrap()]
    };
    let mut tunnels = Vec::new();
    for [local, remote] in
        [addresses("192.0.2.1", "192.0.2.2"), addresses("2001:db8::1", "2001:db8::2")]
    {
        let tag = VlanTag::customer(VlanId::new(7).unwrap());
        for adjacency in [adjacency, adjacency.tagged(tag)] {
            let rfc = TunnelConfig::rfc7348(local, remote, adjacency).zero_checksum_v6(true);
            let rfc = rfc.vni(Vni::new(42).unwrap());
            let plain = rfc.clone().udp_checksum(UdpChecksum::None);
            let linux = TunnelConfig::linux(local, remote, adjacency).port(4789).mtu(100);
            let inherits = plain.clone().ttl(Ttl::Inherit).dscp(OuterDscp::Inherit).df(Df::Inherit);
            tunnels.extend([
                plain.clone(),
                plain.clone().inner_ethernet(two, one),
                plain.clone().ip_id(IpId::Counter).inner_vlan(InnerVlanTx::Keep),
                rfc.clone().udp_checksum(UdpChecksum::Full).inner_ethernet(two, one),
                rfc.udp_checksum(UdpChecksum::Lco),
                linux,
                inherits,
            ]);
        }
    }
    tunnels.iter().map(|config| config.build().unwrap()).collect()
}

/// An Ethernet frame or an IP packet of any kind, sometimes damaged, sometimes cut.
fn inner(random: &mut Random) -> Vec<u8> {
    let payload_len = random.below(64);
    let payload = random.bytes(4 + payload_len);
    let class = TrafficClass(random.next() as u8);
    let protocol = [6, 17, 132, 1, 58, 0, 44][random.below(7)];
    let ip = match random.below(3) {
        0 => {
            let len = (20 + payload.len()) as u16;
            let [high, low] = len.to_be_bytes();
            let flags = [0x40, 0, 0x20][random.below(3)];
            let mut ip = vec![0x45, class.0, high, low, 1, 2, flags, 0, 9, protocol, 0, 0];
            ip.extend([10, 0, random.next() as u8, 1, 10, 1, 0, 2]);
            let [high, low] = Sum::of(&ip).checksum().to_be_bytes();
            (ip[10], ip[11]) = (high, low);
            ip
        }
        1 => {
            let [high, low] = (payload.len() as u16).to_be_bytes();
            let mut ip = vec![0x60 | class.0 >> 4, class.0 << 4, 0, 0, high, low, protocol, 9];
            ip.extend([0xfd; 16]);
            ip.extend(random.bytes(16));
            ip
        }
        _ => random.bytes(28),
    };
    let mut frame = Vec::new();
    if !random.one_in(4) {
        let mut macs = random.bytes(12);
        if random.one_in(2) {
            macs[..6].copy_from_slice(&INNER_MAC.octets());
        }
        frame.extend(macs);
        for _ in 0..[0, 0, 0, 1, 2, 3][random.below(6)] {
            frame.extend([0x81, 0, 0, 9]);
        }
        frame.extend(match ip[0] >> 4 {
            4 => [8, 0],
            6 => [0x86, 0xdd],
            _ => [8, 6],
        });
    }
    frame.extend(ip);
    frame.extend(payload);
    damage(random, &mut frame);
    frame
}

fn damage(random: &mut Random, frame: &mut Vec<u8>) {
    if random.one_in(8) {
        frame.truncate(random.below(frame.len() + 1));
    }
    if random.one_in(4) && !frame.is_empty() {
        for _ in 0..=random.below(3) {
            // Half of it in the headers.
            let end = if random.one_in(2) { frame.len() } else { frame.len().min(64) };
            let at = random.below(end);
            frame[at] ^= 1 << random.below(8);
        }
    }
    if random.one_in(8) {
        let padding = random.below(8);
        frame.extend(random.bytes(padding));
    }
}

fn to_send(random: &mut Random) -> TestFrame {
    let headroom = if random.one_in(16) { random.below(88) } else { 88 };
    let inner_checksum = match random.below(3) {
        0 => InnerChecksum::Unknown,
        1 => InnerChecksum::Valid,
        // Where UDP has it in an untagged frame, or elsewhere.
        _ => InnerChecksum::Partial(PartialChecksum::new([34, 34, 20, 84][random.below(4)], 6)),
    };
    let mut tx = TxMeta::new().with_inner_checksum(inner_checksum);
    if random.one_in(8) {
        tx = tx.with_flow_hash(random.next() as u32);
    }
    TestFrame::from_bytes_with_headroom(&inner(random), headroom).unwrap().with_tx_meta(tx)
}

fn received(random: &mut Random, tunnels: &[Tunnel]) -> TestFrame {
    let mut frame = to_send(random);
    let _ = tunnels[random.below(tunnels.len())].encap(&mut frame, &mut EncapState::predictable());
    let mut bytes = frame.bytes().to_vec();
    bytes.truncate(248);
    damage(random, &mut bytes);
    let rx = match random.below(4) {
        0 => RxMeta::new().with_ip_checksum(NicChecksum::Good).with_udp_checksum(NicChecksum::Good),
        1 => RxMeta::new().with_partial(PartialChecksum::new([14, 34, 84][random.below(3)], 6)),
        _ => RxMeta::default(),
    };
    TestFrame::from_bytes_with_headroom(&bytes, 0).unwrap().with_rx_meta(rx)
}

type Content<'a> = (std::ops::Range<usize>, &'a [u8], RxMeta, TxMeta);

/// Where a frame is, what is in it, and what is known of it.
/// What an earlier batch left in a result slot.
fn stale() -> TunnelInfo {
    let mut info = TunnelInfo::NONE;
    info.source_port = 7;
    info
}

fn content(frame: &TestFrame) -> Content<'_> {
    (frame.range(), frame.bytes(), frame.rx_meta(), frame.tx_meta())
}

fn contents(frames: &[TestFrame]) -> Vec<Content<'_>> {
    frames.iter().map(content).collect()
}

fn encap_agrees(
    random: &mut Random,
    tunnels: &[Tunnel],
    count: usize,
    counters: &mut DropCounters,
) {
    let before: Vec<_> = (0..count).map(|_| to_send(random)).collect();
    let alike = random.one_in(2);
    let routes: Vec<_> = (0..count)
        .map(|_| if alike { tunnels.first() } else { tunnels.get(random.below(tunnels.len() + 1)) })
        .collect();
    let mut core = EncapState::predictable();
    let mut single = before.clone();
    let wanted: Vec<Verdict> = single
        .iter_mut()
        .zip(&routes)
        .map(|(frame, route)| route.ok_or(DropReason::NoRoute)?.encap(frame, &mut core))
        .collect();
    for (index, verdict) in wanted.iter().enumerate() {
        let is_as_it_was = content(&single[index]) == content(&before[index]);
        assert_eq!(is_as_it_was, verdict.is_err(), "{verdict:?}");
    }
    for kernels in Kernels::supported() {
        let (mut frames, mut core) = (before.clone(), EncapState::predictable().kernels(kernels));
        let mut verdicts = vec![Err(DropReason::TooBig); count];
        let mut routes = routes.iter();
        let route = |_, _: &TestFrame| *routes.next().unwrap();
        let passed = encap_batch(&mut frames, route, &mut core, &mut verdicts).unwrap();
        assert_eq!(routes.len(), 0);
        assert_eq!(verdicts, wanted);
        assert_eq!(passed, wanted.iter().flatten().count());
        assert_eq!(contents(&frames), contents(&single));
    }
    counters.count_all(&wanted);
}

fn decap_agrees(
    random: &mut Random,
    tunnels: &[Tunnel],
    count: usize,
    counters: &mut DropCounters,
) {
    let before: Vec<_> = (0..count).map(|_| received(random, tunnels)).collect();
    let mut single = before.clone();
    let local = Vtep::rfc7348().local("192.0.2.2".parse().unwrap()).vni(Vni::new(42).unwrap());
    let linux = Vtep::linux().port(4789).dscp_model(DscpModel::Uniform).outer_tag(OuterTag::Any);
    for vtep in [local, linux.zero_checksum_v6(true), local.inner_ethernet(INNER_MAC)] {
        single.clone_from(&before);
        let wanted: Vec<_> = single.iter_mut().map(|frame| vtep.decap(frame)).collect();
        for kernels in Kernels::supported() {
            let (mut frames, vtep) = (before.clone(), vtep.kernels(kernels));
            // What an earlier batch left.
            let mut infos = vec![stale(); count];
            let mut verdicts = vec![Err(DropReason::TooBig); count];
            let slots = Some(&mut infos[..]);
            let passed = decap_batch(&vtep, &mut frames, slots, &mut verdicts).unwrap();
            assert_eq!(passed, wanted.iter().flatten().count());
            assert_eq!(contents(&frames), contents(&single));
            let results = verdicts.iter().zip(&infos).zip(&wanted);
            for ((verdict, info), wanted) in results {
                assert_eq!(*verdict, wanted.map(|_| ()));
                assert_eq!(*info, wanted.unwrap_or(TunnelInfo::NONE));
            }
            counters.count_all(&verdicts);
        }
    }
}

/// `frames` frames of each direction, in batches of 0 to 70.
fn agrees(frames: usize, seed: u64) {
    let (mut random, tunnels) = (Random(seed), tunnels());
    let (mut encap, mut decap) = (DropCounters::ZERO, DropCounters::ZERO);
    let mut done = 0;
    while done < frames {
        let count = random.below(71);
        encap_agrees(&mut random, &tunnels, count, &mut encap);
        decap_agrees(&mut random, &tunnels, count, &mut decap);
        done += count;
    }
    // The generator reaches most of what can happen.
    assert!(encap.passed() > 0 && encap.iter().count() >= 6, "{encap:?}");
    assert!(decap.passed() > 0 && decap.iter().count() >= 14, "{decap:?}");
}

#[test]
fn a_batch_agrees_with_single_calls() {
    agrees(20_000, 1);
}

/// Run by `.ci/run --long`.
#[test]
#[ignore = "a minute without optimization: .ci/run --long"]
fn a_batch_agrees_with_single_calls_on_a_million_frames() {
    agrees(1_000_000, 2);
}

#[test]
fn too_few_verdicts_are_refused_and_nothing_is_touched() {
    let frame = TestFrame::from_bytes_with_headroom(&[0; 60], 88).unwrap();
    let before = [frame.clone(), frame];
    let mut frames = before.clone();
    let mut verdicts = [Err(DropReason::TooBig)];
    let route = |_, _: &TestFrame| -> Option<&Tunnel> { unreachable!() };
    let mut infos = [TunnelInfo::NONE; 3];
    let (vtep, mut core) = (Vtep::rfc7348(), EncapState::predictable());
    for result in [
        encap_batch(&mut frames, route, &mut core, &mut verdicts),
        encap_passed(&mut frames, route, &mut core, &mut verdicts),
        decap_batch(&vtep, &mut frames, Some(&mut infos), &mut verdicts),
        decap_passed(&vtep, &mut frames, None, &mut verdicts),
        decap_batch(&vtep, &mut frames, Some(&mut infos[..1]), &mut [Ok(()); 2]),
        decap_passed(&vtep, &mut frames, Some(&mut infos[..1]), &mut [Ok(()); 2]),
    ] {
        assert!(matches!(result, Err(TooFewResults { needed: 2, available: 1, .. })));
    }
    assert_eq!(verdicts, [Err(DropReason::TooBig)]);
    assert_eq!(contents(&frames), contents(&before));
}

#[test]
fn more_verdicts_than_frames_are_left_as_they_are() {
    let tunnels = tunnels();
    let mut frames = [TestFrame::from_bytes_with_headroom(&[0x11; 60], 88).unwrap()];
    let mut verdicts = [Err(DropReason::TooBig); 3];
    let route = |_, _: &TestFrame| Some(&tunnels[0]);
    assert_eq!(
        encap_batch(&mut frames, route, &mut EncapState::predictable(), &mut verdicts),
        Ok(1)
    );
    assert_eq!(verdicts, [Ok(()), Err(DropReason::TooBig), Err(DropReason::TooBig)]);
    let mut infos = [stale(); 3];
    let slots = Some(&mut infos[..]);
    assert_eq!(decap_batch(&Vtep::rfc7348(), &mut frames, slots, &mut verdicts), Ok(1));
    assert_eq!((infos[0].vni.value(), infos[1].source_port, infos[2].source_port), (42, 7, 7));
    assert_eq!(verdicts, [Ok(()), Err(DropReason::TooBig), Err(DropReason::TooBig)]);
}

#[test]
fn a_bad_frame_does_not_stop_the_rest() {
    let tunnels = tunnels();
    let good = TestFrame::from_bytes_with_headroom(&[0x11; 60], 88).unwrap();
    let short = TestFrame::from_bytes_with_headroom(&[0x11; 60], 49).unwrap();
    let mut frames = [good.clone(), short, good.clone(), good];
    let mut verdicts = [Ok(()); 4];
    let route = |index, _: &TestFrame| (index != 2).then_some(&tunnels[0]);
    let passed = encap_batch(&mut frames, route, &mut EncapState::predictable(), &mut verdicts);
    assert_eq!(passed, Ok(2));
    assert_eq!(verdicts, [Ok(()), Err(DropReason::NoHeadroom), Err(DropReason::NoRoute), Ok(())]);
    assert_eq!(frames[0].bytes(), frames[3].bytes());
}

/// A hub: what a VTEP takes out goes into another tunnel. A damaged frame is never put into VXLAN
/// again as it was received, though its headroom would allow it.
#[test]
fn a_frame_that_one_stage_refused_is_not_worked_on_by_the_next() {
    let tunnels = tunnels();
    // More than a batch routes ahead.
    let mut frames: Vec<_> = (0..50)
        .map(|_| ArrayFrame::<512>::from_bytes_with_headroom(&[0x11; 60], 200).unwrap())
        .collect();
    for frame in &mut frames {
        tunnels[0].encap(frame, &mut EncapState::predictable()).unwrap();
    }
    let is_damaged = |index: usize| index % 3 == 1;
    for frame in frames.iter_mut().skip(1).step_by(3) {
        frame.bytes_mut()[24] ^= 1;
    }
    let before = frames.clone();
    let mut verdicts = [Ok(()); 50];
    let mut infos = [TunnelInfo::NONE; 50];
    let slots = Some(&mut infos[..]);
    let passed = decap_batch(&Vtep::rfc7348(), &mut frames, slots, &mut verdicts).unwrap();
    assert_eq!(passed, 33);
    let mut routed = Vec::new();
    let route = |index: usize, frame: &ArrayFrame<512>| {
        assert_eq!((frame.bytes(), infos[index].vni.value()), (&[0x11; 60][..], 42));
        routed.push(index);
        (index % 2 == 0).then_some(&tunnels[0])
    };
    let mut core = EncapState::predictable();
    let passed = encap_passed(&mut frames, route, &mut core, &mut verdicts).unwrap();
    assert_eq!(routed, (0..50).filter(|index| !is_damaged(*index)).collect::<Vec<_>>());
    let mut wanted = DropCounters::ZERO;
    for (index, (frame, verdict)) in frames.iter().zip(&verdicts).enumerate() {
        if is_damaged(index) {
            assert_eq!(*verdict, Err(DropReason::IpChecksum));
            assert_eq!((frame.range(), frame.bytes()), (150..260, before[index].bytes()));
        } else if index % 2 == 1 {
            assert_eq!((*verdict, frame.total_len()), (Err(DropReason::NoRoute), 60));
        } else {
            assert_eq!((*verdict, frame.bytes().len()), (Ok(()), 110));
        }
        wanted.count(*verdict);
    }
    assert_eq!((wanted.passed(), passed as u64, wanted[DropReason::IpChecksum]), (17, 17, 17));
    // The same of decap after another stage.
    let passed = decap_passed(&Vtep::rfc7348(), &mut frames, None, &mut verdicts);
    assert_eq!(passed, Ok(17));
    assert!(
        verdicts
            .iter()
            .zip(&frames)
            .all(|(verdict, frame)| verdict.is_err() || frame.total_len() == 60)
    );
}

/// A sum by the definition: one word after the other, each carry at once.
fn plain_sum(bytes: &[u8]) -> u16 {
    bytes.chunks(2).fold(0, |sum: u16, word| {
        let word = u16::from_be_bytes([word[0], word.get(1).copied().unwrap_or(0)]);
        let (sum, carry) = sum.overflowing_add(word);
        sum + u16::from(carry)
    })
}

#[test]
fn kernels_agree_on_every_length_and_alignment() {
    let step = if cfg!(debug_assertions) { 37 } else { 1 };
    let bytes = Random(3).bytes(4096 + 64);
    for at in 0..64 {
        for len in (0..=4096).filter(|len| *len < 300 || (len + at) % step == 0) {
            let bytes = &bytes[at..at + len];
            let wanted = plain_sum(bytes);
            for kernels in Kernels::supported() {
                let sum = kernels.sum(bytes).folded();
                assert_eq!(sum, wanted, "{} of {len} at {at}", kernels.isa());
            }
        }
    }
}

#[test]
fn kernels_lose_no_carry_in_long_sums() {
    for len in [65_535, 1 << 20, (3 << 20) + 1] {
        let ones = vec![0xff; len];
        for kernels in Kernels::supported() {
            assert_eq!(kernels.sum(&ones), Sum::of(&ones), "{}", kernels.isa());
            assert_eq!(kernels.sum(&ones).folded(), plain_sum(&ones));
            assert_eq!(kernels.sum(&vec![0; len]).folded(), 0);
        }
    }
}
