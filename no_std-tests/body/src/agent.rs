//! What a lease event means to the kernel.

use vtep::agent::{
    Change, HostGw, HostGwPeer, Owned, Plan, Reach, Record, SortedRecords, Vxlan, VxlanPeer,
    ensure_address, missing, stale,
};
use vtep::lease::LeaseValue;
use vtep::netlink::{LinkAddress, Messages, OtherRoute};
use vtep::subnet::IpPrefix;

use crate::lease::{VALUE, lease_key};
use crate::netlink::host_gw;
use crate::{Checks, any, ip};

pub(crate) fn run(checks: &mut Checks<'_>) {
    vxlan(checks);
    host_gateway(checks);
    other_routes_and_addresses(checks);
    reconcile(checks);
}

fn peer() -> Option<VxlanPeer> {
    let value = LeaseValue::from_json(any(VALUE)).ok()?;
    let [v4, v6] = VxlanPeer::from_lease(&lease_key("10.5.34.0-24")?, &value).ok()?;
    v4.filter(|_| v6.is_none())
}

fn count(plan: &Plan) -> usize {
    plan.changes().count()
}

fn vxlan(checks: &mut Checks<'_>) {
    let vxlan = Vxlan { link: any(3) };
    checks.all("agent: vxlan plans", || {
        let peer = peer()?;
        let moved = VxlanPeer { public: ip(192, 168, 64, 9), ..peer };
        let added = vxlan.added(&peer, any(Reach::Tunnel));
        let removed = vxlan.removed(&peer, any(Reach::Direct));
        let replaced = vxlan.replaced((&peer, Reach::Tunnel), (&moved, any(Reach::Tunnel)));
        let last = added.changes().last()?;
        Some(
            (count(&added), count(&removed), count(&replaced)) == (3, 1, 3)
                && count(&added.rollback(any(2))) == 2
                && matches!(last, Change::Set(Record::Onlink(_)))
                && vxlan.records(&peer, Reach::Tunnel).count() == 3,
        )
    });
    checks.all("agent: records to the kernel and back", || {
        let mut buffer = [0; 256];
        let peer = peer()?;
        let mut same = true;
        for record in vxlan.records(&peer, Reach::Tunnel) {
            let len = record.write_set(any(1), &mut buffer).ok()?;
            let read = Messages::new(buffer.get(..len)?).next()?.ok()?;
            same &= Record::from_body(read.body().ok()?) == Some(record);
            same &= record.write_delete(any(1), &mut buffer).is_ok();
            same &= Change::Set(record).write(any(1), &mut buffer).ok() == Some(len);
        }
        Some(same)
    });
    checks.is("agent: no route is no way", Reach::from_lookup([]) == Reach::Tunnel);
}

fn host_gateway(checks: &mut Checks<'_>) {
    let backend = HostGw { link: any(2) };
    checks.all("agent: host-gw plans", || {
        let mut value = LeaseValue::new(any([192, 168, 0, 17]).into());
        value.backend_type = any("host-gw").into();
        let [peer, _] = HostGwPeer::from_lease(&lease_key("10.1.17.0-24")?, &value);
        let peer = peer?;
        let moved = HostGwPeer { public: ip(192, 168, 0, 18), ..peer };
        let route = backend.route(&peer);
        Some(
            route == host_gw()?
                && count(&backend.added(&peer, Some(Record::HostGw(route)))) == 0
                && count(&backend.added(&moved, Some(Record::HostGw(route)))) == 2
                && count(&backend.removed(&peer)) == 1
                && count(&backend.replaced(&peer, &moved)) == 2,
        )
    });
}

fn other_routes_and_addresses(checks: &mut Checks<'_>) {
    checks.all("agent: a route without a gateway goes", || {
        let destination = any("10.1.17.9/24").parse().ok()?;
        let other = OtherRoute { destination, link: any(7), scope: 253, kind: 1 };
        let backend = HostGw { link: any(2) };
        let peer = HostGwPeer { subnet: destination, public: ip(192, 168, 0, 18) };
        let mut buffer = [0; 64];
        let plan = backend.added(&peer, Some(Record::Other(other)));
        let length = plan.changes().next()?.write(any(1), &mut buffer).ok()?;
        Some((count(&plan), length) == (2, 44))
    });
    checks.all("agent: the own link's address", || {
        let wanted = LinkAddress { link: any(7), address: ip(10, 1, 16, 0), prefix_len: 32 };
        let found = [LinkAddress { address: ip(10, 1, 15, 0), ..wanted }];
        let network = any("10.1.0.0/16").parse().ok()?;
        Some(ensure_address(wanted, network, any(&found)).count() == 2)
    });
}

fn reconcile(checks: &mut Checks<'_>) {
    checks.all("agent: what is missing and what is stale", || {
        let networks = [IpPrefix::new(ip(10, 1, 0, 0), any(16))?];
        let owned = Owned { underlay_link: Some(any(2)), networks: &networks, ..Owned::default() };
        let route = [Record::HostGw(host_gw()?)];
        let (none, one) = (SortedRecords::new(&[]).ok()?, SortedRecords::new(&route).ok()?);
        let absent = missing(one, none).count();
        let present = missing(one, one).count();
        let gone = stale(none, one, owned).count();
        Some((absent, present, gone) == (1, 0, 1))
    });
}
