//! Decap once more, on one page and for clarity: what the tests and the fuzz targets compare with.
#![allow(dead_code, reason = "each of them uses some of it")]

pub mod properties;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A VTEP on one port. All that differs between the profiles, `linux()` where it is false.
#[derive(Clone, Copy, Debug, Default)]
pub struct Receiver {
    pub port: u16,
    pub vni: Option<u32>,
    pub local: Option<IpAddr>,
    pub gbp: bool,
    pub zero_checksum_v6: bool,
    pub any_outer_tag: bool,
    pub rfc7348: bool,
}

/// The one's complement sum of bytes, as RFC 1071 section 4.1 has it.
pub fn sum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u64;
    for pair in bytes.chunks(2) {
        sum += u64::from(pair[0]) * 256 + u64::from(*pair.get(1).unwrap_or(&0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(*bytes.get(at)?) * 256 + usize::from(*bytes.get(at + 1)?))
}

fn is_tag(ethertype: usize) -> bool {
    matches!(ethertype, 0x8100 | 0x88a8)
}

impl Receiver {
    /// The inner frame, if the packet is good.
    pub fn decap(&self, frame: &[u8]) -> Option<Vec<u8>> {
        let mut at = 12;
        for _ in 0..2 {
            if is_tag(word(frame, at)?) {
                let id = word(frame, at + 2)? & 0xfff;
                word(frame, at + 4)?;
                if id != 0 && !self.any_outer_tag {
                    return None;
                }
                at += 4;
            }
        }
        let packet = &frame[at + 2..];
        let (class, source, destination, payload) = match word(frame, at)? {
            0x0800 => self.ipv4(packet)?,
            0x86dd => self.ipv6(packet)?,
            _ => return None,
        };
        if self.local.is_some_and(|local| local != destination) {
            return None;
        }
        let vxlan = self.udp(source, destination, payload)?;
        self.vxlan(class, vxlan)
    }

    fn ipv4<'p>(&self, packet: &'p [u8]) -> Option<(u8, IpAddr, IpAddr, &'p [u8])> {
        let header_len = usize::from(packet.first()? & 15) * 4;
        let header = packet.get(..header_len).filter(|header| header.len() >= 20)?;
        let total_len = word(header, 2)?;
        let is_fragment = word(header, 6)? & 0x3fff != 0;
        if header[0] >> 4 != 4 || header[9] != 17 || is_fragment || sum(header) != 0xffff {
            return None;
        }
        let [source, destination] = [12, 16].map(|at| {
            IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(&header[at..at + 4]).unwrap()))
        });
        Some((header[1], source, destination, packet.get(header_len..total_len)?))
    }

    fn ipv6<'p>(&self, packet: &'p [u8]) -> Option<(u8, IpAddr, IpAddr, &'p [u8])> {
        let header = packet.get(..40).filter(|header| header[0] >> 4 == 6)?;
        let payload = packet.get(40..40 + word(header, 4)?)?;
        let (mut next, mut at) = (header[6], 0);
        let mut extensions = 0;
        while matches!(next, 43 | 44 | 51 | 60) || next == 0 && extensions == 0 {
            let extension = payload.get(at..).filter(|rest| rest.len() >= 8)?;
            extensions += 1;
            let is_fragment = next == 44 && word(extension, 2)? & 0xfff9 != 0;
            let has_segments_left = next == 43 && extension[3] != 0;
            if extensions > 8 || is_fragment || has_segments_left {
                return None;
            }
            at += match next {
                44 => 8,
                51 => (usize::from(extension[1]) + 2) * 4,
                _ => (usize::from(extension[1]) + 1) * 8,
            };
            next = extension[0];
        }
        let [source, destination] = [8, 24].map(|at| {
            IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(&header[at..at + 16]).unwrap()))
        });
        let class = header[0] << 4 | header[1] >> 4;
        (next == 17).then_some((class, source, destination, payload.get(at..)?))
    }

    fn udp<'p>(&self, source: IpAddr, destination: IpAddr, payload: &'p [u8]) -> Option<&'p [u8]> {
        let len = word(payload, 4)?;
        let datagram = payload.get(..len).filter(|datagram| datagram.len() >= 8)?;
        if word(datagram, 2)? != usize::from(self.port) {
            return None;
        }
        let mut covered = match (source, destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => [from.octets(), to.octets()].concat(),
            (IpAddr::V6(from), IpAddr::V6(to)) => [from.octets(), to.octets()].concat(),
            _ => return None,
        };
        covered.extend([0, 17]);
        covered.extend((len as u16).to_be_bytes());
        covered.extend(datagram);
        let is_good = match word(datagram, 6)? {
            0 => source.is_ipv4() || self.zero_checksum_v6,
            _ => sum(&covered) == 0xffff,
        };
        is_good.then_some(&datagram[8..])
    }

    fn vxlan(&self, class: u8, payload: &[u8]) -> Option<Vec<u8>> {
        let (header, inner) = payload.split_first_chunk::<8>()?;
        let [flags, policy, group_high, group_low, vni @ .., last] = *header;
        let vni = u32::from_be_bytes([0, vni[0], vni[1], vni[2]]);
        let known = if self.gbp { 0x88 } else { 0x08 };
        let reserved = [policy, group_high, group_low] != [0; 3] && !self.gbp;
        let is_clean = flags & !known == 0 && !reserved && last == 0;
        // What nobody could mean but VXLAN-GPE.
        let protocols = 1..=5;
        let is_gpe = flags & 0xfe == 0x0c
            && [policy, group_high] == [0; 2]
            && protocols.contains(&group_low)
            || self.port == 4790 && flags & 4 != 0;
        let is_ours = flags & 8 != 0 && self.vni.is_none_or(|ours| ours == vni);
        if !is_ours || is_gpe || !is_clean && !self.rfc7348 {
            return None;
        }
        self.inner(class & 3, inner.to_vec())
    }

    fn inner(&self, outer_ecn: u8, mut inner: Vec<u8>) -> Option<Vec<u8>> {
        let ethertype = word(&inner, 12)?;
        if is_tag(ethertype) {
            return (!self.rfc7348 && inner.len() >= 18).then_some(inner);
        }
        let (is_v4, header_len) = match ethertype {
            0x0800 => (true, 20),
            0x86dd => (false, 40),
            _ => return Some(inner),
        };
        let header = inner.get_mut(14..14 + header_len)?;
        // RFC 6040 figure 4: a row for each inner field, a column for each outer one; 4 is a drop.
        const RESULT: [[u8; 4]; 4] = [[0, 0, 0, 4], [1, 1, 1, 3], [2, 1, 2, 3], [3, 3, 3, 3]];
        let class = if is_v4 { header[1] } else { header[0] << 4 | header[1] >> 4 };
        let ecn = RESULT[usize::from(class & 3)][usize::from(outer_ecn)];
        if ecn == 4 {
            return None;
        }
        if ecn == class & 3 {
            return Some(inner);
        }
        if is_v4 {
            // The checksum as it was, right or wrong, and the change on top (RFC 1624 equation 3).
            let (old, checksum) = (word(header, 0)? as u16, word(header, 10)? as u16);
            header[1] = class & !3 | ecn;
            let change = [(!checksum).to_be_bytes(), (!old).to_be_bytes(), [header[0], header[1]]];
            header[10..12].copy_from_slice(&(!sum(&change.concat())).to_be_bytes());
        } else {
            header[1] = header[1] & !0x30 | ecn << 4;
        }
        Some(inner)
    }
}
