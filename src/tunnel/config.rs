//! What a tunnel is to do, in words; [`TunnelConfig::build`] resolves it into a
//! [`Tunnel`](super::Tunnel).

use core::fmt;
use core::net::IpAddr;

use super::ecn::EcnEncap;
use super::entropy::SourcePorts;
use crate::wire::{FlowLabel, Gbp, MacAddr, TrafficClass, VlanTag, Vni, VxlanHeader};

/// The outer Ethernet header: the underlay's next hop, as its neighbour table has it.
///
/// It is not flannel's `VtepMAC`, which is an inner destination: see
/// [`TunnelConfig::inner_ethernet`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Adjacency {
    /// The next hop's MAC address: the remote VTEP's, or the router's towards it.
    pub destination: MacAddr,
    /// This node's MAC address on the underlay.
    pub source: MacAddr,
    /// An 802.1Q or 802.1ad tag on the outer frame.
    pub tag: Option<VlanTag>,
}

impl Adjacency {
    /// Creates an untagged next hop.
    #[must_use]
    pub const fn new(destination: MacAddr, source: MacAddr) -> Self {
        Self { destination, source, tag: None }
    }

    /// Returns this next hop with an outer VLAN tag.
    #[must_use]
    pub const fn tagged(mut self, tag: VlanTag) -> Self {
        self.tag = Some(tag);
        self
    }
}

/// The outer time to live, or hop limit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ttl {
    /// Always this.
    Fixed(u8),
    /// The inner packet's; 64 for a frame that is not IP, and where the inner one is 0.
    Inherit,
}

/// The outer DSCP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OuterDscp {
    /// The pipe model (RFC 2983 section 3): always the DSCP of this class. Its ECN bits are not
    /// used: they come from the inner packet as [`EcnEncap`] says.
    Fixed(TrafficClass),
    /// The uniform model: the inner packet's DSCP; 0 for a frame that is not IP.
    Inherit,
}

/// The outer IPv4 Don't Fragment flag. IPv6 has none: its routers never fragment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Df {
    /// Clear.
    Unset,
    /// Set.
    Set,
    /// The inner IPv4 packet's; set for IPv6, clear for a frame that is not IP (Linux `df
    /// inherit`).
    Inherit,
}

/// The outer IPv4 identification.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IpId {
    /// 0 in an atomic datagram, one with DF set; otherwise the core's counter (RFC 6864 section 4).
    Rfc6864,
    /// The core's counter, as Linux has it with DF too.
    Counter,
    /// Always this: for reproducing a packet. With DF clear it breaks reassembly (RFC 6864 section
    /// 4.3).
    Fixed(u16),
}

/// The outer UDP checksum.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UdpChecksum {
    /// Zero, which over IPv4 RFC 7348 section 5 recommends.
    None,
    /// Computed over the whole datagram.
    Full,
    /// Taken from the headers alone wherever the inner transport checksum is vouched for, computed
    /// in full otherwise (local checksum offload, Linux
    /// `Documentation/networking/checksum-offloads.rst`).
    Lco,
}

/// What encap does with VLAN tags of the inner frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum InnerVlanTx {
    /// They stay.
    Keep,
    /// They are taken off (RFC 7348 section 6.1).
    Strip,
}

/// The configuration of a [`Tunnel`](super::Tunnel), from a profile on.
///
/// # Examples
///
/// ```
/// use vtep::tunnel::{Adjacency, Df, Ttl, TunnelConfig, TunnelConfigError, UdpChecksum};
/// use vtep::wire::{MacAddr, Vni};
///
/// let next_hop = Adjacency::new(MacAddr::new([2, 0, 0, 0, 0, 1]), MacAddr::new([2, 0, 0, 0, 0, 2]));
/// let vni = Vni::new(42)?;
///
/// // As RFC 7348 recommends.
/// let config = TunnelConfig::rfc7348([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), next_hop);
/// assert_eq!(config.vni(vni).build()?.headroom(), 50);
///
/// // As `ip link add vxlan42 type vxlan id 42 ... ttl inherit df set`.
/// let config = TunnelConfig::linux([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), next_hop);
/// let tunnel = config.vni(vni).ttl(Ttl::Inherit).df(Df::Set).build()?;
/// assert_eq!(tunnel.vni(), vni);
///
/// // Over IPv6 no UDP checksum is an error unless both ends have agreed to it.
/// let (local, remote) = ("2001:db8::1".parse()?, "2001:db8::2".parse()?);
/// let config = TunnelConfig::linux(local, remote, next_hop).vni(vni).udp_checksum(UdpChecksum::None);
/// assert_eq!(config.build().unwrap_err(), TunnelConfigError::ZeroChecksumV6);
/// assert_eq!(config.zero_checksum_v6(true).build()?.headroom(), 70);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub struct TunnelConfig {
    pub(super) local: IpAddr,
    pub(super) remote: IpAddr,
    pub(super) adjacency: Adjacency,
    pub(super) header: VxlanHeader,
    pub(super) port: u16,
    pub(super) source_ports: SourcePorts,
    pub(super) ttl: Ttl,
    pub(super) dscp: OuterDscp,
    pub(super) df: Df,
    pub(super) ip_id: IpId,
    pub(super) ecn: EcnEncap,
    pub(super) flow_label: FlowLabel,
    pub(super) udp_checksum: UdpChecksum,
    pub(super) zero_checksum_v6: bool,
    pub(super) inner_checksum_valid: bool,
    pub(super) inner_vlan: InnerVlanTx,
    pub(super) inner_ethernet: Option<(MacAddr, MacAddr)>,
    pub(super) mtu: Option<u16>,
}

impl TunnelConfig {
    /// What RFC 7348 and the RFCs around it recommend: port 4789, source ports 49152 to 65535, TTL
    /// 64, DSCP 0, DF set and so ID 0, ECN in normal mode, no UDP checksum over IPv4 and a full one
    /// over IPv6, inner VLAN tags stripped. The VNI is 0 until it is set.
    pub fn rfc7348(local: IpAddr, remote: IpAddr, adjacency: Adjacency) -> Self {
        let udp_checksum = if local.is_ipv4() { UdpChecksum::None } else { UdpChecksum::Full };
        Self {
            local,
            remote,
            adjacency,
            header: VxlanHeader::new(Vni::default()),
            port: VxlanHeader::PORT,
            source_ports: SourcePorts::RFC7348,
            ttl: Ttl::Fixed(64),
            dscp: OuterDscp::Fixed(TrafficClass(0)),
            df: Df::Set,
            ip_id: IpId::Rfc6864,
            ecn: EcnEncap::Normal,
            flow_label: FlowLabel::default(),
            udp_checksum,
            zero_checksum_v6: false,
            inner_checksum_valid: false,
            inner_vlan: InnerVlanTx::Strip,
            inner_ethernet: None,
            mtu: None,
        }
    }

    /// What the Linux vxlan device does by default: port 8472, source ports 32768 to 60998, TTL 64
    /// and 1 to a multicast group, DSCP 0, DF clear and a counted ID, congestion experienced sent
    /// as ECT(0), a full UDP checksum, inner VLAN tags kept. The VNI is 0 until it is set.
    pub fn linux(local: IpAddr, remote: IpAddr, adjacency: Adjacency) -> Self {
        Self {
            port: VxlanHeader::LINUX_PORT,
            source_ports: SourcePorts::LINUX,
            ttl: Ttl::Fixed(if remote.is_multicast() { 1 } else { 64 }),
            df: Df::Unset,
            ip_id: IpId::Counter,
            ecn: EcnEncap::Linux,
            udp_checksum: UdpChecksum::Full,
            inner_vlan: InnerVlanTx::Keep,
            ..Self::rfc7348(local, remote, adjacency)
        }
    }

    /// Sets the network identifier.
    pub fn vni(mut self, vni: Vni) -> Self {
        self.header.set_vni(vni);
        self
    }

    /// Sets the destination port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the range of source ports.
    pub fn source_ports(mut self, ports: SourcePorts) -> Self {
        self.source_ports = ports;
        self
    }

    /// Sets the outer TTL or hop limit.
    pub fn ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets the outer DSCP.
    pub fn dscp(mut self, dscp: OuterDscp) -> Self {
        self.dscp = dscp;
        self
    }

    /// Sets the outer DF flag.
    pub fn df(mut self, df: Df) -> Self {
        self.df = df;
        self
    }

    /// Sets the outer IPv4 identification.
    pub fn ip_id(mut self, ip_id: IpId) -> Self {
        self.ip_id = ip_id;
        self
    }

    /// Sets the outer ECN field.
    pub fn ecn(mut self, ecn: EcnEncap) -> Self {
        self.ecn = ecn;
        self
    }

    /// Sets the outer IPv6 flow label. 0 over IPv4.
    pub fn flow_label(mut self, label: FlowLabel) -> Self {
        self.flow_label = label;
        self
    }

    /// Sets the outer UDP checksum.
    pub fn udp_checksum(mut self, checksum: UdpChecksum) -> Self {
        self.udp_checksum = checksum;
        self
    }

    /// Lets UDP go without a checksum over IPv6: the far end has opted in too, and the conditions
    /// of RFC 6936 section 5 are met (RFC 6935 section 5; Linux `udp6zerocsumtx`).
    pub fn zero_checksum_v6(mut self, allowed: bool) -> Self {
        self.zero_checksum_v6 = allowed;
        self
    }

    /// Promises that the transport checksum of every inner packet is complete and right, as
    /// [`InnerChecksum::Valid`](crate::buf::InnerChecksum::Valid) does for one.
    pub fn inner_checksum_valid(mut self, valid: bool) -> Self {
        self.inner_checksum_valid = valid;
        self
    }

    /// Sets what becomes of inner VLAN tags.
    pub fn inner_vlan(mut self, vlan: InnerVlanTx) -> Self {
        self.inner_vlan = vlan;
        self
    }

    /// Sets or clears the group policy (VXLAN-GBP).
    pub fn gbp(mut self, gbp: Option<Gbp>) -> Self {
        self.header.set_gbp(gbp);
        self
    }

    /// Makes it a tunnel for IP packets, as flannel.1 is one: encap takes a bare IPv4 or IPv6
    /// packet, and writes an inner Ethernet header with these addresses too. flannel's are the
    /// remote `VtepMAC` and the MAC address of the local flannel.1.
    pub fn inner_ethernet(mut self, destination: MacAddr, source: MacAddr) -> Self {
        self.inner_ethernet = Some((destination, source));
        self
    }

    /// Sets the greatest inner IP packet, in bytes, as [`overlay_mtu`](super::overlay_mtu) returns
    /// it. A longer one is refused as `TooBig`. Without it only the 16-bit length fields set a
    /// limit.
    pub fn mtu(mut self, mtu: u16) -> Self {
        self.mtu = Some(mtu);
        self
    }
}

/// Why a configuration is no tunnel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TunnelConfigError {
    /// The two ends are of different address families.
    MixedFamilies {
        /// This end.
        local: IpAddr,
        /// The far end.
        remote: IpAddr,
    },
    /// The far end is the unspecified address; Linux drops what it would send there.
    NoRemote,
    /// No UDP checksum over IPv6 without [`zero_checksum_v6`](TunnelConfig::zero_checksum_v6) (RFC
    /// 8200 section 8.1).
    ZeroChecksumV6,
}

impl fmt::Display for TunnelConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MixedFamilies { local, remote } => {
                write!(f, "{local} and {remote} are of different address families")
            }
            Self::NoRemote => f.write_str("the remote address is unspecified"),
            Self::ZeroChecksumV6 => f.write_str(
                "UDP over IPv6 goes without a checksum only where zero_checksum_v6 allows it",
            ),
        }
    }
}

impl core::error::Error for TunnelConfigError {}
