//! Entries of a vxlan device's forwarding database (flannel `backend/vxlan/device.go`).

use core::net::IpAddr;

use crate::wire::MacAddr;

use super::header::{Header, MessageFlags, MessageType};
use super::ifindex::IfIndex;
use super::neigh::{
    NeighbourAttr, NeighbourFlags, NeighbourHeader, NeighbourMessage, NeighbourState, write_entry,
};
use super::value::Family;
use super::writer::RequestError;

/// A permanent FDB entry of a vxlan device: behind which remote VTEP a MAC address is (flannel
/// `vxlan/device.go` `AddFDB`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FdbEntry {
    /// Index of the vxlan link.
    pub ifindex: IfIndex,
    /// The MAC address of the peer's vxlan device; [`MacAddr::ZERO`] for a destination of all that
    /// is not known.
    pub mac: MacAddr,
    /// The remote VTEP's address in the underlay.
    pub remote: IpAddr,
}

impl FdbEntry {
    /// Writes the request that adds it, which the kernel refuses if the MAC address has an entry;
    /// returns the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] if the buffer is too short; it is then as it was.
    pub fn write_add(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        let header = Header::request(MessageType::NEWNEIGH, MessageFlags::ADD, seq);
        self.write(header, NeighbourState::PERMANENT, buffer)
    }

    /// Writes the request that sets it; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_set(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        let header = Header::request(MessageType::NEWNEIGH, MessageFlags::SET, seq);
        self.write(header, NeighbourState::PERMANENT, buffer)
    }

    /// Writes the request that deletes it, which has state 0 as flannel's; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write_delete(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        let header = Header::request(MessageType::DELNEIGH, MessageFlags::CHANGE, seq);
        self.write(header, NeighbourState::empty(), buffer)
    }

    fn write(
        &self,
        header: Header,
        state: NeighbourState,
        buffer: &mut [u8],
    ) -> Result<usize, RequestError> {
        let fixed = NeighbourHeader {
            family: Family::BRIDGE,
            reserved: [0; 3],
            ifindex: Some(self.ifindex),
            state,
            flags: NeighbourFlags::SELF,
            neigh_type: 0,
        };
        write_entry(header, fixed, self.remote, self.mac, buffer)
    }

    /// The permanent FDB entry that a message is about: one with a remote VTEP, of the device
    /// itself, that keeps to the device's VNI and port. [`MacAddr::ZERO`] is a value: the entry for
    /// all MAC addresses without one. So is a group. Of both Linux may have several entries, one
    /// for each remote VTEP.
    ///
    /// Returns `None` of an entry that ages (without NUD_PERMANENT), of a bridge's (without
    /// NTF_SELF), of one whose remote is absent, 0.0.0.0 or `::`, which leads nowhere, of one with
    /// its own port, VNI, link or source VNI, and if an attribute is
    /// [unreadable](NeighbourMessage::unreadable).
    #[must_use]
    pub fn from_message(message: NeighbourMessage<'_>) -> Option<Self> {
        let header = message.header;
        let own = header.family == Family::BRIDGE && header.flags.contains(NeighbourFlags::SELF);
        let is_permanent = header.state.contains(NeighbourState::PERMANENT);
        if !own || !is_permanent || message.unreadable().is_some() || leads_elsewhere(message) {
            return None;
        }
        let remote = message.destination().filter(|remote| !remote.is_unspecified())?;
        Some(Self { ifindex: header.ifindex?, mac: message.link_address()?, remote })
    }
}

/// Whether an FDB entry has its own port, VNI, link or source VNI: Linux reports those that are not
/// the device's.
fn leads_elsewhere(message: NeighbourMessage<'_>) -> bool {
    use NeighbourAttr::{Port, SourceVni, Vni};
    message
        .attributes()
        .any(|attr| matches!(attr, Port(_) | Vni(_) | NeighbourAttr::IfIndex(_) | SourceVni(_)))
}
