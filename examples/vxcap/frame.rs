//! The one buffer that every packet is worked on in.

use vtep::buf::Frame;

/// A buffer with room in front of its frame. It grows to the longest packet.
pub struct FrameBuffer(Vec<u8>);

impl FrameBuffer {
    /// Enough for every tunnel's headers, in whole cache lines.
    const HEADROOM: usize = 128;

    pub fn new() -> Self {
        Self(vec![0; 1 << 16])
    }

    /// Takes a copy of a frame: `header`, then `payload`.
    pub fn load(&mut self, header: &[u8], payload: &[u8]) -> Frame<&mut [u8]> {
        let middle = Self::HEADROOM + header.len();
        let end = middle + payload.len();
        if self.0.len() < end {
            self.0.resize(end, 0);
        }
        self.0[Self::HEADROOM..middle].copy_from_slice(header);
        self.0[middle..end].copy_from_slice(payload);
        Frame::new(&mut self.0[..], Self::HEADROOM..end).expect("within the buffer")
    }
}
