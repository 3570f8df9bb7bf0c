//! The peak stack of what is measured, told line by line: a name, a space, the bytes.
#![no_std]
#![no_main]

use core::hint::black_box;

use board::stack::peak;
use vtep::buf::Frame;
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
    i32::from(!passed)
}
