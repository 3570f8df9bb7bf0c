//! What each event means, and that a reconciliation ends where the events would have led.

mod events;
mod found;
mod readings;
mod reconcile;
mod unreadable;

use core::net::IpAddr;
use std::string::{String, ToString};
use std::vec::Vec;

use super::*;
use crate::netlink::IfIndex;
use crate::subnet::IpPrefix;
use crate::wire::MacAddr;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn prefix(text: &str) -> IpPrefix {
    text.parse().unwrap()
}

fn peer(subnet: &str, public: &str, mac: u8) -> VxlanPeer {
    let owner = Owner::of_subnet(IpPrefix::new(ip(subnet), 24).unwrap());
    VxlanPeer::new(owner, ip(public), MacAddr::new([2, 0, 0, 0, 0, mac])).unwrap()
}

fn words(plan: &Plan) -> Vec<String> {
    plan.changes().map(|change| change.to_string()).collect()
}

fn records(peer: &VxlanPeer, reach: Reach) -> Vec<Record> {
    VXLAN.wanted(peer, reach).map(|wanted| wanted.record).collect()
}

fn found(records: &[Record]) -> Vec<Found> {
    records.iter().copied().map(Found::exact).collect()
}

const VXLAN: VxlanBackend = VxlanBackend { ifindex: IfIndex::literal::<7>() };

const HOST_GW: HostGwBackend = HostGwBackend { ifindex: IfIndex::literal::<2>() };

fn host_gw(public: &str) -> HostGwPeer {
    HostGwPeer::new(Owner::of_subnet(prefix("10.1.17.0/24")), ip(public)).unwrap()
}

/// What the kernel has after the changes: one entry in each place, an added route only in a free
/// one.
fn after(found: &[Record], changes: &[Change]) -> Vec<Record> {
    let mut entries = found.to_vec();
    for change in changes {
        let in_place = |entry: &Record| entry.place() == change.record().place();
        match change {
            Change::Delete(record) => entries.retain(|entry| entry != record),
            Change::Add(record) => {
                assert!(!entries.iter().any(in_place), "EEXIST {record}");
                entries.push(*record);
            }
            Change::Set(record) => {
                entries.retain(|entry| !in_place(entry));
                entries.push(*record);
            }
        }
    }
    entries
}

fn sorted(records: &[Record]) -> Vec<Record> {
    let mut records = records.to_vec();
    records.sort_unstable();
    records
}
