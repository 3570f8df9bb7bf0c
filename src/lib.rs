//! The packet path of Docker and Kubernetes overlay networks, as a library.
//!
//! A frame leaves a container, crosses a bridge, is routed to a node, is put in VXLAN by that node's
//! VTEP (VXLAN tunnel end point), crosses the underlay, and is taken out again on the other side.
//! `vtep` has the parts of that path as plain functions on bytes: it owns no socket, no thread, no
//! clock and no allocator.
//!
//! # A tour
//!
//! Packets: [`wire`] has one header a file, and knows no policy. [`checksum`] sums. [`buf`] is how this
//! crate sees your frame buffers, [`verdict`] how it tells what became of a frame. [`tunnel`] puts a frame
//! into VXLAN and takes it out again.
//!
//! Nodes: [`subnet`] calculates with prefixes and allocates them. [`lease`] reads and writes what flannel
//! stores for a node. [`netlink`] speaks the kernel's language for routes, neighbours and forwarding
//! entries, and [`agent`] says which of them a lease event means.
//!
//! ```
//! use vtep::buf::{ArrayFrame, FrameBuf};
//! use vtep::tunnel::{Adjacency, EncapState, TunnelConfig, Vtep};
//! use vtep::wire::{MacAddr, Vni};
//!
//! let (local, remote) = ("192.168.0.10".parse()?, "192.168.0.17".parse()?);
//! let next_hop = Adjacency::new(MacAddr::new([2, 0, 0, 0, 0, 2]), MacAddr::new([2, 0, 0, 0, 0, 1]));
//! let tunnel = TunnelConfig::rfc7348(local, remote, next_hop).vni(Vni::new(1)?).build()?;
//! let vtep = Vtep::rfc7348().local(remote);
//!
//! let mut frame = ArrayFrame::<2048>::from_bytes_with_headroom(&[0; 60], 64)?;
//! tunnel.encap(&mut frame, &mut EncapState::predictable())?;
//! assert_eq!(frame.total_len(), 50 + 60);
//! let info = vtep.decap(&mut frame)?;
//! assert_eq!((frame.total_len(), info.vni.value()), (60, 1));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Layers
//!
//! Dependencies point down only; a test reads the sources and holds it.
//!
//! ```text
//! agent            what a lease event means
//! batch            slices of frames
//! tunnel           encap and decap
//! netlink  lease   the kernel's records, flannel's records
//! arch     subnet  checksum kernels and prefetch, prefixes and pools
//! buf              frame buffers
//! verdict          drop reasons
//! wire             headers
//! checksum  hash   sums, hashes of what strangers choose
//! ```
//!
//! The [`manual`] has chapters on the rules that the code obeys and why it is as it is.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations, unreachable_pub, unused_qualifications)]
#![deny(rustdoc::broken_intra_doc_links, rustdoc::private_intra_doc_links)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unimplemented,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]
#![deny(clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]

#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod agent;
#[cfg(feature = "arbitrary")]
pub mod arbitrary;
pub mod arch;
pub mod batch;
pub mod buf;
pub mod checksum;
#[cfg(feature = "defmt")]
mod format;
pub mod hash;
pub mod lease;
pub mod manual;
pub mod netlink;
#[cfg(feature = "serde")]
mod serialize;
pub mod subnet;
pub mod tunnel;
pub mod verdict;
pub mod wire;

/// The README's code, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
