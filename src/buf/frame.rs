//! [`Frame`]: the trait over memory that is one piece.

use core::fmt;
use core::ops::Range;

use super::{FrameBuf, FrameMeta, RxMeta, TxMeta};
use crate::arch::prefetch;
use crate::verdict::{DropReason, Verdict};

/// A frame in `S`: `&mut [u8]` for borrowed memory, an array or a `Vec` for memory of its own.
///
/// It is used again in place: [`buffer_mut`](Self::buffer_mut) is the memory to receive into, and
/// [`reset`](Self::reset) says where the next frame is. It is not `Copy`, so a loop that would work
/// on copies and change nothing does not compile:
///
/// ```compile_fail,E0382
/// use vtep::buf::{ArrayFrame, FrameBuf};
///
/// let frame = || ArrayFrame::<64>::from_bytes_with_headroom(b"a frame", 8).unwrap();
/// let frames = [frame(), frame()];
/// for mut frame in frames {
///     frame.truncate(1);
/// }
/// assert_eq!(frames[0].bytes(), b"a");
/// ```
///
/// # Examples
///
/// Receives into a buffer at byte 128, and uses the buffer for the next frame:
///
/// ```
/// use vtep::buf::{Frame, FrameBuf, HEADROOM_MAX};
///
/// # struct Socket;
/// # impl Socket {
/// #     fn receive(&mut self, buffer: &mut [u8]) -> usize { buffer[..60].fill(0x11); 60 }
/// # }
/// # let mut socket = Socket;
/// const HEADROOM: usize = 128;
/// const { assert!(HEADROOM >= HEADROOM_MAX) };
///
/// let mut frame = Frame::new([0; 2048], HEADROOM..HEADROOM)?;
/// for _ in 0..2 {
///     let len = socket.receive(&mut frame.buffer_mut()[HEADROOM..]);
///     frame.reset(HEADROOM..HEADROOM + len)?;
///     assert_eq!((frame.headroom(), frame.total_len()), (128, 60));
/// }
/// let buffer: [u8; 2048] = frame.into_buffer();
/// assert_eq!(buffer[128], 0x11);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Frame<S> {
    buffer: S,
    /// Never greater than `end`.
    start: usize,
    end: usize,
    meta: FrameMeta,
}

/// A frame in memory of its own.
///
/// # Examples
///
/// ```
/// use vtep::buf::{ArrayFrame, FrameBuf};
///
/// let frame = ArrayFrame::<2048>::from_bytes_with_headroom(b"a frame", 64)?;
/// assert_eq!((frame.bytes(), frame.range()), (&b"a frame"[..], 64..71));
/// # Ok::<(), vtep::buf::RangeError>(())
/// ```
pub type ArrayFrame<const CAPACITY: usize> = Frame<[u8; CAPACITY]>;

impl<const CAPACITY: usize> Frame<[u8; CAPACITY]> {
    /// Creates a copy of `bytes` that has `headroom` bytes in front of it.
    ///
    /// # Errors
    /// [`RangeError`] if both do not fit.
    pub fn from_bytes_with_headroom(bytes: &[u8], headroom: usize) -> Result<Self, RangeError> {
        let mut buffer = [0; CAPACITY];
        let end = headroom.saturating_add(bytes.len());
        let range_error = RangeError { start: headroom, end, available: CAPACITY };
        let place = buffer.get_mut(headroom..end).ok_or(range_error)?;
        for (to, from) in place.iter_mut().zip(bytes) {
            *to = *from;
        }
        Self::new(buffer, headroom..end)
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Frame<S> {
    /// Creates the frame that is at `range` of `buffer`; the bytes before it are its headroom.
    ///
    /// # Errors
    /// [`RangeError`] if the range is not within the buffer.
    #[inline]
    pub fn new(buffer: S, range: Range<usize>) -> Result<Self, RangeError> {
        let mut frame = Self { buffer, start: 0, end: 0, meta: FrameMeta::default() };
        frame.reset(range)?;
        Ok(frame)
    }

    /// Makes this the frame that is at `range` of the same buffer, without metadata.
    ///
    /// # Errors
    /// [`RangeError`] if the range is not within the buffer; the frame is unchanged.
    #[inline]
    pub fn reset(&mut self, range: Range<usize>) -> Result<(), RangeError> {
        let available = self.buffer.as_ref().len();
        let Range { start, end } = range;
        if start > end || end > available {
            return Err(RangeError { start, end, available });
        }
        (self.start, self.end, self.meta) = (start, end, FrameMeta::default());
        Ok(())
    }

    /// Sets what holds for sending the frame.
    #[must_use]
    #[inline]
    pub fn with_tx_meta(mut self, tx: TxMeta) -> Self {
        self.set_tx_meta(tx);
        self
    }

    /// Sets what was reported when the frame was received.
    #[must_use]
    #[inline]
    pub fn with_rx_meta(mut self, rx: RxMeta) -> Self {
        self.set_rx_meta(rx);
        self
    }

    /// Sets what holds for sending the frame.
    #[inline]
    pub fn set_tx_meta(&mut self, tx: TxMeta) {
        self.meta.set_tx(tx);
    }

    /// Sets what was reported when the frame was received.
    #[inline]
    pub fn set_rx_meta(&mut self, rx: RxMeta) {
        self.meta.set_rx(rx);
    }

    /// What holds for sending the frame.
    #[must_use]
    #[inline]
    pub const fn tx_meta(&self) -> TxMeta {
        self.meta.tx()
    }

    /// What was reported when the frame was received.
    #[must_use]
    #[inline]
    pub const fn rx_meta(&self) -> RxMeta {
        self.meta.rx()
    }

    /// The frame's place in its buffer, in bytes.
    #[must_use]
    #[inline]
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The whole buffer, to receive another frame into: call [`reset`](Self::reset) after that.
    #[must_use]
    #[inline]
    pub fn buffer_mut(&mut self) -> &mut [u8] {
        self.buffer.as_mut()
    }

    /// Returns the buffer.
    #[must_use]
    #[inline]
    pub fn into_buffer(self) -> S {
        self.buffer
    }
}

// Some are inlined always, so that the loops of a batch see the bounds that they checked already. A
// failed check calls a cold function, because compilers merge the checks again otherwise, at a
// higher price.
impl<S: AsRef<[u8]> + AsMut<[u8]>> FrameBuf for Frame<S> {
    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        let Some(whole) = self.buffer.as_ref().get(..self.end) else { return no_bytes() };
        let Some(bytes) = whole.get(self.start..) else { return no_bytes() };
        bytes
    }

    #[inline]
    fn split_headroom(&mut self) -> (&mut [u8], &mut [u8]) {
        let whole = self.buffer.as_mut().get_mut(..self.end).unwrap_or_default();
        whole.split_at_mut_checked(self.start).unwrap_or_default()
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
        // Cannot wrap: `count` is at most `end - start`.
        self.start = self.start.wrapping_add(count);
        Ok(())
    }

    #[inline]
    fn truncate(&mut self, len: usize) {
        if len < self.total_len() {
            // Cannot wrap: `len` is less than `end - start`.
            self.end = self.start.wrapping_add(len);
        }
    }

    #[inline]
    fn headroom(&mut self) -> usize {
        self.start
    }

    #[inline(always)]
    fn total_len(&self) -> usize {
        // Cannot wrap: `start` is never greater than `end`.
        self.end.wrapping_sub(self.start)
    }

    #[inline(always)]
    fn meta(&mut self) -> Option<&mut FrameMeta> {
        Some(&mut self.meta)
    }

    // The default checks the bounds twice: 25.7 cycles for an encap instead of 22.7.
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
        let Some(headroom) = before.last_chunk_mut() else { return Err(no_headroom().into()) };
        write(headroom, bytes)?;
        // Cannot wrap: `N` bytes were found before `start`.
        self.start = self.start.wrapping_sub(N);
        Ok(())
    }

    #[inline(always)]
    fn trim_to(&mut self, offset: usize, len: usize) -> Verdict {
        if offset.checked_add(len).is_none_or(|end| end > self.total_len()) {
            self.pull_front(offset)?;
            return Ok(());
        }
        // Cannot wrap: both are within `end - start`.
        self.start = self.start.wrapping_add(offset);
        self.end = self.start.wrapping_add(len);
        Ok(())
    }

    #[inline]
    fn prefetch(&self, headroom: usize) {
        // A hint: the address may be anything.
        let front = self.buffer.as_ref().as_ptr().wrapping_add(self.start.wrapping_sub(headroom));
        prefetch(front);
        prefetch(front.wrapping_add(64));
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

/// A range of bytes that is not within its buffer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct RangeError {
    /// The first byte of the range.
    pub start: usize,
    /// The byte after its last, or `usize::MAX` if that is out of range too.
    pub end: usize,
    /// The bytes that the buffer has.
    pub available: usize,
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, end, available } = self;
        write!(f, "bytes {start}..{end} are not within a buffer of {available} bytes")
    }
}

impl core::error::Error for RangeError {}

/// The place of the frame; its bytes do not show in logs.
#[cfg(feature = "defmt")]
impl<S> defmt::Format for Frame<S> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Frame {=usize}..{=usize} {}", self.start, self.end, self.meta);
    }
}
