//! A tunnel, resolved: the bytes of its whole outer stack, and what has to be patched for each
//! packet.

use core::net::IpAddr;

use crate::buf::{
    HEADROOM_MAX, HEADROOM_TAG, HEADROOM_V4, HEADROOM_V4_IP, HEADROOM_V6, HEADROOM_V6_IP,
};
use crate::checksum::Sum;
use crate::tunnel::address::to_v6;
use crate::tunnel::config::{
    Adjacency, Df, InnerVlanTx, IpId, OuterDscp, Ttl, TunnelConfig, TunnelConfigError, UdpChecksum,
};
use crate::tunnel::entropy::SourcePorts;
use crate::wire::{
    EtherType, EthernetHeader, IpProtocol, Ipv4Flags, Ipv4Header, Ipv6Header, PseudoHeader,
    UdpHeader, VlanHeader, Vni, VxlanHeader,
};

/// One remote VTEP, as encap needs it: immutable, two cache lines, shared by all cores.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Tunnel {
    pub(in crate::tunnel) policy: Policy,
    remote: IpAddr,
    /// The sum that the UDP checksum starts from: pseudo-header addresses and protocol, destination
    /// port, VXLAN header and inner MAC addresses.
    pub(in crate::tunnel) udp_sum: u16,
    /// The outer headers, right-aligned: shorter layouts use only the end of the array. The smallest
    /// layout fits the second cache line together with `hot`, so the common case touches one line.
    stack: [u8; HEADROOM_MAX],
    pub(in crate::tunnel) hot: Hot,
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<Tunnel>() == 128);
    assert!(offset_of!(Tunnel, stack) + HEADROOM_MAX - HEADROOM_V4 == 64);
};

/// What every packet needs beside the stack.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(in crate::tunnel) struct Hot {
    /// The sum of the outer IPv4 header as it is in the stack.
    pub(in crate::tunnel) ip_sum: u16,
    pub(in crate::tunnel) source_ports: SourcePorts,
    /// The longest frame, or IP packet, that is not refused out of hand.
    pub(in crate::tunnel) max_len: u16,
    /// The outer traffic classes, one for each inner ECN field.
    pub(in crate::tunnel) classes: [u8; 4],
    pub(in crate::tunnel) layout: Layout,
    pub(in crate::tunnel) counts_id: bool,
}

/// What is not resolved into the stack.
#[derive(Clone, Copy, Debug)]
pub(in crate::tunnel) struct Policy {
    pub(in crate::tunnel) inherits_ttl: bool,
    pub(in crate::tunnel) inherits_dscp: bool,
    pub(in crate::tunnel) inherits_df: bool,
    pub(in crate::tunnel) strips_vlan: bool,
    pub(in crate::tunnel) inner_checksum_valid: bool,
    /// An atomic datagram has ID 0 though others are counted.
    pub(in crate::tunnel) zero_atomic_id: bool,
    pub(in crate::tunnel) udp_checksum: UdpChecksum,
}

/// Which headers the stack has. The plain ones have nothing that is inherited or summed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::tunnel) enum Layout {
    PlainV4,
    PlainV4Ip,
    SummedV4,
    PlainV6,
    PlainV6Ip,
    V4,
    V4Ip,
    V6,
    V6Ip,
    TaggedV4,
    TaggedV4Ip,
    TaggedV6,
    TaggedV6Ip,
}

impl TunnelConfig {
    /// Resolves the configuration.
    ///
    /// # Errors
    /// [`TunnelConfigError`] for addresses that do not go together, and for a UDP checksum that may
    /// not be left out.
    pub fn build(&self) -> Result<Tunnel, TunnelConfigError> {
        if self.local.is_ipv4() != self.remote.is_ipv4() {
            return Err(TunnelConfigError::MixedFamilies {
                local: self.local,
                remote: self.remote,
            });
        }
        if self.remote.is_unspecified() {
            return Err(TunnelConfigError::NoRemote);
        }
        let without_checksum = matches!(self.udp_checksum, UdpChecksum::None);
        if without_checksum && self.remote.is_ipv6() && !self.zero_checksum_v6 {
            return Err(TunnelConfigError::ZeroChecksumV6);
        }
        Ok(Tunnel::new(self))
    }
}

impl Tunnel {
    fn new(config: &TunnelConfig) -> Self {
        let mut stack = [0; HEADROOM_MAX];
        let mut writer = Front(&mut stack);
        if let Some((destination, source)) = config.inner_ethernet {
            let ethernet = EthernetHeader::new(destination, source, EtherType::default());
            writer.put(ethernet.as_bytes());
        }
        writer.put(config.header.as_bytes());
        writer.put(UdpHeader::new(0, config.port, 0).as_bytes());
        let (ethertype, ip_sum) = write_ip(&mut writer, config);
        write_link(&mut writer, config.adjacency, ethertype);
        let policy = Policy::new(config);
        let hot = Hot {
            ip_sum: ip_sum.folded(),
            source_ports: config.source_ports,
            max_len: max_len(config),
            classes: classes(config).to_le_bytes(),
            layout: Layout::new(
                config.adjacency.tag.is_some(),
                policy,
                config.remote.is_ipv4(),
                config.inner_ethernet.is_some(),
            ),
            counts_id: counts_id(config),
        };
        Self { policy, remote: config.remote, udp_sum: udp_sum(config).folded(), stack, hot }
    }

    /// Replaces the underlay's next hop, because its neighbour entry changed.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::tunnel::{Adjacency, TunnelConfig};
    /// use vtep::wire::{MacAddr, VlanId, VlanTag};
    ///
    /// let mac = |last| MacAddr::new([2, 0, 0, 0, 0, last]);
    /// let (local, remote) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
    /// let mut tunnel = TunnelConfig::linux(local, remote, Adjacency::new(mac(1), mac(9))).build()?;
    /// let tag = VlanTag::customer(VlanId::new(5)?);
    /// tunnel.set_adjacency(Adjacency::new(mac(2), mac(9)).tagged(tag));
    /// assert_eq!(tunnel.headroom(), 54);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub fn set_adjacency(&mut self, adjacency: Adjacency) {
        let (v4, packets) = (self.remote.is_ipv4(), self.carries_packets());
        let (ethertype, ip_len) = match v4 {
            true => (EtherType::IPV4, Ipv4Header::LEN),
            false => (EtherType::IPV6, Ipv6Header::LEN),
        };
        let behind = ip_len.saturating_add(UdpHeader::LEN + VxlanHeader::LEN);
        let end = HEADROOM_MAX.saturating_sub(behind.saturating_add(self.inner_link_len()));
        if let Some(front) = self.stack.get_mut(..end) {
            write_link(&mut Front(front), adjacency, ethertype);
        }
        let tagged = adjacency.tag.is_some();
        self.hot.layout = Layout::new(tagged, self.policy, v4, packets);
    }

    /// The far end.
    #[must_use]
    pub const fn remote(&self) -> IpAddr {
        self.remote
    }

    /// The network that encapsulated frames belong to.
    #[must_use]
    pub fn vni(&self) -> Vni {
        let header = self.before(self.inner_link_len()).last_chunk::<{ VxlanHeader::LEN }>();
        VxlanHeader::from_bytes(header.copied().unwrap_or_default()).vni()
    }

    /// The sum of the outer addresses and the protocol: the pseudo-header without a length.
    pub(in crate::tunnel) fn pseudo_sum(&self) -> Sum {
        let behind = UdpHeader::LEN + VxlanHeader::LEN;
        let ip = self.before(behind.saturating_add(self.inner_link_len()));
        let addresses = match self.remote {
            IpAddr::V4(_) => ip.last_chunk::<8>().map(|both| Sum::of(both)),
            IpAddr::V6(_) => ip.last_chunk::<32>().map(|both| Sum::of(both)),
        };
        addresses.unwrap_or_default() + u16::from(IpProtocol::UDP.0)
    }

    /// The stack without its last `behind` bytes.
    fn before(&self, behind: usize) -> &[u8] {
        self.stack.get(..HEADROOM_MAX.saturating_sub(behind)).unwrap_or_default()
    }

    const fn inner_link_len(&self) -> usize {
        if self.carries_packets() { EthernetHeader::LEN } else { 0 }
    }

    /// Whether it takes bare IP packets, not Ethernet frames: see
    /// [`TunnelConfig::inner_ethernet`](crate::tunnel::TunnelConfig::inner_ethernet).
    #[must_use]
    pub const fn carries_packets(&self) -> bool {
        use Layout::{PlainV4Ip, PlainV6Ip, TaggedV4Ip, TaggedV6Ip, V4Ip, V6Ip};
        matches!(self.hot.layout, PlainV4Ip | PlainV6Ip | V4Ip | V6Ip | TaggedV4Ip | TaggedV6Ip)
    }

    /// How many bytes encap puts in front of a frame.
    #[must_use]
    pub const fn headroom(&self) -> usize {
        let untagged = match (self.remote.is_ipv4(), self.carries_packets()) {
            (true, false) => HEADROOM_V4,
            (true, true) => HEADROOM_V4_IP,
            (false, false) => HEADROOM_V6,
            (false, true) => HEADROOM_V6_IP,
        };
        match self.hot.layout {
            Layout::TaggedV4 | Layout::TaggedV4Ip | Layout::TaggedV6 | Layout::TaggedV6Ip => {
                untagged.saturating_add(HEADROOM_TAG)
            }
            _ => untagged,
        }
    }

    /// The last `N` bytes of the outer stack.
    #[inline]
    pub(in crate::tunnel) fn stack<const N: usize>(&self) -> &[u8; N] {
        const { assert!(N <= HEADROOM_MAX) };
        self.stack.last_chunk().unwrap_or(&[0; N])
    }
}

impl Layout {
    const fn new(tagged: bool, policy: Policy, v4: bool, packets: bool) -> Self {
        match (tagged, policy.is_plain(), v4, packets) {
            (false, false, true, false) if !policy.inherits() => Self::SummedV4,
            (false, true, true, false) => Self::PlainV4,
            (false, true, true, true) => Self::PlainV4Ip,
            (false, true, false, false) => Self::PlainV6,
            (false, true, false, true) => Self::PlainV6Ip,
            (false, false, true, false) => Self::V4,
            (false, false, true, true) => Self::V4Ip,
            (false, false, false, false) => Self::V6,
            (false, false, false, true) => Self::V6Ip,
            (true, _, true, false) => Self::TaggedV4,
            (true, _, true, true) => Self::TaggedV4Ip,
            (true, _, false, false) => Self::TaggedV6,
            (true, _, false, true) => Self::TaggedV6Ip,
        }
    }
}

impl Policy {
    fn new(config: &TunnelConfig) -> Self {
        Self {
            inherits_ttl: config.ttl == Ttl::Inherit,
            inherits_dscp: config.dscp == OuterDscp::Inherit,
            inherits_df: config.df == Df::Inherit && config.remote.is_ipv4(),
            strips_vlan: config.inner_vlan == InnerVlanTx::Strip && config.inner_ethernet.is_none(),
            inner_checksum_valid: config.inner_checksum_valid,
            zero_atomic_id: config.ip_id == IpId::Rfc6864,
            udp_checksum: config.udp_checksum,
        }
    }

    const fn inherits(&self) -> bool {
        self.inherits_ttl || self.inherits_dscp || self.inherits_df
    }

    const fn is_plain(&self) -> bool {
        !self.inherits() && matches!(self.udp_checksum, UdpChecksum::None)
    }
}

/// Writes headers from the last to the first.
struct Front<'a>(&'a mut [u8]);

impl Front<'_> {
    fn put<const N: usize>(&mut self, header: &[u8; N]) {
        let room = core::mem::take(&mut self.0);
        if let Some((rest, end)) = room.split_last_chunk_mut() {
            *end = *header;
            self.0 = rest;
        }
    }
}

fn write_link(writer: &mut Front<'_>, adjacency: Adjacency, ethertype: EtherType) {
    let mut outer = ethertype;
    if let Some(tag) = adjacency.tag {
        writer.put(VlanHeader::new(tag, ethertype).as_bytes());
        outer = tag.protocol();
    }
    let link = EthernetHeader::new(adjacency.destination, adjacency.source, outer);
    writer.put(link.as_bytes());
}

/// The outer traffic class for each inner ECN field, the DSCP among it unless that is inherited.
fn classes(config: &TunnelConfig) -> u32 {
    let dscp = match config.dscp {
        OuterDscp::Fixed(class) => class.with_ecn(Default::default()).0,
        OuterDscp::Inherit => 0,
    };
    config.ecn as u32 | u32::from_le_bytes([dscp; 4])
}

/// Writes the outer IP header with what is fixed, and returns its EtherType and its sum.
fn write_ip(writer: &mut Front<'_>, config: &TunnelConfig) -> (EtherType, Sum) {
    let ttl = match config.ttl {
        Ttl::Fixed(ttl) => ttl,
        Ttl::Inherit => 0,
    };
    match (config.local, config.remote) {
        (IpAddr::V4(local), IpAddr::V4(remote)) => {
            let mut header = Ipv4Header::new(local, remote, IpProtocol::UDP);
            header.set_ttl_raw(ttl);
            if let IpId::Fixed(id) = config.ip_id {
                header.set_id_raw(id);
            }
            if config.df == Df::Set {
                header.set_flags_raw(Ipv4Flags::DONT_FRAGMENT);
            }
            writer.put(header.as_bytes());
            (EtherType::IPV4, Sum::of(header.as_bytes()))
        }
        (local, remote) => {
            let [local, remote] = [local, remote].map(to_v6);
            let mut header = Ipv6Header::new(local, remote, IpProtocol::UDP);
            header.set_hop_limit(ttl);
            header.set_flow_label(config.flow_label);
            writer.put(header.as_bytes());
            (EtherType::IPV6, Sum::ZERO)
        }
    }
}

fn udp_sum(config: &TunnelConfig) -> Sum {
    let pseudo = match (config.local, config.remote) {
        (IpAddr::V4(local), IpAddr::V4(remote)) => PseudoHeader::v4(local, remote, IpProtocol::UDP),
        (local, remote) => PseudoHeader::v6(to_v6(local), to_v6(remote), IpProtocol::UDP),
    };
    let inner = match config.inner_ethernet {
        Some((destination, source)) => Sum::of(&destination.octets()) + Sum::of(&source.octets()),
        None => Sum::ZERO,
    };
    pseudo.sum(0) + config.port + Sum::of(config.header.as_bytes()) + inner
}

/// The longest frame or packet whose lengths fit: IPv4 counts its own header, and an MTU is that of
/// the inner IP packet. A tagged frame may exceed the latter by its tags.
fn max_len(config: &TunnelConfig) -> u16 {
    let inner_link: u16 = if config.inner_ethernet.is_some() { 14 } else { 0 };
    let outer: u16 = if config.remote.is_ipv4() { 36 } else { 16 };
    let by_field = u16::MAX.saturating_sub(outer).saturating_sub(inner_link);
    let link = 14_u16.saturating_sub(inner_link);
    let by_mtu = config.mtu.map_or(u16::MAX, |mtu| mtu.saturating_add(link));
    by_field.min(by_mtu)
}

/// Whether each packet takes an ID from the core's counter. Where DF is inherited the packet
/// decides.
fn counts_id(config: &TunnelConfig) -> bool {
    match config.ip_id {
        IpId::Fixed(_) => false,
        IpId::Counter => config.remote.is_ipv4(),
        IpId::Rfc6864 => config.remote.is_ipv4() && config.df != Df::Set,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buf::{ArrayFrame, FrameBuf};
    use crate::tunnel::EncapState;
    use crate::wire::{MacAddr, VlanId, VlanTag};

    const NEXT: [MacAddr; 2] = [MacAddr::new([2, 0, 0, 0, 0, 1]), MacAddr::new([2, 0, 0, 0, 0, 2])];
    const NEW: [MacAddr; 2] = [MacAddr::new([6, 1, 2, 3, 4, 5]), MacAddr::new([6, 5, 4, 3, 2, 1])];
    const INNER: [MacAddr; 2] =
        [MacAddr::new([10, 0, 0, 0, 0, 1]), MacAddr::new([10, 0, 0, 0, 0, 2])];

    fn adjacency([destination, source]: [MacAddr; 2], tag: Option<u16>) -> Adjacency {
        let adjacency = Adjacency::new(destination, source);
        tag.map_or(adjacency, |id| adjacency.tagged(VlanTag::customer(VlanId::new(id).unwrap())))
    }

    /// Every kind of tunnel with this next hop.
    fn tunnels(next: Adjacency) -> [Tunnel; 8] {
        let over = |local: &str, remote: &str| {
            let (local, remote) = (local.parse().unwrap(), remote.parse().unwrap());
            TunnelConfig::linux(local, remote, next).vni(Vni::MAX)
        };
        let (v4, v6) = (over("192.0.2.1", "192.0.2.2"), over("fd00::1", "fd00::2"));
        let inside = |config: &TunnelConfig| config.clone().inner_ethernet(INNER[0], INNER[1]);
        let plain =
            |config: TunnelConfig| config.udp_checksum(UdpChecksum::None).zero_checksum_v6(true);
        [
            inside(&v4),
            inside(&v6),
            plain(inside(&v4)),
            plain(inside(&v6)),
            plain(v4.clone()),
            plain(v6.clone()),
            v4,
            v6,
        ]
        .map(|config| config.build().unwrap())
    }

    /// The outer packet that it makes of an IPv4 packet, or of that in a frame.
    fn encap(tunnel: &Tunnel) -> ArrayFrame<192> {
        let mut inner = [0; 42];
        inner[12] = 8;
        inner[14..18].copy_from_slice(&[0x45, 0, 0, 28]);
        let inner = if tunnel.carries_packets() { &inner[14..] } else { &inner };
        let mut frame = ArrayFrame::from_bytes_with_headroom(inner, tunnel.headroom()).unwrap();
        tunnel.encap(&mut frame, &mut EncapState::predictable()).unwrap();
        frame
    }

    /// As if it had been built with that: nothing but the link's header changes, and its layout.
    #[test]
    fn a_new_adjacency_is_as_one_from_the_start() {
        for (before, after) in [(None, None), (None, Some(5)), (Some(5), None), (Some(5), Some(6))]
        {
            let olds = tunnels(adjacency(NEXT, before));
            let news = tunnels(adjacency(NEW, after));
            for (mut tunnel, new) in olds.into_iter().zip(&news) {
                tunnel.set_adjacency(adjacency(NEW, after));
                assert_eq!(encap(&tunnel).bytes(), encap(new).bytes(), "{new:?}");
                assert_eq!((tunnel.vni(), tunnel.headroom()), (new.vni(), new.headroom()));
                assert_eq!(tunnel.hot.layout, new.hot.layout);
            }
        }
    }
}
