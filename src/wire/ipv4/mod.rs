//! IPv4 (RFC 791 section 3.1; DSCP and ECN as RFC 2474 and RFC 3168 say; the ID as RFC 6864 says).
//!
//! [`Ipv4Packet`] parses, [`Ipv4PacketMut`] gives access to edit in place, [`Ipv4Header`] is the
//! header alone, [`Ipv4Builder`] builds.
//!
//! A setter `set_x` of the header keeps a right checksum right (RFC 1624); its twin `set_x_raw`
//! does not touch the checksum, for code that writes several fields and then calls
//! [`fill_checksum`](Ipv4Header::fill_checksum).

mod build;
mod flags;
mod header;
mod packet;

pub use build::Ipv4Builder;
pub use flags::Ipv4Flags;
pub use header::Ipv4Header;
pub use packet::{Ipv4Packet, Ipv4PacketMut};
