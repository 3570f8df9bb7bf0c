//! Encap and decap, nanoseconds a packet: one at a time and in batches, hot and cold, small and large frames,
//! one tunnel and many, the outer UDP checksum absent, full and from the headers alone.
//!
//! `benches/ratios.rs` compares them with their floors.

#[path = "../paths/mod.rs"]
mod paths;

use std::hint::black_box;

use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
    measurement::WallTime,
};
use paths::*;
use vtep::arch::Kernels;
use vtep::batch::{decap_batch, encap_batch};
use vtep::tunnel::{Tunnel, TunnelInfo, UdpChecksum};

const HOT: usize = 256;
const COLD: usize = 65_536;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// Encapsulates all frames and undoes it, in batches of `size`, or one at a time where that is 0.
fn encap(
    group: &mut Group<'_>,
    id: &str,
    mut frames: Vec<PoolFrame>,
    tunnels: &[Tunnel],
    size: usize,
) {
    let (mut core, mut random, tx) = (core(), Random(1), promise(&frames));
    let mut verdicts = vec![Ok(()); size.max(1)];
    group.throughput(Throughput::Elements(frames.len() as u64));
    group.bench_function(BenchmarkId::new("encap", id), |b| {
        b.iter(|| {
            for chunk in frames.chunks_mut(size.max(1)) {
                if size == 0 {
                    chunk.iter_mut().for_each(|frame| {
                        let _ = black_box(tunnels[0].encap(frame, &mut core));
                    });
                } else if tunnels.len() == 1 {
                    let _ = black_box(encap_batch(
                        chunk,
                        |_, _| tunnels.first(),
                        &mut core,
                        &mut verdicts,
                    ));
                } else {
                    let route = |_, _: &PoolFrame| tunnels.get(random.below(tunnels.len()));
                    let _ = black_box(encap_batch(chunk, route, &mut core, &mut verdicts));
                }
            }
            undo_encap(&mut frames);
            promise_again(&mut frames, tx);
        });
    });
}

fn decap(group: &mut Group<'_>, id: &str, frames: Vec<PoolFrame>, size: usize) {
    let mut frames = encapsulated(frames, &tunnel());
    let vtep = vtep();
    let mut verdicts = vec![Ok(()); size.max(1)];
    let mut infos = vec![TunnelInfo::NONE; size.max(1)];
    group.throughput(Throughput::Elements(frames.len() as u64));
    group.bench_function(BenchmarkId::new("decap", id), |b| {
        b.iter(|| {
            for chunk in frames.chunks_mut(size.max(1)) {
                if size == 0 {
                    chunk.iter_mut().for_each(|frame| {
                        let _ = black_box(vtep.decap(frame));
                    });
                } else {
                    let _ = black_box(decap_batch(&vtep, chunk, Some(&mut infos), &mut verdicts));
                }
            }
            undo_decap(&mut frames);
        });
    });
}

fn hot(c: &mut Criterion) {
    let mut group = c.benchmark_group("hot");
    let one = [tunnel()];
    let pool = |size| frames(HOT, size, Pages::Huge);
    for (name, size) in [("64", Size::Fixed(64)), ("1450", Size::Fixed(1450)), ("imix", Size::Imix)]
    {
        for (calls, batch) in [("single", 0), ("32", 32), ("256", 256)] {
            encap(&mut group, &format!("{name}/{calls}"), pool(size), &one, batch);
            decap(&mut group, &format!("{name}/{calls}"), pool(size), batch);
        }
        for (checksum, kind) in [("full", UdpChecksum::Full), ("lco", UdpChecksum::Lco)] {
            let frames = vouched(pool(size));
            encap(&mut group, &format!("{name}/{checksum}"), frames, &[summing(kind)], HOT);
        }
    }
    for count in [256, 65_536] {
        encap(&mut group, &format!("{count} tunnels"), pool(Size::Fixed(64)), &tunnels(count), HOT);
    }
    encap(&mut group, "32 frames", frames(32, Size::Fixed(64), Pages::Huge), &one, 32);
    group.finish();
}

fn cold(c: &mut Criterion) {
    let mut group = c.benchmark_group("cold");
    group.sample_size(10);
    let one = [tunnel()];
    for (name, pages) in [("huge pages", Pages::Huge), ("small pages", Pages::Small)] {
        for (calls, batch) in [("single", 0), ("32", 32), ("256", 256)] {
            let pool = || frames(COLD, Size::Fixed(64), pages);
            encap(&mut group, &format!("{name}/{calls}"), pool(), &one, batch);
            decap(&mut group, &format!("{name}/{calls}"), pool(), batch);
        }
    }
    group.finish();
}

fn checksum(c: &mut Criterion) {
    let mut group = c.benchmark_group("checksum");
    for kernels in [Kernels::generic(), kernels()] {
        for len in [20, 64, 576, 1450, 9000] {
            group.throughput(Throughput::Bytes(len as u64));
            let bytes = vec![0x5a; len + 2];
            group.bench_function(BenchmarkId::new(kernels.isa().to_string(), len), |b| {
                b.iter_batched(|| &bytes[2..], |bytes| kernels.sum(bytes), BatchSize::SmallInput);
            });
        }
    }
    group.finish();
}

criterion_group!(benches, hot, cold, checksum);
criterion_main!(benches);
