//! A sequence of events, step by step.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use vtep::agent::{Found, Record};
use vtep::lease::{LeaseEvent, LeaseKey};
use vtep::netlink::IfIndex;

use crate::agent::{Agent, Told};
use crate::kernel::{Kernel, Route};
use crate::leases::{Config, Leases, Spec, State};
use crate::naive::{self, Place, Reachable, is_reachable};
use crate::steps::{Event, Step};
use crate::world::{Guard, Live, World};

/// How often what was to be tested came about.
#[derive(Clone, Copy, Default, Debug)]
pub struct Counts {
    pub events: u64,
    pub requests: u64,
    /// Events after which the tables were compared with those made from scratch.
    pub compared: u64,
    pub guarded: u64,
    pub failed: u64,
    pub killed: u64,
    pub rounds: u64,
    pub conflicts: u64,
}

impl Counts {
    pub fn add(&mut self, more: Self) {
        self.events += more.events;
        self.requests += more.requests;
        self.compared += more.compared;
        self.guarded += more.guarded;
        self.failed += more.failed;
        self.killed += more.killed;
        self.rounds += more.rounds;
        self.conflicts += more.conflicts;
    }

    pub fn assert_all_kinds(&self) {
        let Self { requests, compared, guarded, failed, killed, rounds, conflicts, .. } = *self;
        let all = [requests, compared, guarded, failed, killed, rounds, conflicts];
        assert!(all.iter().all(|count| *count > 20), "{self:?}");
        assert!(compared * 4 > self.events, "few events are compared: {self:?}");
    }
}

/// A sequence under way.
struct Run<'w, 'l> {
    world: &'w mut World<'l>,
    config: Config,
    /// What etcd holds.
    store: BTreeMap<LeaseKey, Spec>,
    leases: Leases,
    /// Leases of which an event failed, so that the tables are behind what the agent knows, until it reconciles.
    behind: BTreeSet<LeaseKey>,
    counts: &'w mut Counts,
}

/// Runs a sequence of events, and says what did not hold.
pub fn run(
    config: Config,
    events: &[Event],
    live: Option<&mut dyn Live>,
    counts: &mut Counts,
) -> Result<(), String> {
    let mut world = World::new(config, first_tables(&config), live);
    let store = BTreeMap::new();
    let leases = Leases::default();
    let behind = BTreeSet::new();
    let mut run = Run { world: &mut world, config, store, leases, behind, counts };
    let mut rest = events;
    while !rest.is_empty() {
        let at = rest.len();
        rest = run.life(rest).map_err(|error| format!("{error}\n{:#?}", run.world.log))?;
        assert!(rest.len() < at, "a life without an event");
    }
    run.counts.requests += run.world.requests;
    Ok(())
}

/// What is there before the agent comes: default routes, a default FDB entry.
pub fn first_tables(config: &Config) -> Kernel {
    let mut kernel = Kernel::new(config.underlay);
    for (destination, metric, gateway) in
        [("0.0.0.0/0", 0, "192.0.2.254"), ("::/0", 1024, "2001:db8::fe")]
    {
        let gateway = gateway.parse().ok();
        let route = Route {
            gateway,
            ifindex: config.underlay,
            onlink: false,
            protocol: crate::kernel::BOOT,
        };
        kernel.routes.insert((destination.parse().unwrap(), metric), route);
    }
    let remote = "192.0.2.250".parse().unwrap();
    kernel.default_fdb.insert((config.vxlan_links[0], remote));
    kernel
}

impl Run<'_, '_> {
    /// One agent's life: until it is killed, or to the end. Returns the events that are left.
    fn life<'e>(&mut self, events: &'e [Event]) -> Result<&'e [Event], String> {
        let mut slots = Agent::slots();
        let mut agent = Agent::new(&mut slots, self.config, [7; 16]);
        self.leases = Leases::default();
        self.behind.clear();
        if !self.store.is_empty() {
            let specs: Vec<Spec> = self.store.values().copied().collect();
            self.snapshot(&mut agent, &specs);
            self.reconcile(&mut agent, false);
            self.outcome()?;
        }
        for (at, event) in events.iter().enumerate() {
            self.counts.events += 1;
            self.world.log.clear();
            self.world.has_failed = false;
            self.world.fails_after = event.fails_after;
            self.world.killed_after = event.killed_after;
            self.step(&mut agent, &event.step);
            let killed = self.world.killed_after.take() == Some(0);
            self.world.fails_after = None;
            self.outcome()?;
            if killed {
                self.counts.killed += 1;
                return Ok(&events[at + 1..]);
            }
        }
        Ok(&[])
    }

    fn outcome(&mut self) -> Result<(), String> {
        self.world.guards.clear();
        self.world.compare();
        self.world.fault.take().map_or(Ok(()), Err)
    }

    fn step(&mut self, agent: &mut Agent<'_>, step: &Step) {
        match step {
            Step::Write(spec) => {
                self.store.insert(spec.key, *spec);
                let event = agent.written(spec);
                self.events(agent, &[event], &[*spec], |leases, config| leases.write(spec, config));
            }
            Step::Remove(index) => {
                let unknown = "10.5.200.0-24".parse().unwrap();
                let key = self.store.keys().nth(*index).copied().unwrap_or(unknown);
                self.store.remove(&key);
                let event = agent.removed(key);
                self.events(agent, &[event], &[], |leases, config| leases.remove(key, config));
            }
            Step::Snapshot { changed, gone, with_own, order } => {
                let gone = gone.and_then(|index| self.store.keys().nth(index).copied());
                gone.map(|key| self.store.remove(&key));
                self.store.extend(changed.iter().map(|spec| (spec.key, *spec)));
                let mut specs: Vec<Spec> = self.store.values().copied().collect();
                let own = changed.first().filter(|_| *with_own);
                specs.extend(own.map(|spec| Spec { key: Config::OWN.parse().unwrap(), ..*spec }));
                Rng::with_seed(*order).shuffle(&mut specs);
                self.snapshot(agent, &specs);
            }
            Step::Reconcile => self.reconcile(agent, true),
            Step::Edit(edit) => self.world.edit(edit),
            Step::Drop(index) => {
                let found = self.world.kernel.found();
                let found: Vec<_> = found.iter().filter(|f| !is_default(&f.record)).collect();
                if let Some(found) = found.get(index % found.len().max(1)) {
                    self.world.edit(&crate::world::Edit::Delete(found.record));
                }
            }
        }
    }

    fn snapshot(&mut self, agent: &mut Agent<'_>, specs: &[Spec]) {
        let events: Vec<_> = agent.snapshot(specs).into_iter().map(Some).collect();
        self.events(agent, &events, specs, |leases, config| leases.snapshot(specs, config));
    }

    /// Has the agent handle events that lead from the leases that there were to others.
    fn events(
        &mut self,
        agent: &mut Agent<'_>,
        events: &[Option<Told>],
        specs: &[Spec],
        change: impl FnOnce(&mut Leases, &Config),
    ) {
        let (before, old) = (self.world.kernel.clone(), self.leases.clone());
        change(&mut self.leases, &self.config);
        let mut now = old.clone();
        let mut expected = before.clone();
        let mut has_failed = false;
        let mut states = vec![old];
        for event in events.iter().flatten() {
            let was = now.clone();
            let key = match &event.0 {
                LeaseEvent::Added { key, .. } => {
                    let spec = specs.iter().find(|spec| spec.key == *key).expect("its lease");
                    now.write(spec, &self.config);
                    *key
                }
                LeaseEvent::Removed { key, .. } => {
                    now.remove(*key, &self.config);
                    *key
                }
                _ => unreachable!("another kind of event"),
            };
            let lease = self.config.lease_of(key);
            states.push(now.clone());
            self.guard(&was, &now);
            expected = naive::after_event(&expected, &was, &now, &self.config);
            self.world.has_failed = false;
            agent.handle(event, self.world);
            if self.world.has_failed {
                self.behind.insert(lease);
                has_failed = true;
            }
        }
        self.world.has_failed = has_failed;
        let mut known: Vec<LeaseKey> =
            agent.keys().iter().map(|key| self.config.lease_of(*key)).collect();
        known.sort();
        let all: Vec<LeaseKey> = self.leases.0.keys().copied().collect();
        self.world.check(known == all, || format!("the leases are {known:?}, not {all:?}"));
        self.compare(&before, &states, &expected);
    }

    /// Notes which peers are reachable now, and are to be after an event.
    fn guard(&mut self, old: &Leases, new: &Leases) {
        let config = self.config;
        let kernel = &self.world.kernel;
        let is_clean = naive::after_event(kernel, old, old, &config).normal() == kernel.normal();
        // Where the tables are not as they should be, a peer may be reached by another's entries.
        let is_reached = |kernel: &Kernel, peer: &Reachable| {
            is_reachable(kernel, &config, *peer)
                && (is_clean || naive::is_reached_as_said(kernel, *peer))
        };
        let is_behind = |peer: &Reachable| self.behind.contains(&config.lease_of(peer.0.lease));
        let next = naive::after_event(kernel, old, new, &config);
        let confused = [old, new].map(|leases| KeptPlaces::of(leases, &config).confused_links);
        let is_confused =
            |peer: &Reachable| confused.concat().contains(&config.vxlan_links[peer.1]);
        let new = naive::peers(new);
        let guards: Vec<Guard> = naive::peers(old)
            .into_iter()
            .filter(|old| !is_behind(old) && !is_confused(old) && is_reached(kernel, old))
            .filter_map(|old| {
                let id = |peer: &Reachable| (config.lease_of(peer.0.lease), peer.1);
                let new = new.iter().find(|new| id(new) == id(&old) && is_reached(&next, new))?;
                // Linux wants the direct route of IPv6 to go first, and the undoing from one needs it, too.
                let is_tunnel = |kernel| naive::is_through_the_tunnel(kernel, old);
                let is_late = old.1 == 1 && is_tunnel(kernel) != is_tunnel(&next);
                (!is_late).then_some((old, *new))
            })
            .collect();
        self.counts.guarded += guards.len() as u64;
        self.world.guards = guards;
    }

    /// Compares the tables with those that the current leases call for, place by place. The leases were in these states, the
    /// first before the event.
    fn compare(&mut self, before: &Kernel, states: &[Leases], expected: &Kernel) {
        let config = self.config;
        let old = &states[0];
        let clean = naive::after_event(before, old, old, &config).normal() == before.normal();
        if self.world.has_failed || self.world.killed_after.is_some() {
            self.counts.failed += u64::from(self.world.has_failed);
            return;
        }
        let [before, expected] = [before, expected].map(Kernel::normal);
        let now = self.world.kernel.normal();
        let kept = KeptPlaces::of(&states[0], &config);
        let ever_kept: Vec<_> = states.iter().map(|s| KeptPlaces::of(s, &config)).collect();
        let tables = [&before, &now, &expected].map(by_place);
        let all: BTreeSet<Place> = tables.iter().flat_map(|table| table.keys().copied()).collect();
        for place in all {
            let [was, is, should] = [0, 1, 2].map(|table| tables[table].get(&place));
            // What an unreadable lease kept is left to the reconciliation when the lease goes or is readable again.
            let may_stay = !clean || kept.has(place);
            // So is what others had there between the events of a snapshot, and an FDB entry that nobody wants; and while another lease has the neighbour of an unreadable one, plans
            // cannot tell that the FDB entry of that neighbour is not its own.
            let is_left = ever_kept.iter().any(|kept| {
                let is_wanted = naive::is_wanted(&self.leases, &config, place);
                let is_free = is_fdb(place) && !is_wanted;
                let is_between = states.len() > 2;
                kept.is_confused(place) || kept.has(place) && (is_free || !clean || is_between)
            });
            // A route of another metric may have stood for one that was wanted, and has gone with it: a deletion names no
            // metric.
            let is_beside = was.is_some_and(|found| found.iter().any(|f| !f.is_default_metric));
            let is_same = used(is) == used(should) || in_place(is) == in_place(should);
            let is_beside = is_beside && is_same;
            // So may one go for a route that is not there after all.
            let is_taken = self.behind.iter().any(|lease| {
                (0..2).any(|family| Spec::subnet(*lease, family).map(Place::Route) == Some(place))
            });
            let holds = is == should || may_stay && is == was || is_left || is_taken || is_beside;
            self.world.check(holds, || format!("{place:?}: {is:?}, not {should:?}, was {was:?}"));
        }
        self.counts.compared += u64::from(clean);
    }

    fn reconcile(&mut self, agent: &mut Agent<'_>, guarded: bool) {
        let config = self.config;
        let before = self.world.kernel.clone();
        let expected = naive::after_reconciliation(&before, &self.leases, &config).normal();
        let conflicts = naive::conflicts(&self.leases, &config, &before);
        if guarded {
            let leases = self.leases.clone();
            self.guard(&leases, &leases);
        }
        let (_, reported) = agent.reconcile(self.world);
        self.world.check(reported == conflicts, || {
            format!("conflicts {:#?}, not {:#?}", words(&reported), words(&conflicts))
        });
        self.counts.conflicts += conflicts.len() as u64;
        if self.world.has_failed || self.world.killed_after.is_some() {
            return;
        }
        let now = self.world.kernel.normal();
        self.world.check(now == expected, || {
            format!("reconciled, not as from scratch:\n{}", now.difference(&expected))
        });
        self.world.log.push("second round".into());
        let (requests, _) = agent.reconcile(self.world);
        self.world.check(requests == 0, || format!("{requests} requests in the second round"));
        self.counts.rounds += 1;
        self.behind.clear();
    }
}

fn is_default(record: &Record) -> bool {
    match naive::place(record) {
        Place::Route(destination) => destination.len() == 0,
        Place::Fdb(_, mac) => mac == vtep::wire::MacAddr::ZERO,
        Place::Neighbour(..) => false,
    }
}

/// The places in which an unreadable lease that was never readable may own what is there.
struct KeptPlaces {
    places: Vec<Place>,
    fdb_links: Vec<IfIndex>,
    /// Links on which another lease has the neighbour of one.
    confused_links: Vec<IfIndex>,
}

impl KeptPlaces {
    fn of(leases: &Leases, config: &Config) -> Self {
        let mut kept =
            Self { places: Vec::new(), fdb_links: Vec::new(), confused_links: Vec::new() };
        for (key, states) in leases.0.values() {
            for family in [0, 1].into_iter().filter(|at| states[*at] == State::Kept) {
                let subnet = Spec::subnet(*key, family).expect("of this family");
                let link = config.vxlan_links[family];
                kept.places.push(Place::Route(subnet));
                kept.places.push(Place::Neighbour(link, subnet.address()));
                kept.fdb_links.push(link);
                let neighbour = Place::Neighbour(link, subnet.address());
                if naive::is_wanted(leases, config, neighbour) {
                    kept.confused_links.push(link);
                }
            }
        }
        kept
    }

    fn is_confused(&self, place: Place) -> bool {
        matches!(place, Place::Fdb(link, _) if self.confused_links.contains(&link))
    }

    fn has(&self, place: Place) -> bool {
        match place {
            Place::Fdb(link, _) => self.fdb_links.contains(&link),
            _ => self.places.contains(&place),
        }
    }
}

fn by_place(kernel: &Kernel) -> BTreeMap<Place, Vec<Found>> {
    let mut places: BTreeMap<Place, Vec<Found>> = BTreeMap::new();
    for found in kernel.found() {
        places.entry(naive::place(&found.record)).or_default().push(found);
    }
    places
}

fn words(conflicts: &[naive::Conflict]) -> Vec<String> {
    let words = |(kept, refused, record): &naive::Conflict| {
        format!("{kept} and not {refused}, of {}: {record}", refused.subnet)
    };
    conflicts.iter().map(words).collect()
}

fn is_fdb(place: Place) -> bool {
    matches!(place, Place::Fdb(..))
}

/// The entry that counts: of routes that of the least metric.
fn used(found: Option<&Vec<Found>>) -> Option<Record> {
    found.and_then(|found| found.first()).map(|found| found.record)
}

/// The entries that a request without a metric overwrites.
fn in_place(found: Option<&Vec<Found>>) -> Vec<Found> {
    found.into_iter().flatten().filter(|found| found.is_default_metric).copied().collect()
}
