//! Turns over 256 packets that stay in the cache, the contestants taking turns.

use std::hint::black_box;
use std::time::{Duration, Instant};

use vtep::batch::{decap_batch, encap_batch};
use vtep::buf::{Frame, FrameBuf};
use vtep::tunnel::{Core, Origin, Tunnel};
use vtep::verdict::{DropReason, Verdict};

use crate::frames::{self, Flow};
use crate::job::{OUTER, Peer};
use crate::with_etherparse::Etherparse;
use crate::with_ingot::WithIngot;
use crate::with_pnet::Pnet;
use crate::with_smoltcp::Smoltcp;

/// How many packets a turn has.
const COUNT: usize = 256;
/// In front of each frame.
const HEADROOM: usize = 128;

/// From one packet to the next is an odd number of cache lines, so that their headers do not all fall into
/// the same few sets of the cache.
#[derive(Clone)]
#[repr(align(64))]
struct Slot([u8; 33 * 64]);

/// Those who do one job, the crate's batch first.
pub struct Contest {
    pub names: Vec<&'static str>,
    /// A turn of the contestant with that index, and the nanoseconds that each of the turn's packets took.
    pub turn: Box<dyn FnMut(usize) -> f64>,
}

impl Contest {
    /// The contestants with their medians.
    pub fn run(&mut self, rounds: usize) -> Vec<(&'static str, f64)> {
        let mut samples = vec![Vec::new(); self.names.len()];
        for _ in 0..rounds {
            for (contestant, samples) in samples.iter_mut().enumerate() {
                // The second turn finds the caches and the predictors as its own code leaves them.
                (self.turn)(contestant);
                samples.push((self.turn)(contestant));
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

/// The packets, and what the crate's calls are given with them. All contestants work on the same memory.
struct Pool {
    slots: Vec<Slot>,
    start: usize,
    end: usize,
    tunnel: Tunnel,
    core: Core,
    verdicts: Vec<Verdict>,
    origins: Vec<Origin>,
}

impl Pool {
    fn new(len: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(2);
        let mut slots = vec![Slot([0; 33 * 64]); COUNT];
        let (start, end) = (HEADROOM, HEADROOM + len);
        for slot in &mut slots {
            frames::write(&mut slot.0[start..end], Flow::UDP, &mut random);
        }
        Self {
            slots,
            start,
            end,
            tunnel: frames::tunnel(),
            core: frames::core(),
            verdicts: vec![Err(DropReason::NoRoute); COUNT],
            origins: vec![Origin::NONE; COUNT],
        }
    }
}

fn views(slots: &mut [Slot], start: usize, end: usize) -> Vec<Frame<&mut [u8]>> {
    slots.iter_mut().map(|slot| Frame::new(&mut slot.0[..], start..end)).collect()
}

type Turn = fn(&mut Pool) -> Duration;

fn contest(mut pool: Pool, contestants: Vec<(&'static str, Turn)>) -> Contest {
    let (names, turns): (Vec<_>, Vec<_>) = contestants.into_iter().unzip();
    let turn = move |index: usize| turns[index](&mut pool).as_nanos() as f64 / COUNT as f64;
    Contest { names, turn: Box::new(turn) }
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
    )
}

/// Decap of packets with inner frames of `len` bytes.
pub fn decap(len: usize) -> Contest {
    let mut pool = Pool::new(len);
    encap_together(&mut pool);
    pool.start -= OUTER;
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
    )
}

fn encap_together(pool: &mut Pool) -> Duration {
    let mut frames = views(&mut pool.slots, pool.start, pool.end);
    let route = |_: &_| Some(&pool.tunnel);
    timed(|| {
        let passed = encap_batch(&mut frames, route, &mut pool.core, &mut pool.verdicts);
        assert_eq!(passed, Ok(COUNT));
    })
}

fn encap_one_by_one(pool: &mut Pool) -> Duration {
    let mut frames = views(&mut pool.slots, pool.start, pool.end);
    timed(|| {
        for (frame, verdict) in frames.iter_mut().zip(&mut pool.verdicts) {
            *verdict = pool.tunnel.encap(frame, &mut pool.core);
        }
    })
}

fn encap_with<P: Peer>(pool: &mut Pool) -> Duration {
    let outer = black_box(frames::OUTER);
    let mut frames = views(&mut pool.slots, pool.start, pool.end);
    timed(|| {
        for (frame, verdict) in frames.iter_mut().zip(&mut pool.verdicts) {
            let (room, bytes) = frame.headroom::<OUTER>().expect("room");
            *verdict = P::encap(&outer, room, bytes).ok_or(DropReason::NotIp);
            if verdict.is_ok() {
                frame.push_front(OUTER).expect("room");
            }
        }
    })
}

fn decap_together(pool: &mut Pool) -> Duration {
    let vtep = frames::vtep();
    let mut frames = views(&mut pool.slots, pool.start, pool.end);
    timed(|| {
        let passed = decap_batch(&vtep, &mut frames, &mut pool.origins, &mut pool.verdicts);
        assert_eq!(passed, Ok(COUNT));
    })
}

fn decap_one_by_one(pool: &mut Pool) -> Duration {
    let vtep = frames::vtep();
    let mut frames = views(&mut pool.slots, pool.start, pool.end);
    timed(|| {
        let results = pool.origins.iter_mut().zip(&mut pool.verdicts);
        for (frame, (origin, verdict)) in frames.iter_mut().zip(results) {
            *verdict = vtep.decap(frame).map(|from| *origin = from);
        }
    })
}

fn decap_with<P: Peer>(pool: &mut Pool) -> Duration {
    let mut frames = views(&mut pool.slots, pool.start, pool.end);
    let time = timed(|| {
        let results = pool.origins.iter_mut().zip(&mut pool.verdicts);
        for (frame, (origin, verdict)) in frames.iter_mut().zip(results) {
            *verdict = match P::decap(frame.bytes()) {
                Some(received) => {
                    frame.pull_front(received.offset).expect("a front");
                    frame.truncate(received.len);
                    *origin = received.origin;
                    Ok(())
                }
                None => Err(DropReason::NotVxlan),
            };
        }
    });
    assert!(pool.verdicts.iter().all(Result::is_ok));
    time
}
