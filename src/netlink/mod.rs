//! rtnetlink messages: the routes, neighbours, FDB entries, links and addresses of the Linux kernel
//! as bytes (rfc3549; `include/uapi/linux/{netlink,rtnetlink,neighbour,if_link,if_addr}.h`).
//!
//! Reading: [`Messages`] walks a buffer, [`Message::body`] proves one message and types it, and
//! each typed message yields its attributes in the order they came, those it does not know raw.
//! What is not an attribute at the end of a message is skipped as Linux skips it ([`Attrs`]) and
//! can be seen ([`Body::trailing`]). Writing: [`build`] lays a message into the
//! caller's buffer through a [`Writer`]; the records ([`HostGwRoute`], [`OnlinkRoute`],
//! [`NeighbourEntry`], [`FdbEntry`], [`VxlanLink`]) encode to flanneld's own bytes. A message that
//! was read and is written again has the same bytes.
//!
//! # Which types do I need?
//!
//! | to | use |
//! |---|---|
//! | create and configure the vxlan device | [`VxlanLink`], [`LinkChange`], [`LinkAddress`] |
//! | look a link up by name or index | [`LinkLookup`], [`LinkMessage`] |
//! | set a peer's entries | [`NeighbourEntry`], [`FdbEntry`], [`OnlinkRoute`], [`HostGwRoute`] |
//! | read the kernel's tables | [`NeighbourDump`], [`RouteDump`], [`AddressDump`]; [`Dump`] |
//! | read an acknowledgement or an error | [`Messages`], [`Body::Error`] |
//!
//! Each request is one message in one `send` to an `AF_NETLINK`, `NETLINK_ROUTE` socket; each
//! `recv` fills a buffer that [`Messages`] walks. All integers are in the byte order of the
//! machine, as netlink has them, unless a field says otherwise.
//!
//! # Examples
//!
//! A route is written and read back:
//!
//! ```
//! use vtep::netlink::{Body, HostGwRoute, IfIndex, Messages};
//!
//! let destination = "10.1.17.0/24".parse()?;
//! let ifindex = Some(IfIndex::literal::<2>());
//! let route = HostGwRoute { destination, gateway: [192, 168, 50, 2].into(), ifindex };
//! let mut buffer = [0; 64];
//! let len = route.write_add(1, &mut buffer)?;
//! assert_eq!(len, 52); // to be sent to the kernel
//!
//! for message in Messages::new(&buffer[..len]) {
//!     if let Body::Route(message) = message?.body()? {
//!         assert_eq!(HostGwRoute::from_message(message), Some(route));
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! flannel.1 is created, given its address and set up, in four requests:
//!
//! ```
//! use vtep::netlink::{IfIndex, LinkAddress, LinkChange, LinkLookup, LinkName, VxlanLink};
//! use vtep::wire::{MacAddr, Vni};
//!
//! let name = LinkName::new("flannel.1")?;
//! let mac = MacAddr::new([2, 0, 0, 0, 0, 1]);
//! let eth0 = IfIndex::literal::<2>();
//! let local = [192, 168, 50, 1].into();
//! let mut buffer = [0; 256];
//!
//! let device = VxlanLink::flannel(name, Vni::literal::<1>(), eth0, local, mac);
//! assert!(device.write_add(1, &mut buffer)? > 0); // send, and await the acknowledgement
//! assert!(LinkLookup::Name(name).write(2, &mut buffer)? > 0);
//! let ifindex = IfIndex::literal::<7>(); // `LinkMessage::header` of the answer has it
//! let address = LinkAddress { ifindex, address: [10, 5, 1, 0].into(), prefix_len: 32 };
//! assert!(address.write_add(3, &mut buffer)? > 0);
//! let up = LinkChange { up: Some(true), ..LinkChange::new(ifindex) };
//! assert_eq!(up.write(4, &mut buffer)?, 32);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A dump arrives in as many buffers as it takes:
//!
//! ```
//! use vtep::netlink::{Body, Dump, DumpStep, Family, FdbEntry, Header, IfIndex, MessageFlags};
//! use vtep::netlink::{MessageType, Messages, NeighbourDump, build};
//! # use vtep::wire::MacAddr;
//! # let ifindex = IfIndex::literal::<7>();
//! # let mac = MacAddr::new([2, 0, 0, 0, 0, 9]);
//! # let peer = FdbEntry { ifindex, mac, remote: [192, 0, 2, 9].into() };
//! # let mut entry = [0; 64];
//! # let len = peer.write_set(5, &mut entry)?;
//! # entry[6..8].copy_from_slice(&MessageFlags::MULTI.bits().to_ne_bytes());
//! # let mut done = [0; 32];
//! # let header = Header::request(MessageType::DONE, MessageFlags::MULTI, 5);
//! # let done_len = build(&mut done, header, |writer| writer.bytes(&[0; 4]))?;
//! # let received = [&entry[..len], &done[..done_len]];
//!
//! let mut request = [0; 32];
//! let request_len = NeighbourDump { family: Family::BRIDGE }.write(5, &mut request)?;
//! assert_eq!(request_len, 28); // send
//!
//! let mut dump = Dump::new(5);
//! let mut entries = Vec::new();
//! 'dump: for buffer in received {
//!     // each `buffer` is what one `recv` returned
//!     for message in Messages::new(buffer) {
//!         match dump.step(&message?)? {
//!             DumpStep::Entry(Body::Neighbour(message)) => {
//!                 entries.extend(FdbEntry::from_message(message));
//!             }
//!             DumpStep::Finished => break 'dump,
//!             DumpStep::Failed { errno, .. } => return Err(format!("errno {errno}").into()),
//!             DumpStep::Interrupted | DumpStep::NoDump => return Err("ask again".into()),
//!             _ => {}
//!         }
//!     }
//! }
//! assert_eq!(entries, [peer]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
