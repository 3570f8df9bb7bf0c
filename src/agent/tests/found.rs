//! What a message of a dump says of an entry.

use crate::netlink::{
    Family, Header, IfIndex, MessageFlags, MessageType, Messages, RouteAttr, RouteFlags,
    RouteHeader, Table, build,
};

use super::*;

const UNDERLAY: IfIndex = IfIndex::literal::<2>();

fn read(bytes: &[u8]) -> Option<Found> {
    let message = Messages::new(bytes).next().unwrap().unwrap();
    Found::from_body(message.body().unwrap())
}

/// A route to a peer's subnet as the kernel dumps it, with other fields and more attributes.
fn route(header: RouteHeader, more: &[RouteAttr<'_>]) -> Found {
    let (destination, gateway) = match header.family {
        Family::INET => ("10.5.2.0", "192.0.2.12"),
        _ => ("fd00:5:2::", "2001:db8::12"),
    };
    let own = [
        RouteAttr::Table(254),
        RouteAttr::Destination(ip(destination)),
        RouteAttr::Gateway(ip(gateway)),
        RouteAttr::Oif(Some(UNDERLAY)),
    ];
    let mut buffer = [0; 256];
    let request = Header::request(MessageType::NEWROUTE, MessageFlags::SET, 1);
    let length = build(&mut buffer, request, |writer| {
        writer.bytes(&header.to_bytes());
        own.iter().chain(more).for_each(|attr| attr.emit(writer));
    });
    read(&buffer[..length.unwrap()]).unwrap()
}

fn v4() -> RouteHeader {
    RouteHeader { destination_len: 24, ..RouteHeader::unicast(Family::INET) }
}

fn v6() -> RouteHeader {
    RouteHeader { destination_len: 64, ..RouteHeader::unicast(Family::INET6) }
}

#[test]
fn a_neighbour_and_an_fdb_entry_are_exact() {
    let mut buffer = [0; 128];
    for record in records(&peer("10.5.2.0", "192.0.2.12", 1), Reach::Tunnel) {
        let length = record.write_add(1, &mut buffer).unwrap();
        assert_eq!(read(&buffer[..length]), Some(Found::exact(record)));
    }
}

#[test]
fn a_route_with_more_than_flannel_writes_is_not_exact() {
    let exact = route(v4(), &[]);
    assert!(matches!(exact.record, Record::HostGw(_)) && exact == Found::exact(exact.record));
    assert!(route(v6(), &[RouteAttr::Preference(0)]).is_exact, "medium is the default");
    let inexact = [
        route(RouteHeader { tos: 4, ..v4() }, &[]),
        route(RouteHeader { protocol: 4, ..v4() }, &[]),
        route(RouteHeader { scope: 253, ..v4() }, &[]),
        route(v4(), &[RouteAttr::PreferredSource(ip("192.0.2.1"))]),
        route(v6(), &[RouteAttr::Preference(1)]),
    ];
    for (index, found) in inexact.iter().enumerate() {
        assert!(!found.is_exact && found.is_default_metric, "{index}: {found:?}");
    }
}

/// Other flags are the kernel's reports.
#[test]
fn an_onlink_route_is_exact_whatever_the_state_of_its_link() {
    let onlink = RouteHeader { flags: RouteFlags::ONLINK, ..v4() };
    let found = route(onlink, &[]);
    assert!(matches!(found.record, Record::Onlink(_)) && found.is_exact);
    let linkdown = RouteFlags::from_bits_retain(0x10);
    for flags in [linkdown, RouteFlags::ONLINK | linkdown] {
        assert!(route(RouteHeader { flags, ..v4() }, &[]).is_exact, "{flags:?}");
    }
}

/// IPv6 routes without a metric have 1024.
#[test]
fn the_default_metric_is_that_of_the_family() {
    let with = |header, metric: u32| route(header, &[RouteAttr::Priority(metric)]);
    for (header, default, other) in [(v4(), 0, 1024), (v6(), 1024, 100)] {
        let found = with(header, default);
        assert!(found.is_default_metric && found.is_exact, "{found:?}");
        let found = with(header, other);
        assert!(!found.is_default_metric && !found.is_exact, "{found:?}");
        assert!(with(header, 0).is_default_metric);
    }
}

#[test]
fn a_route_of_another_table_is_not_an_entry() {
    let mut buffer = [0; 64];
    let request = Header::request(MessageType::NEWROUTE, MessageFlags::SET, 1);
    let length = build(&mut buffer, request, |writer| {
        writer.bytes(&RouteHeader { table: Table::LOCAL.0 as u8, ..v4() }.to_bytes());
        RouteAttr::Destination(ip("10.5.2.0")).emit(writer);
        RouteAttr::Oif(Some(UNDERLAY)).emit(writer);
    });
    assert_eq!(read(&buffer[..length.unwrap()]), None);
}
