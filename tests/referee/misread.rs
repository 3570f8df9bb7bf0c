//! What Linux 6.18 makes of congestion on a tagged inner frame, to the byte.
//!
//! It looks for the EtherType after the tags with `vlan_get_protocol`, which counts from where the Ethernet header would
//! be, but the header is already taken off: it reads 14 bytes too far. If it finds IPv4 or IPv6 there, it takes the tag
//! for the IP header.

use crate::frames::{Outer, Packet, VXLAN, frame, inner_packets, packet};

/// The most tags that it looks past.
const DEPTH: usize = 7;

/// What it delivers of a tagged inner frame whose outer class has a congestion mark: nothing, or the frame with a mark
/// in its tag. `None` if it does with the frame what it should.
pub fn delivered(inner: &[u8], outer: u8) -> Option<Option<Vec<u8>>> {
    if !is_tag(&inner[12..14]) {
        return None;
    }
    let types = inner.get(24..)?.chunks_exact(4).map(|tag| &tag[2..]);
    let ethertype = types.take(DEPTH).find(|ethertype| !is_tag(ethertype))?;
    let is_v4 = match ethertype {
        [8, 0] => true,
        [0x86, 0xdd] => false,
        _ => return None,
    };
    let ecn = if is_v4 { inner[15] & 3 } else { inner[15] >> 4 & 3 };
    match (ecn, outer & 3) {
        (0, 3) => Some(None),
        (1 | 2, 3) => write(inner, is_v4, ecn, 3),
        (2, 1) => write(inner, is_v4, ecn, 1),
        _ => None,
    }
}

fn is_tag(ethertype: &[u8]) -> bool {
    matches!(ethertype, [0x81, 0] | [0x88, 0xa8])
}

/// The mark in what is taken for the traffic class; over IPv4 the supposed checksum follows.
fn write(inner: &[u8], is_v4: bool, old: u8, new: u8) -> Option<Option<Vec<u8>>> {
    if inner.len() < if is_v4 { 34 } else { 54 } {
        return None;
    }
    let mut inner = inner.to_vec();
    if is_v4 {
        inner[15] = inner[15] & !3 | new;
        let change = u32::from(old) + 0xffff - u32::from(new);
        let sum = u32::from(u16::from_be_bytes([inner[24], inner[25]])) + change;
        let sum = (sum & 0xffff) + (sum >> 16);
        inner[24..26].copy_from_slice(&(sum as u16).to_be_bytes());
    } else {
        inner[15] = inner[15] & !0x30 | new << 4;
    }
    Some(Some(inner))
}

/// Tagged inner frames that are misread, and others that are nearly so, with every outer mark.
pub fn every_kind(outer: Outer) -> impl Iterator<Item = Packet> {
    let tagged =
        (0..8).map(|kind| inner_packets(1)[kind].clone()).filter(|inner| is_tag(&inner[..2]));
    let types: [&[u8]; 6] = [
        &[8, 0],
        &[0x86, 0xdd],
        &[0x81, 0, 0, 0, 8, 0],
        &[0x88, 0xa8, 9, 9, 0x81, 0, 9, 9, 0x86, 0xdd],
        &[8, 1],
        &[0x81, 0, 0, 0, 8, 6],
    ];
    let lengths = [28, 30, 33, 34, 40, 53, 54, 80];
    tagged.flat_map(move |inner| types.map(|found| (inner.clone(), found))).flat_map(
        move |(inner, found)| {
            let frames = lengths.into_iter().flat_map(move |len| {
                let mut inner = frame(&inner);
                inner.resize(len.max(26 + found.len()), 0);
                inner[26..26 + found.len()].copy_from_slice(found);
                [0x00, 0x01, 0x02, 0x03, 0x10, 0x20, 0x30, 0x65].map(|control| {
                    inner[15] = control;
                    inner.clone()
                })
            });
            frames.flat_map(move |inner| {
                (0..4).map(move |ecn| packet(outer, &[], &[], VXLAN, &inner).class(ecn).refill())
            })
        },
    )
}
