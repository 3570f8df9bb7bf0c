//! A netlink socket, and the agent's changes sent through it.

use std::fmt::Display;
use std::io::{self, Write};
use std::net::IpAddr;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use vtep::agent::{
    Change, Claim, Found, FoundRecords, Ownership, Plan, Reach, Record, VxlanBackend, VxlanPeer,
    WantedRecords, missing, stale,
};
use vtep::netlink::{
    Body, Dump, DumpStep, Family, Header, IfIndex, MessageFlags, Messages, NeighbourDump,
    RouteDump, RouteLookup,
};

use super::plan::{Family as LeaseFamily, Leases, bytes};
use super::{Failure, for_lines, json, messages};

/// How often a dump is asked for again when the kernel's tables changed while it was read.
const DUMP_TRIES: u32 = 10;

/// A socket to the kernel's routes, and the number of the last request.
struct Kernel {
    socket: Socket,
    seq: u32,
}

/// The kernel's refusal of a request.
struct Refusal {
    errno: u32,
    text: Option<String>,
}

impl Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let errno = i32::try_from(self.errno).unwrap_or(i32::MAX);
        write!(f, "{}", io::Error::from_raw_os_error(errno))?;
        self.text.iter().try_for_each(|text| write!(f, ": {text}"))
    }
}

impl Kernel {
    fn open() -> Result<Self, Failure> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        Ok(Self { socket, seq: 0 })
    }

    fn next_seq(&mut self) -> u32 {
        self.seq = self.seq.wrapping_add(1);
        self.seq
    }

    fn send(&self, request: &[u8]) -> Result<(), Failure> {
        match self.socket.send(request, 0)? {
            sent if sent == request.len() => Ok(()),
            sent => Err(Failure::system(format_args!("{sent} of {} bytes sent", request.len()))),
        }
    }

    fn receive(&self) -> Result<Vec<u8>, Failure> {
        Ok(self.socket.recv_from_full()?.0)
    }

    /// Sends a request that asks for an acknowledgement, and waits for it.
    fn change(&mut self, change: Change) -> Result<Result<(), Refusal>, Failure> {
        let seq = self.next_seq();
        self.send(&bytes(change, seq))?;
        loop {
            let answer = self.receive()?;
            for message in Messages::new(&answer) {
                let message = message.map_err(Failure::system)?;
                match message.body().map_err(Failure::system)? {
                    Body::Error(error) if message.header.seq == seq && error.is_ack() => {
                        return Ok(Ok(()));
                    }
                    Body::Error(error) if message.header.seq == seq => {
                        let text = error.text().map(String::from);
                        return Ok(Err(Refusal { errno: error.errno(), text }));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Reads a dump, again when the tables changed meanwhile.
    fn dump<T>(
        &mut self,
        request: impl Fn(u32, &mut [u8]) -> usize,
        entry: impl Fn(Header, Body<'_>) -> Option<T>,
    ) -> Result<Vec<T>, Failure> {
        for _ in 0..DUMP_TRIES {
            let seq = self.next_seq();
            let mut buffer = [0; 64];
            let length = request(seq, &mut buffer);
            self.send(&buffer[..length])?;
            if let Some(entries) = self.read_dump(seq, &entry)? {
                return Ok(entries);
            }
        }
        Err(Failure::system(format_args!(
            "the kernel's tables changed during each of {DUMP_TRIES} dumps"
        )))
    }

    fn read_dump<T>(
        &self,
        seq: u32,
        entry: impl Fn(Header, Body<'_>) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Failure> {
        let mut dump = Dump::new(seq);
        let mut entries = Vec::new();
        loop {
            let answer = self.receive()?;
            for message in Messages::new(&answer) {
                let message = message.map_err(Failure::system)?;
                match dump.step(&message).map_err(Failure::system)? {
                    DumpStep::Entry(body) => entries.extend(entry(message.header, body)),
                    DumpStep::Foreign | DumpStep::Control => {}
                    DumpStep::Finished => return Ok(Some(entries)),
                    DumpStep::Interrupted => return Ok(None),
                    DumpStep::NoDump => return Err(Failure::system("acknowledged, not listed")),
                    DumpStep::Failed { errno, ext_ack } => {
                        let text = ext_ack.text().map(String::from);
                        return Err(Failure::system(Refusal { errno, text }));
                    }
                }
            }
        }
    }

    /// Prints the answers to a request up to the acknowledgement, the error or the end of the dump.
    fn print_answers(&self, seq: u32, out: &mut impl Write) -> Result<(), Failure> {
        loop {
            let answer = self.receive()?;
            for message in Messages::new(&answer) {
                let message = message.map_err(Failure::system)?;
                let body = message.body().map_err(Failure::system)?;
                writeln!(out, "{}", json::body(message.header, body))?;
                if message.header.seq == seq && matches!(body, Body::Error(_) | Body::Done(_)) {
                    return Ok(());
                }
            }
        }
    }

    fn routes<T>(
        &mut self,
        family: Family,
        entry: impl Fn(Header, Body<'_>) -> Option<T>,
    ) -> Result<Vec<T>, Failure> {
        let request =
            |seq, buffer: &mut [u8]| RouteDump { family }.write(seq, buffer).expect("28 bytes");
        self.dump(request, entry)
    }

    fn neighbours<T>(
        &mut self,
        family: Family,
        entry: impl Fn(Header, Body<'_>) -> Option<T>,
    ) -> Result<Vec<T>, Failure> {
        let request =
            |seq, buffer: &mut [u8]| NeighbourDump { family }.write(seq, buffer).expect("28 bytes");
        self.dump(request, entry)
    }

    /// All that is of the kinds that flannel makes.
    fn found<T>(
        &mut self,
        entry: impl Fn(Header, Body<'_>) -> Option<T>,
    ) -> Result<Vec<T>, Failure> {
        let mut found = Vec::new();
        for family in [Family::INET, Family::INET6] {
            found.extend(self.neighbours(family, &entry)?);
        }
        found.extend(self.neighbours(Family::BRIDGE, &entry)?);
        for family in [Family::INET, Family::INET6] {
            found.extend(self.routes(family, &entry)?);
        }
        Ok(found)
    }

    /// Whether an address is on a link of ours. An address that no route leads to is not.
    fn reach(&mut self, address: IpAddr) -> Result<Reach, Failure> {
        let seq = self.next_seq();
        let mut buffer = [0; 64];
        let length = RouteLookup { address }.write(seq, &mut buffer).expect("48 bytes");
        self.send(&buffer[..length])?;
        let answer = self.receive()?;
        let routes = Messages::new(&answer).flatten().filter_map(|message| match message.body() {
            Ok(Body::Route(route)) => Some(route),
            _ => None,
        });
        Ok(Reach::from_lookup(routes))
    }

    /// Sends the changes of one event, and keeps account of what is in the kernel's tables. One that fails to set undoes
    /// those before it; one that fails to delete does not keep the others. Returns the number of failures.
    fn event(
        &mut self,
        plan: &Plan,
        tables: &mut Vec<Found>,
        out: &mut impl Write,
    ) -> Result<usize, Failure> {
        let mut before = tables.clone();
        let mut failures = 0;
        for (done, change) in plan.changes().enumerate() {
            match self.change(change)? {
                Ok(()) => writeln!(out, "{change}")?,
                Err(refusal) => {
                    eprintln!("routes: {change}: {refusal}");
                    failures += 1;
                    if !matches!(change, Change::Delete(_)) {
                        self.undo(plan, done, &mut before, out)?;
                        *tables = before;
                        return Ok(failures);
                    }
                }
            }
            note(tables, change);
        }
        Ok(failures)
    }

    fn undo(
        &mut self,
        plan: &Plan,
        done: usize,
        before: &mut [Found],
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let undo = plan.rollback(done, FoundRecords::new(before));
        for record in undo.inexact() {
            eprintln!("routes: {record}: had more than can be given back");
        }
        for change in undo.plan().changes() {
            match self.change(change)? {
                Ok(()) => writeln!(out, "{change}")?,
                Err(refusal) => eprintln!("routes: {change}: {refusal}"),
            }
        }
        Ok(())
    }

    /// How a peer of the vxlan backend is reached.
    fn reach_of(&mut self, family: &LeaseFamily, direct: bool) -> Result<Reach, Failure> {
        match family {
            LeaseFamily::Vxlan(_, reading) if direct => match reading.peer() {
                Some(peer) => self.reach(peer.public()),
                None => Ok(Reach::Tunnel),
            },
            _ => Ok(Reach::Tunnel),
        }
    }
}

/// Notes a change in the account of the kernel's tables.
fn note(tables: &mut Vec<Found>, change: Change) {
    let record = change.record();
    match change {
        Change::Delete(_) => tables.retain(|found| found.record != record),
        Change::Add(_) | Change::Set(_) => {
            tables.retain(|found| !found.is_default_metric || !found.record.shares_place(&record));
            tables.push(Found::exact(record));
        }
    }
}

pub fn apply(
    leases: &Leases,
    remove: bool,
    direct: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut kernel = Kernel::open()?;
    let mut tables = kernel.found(|_, body| Found::from_body(body))?;
    let known = known_peers(&mut tables, leases.vxlan_links);
    let mut claims = claims_of_others(&known, leases);
    let mut events = Vec::new();
    for family in &leases.families {
        let reach = kernel.reach_of(family, direct)?;
        events.push((family, reach, family.claims(reach)));
    }
    if !remove {
        claims.extend(events.iter().flat_map(|(.., claims)| claims));
    }
    let has_conflict = leases.report_conflicts(&claims);
    let mut failures = 0;
    for (index, (family, reach, _)) in events.iter().enumerate() {
        let left = events.iter().skip(index + 1).filter(|_| remove).flat_map(|event| &event.2);
        let others = claims.iter().chain(left).copied();
        let entries = FoundRecords::new(&mut tables);
        let plan = event_plan(family, *reach, remove, &known, entries, others);
        failures += kernel.event(&plan, &mut tables, out)?;
    }
    leases.outcome(has_conflict, failures)
}

/// The peers that are in the kernel.
fn known_peers(
    tables: &mut [Found],
    vxlan_links: [Option<IfIndex>; 2],
) -> Vec<(IfIndex, VxlanPeer)> {
    let [v4, v6] = vxlan_links;
    let links = [v4, v6.filter(|_| v4 != v6)];
    let entries = FoundRecords::new(tables);
    let peers = links.into_iter().flatten().flat_map(|link| {
        let peers: Vec<_> = entries.vxlan_peers(link).map(|peer| (link, peer)).collect();
        peers
    });
    peers.collect()
}

/// What those of them want that the file does not name.
fn claims_of_others(known: &[(IfIndex, VxlanPeer)], leases: &Leases) -> Vec<Claim> {
    let named = |peer: &VxlanPeer| {
        let subnet = peer.owner().subnet;
        leases.families.iter().any(|f| f.owner().is_some_and(|owner| owner.subnet == subnet))
    };
    let others = known.iter().filter(|(_, peer)| !named(peer));
    others
        .flat_map(|(link, peer)| VxlanBackend { ifindex: *link }.wanted(peer, Reach::Tunnel))
        .map(Claim::Wants)
        .collect()
}

fn event_plan(
    family: &LeaseFamily,
    reach: Reach,
    remove: bool,
    known: &[(IfIndex, VxlanPeer)],
    entries: FoundRecords<'_>,
    others: impl Iterator<Item = Claim> + Clone,
) -> Plan {
    match family {
        LeaseFamily::Vxlan(backend, reading) => {
            let Some(peer) = reading.peer() else { return Plan::EMPTY };
            let is_it = |known: &&(IfIndex, VxlanPeer)| {
                known.0 == backend.ifindex && known.1.owner().subnet == peer.owner().subnet
            };
            match known.iter().find(is_it) {
                _ if remove => backend.removed(peer, reach, others),
                Some((_, old)) if old.mac() != peer.mac() || reach == Reach::Direct => {
                    let old = VxlanPeer::new(peer.owner(), old.public(), old.mac());
                    let old = old.as_ref().unwrap_or(peer);
                    backend.replaced((old, Reach::Tunnel), (peer, reach), others)
                }
                _ => backend.added(peer, reach, others),
            }
        }
        LeaseFamily::HostGw(backend, reading) => match reading.peer() {
            None => Plan::EMPTY,
            Some(peer) if remove => backend.removed(peer, others),
            Some(peer) => backend.added(peer, entries, others),
        },
    }
}

pub fn list(out: &mut impl Write) -> Result<(), Failure> {
    let entry = |header, body: Body<'_>| match Record::from_body(body)? {
        Record::Other(_) => None,
        _ => Some(json::body(header, body)),
    };
    for object in Kernel::open()?.found(entry)? {
        writeln!(out, "{object}")?;
    }
    Ok(())
}

pub fn reconcile(
    leases: &Leases,
    direct: bool,
    dry_run: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut kernel = Kernel::open()?;
    let mut claims = Vec::new();
    for family in &leases.families {
        let reach = kernel.reach_of(family, direct)?;
        claims.extend(family.claims(reach));
    }
    let mut tables = kernel.found(|_, body| Found::from_body(body))?;
    let found = FoundRecords::new(&mut tables);
    let mut buffer = vec![None; 3 * claims.len()];
    let wanted = WantedRecords::collect(claims, found, &mut buffer).map_err(Failure::system)?;
    let conflicts = wanted.conflicts().inspect(|conflict| eprintln!("routes: {conflict}")).count();
    let mut changes: Vec<Change> = missing(wanted, found).collect();
    changes.extend(stale_of(leases, wanted, found));
    let mut failures = 0;
    for change in changes {
        let answer = if dry_run { Ok(()) } else { kernel.change(change)? };
        match answer {
            Ok(()) => writeln!(out, "{change}")?,
            Err(refusal) => {
                eprintln!("routes: {change}: {refusal}");
                failures += 1;
            }
        }
    }
    leases.outcome(conflicts > 0, failures)
}

/// What is to go. While a lease's key is unreadable, nobody knows what is its own: nothing is.
fn stale_of(leases: &Leases, wanted: WantedRecords<'_>, found: FoundRecords<'_>) -> Vec<Change> {
    if leases.has_unknown_key {
        eprintln!("routes: nothing is deleted, since the key of a lease is unreadable");
        return Vec::new();
    }
    let mut changes: Vec<Change> = Vec::new();
    for vxlan_ifindex in leases.vxlan_links {
        let ownership =
            Ownership { vxlan_ifindex, underlay_ifindex: leases.link, networks: &leases.networks };
        for change in stale(wanted, found, ownership) {
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
    }
    changes
}

/// Sends each request and prints what the kernel answers: nothing to one that asks for no acknowledgement.
pub fn send(out: &mut impl Write) -> Result<(), Failure> {
    let kernel = Kernel::open()?;
    for_lines(|number, line| {
        let line_error =
            |error: &dyn Display| Failure::input(format_args!("line {number}: {error}"));
        let requests = messages(line).map_err(|error| line_error(&error))?;
        for request in Messages::new(&requests) {
            let request = request.map_err(|error| line_error(&error))?;
            let mut buffer = vec![0; request.payload().len() + 20];
            let length = request.rebuild(&mut buffer).map_err(|error| line_error(&error))?;
            kernel.send(&buffer[..length])?;
            let flags = request.header.flags;
            if flags.contains(MessageFlags::ACK) || flags.contains(MessageFlags::DUMP) {
                kernel.print_answers(request.header.seq, out)?;
            }
        }
        Ok(())
    })
}
