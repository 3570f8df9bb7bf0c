//! The checksum functions alone: 1450 bytes that are in the cache and not aligned.

use std::hint::black_box;

use vtep::arch::Kernels;

use crate::measure::{Contest, timed};

const LEN: usize = 1450;
/// Calls a pass.
const CALLS: u32 = 64;

type Checksum = fn(&[u8]) -> u16;

const CONTESTANTS: [(&str, Checksum); 6] = [
    ("vtep, detected kernels", |bytes| Kernels::detect().sum(bytes).checksum()),
    ("vtep, generic kernels", |bytes| Kernels::generic().sum(bytes).checksum()),
    ("smoltcp", |bytes| !smoltcp::wire::checksum::data(bytes)),
    ("internet-checksum", |bytes| u16::from_be_bytes(internet_checksum::checksum(bytes))),
    ("etherparse", |bytes| {
        let sum = etherparse::checksum::Sum16BitWords::new().add_slice(bytes);
        sum.ones_complement().to_be()
    }),
    // A word to skip that is not there.
    ("pnet_packet", |bytes| pnet_packet::util::checksum(bytes, usize::MAX)),
];

/// The contest; panics where a checksum differs from the crate's.
pub fn contest() -> Contest {
    let mut random = fastrand::Rng::with_seed(3);
    let mut bytes = vec![0; LEN + 64];
    random.fill(&mut bytes);
    // In an aligned buffer an IP packet stands so behind its Ethernet header.
    let start = bytes.as_ptr().align_offset(64) + 14;
    let of = start..start + LEN;
    let (names, functions): (Vec<_>, Vec<_>) = CONTESTANTS.into_iter().unzip();
    for (name, checksum) in &CONTESTANTS {
        for len in 1..=LEN {
            let bytes = &bytes[start..start + len];
            assert_eq!(checksum(bytes), functions[1](bytes), "{name} on {len} bytes");
        }
    }
    let pass = move |index: usize| {
        let checksum = black_box(functions[index]);
        let time = timed(|| {
            for _ in 0..CALLS {
                black_box(checksum(black_box(&bytes[of.clone()])));
            }
        });
        time.as_nanos() as f64 / f64::from(CALLS)
    };
    Contest { names, pass: Box::new(pass) }
}
