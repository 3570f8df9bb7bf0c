//! quickcheck on the generators of `vtep::arbitrary`: the properties that the fuzz targets hold too.
//!
//! `PROPERTIES=N` tries each one N times; the bytes of a failure are printed, and the fuzz target of the
//! same name replays them.

mod naive;

use std::env;

use arbitrary::Unstructured;
use naive::properties::Property;
use quickcheck::{Arbitrary, Gen, QuickCheck, TestResult, Testable};

#[derive(Clone, Copy)]
struct Holds(&'static str, Property);

impl Testable for Holds {
    fn result(&self, r#gen: &mut Gen) -> TestResult {
        let mut bytes = Vec::<u8>::arbitrary(r#gen);
        // Packets take more bytes than quickcheck likes to give.
        while bytes.len() < 2000 && bool::arbitrary(r#gen) {
            bytes.extend(Vec::<u8>::arbitrary(r#gen));
        }
        let Self(name, property) = *self;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let held = std::panic::catch_unwind(|| property(&mut Unstructured::new(&bytes)));
        match held {
            Ok(Ok(())) => TestResult::passed(),
            Ok(Err(_)) => TestResult::discard(),
            Err(_) => TestResult::error(format!("{name} does not hold of {hex}")),
        }
    }
}

macro_rules! properties {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            let tests = env::var("PROPERTIES").map_or(500, |tests| tests.parse().expect("a number"));
            let mut quick_check = QuickCheck::new().rng(Gen::new(700)).tests(tests).max_tests(tests * 20).min_tests_passed(tests);
            quick_check.quickcheck(Holds(stringify!($name), naive::properties::$name));
        }
    )*};
}

properties! {
    parsers decap nearly_valid decap_of_packets round_trip local_checksum_offload checksums batches
    leases texts netlink_messages netlink_walk allocator
}
