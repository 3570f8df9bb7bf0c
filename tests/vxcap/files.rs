//! File formats, and files that are none.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Answer, ask, common, scratch, vxcap};

const CAPTURE: &str = "real_flanneld_vxlan";

/// One record of a classic little-endian pcap file.
struct Record {
    seconds: u32,
    microseconds: u32,
    packet: Vec<u8>,
}

fn records(file: &Path) -> Vec<Record> {
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

fn capture() -> Vec<Record> {
    records(&common::capture_path(&format!("{CAPTURE}.pcap")))
}

/// The bytes of a number in the order of the file that is being made.
type Order = fn(u32) -> [u8; 4];

/// A classic pcap file.
fn pcap(order: Order, nanoseconds: bool, link: u32, records: &[Record]) -> Vec<u8> {
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

fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = body.len().next_multiple_of(4) - body.len();
    let len = order((12 + body.len() + padding) as u32);
    [&order(kind)[..], &len, body, &[0; 3][..padding], &len].concat()
}

/// A pcapng file with two interfaces: one counts nanoseconds, the other 2^-20 seconds.
fn pcapng(order: Order, records: &[Record]) -> Vec<u8> {
    let halves = |first: u8, second: u8| -> [u8; 4] {
        if order(1)[0] == 1 { [first, 0, second, 0] } else { [0, first, 0, second] }
    };
    let section = [order(0x1a2b_3c4d), halves(1, 0), [0xff; 4], [0xff; 4]].concat();
    let resolution = |exponent: u8| {
        let option = [halves(9, 1), [exponent, 0, 0, 0], [0; 4]].concat();
        [&halves(1, 0)[..], &order(0), &option].concat()
    };
    let mut file = block(order, 0x0a0d_0d0a, &section);
    file.extend(block(order, 1, &resolution(9)));
    file.extend(block(order, 1, &resolution(0x80 | 20)));
    for (index, Record { seconds, microseconds, packet }) in records.iter().enumerate() {
        let (seconds, microseconds) = (u64::from(*seconds), u64::from(*microseconds));
        let interface = index % 2;
        let ticks = match interface {
            0 => seconds * 1_000_000_000 + microseconds * 1000,
            // Rounded up, so that whole microseconds come back.
            _ => (seconds << 20) + (microseconds << 20).div_ceil(1_000_000),
        };
        let len = packet.len() as u32;
        let head = [interface as u32, (ticks >> 32) as u32, ticks as u32, len, len];
        let head: Vec<u8> = head.iter().flat_map(|word| order(*word)).collect();
        file.extend(block(order, 6, &[&head[..], packet].concat()));
        file.extend(block(order, 5, &[0; 12]));
    }
    file
}

fn variants() -> [(&'static str, Vec<u8>); 5] {
    let records = capture();
    [
        ("swapped.pcap", pcap(u32::to_be_bytes, false, 1, &records)),
        ("nanoseconds.pcap", pcap(u32::to_le_bytes, true, 1, &records)),
        ("swapped_nanoseconds.pcap", pcap(u32::to_be_bytes, true, 1, &records)),
        ("little.pcapng", pcapng(u32::to_le_bytes, &records)),
        ("big.pcapng", pcapng(u32::to_be_bytes, &records)),
    ]
}

fn write(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let file = directory.join(name);
    fs::write(&file, bytes).expect("a scratch file");
    file
}

fn show(file: &Path) -> Answer {
    ask("show", file, &["--json"])
}

#[test]
fn every_format_reads_the_same() {
    let directory = scratch("formats");
    let expected = show(&common::capture_path(&format!("{CAPTURE}.pcap")));
    assert_eq!((expected.status, expected.stdout.lines().count()), (0, 35));
    for (name, bytes) in variants() {
        let answer = show(&write(&directory, name, &bytes));
        assert_eq!((answer.status, answer.stderr.as_str()), (0, ""), "{name}");
        assert_eq!(answer.stdout, expected.stdout, "{name}");
    }
}
