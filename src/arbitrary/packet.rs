//! The packet outside: what may arrive at a VTEP.

use core::fmt;
use core::net::IpAddr;

use arbitrary::{Arbitrary, Result, Unstructured};

use super::inner::{Extended, InnerFrame, built};
use super::{CAPACITY, perhaps};
use crate::tunnel::{OuterTag, Vtep};
use crate::wire::{
    Ecn, EtherType, EthernetHeader, Gbp, IpPayload, Ipv4Builder, Ipv6Builder, MacAddr,
    TrafficClass, UdpBuilder, VlanHeader, VlanTag, Vni, VxlanBuilder, VxlanHeader,
};

/// An Ethernet frame that holds VXLAN: up to two outer VLAN tags, IPv4 with options or IPv6 with extension
/// headers, UDP with a checksum or without, a group policy or none, an [`InnerFrame`], and sometimes
/// padding. [`vtep`](Self::vtep) accepts it.
#[derive(Clone, Copy)]
pub struct VxlanPacket {
    bytes: [u8; CAPACITY],
    len: usize,
    ip_at: usize,
    udp_at: usize,
    inner: InnerFrame,
}

impl VxlanPacket {
    /// The packet.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Where the outer IP header stands.
    #[must_use]
    pub const fn ip_at(&self) -> usize {
        self.ip_at
    }

    /// Where the outer UDP header stands.
    #[must_use]
    pub const fn udp_at(&self) -> usize {
        self.udp_at
    }

    /// Where the inner frame stands.
    #[must_use]
    pub const fn inner_at(&self) -> usize {
        self.udp_at.saturating_add(16)
    }

    /// The inner frame.
    #[must_use]
    pub const fn inner(&self) -> &InnerFrame {
        &self.inner
    }

    /// Whether the outer packet is IPv6.
    #[must_use]
    pub fn is_v6(&self) -> bool {
        self.field(self.ip_at).is_some_and(|[first]| first >> 4 == 6)
    }

    /// The network that it belongs to.
    #[must_use]
    pub fn vni(&self) -> Vni {
        Vni::from_be_bytes(self.field(self.udp_at.saturating_add(12)).unwrap_or_default())
    }

    /// The VTEP that it is for: `linux()` with the packet's port, network and address, a group policy read
    /// and a zero checksum over IPv6 accepted where the packet has it, and any outer tag.
    pub fn vtep(&self) -> Vtep<'static> {
        let word = |at: usize| u16::from_be_bytes(self.field(at).unwrap_or_default());
        let destination = match self.is_v6() {
            true => self.field(self.ip_at.saturating_add(24)).map(|a: [u8; 16]| IpAddr::from(a)),
            false => self.field(self.ip_at.saturating_add(16)).map(|a: [u8; 4]| IpAddr::from(a)),
        };
        let flags: [u8; 1] = self.field(self.udp_at.saturating_add(8)).unwrap_or_default();
        let vtep = Vtep::linux().port(word(self.udp_at.saturating_add(2))).vni(self.vni());
        let vtep = vtep.gbp(flags != [8]).outer_tag(OuterTag::Any);
        let vtep = vtep.zero_checksum_v6(word(self.udp_at.saturating_add(6)) == 0);
        destination.map_or(vtep, |destination| vtep.local(destination))
    }

    /// The bytes at `at`.
    pub(super) fn field<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.as_bytes().get(at..)?.first_chunk().copied()
    }

    /// Its bytes, to break.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.len).unwrap_or_default()
    }

    /// Cuts it.
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }
}

impl fmt::Debug for VxlanPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ip_at, udp_at, .. } = self;
        let mut fields = f.debug_struct("VxlanPacket");
        fields.field("bytes", &self.as_bytes()).field("ip_at", ip_at).field("udp_at", udp_at);
        fields.finish()
    }
}

impl<'a> Arbitrary<'a> for VxlanPacket {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let header = VxlanHeader::new(u.arbitrary()?);
        let header = perhaps(u)?.map_or(header, |gbp: Gbp| header.with_gbp(gbp));
        let (source_port, port) = u.arbitrary()?;
        let class: TrafficClass = u.arbitrary()?;
        let has_checksum = u.ratio(3, 4)?;
        let (destination, source): (MacAddr, MacAddr) = u.arbitrary()?;
        let tags: (Option<VlanTag>, Option<VlanTag>) = u.arbitrary()?;
        let padding = if u.ratio(1, 4)? { u.int_in_range(0..=32)? } else { 0 };
        let outer = Outer::new(u)?;
        let inner = InnerFrame::arbitrary(u)?;
        let datagram =
            UdpBuilder::new(source_port, port, VxlanBuilder::with_header(header, inner.as_bytes()));
        let datagram = if has_checksum { datagram } else { datagram.without_checksum() };
        let class = match (class.ecn(), inner.ecn()) {
            // Such a mark is a packet's end.
            (Ecn::Ce, Some(Ecn::NotEct)) => class.with_ecn(Ecn::Ect0),
            _ => class,
        };
        let mut bytes = [0; CAPACITY];
        let mut link = [0; 22];
        let ip_at = outer.link(&mut link, destination, source, tags);
        for (to, from) in bytes.iter_mut().zip(link.iter().take(ip_at)) {
            *to = *from;
        }
        let room = bytes.get_mut(ip_at..).unwrap_or_default();
        let ip_len = outer.build(datagram, class, u, room)?;
        let end = ip_at.saturating_add(ip_len);
        let udp_at = end.saturating_sub(16).saturating_sub(inner.as_bytes().len());
        Ok(Self { bytes, len: end.saturating_add(padding), ip_at, udp_at, inner })
    }
}

/// The outer addresses.
enum Outer {
    V4([core::net::Ipv4Addr; 2]),
    V6([core::net::Ipv6Addr; 2]),
}

impl Outer {
    fn new(u: &mut Unstructured<'_>) -> Result<Self> {
        Ok(if u.arbitrary()? { Self::V4(u.arbitrary()?) } else { Self::V6(u.arbitrary()?) })
    }

    /// Writes the Ethernet header and the tags, and gives their length.
    fn link(
        &self,
        out: &mut [u8; 22],
        destination: MacAddr,
        source: MacAddr,
        tags: (Option<VlanTag>, Option<VlanTag>),
    ) -> usize {
        let ip = match self {
            Self::V4(_) => EtherType::IPV4,
            Self::V6(_) => EtherType::IPV6,
        };
        let [first, second] = match tags {
            (Some(first), second) => [Some(first), second],
            (None, _) => [None, None],
        };
        let behind_first = second.map_or(ip, VlanTag::protocol);
        let ethertype = first.map_or(ip, VlanTag::protocol);
        let ethernet = EthernetHeader::new(destination, source, ethertype);
        let first = first.map(|tag| VlanHeader::new(tag, behind_first));
        let second = second.map(|tag| VlanHeader::new(tag, ip));
        let tags = first.iter().chain(&second).flat_map(|tag| tag.as_bytes());
        let mut len = 0_usize;
        for (to, from) in out.iter_mut().zip(ethernet.as_bytes().iter().chain(tags)) {
            *to = *from;
            len = len.saturating_add(1);
        }
        len
    }

    fn build(
        self,
        datagram: impl IpPayload,
        class: TrafficClass,
        u: &mut Unstructured<'_>,
        room: &mut [u8],
    ) -> Result<usize> {
        match self {
            Self::V4([source, destination]) => {
                let packet = Ipv4Builder::new(source, destination, datagram).traffic_class(class);
                let packet = packet.id(u.arbitrary()?).ttl(u.arbitrary()?);
                built(&packet.options(u.arbitrary()?), room)
            }
            Self::V6([source, destination]) => {
                let mut payload = Extended::new(datagram);
                payload.extend(u)?;
                let packet = Ipv6Builder::new(source, destination, payload).traffic_class(class);
                let packet = packet.flow_label(u.arbitrary()?).hop_limit(u.arbitrary()?);
                built(&packet, room)
            }
        }
    }
}
