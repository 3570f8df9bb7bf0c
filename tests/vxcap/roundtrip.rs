//! `roundtrip`: what a kernel sent, taken apart and made again, is what the kernel sent.

use std::fs;
use std::path::Path;

use vtep::wire::{Ecn, Ipv4Header, TrafficClass};

use crate::build::{Record, pcap};
use crate::{ask, common, public_captures, scratch};

/// The captures of which some packets are refused for what they are, each with its answer.
const REFUSED: [(&str, &str); 9] = [
    ("gpe_ipv4_ipv6", "26 packets, 0 identical, 26 refused (unsupported-gpe 26)"),
    ("gso_enabled_capture", "20 packets, 0 identical, 20 refused (udp-checksum 20)"),
    ("l2_vlan_tagged_inner", "11 packets, 3 identical, 8 refused (inner-vlan 8)"),
    ("outer_fragments_df_unset", "18 packets, 6 identical, 12 refused (fragment 12)"),
    (
        "rxprobe_default",
        "85 packets, 45 identical, 40 refused (ecn 7, ecn-unmarkable 1, fragment 5, \
         inner-truncated 5, inner-vlan 1, ip-checksum 1, ip-options 1, no-vni 1, udp-checksum 2, \
         udp-length 1, vxlan-reserved 13, vxlan-truncated 2)",
    ),
    (
        "rxprobe_gbp",
        "88 packets, 48 identical, 40 refused (ecn 7, ecn-unmarkable 1, fragment 5, \
         inner-truncated 5, inner-vlan 1, ip-checksum 1, ip-options 1, no-vni 1, udp-checksum 2, \
         udp-length 1, vxlan-reserved 13, vxlan-truncated 2)",
    ),
    ("rxprobe_ipv6_default", "4 packets, 3 identical, 1 refused (udp-checksum 1)"),
    ("rxprobe_ipv6_udp6zerocsumrx", "5 packets, 4 identical, 1 refused (udp-checksum 1)"),
    ("vxlan_remcsum", "16 packets, 2 identical, 14 refused (vxlan-reserved 14)"),
];

fn roundtrip(file: &Path, policy: &str) -> String {
    let options = ["--policy", policy, "--port", "4789", "--port", "8472", "--port", "4790"];
    let answer = ask("roundtrip", file, &options);
    assert_eq!((answer.status, answer.stderr.as_str()), (0, ""), "{}", file.display());
    assert!(!answer.stdout.contains("different"), "{}", file.display());
    answer.stdout
}

#[test]
fn every_captured_packet_comes_out_identical_or_is_refused_for_a_reason() {
    for name in common::captures() {
        let table = common::tshark(&name);
        let vni = table[0].iter().position(|column| column == "vxlan.vni").expect("a column");
        let packets = table[1..].iter().filter(|row| !row[vni].is_empty()).count();
        let expected = match REFUSED.iter().find(|(refused, _)| *refused == name) {
            Some((_, answer)) => format!("{answer}\n"),
            None => format!("{packets} packets, {packets} identical, 0 refused\n"),
        };
        let file = common::capture_path(&format!("{name}.pcap"));
        assert_eq!(roundtrip(&file, "rfc"), expected, "{name}");
        roundtrip(&file, "linux");
    }
}

#[test]
fn inner_tags_pass_under_the_policy_of_linux() {
    let file = common::capture_path("l2_vlan_tagged_inner.pcap");
    assert_eq!(roundtrip(&file, "linux"), "11 packets, 11 identical, 0 refused\n");
}

#[test]
fn public_captures_show_no_difference() {
    for file in public_captures() {
        roundtrip(&file, "rfc");
        roundtrip(&file, "linux");
    }
}

/// A packet of `flannel_default_ecn` with ECN fields `inner` and `outer`, the latter written here.
fn marked(inner: Ecn, outer: Ecn) -> Vec<u8> {
    let packets = common::packets("flannel_default_ecn");
    let is_inner = |packet: &&Vec<u8>| Ecn::from_bits(packet[65]) == inner;
    let mut packet = packets.iter().find(is_inner).expect("such a packet").clone();
    let (header, _) = Ipv4Header::mut_from_prefix(&mut packet[14..]).expect("IPv4");
    header.set_traffic_class(TrafficClass(outer.bits()));
    packet
}

fn tagged(packet: &[u8], tags: &[u8]) -> Vec<u8> {
    [&packet[..12], tags, &packet[12..]].concat()
}

#[test]
fn says_what_a_tunnel_can_say_and_why_not_the_rest() {
    use Ecn::{Ce, Ect0, Ect1, NotEct};
    const TAG: [u8; 4] = [0x81, 0, 0xa0, 5];
    let plain = marked(NotEct, NotEct);
    let with = |at: usize, bits: u8| {
        let mut packet = plain.clone();
        packet[at] |= bits;
        packet
    };
    let cases: [(&str, Vec<u8>, &str); 13] = [
        ("an outer tag", tagged(&plain, &TAG), ""),
        ("an outer service tag", tagged(&plain, &[0x88, 0xa8, 0, 9]), ""),
        ("two outer tags", tagged(&plain, &[TAG, TAG].concat()), "outer-tags"),
        ("a trailer", [&plain[..], &[0; 2]].concat(), "ethernet-trailer"),
        ("a reserved bit of VXLAN", with(43, 1), "vxlan-reserved"),
        ("a reserved byte of VXLAN", with(49, 1), "vxlan-reserved"),
        ("RFC 6040 normal mode", marked(Ce, Ce), ""),
        ("RFC 6040 compatibility mode", marked(Ect0, NotEct), ""),
        ("Linux", marked(Ce, Ect0), ""),
        ("a congestion mark of the path", marked(Ect0, Ce), "ecn"),
        ("a mark that decap passes on", marked(Ect0, Ect1), "ecn"),
        ("a mark that no encap makes", marked(Ect1, Ect0), "ecn"),
        ("a mark on what knows no marks", marked(NotEct, Ect1), "ecn"),
    ];
    let file = scratch("expressible").join("in.pcap");
    for (name, mut packet, reason) in cases {
        if reason == "vxlan-reserved" {
            packet[40..42].fill(0); // The UDP checksum would be wrong: none.
        }
        let record = Record { seconds: 0, microseconds: 0, packet };
        fs::write(&file, pcap(u32::to_le_bytes, false, 1, &[record])).expect("a scratch file");
        let expected = match reason {
            "" => "1 packets, 1 identical, 0 refused\n".to_owned(),
            _ => format!("1 packets, 0 identical, 1 refused ({reason} 1)\n"),
        };
        assert_eq!(roundtrip(&file, "rfc"), expected, "{name}");
    }
}
