//! Requests that iproute2 does not send, and what Linux made of them
//! (`tests/data/netlink/kernel.tsv`): the library reads each as the kernel read it, and rebuilds it
//! to the byte.
// they were recorded on a little-endian machine
#![cfg(target_endian = "little")]

use std::net::IpAddr;

use vtep::agent::Record;
use vtep::netlink::{
    Body, Dump, DumpStep, FdbEntry, HostGwRoute, IfIndex, LinkInfoAttr, Message, MessageError,
    MessageType, Messages, NeighbourEntry, OtherRoute, RouteFlags, RouteMessage,
};
use vtep::wire::MacAddr;

/// The messages of that case and sender.
fn recorded(name: &str, sender: &str) -> Vec<Vec<u8>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/netlink/kernel.tsv");
    let text = std::fs::read_to_string(path).expect("test data");
    let lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let found = lines.filter(|line| line[0] == name && line[1] == sender);
    let found: Vec<_> = found.map(|line| bytes(line[2])).collect();
    assert!(!found.is_empty(), "{name} {sender}");
    found
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn one(bytes: &[u8]) -> Message<'_> {
    let mut messages = Messages::new(bytes);
    let message = messages.next().unwrap().unwrap();
    assert!(messages.next().is_none());
    message
}

fn route(bytes: &[u8]) -> RouteMessage<'_> {
    match one(bytes).body() {
        Ok(Body::Route(route)) => route,
        other => panic!("{other:?}"),
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The gateways and links of the next hops.
fn hops(bytes: &[u8]) -> Vec<(Option<IpAddr>, u16, u32)> {
    let hops = route(bytes).next_hops().expect("next hops");
    hops.iter().map(|hop| (hop.gateway(), hop.weight(), hop.ifindex.map_or(0, u32::from))).collect()
}

fn record(bytes: &[u8]) -> Option<Record> {
    Record::from_body(one(bytes).body().unwrap())
}

#[test]
fn every_recorded_message_is_rebuilt() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/netlink/kernel.tsv");
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text.lines().count(), 110);
    for line in text.lines() {
        let bytes = bytes(line.rsplit('\t').next().unwrap());
        let mut buffer = [0xaa; 512];
        if line.starts_with("general_unpadded_error\ttx") {
            // 3 bytes of `struct rtmsg`: EINVAL
            let error = MessageError::Body { needed: 12, available: 3 };
            assert_eq!(one(&bytes).body().map(drop), Err(error));
            continue;
        }
        let len = one(&bytes).rebuild(&mut buffer).unwrap();
        assert_eq!(buffer[..len], bytes, "{line}");
    }
}

/// A next hop has all that the kernel reports of it, whichever attribute it is in.
#[test]
fn next_hops_are_read_as_the_kernel_reads_them() {
    let v6 = [(Some(ip("fe80::2")), 1, 3), (Some(ip("fe80::3")), 3, 3)];
    assert_eq!(hops(&recorded("multipath_via", "tx")[0]), v6);
    let v4 = [(Some(ip("10.6.0.2")), 1, 3), (Some(ip("10.6.0.4")), 1, 3)];
    for name in [
        // RTA_GATEWAY twice in one hop: the first counts (`nla_find`)
        "multipath_gateway_twice",
        "multipath_nested_flag",
        "multipath_nested",
        "hop_trailing",
        "hop_unaligned",
    ] {
        let notified = &recorded(name, "notify")[0];
        assert_eq!(hops(&recorded(name, "tx")[0]), v4, "{name}");
        assert_eq!(hops(notified), v4, "{name}");
        assert_eq!(route(notified).unreadable(), None);
    }
    let mixed = &recorded("multipath_onlink_mixed", "tx")[0];
    let flags: Vec<_> = route(mixed).next_hops().unwrap().iter().map(|hop| hop.flags).collect();
    assert_eq!(flags, [RouteFlags::ONLINK, RouteFlags::empty()]);
    // RTA_GATEWAY twice in a route with one hop: the last counts (`nla_parse`)
    for sender in ["tx", "notify"] {
        let route = recorded("gateway_twice", sender);
        let Some(Record::HostGw(read)) = record(&route[0]) else { panic!() };
        assert_eq!(read.gateway, ip("10.6.0.3"));
    }
}

#[test]
fn bytes_after_the_last_next_hop_are_kept() {
    for (name, errno) in [("hops_trailing", 22), ("hops6_trailing", 0)] {
        let request = &recorded(name, "tx")[0];
        let hops = route(request).next_hops().unwrap();
        assert_eq!((hops.iter().count(), hops.trailing()), (2, &[1, 2, 3, 4][..]));
        let answers = recorded(name, "rx");
        let Ok(Body::Error(error)) = one(&answers[0]).body() else { panic!() };
        assert_eq!(error.errno(), errno, "{name}");
    }
    let whole = &recorded("multipath_via", "tx")[0];
    assert!(route(whole).next_hops().unwrap().trailing().is_empty());
}

/// The kernel takes each of these requests, warns of the bytes that it did not read, and reports
/// the route that it made.
#[test]
fn trailing_bytes_are_passed_over_as_the_kernel_does() {
    for (name, trailing) in [
        ("trailing_short", &[1, 2, 3][..]),
        ("trailing_zero", &[0; 8]),
        ("trailing_overrun", &[64, 0, 6, 0, 0, 0, 0, 1]),
        ("trailing_in_middle", &[3, 0, 6, 0, 8, 0, 6, 0, 77, 0, 0, 0]),
    ] {
        let request = &recorded(name, "tx")[0];
        let answers = recorded(name, "rx");
        let Ok(Body::Error(ack)) = one(&answers[0]).body() else { panic!() };
        assert_eq!(
            (ack.is_ack(), ack.text()),
            (true, Some("bytes leftover after parsing attributes"))
        );
        let body = one(request).body().unwrap();
        assert_eq!(body.trailing(), trailing, "{name}");
        let offset = request.len() - 28 - trailing.len();
        assert_eq!(route(request).attrs().check().unwrap_err().offset, offset);
        let notified = &recorded(name, "notify")[0];
        assert_eq!(record(request), record(notified), "{name}");
        assert!(one(notified).body().unwrap().trailing().is_empty());
        assert_eq!(route(request).priority(), None, "{name}");
    }
    let request = &recorded("neigh_trailing", "tx")[0];
    assert_eq!(one(request).body().unwrap().trailing(), [0, 0]);
    assert!(matches!(record(request), Some(Record::Neighbour(_))));
    let link = &recorded("link_trailing_nested", "tx")[0];
    let Ok(Body::Link(link)) = one(link).body() else { panic!() };
    assert!(link.info().any(|attr| matches!(attr, LinkInfoAttr::Data(_))));
    assert_eq!((link.vxlan().count(), link.attrs().trailing()), (1, &[][..]));
    assert_eq!(link.data().unwrap().attrs().trailing(), [0; 3]);
}

#[test]
fn the_reason_of_a_refused_dump_is_read() {
    for (name, text) in [
        ("dump_refused", "Invalid values in header for FIB dump request"),
        ("general_refused", "Invalid header for link dump"),
    ] {
        let answers = recorded(name, "rx");
        let message = one(&answers[0]);
        let Ok(Body::Done(done)) = message.body() else { panic!() };
        assert_eq!((done.errno(), done.text(), done.offset()), (22, Some(text), None));
        let step = Dump::new(message.header.seq).step(&message);
        let Ok(DumpStep::Failed { errno: 22, ext_ack }) = step else { panic!("{step:?}") };
        assert_eq!((ext_ack.text(), ext_ack.attrs().count()), (Some(text), 1));
    }
}

/// The request's payload is padded before the attributes that follow it (`netlink_ack`).
#[test]
fn the_reason_follows_a_request_of_any_length() {
    let answers = recorded("error_unpadded_request", "rx");
    let message = one(&answers[0]);
    let Ok(Body::Error(error)) = message.body() else { panic!() };
    assert_eq!((error.errno(), error.text()), (101, Some("Nexthop has invalid gateway")));
    assert_eq!((error.request_len, error.request_payload().len()), (55, 40));
    assert_eq!(error.request.kind, MessageType::NEWROUTE);
    let answers = recorded("general_unpadded_error", "rx");
    let Ok(Body::Error(error)) = one(&answers[0]).body() else { panic!() };
    assert_eq!((error.errno(), error.request_len, error.text()), (22, 19, None));
    assert_eq!(error.request_payload(), [2, 0, 0, 0]);
}

#[test]
fn only_permanent_neighbours_are_records() {
    for name in ["neigh_reachable", "neigh_stale", "neigh6_stale", "neigh_noarp"] {
        for sender in ["tx", "notify"] {
            assert_eq!(record(&recorded(name, sender)[0]), None, "{name} {sender}");
        }
    }
    for name in ["neigh_proxy", "neigh_proxy_lladdr", "neigh_any"] {
        assert_eq!(record(&recorded(name, "tx")[0]), None, "{name}");
    }
    assert_eq!(record(&recorded("neigh_any", "notify")[0]), None);
    let mac = "02:42:0a:01:09:00".parse().unwrap();
    let entry = NeighbourEntry { ifindex: IfIndex::literal::<3>(), address: ip("10.6.0.12"), mac };
    for sender in ["tx", "notify"] {
        let read = record(&recorded("neigh_permanent", sender)[0]);
        assert_eq!(read, Some(Record::Neighbour(entry)));
        let zero = record(&recorded("neigh_zero_mac", sender)[0]);
        assert!(matches!(zero, Some(Record::Neighbour(entry)) if entry.mac == MacAddr::ZERO));
    }
}

#[test]
fn only_permanent_fdb_entries_with_a_remote_are_records() {
    for name in ["fdb_reachable", "fdb_remote_any", "fdb_port_vni"] {
        for sender in ["tx", "notify"] {
            assert_eq!(record(&recorded(name, sender)[0]), None, "{name} {sender}");
        }
    }
    assert_eq!(record(&recorded("fdb_no_remote", "tx")[0]), None);
    for (name, mac, remote) in [
        ("fdb_plain", "02:42:0a:01:09:00", "192.0.2.12"),
        ("fdb_zero_mac", "00:00:00:00:00:00", "192.0.2.14"),
        ("fdb_group_mac", "01:00:5e:00:00:01", "192.0.2.14"),
    ] {
        let entry = FdbEntry {
            ifindex: IfIndex::literal::<4>(),
            mac: mac.parse().unwrap(),
            remote: ip(remote),
        };
        for sender in ["tx", "notify"] {
            assert_eq!(record(&recorded(name, sender)[0]), Some(Record::Fdb(entry)), "{name}");
        }
    }
}

/// 0.0.0.0 as a gateway is none: the kernel makes a route of the link alone.
#[test]
fn a_gateway_of_zeros_is_none() {
    let request = &recorded("gateway_none", "tx")[0];
    let notified = &recorded("gateway_none", "notify")[0];
    assert_eq!((route(request).gateway(), route(notified).gateway()), (None, None));
    assert_eq!(HostGwRoute::from_message(route(request)), None);
    assert_eq!(OtherRoute::from_message(route(request)), OtherRoute::from_message(route(notified)));
}
