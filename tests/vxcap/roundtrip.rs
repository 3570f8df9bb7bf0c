//! `roundtrip`: what a kernel sent, taken apart and made again, is what the kernel sent.

use std::path::Path;

use crate::{ask, common, public_captures};

/// The captures of which some packets are refused for what they are, each with its answer.
const REFUSED: [(&str, &str); 9] = [
    ("gpe_ipv4_ipv6", "26 packets, 0 identical, 26 refused (unsupported-gpe 26)"),
    ("gso_enabled_capture", "20 packets, 0 identical, 20 refused (udp-checksum 20)"),
    ("l2_vlan_tagged_inner", "11 packets, 3 identical, 8 refused (inner-vlan 8)"),
    ("outer_fragments_df_unset", "18 packets, 6 identical, 12 refused (fragment 12)"),
    (
        "rxprobe_default",
        "85 packets, 45 identical, 40 refused (ecn-unmarkable 1, fragment 5, inexpressible 21, \
         inner-truncated 5, inner-vlan 1, ip-checksum 1, no-vni 1, udp-checksum 2, udp-length 1, \
         vxlan-truncated 2)",
    ),
    (
        "rxprobe_gbp",
        "88 packets, 48 identical, 40 refused (ecn-unmarkable 1, fragment 5, inexpressible 21, \
         inner-truncated 5, inner-vlan 1, ip-checksum 1, no-vni 1, udp-checksum 2, udp-length 1, \
         vxlan-truncated 2)",
    ),
    ("rxprobe_ipv6_default", "4 packets, 3 identical, 1 refused (udp-checksum 1)"),
    ("rxprobe_ipv6_udp6zerocsumrx", "5 packets, 4 identical, 1 refused (udp-checksum 1)"),
    ("vxlan_remcsum", "16 packets, 2 identical, 14 refused (inexpressible 14)"),
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
