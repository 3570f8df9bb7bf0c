//! Encap and decap of many frames in one call: what the one-packet calls do, to the byte, with the memory
//! asked for ahead.
//!
//! A cold frame costs its cache misses, one after the other if nobody asks early. A batch asks for the
//! frames, and for the tunnels that they are routed to, ahead of the work.
#![forbid(unsafe_code)]

use core::fmt;

use crate::arch::prefetch;
use crate::buf::{FrameBuf, HEADROOM_V4_IP};
use crate::tunnel::{Core, Origin, Tunnel, Vtep};
use crate::verdict::{DropReason, Verdict};

/// How many frames ahead of the work a frame is routed, and its tunnel asked for.
const ROUTED: usize = 16;
/// How many frames ahead of its decap a frame is asked for.
const FETCHED: usize = 16;
/// How many frames ahead of its encap a frame is asked for: before its route, which may read it.
const FETCHED_ROUTED: usize = ROUTED + 8;
/// How many frames ahead of that its descriptor is asked for.
const DESCRIBED: usize = 16;

/// Encapsulates each of `frames` with the tunnel that `route` names for it, and writes what became of it to
/// `verdicts`: `NoRoute` where it names none. Gives how many passed.
///
/// `route` is called once a frame, in order, before any byte of the frame is written.
///
/// # Errors
/// [`LengthMismatch`] where the slices differ in length; nothing is touched then.
pub fn encap_batch<'t, B: FrameBuf>(
    frames: &mut [B],
    route: impl FnMut(&B) -> Option<&'t Tunnel>,
    core: &mut Core,
    verdicts: &mut [Verdict],
) -> Result<usize, LengthMismatch> {
    LengthMismatch::check(frames.len(), verdicts.len())?;
    let kernels = core.kernels;
    Ok(kernels.run(
        #[inline(always)]
        || encap_all(frames, route, core, verdicts),
    ))
}

#[inline(always)]
fn encap_all<'t, B: FrameBuf>(
    frames: &mut [B],
    mut route: impl FnMut(&B) -> Option<&'t Tunnel>,
    core: &mut Core,
    verdicts: &mut [Verdict],
) -> usize {
    start(frames, FETCHED_ROUTED, HEADROOM_V4_IP);
    // The tunnels of the next frames, in a ring.
    let mut tunnels = [None; ROUTED];
    for (tunnel, frame) in tunnels.iter_mut().zip(&*frames) {
        *tunnel = route(frame).inspect(fetch_tunnel);
    }
    // The compiler sees by this that one index serves both slices.
    let Some(verdicts) = verdicts.get_mut(..frames.len()) else { return 0 };
    for index in 0..frames.len() {
        fetch(frames, index, FETCHED_ROUTED, HEADROOM_V4_IP);
        let next = frames.get(index.wrapping_add(ROUTED));
        let mut tunnel = next.and_then(&mut route).inspect(fetch_tunnel);
        if let Some(slot) = tunnels.get_mut(index % ROUTED) {
            core::mem::swap(slot, &mut tunnel);
        }
        if let (Some(frame), Some(verdict)) = (frames.get_mut(index), verdicts.get_mut(index)) {
            *verdict = match tunnel {
                Some(tunnel) => tunnel.encap_inline(frame, core),
                None => Err(DropReason::NoRoute),
            };
        }
    }
    passed(verdicts)
}

/// Decapsulates each of `frames`, and writes what became of it to `verdicts` and where it came from to
/// `origins`: [`Origin::NONE`] for a frame that was refused. Gives how many passed.
///
/// # Errors
/// [`LengthMismatch`] where the slices differ in length; nothing is touched then.
pub fn decap_batch<B: FrameBuf>(
    vtep: &Vtep<'_>,
    frames: &mut [B],
    origins: &mut [Origin],
    verdicts: &mut [Verdict],
) -> Result<usize, LengthMismatch> {
    LengthMismatch::check(frames.len(), origins.len())?;
    LengthMismatch::check(frames.len(), verdicts.len())?;
    Ok(vtep.kernels.run(
        #[inline(always)]
        || match vtep.needs_tag() {
            true => decap_all(frames, origins, verdicts, |frame, origin| {
                vtep.decap_unusual(frame, origin)
            }),
            false => decap_all(
                frames,
                origins,
                verdicts,
                #[inline(always)]
                |frame, origin| vtep.decap_inline(frame, origin),
            ),
        },
    ))
}

#[inline(always)]
fn decap_all<B: FrameBuf>(
    frames: &mut [B],
    origins: &mut [Origin],
    verdicts: &mut [Verdict],
    decap: impl Fn(&mut B, &mut Origin) -> Verdict,
) -> usize {
    start(frames, FETCHED, 0);
    let count = frames.len();
    let (Some(origins), Some(verdicts)) = (origins.get_mut(..count), verdicts.get_mut(..count))
    else {
        return 0;
    };
    for index in 0..count {
        fetch(frames, index, FETCHED, 0);
        if let (Some(frame), Some(origin), Some(verdict)) =
            (frames.get_mut(index), origins.get_mut(index), verdicts.get_mut(index))
        {
            *verdict = decap(frame, origin);
        }
    }
    passed(verdicts)
}

/// Asks for the first frames.
#[inline(always)]
fn start<B: FrameBuf>(frames: &[B], ahead: usize, room: usize) {
    for frame in frames.iter().take(ahead.wrapping_add(DESCRIBED)) {
        frame.prefetch_descriptor();
    }
    for frame in frames.iter().take(ahead) {
        frame.prefetch(room);
    }
}

/// Asks for a frame, and for the descriptor of a later one, behind the frame that is worked on.
#[inline(always)]
fn fetch<B: FrameBuf>(frames: &[B], index: usize, ahead: usize, room: usize) {
    let next = index.wrapping_add(ahead);
    if let Some(frame) = frames.get(next.wrapping_add(DESCRIBED)) {
        frame.prefetch_descriptor();
    }
    if let Some(frame) = frames.get(next) {
        frame.prefetch(room);
    }
}

/// Asks for both cache lines of a tunnel.
#[inline(always)]
#[allow(clippy::trivially_copy_pass_by_ref, reason = "what `Option::inspect` gives")]
fn fetch_tunnel(tunnel: &&Tunnel) {
    let address: *const Tunnel = *tunnel;
    prefetch(address);
    prefetch(address.cast::<u8>().wrapping_add(64));
}

#[inline(always)]
fn passed(verdicts: &[Verdict]) -> usize {
    verdicts.iter().filter(|verdict| verdict.is_ok()).count()
}

/// Slices of a batch that differ in length.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LengthMismatch {
    /// How many frames there are.
    pub frames: usize,
    /// How many verdicts, or origins.
    pub results: usize,
}

impl LengthMismatch {
    const fn check(frames: usize, results: usize) -> Result<(), Self> {
        if frames == results { Ok(()) } else { Err(Self { frames, results }) }
    }
}

impl fmt::Display for LengthMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} frames, but room for {} results", self.frames, self.results)
    }
}

impl core::error::Error for LengthMismatch {}
