//! What several integration tests need: the packets of the captures in `tests/data/captures`.
#![allow(dead_code, reason = "each test uses some of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The command that starts a program built beside the tests. Where these run in an emulator, VTEP_RUNNER is its command
/// line, and the program runs in it, too.
pub fn program(path: &Path) -> Command {
    let runner = std::env::var("VTEP_RUNNER").unwrap_or_default();
    let mut words = runner.split_whitespace();
    let Some(emulator) = words.next() else { return Command::new(path) };
    let mut command = Command::new(emulator);
    command.args(words).arg(path);
    command
}

/// A file of `tests/data/captures`.
pub fn capture_path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/captures").join(file)
}

/// The names of all captures, without `.pcap`, sorted.
pub fn captures() -> Vec<String> {
    let files = fs::read_dir(capture_path("")).expect("the captures");
    let mut names: Vec<String> = files
        .filter_map(|file| file.expect("an entry").file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(".pcap")?.to_owned()))
        .collect();
    names.sort();
    names
}

/// The packets of one capture, which is classic pcap in little-endian order.
pub fn packets(name: &str) -> Vec<Vec<u8>> {
    const MAGIC: [u8; 4] = [0xd4, 0xc3, 0xb2, 0xa1];
    let file = fs::read(capture_path(&format!("{name}.pcap"))).expect("a capture");
    assert_eq!(file[..4], MAGIC, "{name}: not a classic pcap in little-endian order");
    let mut packets = Vec::new();
    let mut rest = &file[24..];
    while !rest.is_empty() {
        let (record, behind) = rest.split_at(16);
        let len = u32::from_le_bytes(record[8..12].try_into().expect("4 bytes"));
        let (packet, behind) = behind.split_at(len.try_into().expect("32 bits"));
        packets.push(packet.to_vec());
        rest = behind;
    }
    packets
}

/// The rows of the table that tshark made of one capture, each as its columns.
pub fn tshark(name: &str) -> Vec<Vec<String>> {
    let path = capture_path(&format!("{name}.tshark.tsv"));
    let table = fs::read_to_string(path).expect("a table");
    table.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// A VXLAN packet with zeros for what a kernel chooses as it likes, and the sums over that: IPv4 ID and
/// checksum, UDP source port and checksum.
pub fn without_choices(mut packet: Vec<u8>) -> Vec<u8> {
    let is_v6 = packet[12..14] == [0x86, 0xdd];
    let fields = if is_v6 { &[54, 60][..] } else { &[18, 24, 34, 40] };
    for field in fields {
        packet[*field..field + 2].fill(0);
    }
    packet
}

/// The checksum of a header whose checksum field is 0 (RFC 1071), by division.
pub fn ones_complement(header: &[u8]) -> u16 {
    let words = header.chunks(2).map(|word| u64::from(word[0]) << 8 | u64::from(word[1]));
    // A sum modulo 2^16 - 1 is the sum with end-around carry.
    u16::try_from(0xffff - words.sum::<u64>() % 0xffff).expect("16 bits")
}
