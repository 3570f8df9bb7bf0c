//! The vxlan device (`IFLA_VXLAN_*`, `include/uapi/linux/if_link.h`; flannel
//! `backend/vxlan/device.go`).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::{MacAddr, Vni};

use super::header::{Header, MessageFlags, MessageType};
use super::ifindex::IfIndex;
use super::link::{LinkAttr, LinkHeader, LinkMessage, emit_info, emit_name};
use super::name::LinkName;
use super::value::{Be16, Be32, attributes};
use super::writer::{RequestError, Writer, build};

attributes! {
    /// An attribute of a vxlan device. Those that are a `u8` are switches unless they say
    /// otherwise.
    pub enum VxlanAttr {
        /// VNI, in the machine's byte order.
        Id(u32) = 1,
        /// Default destination: a VTEP or a multicast group.
        Group(Ipv4Addr) = 2,
        /// Index of the underlay's link.
        Link(Option<IfIndex>) = 3,
        /// Own address in the underlay.
        Local(Ipv4Addr) = 4,
        /// Outer TTL; 0 is the kernel's choice.
        Ttl(u8) = 5,
        /// Outer TOS; 1 takes the inner packet's.
        Tos(u8) = 6,
        /// FDB entries are learned from what comes in.
        Learning(u8) = 7,
        /// Seconds that a learned FDB entry lives.
        Ageing(u32) = 8,
        /// Most FDB entries; 0 is no limit.
        Limit(u32) = 9,
        /// UDP source ports, from and to, each a big-endian 16-bit integer.
        PortRange([u8; 4]) = 10,
        /// ARP requests are answered from the neighbour table.
        Proxy(u8) = 11,
        /// Routes are short-circuited.
        Rsc(u8) = 12,
        /// Reports when a destination MAC address is missing.
        L2Miss(u8) = 13,
        /// Reports when a destination IP address is missing.
        L3Miss(u8) = 14,
        /// UDP destination port.
        Port(Be16) = 15,
        /// Default destination, IPv6.
        Group6(Ipv6Addr) = 16,
        /// Own address in the underlay, IPv6.
        Local6(Ipv6Addr) = 17,
        /// Fills the outer UDP checksum over IPv4.
        UdpChecksum(u8) = 18,
        /// Leaves the outer UDP checksum 0 over IPv6.
        ZeroChecksum6Tx(u8) = 19,
        /// Takes a zero outer UDP checksum over IPv6.
        ZeroChecksum6Rx(u8) = 20,
        /// Remote checksum offload, sent.
        RemoteChecksumTx(u8) = 21,
        /// Remote checksum offload, taken.
        RemoteChecksumRx(u8) = 22,
        /// Group policy extension, when it is there.
        Gbp(()) = 23,
        /// Remote checksum offload without partial checksums, when it is there.
        RemoteChecksumNoPartial(()) = 24,
        /// VNI and addresses come with each packet.
        CollectMetadata(u8) = 25,
        /// IPv6 flow label.
        Label(Be32) = 26,
        /// Generic protocol extension, when it is there.
        Gpe(()) = 27,
        /// Outer TTL from the inner packet.
        TtlInherit(u8) = 28,
        /// Outer DF: 0 unset, 1 set, 2 as the inner packet's.
        Df(u8) = 29,
        /// VNIs are filtered.
        VniFilter(u8) = 30,
        /// Packets to an own address do not leave.
        LocalBypass(u8) = 31,
        /// Where the IPv6 flow label comes from.
        LabelPolicy(u32) = 32,
    }
}

impl<'a> LinkMessage<'a> {
    /// The attributes of a vxlan device; empty for another link.
    pub fn vxlan(self) -> impl Iterator<Item = VxlanAttr<'a>> {
        let is_vxlan = self.kind().and_then(|kind| kind.as_str()) == Some("vxlan");
        let nested = self.data().filter(|_| is_vxlan);
        nested.into_iter().flat_map(|nested| nested.attrs()).map(VxlanAttr::decode)
    }
}

/// A new vxlan device.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VxlanLink<'a> {
    /// Its name: flannel.1, flannel-v6.1.
    pub name: LinkName<'a>,
    /// VNI.
    pub vni: Vni,
    /// Index of the underlay's link.
    pub lower_ifindex: Option<IfIndex>,
    /// Own address in the underlay.
    pub local: Option<IpAddr>,
    /// UDP destination port; 0 is the kernel's own, 8472.
    pub port: u16,
    /// MAC address; without one the kernel makes one.
    pub address: Option<MacAddr>,
    /// MTU in bytes; 0 is the kernel's choice.
    pub mtu: u32,
    /// FDB entries are learned from what comes in.
    pub learning: bool,
    /// ARP requests are answered from the neighbour table.
    pub proxy: bool,
    /// Missing MAC and IP addresses are reported (l2miss, l3miss).
    pub misses: bool,
    /// Group policy extension.
    pub gbp: bool,
}

impl<'a> VxlanLink<'a> {
    /// As flannel makes it: nothing is learned, nothing answered.
    #[must_use]
    pub const fn flannel(
        name: LinkName<'a>,
        vni: Vni,
        lower_ifindex: IfIndex,
        local: IpAddr,
        address: MacAddr,
    ) -> Self {
        Self {
            name,
            vni,
            lower_ifindex: Some(lower_ifindex),
            local: Some(local),
            port: 0,
            address: Some(address),
            mtu: 0,
            learning: false,
            proxy: false,
            misses: false,
            gbp: false,
        }
    }

    /// As Docker's overlay driver makes it: port 4789, learning, ARP answered, misses told.
    #[must_use]
    pub const fn docker(name: LinkName<'a>, vni: Vni) -> Self {
        Self {
            name,
            vni,
            lower_ifindex: None,
            local: None,
            port: 4789,
            address: None,
            mtu: 0,
            learning: true,
            proxy: true,
            misses: true,
            gbp: false,
        }
    }

    /// Writes the request that adds it, in the order of flannel's netlink library; the length in
    /// bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_add(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        let header = Header::request(MessageType::NEWLINK, MessageFlags::ADD, seq);
        let mtu = Some(self.mtu).filter(|mtu| *mtu != 0).map(LinkAttr::Mtu);
        let attrs = [mtu, Some(LinkAttr::TxQueueLen(0)), self.address.map(LinkAttr::Address)];
        build(buffer, header, |writer| {
            writer.bytes(&LinkHeader::new(None).to_bytes());
            emit_name(self.name, writer);
            for attr in attrs.iter().flatten() {
                attr.emit(writer);
            }
            emit_info("vxlan", writer, |writer| {
                writer.nested(2, false, |writer| self.emit_values(writer));
            });
        })
    }

    fn emit_values(&self, writer: &mut Writer<'_>) {
        let local = self.local.map(|local| match local {
            IpAddr::V4(local) => VxlanAttr::Local(local),
            IpAddr::V6(local) => VxlanAttr::Local6(local),
        });
        let attrs = [
            Some(VxlanAttr::Id(self.vni.value())),
            self.lower_ifindex.map(|ifindex| VxlanAttr::Link(Some(ifindex))),
            local,
            Some(VxlanAttr::Ttl(0)),
            Some(VxlanAttr::Tos(0)),
            Some(VxlanAttr::Learning(u8::from(self.learning))),
            Some(VxlanAttr::Proxy(u8::from(self.proxy))),
            Some(VxlanAttr::Rsc(0)),
            Some(VxlanAttr::L2Miss(u8::from(self.misses))),
            Some(VxlanAttr::L3Miss(u8::from(self.misses))),
            Some(VxlanAttr::ZeroChecksum6Tx(0)),
            Some(VxlanAttr::ZeroChecksum6Rx(0)),
            self.gbp.then_some(VxlanAttr::Gbp(())),
            (self.port != 0).then_some(VxlanAttr::Port(Be16(self.port))),
        ];
        for attr in attrs.iter().flatten() {
            attr.emit(writer);
        }
    }
}
