//! Frames grow and shrink at their front, and are cut at their end, within their bounds.

use vtep::buf::{ArrayFrame, Frame, FrameBuf};
use vtep::verdict::DropReason;

#[test]
fn a_frame_grows_and_shrinks_within_its_bounds() {
    let mut buffer = *b"0123456789";
    let mut frame = Frame::new(&mut buffer[..], 4..8);
    assert_eq!(frame.bytes(), b"4567");
    assert_eq!(frame.push_front(5), Err(DropReason::NoHeadroom));
    assert_eq!(frame.pull_front(5), Err(DropReason::NotLinear));
    assert_eq!(frame.range(), 4..8);
    assert_eq!(frame.push_front(4), Ok(()));
    assert_eq!(frame.bytes(), b"01234567");
    assert_eq!(frame.pull_front(8), Ok(()));
    assert_eq!((frame.total_len(), frame.range()), (0, 8..8));
}

#[test]
fn truncate_only_shortens() {
    let mut frame = ArrayFrame::<16>::from_bytes_with_headroom(b"abcdef", 2).unwrap();
    frame.truncate(usize::MAX);
    assert_eq!(frame.bytes(), b"abcdef");
    frame.truncate(3);
    assert_eq!(frame.bytes(), b"abc");
}

#[test]
fn a_part_is_kept_or_what_there_is_of_it() {
    let whole = Frame::new(*b"0123456789", 2..8);
    for (at, len, kept) in
        [(1, 3, &b"345"[..]), (0, 6, b"234567"), (4, 2, b"67"), (4, 3, b"67"), (6, 0, b"")]
    {
        let mut frame = whole;
        assert_eq!((frame.trim_to(at, len), frame.bytes()), (Ok(()), kept), "{at} {len}");
    }
    for (at, len) in [(7, 0), (usize::MAX, 1), (usize::MAX, usize::MAX)] {
        let mut frame = whole;
        assert_eq!(frame.trim_to(at, len), Err(DropReason::NotLinear));
        assert_eq!(frame.range(), 2..8);
    }
    let mut frame = whole;
    assert_eq!((frame.trim_to(2, usize::MAX), frame.bytes()), (Ok(()), &b"4567"[..]));
}

#[test]
fn a_header_stands_before_the_frame_if_it_could_be_written() {
    let mut frame = Frame::new(*b"0123456789", 4..8);
    let refused = frame.push_header::<3, DropReason>(|_, _| Err(DropReason::NotIp));
    assert_eq!(refused, Err(DropReason::NotIp));
    let no_room = frame.push_header::<5, DropReason>(|_, _| Ok(()));
    assert_eq!((no_room, frame.range()), (Err(DropReason::NoHeadroom), 4..8));
    let pushed = frame.push_header::<3, DropReason>(|room, bytes| {
        assert_eq!((&*room, bytes), (b"123", &b"4567"[..]));
        *room = *b"abc";
        Ok(())
    });
    assert_eq!((pushed, frame.bytes()), (Ok(()), &b"abc4567"[..]));
}

#[test]
fn ranges_and_copies_that_do_not_fit() {
    let mut frame = Frame::new([0u8; 4], 3..9);
    assert_eq!(frame.range(), 3..4);
    frame.bytes_mut()[0] = 1;
    assert_eq!(Frame::new([0u8; 4], 7..9).range(), 4..4);
    assert!(ArrayFrame::<8>::from_bytes_with_headroom(b"abcdef", 3).is_none());
    assert!(ArrayFrame::<8>::from_bytes_with_headroom(b"abc", usize::MAX).is_none());
}
