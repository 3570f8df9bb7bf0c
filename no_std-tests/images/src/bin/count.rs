//! Instructions of one packet, as `minstret` of RISC-V counts them: a table of Markdown.
#![no_std]
#![no_main]

use core::hint::black_box;

use vtep::buf::Frame;
use vtep::subnet::{Ipv4Prefix, PoolConfig, SubnetAllocator};
use vtep::tunnel::{Adjacency, Core, TunnelConfig, UdpChecksum, Vtep};
use vtep::wire::MacAddr;

#[path = "../measured.rs"]
mod measured;

board::panic_exit!();
board::main!(counts);

const ROOM: usize = 88;

#[cfg(target_arch = "riscv64")]
fn retired() -> u64 {
    let count;
    // SAFETY: it reads a counter.
    unsafe { core::arch::asm!("csrr {}, minstret", out(reg) count) }
    count
}

#[cfg(not(target_arch = "riscv64"))]
fn retired() -> u64 {
    0
}

fn count(name: &str, call: &mut dyn FnMut() -> bool) -> bool {
    let start = retired();
    let nothing = retired() - start;
    let start = retired();
    let passed = call();
    let count = retired() - start - nothing;
    board::println!("| {name} | {count} |");
    passed
}

fn config(local: [u8; 4]) -> TunnelConfig {
    let adjacency = Adjacency::new(MacAddr::new([2; 6]), MacAddr::new([4; 6]));
    TunnelConfig::linux(local.into(), [192, 0, 2, 2].into(), adjacency)
}

fn counts() -> i32 {
    let mut buffer = [0; 1600];
    // IPv4, UDP, ECT(0), 1,450 bytes with the Ethernet header.
    let header = [
        4, 4, 4, 4, 4, 4, 2, 2, 2, 2, 2, 2, 8, 0, 0x45, 2, 5, 0x9c, 0, 0, 0, 0, 64, 17, 0, 0, 10,
        0, 0, 1, 10, 0, 0, 2,
    ];
    buffer.iter_mut().skip(ROOM).zip(header).for_each(|(to, from)| *to = from);
    let mut core = Core::default();
    let plain = config([192, 0, 2, 1]).udp_checksum(UdpChecksum::None).build().unwrap();
    let tunnel = plain.plain_v4().unwrap();
    let summed = config([192, 0, 2, 1]).build().unwrap();
    let vtep = Vtep::linux();
    let mut frame = Frame::new(&mut buffer[..], ROOM..ROOM + 1450);
    board::println!("| one packet, 1,450 bytes inside | instructions |\n|---|---:|");
    let mut passed = count("`PlainV4::encap`", &mut || {
        measured::encap(black_box(tunnel), &mut frame, &mut core).is_ok()
    });
    passed &=
        count("`Vtep::decap_v4`", &mut || measured::decap(black_box(&vtep), &mut frame).is_ok());
    passed &= count("`Tunnel::encap`, full UDP checksum", &mut || {
        measured::encap_every(black_box(&summed), &mut frame, &mut core).is_ok()
    });
    passed &= count("`Vtep::decap`, UDP checksum verified", &mut || {
        measured::decap_every(black_box(&vtep), &mut frame).is_ok()
    });
    let (mut words, mut others) = ([0; 8], [Ipv4Prefix::DEFAULT; 4]);
    let network: Ipv4Prefix = "10.3.0.0/16".parse().unwrap();
    let pool = PoolConfig::new(network).pool().unwrap();
    let mut subnets = SubnetAllocator::new(pool, &mut words, &mut others).unwrap();
    passed &= count("a lease noted, released, and one allocated of 255", &mut || {
        measured::allocate(&mut subnets, black_box(network.subnets(pool_len()).nth(8).unwrap()), 99)
            .is_ok()
    });
    i32::from(!passed)
}

fn pool_len() -> vtep::subnet::Ipv4PrefixLen {
    vtep::subnet::Ipv4PrefixLen::new(24).unwrap()
}
