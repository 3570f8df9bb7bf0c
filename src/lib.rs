//! The packet path of Docker and Kubernetes overlay networks, as a library.
//!
//! A frame leaves a container, crosses a bridge, is routed to a node, is put in VXLAN by that node's
//! VTEP (VXLAN tunnel end point), crosses the underlay, and is taken out again on the other side.
//! `vtep` has the parts of that path as plain functions on bytes: it owns no socket, no thread, no
//! clock and no allocator.
#![no_std]
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

#[cfg(test)]
extern crate std;

pub mod agent;
pub mod buf;
pub mod checksum;
pub mod lease;
pub mod netlink;
pub mod subnet;
pub mod tunnel;
pub mod verdict;
pub mod wire;
