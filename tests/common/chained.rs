//! A frame of more than one segment.

use vtep::buf::{Frame, FrameBuf, RxMeta, TxMeta};
use vtep::verdict::{DropReason, Verdict};

/// A frame whose linear head ends early.
pub struct Chained<'a> {
    pub head: Frame<&'a mut [u8]>,
    pub behind: usize,
}

impl FrameBuf for Chained<'_> {
    fn bytes(&self) -> &[u8] {
        self.head.bytes()
    }
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.head.bytes_mut()
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
    fn push_header<const N: usize, E: From<DropReason>>(
        &mut self,
        write: impl FnOnce(&mut [u8; N], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.head.push_header(write)
    }
    fn total_len(&self) -> usize {
        self.head.total_len() + self.behind
    }
    fn rx_meta(&self) -> RxMeta {
        self.head.rx_meta()
    }
    fn tx_meta(&self) -> TxMeta {
        self.head.tx_meta()
    }
}
