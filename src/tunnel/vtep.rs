//! This end point: which packets are for it, and what it makes of what the standards leave open.

use core::net::{IpAddr, Ipv4Addr};

use super::decap::fast_match::FastMatch;
use super::set::Set;
use crate::arch::Kernels;
use crate::wire::{Dscp, Ecn, Gbp, MacAddr, TrafficClass, VlanId, Vni, VxlanHeader};

/// The VTEP that packets arrive at: the receive side, as [`Tunnel`](super::Tunnel) is the transmit
/// side. Immutable and shared by all cores; it borrows its sets.
///
/// # Examples
///
/// ```
/// use vtep::tunnel::{Set, Vtep};
/// use vtep::verdict::DropReason;
/// use vtep::wire::Vni;
///
/// let vnis = [1, 7, 42].map(|vni| Vni::new(vni).unwrap());
/// let locals = [[192, 0, 2, 1].into(), "2001:db8::1".parse()?];
/// let vtep = Vtep::linux().vnis(Set::sorted(&vnis)?).locals(Set::sorted(&locals)?);
///
/// let arp = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1, 8, 6], &[0; 28]].concat();
/// match vtep.inspect(&arp) {
///     Ok(decap) => println!("an inner frame of {} bytes", decap.len()),
///     // For the host's own stack.
///     Err(DropReason::NotVxlan | DropReason::NotLocal | DropReason::Fragment) => {}
///     Err(reason) => panic!("to be counted and dropped: {reason}"),
/// }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Vtep<'a> {
    pub(super) ports: Set<'a, u16>,
    pub(super) locals: Set<'a, IpAddr>,
    pub(super) vnis: Set<'a, Vni>,
    /// The three sets, as the fast path compares them.
    pub(super) fast: FastMatch,
    pub(super) own_mac: Option<MacAddr>,
    /// The inner Ethernet header is stripped, and is for `own_mac`.
    pub(super) takes_packets: bool,
    pub(super) outer_tag: OuterTag,
    pub(super) reserved_bits: ReservedBits,
    pub(super) gbp: bool,
    pub(super) udp_checksum: UdpChecksumPolicy,
    pub(super) zero_checksum_v6: bool,
    pub(super) inner_vlan: InnerVlanRx,
    pub(super) dscp_model: DscpModel,
    /// Whether every inner packet is looked into: for the two settings that need it.
    pub(super) looks_inside: bool,
    /// `None` for the detected ones, which no constant can hold.
    kernels: Option<&'static Kernels>,
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Vtep<'_>>();
    shared::<super::Tunnel>();
};

impl<'a> Vtep<'a> {
    /// As RFC 7348 says: port 4789, reserved bits ignored, a UDP checksum verified where there is
    /// one, tagged inner frames discarded (section 6.1). Any local address and any VNI.
    pub const fn rfc7348() -> Self {
        Self {
            ports: Set::One(VxlanHeader::PORT),
            locals: Set::Any,
            vnis: Set::Any,
            fast: FastMatch::new(&Set::One(VxlanHeader::PORT), &Set::Any, &Set::Any),
            own_mac: None,
            takes_packets: false,
            outer_tag: OuterTag::Untagged,
            reserved_bits: ReservedBits::Ignore,
            gbp: false,
            udp_checksum: UdpChecksumPolicy::Verify,
            zero_checksum_v6: false,
            inner_vlan: InnerVlanRx::Discard,
            dscp_model: DscpModel::Pipe,
            looks_inside: false,
            kernels: None,
        }
    }

    /// What the Linux vxlan device does by default: port 8472, a packet with any reserved bit set
    /// refused, inner tags kept.
    pub const fn linux() -> Self {
        Self {
            reserved_bits: ReservedBits::Reject,
            inner_vlan: InnerVlanRx::Opaque,
            ..Self::rfc7348()
        }
        .port(VxlanHeader::LINUX_PORT)
    }

    const fn sets(self, ports: Set<'a, u16>, locals: Set<'a, IpAddr>, vnis: Set<'a, Vni>) -> Self {
        Self { ports, locals, vnis, fast: FastMatch::new(&ports, &locals, &vnis), ..self }
    }

    /// Sets the UDP port.
    pub const fn port(self, port: u16) -> Self {
        self.ports(Set::One(port))
    }

    /// Sets the UDP ports.
    pub const fn ports(self, ports: Set<'a, u16>) -> Self {
        self.sets(ports, self.locals, self.vnis)
    }

    /// Sets the local address.
    pub const fn local(self, local: IpAddr) -> Self {
        self.locals(Set::One(local))
    }

    /// Sets the local addresses, of both families, multicast groups among them.
    pub const fn locals(self, locals: Set<'a, IpAddr>) -> Self {
        self.sets(self.ports, locals, self.vnis)
    }

    /// Sets the network identifier.
    pub const fn vni(self, vni: Vni) -> Self {
        self.vnis(Set::One(vni))
    }

    /// Sets the network identifiers.
    pub const fn vnis(self, vnis: Set<'a, Vni>) -> Self {
        self.sets(self.ports, self.locals, vnis)
    }

    /// Refuses frames whose inner *source* is this, the receiver's own inner MAC address: they went
    /// in a loop. The inner destination is checked by [`inner_ethernet`](Self::inner_ethernet).
    pub const fn own_mac(mut self, mac: MacAddr) -> Self {
        self.own_mac = Some(mac);
        self.looks_inside = true;
        self
    }

    /// Receives IP packets, as flannel.1 and a TUN device do: the counterpart of
    /// [`TunnelConfig::inner_ethernet`](super::TunnelConfig::inner_ethernet). Decap strips the
    /// inner Ethernet header as well. It refuses a frame for another MAC address than `own` as
    /// `InnerDestination` (a group address is another one), a tagged frame as `InnerVlan`, and what
    /// is not IP as `NotIp`. It includes [`own_mac`](Self::own_mac).
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::buf::{ArrayFrame, FrameBuf};
    /// use vtep::tunnel::{Adjacency, EncapState, TunnelConfig, Vtep};
    /// use vtep::verdict::DropReason;
    /// use vtep::wire::MacAddr;
    ///
    /// let mac = |last| MacAddr::new([2, 0, 0, 0, 0, last]);
    /// let (a, b) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
    /// let config = TunnelConfig::linux(a, b, Adjacency::new(mac(1), mac(2)));
    /// let to_flannel = config.inner_ethernet(mac(4), mac(3)).build()?;
    ///
    /// // An IPv4 packet of 24 bytes, as a TUN device returns it.
    /// let packet = [&[0x45, 0, 0, 24][..], &[0; 20]].concat();
    /// let mut frame = ArrayFrame::<128>::from_bytes_with_headroom(&packet, 64).unwrap();
    /// to_flannel.encap(&mut frame, &mut EncapState::predictable())?;
    ///
    /// let another = Vtep::linux().inner_ethernet(mac(5));
    /// assert_eq!(another.decap(&mut frame), Err(DropReason::InnerDestination));
    /// Vtep::linux().inner_ethernet(mac(4)).decap(&mut frame)?;
    /// assert_eq!(frame.bytes(), packet);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub const fn inner_ethernet(mut self, own: MacAddr) -> Self {
        self.takes_packets = true;
        self.own_mac(own)
    }

    /// Sets which VLAN tags the underlay's frames have.
    pub const fn outer_tag(mut self, tag: OuterTag) -> Self {
        self.outer_tag = tag;
        self
    }

    /// Sets what becomes of packets with reserved bits.
    pub const fn reserved_bits(mut self, policy: ReservedBits) -> Self {
        self.reserved_bits = policy;
        self
    }

    /// Reads the G, D and A bits and the group as a group policy (VXLAN-GBP). Bytes 1 to 3 are not
    /// reserved then, with or without the G bit, as in Linux.
    pub const fn gbp(mut self, read: bool) -> Self {
        self.gbp = read;
        self
    }

    /// Sets what becomes of an outer UDP checksum that is not zero.
    pub const fn udp_checksum(mut self, policy: UdpChecksumPolicy) -> Self {
        self.udp_checksum = policy;
        self
    }

    /// Accepts a zero UDP checksum over IPv6 (RFC 6935 section 5; Linux `udp6zerocsumrx`).
    pub const fn zero_checksum_v6(mut self, accepted: bool) -> Self {
        self.zero_checksum_v6 = accepted;
        self
    }

    /// Sets what becomes of VLAN-tagged inner frames.
    pub const fn inner_vlan(mut self, policy: InnerVlanRx) -> Self {
        self.inner_vlan = policy;
        self
    }

    /// Sets whether the outer DSCP is copied to the inner packet.
    pub const fn dscp_model(mut self, model: DscpModel) -> Self {
        self.dscp_model = model;
        self.looks_inside = matches!(model, DscpModel::Uniform) || self.own_mac.is_some();
        self
    }

    /// Sets kernels other than the [detected](Kernels::detect) ones.
    pub const fn kernels(mut self, kernels: &'static Kernels) -> Self {
        self.kernels = Some(kernels);
        self
    }

    #[inline]
    pub(crate) fn chosen_kernels(&self) -> &'static Kernels {
        self.kernels.unwrap_or_else(Kernels::detect)
    }
}

/// Which VLAN tags outer frames have. A priority tag (VLAN 0) counts as none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OuterTag {
    /// None.
    Untagged,
    /// One tag with this identifier.
    One(VlanId),
    /// Any, or none, two at most.
    Any,
}

/// What becomes of a packet with reserved bits set (RFC 7348 section 5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReservedBits {
    /// They are ignored, as the RFC demands.
    Ignore,
    /// The packet is refused, as Linux does it.
    Reject,
}

/// What becomes of an outer UDP checksum that is not zero. RFC 7348 section 5 leaves it open.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UdpChecksumPolicy {
    /// It is verified, unless the NIC has.
    Verify,
    /// It is not looked at.
    Accept,
}

/// What becomes of VLAN-tagged inner frames.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum InnerVlanRx {
    /// They pass, tags and all; the packet after them is read for its ECN field.
    Keep,
    /// They pass, and what follows the first tag is not read, as in Linux: neither is a cut
    /// packet refused nor an ECN field written.
    Opaque,
    /// They are refused (RFC 7348 section 6.1).
    Discard,
}

/// What decap does with the DSCP of the inner packet (RFC 2983 section 3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DscpModel {
    /// The inner DSCP is kept; [`TunnelInfo::dscp`] reports the outer one.
    Pipe,
    /// The outer DSCP is copied to the inner packet.
    Uniform,
}

/// The facts of a received frame that its outer headers carry (Linux `struct ip_tunnel_info`).
///
/// [`Vtep::decap`] returns it. None of it is authenticated: whoever can send to this node can write
/// it.
///
/// # Examples
///
/// ```
/// use vtep::tunnel::TunnelInfo;
/// use vtep::wire::Vni;
///
/// let mut info = TunnelInfo::new(Vni::new(7).unwrap(), [192, 0, 2, 2].into());
/// info.source_port = 50_000;
/// assert_eq!((info.vni.value(), info.source_port, info.gbp), (7, 50_000, None));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct TunnelInfo {
    /// The network that the frame belongs to.
    pub vni: Vni,
    /// The outer source address: the sending VTEP.
    pub remote: IpAddr,
    /// The outer UDP source port: entropy of the inner flow, not an identity.
    pub source_port: u16,
    /// The outer traffic class: DSCP and ECN.
    pub outer_traffic_class: TrafficClass,
    /// The group policy. `None` if the VTEP does not read it, or the packet has none.
    pub gbp: Option<Gbp>,
}

impl TunnelInfo {
    /// A placeholder for refused frames and for slots that nothing has been written to yet.
    pub const NONE: Self = Self::new(Vni::from_be_bytes([0; 3]), IpAddr::V4(Ipv4Addr::UNSPECIFIED));

    /// Creates the information about a frame of this network and sender; all else is 0 or absent.
    #[must_use]
    pub const fn new(vni: Vni, remote: IpAddr) -> Self {
        Self { vni, remote, source_port: 0, outer_traffic_class: TrafficClass(0), gbp: None }
    }

    /// The outer ECN field.
    #[must_use]
    pub const fn ecn(&self) -> Ecn {
        self.outer_traffic_class.ecn()
    }

    /// The outer DSCP.
    #[must_use]
    pub const fn dscp(&self) -> Dscp {
        self.outer_traffic_class.dscp()
    }
}

impl Default for TunnelInfo {
    fn default() -> Self {
        Self::NONE
    }
}
