//! What it costs to allocate a subnet and to release it again: the same for a pool of 255 and of 8
//! million subnets, and the same when it is empty, half leased, and leased but for the last ones.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use vtep::subnet::{Ipv4Prefix, PoolConfig, SubnetAllocator, SubnetPool};

const POOLS: [&str; 3] = ["10.3.0.0/16", "10.0.0.0/8", "0.0.0.0/1"];

fn pool(network: &str) -> SubnetPool {
    PoolConfig::new(network.parse().unwrap()).pool().unwrap()
}

/// An allocator whose first subnets are leased, so many that `free` are left.
fn leased_but<'a>(pool: SubnetPool, words: &'a mut [u64], free: u128) -> SubnetAllocator<'a> {
    let mut subnets = SubnetAllocator::new(pool, words, &mut []).unwrap();
    for index in 0..pool.count() - free {
        subnets.reserve(pool.nth(index).unwrap()).unwrap();
    }
    subnets
}

fn allocate_and_release(c: &mut Criterion) {
    let mut group = c.benchmark_group("allocate_and_release");
    for network in POOLS {
        let pool = pool(network);
        let mut words = vec![0; SubnetAllocator::words(&pool)];
        for (fill, free) in [("empty", pool.count()), ("half", pool.count() / 2), ("full", 100)] {
            let mut subnets = leased_but(pool, &mut words, free);
            let id = BenchmarkId::new(fill, pool.count());
            group.bench_function(id, |b| {
                let mut choice = 0u32;
                b.iter(|| {
                    choice = choice.wrapping_add(37);
                    let subnet = subnets.allocate(|_| black_box(choice)).unwrap();
                    subnets.release(subnet);
                });
            });
        }
    }
    group.finish();
}

/// The free ones lie as far apart as they can: each candidate is in another word.
fn allocate_scattered(c: &mut Criterion) {
    let mut group = c.benchmark_group("allocate_scattered");
    for network in POOLS {
        let pool = pool(network);
        let mut words = vec![0; SubnetAllocator::words(&pool)];
        let mut subnets = leased_but(pool, &mut words, 0);
        for part in 0..100 {
            subnets.release(pool.nth(part * pool.count() / 100).unwrap());
        }
        group.bench_function(BenchmarkId::from_parameter(pool.count()), |b| {
            b.iter(|| {
                let subnet = subnets.allocate(|_| black_box(73)).unwrap();
                subnets.release(subnet);
            });
        });
    }
    group.finish();
}

fn reserve_and_release(c: &mut Criterion) {
    let mut group = c.benchmark_group("reserve_and_release");
    for network in POOLS {
        let pool = pool(network);
        let mut words = vec![0; SubnetAllocator::words(&pool)];
        let mut subnets = leased_but(pool, &mut words, 1);
        let last: Ipv4Prefix = pool.max();
        group.bench_function(BenchmarkId::from_parameter(pool.count()), |b| {
            b.iter(|| {
                subnets.reserve(black_box(last)).unwrap();
                subnets.release(black_box(last));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, allocate_and_release, allocate_scattered, reserve_and_release);
criterion_main!(benches);
