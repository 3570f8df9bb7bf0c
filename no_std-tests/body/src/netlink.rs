//! The kernel's messages, read and written.

use core::net::IpAddr;

use vtep::netlink::{
    AddressAttr, AddressHeader, AddressMessage, Attr, AttrFlags, Attrs, Be16, Be32, Body,
    BridgeLink, Done, Dump, DumpStep, ErrorMessage, ExtAckAttr, Family, FdbEntry, Header,
    HostGwRoute, IfIndex, LinkAddress, LinkAttr, LinkChange, LinkHeader, LinkInfoAttr, LinkMessage,
    LinkName, Message, MessageError, MessageFlags, MessageType, Messages, Metric, NeighbourAttr,
    NeighbourDump, NeighbourEntry, NeighbourHeader, NeighbourMessage, OnlinkRoute, RouteAttr,
    RouteDump, RouteHeader, RouteLookup, RouteMessage, Table, Text, VethLink, VxlanAttr, VxlanLink,
    build,
};
use vtep::subnet::IpPrefix;
use vtep::wire::{MacAddr, Vni};

use crate::{Checks, any, ip, v6};

/// `ip route add 10.1.17.0/24 via 192.168.0.17 dev 2` as flannel's host-gw backend sends it, on a little-endian machine.
const ROUTE: [u8; 52] = [
    0x34, 0, 0, 0, 0x18, 0, 5, 6, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0x18, 0, 0, 0xfe, 3, 0, 1, 0, 0, 0, 0,
    8, 0, 1, 0, 0x0a, 1, 0x11, 0, 8, 0, 5, 0, 0xc0, 0xa8, 0, 0x11, 8, 0, 4, 0, 2, 0, 0, 0,
];

// A frame of its own, for `callgraph.py`.
#[inline(never)]
pub(crate) fn run(checks: &mut Checks<'_>) {
    records(checks);
    routes(checks);
    neighbours(checks);
    links(checks);
    addresses(checks);
    attributes(checks);
    answers(checks);
    unreadable(checks);
    added(checks);
}

fn mac() -> MacAddr {
    MacAddr::new(any([2, 0, 0, 0, 0, 7]))
}

fn message(bytes: &[u8]) -> Option<Message<'_>> {
    Messages::new(bytes).next()?.ok()
}

/// The message that `write` writes, and whether it is rebuilt to the byte and refused wherever it is cut.
fn written<'b>(
    buffer: &'b mut [u8; 256],
    write: impl Fn(&mut [u8]) -> Option<usize>,
) -> Option<(Message<'b>, bool)> {
    let mut again = [0; 256];
    let len = write(buffer)?;
    let bytes = buffer.get(..len)?;
    let read = message(bytes)?;
    let rebuilt = read.rebuild(&mut again).ok()?;
    let is_cut_refused = (16..len).all(|cut| bytes.get(..cut).and_then(message).is_none());
    let no_room = write(again.get_mut(..len - 1)?).is_none();
    Some((read, is_cut_refused && no_room && again.get(..rebuilt) == Some(bytes)))
}

/// An index that the compiler does not know.
pub(crate) fn ifindex(number: u32) -> IfIndex {
    IfIndex::new(any(number)).unwrap_or(IfIndex::MAX)
}

pub(crate) fn host_gw() -> Option<HostGwRoute> {
    let destination = IpPrefix::new(ip(10, 1, 17, 0), any(24))?;
    Some(HostGwRoute { destination, gateway: ip(192, 168, 0, 17), ifindex: Some(ifindex(2)) })
}

fn records(checks: &mut Checks<'_>) {
    let mut buffer = [0; 256];
    checks.all("netlink: flannel's route to the byte", || {
        let route = host_gw()?;
        let (read, whole) = written(&mut buffer, |to| route.write_add(any(1), to).ok())?;
        let Body::Route(body) = read.body().ok()? else { return None };
        Some(whole && HostGwRoute::from_message(body) == Some(route))
    });
    checks.is("netlink: its bytes", buffer.get(..52) == Some(&ROUTE));
    checks.all("netlink: set and deleted", || {
        let route = host_gw()?;
        let onlink = OnlinkRoute {
            destination: route.destination,
            gateway: route.gateway,
            ifindex: ifindex(2),
        };
        let (_, set) = written(&mut buffer, |to| route.write_set(any(1), to).ok())?;
        let (_, deleted) = written(&mut buffer, |to| route.write_delete(any(1), to).ok())?;
        let (_, gone) = written(&mut buffer, |to| onlink.write_delete(any(1), to).ok())?;
        let (read, onlink_set) = written(&mut buffer, |to| onlink.write_set(any(1), to).ok())?;
        let Body::Route(body) = read.body().ok()? else { return None };
        Some(
            set && deleted && gone && onlink_set && OnlinkRoute::from_message(body) == Some(onlink),
        )
    });
    checks.all("netlink: prefixes", || {
        let (v4_prefix, v6_prefix) =
            (IpPrefix::new(ip(10, 1, 17, 9), any(24))?, IpPrefix::new(IpAddr::V6(v6(1)), any(64))?);
        Some(
            (v4_prefix.address(), v4_prefix.len()) == (ip(10, 1, 17, 0), 24)
                && v4_prefix.contains_prefix(v4_prefix)
                && !v6_prefix.contains_prefix(v4_prefix)
                && IpPrefix::new(ip(10, 0, 0, 0), any(33)).is_none(),
        )
    });
}

fn routes(checks: &mut Checks<'_>) {
    let mut buffer = [0; 256];
    checks.all("netlink: a route's attributes", || {
        let bytes = any(ROUTE);
        let Body::Route(route) = message(&bytes)?.body().ok()? else { return None };
        let again = RouteMessage::parse(message(&bytes)?.payload()).ok()?;
        Some(
            route.destination() == Some((ip(10, 1, 17, 0), 24))
                && route.gateway() == Some(ip(192, 168, 0, 17))
                && (route.ifindex(), route.priority(), route.preferred_source())
                    == (Some(ifindex(2)), None, None)
                && route.table() == Table::MAIN
                && route.metrics().next().is_none()
                && route.next_hops().is_none()
                && again.attributes().count() == route.attrs().count()
                && RouteHeader::from_bytes(again.header.to_bytes())
                    == RouteHeader { destination_len: 24, ..RouteHeader::unicast(Family::INET) },
        )
    });
    checks.all("netlink: next hops and metrics", || {
        let header = Header::request(MessageType::NEWROUTE, MessageFlags::empty(), any(1));
        // RTA_MULTIPATH: one hop of 16 bytes by link 3, its gateway inside; RTA_METRICS: MTU 1450.
        let hop = any([16, 0, 0, 0, 3, 0, 0, 0, 8, 0, 5, 0, 10, 0, 0, 1]);
        let len = build(&mut buffer, header, |writer| {
            writer.bytes(&RouteHeader::unicast(Family::INET).to_bytes());
            writer.attr(9, &hop);
            writer.nested(8, false, |writer| writer.attr(2, &any(1450_u32).to_ne_bytes()));
            RouteAttr::Priority(any(7)).emit(writer);
        });
        let Body::Route(route) = message(buffer.get(..len.ok()?)?)?.body().ok()? else {
            return None;
        };
        let hops = route.next_hops()?;
        let next = hops.iter().next()?;
        let gateway = next.gateway() == Some(ip(10, 0, 0, 1))
            && (next.weight(), next.attributes().count(), next.attrs().count()) == (1, 1, 1)
            && hops.trailing().is_empty()
            && route.unreadable().is_none();
        Some(
            gateway
                && route.metrics().next() == Some(Metric { kind: 2, value: 1450 })
                && route.priority() == Some(7),
        )
    });
    checks.all("netlink: questions", || {
        let (dump, dumped) =
            written(&mut buffer, |to| RouteDump { family: Family::INET }.write(any(1), to).ok())?;
        let family = dump.body().ok()?.family();
        let (_, looked) = written(&mut buffer, |to| {
            RouteLookup { address: ip(10, 0, 0, 1) }.write(any(1), to).ok()
        })?;
        Some(dumped && looked && family == Some(Family::INET))
    });
}

fn neighbours(checks: &mut Checks<'_>) {
    let mut buffer = [0; 256];
    checks.all("netlink: ARP and FDB entries", || {
        let entry = NeighbourEntry { ifindex: ifindex(3), address: ip(10, 1, 17, 0), mac: mac() };
        let fdb = FdbEntry { ifindex: ifindex(3), mac: mac(), remote: ip(192, 168, 0, 17) };
        let (_, deleted) = written(&mut buffer, |to| entry.write_delete(any(1), to).ok())?;
        let (_, gone) = written(&mut buffer, |to| fdb.write_delete(any(1), to).ok())?;
        let (read, set) = written(&mut buffer, |to| fdb.write_set(any(1), to).ok())?;
        let Body::Neighbour(body) = read.body().ok()? else { return None };
        let is_fdb = FdbEntry::from_message(body) == Some(fdb);
        let (read, entered) = written(&mut buffer, |to| entry.write_set(any(1), to).ok())?;
        let Body::Neighbour(body) = read.body().ok()? else { return None };
        let again = NeighbourMessage::parse(read.payload()).ok()?;
        Some(
            deleted
                && gone
                && set
                && entered
                && is_fdb
                && NeighbourEntry::from_message(body) == Some(entry)
                && (body.destination(), body.link_address())
                    == (Some(entry.address), Some(entry.mac))
                && body.attributes().count() == again.attrs().count()
                && NeighbourHeader::from_bytes(body.header.to_bytes()) == Ok(again.header),
        )
    });
    checks.all("netlink: a list of neighbours", || {
        let (_, whole) = written(&mut buffer, |to| {
            NeighbourDump { family: Family::INET }.write(any(1), to).ok()
        })?;
        Some(whole)
    });
    checks.all("netlink: a neighbour's attribute", || {
        let header = Header::request(MessageType::NEWNEIGH, MessageFlags::empty(), any(1));
        let len = build(&mut buffer, header, |writer| {
            NeighbourAttr::Destination(ip(1, 2, 3, 4)).emit(writer)
        })
        .ok()?;
        Some(len == 24)
    });
}

fn links(checks: &mut Checks<'_>) {
    let mut buffer = [0; 256];
    checks.all("netlink: flannel.1", || {
        let name = LinkName::new(any("flannel.1")).ok()?;
        let vxlan = VxlanLink::flannel(
            name,
            Vni::new(any(1)).ok()?,
            ifindex(2),
            ip(192, 168, 0, 10),
            mac(),
        );
        let (read, whole) = written(&mut buffer, |to| vxlan.write_add(any(1), to).ok())?;
        let Body::Link(link) = read.body().ok()? else { return None };
        let again = LinkMessage::parse(read.payload()).ok()?;
        Some(
            whole
                && link.name().and_then(Text::as_str) == Some("flannel.1")
                && link.kind().and_then(Text::as_str) == Some("vxlan")
                && (link.mtu(), link.lower_ifindex(), link.master()) == (None, None, None)
                && link.address() == Some(mac())
                && link.info().count() == 2
                && link.data()?.attrs().count() == link.vxlan().count()
                && link.attributes().count() == again.attrs().count()
                && LinkHeader::from_bytes(LinkHeader::new(Some(ifindex(7))).to_bytes())
                    .ok()?
                    .ifindex
                    == Some(ifindex(7)),
        )
    });
    checks.all("netlink: other links", || {
        let name = LinkName::new(any("cni0")).ok()?;
        let docker = VxlanLink::docker(name, Vni::new(any(4097)).ok()?);
        let change = LinkChange { up: Some(true), mtu: Some(1450), ..LinkChange::new(ifindex(3)) };
        let bridge = BridgeLink { name };
        let veth = VethLink { name, peer: LinkName::new(any("eth0")).ok()? };
        Some(
            written(&mut buffer, |to| docker.write_add(any(1), to).ok())?.1
                && written(&mut buffer, |to| bridge.write_add(any(1), to).ok())?.1
                && written(&mut buffer, |to| veth.write_add(any(1), to).ok())?.1
                && written(&mut buffer, |to| change.write(any(1), to).ok())?.1
                && written(&mut buffer, |to| {
                    LinkChange::write_delete(ifindex(3), any(1), to).ok()
                })?
                .1,
        )
    });
    checks.all("netlink: an index", || {
        let index: IfIndex = any("7").parse().ok()?;
        let is_read = (index, index.get()) == (IfIndex::literal::<7>(), any(7));
        Some(is_read && IfIndex::new(any(0)).is_err() && IfIndex::try_from(any(u32::MAX)).is_err())
    });
    checks.is("netlink: a name too long", LinkName::new(any("sixteen-bytes-it")).is_err());
    checks.all("netlink: a link's attributes", || {
        let header = Header::request(MessageType::NEWLINK, MessageFlags::empty(), any(1));
        let len = build(&mut buffer, header, |writer| {
            LinkAttr::Mtu(any(1450)).emit(writer);
            LinkInfoAttr::Kind(Text(any(b"veth"))).emit(writer);
            vtep::netlink::VxlanAttr::Id(any(1)).emit(writer);
        });
        Some(len.ok()? == 16 + 8 + 8 + 8)
    });
}

fn addresses(checks: &mut Checks<'_>) {
    let mut buffer = [0; 256];
    checks.all("netlink: flannel.1's address", || {
        let address =
            LinkAddress { ifindex: ifindex(3), address: ip(10, 1, 15, 0), prefix_len: any(32) };
        let (_, deleted) = written(&mut buffer, |to| address.write_delete(any(1), to).ok())?;
        let (read, added) = written(&mut buffer, |to| address.write_add(any(1), to).ok())?;
        let Body::Address(body) = read.body().ok()? else { return None };
        let again = AddressMessage::parse(read.payload()).ok()?;
        Some(
            deleted
                && added
                && LinkAddress::from_message(body) == Some(address)
                && body.local() == Some(address.address)
                && body.address().is_some()
                && body.label().is_none()
                && body.flags() == 0
                && body.attributes().count() == again.attrs().count()
                && AddressHeader::from_bytes(again.header.to_bytes()) == Ok(body.header),
        )
    });
}

fn attributes(checks: &mut Checks<'_>) {
    let bytes = any([8_u8, 0, 1, 0x80, 4, 0, 2, 0]);
    checks.all("netlink: attributes", || {
        let attrs = Attrs::new(&bytes).check().ok()?;
        let outer = attrs.find(any(1))?;
        let inner = outer.nested().find(any(2))?;
        Some(
            attrs.as_bytes().len() == 8
                && (outer.kind(), outer.raw_type(), outer.flags())
                    == (1, 0x8001, AttrFlags::NESTED)
                && inner.value().is_empty()
                && Attr::new(any(5), &bytes).value().len() == 8,
        )
    });
    checks.is("netlink: bytes after attributes", Attrs::new(any(&[9, 9, 9])).trailing().len() == 3);
    checks.is("netlink: a broken attribute", Attrs::new(any(&[3, 0, 1, 0])).check().is_err());
    checks.is("netlink: families", Family::of(ip(1, 2, 3, 4)) == Family::INET);
    checks.is("netlink: big-endian values", any(Be16(1)).0 == 1 && any(Be32(1)).0 == 1);
}

fn answers(checks: &mut Checks<'_>) {
    let mut buffer = [0; 256];
    checks.all("netlink: an error", || {
        let header = Header::request(MessageType::ERROR, MessageFlags::empty(), any(9));
        let len = build(&mut buffer, header, |writer| {
            writer.bytes(&any(-17_i32).to_ne_bytes());
            writer.bytes(&ROUTE);
        });
        let read = message(buffer.get(..len.ok()?)?)?;
        let error = ErrorMessage::parse(read.header.flags, read.payload()).ok()?;
        let failed =
            matches!(Dump::new(any(9)).step(&read).ok()?, DumpStep::Failed { errno: 17, .. });
        Some(
            failed
                && !error.is_ack()
                && error.errno() == 17
                && (error.text(), error.offset()) == (None, None)
                && error.attrs().count() == 0
                && error.ext_ack().attributes().count() == 0
                && read.body().ok()?.trailing().is_empty()
                && error.request_payload().len() == 36,
        )
    });
    checks.all("netlink: the end of a list", || {
        let header = Header::request(MessageType::DONE, MessageFlags::MULTI, any(9));
        let len =
            build(&mut buffer, header, |writer| writer.bytes(&any(0_i32).to_ne_bytes())).ok()?;
        let read = message(buffer.get(..len)?)?;
        let body = read.body().ok()?;
        let Body::Done(done) = body else { return None };
        let finished = matches!(Dump::new(any(9)).step(&read).ok()?, DumpStep::Finished);
        let mut again = [0; 64];
        let emitted = build(&mut again, header, |writer| body.emit(writer)).ok()?;
        let reason = (done.text(), done.offset(), done.attrs().count(), done.ext_ack().text());
        Some(
            done.errno() == 0
                && reason == (None, None, 0, None)
                && finished
                && again.get(..emitted) == buffer.get(..len),
        )
    });
}

/// What the types of attributes make of a value that is not of their size.
fn unreadable(checks: &mut Checks<'_>) {
    // Three bytes: no attribute of these types has so many.
    let attr = |kind| Attr::new(any(kind), &[1, 2, 3]);
    checks.is("netlink: unreadable attributes", {
        RouteAttr::decode(attr(1)).is_unreadable()
            && NeighbourAttr::decode(attr(1)).is_unreadable()
            && LinkAttr::decode(attr(4)).is_unreadable()
            && AddressAttr::decode(attr(1)).is_unreadable()
            && VxlanAttr::decode(attr(1)).is_unreadable()
            && ExtAckAttr::decode(attr(2)).is_unreadable()
            && !LinkInfoAttr::decode(attr(77)).is_unreadable()
    });
    let mut buffer = [0; 256];
    checks.all("netlink: messages of unreadable attributes", || {
        let header = Header::request(MessageType::NEWLINK, MessageFlags::empty(), any(1));
        let mut body = |fixed: &[u8], kind: u16| {
            let len = build(&mut buffer, header, |writer| {
                writer.bytes(fixed);
                writer.attr(any(kind), &[1, 2, 3]);
            });
            let mut copy = [0; 64];
            let len = len.ok()?;
            let bytes = buffer.get(16..len)?;
            copy.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some((copy, bytes.len()))
        };
        let (link, link_len) = body(&LinkHeader::new(None).to_bytes(), 4)?;
        let (neighbour, neighbour_len) = body(&[2, 0, 0, 0, 3, 0, 0, 0, 0x80, 0, 0, 1], 1)?;
        let (address, address_len) = body(&[2, 24, 0, 0, 3, 0, 0, 0], 1)?;
        let link = LinkMessage::parse(link.get(..link_len)?).ok()?;
        let neighbour = NeighbourMessage::parse(neighbour.get(..neighbour_len)?).ok()?;
        let address = AddressMessage::parse(address.get(..address_len)?).ok()?;
        Some(
            link.unreadable().is_some()
                && neighbour.unreadable().is_some()
                && address.unreadable().is_some(),
        )
    });
    checks.all("netlink: the kernel's words", || {
        let header = Header::request(MessageType::DONE, MessageFlags::ACK_TLVS, any(9));
        let len = build(&mut buffer, header, |writer| {
            writer.bytes(&any(-22_i32).to_ne_bytes());
            ExtAckAttr::Offset(any(24)).emit(writer);
        });
        let read = message(buffer.get(..len.ok()?)?)?;
        let done = Done::parse(read.header.flags, read.payload()).ok()?;
        let ack = done.ext_ack();
        let negative = IfIndex::try_from(any(0_u32)).err().map(MessageError::from);
        Some(
            (done.errno(), ack.offset(), ack.attrs().count()) == (22, Some(24), 1)
                && read.header.kind.is_control()
                && matches!(negative, Some(MessageError::IfIndex(_))),
        )
    });
}

/// Records that are added, and so refused where there is one.
fn added(checks: &mut Checks<'_>) {
    let mut buffer = [0; 256];
    checks.all("netlink: added", || {
        let route = host_gw()?;
        let onlink = OnlinkRoute {
            destination: route.destination,
            gateway: route.gateway,
            ifindex: ifindex(2),
        };
        let entry = NeighbourEntry { ifindex: ifindex(3), address: ip(10, 1, 17, 0), mac: mac() };
        let fdb = FdbEntry { ifindex: ifindex(3), mac: mac(), remote: ip(192, 168, 0, 17) };
        let (_, a) = written(&mut buffer, |to| onlink.write_add(any(1), to).ok())?;
        let (_, b) = written(&mut buffer, |to| entry.write_add(any(1), to).ok())?;
        let (_, c) = written(&mut buffer, |to| fdb.write_add(any(1), to).ok())?;
        Some(a && b && c && LinkName::new(any("flannel.1")).ok()?.as_str() == "flannel.1")
    });
    checks.all("netlink: hops walked", || {
        let header = Header::request(MessageType::NEWROUTE, MessageFlags::empty(), any(1));
        let hop = any([8, 0, 0, 0, 3, 0, 0, 0]);
        let len = build(&mut buffer, header, |writer| {
            writer.bytes(&RouteHeader::unicast(Family::INET).to_bytes());
            writer.attr(9, &hop);
        });
        let Body::Route(route) = message(buffer.get(..len.ok()?)?)?.body().ok()? else {
            return None;
        };
        Some(route.next_hops()?.into_iter().count() == 1)
    });
}
