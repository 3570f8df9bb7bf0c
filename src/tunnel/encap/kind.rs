//! Tells Ethernet frames and bare IP packets apart, for the tunnel that is given the other kind.
//!
//! Only the slow path of encap calls this. Lengths, checksums and addresses have to agree, so that
//! chance (a MAC address that starts like an IP header) is not mistaken for intent: below 1 in 2^30
//! for random bytes.

use crate::checksum::Sum;
use crate::wire::{EtherType, EthernetHeader, Ipv4Packet, Ipv6Header};

/// Returns whether a supposed Ethernet frame of `total` bytes is one whole IP packet.
#[inline]
pub(in crate::tunnel) fn is_packet(head: &[u8], total: usize) -> bool {
    match head.first().map(|byte| byte >> 4) {
        Some(4) => v4_len(head) == Some(total),
        Some(6) => !has_known_ethertype(head) && v6_len(head) == Some(total),
        _ => false,
    }
}

/// Returns whether a supposed IP packet of `total` bytes is an Ethernet frame with IP or ARP.
#[inline]
pub(in crate::tunnel) fn is_frame(head: &[u8], total: usize) -> bool {
    let Ok((ethernet, payload)) = EthernetHeader::ref_from_prefix(head) else { return false };
    let len = total.checked_sub(EthernetHeader::LEN);
    match ethernet.ethertype() {
        // A short frame is padded to 60 bytes.
        EtherType::IPV4 => v4_len(payload).is_some_and(|packet| len >= Some(packet)),
        EtherType::IPV6 => v6_len(payload).is_some_and(|packet| len == Some(packet)),
        // Ethernet and IPv4, with the lengths of their addresses (RFC 826).
        EtherType::ARP => payload.starts_with(&[0, 1, 8, 0, 6, 4]),
        _ => false,
    }
}

#[cold]
fn has_known_ethertype(head: &[u8]) -> bool {
    let ethertype = EthernetHeader::ref_from_prefix(head).map(|(header, _)| header.ethertype());
    ethertype.is_ok_and(|ethertype| {
        ethertype.is_vlan()
            || matches!(ethertype, EtherType::IPV4 | EtherType::IPV6 | EtherType::ARP)
    })
}

/// The total length of an IPv4 header whose checksum is right.
#[cold]
fn v4_len(head: &[u8]) -> Option<usize> {
    let packet = Ipv4Packet::parse_head(head).ok()?;
    let sum = Sum::of(packet.header().as_bytes()) + Sum::of(packet.options());
    sum.is_valid().then_some(usize::from(packet.header().total_len()))
}

/// The length of a packet with an IPv6 header between addresses that are in use (RFC 4291 section
/// 2.4).
#[cold]
fn v6_len(head: &[u8]) -> Option<usize> {
    let (header, _) = Ipv6Header::ref_from_prefix(head).ok()?;
    let [source, destination] =
        [header.source(), header.destination()].map(|address| address.octets()[0]);
    let is_plausible = header.version() == 6
        && matches!(source, 0x20..=0x3F | 0xFC..=0xFE)
        && matches!(destination, 0x20..=0x3F | 0xFC..=0xFF);
    is_plausible.then_some(usize::from(header.payload_len()).saturating_add(Ipv6Header::LEN))
}
