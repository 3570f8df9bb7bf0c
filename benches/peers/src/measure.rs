//! Passes over 256 packets that stay in the cache, the contestants taking turns.

use std::hint::black_box;
use std::time::{Duration, Instant};

use vtep::batch::{decap_batch, encap_batch};
use vtep::buf::FrameBuf;
use vtep::tunnel::{EncapState, Tunnel, TunnelInfo, Vtep};
use vtep::verdict::{DropReason, Verdict};

use crate::frames;
use crate::job::{OUTER, Peer};
use crate::paths::{self, Pages, PoolFrame, Size};
use crate::with_etherparse::Etherparse;
use crate::with_ingot::WithIngot;
use crate::with_pnet::Pnet;
use crate::with_smoltcp::Smoltcp;

/// How many packets a pass has.
const COUNT: usize = 256;
/// Those who do one job, the crate's batch first.
pub struct Contest {
    pub names: Vec<&'static str>,
    /// A pass of the contestant with that index, and the nanoseconds that each of its packets took.
    pub pass: Box<dyn FnMut(usize) -> f64>,
}

impl Contest {
    /// The contestants with their medians. In its turn a contestant warms up for a pass and is measured in
    /// the following ones.
    pub fn run(&mut self, turns: usize) -> Vec<(&'static str, f64)> {
        let mut samples = vec![Vec::new(); self.names.len()];
        for _ in 0..turns {
            for (contestant, samples) in samples.iter_mut().enumerate() {
                (self.pass)(contestant);
                samples.extend((0..11).map(|_| (self.pass)(contestant)));
            }
        }
        let median = |mut samples: Vec<f64>| {
            samples.sort_unstable_by(f64::total_cmp);
            samples[samples.len() / 2]
        };
        self.names.iter().copied().zip(samples.into_iter().map(median)).collect()
    }
}

/// The time of `work`, without that of looking at the clock.
pub fn timed<R>(work: impl FnOnce() -> R) -> Duration {
    let start = Instant::now();
    let before = Instant::now();
    black_box(work());
    let after = Instant::now();
    (after - before).saturating_sub(before - start)
}

/// The packets, and what the calls are given with them. All contestants work on the same memory.
struct Pool {
    frames: Vec<PoolFrame>,
    tunnel: Tunnel,
    core: EncapState,
    vtep: Vtep<'static>,
    verdicts: Vec<Verdict>,
    infos: Vec<TunnelInfo>,
}

impl Pool {
    fn new(len: usize) -> Self {
        Self {
            frames: paths::frames(COUNT, Size::Fixed(len), Pages::Huge),
            tunnel: frames::tunnel(),
            core: paths::core(),
            vtep: paths::vtep(),
            verdicts: vec![Err(DropReason::NoRoute); COUNT],
            infos: vec![TunnelInfo::NONE; COUNT],
        }
    }
}

type Pass = fn(&mut Pool);

/// A contest of which each pass is timed, then undone.
fn contest(
    mut pool: Pool,
    contestants: Vec<(&'static str, Pass)>,
    undo: fn(&mut [PoolFrame]),
) -> Contest {
    let (names, passes): (Vec<_>, Vec<_>) = contestants.into_iter().unzip();
    let pass = move |index: usize| {
        let time = timed(|| passes[index](&mut pool));
        assert!(pool.verdicts.iter().all(Result::is_ok));
        pool.verdicts.fill(Err(DropReason::NoRoute));
        undo(&mut pool.frames);
        time.as_nanos() as f64 / COUNT as f64
    };
    Contest { names, pass: Box::new(pass) }
}

/// Encap of frames of `len` bytes.
pub fn encap(len: usize) -> Contest {
    contest(
        Pool::new(len),
        vec![
            ("vtep, batch", encap_together),
            ("vtep, one at a time", encap_one_by_one),
            ("ingot", encap_with::<WithIngot>),
            ("smoltcp", encap_with::<Smoltcp>),
            ("pnet_packet", encap_with::<Pnet>),
            ("etherparse", encap_with::<Etherparse>),
        ],
        paths::undo_encap,
    )
}

/// Decap of packets with inner frames of `len` bytes.
pub fn decap(len: usize) -> Contest {
    let mut pool = Pool::new(len);
    encap_together(&mut pool);
    contest(
        pool,
        vec![
            ("vtep, batch", decap_together),
            ("vtep, one at a time", decap_one_by_one),
            ("ingot", decap_with::<WithIngot>),
            ("smoltcp", decap_with::<Smoltcp>),
            ("pnet_packet", decap_with::<Pnet>),
            ("etherparse", decap_with::<Etherparse>),
        ],
        paths::undo_decap,
    )
}

fn encap_together(pool: &mut Pool) {
    let Pool { frames, tunnel, core, verdicts, .. } = pool;
    let tunnel = &*tunnel;
    let passed = encap_batch(frames, |_, _| Some(tunnel), core, verdicts);
    assert_eq!(passed, Ok(COUNT));
}

fn encap_one_by_one(pool: &mut Pool) {
    for (frame, verdict) in pool.frames.iter_mut().zip(&mut pool.verdicts) {
        *verdict = pool.tunnel.encap(frame, &mut pool.core);
    }
}

fn encap_with<P: Peer>(pool: &mut Pool) {
    let outer = black_box(frames::OUTER);
    for (frame, verdict) in pool.frames.iter_mut().zip(&mut pool.verdicts) {
        *verdict = frame.push_header::<OUTER, _>(|room, bytes| {
            P::encap(&outer, room, bytes).ok_or(DropReason::NotIp)
        });
    }
}

fn decap_together(pool: &mut Pool) {
    let Pool { frames, vtep, infos, verdicts, .. } = pool;
    assert_eq!(decap_batch(vtep, frames, Some(infos), verdicts), Ok(COUNT));
}

fn decap_one_by_one(pool: &mut Pool) {
    let results = pool.infos.iter_mut().zip(&mut pool.verdicts);
    for (frame, (info, verdict)) in pool.frames.iter_mut().zip(results) {
        *verdict = pool.vtep.decap(frame).map(|from| *info = from);
    }
}

fn decap_with<P: Peer>(pool: &mut Pool) {
    let results = pool.infos.iter_mut().zip(&mut pool.verdicts);
    for (frame, (info, verdict)) in pool.frames.iter_mut().zip(results) {
        *verdict = match P::decap(frame.bytes()) {
            Some(received) => {
                frame.pull_front(received.offset).expect("a front");
                frame.truncate(received.len);
                *info = received.info;
                Ok(())
            }
            None => Err(DropReason::NotVxlan),
        };
    }
}
