//! The other way: what the device sends is taken apart and built again here, byte for byte, and what is
//! built here the device takes.

use std::collections::BTreeMap;
use std::iter;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use vtep::buf::{Frame, FrameBuf, HEADROOM_MAX};
use vtep::tunnel::{Adjacency, EncapState, IpId, SourcePorts, TunnelConfig, Vtep};
use vtep::wire::{Gbp, MacAddr, Vni};

use crate::bed::{Bed, HOST_MAC, HOST_V4, HOST_V6, PEER_MAC, PEER_V4, PEER_V6, Tap};
use crate::exempt;
use crate::frames::{self, Random};
use crate::misread;
use crate::{hex, now, number};

fn addresses(is_v6: bool) -> (IpAddr, IpAddr) {
    if is_v6 { (HOST_V6.into(), PEER_V6.into()) } else { (HOST_V4.into(), PEER_V4.into()) }
}

/// An inner frame that a bridge may hand to the device.
fn inner(random: &mut Random) -> Vec<u8> {
    let kinds = frames::inner_packets(random.byte());
    let mut inner = frames::frame(&kinds[random.below(kinds.len())]);
    let len = match random.below(8) {
        0 => 14 + random.below(inner.len() - 13),
        _ => inner.len() + random.below(1300),
    };
    inner.resize(len, random.byte());
    for _ in 0..random.below(4) {
        let at = 14 + random.below(inner.len() - 13);
        if let Some(byte) = inner.get_mut(at) {
            *byte = [0, 0xff, random.byte(), random.byte()][random.below(4)];
        }
    }
    inner
}

fn encap(config: &TunnelConfig, inner: &[u8]) -> Vec<u8> {
    let mut buffer = [&[0; HEADROOM_MAX], inner].concat();
    let end = buffer.len();
    let mut frame = Frame::new(&mut buffer[..], HEADROOM_MAX..end).unwrap();
    config
        .build()
        .expect("a tunnel")
        .encap(&mut frame, &mut EncapState::predictable())
        .expect("encap");
    frame.bytes().to_vec()
}

/// Why the device may not send this frame as encap does.
fn reason(inner: &[u8], kernels: Option<&[u8]>, df: &str) -> Option<&'static str> {
    let mut tags = 0;
    let mut packet = &inner[12..];
    while let [0x81, 0, _, _, rest @ ..] | [0x88, 0xa8, _, _, rest @ ..] = packet {
        (tags, packet) = (tags + 1, rest);
    }
    let is_cut = match packet {
        [8, 0, packet @ ..] => packet.len() < 20,
        [0x86, 0xdd, packet @ ..] => packet.len() < 40,
        packet => tags > 0 && packet.len() < 2,
    };
    match kernels {
        None if is_cut => Some("Linux sends no cut tag and no cut IP header"),
        Some(_) if exempt::is_tag_alone(inner) => {
            Some("the host behind the device wants two bytes more than a VLAN tag")
        }
        Some(_) if tags > 2 => Some("Linux reads the packet behind up to eight tags"),
        Some(_) if tags > 0 && df.contains("df inherit") => {
            Some("Linux inherits no DF through a tag")
        }
        _ => None,
    }
}

/// What arrives of `frame` at the other side: it, and then a frame that says that no more will.
fn pass(from: &Tap, to: &Tap, frame: &[u8], last: &[u8]) -> Option<Vec<u8>> {
    for frame in [frame, last] {
        assert!(from.send(frame), "the device takes {}", hex(frame));
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    // The host itself reports which multicast groups it listens to.
    let is_report = |frame: &[u8]| frame.starts_with(&[0x33, 0x33]);
    let mut arrivals = iter::repeat_with(|| to.receive(deadline).expect("the last frame arrives"))
        .filter(|frame| !is_report(frame));
    let mut arrived: Vec<_> = arrivals.by_ref().take_while(|f| !f.ends_with(SENTINEL)).collect();
    assert!(arrived.len() < 2, "{arrived:?} for {}", hex(frame));
    arrived.pop()
}

const SENTINEL: &[u8] = b"\x88\xb6the last frame";

/// A device with these options, and a tunnel configured alike.
pub fn transmit(
    name: &str,
    options: &str,
    is_v6: bool,
    configure: impl Fn(TunnelConfig) -> TunnelConfig,
) {
    let ends = match is_v6 {
        false => "local 192.168.50.3 remote 192.168.50.2",
        true => "local 2001:db8:50::3 remote 2001:db8:50::2",
    };
    let options = format!("dstport 8472 {ends} dev u0 nolearning {options}");
    let bed = Bed::new(name, &options);
    let (device, underlay) = (bed.device(), bed.underlay());
    let seed = number("REFEREE_SEED", now());
    let count = number("REFEREE_FRAMES", 5_000);
    println!("{name}: REFEREE_SEED={seed} REFEREE_FRAMES={count}");
    let mut random = Random(seed);
    let mut exempted = BTreeMap::<_, usize>::new();
    let vtep = Vtep::linux().gbp(true).zero_checksum_v6(true);
    let (local, remote) = addresses(is_v6);
    let (host, peer) = (MacAddr::new(HOST_MAC), MacAddr::new(PEER_MAC));
    let towards_peer = TunnelConfig::linux(local, remote, Adjacency::new(peer, host));
    let towards_host = TunnelConfig::linux(remote, local, Adjacency::new(host, peer));
    let set = |config: &TunnelConfig| configure(config.clone()).vni(Vni::new(1).expect("a VNI"));
    let (towards_peer, towards_host) = (set(&towards_peer), set(&towards_host));
    let sentinel = frames::frame(SENTINEL);
    let sentinel_back = encap(&towards_host, &sentinel);
    for _ in 0..count {
        let gbp = Gbp::from_mark(if options.ends_with("gbp") { random.next() as u32 } else { 0 });
        let gbp = Some(gbp).filter(|gbp| gbp.mark() != 0);
        device.mark(gbp.map_or(0, |gbp| gbp.mark()));
        let inner = inner(&mut random);
        let kernels = pass(&device, &underlay, &inner, &sentinel);
        if let Some(reason) = reason(&inner, kernels.as_deref(), &options) {
            *exempted.entry(reason).or_default() += 1;
            continue;
        }
        let kernels = kernels.unwrap_or_else(|| panic!("Linux does not send {}", hex(&inner)));
        let mut taken = kernels.clone();
        let mut frame = Frame::new(&mut taken[..], 0..kernels.len()).unwrap();
        let info = vtep.decap(&mut frame);
        let info = info.unwrap_or_else(|reason| panic!("{reason}: {}", hex(&kernels)));
        assert_eq!(info.gbp, gbp, "{}", hex(&kernels));
        assert_eq!(hex(frame.bytes()), hex(&inner), "of {}", hex(&kernels));
        let port = SourcePorts::inclusive(info.source_port, info.source_port).expect("a port");
        let id = IpId::Fixed(u16::from_be_bytes([kernels[18], kernels[19]]));
        let alike = |config: &TunnelConfig| config.clone().source_ports(port).ip_id(id).gbp(gbp);
        let ours = encap(&alike(&towards_peer), &inner);
        assert_eq!(hex(&ours), hex(&kernels), "for {}", hex(&inner));
        let back = encap(&alike(&towards_host), &inner);
        let delivered = pass(&underlay, &device, &back, &sentinel_back);
        let class = exempt::outer_class(&back).expect("an outer IP header");
        let wanted = misread::delivered(&inner, class).unwrap_or_else(|| Some(inner.clone()));
        assert_eq!(delivered.as_deref().map(hex), wanted.as_deref().map(hex), "of {}", hex(&back));
    }
    println!("{name}: {count} frames each way, the same bytes; exempt: {exempted:?}");
}
