//! What should be there against what is (flannel's ten-second check, `backend/route_network.go`, and more).

use core::fmt;

use crate::subnet::IpPrefix;
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
            Record::Other(_) => false,
        }
    }
}

/// Records in their order ([`Record`]'s `Ord`), so that each is found fast.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SortedRecords<'a>(&'a [Record]);

impl<'a> SortedRecords<'a> {
    /// These records.
    ///
    /// # Errors
    /// [`NotSorted`] when one stands before a lesser one.
    pub fn new(records: &'a [Record]) -> Result<Self, NotSorted> {
        match records.iter().zip(records.iter().skip(1)).position(|(record, next)| record > next) {
            Some(index) => Err(NotSorted { index }),
            None => Ok(Self(records)),
        }
    }

    /// Those that are about the same thing.
    fn rivals(self, record: &Record) -> impl Iterator<Item = &'a Record> + use<'a> {
        let place = record.place();
        let start = self.0.partition_point(|record| record.place() < place);
        self.0.iter().skip(start).take_while(move |record| record.place() == place)
    }

    fn meet(self, wanted: &Record) -> bool {
        self.rivals(wanted).any(|found| wanted.is_met_by(found))
    }
}

/// Records that are not in their order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NotSorted {
    /// Which stands before a lesser one.
    pub index: usize,
}

impl fmt::Display for NotSorted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {} stands before a lesser one", self.index)
    }
}

impl core::error::Error for NotSorted {}

/// What should be there and is not, in the order it should be set: neighbours, FDB entries, routes.
pub fn missing<'a>(
    wanted: SortedRecords<'a>,
    found: SortedRecords<'a>,
) -> impl Iterator<Item = Change> + 'a {
    wanted.0.iter().filter(move |wanted| !found.meet(wanted)).copied().map(Change::Set)
}

/// What is there, is the agent's own and should not be: to be deleted before what is [`missing`] is set.
///
/// What setting a missing entry overwrites is left to it. A host-gw route overwrites nothing: while it is missing, any
/// other route to its destination goes, whoever made it, as flannel has it.
pub fn stale<'a>(
    wanted: SortedRecords<'a>,
    found: SortedRecords<'a>,
    owned: Owned<'a>,
) -> impl Iterator<Item = Change> + 'a {
    let goes = move |entry: &&Record| {
        if wanted.rivals(entry).any(|wanted| wanted.is_met_by(entry)) {
            return false;
        }
        match wanted.rivals(entry).find(|wanted| !found.meet(wanted)) {
            Some(missing) => matches!(missing, Record::HostGw(_)),
            None => owned.has(entry),
        }
    };
    found.0.iter().filter(goes).copied().map(Change::Delete)
}
