//! What should be there against what is (flannel's ten-second check, `backend/route_network.go`, and more).

use crate::netlink::IpPrefix;
use crate::wire::MacAddr;

use super::record::{Change, Record};

/// Which of the entries found in the kernel are the agent's own, so that it may delete them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Owned<'a> {
    /// Index of the vxlan link: all its permanent neighbours, FDB entries and onlink routes.
    pub vxlan_link: Option<u32>,
    /// Index of the underlay's link: its gateway routes into `networks`.
    pub underlay_link: Option<u32>,
    /// The overlay's networks.
    pub networks: &'a [IpPrefix],
}

impl Owned<'_> {
    fn has(&self, found: &Record) -> bool {
        match found {
            Record::Neighbour(entry) => self.vxlan_link == Some(entry.link),
            // the default destination comes from the device's own configuration
            Record::Fdb(entry) => self.vxlan_link == Some(entry.link) && entry.mac != MacAddr::ZERO,
            Record::Onlink(route) => self.vxlan_link == Some(route.link),
            Record::Direct(route) | Record::HostGw(route) => {
                let inside = |network: &IpPrefix| network.contains_prefix(route.destination);
                self.underlay_link == Some(route.link) && self.networks.iter().any(inside)
            }
        }
    }
}

/// What should be there and is not, in the order it should be set.
///
/// Both lists are searched for each entry: the time grows with the product of their lengths.
pub fn missing<'a>(
    wanted: impl IntoIterator<Item = Record> + 'a,
    found: impl Iterator<Item = Record> + Clone + 'a,
) -> impl Iterator<Item = Change> + 'a {
    wanted
        .into_iter()
        .filter(move |wanted| !found.clone().any(|found| wanted.is_met_by(&found)))
        .map(Change::Set)
}

/// What is there, is the agent's own and should not be: to be deleted before what is [`missing`] is set.
///
/// What setting a missing entry overwrites is left to it. A host-gw route overwrites nothing: while it is missing, any
/// other route to its destination goes, whoever made it, as flannel has it.
pub fn stale<'a>(
    wanted: impl Iterator<Item = Record> + Clone + 'a,
    found: impl Iterator<Item = Record> + Clone + 'a,
    owned: Owned<'a>,
) -> impl Iterator<Item = Change> + 'a {
    let all = found.clone();
    let goes = move |found: &Record| {
        if wanted.clone().any(|wanted| wanted.is_met_by(found)) {
            return false;
        }
        let mut rivals = wanted.clone().filter(|wanted| wanted.same_place(found));
        match rivals.find(|rival| !all.clone().any(|found| rival.is_met_by(&found))) {
            Some(missing) => matches!(missing, Record::HostGw(_)),
            None => owned.has(found),
        }
    };
    found.filter(goes).map(Change::Delete)
}
