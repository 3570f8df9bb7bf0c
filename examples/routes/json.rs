//! Messages as JSON objects, with the names that iproute2 has for the fields.

use std::net::IpAddr;

use serde_json::{Map, Value, json};
use vtep::netlink::{
    AddressAttr, AddressMessage, Body, ExtAck, Header, IfIndex, LinkAttr, LinkFlags, LinkMessage,
    Message, MessageError, MessageType, NeighbourAttr, NeighbourMessage, NextHops, RouteAttr,
    RouteFlags, RouteMessage, VxlanAttr,
};

pub fn malformed(line: usize, error: &str) -> Value {
    json!({ "type": "malformed", "line": line, "error": error })
}

pub fn object(message: &Message<'_>) -> Result<Value, MessageError> {
    Ok(body(message.header, message.body()?))
}

pub fn body(header: Header, body: Body<'_>) -> Value {
    let mut object = known_body(header, body);
    if !body.trailing().is_empty() {
        put(&mut object, "trailing_bytes", body.trailing().len());
    }
    object
}

/// The end of a request or of a dump, with the kernel's words where it has any.
fn answer(kind: &str, header: Header, errno: u32, ext_ack: ExtAck<'_>) -> Value {
    let mut object = json!({ "type": kind, "seq": header.seq });
    if errno != 0 {
        put(&mut object, "errno", errno);
        put(&mut object, "message", ext_ack.text());
    } else if let Some(warning) = ext_ack.text() {
        put(&mut object, "message", warning);
    }
    if let Some(offset) = ext_ack.offset() {
        put(&mut object, "offset", offset);
    }
    object
}

fn known_body(header: Header, body: Body<'_>) -> Value {
    match body {
        Body::Error(error) if error.is_ack() => answer("ack", header, 0, error.ext_ack()),
        Body::Error(error) => answer("error", header, error.errno(), error.ext_ack()),
        Body::Done(done) => answer("done", header, done.errno(), done.ext_ack()),
        Body::General(bytes) => {
            json!({ "type": name(header), "flags": header.flags.bits(), "family": bytes.first() })
        }
        Body::Link(link) => link_object(header, link),
        Body::Address(address) => address_object(header, address),
        Body::Route(route) => route_object(header, route),
        Body::Neighbour(neighbour) => neighbour_object(header, neighbour),
        _ => json!({ "type": "other", "number": header.kind.0 }),
    }
}

fn name(header: Header) -> &'static str {
    match header.kind {
        MessageType::NEWLINK => "newlink",
        MessageType::DELLINK => "dellink",
        MessageType::GETLINK => "getlink",
        MessageType::NEWADDR => "newaddr",
        MessageType::DELADDR => "deladdr",
        MessageType::GETADDR => "getaddr",
        MessageType::NEWROUTE => "newroute",
        MessageType::DELROUTE => "delroute",
        MessageType::GETROUTE => "getroute",
        MessageType::NEWNEIGH => "newneigh",
        MessageType::DELNEIGH => "delneigh",
        _ => "getneigh",
    }
}

fn prefix((address, len): (IpAddr, u8)) -> String {
    format!("{address}/{len}")
}

/// Puts in a value that most messages do not have.
fn put(object: &mut Value, name: &str, value: impl Into<Value>) {
    object[name] = value.into();
}

fn route_object(header: Header, route: RouteMessage<'_>) -> Value {
    let fixed = route.header;
    let has_destination = route.attributes().any(|attr| matches!(attr, RouteAttr::Destination(_)));
    let named = has_destination || header.kind != MessageType::GETROUTE;
    let mut object = json!({
        "type": name(header),
        "flags": header.flags.bits(),
        "dst": route.destination().filter(|_| named).map(prefix),
        "gateway": route.gateway(),
        "oif": route.ifindex().map(u32::from),
        "onlink": fixed.flags.contains(RouteFlags::ONLINK),
        "table": route.table().0,
        "protocol": fixed.protocol,
        "scope": fixed.scope,
        "priority": route.priority(),
    });
    let object_ref = &mut object;
    if fixed.route_type > 1 {
        put(object_ref, "rtm_type", fixed.route_type);
    }
    if fixed.tos != 0 {
        put(object_ref, "tos", fixed.tos);
    }
    // Once each, however often the message has them.
    if let Some(hops) = route.next_hops() {
        put(object_ref, "nexthops", next_hops(hops));
    }
    if route.attributes().any(|attr| matches!(attr, RouteAttr::Metrics(_))) {
        put(object_ref, "metrics", metrics(route));
    }
    for attr in route.attributes() {
        match attr {
            RouteAttr::Source(source) => put(object_ref, "src", prefix((source, fixed.source_len))),
            // also 0, which the library takes for none
            RouteAttr::Oif(link) => put(object_ref, "oif", number(link)),
            RouteAttr::Iif(link) => put(object_ref, "iif", number(link)),
            RouteAttr::PreferredSource(source) => put(object_ref, "prefsrc", source.to_string()),
            RouteAttr::Flow(flow) => put(object_ref, "flow", flow),
            RouteAttr::Mark(mark) => put(object_ref, "mark", mark),
            RouteAttr::EncapType(kind) => put(object_ref, "encap_type", kind),
            RouteAttr::Expires(seconds) => put(object_ref, "expires", seconds),
            RouteAttr::NextHopId(id) => put(object_ref, "nhid", id),
            _ => {}
        }
    }
    object
}

fn metrics(route: RouteMessage<'_>) -> Value {
    let name = |kind| match kind {
        1 => "lock".into(),
        2 => "mtu".into(),
        3 => "window".into(),
        4 => "rtt".into(),
        5 => "rttvar".into(),
        6 => "ssthresh".into(),
        7 => "cwnd".into(),
        8 => "advmss".into(),
        9 => "reordering".into(),
        10 => "hoplimit".into(),
        11 => "initcwnd".into(),
        12 => "features".into(),
        13 => "rto_min".into(),
        14 => "initrwnd".into(),
        15 => "quickack".into(),
        kind => format!("{kind}"),
    };
    Value::Object(route.metrics().map(|metric| (name(metric.kind), metric.value.into())).collect())
}

fn next_hops(hops: NextHops<'_>) -> Value {
    hops.iter()
        .map(|hop| {
            let mut object = json!({
                "gateway": hop.gateway(),
                "oif": number(hop.ifindex),
                "weight": hop.weight(),
                "flags": hop.flags.bits(),
            });
            for attr in hop.attributes() {
                match attr {
                    RouteAttr::EncapType(kind) => put(&mut object, "encap_type", kind),
                    RouteAttr::Flow(flow) => put(&mut object, "flow", flow),
                    _ => {}
                }
            }
            object
        })
        .collect()
}

fn neighbour_object(header: Header, neighbour: NeighbourMessage<'_>) -> Value {
    let fixed = neighbour.header;
    let mut object = json!({
        "type": name(header),
        "flags": header.flags.bits(),
        "family": fixed.family.0,
        "ifindex": number(fixed.ifindex),
        "state": fixed.state.bits(),
        "ntf": fixed.flags.bits(),
        "dst": neighbour.destination(),
        "lladdr": neighbour.link_address().map(|mac| mac.to_string()),
    });
    let object_ref = &mut object;
    if fixed.neigh_type != 0 {
        put(object_ref, "ndm_type", fixed.neigh_type);
    }
    for attr in neighbour.attributes() {
        match attr {
            NeighbourAttr::Vlan(vlan) => put(object_ref, "vlan", vlan),
            NeighbourAttr::Port(port) => put(object_ref, "port", port.0),
            NeighbourAttr::Vni(vni) => put(object_ref, "vni", vni),
            NeighbourAttr::IfIndex(link) => put(object_ref, "via", number(link)),
            NeighbourAttr::Master(link) => put(object_ref, "master", number(link)),
            NeighbourAttr::SourceVni(vni) => put(object_ref, "src_vni", vni),
            NeighbourAttr::Protocol(protocol) => put(object_ref, "protocol", protocol),
            NeighbourAttr::NextHopId(id) => put(object_ref, "nhid", id),
            NeighbourAttr::FlagsExt(flags) => put(object_ref, "ext_flags", flags),
            _ => {}
        }
    }
    object
}

fn address_object(header: Header, address: AddressMessage<'_>) -> Value {
    let fixed = address.header;
    let mut object = json!({
        "type": name(header),
        "flags": header.flags.bits(),
        "family": fixed.family.0,
        "ifindex": number(fixed.ifindex),
        "prefixlen": fixed.prefix_len,
        "scope": fixed.scope,
        "ifa_flags": address.flags(),
        "local": address.local(),
        "address": address.address(),
    });
    for attr in address.attributes() {
        match attr {
            AddressAttr::Label(label) => put(&mut object, "label", label.as_str()),
            AddressAttr::Broadcast(address) => put(&mut object, "broadcast", address.to_string()),
            _ => {}
        }
    }
    object
}

/// The number of an index, 0 of none.
fn number(index: Option<IfIndex>) -> u32 {
    index.map_or(0, u32::from)
}

/// The number in an attribute, which may be 0.
fn link_attr(
    link: LinkMessage<'_>,
    index: fn(LinkAttr<'_>) -> Option<Option<IfIndex>>,
) -> Option<u32> {
    link.attributes().filter_map(index).last().map(number)
}

fn link_object(header: Header, link: LinkMessage<'_>) -> Value {
    let fixed = link.header;
    let mut object = json!({
        "type": name(header),
        "flags": header.flags.bits(),
        "family": fixed.family.0,
        "ifindex": number(fixed.ifindex),
        "ifname": link.name().and_then(|name| name.as_str()),
        "up": fixed.flags.contains(LinkFlags::UP),
        "ifi_flags": fixed.flags.bits(),
        "change": fixed.change.bits(),
        "mtu": link.mtu(),
        "address": link.address().map(|mac| mac.to_string()),
        "link": link_attr(link, |attr| match attr {
            LinkAttr::Link(index) => Some(index),
            _ => None,
        }),
        "master": link_attr(link, |attr| match attr {
            LinkAttr::Master(index) => Some(index),
            _ => None,
        }),
        "kind": link.kind().and_then(|kind| kind.as_str()),
    });
    for attr in link.attributes() {
        match attr {
            LinkAttr::TxQueueLen(length) => put(&mut object, "txqlen", length),
            LinkAttr::OperState(state) => put(&mut object, "operstate", state),
            _ => {}
        }
    }
    let vxlan: Map<String, Value> = link.vxlan().filter_map(vxlan_member).collect();
    if !vxlan.is_empty() {
        put(&mut object, "vxlan", vxlan);
    }
    object
}

fn vxlan_member(attr: VxlanAttr<'_>) -> Option<(String, Value)> {
    let (name, value): (&str, Value) = match attr {
        VxlanAttr::Id(vni) => ("id", vni.into()),
        VxlanAttr::Group(group) => ("group", group.to_string().into()),
        VxlanAttr::Link(link) => ("link", number(link).into()),
        VxlanAttr::Local(local) => ("local", local.to_string().into()),
        VxlanAttr::Ttl(ttl) => ("ttl", ttl.into()),
        VxlanAttr::Tos(tos) => ("tos", tos.into()),
        VxlanAttr::Learning(on) => ("learning", (on != 0).into()),
        VxlanAttr::Ageing(seconds) => ("ageing", seconds.into()),
        VxlanAttr::Limit(entries) => ("limit", entries.into()),
        VxlanAttr::PortRange([a, b, c, d]) => {
            let (low, high) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            ("port_range", json!({ "low": low, "high": high }))
        }
        VxlanAttr::Proxy(on) => ("proxy", (on != 0).into()),
        VxlanAttr::Rsc(on) => ("rsc", (on != 0).into()),
        VxlanAttr::L2Miss(on) => ("l2miss", (on != 0).into()),
        VxlanAttr::L3Miss(on) => ("l3miss", (on != 0).into()),
        VxlanAttr::Port(port) => ("port", port.0.into()),
        VxlanAttr::Group6(group) => ("group6", group.to_string().into()),
        VxlanAttr::Local6(local) => ("local6", local.to_string().into()),
        VxlanAttr::UdpChecksum(on) => ("udp_csum", (on != 0).into()),
        VxlanAttr::ZeroChecksum6Tx(on) => ("udp_zero_csum6_tx", (on != 0).into()),
        VxlanAttr::ZeroChecksum6Rx(on) => ("udp_zero_csum6_rx", (on != 0).into()),
        VxlanAttr::RemoteChecksumTx(on) => ("remcsum_tx", (on != 0).into()),
        VxlanAttr::RemoteChecksumRx(on) => ("remcsum_rx", (on != 0).into()),
        VxlanAttr::Gbp(()) => ("gbp", true.into()),
        VxlanAttr::RemoteChecksumNoPartial(()) => ("remcsum_nopartial", true.into()),
        VxlanAttr::CollectMetadata(on) => ("external", (on != 0).into()),
        VxlanAttr::Label(label) => ("label", label.0.into()),
        VxlanAttr::Gpe(()) => ("gpe", true.into()),
        VxlanAttr::TtlInherit(on) => ("ttl_inherit", (on != 0).into()),
        VxlanAttr::Df(df) => ("df", df.into()),
        VxlanAttr::VniFilter(on) => ("vnifilter", (on != 0).into()),
        VxlanAttr::LocalBypass(on) => ("localbypass", (on != 0).into()),
        VxlanAttr::LabelPolicy(policy) => ("label_policy", policy.into()),
        _ => return None,
    };
    Some((name.into(), value))
}
