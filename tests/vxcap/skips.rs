//! One packet or block that cannot be read does not end the file.

use std::path::Path;

use crate::build::{Ng, Order, pcap};
use crate::files::{assert_fault, capture, relinked, show, write};
use crate::{Answer, ask, case, scratch, vxcap};

const ORDERS: [Order; 2] = [u32::to_le_bytes, u32::to_be_bytes];

fn packet() -> Vec<u8> {
    capture().remove(0).packet
}

/// The numbers of the packets that `show` printed, all of which are ok.
fn shown(answer: &Answer) -> Vec<u64> {
    let line = |line: &str| -> serde_json::Value { serde_json::from_str(line).expect("a line") };
    let lines = answer.stdout.lines().map(line);
    lines
        .map(|line| {
            assert_eq!(line["verdict"], "ok");
            line["n"].as_u64().expect("n")
        })
        .collect()
}

/// Checks that `file` has `numbers` packets that can be read, and the rest is skipped for
/// `reasons`.
fn assert_skips(file: &Path, numbers: &[u64], reasons: &str) {
    let answer = show(file);
    assert_eq!(shown(&answer), numbers, "{reasons}");
    let line = format!("vxcap: {}: {reasons}\n", file.display());
    assert_eq!((answer.status, answer.stderr.as_str()), (1, line.as_str()));
    let answer = ask("roundtrip", file, &[]);
    let count = numbers.len();
    assert_eq!(answer.stdout, format!("{count} packets, {count} identical, 0 refused\n"));
    assert_eq!((answer.status, answer.stderr.as_str()), (1, line.as_str()));
    let answer = vxcap(&[Path::new("decap"), file, &file.with_extension("out")]);
    assert_eq!(answer.stdout, format!("{count} packets, {count} written, 0 refused\n"));
    assert_eq!((answer.status, answer.stderr.as_str()), (1, line.as_str()));
}

#[test]
fn an_obsolete_packet_block_is_read() {
    let answer = show(&case("ng_packet_block.pcapng"));
    assert_eq!((answer.status, shown(&answer)), (0, vec![1, 2, 3]));
    let directory = scratch("obsolete");
    for order in ORDERS {
        let mut file = Ng::new(order);
        file.interface(147, 0, &[]);
        file.interface(1, 0, &[]);
        // The drops are no part of the interface's number.
        file.obsolete(1, 0xFFFF, &packet(), &[]);
        let answer = show(&write(&directory, "in.pcapng", &file.bytes));
        assert_eq!((answer.status, shown(&answer)), (0, vec![1]));
    }
}

#[test]
fn a_packet_of_another_link_type_is_skipped() {
    let directory = scratch("other_link");
    for order in ORDERS {
        let mut file = Ng::new(order);
        file.interface(1, 0, &[]);
        file.interface(147, 0, &[]);
        file.interface(239, 0, &[]);
        for interface in [0, 1, 2, 1, 0] {
            file.enhanced(interface, &packet(), packet().len(), &[]);
        }
        let file = write(&directory, "in.pcapng", &file.bytes);
        let reasons = "3 skipped (unsupported link type 147: 2; unsupported link type 239: 1)";
        assert_skips(&file, &[1, 5], reasons);
    }
    let file = write(&directory, "in.pcap", &relinked(127, &[]));
    assert_skips(&file, &[], "35 skipped (unsupported link type 127: 35)");
    // Reserved bits beside the link type: its meaning is not known.
    let bytes = pcap(u32::to_le_bytes, false, 0x0001_0001, &capture());
    let file = write(&directory, "in.pcap", &bytes);
    assert_skips(&file, &[], "35 skipped (unsupported link type 0x00010001: 35)");
}

/// Adds a block that cannot be read.
type Fault = fn(&mut Ng);

#[test]
fn a_block_that_cannot_be_read_is_skipped() {
    let directory = scratch("blocks");
    // Each fault, whether it takes a packet's number, and the reason.
    let faults: [(Fault, u64, &str); 9] = [
        (|file| file.enhanced(9, &[], 0, &[]), 1, "interface not described"),
        (|file| file.obsolete(9, 0, &[], &[]), 1, "interface not described"),
        (|file| file.block(6, &[0; 16]), 1, "malformed Enhanced Packet Block"),
        (|file| file.block(6, &longer(file.order)), 1, "malformed Enhanced Packet Block"),
        (|file| file.block(2, &longer(file.order)), 1, "malformed Packet Block"),
        (|file| file.simple(&[0; 8], 9), 1, "malformed Simple Packet Block"),
        (
            |file| file.unpadded(6, &[&[0; 11][..], &(file.order)(1), &[0; 6]].concat()),
            1,
            "malformed Enhanced Packet Block, not padded to 4 bytes",
        ),
        (|file| file.block(0x0bad_cafe, &[1, 2, 3]), 0, "unknown block type 0xbadcafe"),
        (|file| file.block(1, &[0; 4]), 0, "malformed Interface Description Block"),
    ];
    for order in ORDERS {
        for (fault, number, reason) in faults {
            let mut file = Ng::new(order);
            file.interface(1, 0, &[]);
            file.enhanced(0, &packet(), packet().len(), &[]);
            fault(&mut file);
            file.enhanced(0, &packet(), packet().len(), &[]);
            let file = write(&directory, "in.pcapng", &file.bytes);
            assert_skips(&file, &[1, 2 + number], &format!("1 skipped ({reason}: 1)"));
        }
    }
}

/// The body of a packet block that says it holds more than it does.
fn longer(order: Order) -> Vec<u8> {
    let words = [0, 0, 0, 9, 9, 0, 0].map(order);
    words.as_flattened().to_vec()
}

#[test]
fn an_interface_that_cannot_be_read_keeps_its_number() {
    let mut file = Ng::new(u32::to_be_bytes);
    file.block(1, &[0; 4]);
    file.interface(1, 0, &[]);
    file.enhanced(0, &packet(), packet().len(), &[]);
    file.enhanced(1, &packet(), packet().len(), &[]);
    let file = write(&scratch("interfaces"), "in.pcapng", &file.bytes);
    assert_skips(&file, &[2], "2 skipped (malformed Interface Description Block: 2)");
}

#[test]
fn blocks_without_packets_are_no_loss() {
    let mut file = Ng::new(u32::to_le_bytes);
    file.interface(1, 0, &[]);
    for kind in [4, 5, 9, 10, 0x0bad, 0x4000_0bad, 0x8000_0001] {
        file.block(kind, &[0; 12]);
    }
    file.simple(
        &[packet(), vec![0; packet().len().next_multiple_of(4) - packet().len()]].concat(),
        packet().len(),
    );
    let answer = show(&write(&scratch("no_loss"), "in.pcapng", &file.bytes));
    assert_eq!((answer.status, shown(&answer), answer.stderr.as_str()), (0, vec![1], ""));
}

#[test]
fn sections_have_their_own_byte_order_and_interfaces() {
    let mut file = Ng::new(u32::to_le_bytes);
    file.interface(147, 0, &[]);
    file.enhanced(0, &packet(), packet().len(), &[]);
    file.order = u32::to_be_bytes;
    file.section();
    file.enhanced(0, &packet(), packet().len(), &[]);
    file.interface(1, 0, &[]);
    file.enhanced(0, &packet(), packet().len(), &[]);
    file.order = u32::to_le_bytes;
    file.section();
    file.interface(0, 0, &[]);
    let null = [&[2, 0, 0, 0], &packet()[14..]].concat();
    file.enhanced(0, &null, null.len(), &[]);
    let file = write(&scratch("sections"), "in.pcapng", &file.bytes);
    let reasons = "2 skipped (unsupported link type 147: 1; interface not described: 1)";
    assert_skips(&file, &[3, 4], reasons);
}

#[test]
fn a_block_whose_end_is_not_found_ends_the_file() {
    let directory = scratch("framing");
    let mut file = Ng::new(u32::to_le_bytes);
    file.interface(1, 0, &[]);
    file.enhanced(0, &packet(), packet().len(), &[]);
    let good = file.bytes.len();
    let odd = [packet(), vec![0; 5 - packet().len() % 4]].concat();
    file.enhanced(0, &odd, odd.len(), &[]);
    let fault = |bytes: &[u8], what: &str| {
        let answer = show(&write(&directory, "in.pcapng", bytes));
        assert_eq!(shown(&answer), [1], "{what}");
        assert_fault(&answer, what);
    };
    // Three bytes of padding are missing before the last word, which is there.
    let end = file.bytes.len() - 4;
    let unpadded = [&file.bytes[..end - 3], &file.bytes[end..]].concat();
    fault(&unpadded, "malformed, without padding, at packet 2");
    fault(&file.bytes[..end], "truncated within packet 2");
    let mut differs = file.bytes.clone();
    differs[end] += 4;
    fault(&differs, "corrupt at packet 2");
    for len in [0_u32, 11, 1 << 25] {
        let mut length = file.bytes.clone();
        length[good + 4..good + 8].copy_from_slice(&len.to_le_bytes());
        fault(&length, "corrupt at packet 2");
    }
}
