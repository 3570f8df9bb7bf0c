//! Generators for fuzzers and property tests, on the [`arbitrary`] crate.
//!
//! Every field type and header has an [`Arbitrary`] instance that gives all its legal values. Beside them
//! there are whole things, in buffers of their own: an [`InnerFrame`] as it leaves a container, a
//! [`VxlanPacket`] as it arrives at a VTEP, [`TunnelConfig`](crate::tunnel::TunnelConfig)s, a network's
//! [`ConfigText`], a [`LeaseText`], a [`NetlinkMessage`]. What is generated is valid, with any combination
//! of tags, options, extension headers and fragments; a [`NearlyValid`] packet has one fault, whose name
//! says what a receiver has to answer.
//!
//! A fuzz target, with the `fuzz_target!` of `libfuzzer-sys` around it:
//!
//! ```
//! use arbitrary::{Arbitrary, Unstructured};
//! use vtep::arbitrary::{NearlyValid, VxlanPacket};
//!
//! let bytes_of_the_fuzzer = [0x5a; 600];
//! let mut u = Unstructured::new(&bytes_of_the_fuzzer);
//!
//! let packet = VxlanPacket::arbitrary(&mut u)?;
//! let decap = packet.vtep().inspect(packet.as_bytes()).expect("a valid packet");
//! assert_eq!(decap.offset(), packet.inner_at());
//!
//! let broken = NearlyValid::arbitrary(&mut u)?;
//! let verdict = broken.packet().vtep().inspect(broken.as_bytes());
//! assert_eq!(verdict, Err(broken.flaw().reason()));
//! # Ok::<(), arbitrary::Error>(())
//! ```
//!
//! Ready targets, dictionaries and seeds are in the repository's `fuzz` folder.
#![forbid(unsafe_code)]

mod fields;
mod flaw;
mod inner;
mod netlink;
mod packet;
mod text;
mod tunnel;

use arbitrary::{Arbitrary, Result, Unstructured};

pub use flaw::{Flaw, NearlyValid};
pub use inner::InnerFrame;
pub use netlink::{MessageFlaw, NearlyValidMessage, NetlinkMessage};
pub use packet::VxlanPacket;
pub use text::{ConfigText, LeaseText};

/// The most bytes of a generated frame, packet or text.
pub const CAPACITY: usize = 1536;

/// Some of the fuzzer's bytes, at most `most`.
fn slice<'a>(u: &mut Unstructured<'a>, most: usize) -> Result<&'a [u8]> {
    let most = most.min(u.len());
    let len = u.int_in_range(0..=most)?;
    u.bytes(len)
}

/// Something of `T` in one of two cases.
fn perhaps<'a, T: Arbitrary<'a>>(u: &mut Unstructured<'a>) -> Result<Option<T>> {
    u.arbitrary()
}
