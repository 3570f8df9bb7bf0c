//! Neighbours: ARP, ND and FDB entries in RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH (`struct ndmsg`,
//! `include/uapi/linux/neighbour.h`).

use core::net::IpAddr;

use bitflags::bitflags;

use crate::wire::MacAddr;

use super::header::{Header, MessageFlags, MessageType};
use super::ifindex::{IfIndex, IfIndexError};
use super::native::NdMsg;
use super::value::{Be16, Family, attributes, last, message};
use super::writer::{RequestError, build};

bitflags! {
    /// The state of a neighbour (`ndm_state`, NUD_*).
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub struct NeighbourState: u16 {
        /// Resolution in progress (`NUD_INCOMPLETE`).
        const INCOMPLETE = 0x01;
        /// Confirmed reachable (`NUD_REACHABLE`).
        const REACHABLE = 0x02;
        /// Not confirmed for a while; still used (`NUD_STALE`).
        const STALE = 0x04;
        /// Used while stale; probed soon if nothing confirms it (`NUD_DELAY`).
        const DELAY = 0x08;
        /// Being probed (`NUD_PROBE`).
        const PROBE = 0x10;
        /// Resolution failed (`NUD_FAILED`).
        const FAILED = 0x20;
        /// Needs no resolution (`NUD_NOARP`).
        const NOARP = 0x40;
        /// Static: never ages (`NUD_PERMANENT`).
        const PERMANENT = 0x80;
        /// Bits without a name here are kept.
        const _ = !0;
    }
}

bitflags! {
    /// The flags of a neighbour (`ndm_flags`, NTF_*).
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub struct NeighbourFlags: u8 {
        /// The kernel keeps it fresh.
        const USE = 0x01;
        /// An FDB entry of the device itself.
        const SELF = 0x02;
        /// An FDB entry of the device's bridge.
        const MASTER = 0x04;
        /// Answered for by proxy.
        const PROXY = 0x08;
        /// Learned from outside.
        const EXT_LEARNED = 0x10;
        /// In the hardware.
        const OFFLOADED = 0x20;
        /// Does not move to another port.
        const STICKY = 0x40;
        /// The neighbour is a router.
        const ROUTER = 0x80;
    }
}

/// The fixed part of a neighbour message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NeighbourHeader {
    /// IPv4 (ARP), IPv6 (ND) or bridge (FDB).
    pub family: Family,
    /// Padding: zeros, kept as read.
    pub reserved: [u8; 3],
    /// Index of the link; in a dump request of none.
    pub ifindex: Option<IfIndex>,
    /// The state.
    pub state: NeighbourState,
    /// Flags.
    pub flags: NeighbourFlags,
    /// The type of the address (`ndm_type`, RTN_*): 1 unicast.
    pub neigh_type: u8,
}

impl NeighbourHeader {
    /// The header that these bytes are.
    ///
    /// # Errors
    /// [`IfIndexError`] if the interface index is negative.
    pub fn from_bytes(bytes: [u8; 12]) -> Result<Self, IfIndexError> {
        let raw = NdMsg::from_bytes(bytes);
        Ok(Self {
            family: Family(raw.family),
            reserved: raw.reserved,
            ifindex: IfIndex::from_field(raw.ifindex.get())?,
            state: NeighbourState::from_bits_retain(raw.state.get()),
            flags: NeighbourFlags::from_bits_retain(raw.flags),
            neigh_type: raw.neigh_type,
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 12] {
        let raw = NdMsg {
            family: self.family.0,
            reserved: self.reserved,
            ifindex: IfIndex::to_field(self.ifindex).into(),
            state: self.state.bits().into(),
            flags: self.flags.bits(),
            neigh_type: self.neigh_type,
        };
        raw.to_bytes()
    }
}

attributes! {
    /// An attribute of a neighbour (`NDA_*`).
    pub enum NeighbourAttr {
        /// The neighbour's address; of an FDB entry the remote VTEP's.
        Destination(IpAddr) = 1,
        /// The neighbour's MAC address.
        LinkAddress(MacAddr) = 2,
        /// How often it was asked for.
        Probes(u32) = 4,
        /// VLAN ID.
        Vlan(u16) = 5,
        /// UDP port of the remote VTEP.
        Port(Be16) = 6,
        /// VNI to the remote VTEP.
        Vni(u32) = 7,
        /// Index of the link to the remote VTEP.
        IfIndex(Option<IfIndex>) = 8,
        /// Index of the bridge.
        Master(Option<IfIndex>) = 9,
        /// VNI that the entry is for, on a device of many.
        SourceVni(u32) = 11,
        /// Who made it (RTPROT_*).
        Protocol(u8) = 12,
        /// A next hop object's number.
        NextHopId(u32) = 13,
        /// More flags (`NTF_EXT_*`).
        FlagsExt(u32) = 15,
    }
}

message! {
    /// A neighbour message.
    pub struct NeighbourMessage { NeighbourHeader: 12 by NeighbourHeader::from_bytes, NeighbourAttr }
}

impl NeighbourMessage<'_> {
    /// The neighbour's address; of an FDB entry the remote VTEP's.
    #[must_use]
    pub fn destination(self) -> Option<IpAddr> {
        last!(self, NeighbourAttr::Destination)
    }

    /// The neighbour's MAC address.
    #[must_use]
    pub fn link_address(self) -> Option<MacAddr> {
        last!(self, NeighbourAttr::LinkAddress)
    }
}

/// A permanent ARP or ND entry: which MAC address has the peer's VTEP (flannel `vxlan/device.go`
/// `AddARP`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NeighbourEntry {
    /// Index of the vxlan link.
    pub ifindex: IfIndex,
    /// The address to resolve: the first of the peer's subnet.
    pub address: IpAddr,
    /// The MAC address of the peer's vxlan device.
    pub mac: MacAddr,
}

impl NeighbourEntry {
    /// Writes the request that adds it, which the kernel refuses if the address has an entry;
    /// returns the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] if the buffer is too short; it is then as it was.
    pub fn write_add(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        self.write(Header::request(MessageType::NEWNEIGH, MessageFlags::ADD, seq), buffer)
    }

    /// Writes the request that sets it; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_set(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        self.write(Header::request(MessageType::NEWNEIGH, MessageFlags::SET, seq), buffer)
    }

    /// Writes the request that deletes it; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_delete(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        self.write(Header::request(MessageType::DELNEIGH, MessageFlags::CHANGE, seq), buffer)
    }

    fn write(&self, header: Header, buffer: &mut [u8]) -> Result<usize, RequestError> {
        let fixed = NeighbourHeader {
            family: Family::of(self.address),
            reserved: [0; 3],
            ifindex: Some(self.ifindex),
            state: NeighbourState::PERMANENT,
            flags: NeighbourFlags::empty(),
            neigh_type: 1,
        };
        write_entry(header, fixed, self.address, self.mac, buffer)
    }

    /// The permanent ARP or ND entry that a message is about. A MAC address of zeros or of a group
    /// is read as it is: Linux sends to it.
    ///
    /// Returns `None` of an entry that ages (without NUD_PERMANENT), of one that is answered by
    /// proxy, which has no MAC address, of one for 0.0.0.0 or `::`, which is none of a peer's, and
    /// if an attribute is [unreadable](NeighbourMessage::unreadable).
    #[must_use]
    pub fn from_message(message: NeighbourMessage<'_>) -> Option<Self> {
        let address = message.destination()?;
        let header = message.header;
        let is_own = header.state.contains(NeighbourState::PERMANENT)
            && !header.flags.contains(NeighbourFlags::PROXY)
            && header.family == Family::of(address);
        if !is_own || address.is_unspecified() || message.unreadable().is_some() {
            return None;
        }
        Some(Self { ifindex: header.ifindex?, address, mac: message.link_address()? })
    }
}

/// The request for all neighbours: ARP entries with [`Family::INET`], ND with [`Family::INET6`],
/// FDB with [`Family::BRIDGE`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NeighbourDump {
    /// Of which family.
    pub family: Family,
}

impl NeighbourDump {
    /// Writes the request; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write(self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        let header = Header::request(MessageType::GETNEIGH, MessageFlags::LIST, seq);
        let fixed = NeighbourHeader {
            family: self.family,
            reserved: [0; 3],
            ifindex: None,
            state: NeighbourState::empty(),
            flags: NeighbourFlags::empty(),
            neigh_type: 0,
        };
        build(buffer, header, |writer| writer.bytes(&fixed.to_bytes()))
    }
}

pub(super) fn write_entry(
    header: Header,
    fixed: NeighbourHeader,
    destination: IpAddr,
    mac: MacAddr,
    buffer: &mut [u8],
) -> Result<usize, RequestError> {
    build(buffer, header, |writer| {
        writer.bytes(&fixed.to_bytes());
        NeighbourAttr::Destination(destination).emit(writer);
        NeighbourAttr::LinkAddress(mac).emit(writer);
    })
}

#[cfg(test)]
mod tests {
    use super::super::attr::Attr;
    use super::super::fdb::FdbEntry;
    use super::super::writer::Writer;
    use super::*;

    const LINK: IfIndex = IfIndex::literal::<7>();
    const ADDRESS: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 1, 18, 0));
    const MAC: MacAddr = MacAddr::new([2, 0x42, 10, 1, 18, 0]);

    fn fixed(family: Family, state: NeighbourState, flags: NeighbourFlags) -> NeighbourHeader {
        NeighbourHeader {
            family,
            reserved: [0; 3],
            ifindex: Some(LINK),
            state,
            flags,
            neigh_type: 1,
        }
    }

    /// Reads a message of this fixed part and these attributes as both records.
    fn read(
        fixed: NeighbourHeader,
        attrs: &[NeighbourAttr<'_>],
    ) -> (Option<NeighbourEntry>, Option<FdbEntry>) {
        let mut buffer = [0; 128];
        let header = Header::request(MessageType::NEWNEIGH, MessageFlags::SET, 1);
        let body = |writer: &mut Writer<'_>| {
            writer.bytes(&fixed.to_bytes());
            attrs.iter().for_each(|attr| attr.emit(writer));
        };
        let length = build(&mut buffer, header, body).unwrap();
        let message = NeighbourMessage::parse(&buffer[16..length]).unwrap();
        (NeighbourEntry::from_message(message), FdbEntry::from_message(message))
    }

    #[test]
    fn a_neighbour_is_read_if_it_is_permanent() {
        let attrs = [NeighbourAttr::Destination(ADDRESS), NeighbourAttr::LinkAddress(MAC)];
        let none = NeighbourFlags::empty();
        let entry = NeighbourEntry { ifindex: LINK, address: ADDRESS, mac: MAC };
        for bit in 0..16 {
            let state = NeighbourState::from_bits_retain(1 << bit);
            let expected = Some(entry).filter(|_| state == NeighbourState::PERMANENT);
            assert_eq!(
                read(fixed(Family::INET, state, none), &attrs),
                (expected, None),
                "{state:?}"
            );
            let with_more = fixed(Family::INET, state | NeighbourState::PERMANENT, none);
            assert_eq!(read(with_more, &attrs), (Some(entry), None));
        }
        let state = NeighbourState::PERMANENT;
        assert_eq!(read(fixed(Family::INET, NeighbourState::empty(), none), &attrs), (None, None));
        assert_eq!(read(fixed(Family::INET6, state, none), &attrs), (None, None));
        assert_eq!(read(fixed(Family::INET, state, NeighbourFlags::PROXY), &attrs), (None, None));
        let router = fixed(Family::INET, state, NeighbourFlags::ROUTER);
        assert_eq!(read(router, &attrs), (Some(entry), None));
        for missing in 0..2 {
            let fixed = fixed(Family::INET, state, none);
            assert_eq!(read(fixed, &attrs[missing..=missing]), (None, None));
        }
    }

    #[test]
    fn an_fdb_entry_is_read_if_it_is_permanent_and_the_devices_own() {
        let attrs = [NeighbourAttr::Destination(ADDRESS), NeighbourAttr::LinkAddress(MAC)];
        let (state, own) = (NeighbourState::PERMANENT, NeighbourFlags::SELF);
        let entry = FdbEntry { ifindex: LINK, mac: MAC, remote: ADDRESS };
        for bit in 0..16 {
            let state = NeighbourState::from_bits_retain(1 << bit);
            let expected = Some(entry).filter(|_| state == NeighbourState::PERMANENT);
            assert_eq!(read(fixed(Family::BRIDGE, state, own), &attrs), (None, expected));
        }
        for bit in 0..8 {
            let flags = NeighbourFlags::from_bits_retain(1 << bit);
            let expected = Some(entry).filter(|_| flags == NeighbourFlags::SELF);
            assert_eq!(read(fixed(Family::BRIDGE, state, flags), &attrs), (None, expected));
        }
        assert_eq!(read(fixed(Family::UNSPEC, state, own), &attrs), (None, None));
        for missing in 0..2 {
            let fixed = fixed(Family::BRIDGE, state, own);
            assert_eq!(read(fixed, &attrs[missing..=missing]), (None, None));
        }
    }

    #[test]
    fn an_fdb_entry_that_leads_elsewhere_is_not_read() {
        use NeighbourAttr::{Destination, LinkAddress, Master, Port, SourceVni, Vlan, Vni};
        let fixed = fixed(Family::BRIDGE, NeighbourState::PERMANENT, NeighbourFlags::SELF);
        let with = |more| read(fixed, &[Destination(ADDRESS), LinkAddress(MAC), more]).1;
        for more in [Port(Be16(4789)), Vni(9), NeighbourAttr::IfIndex(Some(LINK)), SourceVni(9)] {
            assert_eq!(with(more), None, "{more:?}");
        }
        for more in [Master(Some(LINK)), Vlan(1)] {
            assert!(with(more).is_some(), "{more:?}");
        }
    }

    #[test]
    fn what_is_zero_or_unreadable_is_none() {
        use NeighbourAttr::{Destination, LinkAddress, Other};
        let neighbour = |family| fixed(family, NeighbourState::PERMANENT, NeighbourFlags::empty());
        let fdb = fixed(Family::BRIDGE, NeighbourState::PERMANENT, NeighbourFlags::SELF);
        let families = [(Family::INET, IpAddr::from([0; 4])), (Family::INET6, [0_u8; 16].into())];
        for (family, zeros) in families {
            let attrs = [Destination(zeros), LinkAddress(MAC)];
            assert_eq!(read(neighbour(family), &attrs), (None, None));
            assert_eq!(read(fdb, &attrs), (None, None));
        }
        // NDA_VLAN with three bytes.
        let unreadable = Other(Attr::new(5, &[0; 3]));
        let attrs = [Destination(ADDRESS), LinkAddress(MAC), unreadable];
        assert_eq!(read(neighbour(Family::INET), &attrs), (None, None));
        assert_eq!(read(fdb, &attrs), (None, None));
        // Zeros are a MAC address: in the FDB the entry for all that have none.
        let attrs = [Destination(ADDRESS), LinkAddress(MacAddr::ZERO)];
        assert_eq!(read(fdb, &attrs).1.map(|entry| entry.mac), Some(MacAddr::ZERO));
        assert!(read(neighbour(Family::INET), &attrs).0.is_some());
    }
}
