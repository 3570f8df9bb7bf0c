//! Local checksum offload: the sum of a packet whose transport checksum is right, from its headers
//! alone (Linux `Documentation/networking/checksum-offloads.rst`).
//!
//! Such a transport header and its payload add up to the inverted sum of their pseudo-header. That
//! holds only if the caller's promise does; what the headers themselves can show is checked here.

use crate::buf::PartialChecksum;
use crate::checksum::Sum;
use crate::wire::{
    EtherType, EthernetFrame, EthernetHeader, IpProtocol, Ipv4Header, Ipv4Packet, Ipv6Header,
    Ipv6Packet, PseudoHeader, UdpHeader,
};

/// The sum of a frame, or of an IP packet, of `total` bytes: what was added up, and words in the
/// processor's order that belong to it, for the caller has such words of his own. `None` where the
/// headers show that it cannot be had without the payload: not TCP, UDP or ICMPv6, a fragment,
/// bytes after the inner IP length, no checksum, IPv4 options (a source route changes the
/// pseudo-header), headers that are not in `head`. `partial`: a checksum field that has still to be
/// filled. If it is that of this packet, and not of one that is inside, 0 in it says nothing.
#[inline(always)]
pub(in crate::tunnel) fn sum(
    head: &[u8],
    total: usize,
    is_frame: bool,
    partial: Option<PartialChecksum>,
) -> Option<(Sum, u32)> {
    let partial = partial.map(|partial| usize::from(partial.start()));
    match fast_sum(head, total, is_frame, partial) {
        Some(sum) => Some(sum),
        None => walk(head, total, is_frame, partial).map(|sum| (sum, 0)),
    }
}

/// The sum of untagged IPv4 without options, over TCP or UDP: the addresses in its header and in
/// its inverted pseudo-header cancel out.
#[inline(always)]
fn fast_sum(
    head: &[u8],
    total: usize,
    is_frame: bool,
    partial: Option<usize>,
) -> Option<(Sum, u32)> {
    let (front, packet, total) = if is_frame {
        let (ethernet, packet) = EthernetHeader::ref_from_prefix(head).ok()?;
        if ethernet.ethertype() != EtherType::IPV4 {
            return None;
        }
        let front =
            Sum::of_header(head.first_chunk::<{ EthernetHeader::LEN + BEFORE_ADDRESSES }>()?);
        (front, packet, total.wrapping_sub(EthernetHeader::LEN))
    } else {
        (Sum::of_header(head.first_chunk::<BEFORE_ADDRESSES>()?), head, total)
    };
    let (ip, rest) = Ipv4Header::ref_from_prefix(packet).ok()?;
    let (udp, _) = UdpHeader::ref_from_prefix(rest).ok()?;
    let is_whole = usize::from(ip.total_len()) == total && !ip.is_fragment();
    if ip.first_byte() != 0x45 || !is_whole {
        return None;
    }
    let len = ip.total_len().checked_sub(20)?;
    let has_checksum = match ip.protocol() {
        IpProtocol::TCP => len >= 20,
        IpProtocol::UDP => {
            let link_len = if is_frame { EthernetHeader::LEN } else { 0 };
            let is_partial = partial == Some(link_len.wrapping_add(Ipv4Header::LEN));
            udp.datagram_len() == len && (is_partial || udp.checksum() != 0)
        }
        _ => false,
    };
    let inverted = u32::from(!u16::from(ip.protocol().0)).wrapping_add(u32::from(!len));
    has_checksum.then_some((front, inverted))
}

/// What stands before the addresses of an IPv4 header, in bytes.
const BEFORE_ADDRESSES: usize = 12;

#[cold]
fn walk(head: &[u8], total: usize, is_frame: bool, partial: Option<usize>) -> Option<Sum> {
    if !is_frame {
        return packet_sum(head, total, partial);
    }
    let frame = EthernetFrame::parse(head).ok()?;
    let link_len = head.len().checked_sub(frame.payload().len())?;
    let link = head.get(..link_len)?;
    let total = total.checked_sub(link_len)?;
    let partial = partial.and_then(|at| at.checked_sub(link_len));
    let is_ip = matches!(frame.ethertype(), EtherType::IPV4 | EtherType::IPV6);
    Some(Sum::of(link) + packet_sum(frame.payload(), total, partial).filter(|_| is_ip)?)
}

fn packet_sum(head: &[u8], total: usize, partial: Option<usize>) -> Option<Sum> {
    match head.first()? >> 4 {
        4 => v4_sum(head, total, partial),
        _ => v6_sum(head, total, partial),
    }
}

fn v4_sum(head: &[u8], total: usize, partial: Option<usize>) -> Option<Sum> {
    let packet = Ipv4Packet::parse_head(head).ok()?;
    let header = packet.header();
    let is_whole = usize::from(header.total_len()) == total && !header.is_fragment();
    if !is_whole || !packet.options().is_empty() {
        return None;
    }
    let transport_len = total.checked_sub(header.header_len())?;
    let is_partial = partial == Some(header.header_len());
    let transport =
        transport_sum(&packet.pseudo_header(), packet.payload(), transport_len, is_partial)?;
    Some(Sum::of(header.as_bytes()) + transport)
}

fn v6_sum(head: &[u8], total: usize, partial: Option<usize>) -> Option<Sum> {
    let packet = Ipv6Packet::parse_head(head).ok()?;
    let header = packet.header();
    let is_whole = usize::from(header.payload_len()).checked_add(Ipv6Header::LEN)? == total;
    if !is_whole || packet.fragment().is_some() {
        return None;
    }
    let transport_len = total.checked_sub(packet.payload_offset())?;
    let pseudo = packet.pseudo_header()?;
    let is_partial = partial == Some(packet.payload_offset());
    let transport = transport_sum(&pseudo, packet.payload(), transport_len, is_partial)?;
    Some(Sum::of(header.as_bytes()) + Sum::of(packet.extensions()) + transport)
}

/// The sum of a transport header and its payload, `len` bytes together: the inverted pseudo-header.
fn transport_sum(pseudo: &PseudoHeader, head: &[u8], len: usize, partial: bool) -> Option<Sum> {
    let has_checksum = match pseudo.protocol() {
        IpProtocol::TCP => len >= 20,
        IpProtocol::UDP => {
            let (udp, _) = UdpHeader::ref_from_prefix(head).ok()?;
            usize::from(udp.datagram_len()) == len && (partial || udp.checksum() != 0)
        }
        IpProtocol::ICMPV6 => pseudo.is_v6() && len >= 4,
        _ => false,
    };
    let pseudo = pseudo.sum(u32::try_from(len).ok()?);
    has_checksum.then(|| Sum::word(!pseudo.folded()))
}
