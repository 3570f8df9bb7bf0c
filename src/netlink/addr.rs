//! Addresses of links: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR (`struct ifaddrmsg`,
//! `include/uapi/linux/if_addr.h`).

use core::net::IpAddr;

use super::header::{Header, MessageFlags, MessageType};
use super::ifindex::{IfIndex, IfIndexError};
use super::native::IfAddrMsg;
use super::value::{Family, Text, attributes, last, message};
use super::writer::{RequestError, build};

/// The fixed part of an address message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AddressHeader {
    /// IPv4 or IPv6.
    pub family: Family,
    /// Bits of the prefix.
    pub prefix_len: u8,
    /// IFA_F_*, the low eight; [`AddressAttr::Flags`] has all.
    pub flags: u8,
    /// How far it is valid (RT_SCOPE_*): 0 anywhere, 253 on the link, 254 here.
    pub scope: u8,
    /// Index of the link; in a dump request of none.
    pub ifindex: Option<IfIndex>,
}

impl AddressHeader {
    /// The header that these bytes are.
    ///
    /// # Errors
    /// [`IfIndexError`] if the interface index is negative.
    pub fn from_bytes(bytes: [u8; 8]) -> Result<Self, IfIndexError> {
        let IfAddrMsg { family, prefix_len, flags, scope, ifindex } = IfAddrMsg::from_bytes(bytes);
        let ifindex = IfIndex::from_field(ifindex.get())?;
        Ok(Self { family: Family(family), prefix_len, flags, scope, ifindex })
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 8] {
        let Self { family: Family(family), prefix_len, flags, scope, ifindex } = self;
        let ifindex = IfIndex::to_field(ifindex).into();
        IfAddrMsg { family, prefix_len, flags, scope, ifindex }.to_bytes()
    }
}

attributes! {
    /// An attribute of an address (`IFA_*`).
    pub enum AddressAttr {
        /// The prefix's address; of a point-to-point link the other side's.
        Address(IpAddr) = 1,
        /// The own address.
        Local(IpAddr) = 2,
        /// The name of the link, or of its alias.
        Label(Text<'a>) = 3,
        /// The broadcast address.
        Broadcast(IpAddr) = 4,
        /// All of IFA_F_*.
        Flags(u32) = 8,
    }
}

message! {
    /// An address message.
    pub struct AddressMessage { AddressHeader: 8 by AddressHeader::from_bytes, AddressAttr }
}

impl<'a> AddressMessage<'a> {
    /// The prefix's address; of a point-to-point link the other side's.
    #[must_use]
    pub fn address(self) -> Option<IpAddr> {
        last!(self, AddressAttr::Address)
    }

    /// The own address. IPv6 messages of the kernel have only [`address`](Self::address).
    #[must_use]
    pub fn local(self) -> Option<IpAddr> {
        last!(self, AddressAttr::Local)
    }

    /// All of IFA_F_*, wherever the message has them.
    #[must_use]
    pub fn flags(self) -> u32 {
        last!(self, AddressAttr::Flags).unwrap_or(u32::from(self.header.flags))
    }

    /// The name of the link, or of its alias.
    #[must_use]
    pub fn label(self) -> Option<Text<'a>> {
        last!(self, AddressAttr::Label)
    }
}

/// An address of a link, as flannel gives its vxlan device one: with /32 (/128), so that no route
/// comes of it (`pkg/ip/iface.go`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LinkAddress {
    /// Index of the link.
    pub ifindex: IfIndex,
    /// The address.
    pub address: IpAddr,
    /// Bits of the prefix.
    pub prefix_len: u8,
}

impl LinkAddress {
    /// Writes the request that adds it and fails when it is there; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_add(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        self.write(Header::request(MessageType::NEWADDR, MessageFlags::ADD, seq), buffer)
    }

    /// Writes the request that deletes it; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_delete(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        self.write(Header::request(MessageType::DELADDR, MessageFlags::CHANGE, seq), buffer)
    }

    fn write(&self, header: Header, buffer: &mut [u8]) -> Result<usize, RequestError> {
        let family = Family::of(self.address);
        let fixed = AddressHeader {
            family,
            prefix_len: self.prefix_len,
            flags: 0,
            scope: 0,
            ifindex: Some(self.ifindex),
        };
        build(buffer, header, |writer| {
            writer.bytes(&fixed.to_bytes());
            AddressAttr::Local(self.address).emit(writer);
            AddressAttr::Address(self.address).emit(writer);
        })
    }

    /// The address that a message is about.
    ///
    /// Returns `None` if it has none (0.0.0.0 and `::` are none, which Linux leaves out), if that
    /// is not of the message's family, or if an attribute is
    /// [unreadable](AddressMessage::unreadable).
    #[must_use]
    pub fn from_message(message: AddressMessage<'_>) -> Option<Self> {
        let address = message.local().or(message.address())?;
        let is_known = !address.is_unspecified() && Family::of(address) == message.header.family;
        if !is_known || message.unreadable().is_some() {
            return None;
        }
        Some(Self {
            ifindex: message.header.ifindex?,
            address,
            prefix_len: message.header.prefix_len,
        })
    }
}

/// The request for all addresses of a family.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AddressDump {
    /// IPv4 or IPv6.
    pub family: Family,
}

impl AddressDump {
    /// Writes the request; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write(self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        let header = Header::request(MessageType::GETADDR, MessageFlags::LIST, seq);
        let fixed =
            AddressHeader { family: self.family, prefix_len: 0, flags: 0, scope: 0, ifindex: None };
        build(buffer, header, |writer| writer.bytes(&fixed.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::attr::Attr;
    use super::super::writer::Writer;
    use super::*;

    const LINK: IfIndex = IfIndex::literal::<3>();
    const OWN: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 5, 17, 0));
    const OTHER: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 5, 17, 9));

    fn read(family: Family, attrs: &[AddressAttr<'_>]) -> (Option<LinkAddress>, u32) {
        let mut buffer = [0; 128];
        let fixed =
            AddressHeader { family, prefix_len: 32, flags: 0x80, scope: 0, ifindex: Some(LINK) };
        let header = Header::request(MessageType::NEWADDR, MessageFlags::ADD, 1);
        let body = |writer: &mut Writer<'_>| {
            writer.bytes(&fixed.to_bytes());
            attrs.iter().for_each(|attr| attr.emit(writer));
        };
        let length = build(&mut buffer, header, body).unwrap();
        let message = AddressMessage::parse(&buffer[16..length]).unwrap();
        (LinkAddress::from_message(message), message.flags())
    }

    #[test]
    fn the_own_address_is_the_local_one_if_there_is_one() {
        use AddressAttr::{Address, Flags, Local, Other};
        let own = Some(LinkAddress { ifindex: LINK, address: OWN, prefix_len: 32 });
        assert_eq!(read(Family::INET, &[Address(OTHER), Local(OWN)]), (own, 0x80));
        assert_eq!(read(Family::INET, &[Address(OWN), Flags(0x380)]), (own, 0x380));
        assert_eq!(read(Family::INET, &[]).0, None);
        assert_eq!(read(Family::INET6, &[Local(OWN)]).0, None);
        assert_eq!(read(Family::INET, &[Local(IpAddr::from([0; 4]))]).0, None);
        // IFA_LOCAL of three bytes is not absent.
        assert_eq!(read(Family::INET, &[Other(Attr::new(2, &[10, 5, 17])), Address(OWN)]).0, None);
    }
}
