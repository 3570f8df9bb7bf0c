//! IPv4 (RFC 791 section 3.1; DSCP and ECN as RFC 2474 and RFC 3168 say; the ID as RFC 6864 says).
//!
//! [`Ipv4Packet`] parses, [`Ipv4PacketMut`] edits in place, [`Ipv4Header`] is the
//! header alone, [`Ipv4Builder`] builds.
//!
//! A setter `set_x` of the header keeps a right checksum right (RFC 1624); its twin `set_x_raw`
//! does not touch the checksum, for code that writes several fields and then calls
//! [`fill_checksum`](Ipv4Header::fill_checksum).

mod build;
mod flags;
mod header;
mod packet;

pub use build::Ipv4Builder;
pub use flags::Ipv4Flags;
pub use header::Ipv4Header;
pub use packet::{Ipv4Packet, Ipv4PacketMut};

#[cfg(test)]
mod testdata {
    /// tcpdump tests/vxlan.pcap, packet 1, its outer header: 134 bytes in all.
    pub(super) const CAPTURED: [u8; 20] = [
        0x45, 0x00, 0x00, 0x86, 0xd2, 0xc0, 0x40, 0x00, 0x40, 0x11, 0x51, 0x52, 0xc0, 0xa8, 0xcb,
        0x01, 0xc0, 0xa8, 0xca, 0x01,
    ];

    /// The header and a payload that is not the captured one.
    pub(super) fn captured() -> [u8; 134] {
        let mut bytes = [0x11; 134];
        bytes[..20].copy_from_slice(&CAPTURED);
        bytes
    }
}
