//! What a lease event means to the kernel.

use vtep::agent::{
    Change, Claim, Found, FoundRecords, HostGwBackend, HostGwPeer, Owner, Ownership, Plan, Reach,
    Reading, Record, VxlanBackend, VxlanPeer, WantedRecords, ensure_address, missing, stale,
};
use vtep::lease::LeaseValue;
use vtep::netlink::{LinkAddress, Messages, OtherRoute};
use vtep::subnet::IpPrefix;

use crate::lease::{VALUE, lease_key};
use crate::netlink::{host_gw, ifindex};
use crate::{Checks, any, ip};

// A frame of its own, for `callgraph.py`.
#[inline(never)]
pub(crate) fn run(checks: &mut Checks<'_>) {
    vxlan(checks);
    host_gateway(checks);
    other_routes_and_addresses(checks);
    reconcile(checks);
}

fn peer() -> Option<VxlanPeer> {
    let [v4, v6] = VxlanPeer::from_json(&lease_key("10.5.34.0-24")?, any(VALUE), &[]);
    v4.peer().copied().filter(|_| v6 == Reading::Absent)
}

fn count(plan: &Plan) -> usize {
    plan.changes().count()
}

fn vxlan(checks: &mut Checks<'_>) {
    let vxlan = VxlanBackend { ifindex: ifindex(3) };
    checks.all("agent: vxlan plans", || {
        let peer = peer()?;
        let moved = VxlanPeer::new(peer.owner(), ip(192, 168, 64, 9), peer.mac()).ok()?;
        let added = vxlan.added(&peer, any(Reach::Tunnel), []);
        let removed = vxlan.removed(&peer, any(Reach::Direct), []);
        let replaced = vxlan.replaced((&peer, Reach::Tunnel), (&moved, any(Reach::Tunnel)), []);
        let last = added.changes().last()?;
        let undo = added.rollback(any(2), FoundRecords::EMPTY);
        let claims = vxlan.claims(&Reading::Peer(moved), Reach::Tunnel);
        let other = Owner::of_subnet(any("10.5.35.0/24").parse().ok()?);
        let shared = VxlanPeer::new(other, peer.public(), peer.mac()).ok()?;
        Some(
            (count(&added), count(&removed), count(&replaced)) == (3, 1, 3)
                && (count(undo.plan()), undo.inexact().count()) == (2, 0)
                && matches!(last, Change::Set(Record::Onlink(_)))
                && last.record().shares_place(&last.record())
                && claims.filter(|claim| claim.owner() == peer.owner()).count() == 3
                && count(&vxlan.removed(
                    &peer,
                    Reach::Tunnel,
                    vxlan.wanted(&shared, Reach::Tunnel).map(Claim::Wants),
                )) == 2,
        )
    });
    checks.all("agent: an unreadable lease keeps what it last said", || {
        let key = lease_key("10.5.34.0-24")?;
        let [good, _] = VxlanPeer::from_value(&key, &LeaseValue::from_json(any(VALUE)).ok()?, &[]);
        let [bad, _] = VxlanPeer::from_json(&key, any("{}x"), &[]);
        let [owner, none] = Owner::all_of(&key);
        let kept = bad.or_last(&good);
        Some(kept.peer() == good.peer() && owner.is_some() && none.is_none())
    });
    checks.all("agent: records to the kernel and back", || {
        let mut buffer = [0; 256];
        let peer = peer()?;
        let mut same = true;
        for wanted in vxlan.wanted(&peer, Reach::Tunnel) {
            let record = wanted.record;
            let len = record.write_set(any(1), &mut buffer).ok()?;
            let read = Messages::new(buffer.get(..len)?).next()?.ok()?;
            same &= Record::from_body(read.body().ok()?) == Some(record);
            same &= Found::from_body(read.body().ok()?) == Some(Found::exact(record));
            same &= record.write_delete(any(1), &mut buffer).is_ok();
            same &= record.write_add(any(1), &mut buffer).ok() == Some(len);
            same &= Change::Set(record).write(any(1), &mut buffer).ok() == Some(len);
        }
        Some(same)
    });
    checks.is("agent: no route is no way", Reach::from_lookup([]) == Reach::Tunnel);
}

fn host_gateway(checks: &mut Checks<'_>) {
    let backend = HostGwBackend { ifindex: ifindex(2) };
    checks.all("agent: host-gw plans", || {
        let mut value = LeaseValue::new(any([192, 168, 0, 17]).into());
        value.backend_type = any("host-gw").into();
        let key = lease_key("10.1.17.0-24")?;
        let [reading, _] = HostGwPeer::from_value(&key, &value, &[]);
        let peer = *reading.peer()?;
        let [unreadable, _] = HostGwPeer::from_json(&key, any("{"), &[]);
        let moved = HostGwPeer::new(peer.owner(), ip(192, 168, 0, 18)).ok()?;
        let route = backend.route(&peer);
        let mut found = [Found::exact(Record::HostGw(route))];
        let found = FoundRecords::new(any(&mut found[..]));
        Some(
            route == host_gw()?
                && peer.public() == route.gateway
                && backend.wanted(&peer).record == Record::HostGw(route)
                && count(&backend.added(&peer, found, [])) == 0
                && count(&backend.added(&moved, found, [])) == 1
                && count(&backend.removed(&peer, backend.claims(&unreadable))) == 1
                && count(&backend.replaced(&peer, &moved, [])) == 1,
        )
    });
}

fn other_routes_and_addresses(checks: &mut Checks<'_>) {
    checks.all("agent: a route without a gateway is overwritten", || {
        let destination: IpPrefix = any("10.1.17.0/24").parse().ok()?;
        let other =
            OtherRoute { destination, ifindex: Some(ifindex(7)), scope: 253, route_type: 1 };
        let backend = HostGwBackend { ifindex: ifindex(2) };
        let peer = HostGwPeer::new(Owner::of_subnet(destination), ip(192, 168, 0, 18)).ok()?;
        let mut buffer = [0; 64];
        let mut found = [Found::exact(Record::Other(other))];
        let plan = backend.added(&peer, FoundRecords::new(any(&mut found[..])), []);
        let length = plan.changes().next()?.write(any(1), &mut buffer).ok()?;
        let set = other.write_set(any(1), &mut buffer).ok()?;
        Some((count(&plan), length, set) == (1, 52, 44))
    });
    checks.all("agent: the own link's address", || {
        let wanted = LinkAddress { ifindex: ifindex(7), address: ip(10, 1, 16, 0), prefix_len: 32 };
        let found = [LinkAddress { address: ip(10, 1, 15, 0), ..wanted }];
        let network = any("10.1.0.0/16").parse().ok()?;
        Some(ensure_address(wanted, network, any(&found)).count() == 2)
    });
}

fn reconcile(checks: &mut Checks<'_>) {
    checks.all("agent: what is missing, stale and in conflict", || {
        let networks = [IpPrefix::new(ip(10, 1, 0, 0), any(16))?];
        let ownership = Ownership {
            underlay_ifindex: Some(ifindex(2)),
            networks: &networks,
            ..Ownership::default()
        };
        let backend = HostGwBackend { ifindex: ifindex(2) };
        let peer = HostGwPeer::new(
            Owner::of_subnet(any("10.1.17.0/24").parse().ok()?),
            ip(192, 168, 0, 17),
        )
        .ok()?;
        let mut entries = [Found::exact(Record::HostGw(backend.route(&peer)))];
        let one = FoundRecords::new(any(&mut entries[..]));
        let claims = || backend.claims(&Reading::Peer(peer));
        let (mut buffer, mut again) = ([None; 2], [None; 1]);
        let wanted =
            WantedRecords::collect(claims().chain(claims()), one, any(&mut buffer[..])).ok()?;
        let nothing = WantedRecords::collect([], one, any(&mut again[..])).ok()?;
        let absent = missing(wanted, FoundRecords::EMPTY).count();
        let present = missing(wanted, one).count();
        let gone = stale(nothing, one, ownership).count();
        let totals =
            (one.iter().count(), one.vxlan_peers(ifindex(7)).count(), wanted.winners().count());
        Some(
            (absent, present, gone) == (1, 0, 1)
                && totals == (1, 0, 1)
                && wanted.conflicts().count() == 0,
        )
    });
}
