//! VXLAN packets, written out here without the crate's help, and what is done to them.

use crate::bed::{DEVICE_MAC, HOST_MAC, HOST_V4, HOST_V6, PEER_MAC, PEER_V4, PEER_V6};

/// Pseudo-random numbers (splitmix64): the same for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn byte(&mut self) -> u8 {
        self.next() as u8
    }
}

/// A packet, and where its outer IP and UDP headers stand.
#[derive(Clone)]
pub struct Packet {
    pub bytes: Vec<u8>,
    pub ip_at: usize,
    pub udp_at: usize,
}

impl Packet {
    fn is_v6(&self) -> bool {
        self.bytes.get(self.ip_at).is_some_and(|byte| byte >> 4 == 6)
    }

    /// The outer checksums, as the lengths say; nothing where they say nonsense.
    pub fn refill(mut self) -> Self {
        self.refill_ip();
        self.refill_udp();
        self
    }

    fn refill_ip(&mut self) {
        let Some(header) = self.bytes.get_mut(self.ip_at..) else { return };
        let len = usize::from(header.first().map_or(0, |byte| byte & 15)) * 4;
        if header.first().is_some_and(|byte| byte >> 4 == 4) && (20..=header.len()).contains(&len) {
            header[10..12].fill(0);
            let checksum = !fold(sum(&header[..len]));
            header[10..12].copy_from_slice(&checksum.to_be_bytes());
        }
    }

    fn refill_udp(&mut self) {
        let (is_v6, ip_at, udp_at) = (self.is_v6(), self.ip_at, self.udp_at);
        let Some(udp) = self.bytes.get(udp_at..udp_at + 8) else { return };
        let len = usize::from(u16::from_be_bytes([udp[4], udp[5]]));
        let addresses = if is_v6 { ip_at + 8..ip_at + 40 } else { ip_at + 12..ip_at + 20 };
        if len < 8 || (udp_at + len).max(addresses.end) > self.bytes.len() {
            return;
        }
        self.bytes[udp_at + 6..udp_at + 8].fill(0);
        let pseudo = sum(&self.bytes[addresses]) + 17 + len as u64;
        let checksum = match !fold(pseudo + sum(&self.bytes[udp_at..udp_at + len])) {
            0 => 0xffff,
            checksum => checksum,
        };
        self.bytes[udp_at + 6..udp_at + 8].copy_from_slice(&checksum.to_be_bytes());
    }

    fn set(mut self, at: usize, bytes: &[u8]) -> Self {
        if let Some(to) = self.bytes.get_mut(at..at + bytes.len()) {
            to.copy_from_slice(bytes);
        }
        self
    }

    /// This packet with another outer IP length, so many bytes behind its IP header's start.
    fn ip_len(self, len: usize) -> Self {
        let (at, len) = match self.is_v6() {
            true => (self.ip_at + 4, len.saturating_sub(40)),
            false => (self.ip_at + 2, len),
        };
        self.set(at, &(len as u16).to_be_bytes())
    }

    fn udp_len(self, len: usize) -> Self {
        let at = self.udp_at + 4;
        self.set(at, &(len as u16).to_be_bytes())
    }

    pub fn class(mut self, class: u8) -> Self {
        let at = self.ip_at;
        if self.is_v6() {
            self.bytes[at] = 0x60 | class >> 4;
            self.bytes[at + 1] = class << 4;
            self
        } else {
            self.set(at + 1, &[class])
        }
    }
}

pub fn sum(bytes: &[u8]) -> u64 {
    let word = |pair: &[u8]| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
    bytes.chunks(2).map(word).sum()
}

pub fn fold(mut sum: u64) -> u16 {
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// What stands in front of the UDP header.
#[derive(Clone, Copy)]
pub struct Outer {
    pub is_v6: bool,
    pub port: u16,
}

/// An inner frame in VXLAN, as `outer` says; `tags` stand in front of the EtherType, `options` behind the
/// IP header (their first byte names them, where they are IPv6 extension headers).
pub fn packet(outer: Outer, tags: &[u8], options: &[u8], header: [u8; 8], inner: &[u8]) -> Packet {
    let udp_len = (16 + inner.len()) as u16;
    let mut bytes = [HOST_MAC, PEER_MAC].concat();
    bytes.extend(tags);
    let ip_at = bytes.len() + 2;
    if outer.is_v6 {
        let (next, extensions) = options.split_first().unwrap_or((&17, &[]));
        bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        bytes.extend((udp_len + extensions.len() as u16).to_be_bytes());
        bytes.extend([*next, 64]);
        bytes.extend([PEER_V6, HOST_V6].concat());
        bytes.extend(extensions);
    } else {
        let header_len = 20 + options.len() as u16;
        bytes.extend([8, 0, 0x40 | (header_len / 4) as u8, 0]);
        bytes.extend((header_len + udp_len).to_be_bytes());
        bytes.extend([0x12, 0x34, 0, 0, 64, 17, 0, 0]);
        bytes.extend([PEER_V4, HOST_V4].concat());
        bytes.extend(options);
    }
    let udp_at = bytes.len();
    for word in [40_000, outer.port, udp_len, 0] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(header);
    bytes.extend(inner);
    Packet { bytes, ip_at, udp_at }.refill()
}

/// The VXLAN header of the device's network.
pub const VXLAN: [u8; 8] = [8, 0, 0, 0, 0, 0, 1, 0];

/// A frame to the device.
pub fn frame(ethertype_and_payload: &[u8]) -> Vec<u8> {
    [&DEVICE_MAC[..], &[0x02, 0x42, 0x0a, 1, 0x11, 0], ethertype_and_payload].concat()
}

/// Inner packets, EtherType first: UDP over IPv4 and over IPv6, tagged ones, ARP, something unknown.
pub fn inner_packets(class: u8) -> Vec<Vec<u8>> {
    let mut v4 = vec![
        0x45, class, 0, 34, 0, 1, 0, 0, 63, 17, 0, 0, 10, 1, 17, 5, 10, 1, 18, 7, 4, 87, 8, 174, 0,
        14, 0, 0, b'r', b'e', b'f', b'e', b'r', b'e',
    ];
    let checksum = !fold(sum(&v4[..20]));
    v4[10..12].copy_from_slice(&checksum.to_be_bytes());
    let mut v6 = vec![0x60 | class >> 4, class << 4, 0, 0, 0, 14, 17, 63];
    v6.extend([0xfd, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
    v6.extend([0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    v6.extend(&v4[20..]);
    let with = |front: &[u8], packet: &[u8]| [front, packet].concat();
    vec![
        with(&[8, 0], &v4),
        with(&[0x86, 0xdd], &v6),
        with(&[0x81, 0, 0x60, 5, 8, 0], &v4),
        with(&[0x88, 0xa8, 0, 7, 0x86, 0xdd], &v6),
        with(&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 6, 8, 0], &v4),
        with(&[0x81, 0, 0, 7, 0x81, 0, 0, 6, 0x81, 0, 0, 5, 8, 0], &v4),
        with(&[8, 6], &[0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1]),
        vec![0x88, 0xb5],
    ]
}

/// Packets that a receiver should take, one of each kind.
pub fn bases(outer: Outer) -> Vec<Packet> {
    let plain = frame(&inner_packets(0)[0]);
    let mut bases: Vec<Packet> = inner_packets(0)
        .iter()
        .map(|inner| packet(outer, &[], &[], VXLAN, &frame(inner)))
        .collect();
    let options: &[&[u8]] = match outer.is_v6 {
        false => {
            &[&[1, 1, 1, 1], &[1, 0, 0, 0], &[148, 4, 0, 0], &[7, 7, 4, 0, 0, 0, 0, 0], &[1; 40]]
        }
        true => &[
            &[0, 17, 0, 1, 4, 0, 0, 0, 0],
            &[60, 17, 0, 1, 4, 0, 0, 0, 0],
            &[43, 17, 0, 0, 0, 0, 0, 0, 0],
            &[44, 17, 0, 0, 0, 0, 0, 0, 9],
            &[0, 60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0],
        ],
    };
    bases.extend(options.iter().map(|options| packet(outer, &[], options, VXLAN, &plain)));
    let tags: [&[u8]; 3] = [&[0x81, 0, 0, 0], &[0x81, 0, 0, 5], &[0x88, 0xa8, 0, 0, 0x81, 0, 0, 0]];
    bases.extend(tags.iter().map(|tags| packet(outer, tags, &[], VXLAN, &plain)));
    let headers = [[0x88, 0x48, 1, 2, 0, 0, 1, 0], [0x88, 0, 0, 9, 0, 0, 1, 0]];
    bases.extend(headers.map(|header| packet(outer, &[], &[], header, &plain)));
    let checksum_at = bases[0].udp_at + 6;
    bases.push(bases[0].clone().set(checksum_at, &[0, 0]));
    bases
}

/// Each byte of `base`'s first `count` with every other value, as it is and with checksums that fit.
pub fn every_byte(base: &Packet, count: usize) -> impl Iterator<Item = Packet> + '_ {
    let places = 0..count.min(base.bytes.len());
    places.flat_map(move |at| (1..=255).map(move |change| (at, change))).flat_map(|(at, change)| {
        let mut packet = base.clone();
        packet.bytes[at] ^= change;
        [packet.clone(), packet.refill()]
    })
}

/// `base` cut and prolonged, with and without lengths that say so, and with lengths that lie.
pub fn every_length(base: &Packet) -> impl Iterator<Item = Packet> + '_ {
    let full = base.bytes.len();
    (14..full + 80).flat_map(move |len| {
        let mut cut = base.clone();
        cut.bytes.resize(len, 0xa5);
        let (ip_len, udp_len) = (len.saturating_sub(base.ip_at), len.saturating_sub(base.udp_at));
        [
            cut.clone(),
            cut.clone().refill(),
            cut.clone().udp_len(udp_len).refill(),
            cut.ip_len(ip_len).udp_len(udp_len).refill(),
            base.clone().ip_len(ip_len),
            base.clone().ip_len(ip_len).refill(),
            base.clone().udp_len(udp_len),
            base.clone().udp_len(udp_len).refill(),
            base.clone().udp_len(len - 14).ip_len(ip_len).refill(),
        ]
    })
}

/// Every outer ECN field against every inner one, with some DSCP.
pub fn every_class(outer: Outer) -> impl Iterator<Item = Packet> {
    (0..=255_u8).flat_map(move |classes| {
        let (over, inside) = (classes & 0x0f, classes >> 4);
        inner_packets(inside)
            .into_iter()
            .map(move |inner| packet(outer, &[], &[], VXLAN, &frame(&inner)).class(over).refill())
    })
}

/// One of `bases` with up to six random edits.
pub fn mutated(bases: &[Packet], random: &mut Random) -> Packet {
    let mut packet = bases[random.below(bases.len())].clone();
    for _ in 0..=random.below(6) {
        mutate(&mut packet, random);
    }
    if random.below(4) != 0 { packet.refill() } else { packet }
}

fn mutate(packet: &mut Packet, random: &mut Random) {
    const WORDS: [u16; 10] = [0, 1, 7, 8, 0x0800, 0x86dd, 0x8100, 0x88a8, 0x7fff, 0xffff];
    // The MAC addresses are left alone: the destination is the NIC's business.
    let len = packet.bytes.len();
    let at = 12 + random.below(len.saturating_sub(12).clamp(1, 110));
    let byte = random.byte();
    match random.below(9) {
        0 => packet.bytes.resize(random.below(len + 40).max(14), byte),
        1 => packet.bytes.insert(at.min(len), byte),
        2 if 14 < len && at < len => drop(packet.bytes.remove(at)),
        3 => *packet = packet.clone().set(at, &WORDS[random.below(10)].to_be_bytes()),
        4 => *packet = packet.clone().udp_len(random.below(len + 20)),
        5 => *packet = packet.clone().ip_len(random.below(len + 20)),
        6 => *packet = packet.clone().set(packet.udp_at + 8 + random.below(8), &[byte]),
        7 => *packet = packet.clone().set(at, &[1 << (byte & 7)]),
        _ => *packet = packet.clone().set(at, &[byte]),
    }
}
