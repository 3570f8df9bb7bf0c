//! The headers that encap writes: which there are, and what each has to be told of the packet.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::inner::Inner;
use super::template::Tunnel;
use crate::checksum::{Sum, fold_u32};
use crate::tunnel::entropy::FlowHashKey;
use crate::tunnel::state::EncapState;
use crate::verdict::DropReason;
use crate::wire::{
    EthernetHeader, Ipv4Flags, Ipv4Header, Ipv6Header, TrafficClass, UdpHeader, VlanHeader,
    VxlanHeader,
};

/// The outer headers as they are in front of the inner frame: `L` is Ethernet, tagged or not, `I`
/// IPv4 or IPv6, `X` nothing or the inner Ethernet header.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(in crate::tunnel) struct Stack<L, I, X> {
    link: L,
    pub(in crate::tunnel) ip: I,
    pub(in crate::tunnel) udp: UdpHeader,
    vxlan: VxlanHeader,
    pub(in crate::tunnel) inner: X,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(in crate::tunnel) struct TaggedEthernet {
    ethernet: EthernetHeader,
    tag: VlanHeader,
}

/// The part of a header stack that a layout may lack.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(in crate::tunnel) struct Absent;

/// A [`Stack`]: what its types are.
pub(in crate::tunnel) trait Headers:
    FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned
{
    type Ip: OuterIp;
    type Inner: InnerLink;

    fn parts(&mut self) -> (&mut Self::Ip, &mut UdpHeader, &mut Self::Inner);
}

impl<L, I: OuterIp, X: InnerLink> Headers for Stack<L, I, X>
where
    Self: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned,
{
    type Ip = I;
    type Inner = X;

    #[inline(always)]
    fn parts(&mut self) -> (&mut I, &mut UdpHeader, &mut X) {
        (&mut self.ip, &mut self.udp, &mut self.inner)
    }
}

/// What the outer headers depend on beside the template, the flow and the ECN field.
pub(in crate::tunnel) trait PatchPolicy {
    /// Whether TTL, DSCP or DF may be the inner packet's.
    const INHERITS: bool;
    /// Whether there may be a UDP checksum.
    const SUMS: bool;
}

/// On nothing.
pub(in crate::tunnel) enum Plain {}
/// On what the UDP checksum covers.
pub(in crate::tunnel) enum Summed {}
/// On whatever the tunnel says.
pub(in crate::tunnel) enum Any {}

impl PatchPolicy for Plain {
    const INHERITS: bool = false;
    const SUMS: bool = false;
}

impl PatchPolicy for Summed {
    const INHERITS: bool = false;
    const SUMS: bool = true;
}

impl PatchPolicy for Any {
    const INHERITS: bool = true;
    const SUMS: bool = true;
}

/// What one packet's outer headers have beside the template.
pub(in crate::tunnel) struct Patch {
    pub(in crate::tunnel) udp_len: u16,
    pub(in crate::tunnel) source_port: u16,
    pub(in crate::tunnel) class: TrafficClass,
    /// 0 where it is fixed.
    pub(in crate::tunnel) ttl: u8,
    pub(in crate::tunnel) dont_fragment: bool,
}

/// The outer IP header of a layout.
pub(in crate::tunnel) trait OuterIp {
    /// Patches itself, a copy of the template.
    fn finish<P: PatchPolicy>(&mut self, tunnel: &Tunnel, core: &mut EncapState, patch: &Patch);
}

impl OuterIp for Ipv4Header {
    #[inline(always)]
    fn finish<P: PatchPolicy>(&mut self, tunnel: &Tunnel, core: &mut EncapState, patch: &Patch) {
        let total_len = patch.udp_len.wrapping_add(20);
        self.set_total_len_raw(total_len);
        self.set_traffic_class_raw(patch.class);
        // The template has zeros where a value is added: the sum grows by what is written.
        let mut sum = u32::from(tunnel.hot.ip_sum);
        let mut add = |word: u16| sum = sum.wrapping_add(u32::from(word));
        add(total_len);
        add(u16::from(patch.class.0));
        if P::INHERITS {
            if patch.dont_fragment {
                self.set_flags_raw(Ipv4Flags::DONT_FRAGMENT);
                add(Ipv4Flags::DONT_FRAGMENT.bits());
            }
            if tunnel.policy.inherits_ttl {
                self.set_ttl_raw(patch.ttl);
                add(u16::from_be_bytes([patch.ttl, 0]));
            }
        }
        let is_atomic = P::INHERITS && patch.dont_fragment && tunnel.policy.zero_atomic_id;
        if tunnel.hot.counts_id && !is_atomic {
            let id = core.take_id();
            self.set_id_raw(id);
            add(id);
        }
        self.set_checksum_raw(!fold_u32(sum));
    }
}

impl OuterIp for Ipv6Header {
    #[inline(always)]
    fn finish<P: PatchPolicy>(&mut self, tunnel: &Tunnel, _: &mut EncapState, patch: &Patch) {
        self.set_payload_len(patch.udp_len);
        self.set_traffic_class(patch.class);
        if P::INHERITS && tunnel.policy.inherits_ttl {
            self.set_hop_limit(patch.ttl);
        }
    }
}

/// The inner Ethernet header of a layout: in the frame already, or the tunnel's.
pub(in crate::tunnel) trait InnerLink {
    /// The bytes that it adds.
    const LEN: usize;
    /// Dissects a packet of the fast path; `None` for any other.
    fn classify(head: &[u8], key: FlowHashKey) -> Option<Inner>;
    /// Dissects any packet.
    fn walk(head: &[u8], total: usize, key: FlowHashKey) -> Result<Inner, DropReason>;
    fn finish(&mut self, inner: &Inner);
    /// The sum of what `finish` writes.
    fn sum(inner: &Inner) -> Sum;
}

impl InnerLink for Absent {
    const LEN: usize = 0;

    #[inline]
    fn classify(head: &[u8], key: FlowHashKey) -> Option<Inner> {
        Inner::of_fast_frame(head, key)
    }

    fn walk(head: &[u8], total: usize, key: FlowHashKey) -> Result<Inner, DropReason> {
        Inner::of_frame(head, total, key)
    }

    #[inline]
    fn finish(&mut self, _: &Inner) {}

    #[inline]
    fn sum(_: &Inner) -> Sum {
        Sum::ZERO
    }
}

impl InnerLink for EthernetHeader {
    const LEN: usize = Self::LEN;

    #[inline]
    fn classify(head: &[u8], key: FlowHashKey) -> Option<Inner> {
        Inner::of_fast_packet(head, key)
    }

    fn walk(head: &[u8], total: usize, key: FlowHashKey) -> Result<Inner, DropReason> {
        Inner::of_packet(head, total, key)
    }

    #[inline]
    fn finish(&mut self, inner: &Inner) {
        self.set_ethertype(inner.ethertype());
    }

    #[inline]
    fn sum(inner: &Inner) -> Sum {
        Sum::word(inner.ethertype().0)
    }
}
