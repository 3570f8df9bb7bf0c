//! How the batch stands to its floors, to the one-packet calls and to itself: medians of interleaved runs.
//! `-- --quick` takes fewer, `-- --hot` leaves the cold ones out.
//!
//! `taskset -c 1 cargo bench --bench ratios`
#[cfg(target_arch = "x86_64")]
mod paths;

#[cfg(target_arch = "x86_64")]
mod measure {
    use std::arch::asm;
    use std::arch::x86_64::_rdtsc;
    use std::hint::black_box;

    use super::paths::*;
    use vtep::arch::Kernels;
    use vtep::batch::{decap_batch, encap_batch};
    use vtep::buf::FrameBuf;
    use vtep::tunnel::{Tunnel, TunnelInfo, UdpChecksum};
    use vtep::verdict::{DropReason, Verdict};

    type Run<'a> = Box<dyn FnMut() -> u64 + 'a>;

    fn ticks() -> u64 {
        unsafe { _rdtsc() }
    }

    fn timed<R>(work: impl FnOnce() -> R) -> u64 {
        let start = ticks();
        black_box(work());
        ticks() - start
    }

    /// The median ticks of each run, the runs taking turns. In its turn a run warms up for a pass, unless it
    /// is to be cold, and is measured in the following ones.
    fn medians(runs: &mut [Run<'_>], turns: usize, passes: usize) -> Vec<f64> {
        let mut samples = vec![Vec::new(); runs.len()];
        for _ in 0..turns {
            for (run, samples) in runs.iter_mut().zip(&mut samples) {
                for pass in 0..passes {
                    let ticks = run();
                    if pass > 0 || passes == 1 {
                        samples.push(ticks);
                    }
                }
            }
        }
        let median = |mut samples: Vec<u64>| {
            samples.sort_unstable();
            samples[samples.len() / 2] as f64
        };
        samples.into_iter().map(median).collect()
    }

    /// Ticks of the time stamp counter a core cycle: a multiplication takes 3, and each waits for the last.
    fn ticks_a_cycle() -> f64 {
        const TURNS: u64 = 1 << 20;
        let chain = || unsafe {
            asm!(
                "2:", "imul {x}, {x}", "dec {turns}", "jnz 2b",
                x = inout(reg) 3u64 => _, turns = inout(reg) TURNS => _, options(nomem, nostack)
            );
        };
        let least = (0..32).map(|_| timed(chain)).min().expect("32 runs");
        least as f64 / (3 * TURNS) as f64
    }

    pub struct Row {
        pub what: String,
        pub ticks: f64,
        pub against: String,
        pub base: f64,
        pub most: f64,
    }

    fn verdicts(count: usize) -> Vec<Verdict> {
        vec![Err(DropReason::NoRoute); count]
    }

    fn batch<'a>(mut frames: Vec<PoolFrame>, tunnel: &'a Tunnel, size: usize) -> Run<'a> {
        let (mut core, mut verdicts, tx) = (core(), verdicts(size), promise(&frames));
        Box::new(move || {
            let ticks = timed(|| {
                for chunk in frames.chunks_mut(size) {
                    encap_batch(chunk, |_, _| Some(tunnel), &mut core, &mut verdicts).expect("len");
                }
            });
            undo_encap(&mut frames);
            promise_again(&mut frames, tx);
            ticks
        })
    }

    fn batch_of_many<'a>(mut frames: Vec<PoolFrame>, tunnels: &'a [Tunnel]) -> Run<'a> {
        let (mut core, mut verdicts) = (core(), verdicts(frames.len()));
        let mut random = 1u64;
        let mask = tunnels.len() - 1;
        Box::new(move || {
            let route = |_, _: &PoolFrame| {
                random =
                    random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
                tunnels.get((random >> 40) as usize & mask)
            };
            let ticks =
                timed(|| encap_batch(&mut frames, route, &mut core, &mut verdicts).expect("len"));
            undo_encap(&mut frames);
            ticks
        })
    }

    fn single<'a>(mut frames: Vec<PoolFrame>, tunnel: &'a Tunnel) -> Run<'a> {
        let (mut core, mut verdicts) = (core(), verdicts(frames.len()));
        Box::new(move || {
            let ticks = timed(|| {
                for (frame, verdict) in frames.iter_mut().zip(&mut verdicts) {
                    *verdict = tunnel.encap(frame, &mut core);
                }
            });
            undo_encap(&mut frames);
            ticks
        })
    }

    fn bare<'a>(mut frames: Vec<PoolFrame>, tunnel: &'a Tunnel, len: usize) -> Run<'a> {
        let template = floor::Template::of(tunnel);
        let pointers = floor::pointers(&mut frames);
        Box::new(move || timed(|| unsafe { floor::bare_encap(&pointers, len, &template) }))
    }

    fn contract<'a>(mut frames: Vec<PoolFrame>, tunnel: &'a Tunnel, size: usize) -> Run<'a> {
        let template = floor::Template::of(tunnel);
        let (mut descriptors, mut verdicts) = (floor::descriptors(&mut frames), verdicts(size));
        Box::new(move || {
            let ticks = timed(|| {
                for chunk in descriptors.chunks_mut(size) {
                    black_box(unsafe { floor::contract_encap(chunk, &template, &mut verdicts) });
                }
            });
            floor::undo_encap(&mut descriptors);
            ticks
        })
    }

    fn batch_decap<'a>(mut frames: Vec<PoolFrame>, size: usize) -> Run<'a> {
        let (vtep, mut verdicts) = (vtep(), verdicts(size));
        let mut infos = vec![TunnelInfo::NONE; size];
        Box::new(move || {
            let ticks = timed(|| {
                for chunk in frames.chunks_mut(size) {
                    decap_batch(&vtep, chunk, Some(&mut infos), &mut verdicts).expect("len");
                }
            });
            undo_decap(&mut frames);
            ticks
        })
    }

    fn single_decap<'a>(mut frames: Vec<PoolFrame>) -> Run<'a> {
        let vtep = vtep();
        let (mut verdicts, mut infos) =
            (verdicts(frames.len()), vec![TunnelInfo::NONE; frames.len()]);
        Box::new(move || {
            let ticks = timed(|| {
                let results = infos.iter_mut().zip(&mut verdicts);
                for (frame, (info, verdict)) in frames.iter_mut().zip(results) {
                    match vtep.decap(frame) {
                        Ok(from) => (*info, *verdict) = (from, Ok(())),
                        Err(reason) => *verdict = Err(reason),
                    }
                }
            });
            undo_decap(&mut frames);
            ticks
        })
    }

    fn bare_decap<'a>(mut frames: Vec<PoolFrame>, len: usize) -> Run<'a> {
        let pointers = floor::pointers(&mut frames);
        let mut vnis = vec![0; pointers.len()];
        Box::new(move || timed(|| unsafe { floor::bare_decap(&pointers, len, &mut vnis) }))
    }

    fn contract_decap<'a>(mut frames: Vec<PoolFrame>, size: usize) -> Run<'a> {
        let (mut descriptors, mut verdicts) = (floor::descriptors(&mut frames), verdicts(size));
        let mut infos = vec![TunnelInfo::NONE; size];
        Box::new(move || {
            let ticks = timed(|| {
                for chunk in descriptors.chunks_mut(size) {
                    black_box(unsafe { floor::contract_decap(chunk, &mut infos, &mut verdicts) });
                }
            });
            floor::undo_decap(&mut descriptors);
            ticks
        })
    }

    fn sum<'a>(bytes: Vec<u8>, kernels: &'static Kernels) -> Run<'a> {
        Box::new(move || {
            timed(|| {
                for _ in 0..64 {
                    black_box(kernels.sum(black_box(&bytes[2..])));
                }
            })
        })
    }

    /// The floors give the bytes that the crate gives.
    fn assert_floors_agree() {
        let tunnel = tunnel();
        let pool = || frames(256, Size::Imix, Pages::Small);
        let mut core = core();
        let (mut ours, mut theirs) = (pool(), pool());
        let mut verdicts = verdicts(256);
        let passed = encap_batch(&mut ours, |_, _| Some(&tunnel), &mut core, &mut verdicts);
        assert_eq!(passed, Ok(256));
        let mut descriptors = floor::descriptors(&mut theirs);
        let template = floor::Template::of(&tunnel);
        let passed = unsafe { floor::contract_encap(&mut descriptors, &template, &mut verdicts) };
        assert_eq!(passed, 256);
        for (ours, theirs) in ours.iter().zip(&mut theirs) {
            theirs.push_front(OUTER).expect("headroom");
            assert_eq!(ours.bytes(), theirs.bytes());
        }
        let (mut from, mut floor_from) = ([TunnelInfo::NONE; 256], [TunnelInfo::NONE; 256]);
        let mut descriptors = floor::descriptors(&mut theirs);
        let passed =
            unsafe { floor::contract_decap(&mut descriptors, &mut floor_from, &mut verdicts) };
        assert_eq!(passed, 256);
        assert_eq!(decap_batch(&vtep(), &mut ours, Some(&mut from), &mut verdicts), Ok(256));
        assert_eq!(from, floor_from);
    }

    const HOT: usize = 256;
    const COLD: usize = 65_536;

    fn row(what: &str, ticks: f64, against: &str, base: f64, most: f64) -> Row {
        Row { what: what.into(), ticks, against: against.into(), base, most }
    }

    fn hot(turns: usize) -> Vec<Row> {
        let one = tunnel();
        let (full, lco) = (summing(UdpChecksum::Full), summing(UdpChecksum::Lco));
        let many = tunnels(65_536);
        let pool = |len| frames(HOT, Size::Fixed(len), Pages::Huge);
        let sent = || encapsulated(pool(64), &one);
        let mut runs = [
            bare(pool(64), &one, 64),
            contract(pool(64), &one, HOT),
            batch(pool(64), &one, HOT),
            batch(pool(64), &one, 32),
            single(pool(64), &one),
            batch(pool(1450), &one, HOT),
            batch(vouched(pool(64)), &lco, HOT),
            batch(vouched(pool(1450)), &lco, HOT),
            batch(pool(64), &full, HOT),
            batch(pool(1450), &full, HOT),
            batch_of_many(pool(64), &many),
            bare_decap(sent(), 114),
            contract_decap(sent(), HOT),
            batch_decap(sent(), HOT),
            batch_decap(sent(), 32),
            single_decap(sent()),
        ];
        let medians = medians(&mut runs, turns, 12);
        let medians: Vec<f64> = medians.iter().map(|ticks| ticks / HOT as f64).collect();
        let [
            bare,
            contract,
            batch,
            batch_32,
            single,
            large,
            lco,
            lco_large,
            full,
            full_large,
            many,
            bare_decap,
            contract_decap,
            decap,
            decap_32,
            single_decap,
        ] = medians[..]
        else {
            unreachable!("as many as runs")
        };
        vec![
            row("encap, contract floor", contract, "bare floor", bare, f64::NAN),
            row("encap, batch of 256", batch, "contract floor", contract, 1.2),
            row("encap, batch of 32", batch_32, "contract floor", contract, f64::NAN),
            row("encap, one at a time", single, "batch of 256", batch, 1.6),
            row("encap, 65,536 tunnels at random", many, "one tunnel", batch, 2.5),
            row("encap, 1450 bytes", large, "64 bytes", batch, 1.1),
            row("encap, lco", lco, "no checksum", batch, 1.5),
            row("encap, lco, 1450 bytes", lco_large, "64 bytes", lco, 1.1),
            row("encap, full checksum", full, "no checksum", batch, f64::NAN),
            row("encap, full checksum, 1450 bytes", full_large, "no checksum", large, f64::NAN),
            row("decap, contract floor", contract_decap, "bare floor", bare_decap, f64::NAN),
            row("decap, batch of 256", decap, "contract floor", contract_decap, 1.2),
            row("decap, batch of 32", decap_32, "contract floor", contract_decap, f64::NAN),
            row("decap, one at a time", single_decap, "batch of 256", decap, 1.6),
        ]
    }

    fn cold(pages: Pages, name: &str, turns: usize) -> Vec<Row> {
        let one = tunnel();
        let pool = || frames(COLD, Size::Fixed(64), pages);
        // The runs of one direction share the memory of one pool: each finds it as the one before left it,
        // and each as cold.
        let mut encap =
            [contract(pool(), &one, HOT), batch(pool(), &one, HOT), single(pool(), &one)];
        let medians_encap = medians(&mut encap, turns, 1);
        drop(encap);
        let sent = || encapsulated(pool(), &one);
        let mut decap =
            [contract_decap(sent(), HOT), batch_decap(sent(), HOT), single_decap(sent())];
        let medians_decap = medians(&mut decap, turns, 1);
        let mut rows = Vec::new();
        for (way, medians) in [("encap", medians_encap), ("decap", medians_decap)] {
            let [contract, batch, single] = [0, 1, 2].map(|index| medians[index] / COLD as f64);
            let what = format!("{way}, batch of 256, {name}");
            rows.push(row(&what, batch, "contract floor", contract, 1.25));
            rows.push(row(&what, batch, "one at a time", single, 0.5));
        }
        rows
    }

    fn sums(turns: usize) -> Vec<Row> {
        let bytes = || vec![0x5a; 1452];
        let mut runs: Vec<_> = [Kernels::generic(), kernels()]
            .into_iter()
            .map(|kernels| sum(bytes(), kernels))
            .collect();
        let medians = medians(&mut runs, turns, 12);
        vec![row(
            "checksum of 1450 bytes",
            medians[1] / 64.0,
            "generic",
            medians[0] / 64.0,
            f64::NAN,
        )]
    }

    pub fn main() {
        if !floor::is_available() {
            return eprintln!("ratios: the floors need AVX2, BMI2 and MOVBE");
        }
        assert_floors_agree();
        let quick = std::env::args().any(|arg| arg == "--quick");
        let cycle = ticks_a_cycle();
        let mut rows = hot(if quick { 60 } else { 600 });
        rows.extend(sums(if quick { 60 } else { 600 }));
        if !std::env::args().any(|arg| arg == "--hot") {
            let turns = if quick { 5 } else { 31 };
            rows.extend(cold(Pages::Huge, "65,536 shuffled, huge pages", turns));
            rows.extend(cold(Pages::Small, "65,536 shuffled, small pages", turns));
        }
        super::report(&rows, cycle);
    }
}

#[cfg(target_arch = "x86_64")]
fn report(rows: &[measure::Row], cycle: f64) {
    println!("| what | cycles | against | cycles | ratio | at most |");
    println!("|---|---|---|---|---|---|");
    for row in rows {
        let [ticks, base] = [row.ticks, row.base].map(|ticks| ticks / cycle);
        let most = if row.most.is_nan() { String::new() } else { row.most.to_string() };
        let ratio = row.ticks / row.base;
        println!(
            "| {} | {ticks:.1} | {} | {base:.1} | {ratio:.2} | {most} |",
            row.what, row.against
        );
    }
}

#[cfg(target_arch = "x86_64")]
fn main() {
    measure::main();
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    eprintln!("ratios: the floors are for x86-64");
}
