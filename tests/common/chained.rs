//! A frame of more than one segment.

use vtep::buf::{Frame, FrameBuf, FrameMeta};
use vtep::verdict::Verdict;

/// A frame whose linear head ends early.
pub struct Chained<'a> {
    pub head: Frame<&'a mut [u8]>,
    pub behind: usize,
}

impl FrameBuf for Chained<'_> {
    fn bytes(&self) -> &[u8] {
        self.head.bytes()
    }
    fn split_headroom(&mut self) -> (&mut [u8], &mut [u8]) {
        self.head.split_headroom()
    }
    fn push_front(&mut self, count: usize) -> Verdict {
        self.head.push_front(count)
    }
    fn pull_front(&mut self, count: usize) -> Verdict {
        self.head.pull_front(count)
    }
    fn truncate(&mut self, len: usize) {
        self.behind = self.behind.min(len.saturating_sub(self.head.total_len()));
        self.head.truncate(len);
    }
    fn total_len(&self) -> usize {
        self.head.total_len() + self.behind
    }
    fn meta(&mut self) -> Option<&mut FrameMeta> {
        self.head.meta()
    }
}
