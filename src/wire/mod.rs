//! One header a file: bytes to typed fields and back; no state, no policy.
//!
//! Every header comes in two levels. A `*Header` is plain data over any bytes of its length: a
//! `&VxlanHeader` is the view, a `&mut VxlanHeader` the in-place editor, a `VxlanHeader` the owned
//! form. `EthernetFrame`, `Ipv4Packet`, `UdpDatagram` and their like are parsed: lengths agree, the
//! payload ends where the length field says, and their accessors cannot fail. Fields that have fewer
//! values than bits take newtypes ([`Vni`], [`VlanId`], `Dscp` ...), so nothing is ever truncated.
#![forbid(unsafe_code)]

mod error;
mod ethernet;
mod mac;
mod view;
mod vlan;
mod vxlan;

pub use error::{Layer, ParseError, ParseErrorKind};
pub use ethernet::{EtherType, EthernetFrame, EthernetHeader};
pub use mac::{MacAddr, ParseMacAddrError};
pub use vlan::{Pcp, VlanFieldTooLarge, VlanHeader, VlanId, VlanTag};
pub use vxlan::{Gbp, Vni, VniTooLarge, VxlanFlags, VxlanFrame, VxlanHeader};
