//! The frame buffers that encap and decap work on: one safe trait over the caller's own memory.
//!
//! The words are the kernel's: a frame grows and shrinks at its front ([`push_front`](FrameBuf::push_front)
//! is `skb_push`, [`pull_front`](FrameBuf::pull_front) `skb_pull`) and is cut at its end
//! ([`truncate`](FrameBuf::truncate) is `skb_trim`). An implementation that lies can garble its own
//! packets; it can never cause memory unsafety here.
//!
//! # Headroom
//!
//! Encap needs as much room in front of a frame as its tunnel's headers have: [`HEADROOM_V4`] and its like,
//! [`HEADROOM_MAX`] at the most. XDP leaves 256 bytes (Linux `XDP_PACKET_HEADROOM`), DPDK 128
//! (`RTE_PKTMBUF_HEADROOM`) unless configured otherwise: enough for any tunnel, and DPDK's not for two.
//!
//! Both begin a received frame on a cache line of 64 bytes. The inner IP header of an untagged VXLAN packet
//! then stands at byte 64, the first of the second line, over IPv4; over IPv6 at byte 84.
#![forbid(unsafe_code)]

use core::ops::Range;

use crate::arch::prefetch;
use crate::verdict::{DropReason, Verdict};

/// Bytes that encap puts in front of an Ethernet frame over IPv4: Ethernet, IPv4, UDP, VXLAN.
pub const HEADROOM_V4: usize = 50;
/// Bytes that encap puts in front of an IP packet over IPv4, the inner Ethernet header included.
pub const HEADROOM_V4_IP: usize = 64;
/// Bytes that encap puts in front of an Ethernet frame over IPv6.
pub const HEADROOM_V6: usize = 70;
/// Bytes that encap puts in front of an IP packet over IPv6, the inner Ethernet header included.
pub const HEADROOM_V6_IP: usize = 84;
/// What an outer 802.1Q tag adds to each of them.
pub const HEADROOM_TAG: usize = 4;
/// Enough for every tunnel.
pub const HEADROOM_MAX: usize = HEADROOM_V6_IP + HEADROOM_TAG;

/// A frame in a buffer that has room in front of it.
///
/// The methods that have a body are what a driver may know of a frame; the defaults say "nothing" and
/// cost nothing.
pub trait FrameBuf {
    /// The frame's bytes: all of them, or the linear head of a chain.
    fn bytes(&self) -> &[u8];

    /// The frame's bytes, to edit: all of them, or the linear head of a chain.
    fn bytes_mut(&mut self) -> &mut [u8];

    /// Moves the frame's start `count` bytes to the front, over bytes that are already written.
    ///
    /// # Errors
    /// [`DropReason::NoHeadroom`] when there is less room; the frame is unchanged.
    fn push_front(&mut self, count: usize) -> Verdict;

    /// Moves the frame's start `count` bytes to the back: they are no longer part of it.
    ///
    /// # Errors
    /// [`DropReason::NotLinear`] when the linear head is shorter; the frame is unchanged.
    fn pull_front(&mut self, count: usize) -> Verdict;

    /// Cuts the frame, all segments together, to `len` bytes; a shorter one stays as it is.
    fn truncate(&mut self, len: usize);

    /// Makes the frame the `len` bytes of it that begin at `at`: [`pull_front`](Self::pull_front), then
    /// [`truncate`](Self::truncate). Decap does it to every packet, so that one look at the bounds pays.
    ///
    /// # Errors
    /// [`DropReason::NotLinear`] when the linear head is shorter than `at`; the frame is unchanged.
    #[inline]
    fn trim_to(&mut self, at: usize, len: usize) -> Verdict {
        self.pull_front(at)?;
        self.truncate(len);
        Ok(())
    }

    /// Puts a header of `N` bytes in front of the frame. `write` gets those bytes and the frame's (linear)
    /// ones, once; where it fails the frame is unchanged.
    ///
    /// # Errors
    /// [`DropReason::NoHeadroom`] when there is less room, and what `write` gives.
    fn push_header<const N: usize, E: From<DropReason>>(
        &mut self,
        write: impl FnOnce(&mut [u8; N], &[u8]) -> Result<(), E>,
    ) -> Result<(), E>
    where
        Self: Sized;

    /// The frame's length in bytes, all segments together.
    #[inline]
    fn total_len(&self) -> usize {
        self.bytes().len()
    }

    /// Asks the memory for the frame's first bytes, and for `room` bytes in front of them: see
    /// [`arch::prefetch`](crate::arch::prefetch).
    ///
    /// A batch calls it for a frame that is soon to be worked on.
    #[inline]
    fn prefetch(&self, room: usize) {
        let _ = room;
    }

    /// Asks the memory for what [`prefetch`](Self::prefetch) reads, where the descriptor in the batch points
    /// on to another that holds the frame's place.
    #[inline]
    fn prefetch_descriptor(&self) {}

    /// What the receiving NIC says of the frame.
    #[inline]
    fn rx_meta(&self) -> RxMeta {
        RxMeta::default()
    }

    /// What the sender of the frame says of it, and what the sending NIC will do.
    #[inline]
    fn tx_meta(&self) -> TxMeta {
        TxMeta::default()
    }
}

/// What a receiving NIC says of a frame that holds a VXLAN packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RxMeta {
    /// The outer IPv4 header checksum.
    pub ip_checksum: NicChecksum,
    /// The outer UDP checksum. A zero one is not vouched for by `Good` over IPv6.
    pub udp_checksum: NicChecksum,
}

/// What a NIC says of a checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NicChecksum {
    /// Nothing: it has to be computed here.
    #[default]
    Unknown,
    /// It is right.
    Good,
    /// It is wrong.
    Bad,
}

/// What is known of a frame that is to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TxMeta {
    /// The transport checksum of the inner packet.
    pub inner_checksum: InnerChecksum,
    /// Who computes the outer UDP checksum, where the tunnel sends one.
    pub outer_checksum: OuterChecksum,
    /// A hash of the inner flow (RSS), to be used for the outer source port instead of one made here.
    pub flow_hash: Option<u32>,
}

/// What the caller promises of the transport checksum inside a frame.
///
/// It is a promise: an outer checksum taken from the headers alone is wrong if the inner one is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum InnerChecksum {
    /// Nothing.
    #[default]
    Unknown,
    /// It is complete and right.
    Valid,
    /// The sending NIC will complete it: the field holds the pseudo-header's sum (Linux
    /// `CHECKSUM_PARTIAL`).
    Partial,
}

/// Who computes the outer UDP checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OuterChecksum {
    /// This crate.
    #[default]
    Software,
    /// The sending NIC: the field gets the pseudo-header's sum for it to go on from.
    Nic,
}

/// A frame in `S`: `&mut [u8]` for borrowed memory, an array for memory of its own.
#[derive(Clone, Copy, Debug)]
pub struct Frame<S> {
    buffer: S,
    /// Never beyond `end`.
    start: usize,
    end: usize,
    tx: TxMeta,
    rx: RxMeta,
}

/// A frame in memory of its own.
pub type ArrayFrame<const CAPACITY: usize> = Frame<[u8; CAPACITY]>;

impl<const CAPACITY: usize> Frame<[u8; CAPACITY]> {
    /// A copy of `bytes`, with `headroom` bytes in front: `None` when they do not fit.
    #[must_use]
    pub fn from_bytes_with_headroom(bytes: &[u8], headroom: usize) -> Option<Self> {
        let end = headroom.checked_add(bytes.len())?;
        let mut buffer = [0; CAPACITY];
        for (to, from) in buffer.get_mut(headroom..end)?.iter_mut().zip(bytes) {
            *to = *from;
        }
        Some(Self::new(buffer, headroom..end))
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Frame<S> {
    /// The frame that stands at `range` of `buffer`: what is before it is its headroom. A range that
    /// reaches beyond the buffer is cut to it.
    #[must_use]
    #[inline]
    pub fn new(buffer: S, range: Range<usize>) -> Self {
        let end = range.end.min(buffer.as_ref().len());
        let start = range.start.min(end);
        Self { buffer, start, end, tx: TxMeta::default(), rx: RxMeta::default() }
    }

    /// This frame with what is known of it for sending.
    #[must_use]
    #[inline]
    pub fn with_tx_meta(mut self, tx: TxMeta) -> Self {
        self.tx = tx;
        self
    }

    /// This frame with what the NIC said on receipt.
    #[must_use]
    #[inline]
    pub fn with_rx_meta(mut self, rx: RxMeta) -> Self {
        self.rx = rx;
        self
    }

    /// Where the frame stands in its buffer.
    #[must_use]
    #[inline]
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The buffer, to receive another frame into.
    #[must_use]
    #[inline]
    pub fn into_buffer(self) -> S {
        self.buffer
    }
}

// Some are inlined always, so that the batch's loops see the bounds that they checked already. A failed check
// is a call of a cold function, for compilers put the checks together again otherwise, at a higher price.
impl<S: AsRef<[u8]> + AsMut<[u8]>> FrameBuf for Frame<S> {
    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        let Some(whole) = self.buffer.as_ref().get(..self.end) else { return no_bytes() };
        let Some(bytes) = whole.get(self.start..) else { return no_bytes() };
        bytes
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        let whole = self.buffer.as_mut().get_mut(..self.end).unwrap_or_default();
        whole.get_mut(self.start..).unwrap_or_default()
    }

    #[inline]
    fn push_front(&mut self, count: usize) -> Verdict {
        self.start = self.start.checked_sub(count).ok_or(DropReason::NoHeadroom)?;
        Ok(())
    }

    #[inline]
    fn pull_front(&mut self, count: usize) -> Verdict {
        if count > self.total_len() {
            return Err(DropReason::NotLinear);
        }
        self.start = self.start.wrapping_add(count);
        Ok(())
    }

    #[inline]
    fn truncate(&mut self, len: usize) {
        if len < self.total_len() {
            self.end = self.start.wrapping_add(len);
        }
    }

    #[inline(always)]
    fn trim_to(&mut self, at: usize, len: usize) -> Verdict {
        if at.checked_add(len).is_none_or(|end| end > self.total_len()) {
            self.pull_front(at)?;
            return Ok(());
        }
        self.start = self.start.wrapping_add(at);
        self.end = self.start.wrapping_add(len);
        Ok(())
    }

    #[inline(always)]
    fn push_header<const N: usize, E: From<DropReason>>(
        &mut self,
        write: impl FnOnce(&mut [u8; N], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(whole) = self.buffer.as_mut().get_mut(..self.end) else {
            return Err(no_headroom().into());
        };
        let Some((before, bytes)) = whole.split_at_mut_checked(self.start) else {
            return Err(no_headroom().into());
        };
        let Some(room) = before.last_chunk_mut() else { return Err(no_headroom().into()) };
        write(room, bytes)?;
        self.start = self.start.wrapping_sub(N);
        Ok(())
    }

    #[inline(always)]
    fn total_len(&self) -> usize {
        self.end.wrapping_sub(self.start)
    }

    #[inline]
    fn prefetch(&self, room: usize) {
        let front = self.buffer.as_ref().as_ptr().wrapping_add(self.start.wrapping_sub(room));
        prefetch(front);
        prefetch(front.wrapping_add(64));
    }

    #[inline(always)]
    fn rx_meta(&self) -> RxMeta {
        self.rx
    }

    #[inline(always)]
    fn tx_meta(&self) -> TxMeta {
        self.tx
    }
}

#[cold]
#[inline(never)]
const fn no_headroom() -> DropReason {
    DropReason::NoHeadroom
}

#[cold]
#[inline(never)]
const fn no_bytes<'b>() -> &'b [u8] {
    &[]
}
