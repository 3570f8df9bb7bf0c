//! [`FrameMeta`]: what is known of a frame, packed.

use core::fmt;

use super::{FrameBuf, InnerChecksum, NicChecksum, OuterChecksum, PartialChecksum, RxMeta, TxMeta};

/// The metadata that travels with a frame: what was reported when it was received, and what whoever
/// sends it promises and offloads.
///
/// It describes the headers that are at the front of the frame at this moment. Encap and decap put
/// other headers there, so both reset it when they pass; the [`partial`](Self::partial) checksum
/// alone survives, moved to where it is now.
///
/// # Examples
///
/// ```
/// use vtep::buf::{FrameMeta, NicChecksum, PartialChecksum, RxMeta};
///
/// let mut meta = FrameMeta::default();
/// // `virtio_net_hdr` with VIRTIO_NET_HDR_F_NEEDS_CSUM, csum_start 34, csum_offset 6.
/// meta.set_rx(RxMeta::new().with_partial(PartialChecksum::new(34, 6)));
/// assert_eq!(meta.rx().ip_checksum, NicChecksum::Unknown);
/// assert_eq!(meta.partial(), Some(PartialChecksum::new(34, 6)));
/// ```
// Packed, so that encap and decap find out with one comparison that nothing is known, and reset it
// with one store: as plain structs it cost 20 to 30 instructions a packet.
#[derive(Clone, Copy, Default)]
pub struct FrameMeta {
    /// What is known; 0 is nothing.
    bits: u32,
    /// Meaningful with `RX_PARTIAL` or `TX_PARTIAL`.
    partial: PartialChecksum,
    /// Meaningful with `FLOW_HASH`.
    flow_hash: u32,
}

impl FrameMeta {
    /// One bit each for `Good` and `Bad`.
    const IP: u32 = 0;
    const UDP: u32 = 2;
    const RX_PARTIAL: u32 = 1 << 4;
    const RX: u32 = 0b1_1111;
    const TX_PARTIAL: u32 = 1 << 5;
    const INNER_VALID: u32 = 1 << 6;
    const OUTER_NIC: u32 = 1 << 7;
    const FLOW_HASH: u32 = 1 << 8;
    const PARTIAL: u32 = Self::RX_PARTIAL | Self::TX_PARTIAL;

    /// What was reported when the frame was received.
    #[must_use]
    #[inline]
    pub const fn rx(&self) -> RxMeta {
        let partial = if self.bits & Self::RX_PARTIAL != 0 { Some(self.partial) } else { None };
        let (ip_checksum, udp_checksum) = (self.ip_checksum(), self.checksum(Self::UDP));
        RxMeta { ip_checksum, udp_checksum, partial }
    }

    /// What holds when the frame is sent.
    #[must_use]
    #[inline]
    pub const fn tx(&self) -> TxMeta {
        let inner_checksum = match self.bits {
            bits if bits & Self::TX_PARTIAL != 0 => InnerChecksum::Partial(self.partial),
            bits if bits & Self::INNER_VALID != 0 => InnerChecksum::Valid,
            _ => InnerChecksum::Unknown,
        };
        let outer_checksum = match self.bits & Self::OUTER_NIC {
            0 => OuterChecksum::Software,
            _ => OuterChecksum::Nic,
        };
        let flow_hash = if self.bits & Self::FLOW_HASH != 0 { Some(self.flow_hash) } else { None };
        TxMeta { inner_checksum, outer_checksum, flow_hash }
    }

    /// Sets what was reported when the frame was received.
    #[inline]
    pub const fn set_rx(&mut self, rx: RxMeta) {
        let checksums = (rx.ip_checksum as u32) << Self::IP | (rx.udp_checksum as u32) << Self::UDP;
        self.bits = self.bits & !Self::RX | checksums;
        if let Some(partial) = rx.partial {
            self.set_partial(partial, Self::RX_PARTIAL);
        }
    }

    /// Sets what holds when the frame is sent.
    #[inline]
    pub const fn set_tx(&mut self, tx: TxMeta) {
        self.bits &= Self::RX;
        match tx.inner_checksum {
            InnerChecksum::Unknown => {}
            InnerChecksum::Valid => self.bits |= Self::INNER_VALID,
            InnerChecksum::Partial(partial) => self.set_partial(partial, Self::TX_PARTIAL),
        }
        if let OuterChecksum::Nic = tx.outer_checksum {
            self.bits |= Self::OUTER_NIC;
        }
        if let Some(hash) = tx.flow_hash {
            self.bits |= Self::FLOW_HASH;
            self.flow_hash = hash;
        }
    }

    /// The checksum of this frame that is not filled in yet. A frame has one at most: what was set
    /// last, by [`RxMeta::partial`] or by [`InnerChecksum::Partial`].
    #[must_use]
    #[inline]
    pub const fn partial(&self) -> Option<PartialChecksum> {
        if self.bits & Self::PARTIAL != 0 { Some(self.partial) } else { None }
    }

    #[inline(always)] // one test, where `tx` decodes all
    pub(crate) const fn is_inner_valid(&self) -> bool {
        self.bits & Self::INNER_VALID != 0
    }

    #[inline(always)] // one test, where `tx` decodes all
    pub(crate) const fn is_outer_nic(&self) -> bool {
        self.bits & Self::OUTER_NIC != 0
    }

    #[inline(always)] // where it is needed, not where the frame's metadata is read
    pub(crate) const fn ip_checksum(&self) -> NicChecksum {
        self.checksum(Self::IP)
    }

    #[inline(always)] // in the loop of a batch
    const fn checksum(&self, shift: u32) -> NicChecksum {
        match self.bits >> shift & 0b11 {
            0 => NicChecksum::Unknown,
            1 => NicChecksum::Good,
            _ => NicChecksum::Bad,
        }
    }

    const fn set_partial(&mut self, partial: PartialChecksum, bit: u32) {
        self.bits = self.bits & !Self::PARTIAL | bit;
        self.partial = partial;
    }

    /// Moves the partial checksum, and nothing else, for a frame that lost the first `count` bytes.
    pub(crate) fn shifted(mut self, count: usize) -> Self {
        let others = self.bits & !Self::PARTIAL;
        self.pull(count);
        self.bits |= others;
        self
    }

    /// Resets the metadata of a frame that got `count` bytes in front. A place that 16 bits cannot
    /// say is one that no frame has.
    #[inline(always)] // in the loop of a batch
    fn push(&mut self, count: usize) {
        if self.bits & Self::PARTIAL == 0 {
            self.bits = 0;
            return;
        }
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        self.partial.start = self.partial.start.saturating_add(count);
        self.bits = Self::TX_PARTIAL;
    }

    /// Resets the metadata of a frame that lost the first `count` bytes. A checksum in those is
    /// gone.
    #[inline(always)] // in the loop of a batch
    fn pull(&mut self, count: usize) {
        let is_partial = self.bits & Self::PARTIAL != 0;
        self.bits = 0;
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        if let Some(start) = self.partial.start.checked_sub(count).filter(|_| is_partial) {
            self.partial.start = start;
            self.bits = Self::TX_PARTIAL;
        }
    }

    /// Notes that a partial checksum is filled in.
    pub(super) const fn complete(&mut self) {
        self.bits = self.bits & !Self::PARTIAL | Self::INNER_VALID;
    }
}

impl PartialEq for FrameMeta {
    fn eq(&self, other: &Self) -> bool {
        (self.rx(), self.tx()) == (other.rx(), other.tx())
    }
}

impl Eq for FrameMeta {}

impl fmt::Debug for FrameMeta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameMeta").field("rx", &self.rx()).field("tx", &self.tx()).finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for FrameMeta {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{} {}", self.rx(), self.tx());
    }
}

/// A copy of a frame's metadata.
#[inline(always)] // in the loop of a batch
pub(crate) fn meta_of<B: FrameBuf>(frame: &mut B) -> FrameMeta {
    frame.meta().copied().unwrap_or_default()
}

/// Resets the metadata of a frame that got `count` bytes of headers.
#[inline(always)] // in the loop of a batch
pub(crate) fn meta_pushed<B: FrameBuf>(frame: &mut B, count: usize) {
    // Nothing is called here, so that no register has to survive it.
    if let Some(meta) = frame.meta().filter(|meta| meta.bits != 0) {
        meta.push(count);
    }
}

/// Resets the metadata of a frame that lost its first `count` bytes.
#[inline(always)] // in the loop of a batch
pub(crate) fn meta_pulled<B: FrameBuf>(frame: &mut B, count: usize) {
    if let Some(meta) = frame.meta().filter(|meta| meta.bits != 0) {
        meta.pull(count);
    }
}
