//! What cannot agree, each by name: the host does it, before or behind the device.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::bed::HOST_MAC;
use crate::misread;

/// Why the host's verdict on this frame, `kernels`, may differ from a packet library's, which is `ours`.
pub fn reason(frame: &[u8], ours: Option<&[u8]>, kernels: Option<&[u8]>) -> Option<&'static str> {
    if frame[..6] != HOST_MAC {
        return Some("the outer destination MAC address is another's: the NIC's business");
    }
    if ours.is_some_and(is_tag_alone) {
        return Some("the host behind the device wants two bytes more than a VLAN tag");
    }
    if ours.and_then(|inner| misread::delivered(inner, outer_class(frame)?))
        == Some(kernels.map(<[u8]>::to_vec))
    {
        return Some(
            "Linux takes inner bytes 26 and 27 for the EtherType that a tag is followed by",
        );
    }
    let mut packet = frame.get(12..)?;
    while let [0x81, 0, rest @ ..] | [0x88, 0xa8, rest @ ..] = packet {
        packet = rest.get(2..)?;
    }
    match packet {
        [8, 0, packet @ ..] if ours.is_some() => v4(packet),
        [0x86, 0xdd, packet @ ..] => v6(packet, ours.is_some()),
        _ => None,
    }
}

/// The traffic class of the outer IP header.
pub fn outer_class(frame: &[u8]) -> Option<u8> {
    let mut packet = frame.get(12..)?;
    while let [0x81, 0, rest @ ..] | [0x88, 0xa8, rest @ ..] = packet {
        packet = rest.get(2..)?;
    }
    match packet {
        [8, 0, _, class, ..] => Some(*class),
        [0x86, 0xdd, high, low, ..] => Some(high << 4 | low >> 4),
        _ => None,
    }
}

/// Whether Linux, having taken the first tag off, finds less than an EtherType behind it.
pub fn is_tag_alone(inner: &[u8]) -> bool {
    inner.len() < 20 && matches!(inner[12..14], [0x81, 0] | [0x88, 0xa8])
}

fn v4(packet: &[u8]) -> Option<&'static str> {
    let (header, behind) = packet.split_first_chunk::<20>()?;
    let source = Ipv4Addr::new(header[12], header[13], header[14], header[15]);
    if source.is_multicast()
        || source.is_loopback()
        || source.is_broadcast()
        || source.is_unspecified()
    {
        return Some("the outer source is no host's address (RFC 1122 section 3.2.1.3)");
    }
    let options = &behind[..usize::from(header[0] & 15) * 4 - 20];
    let is_padding = options.iter().all(|kind| *kind < 2);
    (!is_padding).then_some("the host reads the outer IPv4 options (RFC 791 section 3.1)")
}

fn v6(packet: &[u8], ours: bool) -> Option<&'static str> {
    let (header, mut rest) = packet.split_first_chunk::<40>()?;
    let mut kind = header[6];
    if !ours {
        let jumbo = kind == 0 && header[4..6] == [0, 0];
        return (jumbo || udp_length_is_zero(kind, rest))
            .then_some("Linux takes a zero length for a jumbogram's, option or not (RFC 2675)");
    }
    let source = Ipv6Addr::from(<[u8; 16]>::try_from(&header[8..24]).ok()?);
    if source.is_multicast() || source.is_loopback() || source.to_ipv4_mapped().is_some() {
        return Some("the outer source is no host's address (RFC 4291 section 2)");
    }
    while let 0 | 43 | 44 | 51 | 60 = kind {
        let len = (usize::from(rest[1]) + 1) * 8;
        match kind {
            0 | 60 if !is_padding(&rest[2..len]) => {
                return Some(
                    "the host reads the options of extension headers (RFC 8200 section 4.2)",
                );
            }
            43 if rest[2] != 0 => {
                return Some("the host reads routing headers (RFC 8200 section 4.4)");
            }
            51 => return Some("the host checks authentication headers (RFC 4302)"),
            44 => (kind, rest) = (rest[0], &rest[8..]),
            _ => (kind, rest) = (rest[0], &rest[len..]),
        }
    }
    None
}

/// Whether there is nothing but padding, and no more of it than Linux takes (RFC 8504 section 5.3).
fn is_padding(mut options: &[u8]) -> bool {
    let mut total = 0;
    while let [kind, behind @ ..] = options {
        let len = match (kind, behind) {
            (0, _) => 1,
            (1, [len, data @ ..]) if data.iter().take(usize::from(*len)).all(|byte| *byte == 0) => {
                usize::from(*len) + 2
            }
            _ => return false,
        };
        total += len;
        options = options.get(len..).unwrap_or_default();
    }
    total <= 7
}

fn udp_length_is_zero(mut kind: u8, mut rest: &[u8]) -> bool {
    while let (0 | 43 | 44 | 60, [next, len, ..]) = (kind, rest) {
        let len = if kind == 44 { 8 } else { (usize::from(*len) + 1) * 8 };
        (kind, rest) = (*next, rest.get(len..).unwrap_or_default());
    }
    kind == 17 && matches!(rest, [_, _, _, _, 0, 0, ..])
}
