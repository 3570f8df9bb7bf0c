//! TCP (RFC 9293 section 3.1; ECN flags RFC 3168 section 6.1 and RFC 9768).
//!
//! [`TcpSegment`] parses, [`TcpSegmentMut`] edits in place, [`TcpHeader`] is the
//! header alone, [`TcpBuilder`] builds. TCP has no length field: a segment is as long as the IP
//! packet says.
//!
//! A setter `set_x` of the header keeps a right checksum right (RFC 1624); its twin `set_x_raw`
//! does not touch the checksum, for code that writes several fields and then calls
//! [`fill_checksum`](TcpHeader::fill_checksum).

mod build;
mod header;
mod segment;

pub use build::TcpBuilder;
pub use header::{TcpFlags, TcpHeader};
pub use segment::{TcpSegment, TcpSegmentMut};
