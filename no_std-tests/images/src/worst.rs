// The packets that cost most, for `count`: every header that may be walked is there, as often as it is walked.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use vtep::buf::{InnerChecksum, PartialChecksum, TxMeta};
use vtep::tunnel::{
    Adjacency, Df, DscpModel, InnerVlanRx, InnerVlanTx, IpId, OuterDscp, OuterTag, Set, Ttl,
    TunnelConfig, UdpChecksum, Vtep,
};
use vtep::wire::{Gbp, Ipv6Packet, MacAddr, VlanId, VlanTag, Vni};

use crate::ROOM;
use crate::measured::Borrowed;

pub const MACS: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
const TAG: [u8; 4] = [0x81, 0, 0, 5];
const PRIORITY_TAG: [u8; 4] = [0x81, 0, 0xe0, 0];
const LOCAL: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
/// Extension headers, each a routing header whose last address is the destination.
const EXTENSIONS: usize = Ipv6Packet::MAX_EXTENSIONS;

/// A packet, written from its front to its end.
pub struct Packet {
    bytes: [u8; 1800],
    end: usize,
}

impl Packet {
    pub fn new() -> Self {
        Self { bytes: [0; 1800], end: ROOM }
    }

    pub fn with(mut self, bytes: &[u8]) -> Self {
        let end = self.end + bytes.len();
        self.bytes[self.end..end].copy_from_slice(bytes);
        self.end = end;
        self
    }

    /// IPv6 with all the extension headers that are walked, for `len` bytes of UDP.
    fn ipv6(self, len: usize, class: u8) -> Self {
        let payload = u16::try_from(EXTENSIONS * 24 + len).unwrap().to_be_bytes();
        let mut packet = self
            .with(&[0x60 | class >> 4, class << 4, 0, 0, payload[0], payload[1], 43, 64])
            .with(&Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2).octets())
            .with(&LOCAL.octets());
        for number in 1..=EXTENSIONS {
            let next = if number == EXTENSIONS { 17 } else { 43 };
            packet = packet.with(&[next, 2, 0, 1, 0, 0, 0, 0]).with(&LOCAL.octets());
        }
        packet
    }

    /// IPv4 without options, from UDP on `len` bytes.
    fn ipv4(self, len: usize, class: u8) -> Self {
        let total = u16::try_from(20 + len).unwrap().to_be_bytes();
        let header = [0x45, class, total[0], total[1], 0, 0, 0, 0, 64, 17, 0, 0];
        self.with(&header).with(&[10, 0, 0, 1, 10, 0, 0, 2])
    }

    fn udp(self, to: u16, len: usize) -> Self {
        let (to, len) = (to.to_be_bytes(), u16::try_from(len).unwrap().to_be_bytes());
        self.with(&[0xc3, 0x50, to[0], to[1], len[0], len[1], 0, 0])
    }

    /// The checksum of its UDP, which is its last 108 bytes, is still to be filled in.
    pub fn partial(&self) -> TxMeta {
        let start = u16::try_from(self.end - ROOM - 108).unwrap();
        TxMeta::new().with_inner_checksum(InnerChecksum::Partial(PartialChecksum::new(start, 6)))
    }

    pub fn frame(&mut self, tx: TxMeta) -> Borrowed<'_> {
        Borrowed::new(&mut self.bytes[..], ROOM..self.end).unwrap().with_tx_meta(tx)
    }
}

/// For encap: two tags, IPv6, its extension headers.
pub fn extensions() -> Packet {
    let frame = Packet::new().with(&MACS).with(&TAG).with(&TAG).with(&[0x86, 0xdd]);
    frame.ipv6(108, 3).udp(53, 108).with(&[0; 100])
}

/// For encap: nothing but tags, behind which something stands that is no IP.
pub fn tags(count: usize) -> Packet {
    let frame = (0..count).fold(Packet::new().with(&MACS), |frame, _| frame.with(&TAG));
    frame.with(&[8, 6]).with(&[0; 46])
}

/// For decap: two tags, IPv6, its extension headers, the group policy, two inner tags, and an IPv4 header to which
/// congestion is written, and the DSCP. A packet whose inner ECN field is 0 is refused for that, last of all.
pub fn received(inner_class: u8) -> Packet {
    let inner = 14 + 8 + 20 + 8 + 20;
    let frame = Packet::new().with(&MACS).with(&PRIORITY_TAG).with(&TAG).with(&[0x86, 0xdd]);
    let frame = frame.ipv6(16 + inner, 0xbb).udp(PORTS[PORTS.len() - 1], 16 + inner);
    let frame = frame.with(&[0x88, 0, 0, 7]).with(&[0, 4, 0, 0]).with(&MACS);
    let frame = frame.with(&TAG).with(&TAG).with(&[8, 0]).ipv4(28, inner_class);
    frame.udp(53, 28).with(&[0; 20])
}

static PORTS: [u16; 64] = {
    let (mut ports, mut index) = ([0; 64], 0);
    while index < 64 {
        ports[index] = 8_000 + index as u16;
        index += 1;
    }
    ports
};

/// A set of every kind, in which what is received stands last.
pub struct Sets {
    addresses: [IpAddr; 64],
    vnis: [Vni; 1024],
}

impl Sets {
    pub fn new() -> Self {
        let address = |number: usize| Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into();
        let mut addresses = core::array::from_fn(address);
        addresses[63] = LOCAL.into();
        let vnis =
            core::array::from_fn(|number| Vni::new(u32::try_from(number + 1).unwrap()).unwrap());
        Self { addresses, vnis }
    }

    /// What decap can be told to look at.
    pub fn vtep(&self) -> Vtep<'_> {
        Vtep::linux()
            .ports(Set::sorted(&PORTS).unwrap())
            .locals(Set::sorted(&self.addresses).unwrap())
            .vnis(Set::sorted(&self.vnis).unwrap())
            .own_mac(MacAddr::new([2, 0, 0, 0, 0, 9]))
            .outer_tag(OuterTag::Any)
            .gbp(true)
            .zero_checksum_v6(true)
            .inner_vlan(InnerVlanRx::Keep)
            .dscp_model(DscpModel::Uniform)
    }
}

/// A tunnel with every policy, without a checksum.
pub fn config(local: IpAddr, remote: IpAddr) -> TunnelConfig {
    let adjacency = Adjacency::new(MacAddr::new([2; 6]), MacAddr::new([4; 6]));
    let tag = VlanTag::customer(VlanId::new(5).unwrap());
    TunnelConfig::linux(local, remote, adjacency.tagged(tag))
        .ttl(Ttl::Inherit)
        .dscp(OuterDscp::Inherit)
        .df(Df::Inherit)
        .ip_id(IpId::Counter)
        .inner_vlan(InnerVlanTx::Keep)
        .gbp(Some(Gbp::from_mark(7)))
        .udp_checksum(UdpChecksum::None)
        .zero_checksum_v6(true)
}
