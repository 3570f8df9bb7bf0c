//! The link headers that are read, by their link types
//! (draft-ietf-opsawg-pcaplinktype).

use vtep::wire::{EtherType, EthernetHeader, MacAddr};

use crate::skip::Skip;

/// The link header of a packet.
#[derive(Clone, Copy, Debug)]
pub enum Link {
    Ethernet,
    /// There is none.
    RawIp,
    /// BSD loopback: the address family in 4 bytes, in the byte order of the machine.
    Null,
    /// OpenBSD loopback: the address family in 4 bytes, in network byte order.
    Loop,
    /// Linux "any" interface: 16 bytes, the EtherType last.
    Cooked,
    /// Version 2: 20 bytes, the EtherType first.
    Cooked2,
}

impl Link {
    /// Returns the link header of a link type.
    ///
    /// # Errors
    /// [`Skip::LinkType`] for one that is not read.
    pub fn of(linktype: u32) -> Result<Self, Skip> {
        match linktype {
            0 => Ok(Self::Null),
            1 => Ok(Self::Ethernet),
            12 | 14 | 101 | 228 | 229 => Ok(Self::RawIp),
            108 => Ok(Self::Loop),
            113 => Ok(Self::Cooked),
            276 => Ok(Self::Cooked2),
            _ => Err(Skip::LinkType(linktype)),
        }
    }

    /// The Ethernet header to put in place of this one, and what follows. A header that is cut
    /// short leaves nothing.
    pub fn open(self, bytes: &[u8]) -> (Option<EthernetHeader>, &[u8]) {
        let (ethertype, payload) = match (self, bytes) {
            (Self::Ethernet, _) => return (None, bytes),
            (Self::RawIp, [version, ..]) if version >> 4 == 6 => (EtherType::IPV6, bytes),
            (Self::RawIp, _) => (EtherType::IPV4, bytes),
            // A family is less than 256, so its bytes tell their order.
            (Self::Null, [family, 0, 0, 0, payload @ ..]) => (of_family(*family), payload),
            (Self::Null | Self::Loop, [0, 0, 0, family, payload @ ..]) => {
                (of_family(*family), payload)
            }
            (Self::Null | Self::Loop, [_, _, _, _, payload @ ..]) => (NOT_IP, payload),
            (Self::Cooked, [_, _, _, _, _, _, _, _, _, _, _, _, _, _, high, low, payload @ ..]) => {
                (EtherType(u16::from_be_bytes([*high, *low])), payload)
            }
            (Self::Cooked2, [high, low, rest @ ..]) if rest.len() >= 18 => {
                (EtherType(u16::from_be_bytes([*high, *low])), &rest[18..])
            }
            (Self::Null | Self::Loop | Self::Cooked | Self::Cooked2, _) => return (None, &[]),
        };
        (Some(EthernetHeader::new(MacAddr::ZERO, MacAddr::ZERO, ethertype)), payload)
    }
}

/// The EtherType for an address family that is not IP: local experimental (IEEE 802), which is no
/// protocol.
const NOT_IP: EtherType = EtherType(0x88B5);

/// The EtherType of an address family. AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24 on
/// NetBSD and OpenBSD, 28 on FreeBSD, 30 on macOS.
fn of_family(family: u8) -> EtherType {
    match family {
        2 => EtherType::IPV4,
        10 | 24 | 28 | 30 => EtherType::IPV6,
        _ => NOT_IP,
    }
}
