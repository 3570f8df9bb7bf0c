//! Requests to the byte, as iproute2 and flanneld sent them, and message types one by one.
//!
//! The bytes are of `tests/data/netlink`, recorded on a little-endian machine.

use vtep::agent::AddressChange;
use vtep::netlink::{
    AddressAttr, AddressDump, Attrs, Body, Family, LinkAddress, LinkLookup, LinkName, Message,
    Messages, OtherRoute, RouteHeader, build,
};
use vtep::subnet::IpPrefix;

use crate::netlink::ifindex;
use crate::{Checks, any, ip};

/// `ip -4 addr show`'s question in flanneld.
const ADDRESSES: [u8; 24] =
    [24, 0, 0, 0, 0x16, 0, 1, 3, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0];
/// flanneld asks for flannel.1, by its name.
const BY_NAME: [u8; 56] = [
    56, 0, 0, 0, 0x12, 0, 5, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 8, 0, 0x1d, 0, 1, 0, 0, 0, 0x0e, 0, 3, 0, b'f', b'l', b'a', b'n', b'n', b'e', b'l', b'.',
    b'1', 0, 0, 0,
];
/// flanneld asks for the link with index 3.
const BY_INDEX: [u8; 40] = [
    40, 0, 0, 0, 0x12, 0, 5, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 8, 0, 0x1d, 0, 1, 0, 0, 0,
];
/// `ip route add blackhole 10.13.0.0/16`.
const BLACKHOLE: [u8; 36] = [
    36, 0, 0, 0, 0x18, 0, 5, 6, 0xa7, 0xbb, 3, 0x6b, 0, 0, 0, 0, 2, 16, 0, 0, 0xfe, 3, 0, 6, 0, 0,
    0, 0, 8, 0, 1, 0, 10, 13, 0, 0,
];

// A frame of its own, for `callgraph.py`.
#[inline(never)]
pub(crate) fn run(checks: &mut Checks<'_>) {
    lists_and_lookups(checks);
    other_routes(checks);
    addresses(checks);
    bodies(checks);
}

fn is_written(bytes: &[u8], write: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
    let mut buffer = [0; 256];
    write(&mut buffer).is_some_and(|len| buffer.get(..len) == Some(bytes))
}

fn message(bytes: &[u8]) -> Option<Message<'_>> {
    Messages::new(bytes).next()?.ok()
}

fn lists_and_lookups(checks: &mut Checks<'_>) {
    let list = AddressDump { family: any(Family::INET) };
    let is_list = is_written(&ADDRESSES, |to| list.write(any(1), to).ok());
    checks.is("netlink: flanneld's list of addresses", is_list);
    checks.all("netlink: flanneld's questions for a link", || {
        let name = LinkLookup::Name(LinkName::new(any("flannel.1")).ok()?);
        let no_room = name.write(3, &mut [0; 55]).is_err();
        let by_name = is_written(&BY_NAME, |to| name.write(any(3), to).ok());
        let by_index = is_written(&BY_INDEX, |to| LinkLookup::Index(ifindex(3)).write(4, to).ok());
        let mut buffer = [0; 64];
        let all = LinkLookup::All.write(any(5), &mut buffer).ok()?;
        let read = message(buffer.get(..all)?)?;
        Some(no_room && by_name && by_index && all == 40 && read.header.seq == 5)
    });
    checks.all("netlink: what follows a value", || {
        let attrs = Attrs::new(any(BY_NAME.get(40..)?));
        let name = attrs.find(3)?;
        Some(name.value().len() == 10 && name.padding() == [0, 0])
    });
}

fn other_routes(checks: &mut Checks<'_>) {
    checks.all("netlink: a route that drops", || {
        let bytes = any(BLACKHOLE);
        let Body::Route(route) = message(&bytes)?.body().ok()? else { return None };
        let other = OtherRoute::from_message(route)?;
        let destination = IpPrefix::new(ip(10, 13, 0, 0), 16)?;
        let is_read = other == OtherRoute { destination, ifindex: None, scope: 0, route_type: 6 };
        let is_added = is_written(&bytes, |to| other.write_add(any(0x6b03_bba7), to).ok());
        let mut buffer = [0; 64];
        let len = other.write_delete(any(2), &mut buffer).ok()?;
        let Body::Route(deleted) = message(buffer.get(..len)?)?.body().ok()? else { return None };
        let unnamed = RouteHeader { protocol: 0, ..route.header };
        Some(is_read && is_added && deleted.header == unnamed)
    });
}

fn addresses(checks: &mut Checks<'_>) {
    checks.all("agent: an address comes and goes", || {
        let address =
            LinkAddress { ifindex: ifindex(3), address: ip(10, 1, 15, 0), prefix_len: any(32) };
        let (mut by_change, mut directly) = ([0; 64], [0; 64]);
        let added = AddressChange::Add(address).write(1, &mut by_change).ok()?;
        let is_added = address.write_add(1, &mut directly).ok()? == added && by_change == directly;
        AddressChange::Delete(address).write(2, &mut by_change).ok()?;
        address.write_delete(2, &mut directly).ok()?;
        // RTM_DELADDR
        Some(is_added && by_change == directly && by_change.get(4) == Some(&0x15))
    });
}

/// Each type's own `emit` gives back the message that it was read from.
fn bodies(checks: &mut Checks<'_>) {
    checks.all("netlink: bodies emitted one by one", || {
        let mut neighbour = [0; 64];
        let mac = vtep::wire::MacAddr::new(any([2, 0, 0, 0, 0, 7]));
        let entry =
            vtep::netlink::NeighbourEntry { ifindex: ifindex(3), address: ip(10, 1, 17, 0), mac };
        let len = entry.write_set(any(1), &mut neighbour).ok()?;
        let neighbour = neighbour.get(..len)?;
        let all: [&[u8]; 4] = [&ADDRESSES, &BY_NAME, &BLACKHOLE, neighbour];
        Some(all.iter().filter(|bytes| emitted(any(bytes)) == Some(true)).count() == 4)
    });
    checks.all("netlink: an address's attribute", || {
        let header = message(&ADDRESSES)?.header;
        let mut buffer = [0; 32];
        let address = AddressAttr::Local(ip(10, 1, 15, 0));
        let len = build(&mut buffer, header, |writer| address.emit(writer)).ok()?;
        Some(buffer.get(16..len)? == [8, 0, 2, 0, 10, 1, 15, 0])
    });
}

fn emitted(bytes: &[u8]) -> Option<bool> {
    let mut buffer = [0; 64];
    let read = message(bytes)?;
    let body = read.body().ok()?;
    let len = build(&mut buffer, read.header, |writer| match body {
        Body::Address(address) => address.emit(writer),
        Body::Link(link) => link.emit(writer),
        Body::Route(route) => route.emit(writer),
        Body::Neighbour(neighbour) => neighbour.emit(writer),
        _ => {}
    })
    .ok()?;
    Some(buffer.get(..len)? == bytes)
}
