//! Linux as the referee: mutated packets are sent to a vxlan device in a network namespace, and what it
//! accepts, and which bytes it delivers, is compared with [`Vtep`] under the `linux()` profile.
//!
//! The tests need root and build their own namespaces: `.ci/referee.sh` runs them, `cargo test` does not.
//! `REFEREE_SEED` and `REFEREE_FRAMES` choose the random frames; a difference is printed with the whole
//! frame, and `REFEREE_FRAME=HEX` replays that one.
#![cfg(target_os = "linux")]

mod bed;
mod exempt;
mod frames;
mod misread;
mod pmtu;
mod transmit;

use std::collections::BTreeMap;
use std::env;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use bed::{Bed, DEVICE_MAC, HOST_V4, HOST_V6, Tap};
use frames::{Outer, Packet, Random};
use transmit::transmit;
use vtep::buf::{Frame, FrameBuf};
use vtep::tunnel::{Df, OuterDscp, Set, Ttl, UdpChecksum, Vtep};
use vtep::wire::{FlowLabel, MacAddr, TrafficClass, Vni};

/// So many frames are sent before the answers are looked at.
const CHUNK: usize = 64;

struct Referee<'a> {
    underlay: Tap,
    device: Tap,
    outer: Outer,
    vtep: Vtep<'a>,
    sentinels: u32,
    sent: usize,
    accepted: usize,
    exempted: BTreeMap<&'static str, usize>,
    differences: Vec<String>,
}

impl Referee<'_> {
    /// Sends the frames, and those whose verdicts do not agree again one by one.
    fn judge(&mut self, frames: impl Iterator<Item = Packet>) {
        let mut chunk = Vec::with_capacity(CHUNK);
        for packet in frames {
            chunk.push(packet.bytes);
            if chunk.len() == CHUNK {
                self.judge_chunk(&chunk);
                chunk.clear();
            }
        }
        self.judge_chunk(&chunk);
    }

    fn judge_chunk(&mut self, chunk: &[Vec<u8>]) {
        self.sent += chunk.len();
        let ours: Vec<_> = chunk.iter().filter_map(|frame| self.ours(frame)).collect();
        self.accepted += ours.len();
        if self.kernels(chunk) != ours {
            for frame in chunk {
                self.judge_one(frame);
            }
        }
    }

    fn judge_one(&mut self, frame: &[u8]) {
        let (ours, kernels) = (self.ours(frame), self.kernels(&[frame.to_vec()]));
        if ours.as_slice() == kernels {
            return;
        }
        match exempt::reason(frame, ours.as_deref(), kernels.first().map(Vec::as_slice)) {
            Some(reason) => *self.exempted.entry(reason).or_default() += 1,
            None => self.differences.push(format!(
                "frame  {}\nours   {}\nkernel {}\n",
                hex(frame),
                ours.map_or_else(|| format!("{:?}", self.vtep.inspect(frame)), |ours| hex(&ours)),
                kernels.iter().map(|frame| hex(frame)).collect::<Vec<_>>().join(" and "),
            )),
        }
    }

    /// What the device delivers of these frames.
    fn kernels(&mut self, frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
        self.sentinels += 1;
        let inner = [&[0x88, 0xb6][..], b"sentinel", &self.sentinels.to_be_bytes()].concat();
        let sentinel = frames::frame(&inner);
        for frame in frames {
            assert!(self.underlay.send(frame), "the underlay takes {} bytes", frame.len());
        }
        self.underlay.send(&frames::packet(self.outer, &[], &[], frames::VXLAN, &sentinel).bytes);
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut delivered = Vec::new();
        loop {
            let frame = self.device.receive(deadline).expect("the sentinel comes back");
            if frame == sentinel {
                return delivered;
            }
            delivered.push(frame);
        }
    }

    /// What decap makes of a frame.
    fn ours(&self, sent: &[u8]) -> Option<Vec<u8>> {
        let mut buffer = sent.to_vec();
        let mut frame = Frame::new(&mut buffer[..], 0..sent.len()).unwrap();
        let verdict = self.vtep.decap(&mut frame);
        let ours = frame.bytes().to_vec();
        if verdict.is_err() {
            assert_eq!(ours, sent, "a refused frame was changed");
        }
        verdict.is_ok().then_some(ours)
    }

    fn report(self, name: &str) {
        let Self { sent, accepted, exempted, differences, .. } = self;
        println!(
            "{name}: {sent} frames, {accepted} accepted by us, {} differences",
            differences.len()
        );
        for (reason, count) in exempted {
            println!("  exempt: {count} x {reason}");
        }
        let shown: String = differences.iter().take(40).map(|text| format!("\n{text}")).collect();
        assert!(differences.is_empty(), "{} differences: {shown}", differences.len());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().map(|digit| digit.to_digit(16).expect("hex")).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |value| value.parse().expect(variable))
}

/// A seed that no run had before.
fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(1, |since| since.as_micros() as u64)
}

/// Everything that there is to send, to a device with these options.
fn receive(name: &str, options: &str, outer: Outer, set: impl Fn(Vtep<'_>) -> Vtep<'_>) {
    let bed = Bed::new(name, options);
    let mut locals: Vec<IpAddr> = vec![
        IpAddr::from(HOST_V4),
        IpAddr::from([192, 168, 50, 255]),
        IpAddr::from([224, 0, 0, 1]),
        IpAddr::from([255; 4]),
        IpAddr::from(HOST_V6),
    ];
    locals.sort();
    let vtep = Vtep::linux()
        .port(outer.port)
        .vni(Vni::new(1).expect("a VNI"))
        .locals(Set::sorted(&locals).expect("sorted"))
        .own_mac(MacAddr::new(DEVICE_MAC));
    let mut referee = Referee {
        underlay: bed.underlay(),
        device: bed.device(),
        outer,
        vtep: set(vtep),
        sentinels: 0,
        sent: 0,
        accepted: 0,
        exempted: BTreeMap::new(),
        differences: Vec::new(),
    };
    if let Ok(frame) = env::var("REFEREE_FRAME") {
        referee.judge_one(&unhex(&frame));
    } else {
        let seed = number("REFEREE_SEED", now());
        let count = number("REFEREE_FRAMES", 50_000) as usize;
        println!("{name}: REFEREE_SEED={seed} REFEREE_FRAMES={count}");
        let bases = frames::bases(outer);
        referee.judge(bases.iter().cloned());
        let headers = bases[0].udp_at + 16 + 36;
        referee.judge(frames::every_byte(&bases[0], headers));
        bases.iter().for_each(|base| referee.judge(frames::every_length(base)));
        referee.judge(frames::every_class(outer));
        referee.judge(misread::every_kind(outer));
        let mut random = Random(seed);
        referee.judge((0..count).map(|_| frames::mutated(&bases, &mut random)));
    }
    referee.report(name);
}

#[test]
#[ignore = "needs root and network namespaces: .ci/referee.sh"]
fn the_default_device_and_linux_agree() {
    let outer = Outer { is_v6: false, port: 8472 };
    receive("v4", "dstport 8472 local 192.168.50.3 dev u0 nolearning", outer, |vtep| vtep);
}

#[test]
#[ignore = "needs root and network namespaces: .ci/referee.sh"]
fn the_gbp_device_and_linux_agree() {
    let outer = Outer { is_v6: false, port: 4789 };
    let options = "dstport 4789 local 192.168.50.3 dev u0 nolearning gbp";
    receive("gbp", options, outer, |vtep| vtep.gbp(true));
}

#[test]
#[ignore = "needs root and network namespaces: .ci/referee.sh"]
fn the_ipv6_device_and_linux_agree() {
    let outer = Outer { is_v6: true, port: 8472 };
    receive("v6", "dstport 8472 local 2001:db8:50::3 dev u0 nolearning", outer, |vtep| vtep);
}

#[test]
#[ignore = "needs root and network namespaces: .ci/referee.sh"]
fn the_ipv6_device_without_checksums_and_linux_agree() {
    let outer = Outer { is_v6: true, port: 8472 };
    let options = "dstport 8472 local 2001:db8:50::3 dev u0 nolearning udp6zerocsumrx";
    receive("v6zero", options, outer, |vtep| vtep.zero_checksum_v6(true));
}

#[test]
#[ignore = "needs root and network namespaces: .ci/referee.sh"]
fn encap_and_the_default_device_give_the_same_bytes() {
    transmit("t4", "", false, |config| config);
}

#[test]
#[ignore = "needs root and network namespaces: .ci/referee.sh"]
fn encap_without_checksums_and_the_device_give_the_same_bytes() {
    transmit("t4none", "noudpcsum", false, |config| config.udp_checksum(UdpChecksum::None));
}

#[test]
#[ignore = "needs root and network namespaces: .ci/referee.sh"]
fn encap_with_fixed_fields_and_the_device_give_the_same_bytes() {
    transmit("t4fixed", "ttl 17 tos 0x28 df set", false, |config| {
        config.ttl(Ttl::Fixed(17)).dscp(OuterDscp::Fixed(TrafficClass(0x28))).df(Df::Set)
    });
}

#[test]
#[ignore = "needs root and network namespaces: .ci/referee.sh"]
fn encap_with_inherited_fields_and_the_device_give_the_same_bytes() {
    transmit("t4inherit", "ttl inherit tos inherit df inherit", false, |config| {
        config.ttl(Ttl::Inherit).dscp(OuterDscp::Inherit).df(Df::Inherit)
    });
}

#[test]
#[ignore = "needs root and network namespaces: .ci/referee.sh"]
fn encap_with_group_policy_and_the_device_give_the_same_bytes() {
    transmit("t4gbp", "gbp", false, |config| config);
}

#[test]
#[ignore = "needs root and network namespaces: .ci/referee.sh"]
fn encap_over_ipv6_and_the_device_give_the_same_bytes() {
    transmit("t6", "", true, |config| config);
}

#[test]
#[ignore = "needs root and network namespaces: .ci/referee.sh"]
fn encap_over_ipv6_with_inherited_fields_and_the_device_give_the_same_bytes() {
    let options = "udp6zerocsumtx udp6zerocsumrx ttl inherit tos inherit flowlabel 0xabcde";
    transmit("t6inherit", options, true, |config| {
        let label = FlowLabel::new(0xabcde).expect("a label");
        let config = config.ttl(Ttl::Inherit).dscp(OuterDscp::Inherit).flow_label(label);
        config.udp_checksum(UdpChecksum::None).zero_checksum_v6(true)
    });
}

#[test]
#[ignore = "needs root and network namespaces: .ci/referee.sh"]
fn a_bridged_port_and_mtu_answer_alike() {
    pmtu::compare();
}
