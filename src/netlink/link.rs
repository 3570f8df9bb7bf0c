//! Links: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK (`struct ifinfomsg`,
//! `include/uapi/linux/if_link.h`).

use bitflags::bitflags;

use crate::wire::MacAddr;

use super::header::{Header, MessageFlags, MessageType};
use super::ifindex::{IfIndex, IfIndexError};
use super::name::LinkName;
use super::native::IfInfoMsg;
use super::value::{Family, Nested, Text, attributes, last, message};
use super::writer::{RequestError, Writer, build};

bitflags! {
    /// The state of a link (`ifi_flags`, IFF_*).
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub struct LinkFlags: u32 {
        /// Administratively up (`IFF_UP`).
        const UP = 0x1;
        /// Has a broadcast address (`IFF_BROADCAST`).
        const BROADCAST = 0x2;
        /// The loopback interface (`IFF_LOOPBACK`).
        const LOOPBACK = 0x8;
        /// Point-to-point link (`IFF_POINTOPOINT`).
        const POINTOPOINT = 0x10;
        /// Operational: carrier present and not dormant (`IFF_RUNNING`).
        const RUNNING = 0x40;
        /// No ARP or ND on this link (`IFF_NOARP`).
        const NOARP = 0x80;
        /// Promiscuous mode: receives every frame (`IFF_PROMISC`).
        const PROMISC = 0x100;
        /// Supports multicast (`IFF_MULTICAST`).
        const MULTICAST = 0x1000;
        /// Has a carrier (`IFF_LOWER_UP`).
        const LOWER_UP = 0x1_0000;
        /// Bits without a name here are kept.
        const _ = !0;
    }
}

/// The fixed part of a link message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LinkHeader {
    /// Unspecified, or bridge when it is about a port.
    pub family: Family,
    /// Padding: zero, kept as read.
    pub reserved: u8,
    /// The hardware (ARPHRD_*): 1 Ethernet, 772 loopback.
    pub hardware_type: u16,
    /// Index of the link; `None` if a name says which, and in a dump request.
    pub ifindex: Option<IfIndex>,
    /// Its state.
    pub flags: LinkFlags,
    /// Which bits of the state a request is to change.
    pub change: LinkFlags,
}

impl LinkHeader {
    /// Of the link with this index, or with `None` of one that an attribute names or that is new.
    #[must_use]
    pub const fn new(ifindex: Option<IfIndex>) -> Self {
        let none = LinkFlags::empty();
        Self {
            family: Family::UNSPEC,
            reserved: 0,
            hardware_type: 0,
            ifindex,
            flags: none,
            change: none,
        }
    }

    /// The header that these bytes are.
    ///
    /// # Errors
    /// [`IfIndexError`] if the interface index is negative.
    pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, IfIndexError> {
        let raw = IfInfoMsg::from_bytes(bytes);
        Ok(Self {
            family: Family(raw.family),
            reserved: raw.reserved,
            hardware_type: raw.hardware_type.get(),
            ifindex: IfIndex::from_field(raw.ifindex.get())?,
            flags: LinkFlags::from_bits_retain(raw.flags.get()),
            change: LinkFlags::from_bits_retain(raw.change.get()),
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        let raw = IfInfoMsg {
            family: self.family.0,
            reserved: self.reserved,
            hardware_type: self.hardware_type.into(),
            ifindex: IfIndex::to_field(self.ifindex).into(),
            flags: self.flags.bits().into(),
            change: self.change.bits().into(),
        };
        raw.to_bytes()
    }
}

attributes! {
    /// An attribute of a link (`IFLA_*`).
    pub enum LinkAttr {
        /// The MAC address.
        Address(MacAddr) = 1,
        /// The broadcast MAC address.
        Broadcast(MacAddr) = 2,
        /// The name.
        Name(Text<'a>) = 3,
        /// The MTU in bytes.
        Mtu(u32) = 4,
        /// Index of the lower link (`IFLA_LINK`); of a veth the other side's. `None` if it has none.
        Link(Option<IfIndex>) = 5,
        /// The queueing discipline.
        Qdisc(Text<'a>) = 6,
        /// Index of the bridge that it is a port of; `None` takes it out.
        Master(Option<IfIndex>) = 10,
        /// Packets that its queue holds.
        TxQueueLen(u32) = 13,
        /// Its state as RFC 2863 has it (IF_OPER_*): 2 down, 6 up.
        OperState(u8) = 16,
        /// What kind of link it is, see [`LinkInfoAttr`].
        LinkInfo(Nested<'a>) = 18,
        /// The process into whose network namespace it goes.
        NamespacePid(u32) = 19,
        /// A note of the owner's.
        Alias(Text<'a>) = 20,
        /// The group of links that it is in.
        Group(u32) = 27,
        /// A file of the network namespace that it goes into.
        NamespaceFd(u32) = 28,
        /// What an answer is to hold beyond the usual (`RTEXT_FILTER_*`).
        ExtMask(u32) = 29,
        /// The number of the namespace that the other side is in.
        LinkNetnsId(i32) = 37,
    }
}

attributes! {
    /// An attribute of [`LinkAttr::LinkInfo`] (`IFLA_INFO_*`).
    pub enum LinkInfoAttr {
        /// The kind: "vxlan", "bridge", "veth".
        Kind(Text<'a>) = 1,
        /// The attributes of that kind (`IFLA_INFO_DATA`): for "vxlan" [`VxlanAttr`](super::VxlanAttr).
        Data(Nested<'a>) = 2,
        /// The kind of the link that it is a port of.
        PortKind(Text<'a>) = 4,
        /// Its attributes as a port (`IFLA_INFO_SLAVE_DATA`).
        PortData(Nested<'a>) = 5,
    }
}

message! {
    /// A link message.
    pub struct LinkMessage { LinkHeader: 16 by LinkHeader::from_bytes, LinkAttr }
}

impl<'a> LinkMessage<'a> {
    /// The name.
    #[must_use]
    pub fn name(self) -> Option<Text<'a>> {
        last!(self, LinkAttr::Name)
    }

    /// The MTU in bytes.
    #[must_use]
    pub fn mtu(self) -> Option<u32> {
        last!(self, LinkAttr::Mtu)
    }

    /// The MAC address.
    #[must_use]
    pub fn address(self) -> Option<MacAddr> {
        last!(self, LinkAttr::Address)
    }

    /// Index of the lower link (`IFLA_LINK`), over which a vxlan or VLAN device sends; of a veth the
    /// other side's.
    #[must_use]
    pub fn lower_ifindex(self) -> Option<IfIndex> {
        last!(self, LinkAttr::Link).flatten()
    }

    /// Index of the bridge that it is a port of.
    #[must_use]
    pub fn master(self) -> Option<IfIndex> {
        last!(self, LinkAttr::Master).flatten()
    }

    /// What kind of link it is.
    pub fn info(self) -> impl Iterator<Item = LinkInfoAttr<'a>> {
        let nested = last!(self, LinkAttr::LinkInfo);
        nested.into_iter().flat_map(|nested| nested.attrs()).map(LinkInfoAttr::decode)
    }

    /// The kind: "vxlan", "bridge", "veth". A physical link has none.
    #[must_use]
    pub fn kind(self) -> Option<Text<'a>> {
        let kinds = self.info().filter_map(|attr| match attr {
            LinkInfoAttr::Kind(kind) => Some(kind),
            _ => None,
        });
        kinds.last()
    }

    /// The attributes of its kind (`IFLA_INFO_DATA`).
    #[must_use]
    pub fn data(self) -> Option<Nested<'a>> {
        let data = self.info().filter_map(|attr| match attr {
            LinkInfoAttr::Data(data) => Some(data),
            _ => None,
        });
        data.last()
    }
}

/// IFLA_IFNAME, with the NUL that ends it.
pub(super) fn emit_name(name: LinkName<'_>, writer: &mut Writer<'_>) {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(name.as_str().bytes()) {
        *to = from;
    }
    let length = name.as_str().len().saturating_add(1);
    LinkAttr::Name(Text(bytes.get(..length).unwrap_or(&[]))).emit(writer);
}

/// A new bridge, such as cni0 or docker0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct BridgeLink<'a> {
    /// Its name.
    pub name: LinkName<'a>,
}

impl BridgeLink<'_> {
    /// Writes the request that adds it; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_add(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        write_new(self.name, "bridge", |_| {}, seq, buffer)
    }
}

/// A new pair of links, what goes in by one comes out by the other: a container's link and its end
/// on the bridge.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VethLink<'a> {
    /// The name of the one side.
    pub name: LinkName<'a>,
    /// The name of the other side.
    pub peer: LinkName<'a>,
}

impl VethLink<'_> {
    /// Writes the request that adds both sides; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_add(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        let values = |writer: &mut Writer<'_>| {
            writer.nested(2, false, |writer| {
                // VETH_INFO_PEER: a link message's body
                writer.nested(1, false, |writer| {
                    writer.bytes(&LinkHeader::new(None).to_bytes());
                    emit_name(self.peer, writer);
                });
            });
        };
        write_new(self.name, "veth", values, seq, buffer)
    }
}

fn write_new(
    name: LinkName<'_>,
    kind: &str,
    values: impl Fn(&mut Writer<'_>),
    seq: u32,
    buffer: &mut [u8],
) -> Result<usize, RequestError> {
    let header = Header::request(MessageType::NEWLINK, MessageFlags::ADD, seq);
    build(buffer, header, |writer| {
        writer.bytes(&LinkHeader::new(None).to_bytes());
        emit_name(name, writer);
        emit_info(kind, writer, &values);
    })
}

/// IFLA_LINKINFO with its kind, which has no NUL in flannel's messages.
pub(super) fn emit_info(kind: &str, writer: &mut Writer<'_>, values: impl Fn(&mut Writer<'_>)) {
    writer.nested(18, false, |writer| {
        LinkInfoAttr::Kind(Text(kind.as_bytes())).emit(writer);
        values(writer);
    });
}

/// The request for a link, as flannel asks for its device before and after it makes it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LinkLookup<'a> {
    /// The link with this name.
    Name(LinkName<'a>),
    /// The link with this index.
    Index(IfIndex),
    /// All links.
    All,
}

impl LinkLookup<'_> {
    /// Writes the request; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write(self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        let (ifindex, flags) = match self {
            Self::Name(_) => (None, MessageFlags::CHANGE),
            Self::Index(ifindex) => (Some(ifindex), MessageFlags::CHANGE),
            Self::All => (None, MessageFlags::LIST),
        };
        build(buffer, Header::request(MessageType::GETLINK, flags, seq), |writer| {
            writer.bytes(&LinkHeader::new(ifindex).to_bytes());
            // RTEXT_FILTER_VF
            LinkAttr::ExtMask(1).emit(writer);
            if let Self::Name(name) = self {
                emit_name(name, writer);
            }
        })
    }
}

/// Which bridge a link is to be a port of (`IFLA_MASTER`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MasterChange {
    /// Of the bridge with this index (iproute2 `master`).
    Join(IfIndex),
    /// Of none (iproute2 `nomaster`).
    Leave,
}

impl MasterChange {
    const fn attr(self) -> LinkAttr<'static> {
        LinkAttr::Master(match self {
            Self::Join(ifindex) => Some(ifindex),
            Self::Leave => None,
        })
    }
}

/// A change of a link: what is `None` stays.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LinkChange {
    /// Index of the link.
    pub ifindex: IfIndex,
    /// Administratively up, or down.
    pub up: Option<bool>,
    /// The MAC address.
    pub address: Option<MacAddr>,
    /// The MTU in bytes.
    pub mtu: Option<u32>,
    /// The bridge that it becomes a port of, or none.
    pub master: Option<MasterChange>,
    /// An open file of the network namespace that it goes into, as a container's side of a veth
    /// does.
    pub namespace_fd: Option<u32>,
}

impl LinkChange {
    /// Changes nothing of this link: to be filled in.
    #[must_use]
    pub const fn new(ifindex: IfIndex) -> Self {
        Self { ifindex, up: None, address: None, mtu: None, master: None, namespace_fd: None }
    }

    /// Writes the request; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        let change = if self.up.is_some() { LinkFlags::UP } else { LinkFlags::empty() };
        let flags = if self.up == Some(true) { LinkFlags::UP } else { LinkFlags::empty() };
        let fixed = LinkHeader { flags, change, ..LinkHeader::new(Some(self.ifindex)) };
        let attrs = [
            self.address.map(LinkAttr::Address),
            self.mtu.map(LinkAttr::Mtu),
            self.master.map(MasterChange::attr),
            self.namespace_fd.map(LinkAttr::NamespaceFd),
        ];
        let header = Header::request(MessageType::NEWLINK, MessageFlags::CHANGE, seq);
        build(buffer, header, |writer| {
            writer.bytes(&fixed.to_bytes());
            for attr in attrs.iter().flatten() {
                attr.emit(writer);
            }
        })
    }

    /// Writes the request that deletes the link; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_delete(
        ifindex: IfIndex,
        seq: u32,
        buffer: &mut [u8],
    ) -> Result<usize, RequestError> {
        let header = Header::request(MessageType::DELLINK, MessageFlags::CHANGE, seq);
        build(buffer, header, |writer| writer.bytes(&LinkHeader::new(Some(ifindex)).to_bytes()))
    }
}
