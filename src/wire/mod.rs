//! Headers: bytes to typed fields and back; no state and no policy.
//!
//! Each protocol is a module, and every item is re-exported here. For each there are up to four
//! types:
//!
//! - A `*Header` is plain data over any bytes of its length: a `&VxlanHeader` is the view, a
//!   `&mut VxlanHeader` the in-place editor, a `VxlanHeader` the owned form. Nothing is checked.
//! - [`EthernetFrame`], [`Ipv4Packet`], [`UdpDatagram`] and their like are parsed: lengths agree,
//!   the payload ends where the length field says, and their accessors cannot fail.
//! - [`EthernetFrameMut`], [`Ipv4PacketMut`] and their like are the same to edit.
//! - A `*Builder` writes a header and its payload, with lengths and checksums.
//!
//! Fields that have fewer values than bits have types of their own ([`Vni`], [`VlanId`], [`Dscp`]
//! ...), so nothing is ever truncated. Types with a public field (`EtherType(0x0800)`) accept every
//! value.
//!
//! # Parse a packet
//!
//! ```
//! use vtep::wire::{EthernetFrame, Ipv4Packet, UdpDatagram};
//!
//! # use vtep::wire::{Build, EthernetBuilder, Ipv4Builder, MacAddr, UdpBuilder};
//! # let mac = MacAddr::new([2, 0, 0, 0, 0, 1]);
//! # let udp = UdpBuilder::new(1234, 53, b"ping");
//! # let ipv4 = Ipv4Builder::new([10, 1, 15, 2].into(), [10, 1, 17, 3].into(), udp);
//! # let mut buffer = [0; 46];
//! # let bytes: &[u8] = EthernetBuilder::new(mac, mac, ipv4).build(&mut buffer)?;
//! let frame = EthernetFrame::parse(bytes)?;
//! let ipv4 = Ipv4Packet::parse(frame.payload())?;
//! let udp = UdpDatagram::parse(ipv4.payload())?;
//! assert_eq!((udp.header().destination_port(), udp.payload()), (53, &b"ping"[..]));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! An error names the header, the offset and the fault: "ipv4: 20 bytes needed, 13 available".
//!
//! # Edit one in place
//!
//! A setter `set_x` keeps a right checksum right (RFC 1624), `set_x_raw` leaves it stale:
//!
//! ```
//! use vtep::wire::{Ipv4PacketMut, UdpDatagramMut};
//!
//! # use vtep::wire::{Build, Ipv4Builder, UdpBuilder};
//! # let udp = UdpBuilder::new(1234, 53, b"ping");
//! # let mut buffer = [0; 32];
//! # let (from, to) = ([10, 1, 15, 2].into(), [10, 1, 17, 3].into());
//! # let bytes = Ipv4Builder::new(from, to, udp).build(&mut buffer)?;
//! let ipv4 = Ipv4PacketMut::parse(bytes)?;
//! let (old, new) = (ipv4.header.source(), [192, 0, 2, 1].into());
//! ipv4.header.set_source(new);
//! let udp = UdpDatagramMut::parse(ipv4.payload)?;
//! udp.header.set_source_port(40_000);
//! udp.header.update_checksum(old, new);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Build one
//!
//! ```
//! use vtep::wire::{Build, Ipv4Builder, UdpBuilder};
//!
//! let udp = UdpBuilder::new(1234, 53, b"ping");
//! let packet = Ipv4Builder::new([10, 1, 15, 2].into(), [10, 1, 17, 3].into(), udp);
//! let mut buffer = [0; 64];
//! assert_eq!(packet.build(&mut buffer)?.len(), 20 + 8 + 4);
//! # Ok::<(), vtep::wire::BuildError>(())
//! ```
#![forbid(unsafe_code)]

pub mod arp;
pub mod build;
pub(crate) mod emit;
mod error;
pub mod ethernet;
mod header;
pub mod icmp;
pub mod icmpv4;
pub mod icmpv6;
pub mod ip;
pub mod ipv4;
pub mod ipv6;
mod len;
pub mod mac;
mod number;
pub mod options;
pub mod tcp;
pub mod udp;
pub mod vlan;
pub mod vni;
pub mod vxlan;

#[doc(inline)]
pub use self::{
    arp::{ArpHeader, ArpOperation, ArpPacket},
    build::{Build, BuildError, EthernetPayload, InPlace, IpPayload},
    ethernet::{EtherType, EthernetBuilder, EthernetFrame, EthernetFrameMut, EthernetHeader},
    icmp::Echo,
    icmpv4::{Icmpv4Builder, Icmpv4Header, Icmpv4Message, Icmpv4Packet},
    icmpv6::{Icmpv6Builder, Icmpv6Header, Icmpv6Message, Icmpv6Packet},
    ip::{Dscp, Ecn, FragmentOffset, IpProtocol, PseudoHeader, TrafficClass},
    ipv4::{Ipv4Builder, Ipv4Flags, Ipv4Header, Ipv4Packet, Ipv4PacketMut},
    ipv6::{FlowLabel, Ipv6Builder, Ipv6FragmentHeader, Ipv6Header, Ipv6Packet, Ipv6PacketMut},
    mac::{MacAddr, ParseMacAddrError},
    options::{HeaderOptions, OptionsTooLong},
    tcp::{TcpBuilder, TcpFlags, TcpHeader, TcpSegment, TcpSegmentMut},
    udp::{UdpBuilder, UdpChecksumState, UdpDatagram, UdpDatagramMut, UdpHeader},
    vlan::{Pcp, VlanBuilder, VlanHeader, VlanId, VlanTag},
    vni::Vni,
    vxlan::{Gbp, VxlanBuilder, VxlanFlags, VxlanFrame, VxlanHeader},
};
pub use error::{Layer, ParseError, ParseErrorKind};
pub use number::{OutOfRange, ParseNumberError};
