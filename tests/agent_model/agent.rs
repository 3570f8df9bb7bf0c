//! The agent under test: an event loop that uses the crate as its documentation says.
//!
//! It knows the leases by a [`LeaseWatch`] of what each says of both families, keeps by [`Reading::or_last`] what an
//! unreadable one said last, passes the claims of all other leases to each plan, sends it request by request, and undoes
//! a plan of which a request failed by what it found before.

use vtep::agent::{
    Change, Claim, FoundRecords, HostGwBackend, HostGwPeer, Ownership, Plan, Reach, Reading,
    Record, VxlanBackend, VxlanPeer, WantedRecords, missing, stale,
};
use vtep::hash::HashKey;
use vtep::lease::{LeaseEvent, LeaseKey, LeaseSlot, LeaseWatch};

use crate::kernel::Refusal;
use crate::leases::{Backend, Config, Spec};
use crate::naive::Conflict;

/// What is sent to the kernel, and how it is read.
pub trait Tables {
    fn send(&mut self, change: &Change) -> Result<(), Refusal>;
    fn found(&mut self) -> Vec<vtep::agent::Found>;
    /// A plan begins: what is in the tables now is to be there again if it fails.
    fn begin(&mut self);
    /// A plan failed and was undone; those entries could not be given back as they were.
    fn undone(&mut self, inexact: Vec<Record>);
}

/// What a lease says of one family, and how its node is reached.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Said {
    Vxlan(Reading<VxlanPeer>, Reach),
    HostGw(Reading<HostGwPeer>),
}

pub type Value = [Said; 2];

/// An event, and the leases as they are after it.
pub type Told = (LeaseEvent<Value>, Vec<(LeaseKey, Value)>);

const NOTHING: Value = [Said::HostGw(Reading::Absent); 2];

pub struct Agent<'s> {
    config: Config,
    watch: LeaseWatch<'s, Value>,
}

/// Enough for all keys that there are.
pub const SLOTS: usize = 64;

impl<'s> Agent<'s> {
    pub fn new(slots: &'s mut [LeaseSlot<Value>], config: Config, hash_key: [u8; 16]) -> Self {
        let mut watch = LeaseWatch::new(slots, config.families, HashKey::new(hash_key));
        watch.set_own(Some(Config::OWN.parse().unwrap()));
        Self { config, watch }
    }

    pub fn slots() -> Vec<LeaseSlot<Value>> {
        vec![LeaseSlot::EMPTY; SLOTS]
    }

    fn read(&self, spec: &Spec, last: &Value) -> Value {
        let text = spec.json();
        let networks = if self.config.checks_networks { &Config::networks()[..] } else { &[] };
        let said: Value = match self.config.backend {
            Backend::Vxlan => {
                let [v4, v6] = VxlanPeer::from_json(&spec.key, &text, networks);
                [Said::Vxlan(v4, spec.reach[0]), Said::Vxlan(v6, spec.reach[1])]
            }
            _ => HostGwPeer::from_json(&spec.key, &text, networks).map(Said::HostGw),
        };
        [0, 1].map(|family| match (said[family], last[family]) {
            // The network is not of this family.
            _ if !self.config.has(family) => NOTHING[family],
            // An unreadable lease is reached as the one that is kept.
            (Said::Vxlan(reading @ Reading::Unreadable { .. }, _), Said::Vxlan(last, reach)) => {
                Said::Vxlan(reading.or_last(&last), reach)
            }
            (Said::HostGw(reading), Said::HostGw(last)) => Said::HostGw(reading.or_last(&last)),
            (said, _) => said,
        })
    }

    pub fn written(&mut self, spec: &Spec) -> Option<Told> {
        let last = self.watch.value(spec.key).copied().unwrap_or(NOTHING);
        let value = self.read(spec, &last);
        let event = self.watch.added(spec.key, value).expect("space");
        event.map(|event| (event, leases(&self.watch)))
    }

    pub fn removed(&mut self, key: LeaseKey) -> Option<Told> {
        let event = self.watch.removed(key);
        event.map(|event| (event, leases(&self.watch)))
    }

    pub fn snapshot(&mut self, specs: &[Spec]) -> Vec<Told> {
        let mut all: Vec<(LeaseKey, Value)> = Vec::new();
        for spec in specs {
            // Of two keys that are one lease, the later may be the unreadable one.
            let lease = self.config.lease_of(spec.key);
            let earlier = all.iter().rfind(|(key, _)| self.config.lease_of(*key) == lease);
            let known = self.watch.value(spec.key);
            let last = earlier.map(|(_, value)| value).or(known).copied().unwrap_or(NOTHING);
            all.push((spec.key, self.read(spec, &last)));
        }
        let mut events = Vec::new();
        self.watch
            .snapshot(&all, |watch, event| events.push((event, leases(watch))))
            .expect("space");
        events
    }

    /// The leases that are known, by their keys.
    pub fn keys(&self) -> Vec<LeaseKey> {
        self.watch.leases().map(|(key, _)| key).collect()
    }

    fn claims_of(&self, family: usize, said: &Said) -> Vec<Claim> {
        match said {
            Said::Vxlan(reading, reach) => self.vxlan(family).claims(reading, *reach).collect(),
            Said::HostGw(reading) => self.host_gw().claims(reading).collect(),
        }
    }

    fn vxlan(&self, family: usize) -> VxlanBackend {
        VxlanBackend { ifindex: self.config.vxlan_links[family] }
    }

    fn host_gw(&self) -> HostGwBackend {
        HostGwBackend { ifindex: self.config.underlay }
    }

    /// Does what an event says, one family after the other.
    pub fn handle(&self, (event, leases): &Told, tables: &mut impl Tables) {
        let (key, old, new) = match *event {
            LeaseEvent::Added { key, value, replaced } => (key, replaced.unwrap_or(NOTHING), value),
            LeaseEvent::Removed { key, value } => (key, value.unwrap_or(NOTHING), NOTHING),
            _ => unreachable!("another kind of event"),
        };
        let lease = self.config.lease_of(key);
        let others: Vec<Claim> = leases
            .iter()
            .filter(|(other, _)| self.config.lease_of(*other) != lease)
            .flat_map(|(_, said)| [0, 1].map(|family| self.claims_of(family, &said[family])))
            .flatten()
            .collect();
        for family in [0, 1] {
            // The other family of the same lease: IPv6 is to come, IPv4 has been.
            let other = if family == 0 { old[1] } else { new[0] };
            let own = self.claims_of(1 - family, &other);
            let mut found = tables.found();
            let entries = FoundRecords::new(&mut found);
            let others = others.iter().chain(&own).flat_map(|claim| claim.resolve(entries));
            let plan = self.plan(family, (&old[family], &new[family]), entries, others);
            run(&plan, entries, tables);
        }
    }

    fn plan(
        &self,
        family: usize,
        said: (&Said, &Said),
        found: FoundRecords<'_>,
        others: impl Iterator<Item = Claim> + Clone,
    ) -> Plan {
        let peer = |said: &Said| match said {
            Said::Vxlan(reading, reach) => reading.peer().map(|peer| (*peer, *reach)),
            Said::HostGw(_) => None,
        };
        let host_gw_peer = |said: &Said| match said {
            Said::HostGw(reading) => reading.peer().copied(),
            Said::Vxlan(..) => None,
        };
        if self.config.backend == Backend::Vxlan {
            let backend = self.vxlan(family);
            return match (peer(said.0), peer(said.1)) {
                (None, Some((new, reach))) => backend.added(&new, reach, others),
                (Some((old, was)), Some((new, is))) => {
                    backend.replaced((&old, was), (&new, is), others)
                }
                (Some((old, reach)), None) => backend.removed(&old, reach, others),
                (None, None) => Plan::EMPTY,
            };
        }
        let backend = self.host_gw();
        match (host_gw_peer(said.0), host_gw_peer(said.1)) {
            (None, Some(new)) => backend.added(&new, found, others),
            (Some(old), Some(new)) => backend.replaced(&old, &new, others),
            (Some(old), None) => backend.removed(&old, others),
            (None, None) => Plan::EMPTY,
        }
    }

    /// Makes one round, and returns the number of requests and the conflicts that are reported.
    pub fn reconcile(&self, tables: &mut impl Tables) -> (usize, Vec<Conflict>) {
        let mut found = tables.found();
        let found = FoundRecords::new(&mut found);
        let claims: Vec<Claim> = self
            .watch
            .leases()
            .flat_map(|(_, said)| [0, 1].map(|family| self.claims_of(family, &said[family])))
            .flatten()
            .collect();
        let mut buffer = vec![None; 6 * SLOTS];
        let wanted = WantedRecords::collect(claims, found, &mut buffer).expect("space");
        let mut changes: Vec<Change> = missing(wanted, found).collect();
        for link in self.config.vxlan_links {
            let ownership = Ownership {
                vxlan_ifindex: (self.config.backend == Backend::Vxlan).then_some(link),
                underlay_ifindex: Some(self.config.underlay),
                networks: &Config::networks(),
            };
            let stale: Vec<Change> = stale(wanted, found, ownership).collect();
            changes.extend(
                stale.into_iter().filter(|change| !changes.contains(change)).collect::<Vec<_>>(),
            );
        }
        for change in &changes {
            let _ = tables.send(change);
        }
        let conflicts = wanted.conflicts();
        let mut conflicts: Vec<Conflict> = conflicts
            .map(|conflict| (conflict.kept.owner, conflict.refused.owner, conflict.refused.record))
            .collect();
        conflicts.sort();
        (changes.len(), conflicts)
    }
}

fn leases(watch: &LeaseWatch<'_, Value>) -> Vec<(LeaseKey, Value)> {
    watch.leases().map(|(key, value)| (key, *value)).collect()
}

/// Sends the changes of a plan. One that fails undoes those before it; an entry to delete that is not there is no failure.
fn run(plan: &Plan, found: FoundRecords<'_>, tables: &mut impl Tables) {
    tables.begin();
    for (done, change) in plan.changes().enumerate() {
        match tables.send(&change) {
            Ok(()) => {}
            Err(Refusal::NotThere) if matches!(change, Change::Delete(_)) => {}
            Err(_) => {
                let undo = plan.rollback(done, found);
                for change in undo.plan().changes() {
                    let _ = tables.send(&change);
                }
                tables.undone(undo.inexact().collect());
                return;
            }
        }
    }
}
