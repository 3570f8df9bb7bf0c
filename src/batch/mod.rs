//! Encap and decap of many frames in one call: byte for byte what the one-packet calls do, with the
//! memory prefetched.
//!
//! A cold frame costs its cache misses, one after the other unless they are requested early. A
//! batch prefetches the frames, and the tunnels that they are routed to, ahead of the work.
//!
//! # Two stages
//!
//! A refused frame keeps its place in the slice. [`encap_batch`] and [`decap_batch`] process every
//! frame and never read a verdict, so they are for the first stage. The stages after it are
//! [`encap_passed`] and [`decap_passed`]: they skip what was refused before, and leave its verdict,
//! so that at the end each frame has one verdict. Nothing is moved, and an index means the same
//! frame in every stage.
//!
//! A gateway takes packets from one overlay to another:
//!
//! ```
//! use vtep::batch::{decap_batch, encap_passed};
//! use vtep::buf::{ArrayFrame, FrameBuf};
//! use vtep::tunnel::{Adjacency, EncapState, TunnelInfo, TunnelConfig, Vtep};
//! use vtep::verdict::{DropCounters, DropReason};
//! use vtep::wire::{MacAddr, Vni};
//!
//! let [blue, green] = [Vni::new(1)?, Vni::new(2)?];
//! let mac = |last| MacAddr::new([2, 0, 0, 0, 0, last]);
//! let next_hop = Adjacency::new(mac(2), mac(1));
//! let (local, remote) = ("192.0.2.1".parse()?, "192.0.2.2".parse()?);
//! let config = |vni| TunnelConfig::rfc7348(local, remote, next_hop).vni(vni).build();
//! let (to_blue, to_green) = (config(blue)?, config(green)?);
//! let (vtep, mut core) = (Vtep::rfc7348(), EncapState::predictable());
//!
//! // A frame in VNI 1, and one that is damaged.
//! let mut frame = ArrayFrame::<512>::from_bytes_with_headroom(&[0x11; 60], 128)?;
//! to_blue.encap(&mut frame, &mut core)?;
//! let mut frames = [frame.clone(), frame];
//! frames[1].bytes_mut()[24] ^= 1;
//!
//! let mut verdicts = [Ok(()); 64];
//! let mut infos = [TunnelInfo::NONE; 64];
//! decap_batch(&vtep, &mut frames, Some(&mut infos), &mut verdicts)?;
//! let route = |index: usize, _: &_| (infos[index].vni == blue).then_some(&to_green);
//! let passed = encap_passed(&mut frames, route, &mut core, &mut verdicts)?;
//!
//! assert_eq!((passed, &verdicts[..2]), (1, &[Ok(()), Err(DropReason::IpChecksum)][..]));
//! assert_eq!(vtep.decap(&mut frames[0])?.vni, green);
//! assert_eq!(frames[1].total_len(), 110, "refused, and as it was received");
//! let mut counters = DropCounters::ZERO;
//! counters.count_all(&verdicts[..2]);
//! assert_eq!((counters.passed(), counters[DropReason::IpChecksum]), (1, 1));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

use core::fmt;

use crate::arch::prefetch;
use crate::buf::{FrameBuf, HEADROOM_V4_IP};
use crate::tunnel::{EncapState, Tunnel, TunnelInfo, Vtep};
use crate::verdict::{DropReason, Verdict};

/// How many frames ahead of its encap a frame is routed, and its tunnel prefetched.
const ROUTED: usize = 16;
/// How many frames ahead of its decap a frame is prefetched.
const FETCHED: usize = 16;
/// How many frames ahead of its encap a frame is prefetched: before its route, which may read it.
const FETCHED_ROUTED: usize = ROUTED + 8;
/// How many frames ahead of that its descriptor is prefetched.
const DESCRIBED: usize = 16;

/// Encapsulates each of `frames` with the tunnel that `route` returns for its index and itself, and
/// writes the outcome to `verdicts`: `NoRoute` if there is none. Returns how many passed.
///
/// `route` is called once for each frame, in order, before any byte of that frame is written.
/// `verdicts` may be longer than `frames`; the rest of it is unchanged.
///
/// # Errors
/// [`TooFewResults`] if `verdicts` is shorter than `frames`; nothing is changed.
///
/// # Examples
///
/// ```
/// use vtep::batch::encap_batch;
/// use vtep::buf::{ArrayFrame, FrameBuf};
/// use vtep::tunnel::{Adjacency, EncapState, TunnelConfig};
/// use vtep::verdict::{DropCounters, DropReason};
/// use vtep::wire::{MacAddr, Vni};
///
/// let mac = |last| MacAddr::new([2, 0, 0, 0, 0, last]);
/// let next_hop = Adjacency::new(mac(2), mac(1));
/// let tunnel = TunnelConfig::rfc7348("192.0.2.1".parse()?, "192.0.2.2".parse()?, next_hop)
///     .vni(Vni::new(1)?)
///     .build()?;
///
/// let frame = ArrayFrame::<512>::from_bytes_with_headroom(&[0x11; 60], 64)?;
/// let mut frames = [frame.clone(), frame.clone(), frame];
/// frames[1].bytes_mut()[0] = 0x33;
/// // By the destination MAC address, here of one station.
/// let route = |_, frame: &ArrayFrame<512>| {
///     frame.bytes().starts_with(&[0x11; 6]).then_some(&tunnel)
/// };
///
/// let mut verdicts = [Ok(()); 64];
/// let passed = encap_batch(&mut frames, route, &mut EncapState::predictable(), &mut verdicts)?;
/// assert_eq!((passed, verdicts[1]), (2, Err(DropReason::NoRoute)));
///
/// let mut counters = DropCounters::ZERO;
/// counters.count_all(&verdicts[..frames.len()]);
/// for (reason, count) in &counters {
///     println!("{reason}: {count}");
/// }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub fn encap_batch<'t, B: FrameBuf>(
    frames: &mut [B],
    route: impl FnMut(usize, &B) -> Option<&'t Tunnel>,
    core: &mut EncapState,
    verdicts: &mut [Verdict],
) -> Result<usize, TooFewResults> {
    encap_some::<false, B>(frames, route, core, verdicts)
}

/// Encapsulates like [`encap_batch`], but only those of `frames` whose verdict is `Ok`. The others
/// are unchanged and so is their verdict, and `route` is not called for them. Returns how many
/// passed.
///
/// # Errors
/// [`TooFewResults`] if `verdicts` is shorter than `frames`; nothing is changed.
///
/// # Examples
///
/// See the [module](self#two-stages): a gateway from one overlay to another.
pub fn encap_passed<'t, B: FrameBuf>(
    frames: &mut [B],
    route: impl FnMut(usize, &B) -> Option<&'t Tunnel>,
    core: &mut EncapState,
    verdicts: &mut [Verdict],
) -> Result<usize, TooFewResults> {
    encap_some::<true, B>(frames, route, core, verdicts)
}

#[inline(always)] // one body of two functions, each compiled where it is called
fn encap_some<'t, const PASSED: bool, B: FrameBuf>(
    frames: &mut [B],
    route: impl FnMut(usize, &B) -> Option<&'t Tunnel>,
    core: &mut EncapState,
    verdicts: &mut [Verdict],
) -> Result<usize, TooFewResults> {
    let verdicts = TooFewResults::cut(verdicts, frames.len())?;
    let kernels = core.kernels;
    Ok(kernels.run(
        #[inline(always)] // to be compiled for the kernels' processor
        || encap_all::<PASSED, B>(frames, route, core, verdicts),
    ))
}

#[inline(always)] // to be compiled for the kernels' processor
fn encap_all<'t, const PASSED: bool, B: FrameBuf>(
    frames: &mut [B],
    mut route: impl FnMut(usize, &B) -> Option<&'t Tunnel>,
    core: &mut EncapState,
    verdicts: &mut [Verdict],
) -> usize {
    start(frames, FETCHED_ROUTED, HEADROOM_V4_IP);
    // The tunnels of the next frames, in a ring.
    let mut tunnels = [None; ROUTED];
    for (index, (tunnel, frame)) in tunnels.iter_mut().zip(&*frames).enumerate() {
        if !is_skipped::<PASSED>(verdicts, index) {
            *tunnel = route(index, frame).inspect(fetch_tunnel);
        }
    }
    // The compiler sees by this that one index serves both slices.
    let Some(verdicts) = verdicts.get_mut(..frames.len()) else { return 0 };
    for index in 0..frames.len() {
        fetch(frames, index, FETCHED_ROUTED, HEADROOM_V4_IP);
        let ahead = index.wrapping_add(ROUTED);
        let next = frames.get(ahead).filter(|_| !is_skipped::<PASSED>(verdicts, ahead));
        let mut tunnel = next.and_then(|frame| route(ahead, frame)).inspect(fetch_tunnel);
        if let Some(slot) = tunnels.get_mut(index % ROUTED) {
            core::mem::swap(slot, &mut tunnel);
        }
        if let (Some(frame), Some(verdict)) = (frames.get_mut(index), verdicts.get_mut(index)) {
            if PASSED && verdict.is_err() {
                continue;
            }
            *verdict = match tunnel {
                Some(tunnel) => tunnel.encap_inline(frame, core),
                None => Err(DropReason::NoRoute),
            };
        }
    }
    passed(verdicts)
}

/// Decapsulates each of `frames`, and writes the outcome to `verdicts`. Returns how many passed.
///
/// What the outer headers of a frame said is stored at its index in `infos`, and [`TunnelInfo::NONE`]
/// for a refused frame; pass `None` to ignore it. Both slices may be longer than `frames`; the rest
/// of them is unchanged.
///
/// # Errors
/// [`TooFewResults`] if a slice is shorter than `frames`; nothing is changed.
///
/// # Examples
///
/// ```
/// use vtep::batch::decap_batch;
/// use vtep::buf::{ArrayFrame, FrameBuf};
/// use vtep::tunnel::{TunnelInfo, Vtep};
/// use vtep::verdict::{DropCounters, DropReason};
///
/// # use vtep::tunnel::{Adjacency, EncapState, TunnelConfig};
/// # use vtep::wire::{MacAddr, Vni};
/// # let mac = |last| MacAddr::new([2, 0, 0, 0, 0, last]);
/// # let next_hop = Adjacency::new(mac(2), mac(1));
/// # let tunnel = TunnelConfig::rfc7348("192.0.2.1".parse()?, "192.0.2.2".parse()?, next_hop)
/// #     .vni(Vni::new(1)?).build()?;
/// # let inner = ArrayFrame::<512>::from_bytes_with_headroom(&[0x11; 60], 64)?;
/// # let mut received = [inner.clone(), inner];
/// # tunnel.encap(&mut received[0], &mut EncapState::predictable())?;
/// // Two frames from the underlay: a VXLAN packet of VNI 1, and something else.
/// let mut frames = received;
/// let mut verdicts = [Ok(()); 64];
/// let mut infos = [TunnelInfo::NONE; 64];
/// let vtep = Vtep::rfc7348();
/// let passed = decap_batch(&vtep, &mut frames, Some(&mut infos), &mut verdicts)?;
/// assert_eq!((passed, infos[0].vni.value()), (1, 1));
///
/// let mut counters = DropCounters::ZERO;
/// for (frame, verdict) in frames.iter().zip(&verdicts) {
///     counters.count(*verdict);
///     match verdict {
///         Ok(()) => assert_eq!(frame.bytes(), [0x11; 60]), // an inner frame, to its bridge
///         Err(DropReason::NotVxlan | DropReason::NotLocal) => {} // as it was, to the host's stack
///         Err(reason) => println!("refused: {reason}"),
///     }
/// }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub fn decap_batch<B: FrameBuf>(
    vtep: &Vtep<'_>,
    frames: &mut [B],
    infos: Option<&mut [TunnelInfo]>,
    verdicts: &mut [Verdict],
) -> Result<usize, TooFewResults> {
    decap_some::<false, B>(vtep, frames, infos, verdicts)
}

/// Decapsulates like [`decap_batch`], but only those of `frames` whose verdict is `Ok`. The others
/// are unchanged and so is their verdict. Returns how many passed.
///
/// # Errors
/// [`TooFewResults`] if a slice is shorter than `frames`; nothing is changed.
///
/// # Examples
///
/// After a first stage of the caller's own, which verifies, decrypts or filters:
///
/// ```
/// use vtep::batch::decap_passed;
/// use vtep::buf::{ArrayFrame, FrameBuf};
/// use vtep::tunnel::Vtep;
/// use vtep::verdict::DropReason;
///
/// let frame = ArrayFrame::<512>::from_bytes_with_headroom(&[0x11; 60], 64)?;
/// let mut frames = [frame.clone(), frame];
/// let mut verdicts = [Ok(()), Err(DropReason::Fragment)];
/// decap_passed(&Vtep::rfc7348(), &mut frames, None, &mut verdicts)?;
/// assert_eq!(verdicts, [Err(DropReason::NotVxlan), Err(DropReason::Fragment)]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub fn decap_passed<B: FrameBuf>(
    vtep: &Vtep<'_>,
    frames: &mut [B],
    infos: Option<&mut [TunnelInfo]>,
    verdicts: &mut [Verdict],
) -> Result<usize, TooFewResults> {
    decap_some::<true, B>(vtep, frames, infos, verdicts)
}

#[inline(always)] // one body of two functions, each compiled where it is called
fn decap_some<const PASSED: bool, B: FrameBuf>(
    vtep: &Vtep<'_>,
    frames: &mut [B],
    infos: Option<&mut [TunnelInfo]>,
    verdicts: &mut [Verdict],
) -> Result<usize, TooFewResults> {
    let verdicts = TooFewResults::cut(verdicts, frames.len())?;
    let infos = infos.map(|infos| TooFewResults::cut(infos, frames.len())).transpose()?;
    Ok(vtep.chosen_kernels().run(
        #[inline(always)] // to be compiled for the kernels' processor
        || match infos {
            Some(infos) => decap_all::<PASSED, true, B>(vtep, frames, infos, verdicts),
            None => decap_all::<PASSED, false, B>(vtep, frames, &mut [], verdicts),
        },
    ))
}

#[inline(always)] // to be compiled for the kernels' processor
fn decap_all<const PASSED: bool, const INFOS: bool, B: FrameBuf>(
    vtep: &Vtep<'_>,
    frames: &mut [B],
    infos: &mut [TunnelInfo],
    verdicts: &mut [Verdict],
) -> usize {
    match vtep.needs_slow_path() {
        true => decap_each::<PASSED, INFOS, B>(frames, infos, verdicts, |frame, info| {
            vtep.decap_slow(frame, info)
        }),
        false => decap_each::<PASSED, INFOS, B>(
            frames,
            infos,
            verdicts,
            #[inline(always)] // to be compiled for the kernels' processor
            |frame, info| vtep.decap_inline(frame, info),
        ),
    }
}

/// One loop with infos and one without: a place that is chosen for each frame costs 6 instructions.
#[inline(always)] // to be compiled for the kernels' processor
fn decap_each<const PASSED: bool, const INFOS: bool, B: FrameBuf>(
    frames: &mut [B],
    infos: &mut [TunnelInfo],
    verdicts: &mut [Verdict],
    decap: impl Fn(&mut B, &mut TunnelInfo) -> Verdict,
) -> usize {
    start(frames, FETCHED, 0);
    // The compiler sees by this that one index serves all slices.
    let count = frames.len();
    let Some(verdicts) = verdicts.get_mut(..count) else { return 0 };
    let Some(infos) = infos.get_mut(..if INFOS { count } else { 0 }) else { return 0 };
    let mut ignored = TunnelInfo::NONE;
    for index in 0..count {
        fetch(frames, index, FETCHED, 0);
        let info = if INFOS { infos.get_mut(index) } else { Some(&mut ignored) };
        if let (Some(frame), Some(info), Some(verdict)) =
            (frames.get_mut(index), info, verdicts.get_mut(index))
        {
            if PASSED && verdict.is_err() {
                continue;
            }
            *verdict = decap(frame, info);
        }
    }
    passed(verdicts)
}

/// Returns `true` if a frame was refused by an earlier stage that counts.
#[inline(always)] // in the loop of a batch
fn is_skipped<const PASSED: bool>(verdicts: &[Verdict], index: usize) -> bool {
    PASSED && verdicts.get(index).is_some_and(Verdict::is_err)
}

/// Prefetches the first frames.
#[inline(always)] // in the loop of a batch
fn start<B: FrameBuf>(frames: &[B], ahead: usize, headroom: usize) {
    for frame in frames.iter().take(ahead.wrapping_add(DESCRIBED)) {
        frame.prefetch_descriptor();
    }
    for frame in frames.iter().take(ahead) {
        frame.prefetch(headroom);
    }
}

/// Prefetches the frame `ahead` positions after the current one, and the descriptor of a frame
/// further on.
#[inline(always)] // in the loop of a batch
fn fetch<B: FrameBuf>(frames: &[B], index: usize, ahead: usize, headroom: usize) {
    let next = index.wrapping_add(ahead);
    if let Some(frame) = frames.get(next.wrapping_add(DESCRIBED)) {
        frame.prefetch_descriptor();
    }
    if let Some(frame) = frames.get(next) {
        frame.prefetch(headroom);
    }
}

/// Prefetches both cache lines of a tunnel.
#[inline(always)] // in the loop of a batch
#[allow(clippy::trivially_copy_pass_by_ref, reason = "what `Option::inspect` passes")]
fn fetch_tunnel(tunnel: &&Tunnel) {
    let address: *const Tunnel = *tunnel;
    prefetch(address);
    prefetch(address.cast::<u8>().wrapping_add(64));
}

#[inline(always)] // in the loop of a batch
fn passed(verdicts: &[Verdict]) -> usize {
    verdicts.iter().filter(|verdict| verdict.is_ok()).count()
}

/// A slice of results, verdicts or infos, that is shorter than the batch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct TooFewResults {
    /// The number of frames.
    pub needed: usize,
    /// The length of the slice.
    pub available: usize,
}

impl TooFewResults {
    /// Returns the first `needed` results.
    fn cut<T>(results: &mut [T], needed: usize) -> Result<&mut [T], Self> {
        let available = results.len();
        results.get_mut(..needed).ok_or(Self { needed, available })
    }
}

impl fmt::Display for TooFewResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed, available } = self;
        write!(f, "{needed} results needed for the batch, {available} available")
    }
}

impl core::error::Error for TooFewResults {}
