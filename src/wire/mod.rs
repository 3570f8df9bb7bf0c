//! One header a file: bytes to typed fields and back; no state, no policy.
//!
//! Every header comes in two levels. A `*Header` is plain data over any bytes of its length: a
//! `&VxlanHeader` is the view, a `&mut VxlanHeader` the in-place editor, a `VxlanHeader` the owned
//! form. `EthernetFrame`, `Ipv4Packet`, `UdpDatagram` and their like are parsed: lengths agree, the
//! payload ends where the length field says, and their accessors cannot fail. Fields that have fewer
//! values than bits take newtypes ([`Vni`], [`VlanId`], [`Dscp`] ...), so nothing is ever truncated.
#![forbid(unsafe_code)]

mod error;
mod mac;

pub use error::{Layer, ParseError, ParseErrorKind};
pub use mac::MacAddr;
