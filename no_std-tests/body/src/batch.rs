//! Batches, and the kernels of the processor that this runs on.

use vtep::arch::{Isa, Kernels, prefetch};
use vtep::batch::{TooFewResults, decap_batch, decap_passed, encap_batch, encap_passed};
use vtep::buf::{ArrayFrame, FrameBuf};
use vtep::checksum::Sum;
use vtep::tunnel::{EncapState, TunnelInfo, Vtep};
use vtep::verdict::{DropReason, Verdict};

use crate::tunnel::{config_v4, packet_v4};
use crate::wire::FRAME;
use crate::{Checks, any};

// A frame of its own, for `callgraph.py`.
#[inline(never)]
pub(crate) fn run(checks: &mut Checks<'_>) {
    batches(checks);
    bare_frames(checks);
    kernels(checks);
}

fn batches(checks: &mut Checks<'_>) {
    checks.all("batch: there and back", || {
        let tunnel = config_v4().build().ok()?;
        let frame = || ArrayFrame::<192>::from_bytes_with_headroom(&FRAME, any(128)).ok();
        let mut frames = any([frame()?, frame()?, frame()?]);
        let mut verdicts: [Verdict; 5] = any([Ok(()); 5]);
        let mut core = EncapState::predictable().kernels(Kernels::detect());
        // The third has no route.
        let route = |index, _: &ArrayFrame<192>| (index != 2).then_some(&tunnel);
        let sent = encap_batch(&mut frames, route, &mut core, &mut verdicts);
        let is_refused = verdicts.get(2) == Some(&Err(DropReason::NoRoute));
        let encapsulated = frames.iter().filter(|frame| frame.bytes() == packet_v4()).count();
        let again = encap_passed(&mut frames, route, &mut core, &mut verdicts);
        let mut infos = any([TunnelInfo::NONE; 3]);
        let vtep = Vtep::linux().kernels(Kernels::baseline());
        let back = decap_passed(&vtep, &mut frames, Some(&mut infos), &mut verdicts);
        let received = decap_batch(&vtep, &mut frames, None, &mut verdicts);
        let is_heard = infos.first().is_some_and(|info| info.source_port != 0);
        let is_back = frames.iter().all(|frame| frame.bytes() == FRAME);
        let counts = (sent, again, back, received, encapsulated);
        let is_refused = is_refused && verdicts.get(2) == Some(&Err(DropReason::NotVxlan));
        Some(counts == (Ok(2), Ok(2), Ok(2), Ok(2), 2) && is_refused && is_back && is_heard)
    });
    checks.all("batch: lengths", || {
        let mut frames = [ArrayFrame::<1>::from_bytes_with_headroom(&[], 0).ok()?];
        let few =
            encap_batch(&mut frames, |_, _| None, &mut EncapState::predictable(), any(&mut []));
        Some(matches!(few, Err(TooFewResults { needed: 1, available: 0, .. })))
    });
}

/// A frame of an owner who writes no more of the trait than he has to.
struct Bare(ArrayFrame<128>);

impl FrameBuf for Bare {
    fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    fn split_headroom(&mut self) -> (&mut [u8], &mut [u8]) {
        self.0.split_headroom()
    }

    fn push_front(&mut self, count: usize) -> Verdict {
        self.0.push_front(count)
    }

    fn pull_front(&mut self, count: usize) -> Verdict {
        self.0.pull_front(count)
    }

    fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }
}

fn bare_frames(checks: &mut Checks<'_>) {
    checks.all("batch: what a trait says of itself", || {
        let tunnel = config_v4().build().ok()?;
        let mut frames = [Bare(ArrayFrame::from_bytes_with_headroom(&FRAME, any(64)).ok()?)];
        let mut verdicts = [Ok(())];
        let mut core = EncapState::predictable();
        encap_batch(&mut frames, |_, _| Some(&tunnel), &mut core, &mut verdicts).ok()?;
        let [frame] = &mut frames;
        let is_sent = frame.bytes() == packet_v4() && frame.total_len() == 50 + 46;
        let says_nothing = frame.meta().is_none() && frame.headroom() == 14;
        let completed = frame.complete_checksum() == Ok(()) && frame.bytes_mut() == packet_v4();
        let refused =
            frame.push_header::<15, DropReason>(|_, _| Ok(())) == Err(DropReason::NoHeadroom);
        let received = decap_batch(&Vtep::linux(), &mut frames, None, &mut verdicts);
        let [frame] = &frames;
        let is_back = received == Ok(1) && frame.bytes() == FRAME;
        Some(is_sent && says_nothing && completed && refused && is_back)
    });
}

fn kernels(checks: &mut Checks<'_>) {
    let bytes = any([0xA7_u8; 1471]);
    prefetch(&raw const bytes);
    let agree = |kernels: &Kernels| {
        let parts = [any(0..0), any(0..1), any(1..64), any(3..1471)];
        parts.into_iter().all(|part| {
            let bytes = bytes.get(part).unwrap_or_default();
            kernels.sum(bytes) == Sum::of(bytes)
        })
    };
    checks.is("arch: the generic kernels", agree(Kernels::generic()));
    checks.is("arch: every kernel that runs here", Kernels::supported().all(agree));
    // SAFETY: every processor has what the generic ones need.
    let assumed = unsafe { Kernels::assume(any(Isa::Generic)) };
    checks.is("arch: assumed", assumed.is_some_and(|kernels| kernels.isa() == Isa::Generic));
    let expected =
        if cfg!(all(target_arch = "aarch64", target_feature = "neon", target_endian = "little")) {
            Isa::Neon
        } else if cfg!(all(
            target_arch = "x86_64",
            target_feature = "avx2",
            target_feature = "bmi2",
            target_feature = "movbe"
        )) {
            Isa::Avx2
        } else {
            Isa::Generic
        };
    let is_baseline = Kernels::baseline().isa() == expected;
    checks.is("arch: vectors where the target has them", is_baseline);
}
