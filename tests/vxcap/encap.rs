//! `encap`: the inner frames of captures become the packets that the kernel sent.

use std::fs;
use std::path::Path;

use crate::build::{Record, pcap, records};
use crate::files::assert_fault;
use crate::{Answer, common, scratch, vxcap};

/// Node A of the captures: its address, and its MAC addresses outside and inside.
const NODES: [(&str, &str, &str, &str); 2] = [
    ("192.168.50.2", "fd00:50::2", "52:54:00:00:50:02", "02:42:0a:01:11:00"),
    ("192.168.50.3", "fd00:50::3", "52:54:00:00:50:03", "02:42:0a:01:12:00"),
];

/// Captures, and the options that their device had.
const DEVICES: [(&str, &str); 11] = [
    ("flannel_tcp_short", "--vni 1"),
    ("flannel_tcp_short", "--vni 1 --udp-checksum lco"),
    ("flannel_default_ecn", "--vni 1"),
    ("flannel_df_set", "--vni 1 --df set"),
    ("flannel_ttl_17", "--vni 1 --ttl 17"),
    ("flannel_tos_0x28", "--vni 1 --tos 0x28"),
    ("flannel_noudpcsum", "--vni 1 --udp-checksum none"),
    ("srcport_range_50000_50015", "--vni 1 --srcport 50000-50015"),
    ("flannel_ttl_inherit_df_inherit_v6inner", "--vni 1 --ttl inherit --tos inherit --df inherit"),
    ("flannel_outer_ipv6_zerocsum", "--vni 1 --udp-checksum none"),
    (
        "flannel_outer_ipv6_tos_ttl_flowlabel",
        "--vni 1 --ttl inherit --tos inherit --flow-label 0xabcde",
    ),
];

pub fn encap(input: &Path, output: &Path, options: &[&str]) -> Answer {
    let mut args = vec!["encap", input.to_str().expect("text"), output.to_str().expect("text")];
    args.extend(options);
    vxcap(&args)
}

#[test]
fn gives_the_kernels_packets_from_frames_and_from_ip_packets() {
    let directory = scratch("encap");
    let (input, output) = (directory.join("in.pcap"), directory.join("out.pcap"));
    let [node_a, node_b] = NODES;
    for (name, options) in DEVICES {
        let is_v6 = name.contains("outer_ipv6");
        let (local, remote) = if is_v6 { (node_a.1, node_b.1) } else { (node_a.0, node_b.0) };
        let mut options: Vec<&str> = options.split(' ').collect();
        options.extend(["--profile", "linux", "--local", local, "--remote", remote]);
        options.extend(["--src-mac", node_a.2, "--dst-mac", node_b.2]);
        let mut sent = records(&common::capture_path(&format!("{name}.pcap")));
        sent.retain(|record| record.packet[5] == 3); // the last byte of node B's MAC
        let inner = |record: &Record| Record {
            packet: record.packet[if is_v6 { 70 } else { 50 }..].to_vec(),
            ..*record
        };
        let inner: Vec<Record> = sent.iter().map(inner).collect();
        fs::write(&input, pcap(u32::to_le_bytes, false, 1, &inner)).expect("a scratch file");
        for l3 in [&[][..], &["--l3", "--vtep-mac", node_a.3, "--remote-vtep-mac", node_b.3]] {
            let answer = encap(&input, &output, &[&options, l3].concat());
            assert_eq!((answer.status, answer.stderr.as_str()), (0, ""), "{name}");
            let all = sent.len();
            assert_eq!(answer.stdout, format!("{all} packets, {all} written, 0 refused\n"));
            for (ours, theirs) in records(&output).into_iter().zip(&sent) {
                let [ours, theirs] =
                    [ours.packet, theirs.packet.clone()].map(common::without_choices);
                assert_eq!(ours, theirs, "{name} {l3:?}");
            }
        }
    }
}

pub const OVER_IPV4: [&str; 6] = ["--local", "192.0.2.1", "--remote", "192.0.2.2", "--vni", "7"];

#[test]
fn what_cannot_be_carried_is_counted() {
    let directory = scratch("uncarried");
    let (input, output) = (directory.join("in.pcap"), directory.join("out.pcap"));
    let ping = records(&common::capture_path("flannel_icmp_sizes.pcap")).remove(0);
    let inner = Record { packet: ping.packet[50..].to_vec(), ..ping };
    let padded = Record { packet: [&inner.packet[..], &[0; 18]].concat(), ..inner };
    let arp = Record { packet: [&[0xff; 12][..], &[8, 6], &[0; 28]].concat(), ..inner };
    let ip = Record { packet: inner.packet[14..].to_vec(), ..inner };
    let giant = Record { packet: vec![0; 65_500], ..inner };
    let flannel =
        ["--l3", "--vtep-mac", "02:00:00:00:00:0a", "--remote-vtep-mac", "02:00:00:00:00:0b"];
    let cases: [(u32, &Record, &[&str], &str); 6] = [
        (1, &arp, &[], "1 packets, 1 written, 0 refused\n"),
        (1, &arp, &flannel, "1 packets, 0 written, 1 refused (not-ip 1)\n"),
        (1, &padded, &flannel, "1 packets, 1 written, 0 refused\n"),
        (101, &ip, &flannel, "1 packets, 1 written, 0 refused\n"),
        (101, &ip, &[], "1 packets, 0 written, 1 refused (not-ethernet 1)\n"),
        (1, &giant, &[], "1 packets, 0 written, 1 refused (too-long 1)\n"),
    ];
    for (link, record, options, answer) in cases {
        write_one(&input, link, record);
        let done = encap(&input, &output, &[&OVER_IPV4[..], options].concat());
        assert_eq!((done.status, done.stdout.as_str(), done.stderr.as_str()), (0, answer, ""));
        if record.packet != arp.packet && options == flannel {
            // The padding of an Ethernet frame is no part of the IP packet.
            let len = records(&output)[0].packet.len();
            assert_eq!(len, 64 + ip.packet.len(), "link type {link}");
        }
    }
    let cut = [&pcap(u32::to_le_bytes, false, 1, &[])[..], &cut_record(&arp.packet)].concat();
    fs::write(&input, cut).expect("a scratch file");
    let done = encap(&input, &output, &OVER_IPV4);
    assert_eq!(done.stdout, "1 packets, 0 written, 1 refused (cut-short 1)\n");
}

fn write_one(file: &Path, link: u32, record: &Record) {
    let packet = record.packet.clone();
    let bytes = pcap(u32::to_le_bytes, false, link, &[Record { packet, ..*record }]);
    fs::write(file, bytes).expect("a scratch file");
}

/// A record whose packet was a byte longer than what was captured.
fn cut_record(packet: &[u8]) -> Vec<u8> {
    let len = packet.len() as u32;
    let words = [0, 0, len, len + 1].map(u32::to_le_bytes);
    [words.as_flattened(), packet].concat()
}

#[test]
fn options_that_make_no_sense_are_refused_in_one_line() {
    let input = common::capture_path("flannel_icmp_sizes.pcap");
    let output = scratch("options").join("out.pcap");
    for (options, what) in [
        ("--remote 2001:db8::2", "address families"),
        ("--remote 0.0.0.0", "unspecified"),
        ("--vni 0x1000000", "VNI 16777216"),
        ("--srcport 5-4", "5"),
        ("--srcport 5", "A-B"),
        ("--profile linux --srcport 5-5", "5"),
        ("--ttl 0", "no hops left"),
        ("--ttl 256", "256 is too large"),
        ("--tos none", "invalid digit"),
        ("--gbp 1000000", "1000000"),
        ("--df maybe", "[possible values: unset, set, inherit]"),
        ("--l3", "--vtep-mac"),
        ("--vtep-mac 02:00:00:00:00:01", "--l3"),
        ("--src-mac 02:00", "02:00"),
        ("--bogus", "--bogus"),
    ] {
        let own: Vec<&str> = options.split(' ').collect();
        let given = |option: &&[&str]| !own.contains(&option[0]);
        let rest: Vec<&str> = OVER_IPV4.chunks(2).filter(given).flatten().copied().collect();
        assert_fault(&encap(&input, &output, &[own, rest].concat()), what);
    }
    assert!(!output.exists());
    assert_fault(&vxcap(&[] as &[&str]), "show, decap, encap, roundtrip");
}
