//! One packet of a capture, and what the file says of the interface that it came from.

use vtep::wire::{EtherType, EthernetFrame, EthernetHeader};

use crate::link::Link;
use crate::skip::Skip;

/// One packet of a capture.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Counts from 1, as Wireshark does.
    pub number: u64,
    pub seconds: u32,
    pub nanoseconds: u32,
    /// An Ethernet header in place of a link header of another kind, its addresses zero.
    made: Option<EthernetHeader>,
    /// As much of the packet as was captured, without a link header of another kind and without the
    /// FCS.
    pub payload: &'a [u8],
    /// The captured bytes of the frame check sequence, which is not part of the payload.
    pub fcs_len: usize,
    /// Whether the packet, its FCS aside, was longer.
    pub is_cut: bool,
    /// Whether no byte after this packet has been read yet, so that the next may be long in coming.
    pub is_latest: bool,
}

impl<'a> Packet<'a> {
    /// The bytes to put in front of the payload to have an Ethernet frame.
    pub fn header(&self) -> &[u8] {
        self.made.as_ref().map_or(&[], |header| header.as_bytes().as_slice())
    }

    /// The protocol that follows the link header, and its bytes.
    pub fn network(&self) -> Option<(EtherType, &'a [u8])> {
        match self.made {
            Some(header) => Some((header.ethertype(), self.payload)),
            None => {
                let frame = EthernetFrame::parse(self.payload).ok()?;
                Some((frame.ethertype(), frame.payload()))
            }
        }
    }

    /// Whether these are the packet's bytes.
    pub fn is(&self, frame: &[u8]) -> bool {
        frame.strip_prefix(self.header()) == Some(self.payload)
    }
}

/// A packet as the file stores it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The index of its interface.
    pub interface: usize,
    pub time: Time,
    /// The packet's length on the wire, with its FCS where the capture has them.
    pub len: usize,
    /// As much as was captured.
    pub bytes: &'a [u8],
    /// The octets of FCS at its end, where they are not the interface's.
    pub fcs_len: Option<usize>,
}

/// Where packets were captured.
#[derive(Clone, Copy, Debug)]
pub struct Interface {
    pub link: Result<Link, Skip>,
    /// The most bytes of a packet that were kept; 0 is no limit.
    pub snaplen: u32,
    /// The octets of FCS at the end of each packet.
    pub fcs_len: usize,
    pub ticks_a_second: u64,
    pub offset_seconds: i64,
}

impl Interface {
    /// An interface whose description cannot be read, in the place of its number.
    pub fn unreadable(skip: Skip) -> Self {
        Self { link: Err(skip), snaplen: 0, fcs_len: 0, ticks_a_second: 1, offset_seconds: 0 }
    }

    /// The packet in `record`.
    ///
    /// # Errors
    /// Why packets of this interface are skipped.
    pub fn packet<'a>(
        &self,
        number: u64,
        record: &Record<'a>,
        is_latest: bool,
    ) -> Result<Packet<'a>, Skip> {
        let link = self.link?;
        let (seconds, nanoseconds) = self.time(record.time);
        // The FCS is the end of the whole packet: a snaplen may have cut it, in part or in full.
        let captured = record.bytes.len();
        let whole = record.len.max(captured);
        let len = whole.saturating_sub(record.fcs_len.unwrap_or(self.fcs_len));
        let bytes = &record.bytes[..captured.min(len)];
        let (fcs_len, is_cut) = (captured - bytes.len(), bytes.len() < len);
        let (made, payload) = link.open(bytes);
        Ok(Packet { number, seconds, nanoseconds, made, payload, fcs_len, is_cut, is_latest })
    }

    /// Seconds and nanoseconds. pcap has 32 bits of seconds: they wrap.
    fn time(&self, time: Time) -> (u32, u32) {
        let (seconds, rest) = match time {
            Time::Pcap(seconds, rest) => (seconds, u64::from(rest)),
            Time::Ticks(ticks) => {
                let seconds = ticks / self.ticks_a_second;
                let seconds = seconds.wrapping_add_signed(self.offset_seconds);
                (seconds as u32, ticks % self.ticks_a_second)
            }
        };
        let nanoseconds = u128::from(rest) * 1_000_000_000 / u128::from(self.ticks_a_second);
        (seconds, nanoseconds as u32)
    }
}

/// A timestamp as the file has it.
#[derive(Clone, Copy, Debug)]
pub enum Time {
    /// Seconds and ticks.
    Pcap(u32, u32),
    Ticks(u64),
}
