//! What the worst input costs: every operation of `lease`, `agent`, `netlink` and `subnet` over 1,000, 10,000 and
//! 100,000 records that a stranger chose. Ten times the records may cost at most 14 times: n log n, not a square.
//!
//! `cargo bench --bench hostile_control_plane` prints a table, and fails where an operation costs more.

use std::collections::HashMap;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use vtep::agent::{
    Claim, Found, FoundRecords, HostGwBackend, HostGwPeer, Owner, Ownership, Reach, Record,
    VxlanBackend, VxlanPeer, WantedRecords, missing, stale,
};
use vtep::hash::HashKey;
use vtep::lease::json::RawJson;
use vtep::lease::{
    Families, LeaseKey, LeaseSlot, LeaseValue, LeaseWatch, NetworkConfig, SubnetEnv, VxlanConfig,
};
use vtep::netlink::{
    Attrs, Body, Dump, FdbEntry, Header, IfIndex, MessageFlags, MessageType, Messages, RouteHeader,
    Writer, build,
};
use vtep::subnet::{IpPrefix, Ipv4Prefix, OtherLease, PoolConfig, SubnetAllocator};
use vtep::wire::MacAddr;

/// The most that ten times the records may cost.
const MOST: f64 = 14.0;

/// How often an operation is measured at most.
const ROUNDS: usize = 12;

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

/// The processor time of this thread, which other programs do not add to.
#[cfg(target_os = "linux")]
fn now() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writes, and the clock is one that every Linux has.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(status, 0, "no clock");
    let part = |part: i64| part.unsigned_abs();
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

#[cfg(not(target_os = "linux"))]
fn now() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

/// The least of some runs, each at least so long that the clock can be believed.
fn least(mut run: impl FnMut()) -> Duration {
    (0..5)
        .map(|_| {
            let (start, mut runs) = (now(), 0);
            loop {
                run();
                runs += 1;
                let time = now() - start;
                if time > Duration::from_millis(1) {
                    break time / runs;
                }
            }
        })
        .min()
        .unwrap_or_default()
}

/// What one operation costs at each size.
struct Row {
    name: &'static str,
    times: Vec<Duration>,
}

/// How many times as much ten times the records cost.
fn ratios(times: &[Duration]) -> Vec<f64> {
    times.windows(2).map(|pair| pair[1].as_secs_f64() / pair[0].as_secs_f64()).collect()
}

struct Table {
    rows: Vec<Row>,
}

impl Table {
    fn row(&mut self, name: &'static str, mut run: impl FnMut(usize) -> Duration) {
        // In turns, so that what else the machine does meets all sizes; up to ROUNDS of them until the least of each
        // are near enough: more runs cannot hide a square, which is a hundred times.
        let mut times = vec![Duration::MAX; SIZES.len()];
        for round in 0..ROUNDS {
            for (time, size) in times.iter_mut().zip(SIZES) {
                *time = run(size).min(*time);
            }
            if round > 1 && ratios(&times).iter().all(|ratio| *ratio <= MOST) {
                break;
            }
        }
        self.rows.push(Row { name, times });
    }

    fn print(&self) -> ExitCode {
        println!(
            "{:<52} {:>12} {:>12} {:>12}   x10  x10",
            "microseconds at", "1,000", "10,000", "100,000"
        );
        let mut worst = 0.0_f64;
        for Row { name, times } in &self.rows {
            let micros: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e6).collect();
            let ratios = ratios(times);
            worst = ratios.iter().fold(worst, |worst, ratio| worst.max(*ratio));
            println!(
                "{name:<52} {:>12.1} {:>12.1} {:>12.1} {:>5.1} {:>5.1}",
                micros[0], micros[1], micros[2], ratios[0], ratios[1]
            );
        }
        println!("worst: {worst:.1}, at most {MOST}");
        if worst <= MOST { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn subnet(index: usize) -> IpPrefix {
    let bits = 0x0a00_0000 | u32::try_from(index).unwrap() << 4;
    IpPrefix::new(bits.to_be_bytes().into(), 28).unwrap()
}

fn peer(index: usize, mac: u32) -> VxlanPeer {
    let [a, b, c, d] = mac.to_be_bytes();
    let public = (0xc000_0000 | u32::try_from(index).unwrap()).to_be_bytes().into();
    VxlanPeer::new(Owner::of_subnet(subnet(index)), public, MacAddr::new([2, 0, a, b, c, d]))
        .unwrap()
}

const VXLAN: VxlanBackend = VxlanBackend { ifindex: IfIndex::literal::<7>() };
const OWN: Ownership<'_> =
    Ownership { vxlan_ifindex: Some(VXLAN.ifindex), underlay_ifindex: None, networks: &[] };

/// Claims of leases that all name one MAC address.
fn one_mac(count: usize) -> Vec<Claim> {
    (0..count).flat_map(|i| VXLAN.wanted(&peer(i, 1), Reach::Tunnel)).map(Claim::Wants).collect()
}

/// Claims of leases none of which can be read.
fn unreadable(count: usize) -> Vec<Claim> {
    let reading = |index| {
        let owner = Owner::of_subnet(subnet(index));
        VxlanPeer::from_json(&owner.lease, "{", &[])[0]
    };
    (0..count).flat_map(|index| VXLAN.claims(&reading(index), Reach::Tunnel)).collect()
}

/// What is in the kernel after the claims of as many leases.
fn in_kernel(claims: &[Claim]) -> Vec<Found> {
    let record = |claim: &Claim| match claim {
        Claim::Wants(wanted) => Some(Found::exact(wanted.record)),
        Claim::Keeps(_) => None,
    };
    claims.iter().filter_map(record).collect()
}

/// FDB entries of one MAC address, each with another remote.
fn one_place(count: usize) -> Vec<Found> {
    let mac = MacAddr::new([2, 0, 0, 0, 0, 1]);
    let remote = |index| (0xc000_0000 | u32::try_from(index).unwrap()).to_be_bytes().into();
    (0..count)
        .map(|index| {
            Found::exact(Record::Fdb(FdbEntry {
                ifindex: IfIndex::literal::<7>(),
                mac,
                remote: remote(index),
            }))
        })
        .collect()
}

fn agent(table: &mut Table) {
    table.row("agent: collect, all of one MAC address", |count| {
        let (claims, mut buffer) = (one_mac(count), vec![None; 3 * count]);
        least(|| {
            let claims = claims.iter().rev().copied();
            let wanted = WantedRecords::collect(claims, FoundRecords::EMPTY, &mut buffer).unwrap();
            black_box(wanted.conflicts().count());
        })
    });
    table.row("agent: collect, none of them readable", |count| {
        let (claims, mut buffer) = (unreadable(count), vec![None; 3 * count]);
        let mut entries = in_kernel(&one_mac(count));
        let found = FoundRecords::new(&mut entries);
        least(|| {
            let wanted =
                WantedRecords::collect(claims.iter().copied(), found, &mut buffer).unwrap();
            black_box(stale(wanted, found, OWN).count());
        })
    });
    table.row("agent: stale and missing, found in one place", |count| {
        let (claims, mut buffer) = (one_mac(count / 2), vec![None; 3 * count]);
        let mut entries = one_place(count);
        let found = FoundRecords::new(&mut entries);
        let wanted = WantedRecords::collect(claims, found, &mut buffer).unwrap();
        least(|| {
            black_box(stale(wanted, found, OWN).count() + missing(wanted, found).count());
        })
    });
    table.row("agent: found records sorted", |count| {
        let entries = in_kernel(&one_mac(count));
        let mut scratch = entries.clone();
        least(|| {
            scratch.copy_from_slice(&entries);
            scratch.reverse();
            black_box(FoundRecords::new(&mut scratch).vxlan_peers(VXLAN.ifindex).count());
        })
    });
    table.row("agent: one event among others of its MAC address", |count| {
        let claims = one_mac(count);
        let (old, new) = (peer(0, 1), peer(0, 2));
        least(|| {
            let (old, new) = ((&old, Reach::Tunnel), (&new, Reach::Tunnel));
            black_box(VXLAN.replaced(old, new, claims.iter().copied()));
        })
    });
    table.row("agent: rollback among entries of one place", |count| {
        let mut entries = one_place(count);
        let found = FoundRecords::new(&mut entries);
        let plan = VXLAN.added(&peer(0, 1), Reach::Tunnel, []);
        least(|| {
            black_box(plan.rollback(3, found));
        })
    });
    table.row("agent: host-gw route among rivals", |count| {
        let backend = HostGwBackend { ifindex: IfIndex::literal::<2>() };
        let gateway = |index| (0xc000_0000 | u32::try_from(index).unwrap()).to_be_bytes().into();
        let peers: Vec<_> = (0..count)
            .map(|index| HostGwPeer::new(Owner::of_subnet(subnet(0)), gateway(index)).unwrap())
            .collect();
        let claims = || peers.iter().map(|peer| Claim::Wants(backend.wanted(peer)));
        let mut entries = in_kernel(&claims().collect::<Vec<_>>());
        let found = FoundRecords::new(&mut entries);
        let peer = HostGwPeer::new(Owner::of_subnet(subnet(0)), gateway(count)).unwrap();
        least(|| {
            black_box(backend.added(&peer, found, claims()));
        })
    });
}

/// Keys that all fell on one slot of a table whose hash everybody knew: the low bits of address times multiplier.
fn colliding_keys(count: usize) -> Vec<LeaseKey> {
    let slots = 1_u64 << 7;
    let home =
        |address: u32| (u64::from(address).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % slots;
    let addresses = (0x0a00_0000_u32..).step_by(16).filter(|address| home(*address) == 0);
    let key = |address: u32| format!("{}-28", std::net::Ipv4Addr::from(address)).parse().unwrap();
    addresses.take(count).map(key).collect()
}

fn lease(table: &mut Table) {
    table.row("lease: snapshots of colliding keys, each anew", |count| {
        let mut slots = vec![LeaseSlot::EMPTY; count * 8 / 7 + 1];
        let old: Vec<_> = colliding_keys(count).into_iter().map(|key| (key, 1)).collect();
        let new: Vec<_> = old.iter().map(|(key, _)| (*key, 2)).collect();
        least(|| {
            let mut watch = LeaseWatch::new(&mut slots, Families::Ipv4, HashKey::new([7; 16]));
            for snapshot in [&old[..], &new, &[]] {
                watch
                    .snapshot(snapshot, |_, event| {
                        black_box(event);
                    })
                    .unwrap();
            }
        })
    });
    table.row("lease: events of colliding keys, a full table", |count| {
        let mut slots = vec![LeaseSlot::EMPTY; count * 8 / 7 + 1];
        let keys = colliding_keys(count);
        least(|| {
            let mut watch = LeaseWatch::new(&mut slots, Families::Ipv4, HashKey::new([7; 16]));
            for key in &keys {
                watch.added(*key, ()).unwrap();
            }
            for key in keys.iter().rev() {
                black_box(watch.removed(*key));
            }
        })
    });
    table.row("lease: a value with the same field often", |count| {
        let field = r#""PublicIP":"192.0.2.1","BackendData":{"VtepMAC":[]},"#.repeat(count / 2);
        let text = format!(r#"{{{field}"PublicIP":"192.0.2.2"}}"#);
        least(|| {
            black_box(LeaseValue::from_json(&text).unwrap());
        })
    });
    table.row("lease: a string of escapes", |count| {
        let text = format!(r#"{{"BackendType":"{}"}}"#, r"\u0061".repeat(count));
        least(|| {
            black_box(LeaseValue::from_json(&text).unwrap().backend_type == "vxlan");
        })
    });
    table.row("lease: a configuration of members", |count| {
        let members = r#""x":[[[{}]]],"SubnetLen":24,"#.repeat(count / 2);
        let text = format!(r#"{{{members}"Network":"10.0.0.0/8"}}"#);
        least(|| {
            black_box(NetworkConfig::from_json(&text).unwrap().pools().unwrap());
        })
    });
    table.row("lease: an array walked", |count| {
        let text = format!(r#"{{"a":[{}0]}}"#, "[],".repeat(count));
        least(|| {
            black_box(VxlanConfig::from_json(RawJson::parse(&text).unwrap()).unwrap());
        })
    });
    table.row("lease: a subnet.env of lines", |count| {
        let text = "export FLANNEL_MTU=1450 # vxlan\n".repeat(count);
        least(|| {
            black_box(text.parse::<SubnetEnv>().unwrap());
        })
    });
    table.row("lease: a key of digits", |count| {
        let text = format!("{}.10.5.34.0-24", "1.2".repeat(count));
        least(|| {
            black_box(text.parse::<LeaseKey>().unwrap());
        })
    });
}

/// A route message with so many attributes, none of which says what it leads to.
fn route_of_attributes(buffer: &mut [u8], attributes: impl Fn(&mut Writer<'_>)) -> usize {
    let header = Header::request(MessageType::NEWROUTE, MessageFlags::ADD, 1);
    build(buffer, header, |writer| {
        writer.bytes(&RouteHeader::unicast(vtep::netlink::Family::INET).to_bytes());
        attributes(writer);
    })
    .unwrap()
}

/// Reads all that there is of a route message, and writes it again.
fn read_and_rebuild(bytes: &[u8], buffer: &mut [u8]) {
    let message = Messages::new(bytes).next().unwrap().unwrap();
    let Body::Route(route) = message.body().unwrap() else { panic!() };
    black_box((
        route.destination(),
        route.gateway(),
        route.ifindex(),
        route.priority(),
        route.table(),
    ));
    black_box(
        route
            .next_hops()
            .map(|hops| hops.into_iter().filter(|hop| hop.gateway().is_some()).count()),
    );
    black_box((Found::from_body(message.body().unwrap()), route.attributes().count()));
    message.rebuild(buffer).unwrap();
}

fn netlink(table: &mut Table) {
    table.row("netlink: messages walked", |count| {
        let mut one = [0; 64];
        let length = route_of_attributes(&mut one, |_| {});
        let bytes = one[..length].repeat(count);
        least(|| {
            let mut dump = Dump::new(1);
            for message in Messages::new(&bytes) {
                let _ = black_box(dump.step(&message.unwrap()));
            }
        })
    });
    table.row("netlink: attributes walked", |count| {
        let bytes = [8, 0, 1, 0, 10, 0, 0, 1].repeat(count);
        least(|| {
            black_box(Attrs::new(&bytes).count());
            black_box(Attrs::new(&bytes).find(77));
        })
    });
    // A message's attribute has at most 65,535 bytes: so many hops, and so deep a nest, there are.
    table.row("netlink: route messages of attributes", |count| {
        let mut bytes = vec![0; 8 * count + 64];
        let length = route_of_attributes(&mut bytes, |writer| {
            (0..count).for_each(|_| writer.attr(5, &[10, 0, 0, 1]));
        });
        let mut buffer = vec![0; length + 20];
        least(|| read_and_rebuild(&bytes[..length], &mut buffer))
    });
    table.row("netlink: routes of 8,000 hops, or as deep", |count| {
        let hops = [8, 0, 0, 0, 1, 0, 0, 0].repeat(8_000);
        let mut nest = Vec::new();
        for _ in 0..5_400 {
            let hop = [
                &u16::try_from(8 + nest.len()).unwrap().to_ne_bytes()[..],
                &[0, 1, 0, 0, 0, 0],
                &nest,
            ]
            .concat();
            nest = [
                &u16::try_from(4 + hop.len()).unwrap().to_ne_bytes()[..],
                &9_u16.to_ne_bytes(),
                &hop,
            ]
            .concat();
        }
        let mut bytes = vec![0; 140_000];
        let length = route_of_attributes(&mut bytes, |writer| {
            writer.attr(9, &hops);
            writer.attr(9, &nest[4..]);
        });
        let mut buffer = vec![0; length + 20];
        least(|| (0..count / 1_000).for_each(|_| read_and_rebuild(&bytes[..length], &mut buffer)))
    });
}

fn subnets(table: &mut Table) {
    let pool = PoolConfig::<Ipv4Prefix>::new("10.0.0.0/8".parse().unwrap()).pool().unwrap();
    let part = |index: usize, len| {
        let bits = 0x0a00_0000 | u32::try_from(index).unwrap() << 4;
        Ipv4Prefix::new(bits.into(), vtep::subnet::Ipv4PrefixLen::new(len).unwrap())
    };
    table.row("subnet: leases of other lengths reserved, released", |count| {
        let mut words = vec![0; SubnetAllocator::words(&pool)];
        let mut others = vec![OtherLease::EMPTY; count];
        least(|| {
            let mut subnets = SubnetAllocator::new(pool, &mut words, &mut others).unwrap();
            (0..count).rev().for_each(|index| subnets.reserve(part(index, 28)).unwrap());
            black_box(subnets.choose(|count| count - 1)).unwrap();
            (0..count).for_each(|index| subnets.release(part(index, 28)));
        })
    });
    table.row("subnet: allocations", |count| {
        let mut words = vec![0; SubnetAllocator::words(&pool)];
        least(|| {
            let mut subnets = SubnetAllocator::new(pool, &mut words, &mut []).unwrap();
            (0..count.min(65_000)).for_each(|_| {
                black_box(subnets.allocate(|count| count - 1)).unwrap();
            });
            (0..count - count.min(65_000)).for_each(|_| {
                let subnet = subnets.allocate(|_| 0).unwrap();
                subnets.release(subnet);
            });
        })
    });
}

fn main() -> ExitCode {
    let mut table = Table { rows: Vec::new() };
    let parts: HashMap<&str, fn(&mut Table)> = [
        ("agent", agent as fn(&mut Table)),
        ("lease", lease),
        ("netlink", netlink),
        ("subnet", subnets),
    ]
    .into();
    let chosen: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for name in ["agent", "lease", "netlink", "subnet"] {
        if chosen.is_empty() || chosen.iter().any(|word| word == name) {
            parts[name](&mut table);
        }
    }
    table.print()
}
