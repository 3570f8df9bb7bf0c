//! What leases want in the kernel, and who has what several want.

use core::fmt;

use crate::netlink::IfIndex;

use super::found::FoundRecords;
use super::peer::Owner;
use super::record::{Place, Record};
use super::sort::sort;

/// An entry that a lease wants.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Wanted {
    /// The lease.
    pub owner: Owner,
    /// The entry.
    pub record: Record,
    /// It is in the kernel, and an unreadable lease keeps it as it is.
    pub(super) is_kept: bool,
}

impl Wanted {
    pub(super) const fn new(owner: Owner, record: Record) -> Self {
        Self { owner, record, is_kept: false }
    }

    const fn order(&self) -> (Place, Owner, &Record) {
        (self.record.place(), self.owner, &self.record)
    }
}

/// By the place in the kernel, and there by the rule for conflicts ([`Owner`]).
impl Ord for Wanted {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Wanted {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// A lease's part in the kernel's tables.
///
/// The backends make them of [`Reading`](super::Reading)s:
/// [`VxlanBackend::claims`](super::VxlanBackend::claims),
/// [`HostGwBackend::claims`](super::HostGwBackend::claims).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Claim {
    /// The lease wants an entry.
    Wants(Wanted),
    /// The lease is there but unreadable: what its subnet owns stays as it is.
    Keeps(Kept),
}

impl Claim {
    /// The lease.
    #[must_use]
    pub const fn owner(&self) -> Owner {
        match self {
            Self::Wants(wanted) => wanted.owner,
            Self::Keeps(kept) => kept.owner,
        }
    }

    /// Whether the lease wants, or may have, an entry in that place.
    pub(super) fn concerns(&self, place: Place) -> bool {
        match self {
            Self::Wants(wanted) => wanted.record.place() == place,
            Self::Keeps(kept) => kept.has(place),
        }
    }

    /// Whether the lease may have an entry in that place, but that cannot be told: which FDB entry
    /// an unreadable lease owns says its neighbour alone.
    pub(super) const fn is_uncertain(&self, place: Place) -> bool {
        matches!((self, place), (Self::Keeps(_), Place::Fdb(..)))
    }
}

/// What an unreadable lease owns: the route to its subnet; with the vxlan backend the neighbour at
/// the subnet's first address, and the FDB entry of that neighbour's MAC address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Kept {
    /// The lease.
    pub owner: Owner,
    /// Index of the vxlan link, with the vxlan backend.
    pub vxlan_ifindex: Option<IfIndex>,
}

impl Kept {
    /// Whether the entry in that place is the lease's own, or may be.
    pub(super) fn has(&self, place: Place) -> bool {
        match place {
            Place::Fdb(ifindex, _) => self.vxlan_ifindex == Some(ifindex),
            _ => Some(place) == self.neighbour() || place == self.route(),
        }
    }

    const fn route(&self) -> Place {
        Place::Route(self.owner.subnet)
    }

    fn neighbour(&self) -> Option<Place> {
        Some(Place::Neighbour(self.vxlan_ifindex?, self.owner.subnet.address()))
    }
}

/// There is no space left for the entries that leases want.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TooManyRecords {
    /// How many entries there is space for.
    pub max: usize,
}

impl fmt::Display for TooManyRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leases want more than {} entries", self.max)
    }
}

impl core::error::Error for TooManyRecords {}

/// Two leases that want different entries where the kernel has room for one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Conflict {
    /// What is set.
    pub kept: Wanted,
    /// What is not.
    pub refused: Wanted,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kept, refused } = self;
        write!(
            f,
            "leases {} and {} conflict: {}, not {}",
            kept.owner, refused.owner, kept.record, refused.record
        )
    }
}

/// All that the leases want, sorted, with what is kept for unreadable ones.
#[derive(Clone, Copy, Debug)]
pub struct WantedRecords<'a> {
    records: &'a [Option<Wanted>],
    unknown_fdb: UnknownFdb,
}

impl<'a> WantedRecords<'a> {
    /// Collects the claims of all leases into `buffer`.
    ///
    /// For an unreadable lease, what it owns of `found`, the entries in the kernel, is wanted as it
    /// is. `buffer` needs three places a lease and family.
    ///
    /// # Errors
    /// [`TooManyRecords`] if `buffer` is too short.
    pub fn collect(
        claims: impl IntoIterator<Item = Claim>,
        found: FoundRecords<'_>,
        buffer: &'a mut [Option<Wanted>],
    ) -> Result<Self, TooManyRecords> {
        let max = buffer.len();
        let mut unknown_fdb = UnknownFdb::default();
        let mut len = 0usize;
        let mut push = |wanted| {
            *buffer.get_mut(len).ok_or(TooManyRecords { max })? = Some(wanted);
            len = len.saturating_add(1);
            Ok(())
        };
        for claim in claims {
            match claim {
                Claim::Wants(wanted) => push(wanted)?,
                Claim::Keeps(kept) => unknown_fdb.keep(kept, found, &mut push)?,
            }
        }
        let records = buffer.get_mut(..len).unwrap_or_default();
        sort(records);
        Ok(Self { records, unknown_fdb })
    }

    /// Returns the entries that are to be in the kernel: of several for one place the one whose
    /// owner has it.
    pub fn winners(self) -> impl Iterator<Item = Record> + 'a {
        let mut last = None;
        self.records.iter().flatten().filter_map(move |wanted| {
            let place = wanted.record.place();
            (last.replace(place) != Some(place)).then_some(wanted.record)
        })
    }

    /// Returns the conflicts between leases: each entry that is not set since another lease has its
    /// place.
    pub fn conflicts(self) -> impl Iterator<Item = Conflict> + 'a {
        let mut kept: Option<Wanted> = None;
        self.records.iter().flatten().filter_map(move |&refused| match kept {
            Some(kept) if kept.record.place() == refused.record.place() => {
                let conflict = kept.record != refused.record && kept.owner != refused.owner;
                conflict.then_some(Conflict { kept, refused })
            }
            _ => {
                kept = Some(refused);
                None
            }
        })
    }

    /// The entry that is to be in a place.
    pub(super) fn winner(self, place: Place) -> Option<Wanted> {
        let before = |wanted: &Option<Wanted>| wanted.is_some_and(|w| w.record.place() < place);
        let first = self.records.get(self.records.partition_point(before)).copied()??;
        (first.record.place() == place).then_some(first)
    }

    /// Whether an FDB entry of that link may be one that an unreadable lease owns.
    pub(super) fn may_own_fdb(self, ifindex: IfIndex) -> bool {
        self.unknown_fdb.has(ifindex)
    }
}

/// Links on which it cannot be told which FDB entries unreadable leases own: their neighbours are
/// not there to say.
#[derive(Clone, Copy, Default, Debug)]
struct UnknownFdb {
    links: [Option<IfIndex>; 2],
    /// There are more than two.
    every_link: bool,
}

impl UnknownFdb {
    fn has(self, ifindex: IfIndex) -> bool {
        self.every_link || self.links.contains(&Some(ifindex))
    }

    fn add(&mut self, ifindex: IfIndex) {
        if self.has(ifindex) {
            return;
        }
        match self.links.iter_mut().find(|known| known.is_none()) {
            Some(free) => *free = Some(ifindex),
            None => self.every_link = true,
        }
    }

    /// Passes on what an unreadable lease owns of the entries found.
    fn keep(
        &mut self,
        kept: Kept,
        found: FoundRecords<'_>,
        push: &mut impl FnMut(Wanted) -> Result<(), TooManyRecords>,
    ) -> Result<(), TooManyRecords> {
        // One entry a place stands for all that are there.
        let mut keep = |place| match found.at(place).next() {
            Some(entry) => push(Wanted { is_kept: true, ..Wanted::new(kept.owner, entry.record) }),
            None => Ok(()),
        };
        keep(kept.route())?;
        let (Some(ifindex), Some(place)) = (kept.vxlan_ifindex, kept.neighbour()) else {
            return Ok(());
        };
        keep(place)?;
        match found.at(place).next().map(|entry| entry.record) {
            Some(Record::Neighbour(neighbour)) if neighbour.mac.is_valid_unicast() => {
                keep(Place::Fdb(ifindex, neighbour.mac))
            }
            _ => {
                self.add(ifindex);
                Ok(())
            }
        }
    }
}
