//! The job that every contestant does, and the parts of it that no library has.

use std::net::Ipv4Addr;

use vtep::tunnel::TunnelInfo;
use vtep::wire::{TrafficClass, Vni};

/// What encap puts in front of a frame over IPv4.
pub const OUTER: usize = 50;
/// The port of VXLAN.
pub const PORT: u16 = 4789;
/// What the outer IPv4 header has.
pub const TTL: u8 = 64;
/// The shortest inner frame.
const ETHERNET: usize = 14;
/// What VXLAN's header takes.
const VXLAN: usize = 8;
const I_FLAG: u8 = 0x08;

/// The tunnel's outer addresses and network.
#[derive(Clone, Copy)]
pub struct Outer {
    pub next_hop: [u8; 6],
    pub source_mac: [u8; 6],
    pub local: Ipv4Addr,
    pub remote: Ipv4Addr,
    pub vni: u32,
}

/// What decap finds out: where the packet came from, and where the inner frame stands in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    pub info: TunnelInfo,
    pub offset: usize,
    pub len: usize,
}

/// What the outer headers up to UDP say.
pub struct Sender {
    pub remote: Ipv4Addr,
    pub port: u16,
    pub class: u8,
    /// Where the UDP payload begins.
    pub payload_at: usize,
}

impl Sender {
    /// The rest of the job, for libraries that have no VXLAN header.
    #[inline]
    pub fn of_payload(self, payload: &[u8]) -> Option<Received> {
        let (header, inner) = payload.split_first_chunk::<VXLAN>()?;
        let [flags, _, _, _, a, b, c, _] = *header;
        self.of_inner(flags, u32::from_be_bytes([0, a, b, c]), inner)
    }

    /// The rest of the job behind the VXLAN header.
    #[inline]
    pub fn of_inner(self, flags: u8, vni: u32, inner: &[u8]) -> Option<Received> {
        if flags & I_FLAG == 0 || inner.len() < ETHERNET {
            return None;
        }
        let [_, a, b, c] = vni.to_be_bytes();
        let mut info = TunnelInfo::new(Vni::from_be_bytes([a, b, c]), self.remote.into());
        info.source_port = self.port;
        info.outer_traffic_class = TrafficClass(self.class);
        Some(Received { info, offset: self.payload_at + VXLAN, len: inner.len() })
    }
}

/// What one library makes of the job.
pub trait Peer {
    /// Writes the outer headers of `frame` to the room in front of it. `None` where it is not IPv4.
    fn encap(outer: &Outer, room: &mut [u8; OUTER], frame: &[u8]) -> Option<()>;

    /// Checks the outer headers, their lengths and the IPv4 checksum.
    fn decap(packet: &[u8]) -> Option<Received>;
}

/// The hash of the crate's public key and its source port: the same function for all.
#[inline]
pub fn source_port(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, ports: [u8; 4]) -> u16 {
    const KEY: [u64; 2] = [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344];
    let ([a, b, c, d], [e, f, g, h]) = (source.octets(), destination.octets());
    let addresses = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
    let rest = u64::from(u32::from_ne_bytes(ports)) | u64::from(protocol) << 32;
    let product = u128::from(addresses ^ KEY[0]) * u128::from(rest ^ KEY[1]);
    let hash = ((product as u64 ^ (product >> 64) as u64) >> 32) as u32;
    let hash = u64::from(hash ^ hash << 16);
    49_152 + ((hash << 14) >> 32) as u16
}

/// The ports of an inner packet: none in a fragment, none in a protocol without.
#[inline]
pub fn ports(protocol: u8, is_fragment: bool, payload: &[u8]) -> [u8; 4] {
    let has_ports = matches!(protocol, 6 | 17 | 132) && !is_fragment;
    payload.first_chunk().copied().filter(|_| has_ports).unwrap_or_default()
}

/// The VXLAN header, for libraries that have none.
#[inline]
pub fn vxlan(vni: u32) -> [u8; VXLAN] {
    let [_, a, b, c] = vni.to_be_bytes();
    [I_FLAG, 0, 0, 0, a, b, c, 0]
}

/// The IPv4 and the UDP length over an inner frame.
#[inline]
pub fn lengths(inner: &[u8]) -> Option<(u16, u16)> {
    let udp = u16::try_from(inner.len() + 16).ok()?;
    Some((udp.checked_add(20)?, udp))
}

/// The sum of an IPv4 header, for a library that has none: in 16 bits, not inverted.
#[inline]
pub fn sum(header: &[u8]) -> u16 {
    let words = header.chunks_exact(4);
    let sum: u64 =
        words.map(|word| u64::from(u32::from_ne_bytes([word[0], word[1], word[2], word[3]]))).sum();
    let sum = (sum >> 32) + (sum & 0xFFFF_FFFF);
    let sum = (sum >> 16) + (sum & 0xFFFF);
    let sum = (sum >> 16) + (sum & 0xFFFF);
    u16::from_be(((sum >> 16) + (sum & 0xFFFF)) as u16)
}
