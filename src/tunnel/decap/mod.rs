//! Decap: identifies a received frame, checks it, and strips all that is outside of the inner
//! frame.
//!
//! The checks are in wire order, with one exception: a packet is identified first, then validated.
//! One that is not for this VTEP is `NotVxlan` or `NotLocal` whatever else is wrong, so that its
//! owner can pass it on.

pub(super) mod fast_match;
mod fast_path;
mod inner;
mod outer;
mod result;
mod vxlan;

pub(super) use self::outer::Received;
pub use self::result::Decap;
use super::vtep::{OuterTag, TunnelInfo, Vtep};
use crate::buf::{FrameBuf, RxMeta, meta_of};
use crate::verdict::{DropReason, Verdict};
use crate::wire::EtherType;

impl Vtep<'_> {
    /// Decapsulates a received VXLAN packet: strips all that is outside of the inner frame.
    ///
    /// # Errors
    /// The [`DropReason`] why it is not a VXLAN packet for this VTEP. The frame is as it was then.
    #[inline]
    pub fn decap<B: FrameBuf>(&self, frame: &mut B) -> Result<TunnelInfo, DropReason> {
        let decapsulated = if self.needs_slow_path() { Err(None) } else { self.decap_fast(frame) };
        decapsulated.or_else(|reason| match reason {
            Some(reason) => Err(reason),
            None => {
                let mut info = TunnelInfo::NONE;
                self.decap_slow(frame, &mut info)?;
                Ok(info)
            }
        })
    }

    /// Decapsulates like [`decap`](Self::decap), for loops that are compiled for more than the
    /// target's processor. `info` is written in place; it is [`TunnelInfo::NONE`] if the frame is
    /// refused.
    #[inline(always)]
    pub(crate) fn decap_inline<B: FrameBuf>(
        &self,
        frame: &mut B,
        info: &mut TunnelInfo,
    ) -> Verdict {
        match self.decap_fast(frame) {
            Ok(from) => {
                *info = from;
                Ok(())
            }
            Err(Some(reason)) => {
                *info = TunnelInfo::NONE;
                Err(reason)
            }
            Err(None) => self.decap_slow(frame, info),
        }
    }

    #[inline(never)]
    pub(crate) fn decap_slow<B: FrameBuf>(&self, frame: &mut B, info: &mut TunnelInfo) -> Verdict {
        *info = TunnelInfo::NONE;
        let rx = meta_of(frame).rx();
        let decap = self.inspect_head(frame.bytes(), frame.total_len(), rx)?;
        decap.apply(frame)?;
        *info = decap.info();
        Ok(())
    }

    /// Inspects an Ethernet frame, and changes nothing.
    ///
    /// # Errors
    /// The [`DropReason`] why it is not a VXLAN packet for this VTEP.
    #[inline]
    pub fn inspect(&self, frame: &[u8]) -> Result<Decap, DropReason> {
        self.inspect_head(frame, frame.len(), RxMeta::default())
    }

    /// Inspects an Ethernet frame of `total` bytes by its linear head, with what its NIC reported.
    ///
    /// # Errors
    /// As [`inspect`](Self::inspect); `NotLinear` where the front is too short.
    #[inline]
    pub fn inspect_head(&self, head: &[u8], total: usize, rx: RxMeta) -> Result<Decap, DropReason> {
        let (ethertype, received) = Received::new(head, total, rx)?;
        match ethertype {
            EtherType::IPV4 if !self.needs_tag() => self.inspect_v4(received),
            EtherType::IPV6 if !self.needs_tag() => self.inspect_v6(received),
            ethertype => self.inspect_tagged(ethertype, received),
        }
    }

    #[inline]
    pub(in crate::tunnel) const fn needs_tag(&self) -> bool {
        matches!(self.outer_tag, OuterTag::One(_))
    }

    /// Returns whether the fast path would be wrong about every packet.
    #[inline]
    pub(crate) const fn needs_slow_path(&self) -> bool {
        self.needs_tag() || self.takes_packets
    }
}
