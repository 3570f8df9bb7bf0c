//! The peak stack of what is measured, told line by line: a name, a space, the bytes.
#![no_std]
#![no_main]

use core::hint::black_box;

use board::stack::peak;
use vtep::buf::Frame;
use vtep::lease::LeaseValue;
use vtep::netlink::Messages;
use vtep::subnet::{Ipv4Prefix, OtherLease, PoolConfig, SubnetAllocator};
use vtep::tunnel::minimal::MinimalV4;
use vtep::tunnel::{Adjacency, EncapState, TunnelConfig, UdpChecksum, Vtep};
use vtep::wire::MacAddr;

#[path = "../measured.rs"]
mod measured;

board::panic_exit!();
board::main!(stacks);

const ROOM: usize = 88;

fn config() -> TunnelConfig {
    let adjacency = Adjacency::new(MacAddr::new([2; 6]), MacAddr::new([4; 6]));
    TunnelConfig::linux([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), adjacency)
}

/// An inner frame of 1,450 bytes: IPv4, UDP.
fn fill(buffer: &mut [u8; 1600]) {
    let header = [
        4, 4, 4, 4, 4, 4, 2, 2, 2, 2, 2, 2, 8, 0, 0x45, 3, 5, 0x9c, 0, 0, 0, 0, 64, 17, 0, 0, 10,
        0, 0, 1, 10, 0, 0, 2,
    ];
    buffer.iter_mut().skip(ROOM).zip(header).for_each(|(to, from)| *to = from);
}

fn stacks() -> i32 {
    let mut buffer = [0; 1600];
    let mut core = EncapState::predictable();
    let plain = config().udp_checksum(UdpChecksum::None).build().unwrap();
    let summed = config().build().unwrap();
    let vtep = Vtep::linux();
    let mut passed = true;

    fill(&mut buffer);
    let mut frame = Frame::new(&mut buffer[..], ROOM..ROOM + 1450).unwrap();
    let tunnel = MinimalV4::new(&plain).unwrap();
    let encap =
        peak(&mut || passed &= measured::encap(black_box(tunnel), &mut frame, &mut core).is_ok());
    let decap = peak(&mut || passed &= measured::decap(black_box(&vtep), &mut frame).is_ok());
    board::println!("encap {encap}\ndecap {decap}\nboth {}", encap.max(decap));

    let encap = peak(&mut || {
        passed &= measured::encap_every(black_box(&summed), &mut frame, &mut core).is_ok()
    });
    let decap = peak(&mut || passed &= measured::decap_every(black_box(&vtep), &mut frame).is_ok());
    board::println!("every {}", encap.max(decap));

    let (mut words, mut others) = ([0; 8], [OtherLease::EMPTY; 4]);
    let network: Ipv4Prefix = "10.3.0.0/16".parse().unwrap();
    let lease: Ipv4Prefix = "10.3.8.0/22".parse().unwrap();
    let pool = PoolConfig::new(network).pool().unwrap();
    let mut subnets = SubnetAllocator::new(pool, &mut words, &mut others).unwrap();
    let allocator =
        peak(&mut || passed &= measured::allocate(&mut subnets, black_box(lease), 7).is_ok());
    board::println!("allocator {allocator}");
    passed &=
        same_at_any_depth("netlink", rebuild, 100) & same_at_any_depth("lease", read_json, 60);
    i32::from(!passed)
}

/// Input that nests deeply is read, and uses no more stack than input that does not.
fn same_at_any_depth(name: &str, measure: fn(usize) -> usize, depth: usize) -> bool {
    let [flat, deep] = [1, depth].map(measure);
    board::println!("{name} {deep}");
    let same = flat == deep && flat != usize::MAX;
    if !same {
        board::println!("FAILED: {name} uses {flat} bytes, and {deep} for input that nests");
    }
    same
}

/// Reads and writes again a route whose next hops have next hops of their own, `depth` levels of 12 bytes.
fn rebuild(depth: usize) -> usize {
    let (mut bytes, mut again) = ([0; 1600], [0; 1600]);
    let len = 28 + 12 * depth;
    let mut put = |at: usize, value: usize| {
        let value = u16::try_from(value).unwrap().to_ne_bytes();
        bytes[at..at + 2].copy_from_slice(&value);
    };
    put(0, len);
    put(4, 24); // RTM_NEWROUTE
    put(16, 2); // AF_INET
    for at in (28..len).step_by(12) {
        put(at, len - at);
        put(at + 2, 9); // RTA_MULTIPATH
        put(at + 4, len - at - 4);
    }
    let message = Messages::new(&bytes[..len]).next().unwrap().unwrap();
    let mut passed = false;
    let bytes = peak(&mut || passed = message.rebuild(black_box(&mut again)) == Ok(len));
    if passed { bytes } else { usize::MAX }
}

/// Reads a lease with arrays within arrays.
fn read_json(depth: usize) -> usize {
    const HEAD: &[u8] = br#"{"PublicIP":"192.0.2.1","BackendType":"vxlan","BackendData":"#;
    let mut text = [b' '; 400];
    text[..HEAD.len()].copy_from_slice(HEAD);
    text[HEAD.len()..][..depth].fill(b'[');
    text[HEAD.len() + depth..][..depth].fill(b']');
    text[HEAD.len() + 2 * depth] = b'}';
    let text = core::str::from_utf8(&text).unwrap();
    let mut passed = false;
    let bytes = peak(&mut || passed = LeaseValue::from_json(black_box(text)).is_ok());
    if passed { bytes } else { usize::MAX }
}
