//! The kernel that the agent sees, and what is checked after each request.

use vtep::agent::{Change, Found, Record};

use crate::agent::Tables;
use crate::kernel::{Kernel, Refusal};
use crate::leases::Config;
use crate::naive::{Place, Reachable, is_reachable, place};

/// A real kernel beside the model.
pub trait Live {
    fn send(&mut self, change: &Change) -> Result<(), Refusal>;
    /// Whether the kernel did not refuse it as such.
    fn edit(&mut self, edit: &Edit) -> bool;
    fn found(&mut self) -> Vec<Found>;
    fn tables(&mut self) -> Kernel;
}

/// What somebody else does to the kernel's tables.
#[derive(Clone, Copy, Debug)]
pub enum Edit {
    Set(Record),
    Delete(Record),
    /// A route with this metric and protocol.
    Route(vtep::subnet::IpPrefix, u32, crate::kernel::Route),
}

/// A peer that was reachable before an event and is to be after it: as it was, and as it will be.
pub type Guard = (Reachable, Reachable);

pub struct World<'l> {
    pub config: Config,
    pub kernel: Kernel,
    pub live: Option<&'l mut dyn Live>,
    pub guards: Vec<Guard>,
    /// How many requests come before one that fails.
    pub fails_after: Option<u32>,
    /// How many requests come before the agent is killed.
    pub killed_after: Option<u32>,
    /// Whether a request failed.
    pub has_failed: bool,
    /// Whether one of the plan under way failed, and whether one that undoes it failed, too.
    is_undoing: bool,
    is_undo_refused: bool,
    pub requests: u64,
    begun: Kernel,
    /// What was sent since the event began.
    pub log: Vec<String>,
    /// The first property that did not hold.
    pub fault: Option<String>,
}

impl<'l> World<'l> {
    pub fn new(config: Config, kernel: Kernel, live: Option<&'l mut dyn Live>) -> Self {
        Self {
            config,
            begun: kernel.clone(),
            kernel,
            live,
            guards: Vec::new(),
            fails_after: None,
            killed_after: None,
            has_failed: false,
            is_undoing: false,
            is_undo_refused: false,
            requests: 0,
            log: Vec::new(),
            fault: None,
        }
    }

    pub fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds && self.fault.is_none() {
            self.fault = Some(what());
        }
    }

    pub fn edit(&mut self, edit: &Edit) {
        if self.live.as_mut().is_some_and(|live| !live.edit(edit)) {
            return;
        }
        match edit {
            Edit::Set(record) => self.kernel.put(record),
            Edit::Delete(record) => drop(self.kernel.delete(record)),
            Edit::Route(destination, metric, route) => {
                self.kernel.routes.insert((*destination, *metric), *route);
            }
        }
    }

    /// Compares the model with the real kernel.
    pub fn compare(&mut self) {
        if let Some(live) = &mut self.live {
            let tables = live.tables();
            let kernel = self.kernel.clone();
            self.check(tables == kernel, || {
                format!("the kernel, not the model:\n{}", tables.difference(&kernel))
            });
        }
    }

    fn is_killed(&mut self) -> bool {
        match &mut self.killed_after {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    fn fails(&mut self) -> bool {
        match &mut self.fails_after {
            Some(0) => {
                self.fails_after = None;
                (self.has_failed, self.is_undoing) = (true, true);
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    fn answer(&mut self, change: &Change) -> Result<(), Refusal> {
        if self.fails() {
            return Err(Refusal::Other);
        }
        let answer = self.live.as_mut().map(|live| live.send(change));
        let is_refused = answer == Some(Err(Refusal::Other));
        let expected = if is_refused { Err(Refusal::Other) } else { self.kernel.send(change) };
        if expected == Err(Refusal::Other) {
            // One failure is enough: the plan is undone. The kernel may refuse that for others' routes.
            self.is_undo_refused |= self.is_undoing;
            (self.has_failed, self.is_undoing) = (true, true);
            self.fails_after = None;
        }
        let answer = answer.unwrap_or(expected);
        self.check(answer == expected, || format!("{change}: {answer:?}, not {expected:?}"));
        answer
    }
}

impl Tables for World<'_> {
    fn send(&mut self, change: &Change) -> Result<(), Refusal> {
        if self.is_killed() {
            return Ok(());
        }
        self.requests += 1;
        self.check(!is_forbidden(&change.record()), || format!("{change}: never"));
        let answer = self.answer(change);
        self.log.push(format!("{change}: {answer:?}"));
        let (config, guards) = (self.config, std::mem::take(&mut self.guards));
        for (old, new) in &guards {
            let holds = is_reachable(&self.kernel, &config, *old)
                || is_reachable(&self.kernel, &config, *new);
            self.check(holds, || format!("{change}: {old:?} is not reachable any more"));
        }
        self.guards = guards;
        answer
    }

    fn found(&mut self) -> Vec<Found> {
        match &mut self.live {
            Some(live) => live.found(),
            None => self.kernel.found(),
        }
    }

    fn begin(&mut self) {
        self.begun = self.kernel.clone();
        self.is_undo_refused = false;
        self.is_undoing = false;
    }

    fn undone(&mut self, inexact: Vec<Record>) {
        if self.killed_after == Some(0) || self.is_undo_refused {
            return;
        }
        let (mut now, mut begun) = (self.kernel.normal(), self.begun.normal());
        for record in inexact {
            for kernel in [&mut now, &mut begun] {
                kernel
                    .routes
                    .retain(|(destination, _), _| place(&record) != Place::Route(*destination));
            }
        }
        self.check(now == begun, || format!("undone, not as before:\n{}", now.difference(&begun)));
    }
}

/// No request is about a default route, the entry of an unspecified address, a zero or group MAC address.
fn is_forbidden(record: &Record) -> bool {
    match record {
        Record::Neighbour(entry) => {
            entry.address.is_unspecified() || !is_unicast(entry.mac.octets())
        }
        Record::Fdb(entry) => entry.remote.is_unspecified() || !is_unicast(entry.mac.octets()),
        Record::Onlink(route) => route.destination.len() == 0 || route.gateway.is_unspecified(),
        Record::Direct(route) | Record::HostGw(route) => {
            route.destination.len() == 0 || route.gateway.is_unspecified()
        }
        Record::Other(route) => route.destination.len() == 0,
    }
}

fn is_unicast(mac: [u8; 6]) -> bool {
    mac != [0; 6] && mac[0] & 1 == 0
}
