//! Packets that exceed the MTU of a bridged vxlan device: which of them Linux answers, and with which bytes,
//! beside [`icmp_too_big_frame`].

use std::time::{Duration, Instant};

use vtep::tunnel::mtu::icmp_too_big_frame;

use crate::bed::{Bed, Tap};
use crate::frames::{fold, sum};
use crate::hex;

const POD: [u8; 6] = [2, 0, 0, 0, 0, 0x11];
const PEER: [u8; 6] = [2, 0, 0, 0, 0, 0x12];
/// Longer than any MTU that is tried.
const PAYLOAD: [u8; 1500] = [0x5a; 1500];
/// How long a frame without an answer is waited for. The kernel answers while the frame is being sent.
const PATIENCE: Duration = Duration::from_millis(60);

/// A frame, and the row of `manual::differences` that says why Linux does not do with it as [`icmp_too_big_frame`] does.
struct Case(String, Vec<u8>, Option<&'static str>);

/// Rows of `manual::differences`.
const FIRST_FRAGMENTS: Option<&str> = Some("first fragments");
const BELOW_576: Option<&str> = Some("an IPv4 MTU below 576");
const NO_HOST: Option<&str> = Some("addresses of no host");
const UNKNOWN_ICMP: Option<&str> = Some("unknown ICMP types");

fn ethernet(destination: [u8; 6], ethertype: [u8; 2], packet: &[u8]) -> Vec<u8> {
    [&destination[..], &POD, &ethertype, packet].concat()
}

/// IPv4 with these flags, protocol, addresses and first payload bytes.
fn v4(flags: u16, protocol: u8, source: [u8; 4], destination: [u8; 4], front: &[u8]) -> Vec<u8> {
    let len = (20 + front.len() + PAYLOAD.len()) as u16;
    let mut packet = [&[0x45, 0][..], &len.to_be_bytes(), &[0, 7], &flags.to_be_bytes()].concat();
    packet.extend([64, protocol, 0, 0]);
    packet.extend([source, destination].concat());
    let checksum = !fold(sum(&packet));
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    [&packet[..], front, &PAYLOAD].concat()
}

fn v6(next_header: u8, source: &str, destination: &str, front: &[u8]) -> Vec<u8> {
    let address = |text: &str| text.parse::<std::net::Ipv6Addr>().expect(text).octets();
    let len = (front.len() + PAYLOAD.len()) as u16;
    let mut packet = [&[0x60, 0, 0, 0][..], &len.to_be_bytes(), &[next_header, 64]].concat();
    packet.extend([address(source), address(destination)].concat());
    [&packet[..], front, &PAYLOAD].concat()
}

const DF: u16 = 0x4000;
const ONE: [u8; 4] = [10, 1, 17, 5];
const TWO: [u8; 4] = [10, 1, 18, 7];
const ONE_V6: &str = "fd01::5";
const TWO_V6: &str = "fd02::7";

/// Frames of IPv4.
fn cases_v4() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: String, packet: Vec<u8>, row| {
        cases.push(Case(name, ethernet(PEER, [8, 0], &packet), row));
    };
    for flags in [0, DF, 0x2000, DF | 0x2000, DF | 0x8000, DF | 1, DF | 0x2001] {
        let is_whole_or_later = flags & DF == 0 || flags == DF || flags & 1 != 0;
        let row = if is_whole_or_later { None } else { FIRST_FRAGMENTS };
        add(format!("IPv4 flags {flags:04x}"), v4(flags, 17, ONE, TWO, &[]), row);
    }
    const PLACES: [[u8; 4]; 10] = [
        [0, 0, 0, 0],
        [0, 1, 2, 3],
        [127, 0, 0, 1],
        [169, 254, 1, 1],
        [224, 0, 0, 1],
        [239, 1, 1, 1],
        [240, 0, 0, 1],
        [255, 255, 255, 254],
        [255, 255, 255, 255],
        [223, 255, 255, 255],
    ];
    for place in PLACES {
        let is_class_e = place[0] >= 240 && place != [255; 4];
        let row = if is_class_e || place == [0, 1, 2, 3] { NO_HOST } else { None };
        add(format!("IPv4 from {place:?}"), v4(DF, 17, place, TWO, &[]), row);
        let row = if is_class_e || matches!(place[0], 0 | 127) { NO_HOST } else { None };
        add(format!("IPv4 to {place:?}"), v4(DF, 17, ONE, place, &[]), row);
    }
    for kind in (0..=45).chain([127, 128, 253, 254, 255]) {
        let is_known = matches!(kind, 0 | 3..=5 | 8..=18 | 42 | 43);
        let packet = v4(DF, 1, ONE, TWO, &[kind, 0, 0, 0, 0, 0, 0, 0]);
        add(format!("ICMP type {kind}"), packet, if is_known { None } else { UNKNOWN_ICMP });
    }
    cases
}

/// Frames of IPv6.
fn cases_v6() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: String, packet: Vec<u8>, row| {
        cases.push(Case(name, ethernet(PEER, [0x86, 0xdd], &packet), row));
    };
    add("IPv6".into(), v6(17, ONE_V6, TWO_V6, &[]), None);
    for place in ["::", "::1", "ff02::1", "ff05::1", "ff0e::1", "fe80::1", "::ffff:10.1.17.5"] {
        // Linux compares the whole type of a source, its scope too.
        let row = if matches!(place, "::1" | "ff02::1" | "ff05::1") { NO_HOST } else { None };
        add(format!("IPv6 from {place}"), v6(17, place, TWO_V6, &[]), row);
        let is_no_host = place.starts_with("ff") || matches!(place, "::" | "::1");
        let row = if is_no_host { NO_HOST } else { None };
        add(format!("IPv6 to {place}"), v6(17, ONE_V6, place, &[]), row);
    }
    for kind in (0..=6).chain([99, 100, 101, 126, 127]).chain(128..=140).chain([200, 201, 255]) {
        let row = if matches!(kind, 0 | 5..=127) { UNKNOWN_ICMP } else { None };
        let packet = v6(58, ONE_V6, TWO_V6, &[kind, 0, 0, 0, 0, 0, 0, 0]);
        add(format!("ICMPv6 type {kind}"), packet, row);
    }
    for (name, offset) in [("first", 1), ("later", 9), ("last", 8), ("atomic", 0)] {
        for protocol in [17, 58] {
            let front = [protocol, 0, 0, offset, 0, 0, 0, 1, 128];
            let packet = v6(44, ONE_V6, TWO_V6, &front);
            add(format!("IPv6 {name} fragment of {protocol}"), packet, None);
        }
    }
    cases
}

/// Frames whose Ethernet header matters.
fn cases_of_links() -> Vec<Case> {
    let packet = v4(DF, 17, ONE, TWO, &[]);
    let to = |destination| ethernet(destination, [8, 0], &packet);
    vec![
        Case("to a group of the link".into(), to([1, 0, 0x5e, 0, 0, 1]), None),
        Case("to all of the link".into(), to([0xff; 6]), None),
        Case("ARP".into(), ethernet(PEER, [8, 6], &PAYLOAD), None),
    ]
}

/// What comes back to the pod.
fn kernels(pod: &Tap, frame: &[u8]) -> Option<Vec<u8>> {
    while pod.receive(Instant::now()).is_some() {}
    assert!(pod.send(frame), "the bridge takes {}", hex(frame));
    let deadline = Instant::now() + PATIENCE;
    std::iter::from_fn(|| pod.receive(deadline)).find(|answer| answer[..6] == POD)
}

/// The bridged device, with a pod at its other port.
fn bed() -> (Bed, Tap) {
    let options = "dstport 8472 local 192.168.50.3 remote 192.168.50.2 dev u0 nolearning";
    let bed = Bed::new("pmtu", options);
    for command in [
        "link set vx0 mtu 8950",
        "link add br0 type bridge",
        "link set br0 addrgenmode none",
        "link set br0 mtu 8950 up",
        "link set vx0 master br0",
        "link add p0 mtu 8950 type veth peer name p1 mtu 8950",
        "link set p0 addrgenmode none up master br0",
        "link set p1 addrgenmode none up",
    ] {
        bed.on_host(command);
    }
    let pod = bed.tap("p1");
    (bed, pod)
}

/// The front of a frame, up to the payload that all have.
fn front(frame: &[u8]) -> String {
    hex(&frame[..frame.len() - PAYLOAD.len()])
}

/// Which of them Linux answers with each MTU. The answers are ours to the byte; where one side alone answers, a row of
/// `manual::differences` says why. REFEREE_RECORD names a file for the table that `tests/pmtu.rs` reads.
pub fn compare() {
    let (bed, pod) = bed();
    let (mut table, mut differences) = (String::new(), String::new());
    for mtu in [1450, 1280, 1279, 576, 575, 68, 67] {
        bed.on_host(&format!("link set u0 mtu {}", mtu + 50));
        for Case(name, frame, row) in
            cases_v4().into_iter().chain(cases_v6()).chain(cases_of_links())
        {
            // Every type once is enough.
            if mtu != 1450 && name.starts_with("ICMP") {
                continue;
            }
            let mut buffer = [0; 1302];
            let ours = icmp_too_big_frame(&frame, mtu, &mut buffer).map(|answer| hex(answer));
            let kernels = kernels(&pod, &frame).map(|answer| hex(&answer));
            let row = if (68..576).contains(&mtu) && ours.is_ok() { BELOW_576 } else { row };
            let row = row.filter(|_| ours.is_ok() || kernels.is_some());
            let answer = kernels.as_ref().map_or("-", |answer| &answer[..140]);
            let front = front(&frame);
            table += &format!("{mtu}\t{name}\t{front}\t{answer}\t{}\n", row.unwrap_or("-"));
            let agree = match row {
                None => ours.as_ref().ok() == kernels.as_ref(),
                Some(_) => ours.is_ok() != kernels.is_some(),
            };
            if !agree {
                differences +=
                    &format!("mtu {mtu} {name}: {row:?}\nours   {ours:?}\nkernel {kernels:?}\n");
            }
        }
    }
    if let Ok(path) = std::env::var("REFEREE_RECORD") {
        std::fs::write(&path, &table).expect(&path);
    }
    println!("pmtu: {} questions", table.lines().count());
    assert!(differences.is_empty(), "{differences}");
}
