//! Frames grow and shrink at their front, and are cut at their end, within their bounds.

use vtep::buf::{
    ArrayFrame, Frame, FrameBuf, InnerChecksum, NicChecksum, PartialChecksum, RangeError, RxMeta,
    TxMeta,
};
use vtep::checksum::CompleteError;
use vtep::verdict::{DropReason, Verdict};

mod common {
    pub mod chained;
}
use common::chained::Chained;

/// The five methods that a buffer has to have, and no more.
struct Bare(Frame<[u8; 10]>);

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

fn frame(range: std::ops::Range<usize>) -> Frame<[u8; 10]> {
    Frame::new(*b"0123456789", range).unwrap()
}

#[test]
fn a_frame_grows_and_shrinks_within_its_bounds() {
    let mut buffer = *b"0123456789";
    let mut frame = Frame::new(&mut buffer[..], 4..8).unwrap();
    assert_eq!((frame.headroom(), frame.bytes()), (4, &b"4567"[..]));
    assert_eq!(frame.push_front(5), Err(DropReason::NoHeadroom));
    assert_eq!(frame.pull_front(5), Err(DropReason::NotLinear));
    assert_eq!(frame.range(), 4..8);
    assert_eq!(frame.push_front(4), Ok(()));
    assert_eq!((frame.headroom(), frame.bytes()), (0, &b"01234567"[..]));
    assert_eq!(frame.pull_front(8), Ok(()));
    assert_eq!((frame.total_len(), frame.range()), (0, 8..8));
}

#[test]
fn split_headroom_has_both_parts_of_the_buffer() {
    let mut frame = frame(4..8);
    let (headroom, bytes) = frame.split_headroom();
    assert_eq!((&*headroom, &*bytes), (&b"0123"[..], &b"4567"[..]));
    bytes[0] = b'x';
    headroom[3] = b'y';
    assert_eq!(frame.into_buffer(), *b"012yx56789");
}

#[test]
fn truncate_only_shortens() {
    let mut frame = ArrayFrame::<16>::from_bytes_with_headroom(b"abcdef", 2).unwrap();
    frame.truncate(usize::MAX);
    assert_eq!(frame.bytes(), b"abcdef");
    frame.truncate(3);
    assert_eq!(frame.bytes(), b"abc");
}

fn trims(
    build: impl Fn() -> Frame<[u8; 10]>,
    trim: impl Fn(&mut Frame<[u8; 10]>, usize, usize) -> Verdict,
) {
    for (offset, len, kept) in
        [(1, 3, &b"345"[..]), (0, 6, b"234567"), (4, 2, b"67"), (4, 3, b"67"), (6, 0, b"")]
    {
        let mut frame = build();
        assert_eq!((trim(&mut frame, offset, len), frame.bytes()), (Ok(()), kept));
    }
    for (offset, len) in [(7, 0), (usize::MAX, 1), (usize::MAX, usize::MAX)] {
        let mut frame = build();
        assert_eq!(trim(&mut frame, offset, len), Err(DropReason::NotLinear));
        assert_eq!(frame.range(), 2..8);
    }
    let mut frame = build();
    assert_eq!((trim(&mut frame, 2, usize::MAX), frame.bytes()), (Ok(()), &b"4567"[..]));
}

#[test]
fn trim_to_keeps_a_part_or_what_there_is_of_it() {
    trims(|| frame(2..8), |frame, offset, len| frame.trim_to(offset, len));
    trims(
        || frame(2..8),
        |frame, offset, len| {
            let mut bare = Bare(frame.clone());
            let verdict = bare.trim_to(offset, len);
            *frame = bare.0;
            verdict
        },
    );
}

fn pushes<F: FrameBuf>(mut frame: F) {
    let refused = frame.push_header::<3, DropReason>(|_, _| Err(DropReason::NotIp));
    assert_eq!(refused, Err(DropReason::NotIp));
    let refused = frame.push_header::<5, DropReason>(|_, _| Ok(()));
    assert_eq!((refused, frame.bytes()), (Err(DropReason::NoHeadroom), &b"4567"[..]));
    let pushed = frame.push_header::<3, DropReason>(|headroom, bytes| {
        assert_eq!((&*headroom, bytes), (b"123", &b"4567"[..]));
        *headroom = *b"abc";
        Ok(())
    });
    assert_eq!((pushed, frame.bytes()), (Ok(()), &b"abc4567"[..]));
    frame.bytes_mut()[0] = b'z';
    assert_eq!((frame.headroom(), frame.bytes()), (1, &b"zbc4567"[..]));
}

#[test]
fn push_header_puts_in_front_what_could_be_written() {
    pushes(frame(4..8));
    pushes(Bare(frame(4..8)));
}

#[test]
fn a_range_that_is_not_within_the_buffer_is_an_error() {
    let is_error = |result: Result<Frame<[u8; 4]>, RangeError>, start, end| {
        let RangeError { start: from, end: to, available, .. } = result.unwrap_err();
        assert_eq!((from, to, available), (start, end, 4));
    };
    let new = |start, end| Frame::new([0u8; 4], start..end);
    is_error(new(3, 9), 3, 9);
    is_error(new(7, 9), 7, 9);
    is_error(new(5, 5), 5, 5);
    is_error(new(3, 2), 3, 2);
    is_error(new(0, usize::MAX), 0, usize::MAX);
    assert_eq!(new(4, 4).unwrap().range(), 4..4);
    let copy = ArrayFrame::<4>::from_bytes_with_headroom;
    is_error(copy(b"abc", 2), 2, 5);
    is_error(copy(b"abc", usize::MAX), usize::MAX, usize::MAX);
    is_error(copy(b"", 5), 5, 5);
    assert_eq!(copy(b"abc", 1).unwrap().range(), 1..4);
}

#[test]
fn a_frame_is_used_again_in_place() {
    let mut frame = frame(4..8)
        .with_rx_meta(RxMeta::new().with_ip_checksum(NicChecksum::Good))
        .with_tx_meta(TxMeta::new().with_flow_hash(1));
    assert_eq!(frame.reset(4..11).unwrap_err().end, 11);
    assert_eq!((frame.range(), frame.tx_meta().flow_hash), (4..8, Some(1)));
    frame.buffer_mut()[2..5].copy_from_slice(b"new");
    frame.reset(2..5).unwrap();
    assert_eq!((frame.headroom(), frame.bytes()), (2, &b"new"[..]));
    assert_eq!((frame.rx_meta(), frame.tx_meta()), (RxMeta::default(), TxMeta::default()));
}

/// UDP over IPv4, 10.0.0.1 to 10.0.0.2, "hi": `csum_start` 20, `csum_offset` 6. The field holds the
/// sum of the pseudo-header: 0a00 + 0001 + 0a00 + 0002 + 0011 + 000a = 141e. Its checksum by hand:
/// 141e + 04d2 + 0035 + 000a + 6869 = 8198, inverted 7e67.
const PARTIAL: [u8; 30] = [
    0x45, 0, 0, 30, 0, 0, 0x40, 0, 64, 17, 0x26, 0xcd, 10, 0, 0, 1, 10, 0, 0, 2, 0x04, 0xd2, 0, 53,
    0, 10, 0x14, 0x1e, b'h', b'i',
];

#[test]
fn complete_checksum_fills_in_what_the_metadata_says() {
    let partial = PartialChecksum::new(20, 6);
    let frame = || ArrayFrame::<64>::from_bytes_with_headroom(&PARTIAL, 8).unwrap();
    for mut frame in [
        frame().with_rx_meta(RxMeta::new().with_partial(partial)),
        frame().with_tx_meta(TxMeta::new().with_inner_checksum(InnerChecksum::Partial(partial))),
    ] {
        for _ in 0..2 {
            assert_eq!(frame.complete_checksum(), Ok(()));
            assert_eq!(frame.bytes()[26..28], [0x7e, 0x67]);
            let meta = frame.meta().unwrap();
            assert_eq!((meta.partial(), meta.tx().inner_checksum), (None, InnerChecksum::Valid));
        }
    }
    let mut unknown = frame();
    assert_eq!((unknown.complete_checksum(), unknown.bytes()), (Ok(()), &PARTIAL[..]));
}

#[test]
fn complete_checksum_changes_nothing_if_it_cannot() {
    for (partial, behind, error) in [
        (PartialChecksum::new(20, 10), 0, CompleteError::OutOfBounds { needed: 32, available: 30 }),
        (PartialChecksum::new(20, 5), 0, CompleteError::OddOffset { offset: 5 }),
        (PartialChecksum::new(20, 6), 1, CompleteError::OutOfBounds { needed: 31, available: 30 }),
    ] {
        let mut bytes = PARTIAL;
        let rx = RxMeta::new().with_partial(partial);
        let head = Frame::new(&mut bytes[..], 0..30).unwrap().with_rx_meta(rx);
        let mut frame = Chained { head, behind };
        assert_eq!(frame.complete_checksum(), Err(error));
        assert_eq!((frame.bytes(), frame.head.rx_meta()), (&PARTIAL[..], rx));
    }
}
