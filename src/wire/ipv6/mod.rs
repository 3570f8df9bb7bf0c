//! IPv6 (RFC 8200; traffic class as RFC 2474 and RFC 3168 say; flow label RFC 6437), its extension
//! headers included.
//!
//! [`Ipv6Packet`] parses a packet to its transport, [`Ipv6PacketMut`] edits in place,
//! [`Ipv6Header`] and [`Ipv6FragmentHeader`] are the headers alone, [`Ipv6Builder`] builds.
//!
//! IPv6 has no checksum of its own: the checksums of the transports cover its addresses.

mod build;
mod extension;
mod fragment;
mod header;
mod packet;

pub use build::Ipv6Builder;
pub use fragment::Ipv6FragmentHeader;
pub use header::{FlowLabel, Ipv6Header};
pub use packet::{Ipv6Packet, Ipv6PacketMut};
