//! A model test of `vtep::agent` and `vtep::lease::LeaseWatch`: random sequences of lease events against a simple model of
//! the kernel's tables.
//!
//! After each event the tables are what they would be if made from scratch from the current leases (`naive`), and what
//! is not the agent's is untouched; after each single request each peer is reachable that was before the event and is to
//! be after it; a plan that fails and is undone leaves the tables as they were; one round of reconciliation leads to the
//! tables made from scratch and reports the conflicts that there are, and a second one does nothing.
//!
//! `AGENT_MODEL_EVENTS` says how many events there are, and `AGENT_MODEL_SEED` runs one sequence again.

mod agent;
mod kernel;
mod leases;
#[cfg(target_os = "linux")]
mod live;
mod naive;
mod run;
mod steps;
mod world;

use fastrand::Rng;
use vtep::netlink::IfIndex;

use run::{Counts, run};
use steps::{Event, Generator, Links};

/// How many events a sequence has.
const LENGTH: usize = 50;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn sequence(seed: u64, links: &Links) -> (leases::Config, Vec<Event>) {
    let mut rng = Rng::with_seed(seed);
    let config = steps::config(&mut rng, links);
    let nodes = rng.u8(2..=6);
    let mut generator = Generator { rng, config, nodes };
    (config, (0..LENGTH).map(|_| generator.event()).collect())
}

/// Leaves out the events without which it fails, too.
fn shrink(mut events: Vec<Event>, fails: impl Fn(&[Event]) -> bool) -> Vec<Event> {
    let mut at = events.len();
    while at > 0 {
        at -= 1;
        let mut fewer = events.clone();
        fewer.remove(at);
        if fails(&fewer) {
            events = fewer;
            at = at.min(events.len());
        }
    }
    events
}

/// Runs a sequence against the model; a failure is made short.
fn check(config: leases::Config, events: Vec<Event>, seed: u64, counts: &mut Counts) {
    let Err(error) = run(config, &events, None, counts) else { return };
    let fails = |events: &[Event]| run(config, events, None, &mut Counts::default()).is_err();
    let events = shrink(events, fails);
    let shrunk = run(config, &events, None, &mut Counts::default()).err();
    panic!("{}", report(config, &events, seed, &shrunk.unwrap_or(error)));
}

fn report(config: leases::Config, events: &[Event], seed: u64, error: &str) -> String {
    let events: Vec<String> = events.iter().map(Event::to_string).collect();
    format!("AGENT_MODEL_SEED={seed} fails: {config:?}\n{}\n{error}", events.join("\n"))
}

/// Each sequence has a thread and a namespace of its own; in every third the kernel refuses some routes.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs root and iproute2: .ci/netns.sh"]
fn events_lead_to_the_same_tables_in_the_kernel() {
    let sequences = number("AGENT_MODEL_LIVE").unwrap_or(300);
    let seeds = match number("AGENT_MODEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..sequences,
    };
    let mut counts = Counts::default();
    for seed in seeds {
        let run = move || {
            let (mut namespace, links) = live::Namespace::enter(seed % 3 == 0);
            let (config, events) = sequence(seed, &links);
            let mut counts = Counts::default();
            run(config, &events, Some(&mut namespace), &mut counts)
                .map_err(|error| report(config, &events, seed, &error))?;
            Ok::<Counts, String>(counts)
        };
        match std::thread::spawn(run).join().expect("a sequence") {
            Ok(more) => counts.add(more),
            Err(error) => panic!("{error}"),
        }
    }
    println!("{counts:?}");
}

#[test]
fn events_lead_to_tables_made_from_scratch() {
    let links = Links {
        vxlan: [IfIndex::literal::<7>(), IfIndex::literal::<8>()],
        underlay: IfIndex::literal::<2>(),
        foreign: IfIndex::literal::<9>(),
    };
    let default = if cfg!(debug_assertions) { 6_000 } else { 100_000 };
    let events = number("AGENT_MODEL_EVENTS").unwrap_or(default);
    let seeds = match number("AGENT_MODEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..events.div_ceil(LENGTH as u64),
    };
    let mut counts = Counts::default();
    for seed in seeds.clone() {
        let (config, events) = sequence(seed, &links);
        check(config, events, seed, &mut counts);
    }
    println!("{counts:?}");
    if seeds.end - seeds.start > 100 {
        counts.assert_all_kinds();
    }
}
