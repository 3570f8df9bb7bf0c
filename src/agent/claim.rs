//! What leases want in the kernel, and who has what several want.

use core::fmt;

use crate::netlink::{IfIndex, NeighbourEntry};
use crate::wire::MacAddr;

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
    pub(super) hold: Hold,
}

/// Why an entry is claimed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Hold {
    /// The lease says so.
    Said,
    /// It is in the kernel, and an unreadable lease keeps it as it is.
    Kept,
    /// It stands for the neighbour of an unreadable lease, which is not there.
    Unknown,
    /// An unreadable lease does not have it after all.
    Lost,
}

impl Wanted {
    pub(super) const fn new(owner: Owner, record: Record) -> Self {
        Self { owner, record, hold: Hold::Said }
    }

    pub(super) fn is_kept(&self) -> bool {
        self.hold == Hold::Kept
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

    /// Returns the claims that it is while `found` is in the kernel. An unreadable lease wants what it
    /// owns there as it is: the route to its subnet, the neighbour, the FDB entry of that neighbour's
    /// MAC address. Without the neighbour, any FDB entry of the link may be its own.
    ///
    /// Resolve the claims that a plan takes as `others`: otherwise it cannot tell which FDB entry is an
    /// unreadable lease's own, and overwrites it for another lease of the same MAC address.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::agent::{Claim, Found, FoundRecords, Owner, Reach, VxlanBackend, VxlanPeer};
    /// use vtep::netlink::IfIndex;
    /// use vtep::wire::MacAddr;
    ///
    /// let backend = VxlanBackend { ifindex: IfIndex::literal::<7>() };
    /// let mac = MacAddr::new([2, 0, 0, 0, 0, 1]);
    /// let peer = |subnet: &str, public: [u8; 4]| {
    ///     VxlanPeer::new(Owner::of_subnet(subnet.parse().unwrap()), public.into(), mac)
    /// };
    /// // An agent starts. One lease is unreadable, its entries are in the kernel.
    /// let mut found: Vec<Found> = backend
    ///     .wanted(&peer("10.5.2.0/24", [192, 0, 2, 12])?, Reach::Tunnel)
    ///     .map(|wanted| Found::exact(wanted.record))
    ///     .collect();
    /// let found = FoundRecords::new(&mut found);
    /// let [unreadable, _] = VxlanPeer::from_json(&"10.5.2.0-24".parse()?, "{", &[]);
    /// let others = backend.claims(&unreadable, Reach::Tunnel).flat_map(|claim| claim.resolve(found));
    ///
    /// // Another lease comes with the same MAC address: the FDB entry stays.
    /// let plan = backend.added(&peer("10.5.3.0/24", [192, 0, 2, 13])?, Reach::Tunnel, others);
    /// let words: Vec<String> = plan.changes().map(|change| change.to_string()).collect();
    /// assert_eq!(
    ///     words,
    ///     [
    ///         "set neighbour 10.5.3.0 is at 02:00:00:00:00:01 on link 7",
    ///         "set route 10.5.3.0/24 via 10.5.3.0 on link 7, onlink",
    ///     ]
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resolve(self, found: FoundRecords<'_>) -> impl Iterator<Item = Self> + Clone + use<> {
        let claims = match self {
            Self::Keeps(kept) if !kept.is_fdb_alone => kept.resolve(found),
            _ => [Some(self), None, None],
        };
        claims.into_iter().flatten()
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
    /// Of what it owns only the FDB entry is not known.
    is_fdb_alone: bool,
}

impl Kept {
    pub(super) const fn new(owner: Owner, vxlan_ifindex: Option<IfIndex>) -> Self {
        Self { owner, vxlan_ifindex, is_fdb_alone: false }
    }

    /// What it owns of the entries found. One entry a place stands for all that are there.
    fn resolve(self, found: FoundRecords<'_>) -> [Option<Claim>; 3] {
        let first = |place| {
            let in_place = found.at(place).min_by_key(|entry| !entry.is_default_metric);
            in_place.map(|entry| entry.record)
        };
        let keep =
            |record| Claim::Wants(Wanted { hold: Hold::Kept, ..Wanted::new(self.owner, record) });
        let neighbour = self.neighbour().and_then(first);
        let fdb = match (self.vxlan_ifindex, neighbour) {
            (None, _) => None,
            (Some(ifindex), Some(Record::Neighbour(entry))) if entry.mac.is_valid_unicast() => {
                first(Place::Fdb(ifindex, entry.mac)).map(keep)
            }
            _ => Some(Claim::Keeps(Self { is_fdb_alone: true, ..self })),
        };
        [neighbour.map(keep), fdb, first(self.route()).map(keep)]
    }

    /// What stands for its neighbour, which is not there.
    fn unknown_neighbour(self) -> Option<Wanted> {
        let (ifindex, address) = (self.vxlan_ifindex?, self.owner.subnet.address());
        let record = Record::Neighbour(NeighbourEntry { ifindex, address, mac: MacAddr::ZERO });
        Some(Wanted { hold: Hold::Unknown, ..Wanted::new(self.owner, record) })
    }

    /// Whether the entry in that place is the lease's own, or may be.
    pub(super) fn has(&self, place: Place) -> bool {
        match place {
            Place::Fdb(ifindex, _) => self.vxlan_ifindex == Some(ifindex),
            _ if self.is_fdb_alone => false,
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
        let mut len = 0usize;
        for claim in claims.into_iter().flat_map(|claim| claim.resolve(found)) {
            let wanted = match claim {
                Claim::Wants(wanted) => Some(wanted),
                Claim::Keeps(kept) => kept.unknown_neighbour(),
            };
            if let Some(wanted) = wanted {
                *buffer.get_mut(len).ok_or(TooManyRecords { max })? = Some(wanted);
                len = len.saturating_add(1);
            }
        }
        let records = buffer.get_mut(..len).unwrap_or_default();
        sort(records);
        let (len, unknown_fdb) = settle_unreadable(records);
        let records = records.get(..len).unwrap_or_default();
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
    /// place. What an unreadable lease loses is not one, because nobody knows whether it wants it.
    pub fn conflicts(self) -> impl Iterator<Item = Conflict> + 'a {
        let mut kept: Option<Wanted> = None;
        self.records.iter().flatten().filter_map(move |&refused| match kept {
            Some(kept) if kept.record.place() == refused.record.place() => {
                let is_met = match kept.is_kept() {
                    true => refused.record.is_met_by(&kept.record),
                    false => refused.record == kept.record,
                };
                let is_conflict = !is_met && !refused.is_kept() && kept.owner != refused.owner;
                is_conflict.then_some(Conflict { kept, refused })
            }
            _ => {
                kept = Some(refused);
                None
            }
        })
    }

    /// The entry that is to be in a place.
    pub(super) fn winner(self, place: Place) -> Option<Wanted> {
        in_place(self.records, place).next()
    }

    /// Whether an FDB entry of that link may be one that an unreadable lease owns.
    pub(super) fn may_own_fdb(self, ifindex: IfIndex) -> bool {
        self.unknown_fdb.has(ifindex)
    }
}

/// Takes out what unreadable leases do not have, since another lease has their neighbour or will have
/// it: then no FDB entry is their own. Returns how many entries are left, and the links on which others
/// may own any.
fn settle_unreadable(records: &mut [Option<Wanted>]) -> (usize, UnknownFdb) {
    let mut unknown_fdb = UnknownFdb::default();
    // Those that stand for one neighbour are side by side.
    let mut settled = None;
    for at in 0..records.len() {
        let Some(wanted) = records.get(at).copied().flatten() else { continue };
        let is_lost = match (wanted.hold, wanted.record) {
            (Hold::Unknown, Record::Neighbour(entry)) => {
                let place = wanted.record.place();
                let is_new = settled.replace(place) != Some(place);
                if is_new && !in_place(records, place).any(|w| w.hold == Hold::Said) {
                    unknown_fdb.add(entry.ifindex);
                }
                true
            }
            (Hold::Kept, Record::Fdb(entry)) => {
                let neighbour = Place::Neighbour(entry.ifindex, wanted.owner.subnet.address());
                in_place(records, neighbour).next().is_some_and(|w| w.owner != wanted.owner)
            }
            _ => false,
        };
        if let Some(Some(wanted)) = records.get_mut(at).filter(|_| is_lost) {
            wanted.hold = Hold::Lost;
        }
    }
    let mut len = 0usize;
    for at in 0..records.len() {
        let wanted = records.get(at).copied().flatten();
        let left = wanted.filter(|wanted| wanted.hold != Hold::Lost);
        if let (Some(wanted), Some(slot)) = (left, records.get_mut(len)) {
            *slot = Some(wanted);
            len = len.saturating_add(1);
        }
    }
    (len, unknown_fdb)
}

/// The entries for a place, the least owner's first.
fn in_place(records: &[Option<Wanted>], place: Place) -> impl Iterator<Item = Wanted> {
    let before = |wanted: &Option<Wanted>| wanted.is_some_and(|w| w.record.place() < place);
    let from = records.get(records.partition_point(before)..).unwrap_or_default();
    from.iter().flatten().copied().take_while(move |wanted| wanted.record.place() == place)
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
}
