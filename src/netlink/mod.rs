//! rtnetlink messages: the routes, neighbours, FDB entries, links and addresses of the Linux kernel
//! as bytes (rfc3549; `include/uapi/linux/{netlink,rtnetlink,neighbour,if_link,if_addr}.h`).
//!
//! Reading: [`Messages`] walks a buffer, [`Message::body`] proves one message and types it, and
//! each typed message yields its attributes in the order they came, those it does not know raw.
//! What is not an attribute at the end of a message is passed over as Linux passes over it
//! ([`Attrs`]) and can be seen ([`Body::trailing`]). Writing: [`build`] lays a message into the
//! caller's buffer through a [`Writer`]; the records ([`HostGwRoute`], [`OnlinkRoute`],
//! [`NeighbourEntry`], [`FdbEntry`], [`VxlanLink`]) give flanneld's own bytes. A message that was
//! read and is written again has the same bytes.
//!
//! ```
//! use vtep::netlink::{Body, HostGwRoute, IfIndex, Messages};
//!
//! let destination = "10.1.17.0/24".parse()?;
//! let ifindex = Some(IfIndex::literal::<2>());
//! let route = HostGwRoute { destination, gateway: [192, 168, 50, 2].into(), ifindex };
//! let mut buffer = [0; 64];
//! let length = route.write_add(1, &mut buffer)?;
//! assert_eq!(length, 52); // to be sent to the kernel
//!
//! for message in Messages::new(&buffer[..length]) {
//!     if let Body::Route(message) = message?.body()? {
//!         assert_eq!(HostGwRoute::from_message(message), Some(route));
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! All integers are in the byte order of the machine, as netlink has them, unless a field says
//! otherwise.
#![forbid(unsafe_code)]

mod addr;
mod answer;
mod attr;
mod dump;
mod entry;
mod ext_ack;
mod fdb;
mod header;
mod hop;
mod ifindex;
mod link;
mod message;
mod name;
mod native;
mod neigh;
mod route;
mod value;
mod vxlan;
mod writer;

pub use addr::{AddressAttr, AddressDump, AddressHeader, AddressMessage, LinkAddress};
pub use answer::{Done, ErrorMessage};
pub use attr::{Attr, AttrError, AttrFlags, Attrs};
pub use dump::{Dump, DumpStep};
pub use entry::{HostGwRoute, OnlinkRoute, OtherRoute};
pub use ext_ack::{ExtAck, ExtAckAttr};
pub use fdb::FdbEntry;
pub use header::{Header, MessageError, MessageFlags, MessageType};
pub use hop::{NextHop, NextHopIter, NextHops, RouteFlags};
pub use ifindex::{IfIndex, IfIndexError, ParseIfIndexError};
pub use link::{
    BridgeLink, LinkAttr, LinkChange, LinkFlags, LinkHeader, LinkInfoAttr, LinkLookup, LinkMessage,
    MasterChange, VethLink,
};
pub use message::{Body, Message, Messages, RebuildError};
pub use name::{LinkName, LinkNameError};
pub use neigh::{
    NeighbourAttr, NeighbourDump, NeighbourEntry, NeighbourFlags, NeighbourHeader,
    NeighbourMessage, NeighbourState,
};
pub use route::{Metric, RouteAttr, RouteDump, RouteHeader, RouteLookup, RouteMessage, Table, Via};
pub use value::{Be16, Be32, Family, Nested, Text};
pub use vxlan::{VxlanAttr, VxlanLink};
pub use writer::{RequestError, Writer, build};
