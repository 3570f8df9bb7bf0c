//! A frame check sequence that a capture declares is not part of the frame.

use std::path::Path;

use crate::build::{Ng, Order, Record, pcap, records};
use crate::encap::{OVER_IPV4, encap};
use crate::files::{capture, show, write};
use crate::{ask, case, scratch, vxcap};

/// The bits of a link type field that say "an FCS of so many 16-bit words".
const fn words(count: u32) -> u32 {
    count << 28 | 1 << 26
}

/// The flags of a packet block that say "an FCS of so many octets".
fn flags(order: Order, octets: u32) -> [u8; 4] {
    order(octets << 5 | 1)
}

/// The records with an FCS of `len` bytes after each packet.
fn with_fcs(len: usize) -> Vec<Record> {
    let add = |record: Record| Record {
        packet: [&record.packet[..], &[0xA5; 16][..len]].concat(),
        ..record
    };
    capture().into_iter().map(add).collect()
}

#[test]
fn it_does_not_travel() {
    let output = scratch("fcs_cases").join("out.pcap");
    for name in ["fcs.pcap", "ng_fcs.pcapng"] {
        let done = encap(&case(name), &output, &OVER_IPV4);
        assert_eq!(done.stdout, "1 packets, 1 written, 0 refused\n", "{name}");
        let inner = records(&output)[0].packet[50..].to_vec();
        let frame = records(&case("fcs.pcap"))[0].packet[..62].to_vec();
        assert_eq!(inner, frame, "{name}");
        assert!(show(&case(name)).stdout.ends_with("},\"fcs\":4}\n"), "{name}");
        assert!(ask("show", &case(name), &[]).stdout.ends_with(" | fcs 4 bytes\n"), "{name}");
    }
}

/// A pcapng file of packets with an FCS of 4 bytes, which `interface` or each packet's `flags`
/// declare.
fn ng(order: Order, interface: &[u8], packet_flags: Option<u32>, is_obsolete: bool) -> Vec<u8> {
    let mut file = Ng::new(order);
    file.interface(1, 0, &[(13, interface)]);
    let flags = packet_flags.map(|octets| flags(order, octets));
    let options: Vec<(u16, &[u8])> = flags.iter().map(|flags| (2, &flags[..])).collect();
    for Record { packet, .. } in with_fcs(4) {
        match is_obsolete {
            true => file.obsolete(0, 7, &packet, &options),
            false => file.enhanced(0, &packet, packet.len(), &options),
        }
    }
    file.bytes
}

fn files() -> Vec<(&'static str, usize, Vec<u8>)> {
    let (little, big): (Order, Order) = (u32::to_le_bytes, u32::to_be_bytes);
    vec![
        ("pcap", 4, pcap(little, false, words(2) | 1, &with_fcs(4))),
        ("swapped pcap, nanoseconds", 4, pcap(big, true, words(2) | 1, &with_fcs(4))),
        ("2 octets", 2, pcap(little, false, words(1) | 1, &with_fcs(2))),
        ("none, and said so", 0, pcap(little, false, words(0) | 1, &with_fcs(0))),
        ("if_fcslen in octets", 4, ng(little, &[4], None, false)),
        ("if_fcslen in bits", 4, ng(big, &[32], None, false)),
        ("flags alone", 4, ng(little, &[0], Some(4), false)),
        ("flags override", 4, ng(big, &[2], Some(4), false)),
        ("flags of 0 do not", 4, ng(little, &[4], Some(0), false)),
        ("Packet Block, if_fcslen", 4, ng(big, &[4], None, true)),
        ("Packet Block, flags override", 4, ng(little, &[2], Some(4), true)),
    ]
}

#[test]
fn each_command_is_without_it() {
    let directory = scratch("fcs_files");
    let output = directory.join("out.pcap");
    let plain = write(&directory, "plain.pcap", &pcap(u32::to_le_bytes, false, 1, &capture()));
    let expected = show(&plain).stdout;
    for (name, fcs, bytes) in files() {
        let file = write(&directory, "in.pcap", &bytes);
        let said = if fcs == 0 { String::new() } else { format!(",\"fcs\":{fcs}") };
        assert_eq!(show(&file).stdout.replace(&said, ""), expected, "{name}");
        assert_eq!(show(&file).stdout.matches("\"fcs\"").count(), if fcs == 0 { 0 } else { 35 });
        let answer = ask("roundtrip", &file, &[]);
        assert_eq!(answer.stdout, "35 packets, 35 identical, 0 refused\n", "{name}");
        let answer = vxcap(&[Path::new("decap"), &file, &output]);
        assert_eq!(answer.stdout, "35 packets, 35 written, 0 refused\n", "{name}");
        assert_eq!(encap(&file, &output, &OVER_IPV4).status, 0, "{name}");
        for (ours, sent) in records(&output).iter().zip(capture()) {
            assert_eq!(ours.packet[50..], sent.packet, "{name}");
        }
    }
}

#[test]
fn a_length_that_is_not_said_to_be_there_is_not_used() {
    let directory = scratch("fcs_absent");
    let file = pcap(u32::to_le_bytes, false, 2 << 28 | 1, &capture());
    let answer = show(&write(&directory, "in.pcap", &file));
    assert_eq!((answer.status, answer.stdout.contains("fcs")), (0, false));
    assert_eq!(answer.stdout.matches("\"ok\"").count(), 35);
}

/// One packet, captured to `captured` of its `len` bytes.
fn cut(order: Order, record: &Record, captured: usize, link: u32) -> Vec<u8> {
    let words = [0, 0, captured as u32, record.packet.len() as u32].map(order);
    [&pcap(order, false, link, &[])[..], words.as_flattened(), &record.packet[..captured]].concat()
}

#[test]
fn a_snaplen_that_cut_the_fcs_leaves_the_frame() {
    let directory = scratch("fcs_cut");
    let output = directory.join("out.pcap");
    let record = with_fcs(4).remove(0);
    let frame = record.packet[..record.packet.len() - 4].to_vec();
    for missing in 0..8 {
        let captured = record.packet.len() - missing;
        let bytes = cut(u32::to_be_bytes, &record, captured, words(2) | 1);
        let file = write(&directory, "in.pcap", &bytes);
        let there = 4_usize.saturating_sub(missing);
        let said = format!("\"fcs\":{there}");
        assert_eq!(show(&file).stdout.contains(&said), there != 0, "{missing}");
        let done = encap(&file, &output, &OVER_IPV4);
        if missing > 4 {
            assert_eq!(done.stdout, "1 packets, 0 written, 1 refused (cut-short 1)\n", "{missing}");
            continue;
        }
        assert_eq!(done.stdout, "1 packets, 1 written, 0 refused\n", "{missing}");
        assert_eq!(records(&output)[0].packet[50..], frame, "{missing}");
        assert_eq!(ask("roundtrip", &file, &[]).stdout, "1 packets, 1 identical, 0 refused\n");
    }
}
