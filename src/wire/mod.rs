//! One header a file: bytes to typed fields and back; no state, no policy.
//!
//! Every header comes in two levels. A `*Header` is plain data over any bytes of its length: a
//! `&VxlanHeader` is the view, a `&mut VxlanHeader` the in-place editor, a `VxlanHeader` the owned
//! form. `EthernetFrame`, `Ipv4Packet`, `UdpDatagram` and their like are parsed: lengths agree, the
//! payload ends where the length field says, and their accessors cannot fail. Fields that have fewer
//! values than bits take newtypes ([`Vni`], [`VlanId`], `Dscp` ...), so nothing is ever truncated.
#![forbid(unsafe_code)]

mod arp;
mod build;
mod error;
mod ethernet;
mod icmp;
mod icmpv4;
mod icmpv6;
mod ip;
mod ipv4;
mod ipv4_build;
mod ipv4_packet;
mod ipv6;
mod ipv6_ext;
mod ipv6_fragment;
mod mac;
mod options;
mod tcp;
mod tcp_build;
mod udp;
mod view;
mod vlan;
mod vni;
mod vxlan;

pub use arp::{ArpHeader, ArpOperation, ArpPacket};
pub use build::{Build, BuildError, EthernetPayload, InPlace, IpPayload};
pub use error::{Layer, ParseError, ParseErrorKind};
pub use ethernet::{EtherType, EthernetBuilder, EthernetFrame, EthernetHeader};
pub use icmp::Echo;
pub use icmpv4::{Icmpv4Builder, Icmpv4Header, Icmpv4Message, Icmpv4Packet};
pub use icmpv6::{Icmpv6Builder, Icmpv6Header, Icmpv6Message, Icmpv6Packet};
pub use ip::{
    Dscp, DscpTooLarge, Ecn, FragmentOffset, FragmentOffsetTooLarge, IpProtocol, PseudoHeader,
    TrafficClass,
};
pub use ipv4::{Ipv4Flags, Ipv4Header};
pub use ipv4_build::Ipv4Builder;
pub use ipv4_packet::Ipv4Packet;
pub use ipv6::{FlowLabel, FlowLabelTooLarge, Ipv6Builder, Ipv6Header};
pub use ipv6_ext::Ipv6Packet;
pub use ipv6_fragment::Ipv6FragmentHeader;
pub use mac::{MacAddr, ParseMacAddrError};
pub use options::{HeaderOptions, OptionsTooLong};
pub use tcp::{TcpFlags, TcpHeader, TcpSegment};
pub use tcp_build::TcpBuilder;
pub use udp::{UdpBuilder, UdpChecksumState, UdpDatagram, UdpHeader};
pub use vlan::{Pcp, VlanBuilder, VlanFieldTooLarge, VlanHeader, VlanId, VlanTag};
pub use vni::{Vni, VniTooLarge};
pub use vxlan::{Gbp, VxlanBuilder, VxlanFlags, VxlanFrame, VxlanHeader};
