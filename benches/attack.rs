//! What the worst packets cost: an attacker chooses them, so a refused frame should not be dearer than an
//! accepted one by more than half.
//!
//! `taskset -c 1 cargo bench --bench attack` prints nanoseconds a frame and the ratios.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use vtep::buf::{Frame, FrameBuf, HEADROOM_MAX};
use vtep::tunnel::{
    Adjacency, EncapState, FlowHashKey, InnerVlanRx, OuterTag, SourcePorts, Tunnel, TunnelConfig,
    UdpChecksum, Vtep,
};
use vtep::verdict::DropReason;
use vtep::wire::{
    Build, EthernetBuilder, HeaderOptions, InPlace, IpProtocol, Ipv4Builder, Ipv6Builder, MacAddr,
    UdpBuilder, Vni, VxlanBuilder,
};

/// Frames a round, and rounds. The least of them is taken: what disturbs only adds.
const FRAMES: usize = 256;
const ROUNDS: usize = 400;

const A: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 1]);
const B: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 2]);

fn built(packet: &impl Build) -> Vec<u8> {
    let mut bytes = vec![0; packet.len()];
    packet.build(&mut bytes).expect("a packet");
    bytes
}

fn v4(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 50, last)
}

fn inner(payload: usize) -> Vec<u8> {
    let payload = vec![0x5a; payload];
    built(&EthernetBuilder::new(
        A,
        B,
        Ipv4Builder::new(v4(7), v4(8), UdpBuilder::new(1, 2, &payload[..])),
    ))
}

/// The outer packet around `inner`: what an option, an extension, a checksum costs.
fn outer(inner: &[u8], options: usize, checksum: bool) -> Vec<u8> {
    let vxlan = VxlanBuilder::new(Vni::new(1).expect("a VNI"), inner);
    let udp = UdpBuilder::new(50_000, 8472, vxlan);
    let udp = if checksum { udp } else { udp.without_checksum() };
    let options = HeaderOptions::new(&[1; 40][..options]).expect("options");
    built(&EthernetBuilder::new(A, B, Ipv4Builder::new(v4(2), v4(3), udp).options(options)))
}

/// VXLAN over IPv6 behind `count` extension headers of `len` bytes.
fn outer_v6(inner: &[u8], count: usize, len: usize) -> Vec<u8> {
    let vxlan = VxlanBuilder::new(Vni::new(1).expect("a VNI"), inner);
    let udp = built(&UdpBuilder::new(50_000, 8472, vxlan).without_checksum());
    let mut packet = Vec::new();
    for index in 0..count {
        let next = if index + 1 == count { 17 } else { 60 };
        packet.extend([next, (len / 8 - 1) as u8]);
        packet.extend(vec![0; len - 2]);
    }
    packet.extend(udp);
    let next = if count == 0 { IpProtocol::UDP } else { IpProtocol::DESTINATION_OPTIONS };
    let (source, destination) = ("2001:db8::2".parse(), "2001:db8::3".parse());
    let (source, destination) = (source.expect("an address"), destination.expect("an address"));
    let header = Ipv6Builder::with_next_header(source, destination, next, InPlace::of(&packet));
    let mut bytes = built(&EthernetBuilder::new(A, B, header));
    let start = bytes.len() - packet.len();
    bytes[start..].copy_from_slice(&packet);
    bytes
}

fn with(mut frame: Vec<u8>, at: usize, value: u8) -> Vec<u8> {
    frame[at] = value;
    frame
}

/// Nanoseconds a frame, the least of all rounds.
fn least(mut round: impl FnMut() -> usize) -> f64 {
    let time = |round: &mut dyn FnMut() -> usize| {
        let start = Instant::now();
        black_box(round());
        start.elapsed().as_nanos()
    };
    let least = (0..ROUNDS).map(|_| time(&mut round)).min();
    least.expect("a round") as f64 / FRAMES as f64
}

/// Decap of many copies of `frame`, each in memory of its own, which all end as `want` says.
fn decap(vtep: &Vtep<'_>, frame: &[u8], want: Option<DropReason>) -> f64 {
    let mut buffers: Vec<Vec<u8>> = vec![frame.to_vec(); FRAMES];
    least(|| {
        let mut passed = 0;
        for buffer in &mut buffers {
            let end = buffer.len();
            let mut frame = Frame::new(&mut buffer[..], 0..end).expect("within the buffer");
            let verdict = black_box(vtep).decap(&mut frame);
            assert_eq!(verdict.err(), want);
            passed += usize::from(verdict.is_ok());
        }
        passed
    })
}

struct Report {
    accepted: f64,
    worst: f64,
}

impl Report {
    fn new(shape: &str, accepted: f64) -> Self {
        println!("{shape:<52} {accepted:7.1} ns, accepted");
        Self { accepted, worst: 0.0 }
    }

    fn refused(&mut self, what: &str, cost: f64) {
        let ratio = cost / self.accepted;
        self.worst = self.worst.max(ratio);
        println!("  {what:<50} {cost:7.1} ns, {ratio:4.2}");
    }
}

/// Refused frames beside accepted ones of the same shape.
fn refusals() -> f64 {
    use DropReason::{
        EcnUnmarkable, InnerVlan, IpChecksum, OwnMac, ReservedBits, UdpChecksum, UnknownVni,
    };
    let vtep = Vtep::linux()
        .inner_vlan(InnerVlanRx::Discard)
        .vni(Vni::new(1).expect("a VNI"))
        .own_mac(MacAddr::ZERO);
    let mut worst = 0_f64;
    for (size, checksum) in [(18, false), (18, true), (1400, true)] {
        let frame = outer(&inner(size), 0, checksum);
        let shape = format!("{} bytes, UDP checksum {checksum}", frame.len());
        let mut report = Report::new(&shape, decap(&vtep, &frame, None));
        let refuse = |report: &mut Report, what, frame: Vec<u8>, reason| {
            report.refused(what, decap(&vtep, &frame, Some(reason)));
        };
        refuse(&mut report, "IPv4 checksum", with(frame.clone(), 24, !frame[24]), IpChecksum);
        if checksum {
            refuse(&mut report, "UDP checksum", with(frame.clone(), 40, !frame[40]), UdpChecksum);
        } else {
            refuse(&mut report, "reserved bits", with(frame.clone(), 49, 1), ReservedBits);
            refuse(&mut report, "unknown VNI", with(frame.clone(), 48, 9), UnknownVni);
            let tagged = with(with(frame.clone(), 62, 0x81), 63, 0);
            refuse(&mut report, "inner tag", tagged, InnerVlan);
        }
        let own = outer(&with(with(inner(size), 11, 0), 6, 0), 0, checksum);
        refuse(&mut report, "own MAC address", own, OwnMac);
        // Congestion that cannot be marked is the last check of all.
        let mut marked = with(frame.clone(), 15, 3);
        let sum = u16::from_be_bytes([marked[24], marked[25]]).wrapping_sub(3);
        marked[24..26].copy_from_slice(&sum.to_be_bytes());
        refuse(&mut report, "congestion, the last check", marked, EcnUnmarkable);
        worst = worst.max(report.worst);
    }
    worst
}

/// The longest headers that there are, accepted and refused, beside a plain frame.
fn long_headers() -> f64 {
    use DropReason::{IpHeader, UnknownVni};
    let vtep = Vtep::linux().vni(Vni::new(1).expect("a VNI")).zero_checksum_v6(true);
    let vtep = vtep.outer_tag(OuterTag::Any);
    let inner = inner(18);
    let options = outer(&inner, 40, false);
    let mut report = Report::new("IPv4 with 40 bytes of options", decap(&vtep, &options, None));
    report.refused("unknown VNI", decap(&vtep, &with(options, 88, 9), Some(UnknownVni)));
    let chain = outer_v6(&inner, 8, 8);
    let mut chains = Report::new("IPv6 with 8 extension headers", decap(&vtep, &chain, None));
    let at = chain.len() - inner.len() - 2;
    chains.refused("unknown VNI", decap(&vtep, &with(chain, at, 9), Some(UnknownVni)));
    chains.refused("9 of them", decap(&vtep, &outer_v6(&inner, 9, 8), Some(IpHeader)));
    let long = outer_v6(&inner, 4, 2048);
    Report::new("IPv6 with 4 extension headers of 2048 bytes", decap(&vtep, &long, None));
    report.worst.max(chains.worst)
}

fn tunnel(number: u16, core: SourcePorts) -> Tunnel {
    let [high, low] = number.to_be_bytes();
    let remote = IpAddr::from([10, 9, high, low]);
    let config = TunnelConfig::rfc7348(v4(2).into(), remote, Adjacency::new(A, B));
    config.udp_checksum(UdpChecksum::None).source_ports(core).build().expect("a tunnel")
}

/// Encap of each frame with the next of `tunnels`.
fn encap(tunnels: &[Tunnel]) -> f64 {
    let frame = inner(18);
    let mut buffers = vec![[&[0; HEADROOM_MAX][..], &frame].concat(); FRAMES];
    let (mut core, mut next) = (EncapState::predictable(), 0);
    least(|| {
        for buffer in &mut buffers {
            let end = buffer.len();
            let mut frame =
                Frame::new(&mut buffer[..], HEADROOM_MAX..end).expect("within the buffer");
            // A stride over the cache lines that no prefetcher follows.
            next = (next + 7919) % tunnels.len();
            tunnels[next].encap(&mut frame, &mut core).expect("encap");
        }
        FRAMES
    })
}

/// The share of 4096 flows that the fullest source port gets: flows that an attacker, who knows the public
/// key, chose for one port.
fn aimed(key: FlowHashKey) -> f64 {
    let tunnel = tunnel(1, SourcePorts::RFC7348);
    let port_of = |core: &mut EncapState, flow: u32| {
        let [a, b, c, d] = flow.to_be_bytes();
        let source = Ipv4Addr::new(10, a, b, c);
        let udp = UdpBuilder::new(u16::from(d), 2, &[0; 4][..]).without_checksum();
        let inner = built(&EthernetBuilder::new(A, B, Ipv4Builder::new(source, v4(8), udp)));
        let mut buffer = [&[0; HEADROOM_MAX][..], &inner].concat();
        let end = buffer.len();
        let mut frame = Frame::new(&mut buffer[..], HEADROOM_MAX..end).expect("within the buffer");
        tunnel.encap(&mut frame, core).expect("encap");
        u16::from_be_bytes([frame.bytes()[34], frame.bytes()[35]])
    };
    let (mut public, mut ours) = (EncapState::predictable(), EncapState::new(key, 0));
    let mut ports = BTreeMap::<u16, usize>::new();
    // A sixteenth of the ports is what can be aimed at here in a second.
    let flows = (0..1 << 16).filter(|flow| port_of(&mut public, *flow) >> 10 == 60).take(4096);
    let flows: Vec<u32> = flows.collect();
    for flow in &flows {
        *ports.entry(port_of(&mut ours, *flow) >> 10).or_default() += 1;
    }
    let fullest = ports.values().max().copied().unwrap_or(0);
    fullest as f64 / flows.len() as f64
}

fn main() {
    let worst = refusals().max(long_headers());
    println!("worst refused frame: {worst:.2} of an accepted one of its shape");
    let one = encap(&[tunnel(1, SourcePorts::LINUX)]);
    let many: Vec<Tunnel> =
        (0..u16::MAX).map(|number| tunnel(number, SourcePorts::LINUX)).collect();
    println!(
        "encap, one tunnel {one:.1} ns; every frame another of {}: {:.1} ns",
        many.len(),
        encap(&many)
    );
    let keyed = FlowHashKey::new(*b"sixteen bytes...");
    println!(
        "flows aimed at one sixteenth of the ports: {:.3} of them hit it with the public key, {:.3} with another",
        aimed(FlowHashKey::PUBLIC),
        aimed(keyed)
    );
}
