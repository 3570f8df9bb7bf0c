//! File formats, and files that are none.

use std::fs;
use std::path::{Path, PathBuf};

use crate::build::{Ng, Order, Record, pcap, records};
use crate::encap::{OVER_IPV4, encap};
use crate::{Answer, PROGRAM, ask, common, scratch, vxcap};

const CAPTURE: &str = "real_flanneld_vxlan";

pub fn capture() -> Vec<Record> {
    records(&common::capture_path(&format!("{CAPTURE}.pcap")))
}

/// A pcapng file with two interfaces: one counts nanoseconds, the other 2^-20 seconds.
fn pcapng(order: Order, records: &[Record]) -> Vec<u8> {
    let mut file = Ng::new(order);
    file.interface(1, 0, &[(9, &[9])]);
    file.interface(1, 0, &[(9, &[0x80 | 20])]);
    for (index, Record { seconds, microseconds, packet }) in records.iter().enumerate() {
        let (seconds, microseconds) = (u64::from(*seconds), u64::from(*microseconds));
        let interface = index % 2;
        file.ticks = match interface {
            0 => seconds * 1_000_000_000 + microseconds * 1000,
            // Rounded up, so that whole microseconds come back.
            _ => (seconds << 20) + (microseconds << 20).div_ceil(1_000_000),
        };
        file.enhanced(interface as u32, packet, packet.len(), &[]);
        file.block(5, &[0; 12]);
    }
    file.bytes
}

fn variants() -> Vec<(&'static str, Vec<u8>)> {
    let records = capture();
    vec![
        ("swapped.pcap", pcap(u32::to_be_bytes, false, 1, &records)),
        ("nanoseconds.pcap", pcap(u32::to_le_bytes, true, 1, &records)),
        ("swapped_nanoseconds.pcap", pcap(u32::to_be_bytes, true, 1, &records)),
        ("little.pcapng", pcapng(u32::to_le_bytes, &records)),
        ("big.pcapng", pcapng(u32::to_be_bytes, &records)),
    ]
}

pub fn write(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let file = directory.join(name);
    fs::write(&file, bytes).expect("a scratch file");
    file
}

pub fn show(file: &Path) -> Answer {
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

#[test]
fn decap_keeps_timestamps() {
    let directory = scratch("timestamps");
    let output = directory.join("out.pcap");
    for (name, bytes) in variants() {
        let input = write(&directory, name, &bytes);
        let answer = vxcap(&[Path::new("decap"), &input, &output]);
        assert_eq!((answer.status, answer.stderr.as_str()), (0, ""), "{name}");
        assert_eq!(answer.stdout, "35 packets, 35 written, 0 refused\n", "{name}");
        let has_nanoseconds = name != "swapped.pcap";
        let unit = if has_nanoseconds { 1000 } else { 1 };
        let magic: [u8; 4] = fs::read(&output).expect("a file")[..4].try_into().expect("4 bytes");
        assert_eq!(u32::from_le_bytes(magic) == 0xa1b2_3c4d, has_nanoseconds, "{name}");
        for (ours, sent) in records(&output).iter().zip(capture()) {
            let microseconds = ours.microseconds / unit;
            assert_eq!((ours.seconds, microseconds), (sent.seconds, sent.microseconds), "{name}");
            assert_eq!(ours.packet, sent.packet[50..], "{name}");
        }
    }
}

#[test]
fn records_with_longer_headers_are_read() {
    // A patched libpcap of 1999 wrote the interface, the protocol and the packet's type after the
    // lengths.
    let mut bytes = pcap(u32::to_be_bytes, false, 1, &[]);
    bytes[..4].copy_from_slice(&0xa1b2_cd34_u32.to_be_bytes());
    for Record { seconds, microseconds, packet } in capture() {
        let len = packet.len() as u32;
        let words = [seconds, microseconds, len, len, 1, 0x0800_0000].map(u32::to_be_bytes);
        bytes.extend([words.as_flattened(), &packet].concat());
    }
    let expected = show(&common::capture_path(&format!("{CAPTURE}.pcap"))).stdout;
    let answer = show(&write(&scratch("longer_headers"), "in.pcap", &bytes));
    assert_eq!((answer.status, answer.stdout), (0, expected));
}

#[test]
fn a_simple_packet_block_holds_what_the_snaplen_allows() {
    let directory = scratch("simple");
    let output = directory.join("out.pcap");
    let packet = capture().remove(0).packet;
    let padding = vec![0; 4 - packet.len() % 4];
    for (snaplen, captured) in [(0, packet.len()), (65_535, packet.len()), (51, 51)] {
        let mut file = Ng::new(u32::to_be_bytes);
        file.interface(1, snaplen, &[]);
        file.simple(&[&packet[..captured], &padding].concat(), packet.len());
        let file = write(&directory, "in.pcapng", &file.bytes);
        let done = encap(&file, &output, &OVER_IPV4);
        if captured < packet.len() {
            assert_eq!(done.stdout, "1 packets, 0 written, 1 refused (cut-short 1)\n");
            assert!(show(&file).stdout.contains("truncated"), "{snaplen}");
        } else {
            assert_eq!(done.stdout, "1 packets, 1 written, 0 refused\n");
            assert_eq!(records(&output)[0].packet[50..], packet, "{snaplen}");
        }
    }
}

/// The capture without Ethernet headers, after `header` instead.
pub fn relinked(link: u32, header: &[u8]) -> Vec<u8> {
    let strip = |record: Record| {
        let packet = [header, &record.packet[14..]].concat();
        Record { packet, ..record }
    };
    let records: Vec<Record> = capture().into_iter().map(strip).collect();
    pcap(u32::to_le_bytes, false, link, &records)
}

#[test]
fn raw_ip_and_linux_cooked_packets_are_read() {
    let directory = scratch("links");
    let expected = show(&common::capture_path(&format!("{CAPTURE}.pcap"))).stdout;
    let cooked: [u8; 16] = [0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0];
    let cooked2: [u8; 20] = [8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    for (link, header) in [(101, &[][..]), (228, &[]), (113, &cooked), (276, &cooked2)] {
        let file = write(&directory, "in.pcap", &relinked(link, header));
        assert_eq!(show(&file).stdout, expected, "link type {link}");
        let answer = ask("roundtrip", &file, &[]);
        assert_eq!(answer.stdout, "35 packets, 35 identical, 0 refused\n", "link type {link}");
    }
}

/// One line on stderr that names what is wrong, and exit status 2.
pub fn assert_fault(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 2, "{what}: {}", answer.stderr);
    assert_eq!(answer.stderr.lines().count(), 1, "{}", answer.stderr);
    assert!(answer.stderr.starts_with("vxcap: "), "{}", answer.stderr);
    assert!(answer.stderr.contains(what), "{what}: {}", answer.stderr);
}

#[test]
fn what_is_no_capture_is_refused_in_one_line() {
    let directory = scratch("faults");
    let output = directory.join("out.pcap");
    let header = pcap(u32::to_le_bytes, false, 1, &[]);
    let garbage: Vec<u8> = (0..4096u32).map(|byte| (byte * 167) as u8).collect();
    let endless = [&header[..], &[0; 8], &[0xff; 8]].concat();
    for (what, bytes) in [
        ("empty", &[][..]),
        ("not a pcap or pcapng capture", &garbage),
        ("truncated within its header", &header[..20]),
        ("corrupt at packet 1", &endless),
        ("truncated within its header", &header[..3]),
        ("is compressed: decompress it first, as in: gzip -dc", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]),
        ("is compressed: decompress it first, as in: zstd -dc", &[0x28, 0xb5, 0x2f, 0xfd, 0]),
    ] {
        let file = write(&directory, "in.pcap", bytes);
        for command in ["show", "roundtrip"] {
            assert_fault(&ask(command, &file, &[]), what);
        }
        assert_fault(&vxcap(&[Path::new("decap"), &file, &output]), what);
    }
    assert_fault(&show(&directory.join("missing.pcap")), "No such file");
    assert_fault(&show(&directory), "is a directory");
    assert_eq!(show(&write(&directory, "in.pcap", &header)).status, 0);
}

#[test]
fn the_input_is_not_overwritten() {
    let directory = scratch("overwrite");
    let bytes = pcap(u32::to_le_bytes, false, 1, &capture());
    let file = write(&directory, "in.pcap", &bytes);
    let again = directory.join("../overwrite/in.pcap");
    assert_fault(&vxcap(&[Path::new("decap"), &file, &again]), "is the capture that is read");
    assert_eq!(fs::read(&file).expect("the input"), bytes);
    // Nor by way of standard input or standard output.
    let open = || fs::OpenOptions::new().read(true).append(true).open(&file).expect("the input");
    for (input, output) in [("-", "in.pcap"), ("in.pcap", "-"), ("in.pcap", "/dev/stdout")] {
        let mut command = common::program(&PROGRAM);
        command.args(["decap", input, output]).current_dir(&directory);
        command.stdin(open()).stdout(open());
        let done = command.output().expect("vxcap runs");
        let stderr = String::from_utf8(done.stderr).expect("text");
        assert!(stderr.ends_with("is the capture that is read\n"), "{input} {output}: {stderr}");
        assert_eq!(fs::read(&file).expect("the input"), bytes, "{input} {output}");
    }
}

#[test]
fn what_stands_before_a_cut_is_processed() {
    const STATISTICS: usize = 24;
    let directory = scratch("cuts");
    let output = directory.join("out.pcap");
    let records = &capture()[..3];
    let classic = |count| pcap(u32::to_le_bytes, false, 1, &records[..count]);
    let next = |count| pcapng(u32::to_le_bytes, &records[..count]);
    let files: [(_, &dyn Fn(usize) -> Vec<u8>, _); 2] =
        [("cut.pcap", &classic, 0), ("cut.pcapng", &next, STATISTICS)];
    for (name, make, behind_packet) in files {
        let whole = make(records.len());
        let ends: Vec<usize> = (1..=3).map(|count| make(count).len() - behind_packet).collect();
        for len in (make(0).len()..whole.len()).step_by(23) {
            let packets = ends.iter().filter(|end| **end <= len).count();
            let file = write(&directory, name, &whole[..len]);
            let answer = show(&file);
            assert_eq!(answer.stdout.lines().count(), packets, "{name} {len}");
            if answer.status != 0 || !ends.contains(&len) && len != make(0).len() {
                assert_fault(&answer, &format!("truncated within packet {}", packets + 1));
            }
            let answer = vxcap(&[Path::new("decap"), &file, &output]);
            let written = format!("{packets} packets, {packets} written, 0 refused\n");
            assert_eq!(answer.stdout, written, "{name} {len}");
            assert_eq!(self::records(&output).len(), packets, "{name} {len}");
        }
    }
}
