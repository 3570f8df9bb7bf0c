//! The frame buffers that encap and decap work on: one safe trait over the caller's own memory.
//!
//! The words are the kernel's: a frame grows and shrinks at its front
//! ([`push_front`](FrameBuf::push_front) is `skb_push`, [`pull_front`](FrameBuf::pull_front)
//! `skb_pull`) and is cut at its end ([`truncate`](FrameBuf::truncate) is `skb_trim`). An
//! implementation that lies can garble its own packets; it can never cause memory unsafety here.
//!
//! [`Frame`] is the trait over a byte array, a slice or a `Vec`. Memory of another shape, a UMEM
//! descriptor or an mbuf, needs [five methods](FrameBuf#examples).
//!
//! # Headroom
//!
//! Encap needs as much space in front of a frame as its tunnel has headers: [`HEADROOM_V4`] and its
//! like, at most [`HEADROOM_MAX`]. XDP leaves 256 bytes (Linux `XDP_PACKET_HEADROOM`), DPDK 128
//! (`RTE_PKTMBUF_HEADROOM`) unless configured otherwise: enough for any tunnel, and DPDK's not for
//! two.
//!
//! Both start a received frame on a cache line of 64 bytes. The inner IP header of an untagged
//! VXLAN packet is then at byte 64, the first of the second line, over IPv4; over IPv6 at byte 84.
#![forbid(unsafe_code)]

mod frame;
mod meta;
mod report;

pub use frame::{ArrayFrame, Frame, RangeError};
pub use meta::FrameMeta;
pub(crate) use meta::{meta_of, meta_pulled, meta_pushed};
pub use report::{InnerChecksum, NicChecksum, OuterChecksum, PartialChecksum, RxMeta, TxMeta};

use crate::checksum::{self, CompleteError};
use crate::verdict::{DropReason, Verdict};

/// Bytes that encap puts in front of an Ethernet frame over IPv4: Ethernet, IPv4, UDP, VXLAN.
pub const HEADROOM_V4: usize = 50;
/// Bytes that encap puts in front of an IP packet over IPv4, the inner Ethernet header included.
pub const HEADROOM_V4_IP: usize = 64;
/// Bytes that encap puts in front of an Ethernet frame over IPv6.
pub const HEADROOM_V6: usize = 70;
/// Bytes that encap puts in front of an IP packet over IPv6, the inner Ethernet header included.
pub const HEADROOM_V6_IP: usize = 84;
/// Bytes that an outer 802.1Q tag adds to each of them.
pub const HEADROOM_TAG: usize = 4;
/// Bytes that are enough for every tunnel.
pub const HEADROOM_MAX: usize = HEADROOM_V6_IP + HEADROOM_TAG;

/// A frame in a buffer that has space in front of it.
///
/// Five methods are required. The others have a body, which serves; an implementation replaces one
/// where it knows more of its frames or can do it in fewer steps.
///
/// The trait is not object safe: [`push_header`](Self::push_header) is generic.
///
/// # Examples
///
/// A complete implementation over a plain struct:
///
/// ```
/// use vtep::buf::FrameBuf;
/// use vtep::verdict::{DropReason, Verdict};
///
/// struct Slot {
///     memory: [u8; 2048],
///     start: usize,
///     end: usize,
/// }
///
/// impl FrameBuf for Slot {
///     fn bytes(&self) -> &[u8] {
///         self.memory.get(self.start..self.end).unwrap_or_default()
///     }
///     fn split_headroom(&mut self) -> (&mut [u8], &mut [u8]) {
///         let filled = self.memory.get_mut(..self.end).unwrap_or_default();
///         filled.split_at_mut_checked(self.start).unwrap_or_default()
///     }
///     fn push_front(&mut self, count: usize) -> Verdict {
///         self.start = self.start.checked_sub(count).ok_or(DropReason::NoHeadroom)?;
///         Ok(())
///     }
///     fn pull_front(&mut self, count: usize) -> Verdict {
///         if count > self.end - self.start {
///             return Err(DropReason::NotLinear);
///         }
///         self.start += count;
///         Ok(())
///     }
///     fn truncate(&mut self, len: usize) {
///         self.end = self.end.min(self.start.saturating_add(len));
///     }
/// }
///
/// # use vtep::tunnel::{Adjacency, EncapState, TunnelConfig, Vtep};
/// # use vtep::wire::{MacAddr, Vni};
/// # let mac = |last| MacAddr::new([2, 0, 0, 0, 0, last]);
/// # let next_hop = Adjacency::new(mac(2), mac(1));
/// # let tunnel = TunnelConfig::rfc7348("192.0.2.1".parse()?, "192.0.2.2".parse()?, next_hop)
/// #     .vni(Vni::new(7)?).build()?;
/// # let mut state = EncapState::predictable();
/// # let vtep = Vtep::rfc7348();
/// // A driver received 60 bytes at byte 128.
/// let mut slot = Slot { memory: [0x11; 2048], start: 128, end: 188 };
/// assert_eq!(slot.headroom(), 128);
/// tunnel.encap(&mut slot, &mut state)?;
/// assert_eq!((slot.start, slot.end), (78, 188));
/// vtep.decap(&mut slot)?;
/// assert_eq!(slot.bytes(), [0x11; 60]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub trait FrameBuf {
    /// The frame's bytes: all of them, or the linear head of a chain.
    fn bytes(&self) -> &[u8];

    /// Splits the buffer into the space in front of the frame and the frame's bytes (all of them,
    /// or the linear head of a chain), which follow it without a gap.
    fn split_headroom(&mut self) -> (&mut [u8], &mut [u8]);

    /// Moves the frame's start `count` bytes towards the front, over bytes that are already
    /// written.
    ///
    /// # Errors
    /// [`DropReason::NoHeadroom`] if there is less space; the frame is unchanged.
    fn push_front(&mut self, count: usize) -> Verdict;

    /// Moves the frame's start `count` bytes towards the end: they are no longer part of it.
    ///
    /// # Errors
    /// [`DropReason::NotLinear`] if the linear head is shorter; the frame is unchanged.
    fn pull_front(&mut self, count: usize) -> Verdict;

    /// Cuts the frame, all segments together, to `len` bytes; a shorter one is left as it is.
    fn truncate(&mut self, len: usize);

    /// The frame's bytes, to edit: all of them, or the linear head of a chain.
    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.split_headroom().1
    }

    /// The bytes of space in front of the frame (`skb_headroom`, `rte_pktmbuf_headroom`).
    #[inline]
    fn headroom(&mut self) -> usize {
        self.split_headroom().0.len()
    }

    /// The frame's length in bytes, all segments together.
    ///
    /// Replace it for chained buffers: the default is the length of [`bytes`](Self::bytes).
    #[inline]
    fn total_len(&self) -> usize {
        self.bytes().len()
    }

    /// The frame's metadata, or `None` for buffers that have no place for it: nothing is known of
    /// their frames.
    ///
    /// Encap and decap read it and reset it through this one method, so that what was reported of
    /// headers that are gone is never believed of others. A receiver fills it in for each frame,
    /// before decap or encap.
    #[inline]
    fn meta(&mut self) -> Option<&mut FrameMeta> {
        None
    }

    /// Puts a header of `N` bytes in front of the frame. `write` gets those bytes and the (linear)
    /// bytes of the frame, and is called at most once; if it fails the frame is unchanged.
    ///
    /// # Errors
    /// [`DropReason::NoHeadroom`] if there is less space, and what `write` returns.
    #[inline]
    fn push_header<const N: usize, E: From<DropReason>>(
        &mut self,
        write: impl FnOnce(&mut [u8; N], &[u8]) -> Result<(), E>,
    ) -> Result<(), E>
    where
        Self: Sized,
    {
        let (headroom, bytes) = self.split_headroom();
        write(headroom.last_chunk_mut().ok_or(DropReason::NoHeadroom)?, bytes)?;
        Ok(self.push_front(N)?)
    }

    /// Makes the frame the `len` bytes of it that start at `offset`, in bytes from its start:
    /// [`pull_front`](Self::pull_front), then [`truncate`](Self::truncate). Decap calls it for
    /// every packet, so checking the bounds once for both pays.
    ///
    /// # Errors
    /// [`DropReason::NotLinear`] if the linear head is shorter than `offset`; the frame is
    /// unchanged.
    #[inline]
    fn trim_to(&mut self, offset: usize, len: usize) -> Verdict {
        self.pull_front(offset)?;
        self.truncate(len);
        Ok(())
    }

    /// Fills in the TCP or UDP checksum that the metadata says is [partial](FrameMeta::partial),
    /// and notes that it is valid now. Does nothing if there is none.
    ///
    /// For a frame whose next receiver or NIC cannot do that. Without metadata call
    /// [`checksum::complete`].
    ///
    /// # Errors
    /// [`CompleteError::OutOfBounds`] if the field is not in the frame, or if the frame is chained
    /// and not all of it is in the linear head; [`CompleteError::OddOffset`]. The frame is
    /// unchanged.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::buf::{ArrayFrame, FrameBuf, InnerChecksum, PartialChecksum, RxMeta};
    ///
    /// // An IPv4 packet from TUN: `virtio_net_hdr` says csum_start 20, csum_offset 6 (UDP).
    /// let packet = [
    ///     0x45, 0, 0, 30, 0, 0, 0x40, 0, 64, 17, 0x26, 0xcd, 10, 0, 0, 1, 10, 0, 0, 2, // IPv4
    ///     0x04, 0xd2, 0, 53, 0, 10, 0x14, 0x1e, b'h', b'i', // UDP; sum of the pseudo-header
    /// ];
    /// let mut frame = ArrayFrame::<2048>::from_bytes_with_headroom(&packet, 64)?
    ///     .with_rx_meta(RxMeta::new().with_partial(PartialChecksum::new(20, 6)));
    /// frame.complete_checksum()?;
    /// assert_eq!(frame.bytes()[26..28], [0x7e, 0x67]);
    /// assert_eq!(frame.tx_meta().inner_checksum, InnerChecksum::Valid);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    fn complete_checksum(&mut self) -> Result<(), CompleteError> {
        let Some(partial) = self.meta().and_then(|meta| meta.partial()) else { return Ok(()) };
        let (needed, available) = (self.total_len(), self.bytes().len());
        if available < needed {
            return Err(CompleteError::OutOfBounds { needed, available });
        }
        let (start, offset) = (partial.start().into(), partial.offset().into());
        checksum::complete(self.bytes_mut(), start, offset)?;
        if let Some(meta) = self.meta() {
            meta.complete();
        }
        Ok(())
    }

    /// Prefetches the start of the frame, and the last `headroom` bytes of the space in front of
    /// it, into the cache.
    ///
    /// The batch functions call this 16 to 24 frames before they process the frame. The default
    /// does nothing; implement it with [`arch::prefetch`](crate::arch::prefetch) if frames may be
    /// cold.
    #[inline]
    fn prefetch(&self, headroom: usize) {
        let _ = headroom;
    }

    /// Prefetches the descriptor itself. Implement this if the batch holds pointers (for example
    /// `*mut rte_mbuf`), so that [`prefetch`](Self::prefetch) does not miss the cache on the
    /// descriptor.
    #[inline]
    fn prefetch_descriptor(&self) {}
}
