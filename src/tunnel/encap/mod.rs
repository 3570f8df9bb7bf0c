//! Encap: the tunnel's stack goes in front of a frame, patched with what the frame implies. All
//! that can fail is computed before the first byte is written.

mod inner;
mod kind;
mod lco;
mod stack;
mod template;

use self::inner::{Inner, InnerIp};
pub(super) use self::stack::Plain as PlainPolicy;
use self::stack::{
    Absent, Any, Headers, InnerLink, OuterIp, Patch, PatchPolicy, Plain, Stack, Summed,
    TaggedEthernet,
};
pub(super) use self::template::Layout;
pub use self::template::Tunnel;
use super::state::EncapState;
use crate::arch::Kernels;
use crate::buf::{FrameBuf, FrameMeta, meta_of, meta_pushed};
use crate::checksum::Sum;
use crate::tunnel::config::UdpChecksum;
use crate::tunnel::ecn::outer_bits;
use crate::verdict::{DropReason, Verdict};
use crate::wire::{
    EtherType, EthernetHeader, Ipv4Header, Ipv6Header, TrafficClass, UdpHeader, VxlanHeader,
};

pub(in crate::tunnel) type V4 = Stack<EthernetHeader, Ipv4Header, Absent>;
type V4Ip = Stack<EthernetHeader, Ipv4Header, EthernetHeader>;
type V6 = Stack<EthernetHeader, Ipv6Header, Absent>;
type V6Ip = Stack<EthernetHeader, Ipv6Header, EthernetHeader>;
type TaggedV4 = Stack<TaggedEthernet, Ipv4Header, Absent>;
type TaggedV4Ip = Stack<TaggedEthernet, Ipv4Header, EthernetHeader>;
type TaggedV6 = Stack<TaggedEthernet, Ipv6Header, Absent>;
type TaggedV6Ip = Stack<TaggedEthernet, Ipv6Header, EthernetHeader>;

impl Tunnel {
    /// Puts the tunnel's headers in front of `frame`: an Ethernet frame, or an IP packet where the
    /// tunnel [carries packets](Self::carries_packets).
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::buf::{ArrayFrame, FrameBuf};
    /// use vtep::tunnel::{Adjacency, EncapState, TunnelConfig};
    /// use vtep::verdict::DropReason;
    /// use vtep::wire::{MacAddr, Vni};
    ///
    /// let next_hop = Adjacency::new(MacAddr::new([2, 0, 0, 0, 0, 1]), MacAddr::new([2, 0, 0, 0, 0, 2]));
    /// let config = TunnelConfig::rfc7348([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), next_hop);
    /// let tunnel = config.vni(Vni::new(7)?).mtu(1450).build()?;
    /// let mut state = EncapState::predictable();
    ///
    /// // An Ethernet frame of 60 bytes, 50 bytes of headroom in front.
    /// let mut frame = ArrayFrame::<2048>::from_bytes_with_headroom(&[0x11; 60], 50).unwrap();
    /// tunnel.encap(&mut frame, &mut state)?;
    /// assert_eq!(frame.bytes().len(), 50 + 60);
    /// assert_eq!(frame.bytes()[36..38], 4789_u16.to_be_bytes(), "the UDP port");
    ///
    /// // A refused frame is unchanged.
    /// let mut large = ArrayFrame::<2048>::from_bytes_with_headroom(&[0x11; 1500], 50).unwrap();
    /// assert_eq!(tunnel.encap(&mut large, &mut state), Err(DropReason::TooBig));
    /// assert_eq!(large.bytes(), [0x11; 1500]);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `NoHeadroom`, `TooBig`, `TooLong`, `InnerTruncated`, `NotIp`, `NotEthernet`, `NotLinear`,
    /// `PartialChecksum`: see [`DropReason`]. The frame is unchanged.
    #[inline]
    pub fn encap<B: FrameBuf>(&self, frame: &mut B, core: &mut EncapState) -> Verdict {
        self.encap_inline(frame, core)
    }

    /// The same, for loops that are compiled for more than the target's processor.
    #[inline(always)]
    pub(crate) fn encap_inline<B: FrameBuf>(
        &self,
        frame: &mut B,
        core: &mut EncapState,
    ) -> Verdict {
        match self.hot.layout {
            Layout::PlainV4 => self.encap_as::<V4, Plain, 50, B>(frame, core),
            Layout::PlainV4Ip => self.encap_as::<V4Ip, Plain, 64, B>(frame, core),
            Layout::SummedV4 => self.encap_as::<V4, Summed, 50, B>(frame, core),
            _ => self.encap_general(frame, core),
        }
    }

    /// All layouts, those that a batch has in its loop too.
    #[inline(never)]
    fn encap_general<B: FrameBuf>(&self, frame: &mut B, core: &mut EncapState) -> Verdict {
        match self.hot.layout {
            Layout::PlainV4 | Layout::SummedV4 | Layout::V4 => {
                self.encap_as::<V4, Any, 50, B>(frame, core)
            }
            Layout::PlainV4Ip | Layout::V4Ip => self.encap_as::<V4Ip, Any, 64, B>(frame, core),
            Layout::PlainV6 => self.encap_as::<V6, Plain, 70, B>(frame, core),
            Layout::PlainV6Ip => self.encap_as::<V6Ip, Plain, 84, B>(frame, core),
            Layout::V6 => self.encap_as::<V6, Any, 70, B>(frame, core),
            Layout::V6Ip => self.encap_as::<V6Ip, Any, 84, B>(frame, core),
            Layout::TaggedV4 => self.encap_as::<TaggedV4, Any, 54, B>(frame, core),
            Layout::TaggedV4Ip => self.encap_as::<TaggedV4Ip, Any, 68, B>(frame, core),
            Layout::TaggedV6 => self.encap_as::<TaggedV6, Any, 74, B>(frame, core),
            Layout::TaggedV6Ip => self.encap_as::<TaggedV6Ip, Any, 88, B>(frame, core),
        }
    }

    /// One body serves every layout and policy; what a policy leaves out is not compiled.
    #[inline(always)]
    fn encap_as<H: Headers, P: PatchPolicy, const N: usize, B: FrameBuf>(
        &self,
        frame: &mut B,
        core: &mut EncapState,
    ) -> Verdict {
        match self.encap_fast::<H, P, N, B>(frame, core) {
            Ok(()) => Ok(()),
            Err(Some(reason)) => Err(reason),
            Err(None) => self.encap_slow::<H, N, B>(frame, core),
        }
    }

    /// The fast path: untagged IPv4 without options inside. The error is `None`, and nothing is
    /// changed, if the slow path has to decide: another inner packet, or one that may be too long.
    #[inline(always)]
    pub(in crate::tunnel) fn encap_fast<H: Headers, P: PatchPolicy, const N: usize, B: FrameBuf>(
        &self,
        frame: &mut B,
        core: &mut EncapState,
    ) -> Result<(), Option<DropReason>> {
        let (total, meta) = (frame.total_len(), meta_of(frame));
        frame.push_header::<N, Option<DropReason>>(
            #[inline(always)]
            |room, head| {
                let inner = H::Inner::classify(head, core.flow_key).ok_or(None)?;
                if total > usize::from(self.hot.max_len) {
                    return Err(None);
                }
                Ok(self.write::<H, P, N>(room, head, &inner, total, meta, core)?)
            },
        )?;
        meta_pushed(frame, N);
        Ok(())
    }

    /// The slow path: the inner headers are parsed one by one, and VLAN tags stripped if the policy
    /// says so. Compiled once, for the most general policy.
    #[cold]
    #[inline(never)]
    fn encap_slow<H: Headers, const N: usize, B: FrameBuf>(
        &self,
        frame: &mut B,
        core: &mut EncapState,
    ) -> Verdict {
        let is_stripped = self.policy.strips_vlan && has_tag(frame.bytes());
        let tags = if is_stripped { Some(Tags::strip(frame)?) } else { None };
        let stripped = tags.as_ref().map_or(0, |tags| tags.len);
        let verdict = self.encap_walked::<H, N, B>(frame, stripped, core);
        match (verdict, tags) {
            (Err(_), Some(tags)) => tags.put_back(frame).and(verdict),
            _ => verdict,
        }
    }

    fn encap_walked<H: Headers, const N: usize, B: FrameBuf>(
        &self,
        frame: &mut B,
        stripped: usize,
        core: &mut EncapState,
    ) -> Verdict {
        let (total, meta) = (frame.total_len(), meta_of(frame).shifted(stripped));
        frame.push_header::<N, DropReason>(|room, head| {
            self.check_len(head, total)?;
            let inner = H::Inner::walk(head, total, core.flow_key)?;
            self.write::<H, Any, N>(room, head, &inner, total, meta, core)
        })?;
        if let Some(place) = frame.meta() {
            *place = meta;
        }
        meta_pushed(frame, N);
        Ok(())
    }

    /// Writes the headers, unless the checksum cannot be had.
    #[inline(always)]
    fn write<H: Headers, P: PatchPolicy, const N: usize>(
        &self,
        room: &mut [u8; N],
        head: &[u8],
        inner: &Inner,
        total: usize,
        meta: FrameMeta,
        core: &mut EncapState,
    ) -> Verdict {
        const { assert!(size_of::<H>() == N) };
        let patch = self.patch::<H::Inner, P>(inner, total, meta);
        let checksum = match P::SUMS {
            true => {
                self.udp_checksum::<H::Inner>(&patch, inner, head, total, meta, core.kernels)?
            }
            false => 0,
        };
        copy(room, self.stack());
        // The lengths are equal (asserted above), so this cannot fail; if it did, no bare template
        // may go out.
        let headers = H::mut_from_bytes(room).map_err(|_| DropReason::NoHeadroom)?;
        let (ip, udp, link) = headers.parts();
        ip.finish::<P>(self, core, &patch);
        udp.set_source_port_raw(patch.source_port);
        udp.set_datagram_len_raw(patch.udp_len);
        if P::SUMS {
            udp.set_checksum_raw(checksum);
        }
        link.finish(inner);
        Ok(())
    }

    /// What differs from the template.
    #[inline(always)]
    fn patch<X: InnerLink, P: PatchPolicy>(
        &self,
        inner: &Inner,
        total: usize,
        meta: FrameMeta,
    ) -> Patch {
        let behind = total.wrapping_add(X::LEN).wrapping_add(UdpHeader::LEN + VxlanHeader::LEN);
        #[allow(clippy::cast_possible_truncation, reason = "`max_len` lets pass what fits")]
        let udp_len = behind as u16;
        // What is not IP has no ECN field: as if it were Not-ECT.
        let inner_class = inner.ip.map_or(0, |ip| ip.traffic_class.0);
        let classes = u32::from_le_bytes(self.hot.classes);
        let mut patch = Patch {
            udp_len,
            source_port: self.hot.source_ports.port(meta.tx().flow_hash.unwrap_or(inner.hash)),
            class: TrafficClass(outer_bits(classes, inner_class)),
            ttl: 0,
            dont_fragment: false,
        };
        if P::INHERITS {
            self.inherit(&mut patch, inner.ip);
        }
        patch
    }

    #[inline(always)]
    fn inherit(&self, patch: &mut Patch, inner: Option<InnerIp>) {
        if self.policy.inherits_dscp {
            let dscp = inner.map_or(0, |ip| ip.traffic_class.0 & !0b11);
            patch.class = TrafficClass(patch.class.0 | dscp);
        }
        if self.policy.inherits_ttl {
            // A packet with no hops left goes nowhere, so 0 is not inherited (Linux
            // `vxlan_xmit_one`).
            patch.ttl = inner.map(|ip| ip.ttl).filter(|ttl| *ttl != 0).unwrap_or(64);
        }
        patch.dont_fragment = self.policy.inherits_df && inner.is_some_and(|ip| ip.dont_fragment);
    }

    /// The UDP checksum: over the headers and what follows VXLAN's.
    #[inline(always)]
    fn udp_checksum<X: InnerLink>(
        &self,
        patch: &Patch,
        inner: &Inner,
        head: &[u8],
        total: usize,
        meta: FrameMeta,
        kernels: &Kernels,
    ) -> Result<u16, DropReason> {
        if self.policy.udp_checksum == UdpChecksum::None {
            return Ok(0);
        }
        if meta.is_outer_nic() {
            return Ok((self.pseudo_sum() + patch.udp_len).folded());
        }
        let (behind, words) = self.inner_sum::<X>(head, total, meta, kernels)?;
        // The length is summed twice: in the pseudo-header and in the header (RFC 768).
        let lengths = u32::from(patch.udp_len) << 1;
        let headers = u32::from(self.udp_sum).wrapping_add(u32::from(patch.source_port));
        let words = headers.wrapping_add(lengths).wrapping_add(words);
        Ok((Sum::from_words(words) + X::sum(inner) + behind).udp_checksum())
    }

    /// The sum of the frame or packet, from its headers alone where that is allowed, and words that
    /// belong to it.
    #[inline(always)]
    fn inner_sum<X: InnerLink>(
        &self,
        head: &[u8],
        total: usize,
        meta: FrameMeta,
        kernels: &Kernels,
    ) -> Result<(Sum, u32), DropReason> {
        let partial = meta.partial();
        let vouched = self.policy.inner_checksum_valid || meta.is_inner_valid();
        if partial.is_some() || vouched && self.policy.udp_checksum == UdpChecksum::Lco {
            if let Some(sum) = lco::sum(head, total, X::LEN == 0, partial) {
                return Ok(sum);
            }
        }
        match (partial.is_some(), head.len() < total) {
            (true, _) => Err(DropReason::PartialChecksum),
            (false, true) => Err(DropReason::NotLinear),
            (false, false) => Ok((kernels.sum(head), 0)),
        }
    }

    /// Whether the lengths fit; tags that stay do not count for the MTU.
    fn check_len(&self, head: &[u8], total: usize) -> Verdict {
        let by_field = u16::MAX.saturating_sub(if self.remote().is_ipv4() { 36 } else { 16 });
        let link = if self.carries_packets() { EthernetHeader::LEN } else { 0 };
        if total.saturating_add(link) > usize::from(by_field) {
            return Err(DropReason::TooLong);
        }
        let tags = if self.carries_packets() { 0 } else { tags_len(head) };
        let is_within = total.saturating_sub(tags) <= usize::from(self.hot.max_len);
        if is_within { Ok(()) } else { Err(DropReason::TooBig) }
    }
}

/// Whether an Ethernet frame is VLAN-tagged.
#[inline]
fn has_tag(frame: &[u8]) -> bool {
    EthernetHeader::ref_from_prefix(frame).is_ok_and(|(header, _)| header.ethertype().is_vlan())
}

/// Returns the length of the VLAN tags after the MAC addresses of a frame.
fn tags_len(frame: &[u8]) -> usize {
    let (_, behind) = frame.split_at_checked(12).unwrap_or_default();
    let tags = behind.chunks_exact(4).take_while(|tag| {
        tag.first_chunk().is_some_and(|bytes| EtherType(u16::from_be_bytes(*bytes)).is_vlan())
    });
    let tags = tags.count().saturating_mul(4);
    // The EtherType after the last tag belongs to the frame: it has to be there.
    if behind.len() >= tags.saturating_add(2) { tags } else { tags.saturating_sub(4) }
}

type Macs = [u8; 12];

/// Tags that were taken off a frame, to be put back if the rest fails. The MAC addresses move over
/// them; what those left stays in the headroom as it was.
struct Tags {
    len: usize,
    /// What the MAC addresses cover.
    covered: Macs,
}

impl Tags {
    fn strip<B: FrameBuf>(frame: &mut B) -> Result<Self, DropReason> {
        let head = frame.bytes();
        let len = tags_len(head);
        let macs = head.first_chunk().copied().ok_or(DropReason::NotLinear)?;
        let covered = head.get(len..).and_then(|behind| behind.first_chunk().copied());
        let covered = covered.ok_or(DropReason::NotLinear)?;
        frame.pull_front(len)?;
        write_front(frame, macs);
        Ok(Self { len, covered })
    }

    fn put_back<B: FrameBuf>(self, frame: &mut B) -> Verdict {
        write_front(frame, self.covered);
        frame.push_front(self.len)
    }
}

fn write_front<B: FrameBuf>(frame: &mut B, macs: Macs) {
    if let Some(front) = frame.bytes_mut().first_chunk_mut() {
        *front = macs;
    }
}

/// Copies a whole stack. Compilers for x86-64 take three steps for 50 bytes; two that overlap are
/// enough.
#[inline(always)]
fn copy<const N: usize>(to: &mut [u8; N], from: &[u8; N]) {
    const STEP: usize = 32;
    if cfg!(not(target_arch = "x86_64")) || N < STEP || N > 2 * STEP {
        *to = *from;
        return;
    }
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<STEP>(), from.first_chunk()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<STEP>(), from.last_chunk()) {
        *to = *from;
    }
}
