//! Every capture is read whole: as many packets, and as long, as tshark found.

mod common;

#[test]
fn as_many_packets_and_as_long_as_tshark_says() {
    let names = common::captures();
    assert_eq!(names.len(), 55);
    for name in names {
        let table = common::tshark(&name);
        assert_eq!(table[0][..2], ["frame.number", "frame.len"], "{name}");
        let expected: Vec<String> = table[1..].iter().map(|row| row[1].clone()).collect();
        let packets = common::packets(&name);
        let lengths: Vec<String> = packets.iter().map(|packet| packet.len().to_string()).collect();
        assert_eq!(lengths, expected, "{name}");
    }
}
