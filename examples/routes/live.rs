//! A netlink socket, and the agent's changes sent through it.

use std::fmt::Display;
use std::io::{self, Write};
use std::net::IpAddr;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use vtep::agent::{
    Change, HostGw, HostGwPeer, Owned, Plan, Reach, Record, SortedRecords, Vxlan, VxlanPeer,
    missing, stale,
};
use vtep::netlink::{
    Body, Dump, DumpStep, Family, Header, MessageFlags, Messages, NeighbourDump, RouteDump,
    RouteLookup,
};
use vtep::subnet::IpPrefix;

use super::plan::{Peers, bytes};
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
                    DumpStep::Foreign => {}
                    DumpStep::Finished => return Ok(Some(entries)),
                    DumpStep::Interrupted => return Ok(None),
                    DumpStep::Failed { code } => {
                        let refusal = Refusal { errno: code.unsigned_abs(), text: None };
                        return Err(Failure::system(refusal));
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

    /// The first route to that destination, as flannel asks for it before it adds one.
    fn route_to(&mut self, destination: IpPrefix) -> Result<Option<Record>, Failure> {
        let to = (destination.address(), destination.len());
        let is_it = |_, body: Body<'_>| match body {
            Body::Route(route) if route.destination() == Some(to) => Record::from_body(body),
            _ => None,
        };
        Ok(self.routes(Family::of(to.0), is_it)?.into_iter().next())
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

    /// Sends the changes of one event. One that fails to set undoes those before it; one that fails to delete does not
    /// keep the others. Gives the number of failures.
    fn event(&mut self, plan: &Plan, out: &mut impl Write) -> Result<usize, Failure> {
        let mut failures = 0;
        for (done, change) in plan.changes().enumerate() {
            match self.change(change)? {
                Ok(()) => writeln!(out, "{change}")?,
                Err(refusal) => {
                    eprintln!("routes: {change}: {refusal}");
                    failures += 1;
                    if matches!(change, Change::Set(_)) {
                        for change in plan.rollback(done).changes() {
                            let _ = self.change(change)?;
                            writeln!(out, "{change}")?;
                        }
                        return Ok(failures);
                    }
                }
            }
        }
        Ok(failures)
    }
}

fn no_failures(failures: usize) -> Result<(), Failure> {
    match failures {
        0 => Ok(()),
        failures => Err(Failure::system(format_args!("{failures} changes failed"))),
    }
}

pub fn apply(
    peers: &Peers,
    remove: bool,
    direct: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut kernel = Kernel::open()?;
    let mut failures = 0;
    match peers {
        Peers::Vxlan { peers, .. } => {
            for (backend, peer) in peers {
                let plan = vxlan_event(&mut kernel, *backend, peer, remove, direct)?;
                failures += kernel.event(&plan, out)?;
            }
        }
        Peers::HostGw { backend, peers } => {
            for peer in peers {
                let plan = host_gw_event(&mut kernel, *backend, peer, remove)?;
                failures += kernel.event(&plan, out)?;
            }
        }
    }
    no_failures(failures)
}

fn vxlan_event(
    kernel: &mut Kernel,
    backend: Vxlan,
    peer: &VxlanPeer,
    remove: bool,
    direct: bool,
) -> Result<Plan, Failure> {
    let reach = if direct { kernel.reach(peer.public)? } else { Reach::Tunnel };
    Ok(if remove { backend.removed(peer, reach) } else { backend.added(peer, reach) })
}

fn host_gw_event(
    kernel: &mut Kernel,
    backend: HostGw,
    peer: &HostGwPeer,
    remove: bool,
) -> Result<Plan, Failure> {
    if remove {
        return Ok(backend.removed(peer));
    }
    let listed = kernel.route_to(peer.subnet)?;
    Ok(backend.added(peer, listed))
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
    peers: &Peers,
    networks: &[IpPrefix],
    direct: bool,
    dry_run: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut kernel = Kernel::open()?;
    let mut wanted =
        peers.wanted(|address| if direct { kernel.reach(address) } else { Ok(Reach::Tunnel) })?;
    wanted.sort_unstable();
    let mut found = kernel.found(|_, body| Record::from_body(body))?;
    found.sort_unstable();
    let (underlay_link, vxlan_links) = match *peers {
        Peers::Vxlan { link, vxlan_links, .. } => (link, vxlan_links.map(Some)),
        Peers::HostGw { backend, .. } => (Some(backend.link), [None; 2]),
    };
    let wanted = SortedRecords::new(&wanted).map_err(Failure::system)?;
    let found = SortedRecords::new(&found).map_err(Failure::system)?;
    let mut changes: Vec<Change> = Vec::new();
    for vxlan_link in vxlan_links {
        let owned = Owned { vxlan_link, underlay_link, networks };
        for change in stale(wanted, found, owned) {
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
    }
    changes.extend(missing(wanted, found));
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
    no_failures(failures)
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
