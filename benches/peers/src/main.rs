//! How other libraries stand to the crate in one job: VXLAN over IPv4. Medians of interleaved runs, as
//! tab-separated lines of job, contestant, nanoseconds a packet, and that as a multiple of the crate's batch.
//!
//! `taskset -c 1 cargo run --release --ignore-rust-version`

extern crate alloc;

mod agree;
mod checksums;
mod frames;
mod job;
mod measure;
#[path = "../../paths/mod.rs"]
mod paths;
mod with_etherparse;
mod with_ingot;
mod with_pnet;
mod with_smoltcp;

use measure::Contest;

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let turns = if quick { 25 } else { 400 };
    agree::all();
    println!("job\tcontestant\tns\tratio");
    for len in [64, 1450] {
        report(&format!("encap, {len} bytes"), measure::encap(len), turns);
        report(&format!("decap, {len} bytes"), measure::decap(len), turns);
    }
    report("checksum, 1450 bytes", checksums::contest(), turns);
}

fn report(job: &str, mut contest: Contest, turns: usize) {
    let results = contest.run(turns);
    let base = results.first().map_or(f64::NAN, |(_, ns)| *ns);
    for (contestant, ns) in results {
        println!("{job}\t{contestant}\t{ns:.2}\t{:.2}", ns / base);
    }
}
