//! UDP (RFC 768; over IPv6 RFC 8200 section 8.1, RFC 6935 and RFC 6936).
//!
//! [`UdpDatagram`] parses, [`UdpDatagramMut`] edits in place, [`UdpHeader`] is the
//! header alone, [`UdpBuilder`] builds.
//!
//! A checksum of 0 means no checksum, and a sum that comes out as 0 is sent as 0xFFFF. The
//! setters `set_x` keep to both: a right checksum stays right, and none stays none.

mod build;
mod datagram;
mod header;

pub use build::UdpBuilder;
pub use datagram::{UdpChecksumState, UdpDatagram, UdpDatagramMut};
pub use header::UdpHeader;
