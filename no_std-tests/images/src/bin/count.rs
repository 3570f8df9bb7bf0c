//! Instructions of one packet, as `minstret` of RISC-V counts them: tables of Markdown.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::net::{IpAddr, Ipv6Addr};

use vtep::buf::TxMeta;
use vtep::subnet::{Ipv4Prefix, Ipv4PrefixLen, OtherLease, PoolConfig, SubnetAllocator};
use vtep::tunnel::minimal::MinimalV4;
use vtep::tunnel::{Adjacency, EncapState, InnerVlanTx, TunnelConfig, UdpChecksum, Vtep};
use vtep::verdict::DropReason;
use vtep::wire::MacAddr;

use measured::Borrowed;

#[path = "../measured.rs"]
mod measured;
#[path = "../worst.rs"]
mod worst;

board::panic_exit!();
board::main!(counts);

const ROOM: usize = 88;
const LOCAL: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 1));
const REMOTE: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 2));

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

/// The instructions of a call, which has to say that all was as it should be.
fn count(call: &mut dyn FnMut() -> bool) -> u64 {
    let start = retired();
    let nothing = retired() - start;
    let start = retired();
    let passed = call();
    let count = retired() - start - nothing;
    assert!(passed);
    count
}

fn row(name: &str, count: u64) {
    board::println!("| {name} | {count} |");
}

fn config() -> TunnelConfig {
    let adjacency = Adjacency::new(MacAddr::new([2; 6]), MacAddr::new([4; 6]));
    TunnelConfig::linux(LOCAL, REMOTE, adjacency)
}

fn counts() -> i32 {
    board::println!("| fast path, 1,450 bytes inside | instructions |\n|---|---:|");
    fast_path();
    allocation();
    board::println!("\n| worst, beside checksums over payload | instructions |\n|---|---:|");
    worst_encap();
    worst_decap();
    worst_allocation();
    board::println!("\n| a unit of what is not constant | instructions |\n|---|---:|");
    units();
    0
}

/// IPv4, UDP, ECT(0), `len` bytes with the Ethernet header.
fn plain(buffer: &mut [u8; 1600], len: usize) -> Borrowed<'_> {
    let header = [
        4, 4, 4, 4, 4, 4, 2, 2, 2, 2, 2, 2, 8, 0, 0x45, 2, 5, 0x9c, 0, 0, 0, 0, 64, 17, 0, 0, 10,
        0, 0, 1, 10, 0, 0, 2,
    ];
    buffer.iter_mut().skip(ROOM).zip(header).for_each(|(to, from)| *to = from);
    Borrowed::new(&mut buffer[..], ROOM..ROOM + len).unwrap()
}

fn fast_path() {
    let (mut buffer, mut core, vtep) = ([0; 1600], EncapState::predictable(), Vtep::linux());
    let tunnel = config().udp_checksum(UdpChecksum::None).build().unwrap();
    let tunnel = MinimalV4::new(&tunnel).unwrap();
    let summed = config().build().unwrap();
    let mut frame = plain(&mut buffer, 1450);
    let encap = || measured::encap(black_box(tunnel), &mut frame, &mut core).is_ok();
    row("`minimal::encap_v4`", count(&mut { encap }));
    let decap = || measured::decap(black_box(&vtep), &mut frame).is_ok();
    row("`minimal::decap_v4`", count(&mut { decap }));
    let encap = || measured::encap_every(black_box(&summed), &mut frame, &mut core).is_ok();
    row("`Tunnel::encap`, full UDP checksum", count(&mut { encap }));
    let decap = || measured::decap_every(black_box(&vtep), &mut frame).is_ok();
    row("`Vtep::decap`, UDP checksum verified", count(&mut { decap }));
}

fn allocation() {
    let (mut words, mut others) = ([0; 8], [OtherLease::EMPTY; 4]);
    let network: Ipv4Prefix = "10.3.0.0/16".parse().unwrap();
    let pool = PoolConfig::new(network).pool().unwrap();
    let mut subnets = SubnetAllocator::new(pool, &mut words, &mut others).unwrap();
    let lease = network.subnets(Ipv4PrefixLen::new(24).unwrap()).nth(8).unwrap();
    let allocate = || measured::allocate(&mut subnets, black_box(lease), 99).is_ok();
    row("a lease noted, released, and one allocated of 255", count(&mut { allocate }));
}

/// A pool of 65,535, of which a hundred subnets are free that lie far apart, and leases of other lengths before them.
fn worst_allocation() {
    let (mut words, mut others) = ([0; 1041], [OtherLease::EMPTY; 4]);
    let pool = PoolConfig::new("10.0.0.0/8".parse().unwrap()).pool().unwrap();
    let mut subnets = SubnetAllocator::new(pool, &mut words, &mut others).unwrap();
    let taken = pool.subnets().enumerate().filter(|(number, _)| number % 655 != 600);
    taken.for_each(|(_, lease)| subnets.reserve(lease).unwrap());
    for other in ["10.2.0.0/18", "10.2.64.0/18", "10.2.128.0/18", "10.2.192.0/18"] {
        subnets.reserve(other.parse().unwrap()).unwrap();
    }
    let last = pool.nth(65_000).unwrap();
    let allocate = || measured::allocate(&mut subnets, black_box(last), 99).is_ok();
    row(
        "one of 65,535 subnets allocated, 100 free ones far apart, 4 leases of other lengths",
        count(&mut { allocate }),
    );
}

/// What encap costs, and whether it ends so.
fn encap(
    config: TunnelConfig,
    mut packet: worst::Packet,
    tx: TxMeta,
    end: Option<DropReason>,
) -> u64 {
    let (tunnel, mut core) = (config.build().unwrap(), EncapState::predictable());
    let mut frame = packet.frame(tx);
    count(&mut || measured::encap_every(black_box(&tunnel), &mut frame, &mut core).err() == end)
}

fn worst_encap() {
    let over_v6 = || {
        let [local, remote] =
            [1, 2].map(|last| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last).into());
        worst::config(local, remote)
    };
    let over_v4 = || worst::config(LOCAL, REMOTE);
    let partial = worst::extensions().partial();
    let walked = |config, tx| encap(config, worst::extensions(), tx, None);
    let plain = TxMeta::default();
    row(
        "`Tunnel::encap`, every policy: two tags, 8 extension headers",
        walked(over_v4(), plain).max(walked(over_v6(), plain)),
    );
    let lco = |config: TunnelConfig| walked(config.udp_checksum(UdpChecksum::Lco), partial);
    row("the same with local checksum offload", lco(over_v4()).max(lco(over_v6())));
    let strips = over_v4().udp_checksum(UdpChecksum::Full).inner_vlan(InnerVlanTx::Strip);
    let refused = Some(DropReason::PartialChecksum);
    row(
        "`Tunnel::encap`, refused at the last: two tags taken off, and put back",
        encap(strips, worst::tags(2), partial, refused),
    );
}

fn worst_decap() {
    let sets = worst::Sets::new();
    let vtep = sets.vtep();
    for (name, class, end) in [
        (
            "`Vtep::decap`, every policy: two tags, 8 extension headers, sets, two inner tags, an edit",
            2,
            None,
        ),
        (
            "`Vtep::decap`, the same refused at the last, for its ECN fields",
            0,
            Some(DropReason::EcnUnmarkable),
        ),
    ] {
        let mut packet = worst::received(class);
        let mut frame = packet.frame(TxMeta::default());
        let decap = || measured::decap_every(black_box(&vtep), &mut frame).err() == end;
        row(name, count(&mut { decap }));
    }
}

fn units() {
    let summed = |len| {
        let (mut buffer, mut core) = ([0; 1600], EncapState::predictable());
        let tunnel = config().build().unwrap();
        let mut frame = plain(&mut buffer, len);
        let encap = || measured::encap_every(black_box(&tunnel), &mut frame, &mut core).is_ok();
        count(&mut { encap })
    };
    let bytes = summed(1450) - summed(450);
    row("64 bytes of a checksum", (bytes * 64).div_ceil(1000));
    let stripped = |tags| {
        let config = worst::config(LOCAL, REMOTE).inner_vlan(InnerVlanTx::Strip);
        encap(config, worst::tags(tags), TxMeta::default(), None)
    };
    row("an inner tag, beyond two", (stripped(102) - stripped(2)).div_ceil(100));
}
