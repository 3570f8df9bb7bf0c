//! BSD loopback link types: four bytes of address family, then IP.

use crate::build::{Ng, Order, Record, pcap, records};
use crate::encap::{OVER_IPV4, encap};
use crate::files::{capture, relinked, show, write};
use crate::{ask, case, common, scratch};

const NULL: u32 = 0;
const LOOP: u32 = 108;

#[test]
fn the_case_of_an_ethernet_and_a_loopback_interface() {
    let answer = show(&case("ng_mixed_null.pcapng"));
    assert_eq!((answer.status, answer.stderr.as_str()), (0, ""));
    let lines: Vec<&str> = answer.stdout.lines().collect();
    let [first, second, third] = lines[..] else { panic!("three packets") };
    assert_eq!(first.replace("\"n\":1", "\"n\":2"), second);
    assert_eq!(first.replace("\"n\":1", "\"n\":3"), third);
    assert!(first.contains(r#""verdict":"ok""#) && first.contains(r#""vni":7"#));
}

#[test]
fn loopback_is_read_in_either_byte_order() {
    let directory = scratch("loopback");
    let expected = show(&common::capture_path("real_flanneld_vxlan.pcap")).stdout;
    for (link, family) in [(NULL, [2, 0, 0, 0]), (NULL, [0, 0, 0, 2]), (LOOP, [0, 0, 0, 2])] {
        let file = write(&directory, "in.pcap", &relinked(link, &family));
        assert_eq!(show(&file).stdout, expected, "{link} {family:?}");
        let answer = ask("roundtrip", &file, &[]);
        assert_eq!(answer.stdout, "35 packets, 35 identical, 0 refused\n", "{link} {family:?}");
        let orders: [Order; 2] = [u32::to_le_bytes, u32::to_be_bytes];
        for order in orders {
            let mut file = Ng::new(order);
            file.interface(link as u16, 0, &[]);
            for record in capture() {
                let packet = [&family[..], &record.packet[14..]].concat();
                file.enhanced(0, &packet, packet.len(), &[]);
            }
            let file = write(&directory, "in.pcapng", &file.bytes);
            assert_eq!(show(&file).stdout, expected, "{link} {family:?}");
        }
    }
}

#[test]
fn each_systems_number_of_ipv6_is_known() {
    let directory = scratch("families");
    let whole = records(&common::capture_path("flannel_outer_ipv6_default.pcap")).remove(0);
    for family in [10, 24, 28, 30] {
        for (link, header) in [(NULL, [family, 0, 0, 0]), (LOOP, [0, 0, 0, family])] {
            let packet = [&header[..], &whole.packet[14..]].concat();
            let bytes = pcap(u32::to_le_bytes, false, link, &[Record { packet, ..whole }]);
            let answer = show(&write(&directory, "in.pcap", &bytes));
            assert!(answer.stdout.contains(r#""verdict":"ok""#), "{family}: {}", answer.stdout);
        }
    }
}

#[test]
fn what_is_not_ip_is_not_vxlan_and_not_ethernet() {
    let directory = scratch("no_family");
    let output = directory.join("out.pcap");
    let packet = capture().remove(0);
    let ip = &packet.packet[14..];
    // Another family, one of no byte order, and for OpenBSD's type the wrong byte order.
    for (link, header) in [(NULL, [7, 0, 0, 0]), (NULL, [0, 2, 0, 0]), (LOOP, [2, 0, 0, 0])] {
        let record = Record { packet: [&header[..], ip].concat(), ..packet };
        let bytes = pcap(u32::to_le_bytes, false, link, &[record]);
        let file = write(&directory, "in.pcap", &bytes);
        assert_eq!(show(&file).stdout, "{\"n\":1,\"verdict\":\"not-vxlan\"}\n", "{header:?}");
        let answer = encap(&file, &output, &OVER_IPV4);
        assert_eq!(answer.stdout, "1 packets, 0 written, 1 refused (not-ethernet 1)\n");
    }
    for len in 0..4 {
        let record = Record { packet: vec![0; len], ..packet };
        let bytes = pcap(u32::to_le_bytes, false, NULL, &[record]);
        let answer = show(&write(&directory, "in.pcap", &bytes));
        assert_eq!((answer.status, answer.stdout.lines().count()), (0, 1), "{len}");
    }
}
