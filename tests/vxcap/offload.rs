//! Packets that were captured before a NIC filled in their length: it is 0.

use serde_json::Value;

use crate::build::{Record, pcap, records};
use crate::encap::{OVER_IPV4, encap};
use crate::files::write;
use crate::{ask, case, common, scratch, vxcap};

#[test]
fn the_case_of_tso_is_shown_with_what_follows() {
    let text = ask("show", &case("tso_len0.pcap"), &[]).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "1 not-vxlan | 10.5.2.7 to 10.5.3.9, ttl 64, tos 0x00, id 0, df, length 0: offload?",
            "2 ip-header | 192.0.2.1 port 50000 to 192.0.2.2 port 8472, ttl 64, tos 0x00, id 0, df, \
             checksum zero, length 0: offload? | vni 7, flags 0x08 | 02:00:00:00:00:0b to \
             02:00:00:00:00:0a, ethertype 0x0800, 62 bytes",
        ]
    );
    let output = scratch("tso").join("out.pcap");
    let input = case("tso_len0.pcap");
    let answer = vxcap(&["decap".as_ref(), input.as_path(), &output]);
    assert_eq!(answer.stdout, "2 packets, 0 written, 2 refused (ip-header 1, not-vxlan 1)\n");
}

/// The line that `show` prints for a packet.
fn line(packet: &[u8]) -> Value {
    let record = Record { seconds: 0, microseconds: 0, packet: packet.to_vec() };
    let bytes = pcap(u32::to_le_bytes, false, 1, &[record]);
    // A name of its own: tests run side by side.
    let name = format!("{:?}.pcap", std::thread::current().id());
    let file = write(&scratch("offload"), &name, &bytes);
    serde_json::from_str(&ask("show", &file, &["--json"]).stdout).expect("a line")
}

/// The first packet of a capture, with the two bytes at each of `zeroed` 0.
fn zeroed(capture: &str, zeroed: &[usize]) -> Vec<u8> {
    let file = common::capture_path(&format!("{capture}.pcap"));
    let mut packet = records(&file).remove(0).packet;
    for at in zeroed {
        packet[*at..at + 2].fill(0);
    }
    packet
}

/// Checks that `show` reads the same layers of `packet` as of `whole`, and which lengths it says
/// are 0.
fn assert_same_layers(packet: &[u8], whole: &[u8], zero: [bool; 2]) {
    let (mut ours, mut theirs) = (line(packet), line(whole));
    for (layer, is_zero) in ["outer", "inner"].into_iter().zip(zero) {
        assert_eq!(ours[layer]["length_zero"].as_bool().unwrap_or(false), is_zero, "{layer}");
        ours[layer].as_object_mut().expect("a layer").shift_remove("length_zero");
    }
    // The end of the datagram is not known, so it is not summed.
    if zero[0] {
        theirs["outer"]["udp_checksum"].take();
    }
    for layer in ["outer", "vxlan", "inner"] {
        assert_eq!(ours[layer], theirs[layer], "{layer}");
        assert!(ours[layer].is_object(), "{layer}");
    }
    assert_ne!(line(packet)["verdict"], "ok");
}

const V4: &str = "real_flanneld_vxlan";
const V6: &str = "flannel_outer_ipv6_default";

#[test]
fn an_outer_length_of_0_hides_no_layer() {
    let v4 = zeroed(V4, &[]);
    assert_same_layers(&zeroed(V4, &[16]), &v4, [true, false]);
    // BIG TCP: the UDP length does not fit 16 bits either.
    assert_same_layers(&zeroed(V4, &[16, 38]), &v4, [true, false]);
    let v6 = zeroed(V6, &[]);
    assert_same_layers(&zeroed(V6, &[18]), &v6, [true, false]);
    assert_same_layers(&zeroed(V6, &[18, 58]), &v6, [true, false]);
    // BIG TCP over IPv6 with the jumbo payload option of RFC 2675.
    let mut jumbo = zeroed(V6, &[18]);
    let len = (jumbo.len() - 54 + 8) as u32;
    jumbo[20] = 0;
    jumbo.splice(54..54, [&[17, 0, 0xC2, 4][..], &len.to_be_bytes()].concat());
    assert_same_layers(&jumbo, &v6, [true, false]);
}

#[test]
fn an_inner_length_of_0_is_said() {
    for capture in [V4, V6] {
        let inner = if capture == V4 { 50 } else { 70 };
        let whole = zeroed(capture, &[]);
        let at = if whole[inner + 12] == 8 { inner + 16 } else { inner + 18 };
        let packet = zeroed(capture, &[at]);
        assert_eq!(line(&packet)["inner"]["length_zero"], true, "{capture}");
        assert!(line(&whole)["inner"].get("length_zero").is_none(), "{capture}");
        assert_eq!(line(&packet)["inner"]["len"], line(&whole)["inner"]["len"], "{capture}");
    }
}

#[test]
fn a_udp_length_of_0_alone_is_not_offload() {
    let line = line(&zeroed(V4, &[38]));
    assert!(line["vxlan"].is_null() && line["outer"].get("length_zero").is_none(), "{line}");
}

#[test]
fn an_ipv6_packet_without_payload_is_not_offload() {
    let mut packet = zeroed(V6, &[18]);
    packet[20] = 59;
    assert!(line(&packet)["outer"].get("length_zero").is_none());
    packet[20] = 17;
    assert!(line(&packet[..54])["outer"].get("length_zero").is_none());
    assert_eq!(line(&packet)["outer"]["length_zero"], true);
}

#[test]
fn encap_of_ip_refuses_a_packet_whose_end_is_not_known() {
    let directory = scratch("length_zero");
    let output = directory.join("out.pcap");
    let flannel =
        ["--l3", "--vtep-mac", "02:00:00:00:00:0a", "--remote-vtep-mac", "02:00:00:00:00:0b"];
    for packet in [zeroed(V4, &[16]), zeroed(V6, &[18])] {
        let record = Record { seconds: 0, microseconds: 0, packet };
        let file = write(&directory, "in.pcap", &pcap(u32::to_le_bytes, false, 1, &[record]));
        let done = encap(&file, &output, &[&OVER_IPV4[..], &flannel].concat());
        assert_eq!(done.stdout, "1 packets, 0 written, 1 refused (length-zero 1)\n");
    }
}
