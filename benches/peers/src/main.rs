//! How other libraries stand to the crate in one job: VXLAN over IPv4. Medians of interleaved runs, as
//! tab-separated lines of job, contestant, nanoseconds a packet, and that as a multiple of the crate's batch.
//!
//! `taskset -c 1 cargo run --release --ignore-rust-version`
#![forbid(unsafe_code)]

extern crate alloc;

mod agree;
mod checksums;
mod frames;
mod job;
mod measure;
mod with_etherparse;
mod with_ingot;
mod with_pnet;
mod with_smoltcp;

use measure::Contest;

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let rounds = if quick { 300 } else { 4000 };
    agree::all();
    println!("job\tcontestant\tns\tratio");
    for len in [64, 1450] {
        report(&format!("encap, {len} bytes"), measure::encap(len), rounds);
        report(&format!("decap, {len} bytes"), measure::decap(len), rounds);
    }
    report("checksum, 1450 bytes", checksums::contest(), rounds);
}

fn report(job: &str, mut contest: Contest, rounds: usize) {
    let results = contest.run(rounds);
    let base = results.first().map_or(f64::NAN, |(_, ns)| *ns);
    for (contestant, ns) in results {
        println!("{job}\t{contestant}\t{ns:.2}\t{:.2}", ns / base);
    }
}
