//! Captures made for a test, and the records of one.

use std::fs;
use std::path::Path;

/// One record of a classic little-endian pcap file.
pub struct Record {
    pub seconds: u32,
    pub microseconds: u32,
    pub packet: Vec<u8>,
}

pub fn records(file: &Path) -> Vec<Record> {
    let bytes = fs::read(file).expect("a capture");
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
    let mut records = Vec::new();
    let mut at = 24;
    while at < bytes.len() {
        let len = word(at + 8) as usize;
        let packet = bytes[at + 16..at + 16 + len].to_vec();
        records.push(Record { seconds: word(at), microseconds: word(at + 4), packet });
        at += 16 + len;
    }
    records
}

/// The bytes of a number in the order of the file that is being made.
pub type Order = fn(u32) -> [u8; 4];

/// A classic pcap file.
pub fn pcap(order: Order, nanoseconds: bool, link: u32, records: &[Record]) -> Vec<u8> {
    let magic = if nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
    let version = if order(1)[0] == 1 { [2, 0, 4, 0] } else { [0, 2, 0, 4] };
    let words = |words: &[u32]| words.iter().flat_map(|word| order(*word)).collect::<Vec<u8>>();
    let mut file = [order(magic), version].concat();
    file.extend(words(&[0, 0, 262_144, link]));
    for Record { seconds, microseconds, packet } in records {
        let fraction = if nanoseconds { microseconds * 1000 } else { *microseconds };
        let len = packet.len() as u32;
        file.extend(words(&[*seconds, fraction, len, len]));
        file.extend(packet);
    }
    file
}

/// A pcapng file that grows block by block.
pub struct Ng {
    pub order: Order,
    pub bytes: Vec<u8>,
    /// The timestamp of the packets that follow.
    pub ticks: u64,
}

/// An option: its code and its value.
type NgOption<'a> = (u16, &'a [u8]);

impl Ng {
    /// A file of one section without interfaces.
    pub fn new(order: Order) -> Self {
        let mut file = Self { order, bytes: Vec::new(), ticks: 0 };
        file.section();
        file
    }

    /// Begins another section.
    pub fn section(&mut self) {
        let version = self.halves(1, 0);
        self.block(
            0x0a0d_0d0a,
            &[(self.order)(0x1a2b_3c4d), version, [0xff; 4], [0xff; 4]].concat(),
        );
    }

    pub fn interface(&mut self, link: u16, snaplen: u32, options: &[NgOption<'_>]) {
        let body =
            [&self.halves(link, 0)[..], &(self.order)(snaplen), &self.options(options)].concat();
        self.block(1, &body);
    }

    /// An Enhanced Packet Block of a packet that had `len` bytes.
    pub fn enhanced(&mut self, id: u32, packet: &[u8], len: usize, options: &[NgOption<'_>]) {
        let first = (self.order)(id);
        self.packet(6, first, packet, len, options);
    }

    /// An obsolete Packet Block, before which `drops` packets were lost.
    pub fn obsolete(&mut self, id: u16, drops: u16, packet: &[u8], options: &[NgOption<'_>]) {
        let first = self.halves(id, drops);
        self.packet(2, first, packet, packet.len(), options);
    }

    fn packet(
        &mut self,
        kind: u32,
        first: [u8; 4],
        packet: &[u8],
        len: usize,
        options: &[NgOption<'_>],
    ) {
        let words = [(self.ticks >> 32) as u32, self.ticks as u32, packet.len() as u32, len as u32];
        let padding = packet.len().next_multiple_of(4) - packet.len();
        let mut body = first.to_vec();
        body.extend(words.iter().flat_map(|word| (self.order)(*word)));
        body.extend([packet, &[0; 3][..padding], &self.options(options)].concat());
        self.block(kind, &body);
    }

    /// A Simple Packet Block of a packet that had `len` bytes.
    pub fn simple(&mut self, packet: &[u8], len: usize) {
        let body = [&(self.order)(len as u32)[..], packet].concat();
        self.block(3, &body);
    }

    /// Any block; its body is padded.
    pub fn block(&mut self, kind: u32, body: &[u8]) {
        let padding = body.len().next_multiple_of(4) - body.len();
        self.unpadded(kind, &[body, &[0; 3][..padding]].concat());
    }

    /// A block that is as long as its body makes it.
    pub fn unpadded(&mut self, kind: u32, body: &[u8]) {
        let len = (self.order)((12 + body.len()) as u32);
        self.bytes.extend([&(self.order)(kind)[..], &len, body, &len].concat());
    }

    fn options(&self, options: &[NgOption<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (code, value) in options {
            bytes.extend(self.halves(*code, value.len() as u16));
            bytes.extend(*value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        if !options.is_empty() {
            bytes.extend([0; 4]);
        }
        bytes
    }

    fn halves(&self, first: u16, second: u16) -> [u8; 4] {
        let half = |value: u16| -> [u8; 2] {
            let [a, b, c, d] = (self.order)(value.into());
            if (self.order)(1)[0] == 1 { [a, b] } else { [c, d] }
        };
        [half(first), half(second)].concat().try_into().expect("4 bytes")
    }
}
