//! Encap: the tunnel's stack goes in front of a frame, patched with what the frame implies.
//!
//! One body serves every layout; the compiler makes one copy of it for each. All that can fail is computed
//! before the first byte is written.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::FlowKey;
use super::config::UdpChecksum;
use super::ecn::outer_bits;
use super::inner::{Inner, InnerIp};
use super::lco;
use super::template::{Absent, Core, Layout, Stack, TaggedEthernet, Tunnel};
use crate::arch::Kernels;
use crate::buf::{FrameBuf, InnerChecksum, OuterChecksum, TxMeta};
use crate::checksum::{Sum, fold_u32};
use crate::verdict::{DropReason, Verdict};
use crate::wire::{
    EtherType, EthernetHeader, Ipv4Flags, Ipv4Header, Ipv6Header, TrafficClass, UdpHeader,
    VxlanHeader,
};

impl Tunnel {
    /// Puts the tunnel's headers in front of `frame`: an Ethernet frame, or an IP packet where the tunnel
    /// [carries packets](Self::carries_packets).
    ///
    /// # Errors
    /// `NoHeadroom`, `TooBig`, `TooLong`, `InnerTruncated`, `NotIp`, `NotLinear`, `PartialChecksum`: see
    /// [`DropReason`]. The frame is as it was then.
    #[inline]
    pub fn encap<B: FrameBuf>(&self, frame: &mut B, core: &mut Core) -> Verdict {
        self.encap_inline(frame, core)
    }

    /// The same, for loops that are compiled for more than the target's processor.
    #[inline(always)]
    pub(crate) fn encap_inline<B: FrameBuf>(&self, frame: &mut B, core: &mut Core) -> Verdict {
        type Eth = EthernetHeader;
        match self.hot.layout {
            Layout::PlainV4 => self.encap_as::<Eth, Ipv4Header, Absent, 50, true, B>(frame, core),
            Layout::PlainV4Ip => self.encap_as::<Eth, Ipv4Header, Eth, 64, true, B>(frame, core),
            _ => self.encap_general(frame, core),
        }
    }

    /// The layouts that are not plain IPv4, out of the way of those that are.
    #[inline(never)]
    fn encap_general<B: FrameBuf>(&self, frame: &mut B, core: &mut Core) -> Verdict {
        type Eth = EthernetHeader;
        type Tag = TaggedEthernet;
        match self.hot.layout {
            Layout::V4 | Layout::PlainV4 => {
                self.encap_as::<Eth, Ipv4Header, Absent, 50, false, B>(frame, core)
            }
            Layout::V4Ip | Layout::PlainV4Ip => {
                self.encap_as::<Eth, Ipv4Header, Eth, 64, false, B>(frame, core)
            }
            Layout::PlainV6 => self.encap_as::<Eth, Ipv6Header, Absent, 70, true, B>(frame, core),
            Layout::PlainV6Ip => self.encap_as::<Eth, Ipv6Header, Eth, 84, true, B>(frame, core),
            Layout::V6 => self.encap_as::<Eth, Ipv6Header, Absent, 70, false, B>(frame, core),
            Layout::V6Ip => self.encap_as::<Eth, Ipv6Header, Eth, 84, false, B>(frame, core),
            Layout::TaggedV4 => self.encap_as::<Tag, Ipv4Header, Absent, 54, false, B>(frame, core),
            Layout::TaggedV4Ip => self.encap_as::<Tag, Ipv4Header, Eth, 68, false, B>(frame, core),
            Layout::TaggedV6 => self.encap_as::<Tag, Ipv6Header, Absent, 74, false, B>(frame, core),
            Layout::TaggedV6Ip => self.encap_as::<Tag, Ipv6Header, Eth, 88, false, B>(frame, core),
        }
    }

    /// `PLAIN` leaves out what no plain layout has.
    #[inline(always)]
    fn encap_as<L, I, X, const N: usize, const PLAIN: bool, B>(
        &self,
        frame: &mut B,
        core: &mut Core,
    ) -> Verdict
    where
        Stack<L, I, X>: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned,
        I: OuterIp,
        X: InnerLink,
        B: FrameBuf,
    {
        match self.encap_usual::<L, I, X, N, PLAIN, B>(frame, core) {
            Some(verdict) => verdict,
            None => self.encap_unusual::<L, I, X, N, PLAIN, B>(frame, core),
        }
    }

    /// The body, for the usual inner packet. `None`, and nothing done, for another and for one that may be too long.
    #[inline(always)]
    pub(super) fn encap_usual<L, I, X, const N: usize, const PLAIN: bool, B>(
        &self,
        frame: &mut B,
        core: &mut Core,
    ) -> Option<Verdict>
    where
        Stack<L, I, X>: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned,
        I: OuterIp,
        X: InnerLink,
        B: FrameBuf,
    {
        let (total, tx) = (frame.total_len(), frame.tx());
        let Some((room, head)) = frame.headroom::<N>() else {
            return Some(Err(DropReason::NoHeadroom));
        };
        let inner = X::look(head, core.flow_key)?;
        if total > usize::from(self.hot.max_len) {
            return None;
        }
        let patch = self.patch::<X, PLAIN>(&inner, total, tx);
        let checksum = match PLAIN {
            true => Ok(0),
            false => self.udp_checksum::<X>(&patch, &inner, head, total, tx, core.kernels),
        };
        match checksum {
            Ok(checksum) => {
                self.put::<L, I, X, N, PLAIN>(room, &inner, &patch, checksum, core);
            }
            Err(reason) => return Some(Err(reason)),
        }
        Some(frame.push_front(N))
    }

    /// The same for an inner packet that has to be walked, or rid of its tags.
    #[cold]
    #[inline(never)]
    fn encap_unusual<L, I, X, const N: usize, const PLAIN: bool, B>(
        &self,
        frame: &mut B,
        core: &mut Core,
    ) -> Verdict
    where
        Stack<L, I, X>: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned,
        I: OuterIp,
        X: InnerLink,
        B: FrameBuf,
    {
        let is_stripped = self.policy.strips_vlan && has_tag(frame.bytes());
        let tags = if is_stripped { Some(Tags::strip(frame)?) } else { None };
        let verdict = self.encap_walked::<L, I, X, N, PLAIN, B>(frame, core);
        match (verdict, tags) {
            (Err(_), Some(tags)) => tags.put_back(frame).and(verdict),
            _ => verdict,
        }
    }

    fn encap_walked<L, I, X, const N: usize, const PLAIN: bool, B>(
        &self,
        frame: &mut B,
        core: &mut Core,
    ) -> Verdict
    where
        Stack<L, I, X>: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned,
        I: OuterIp,
        X: InnerLink,
        B: FrameBuf,
    {
        let (total, tx) = (frame.total_len(), frame.tx());
        let (room, head) = frame.headroom::<N>().ok_or(DropReason::NoHeadroom)?;
        self.check_len(head, total)?;
        let inner = X::walk(head, total, core.flow_key)?;
        let patch = self.patch::<X, PLAIN>(&inner, total, tx);
        let checksum = self.udp_checksum::<X>(&patch, &inner, head, total, tx, core.kernels)?;
        self.put::<L, I, X, N, PLAIN>(room, &inner, &patch, checksum, core);
        frame.push_front(N)
    }

    /// Writes the headers.
    #[inline(always)]
    fn put<L, I, X, const N: usize, const PLAIN: bool>(
        &self,
        room: &mut [u8; N],
        inner: &Inner,
        patch: &Patch,
        checksum: u16,
        core: &mut Core,
    ) where
        Stack<L, I, X>: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned,
        I: OuterIp,
        X: InnerLink,
    {
        const { assert!(size_of::<Stack<L, I, X>>() == N) };
        let template = self.stack();
        *room = *template;
        let Ok(template) = Stack::<L, I, X>::ref_from_bytes(template) else { return };
        if let Ok(stack) = Stack::<L, I, X>::mut_from_bytes(room) {
            stack.ip.finish::<PLAIN>(&template.ip, self, core, patch);
            stack.udp.set_source_port_raw(patch.source_port);
            stack.udp.set_length_raw(patch.udp_len);
            if !PLAIN {
                stack.udp.set_checksum_raw(checksum);
            }
            stack.inner.finish(inner);
        }
    }

    /// What differs from the template.
    #[inline(always)]
    fn patch<X: InnerLink, const PLAIN: bool>(
        &self,
        inner: &Inner,
        total: usize,
        tx: TxMeta,
    ) -> Patch {
        let behind = total.wrapping_add(X::LEN).wrapping_add(UdpHeader::LEN + VxlanHeader::LEN);
        #[allow(clippy::cast_possible_truncation, reason = "`max_len` lets pass what fits")]
        let udp_len = behind as u16;
        let mut patch = Patch {
            udp_len,
            source_port: self.hot.source_ports.port(tx.flow_hash.unwrap_or(inner.hash)),
            class: TrafficClass(0),
            ttl: 0,
            dont_fragment: false,
        };
        if let Some(ip) = inner.ip {
            patch.class = TrafficClass(outer_bits(self.hot.ecn, ip.traffic_class.0));
        }
        if !PLAIN {
            self.inherit(&mut patch, inner.ip);
        }
        patch
    }

    #[inline(always)]
    fn inherit(&self, patch: &mut Patch, inner: Option<InnerIp>) {
        if self.policy.inherits_tos {
            let dscp = inner.map_or(0, |ip| ip.traffic_class.0 & !0b11);
            patch.class = TrafficClass(patch.class.0 | dscp);
        }
        if self.policy.inherits_ttl {
            // A packet with no hops left goes nowhere, so 0 is not inherited (Linux `vxlan_xmit_one`).
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
        tx: TxMeta,
        kernels: &Kernels,
    ) -> Result<u16, DropReason> {
        if self.policy.udp_checksum == UdpChecksum::None {
            return Ok(0);
        }
        if tx.outer_checksum == OuterChecksum::Nic {
            return Ok((self.pseudo_sum() + patch.udp_len).folded());
        }
        let inner = X::sum(inner) + self.inner_sum::<X>(head, total, tx, kernels)?;
        // The length is summed twice: in the pseudo-header and in the header (RFC 768).
        let lengths = u32::from(patch.udp_len) << 1;
        let headers = u32::from(self.hot.udp_sum).wrapping_add(u32::from(patch.source_port));
        Ok((Sum::from_words(headers.wrapping_add(lengths)) + inner).udp_checksum())
    }

    /// The sum of the frame or packet, from its headers alone where that is allowed.
    #[inline(always)]
    fn inner_sum<X: InnerLink>(
        &self,
        head: &[u8],
        total: usize,
        tx: TxMeta,
        kernels: &Kernels,
    ) -> Result<Sum, DropReason> {
        let promise = tx.inner_checksum;
        let partial = promise == InnerChecksum::Partial;
        let vouched = self.policy.inner_checksum_valid || promise == InnerChecksum::Valid;
        if partial || vouched && self.policy.udp_checksum == UdpChecksum::Lco {
            if let Some(sum) = lco::sum(head, total, X::LEN == 0, partial) {
                return Ok(sum);
            }
        }
        match (partial, head.len() < total) {
            (true, _) => Err(DropReason::PartialChecksum),
            (false, true) => Err(DropReason::NotLinear),
            (false, false) => Ok(kernels.sum(head)),
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

/// What one packet's outer headers have beside the template.
pub(super) struct Patch {
    udp_len: u16,
    source_port: u16,
    /// ECN, and DSCP where it is inherited.
    class: TrafficClass,
    /// 0 where it is fixed.
    ttl: u8,
    dont_fragment: bool,
}

/// The outer IP header of a layout.
pub(super) trait OuterIp {
    /// Patches itself, a copy of `template`.
    fn finish<const PLAIN: bool>(
        &mut self,
        template: &Self,
        tunnel: &Tunnel,
        core: &mut Core,
        patch: &Patch,
    );
}

impl OuterIp for Ipv4Header {
    #[inline(always)]
    fn finish<const PLAIN: bool>(
        &mut self,
        template: &Self,
        tunnel: &Tunnel,
        core: &mut Core,
        patch: &Patch,
    ) {
        let total_len = patch.udp_len.wrapping_add(20);
        self.set_total_len_raw(total_len);
        self.set_traffic_class_raw(TrafficClass(template.traffic_class().0 | patch.class.0));
        // The template has zeros where a value is added: the sum grows by what is written.
        let mut sum = u32::from(tunnel.hot.ip_sum);
        let mut add = |word: u16| sum = sum.wrapping_add(u32::from(word));
        add(total_len);
        add(u16::from(patch.class.0));
        if !PLAIN {
            if patch.dont_fragment {
                self.set_flags_raw(Ipv4Flags::DONT_FRAGMENT);
                add(Ipv4Flags::DONT_FRAGMENT.bits());
            }
            if tunnel.policy.inherits_ttl {
                self.set_ttl_raw(patch.ttl);
                add(u16::from_be_bytes([patch.ttl, 0]));
            }
        }
        let is_atomic = !PLAIN && patch.dont_fragment && tunnel.policy.zero_atomic_id;
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
    fn finish<const PLAIN: bool>(
        &mut self,
        template: &Self,
        tunnel: &Tunnel,
        _: &mut Core,
        patch: &Patch,
    ) {
        self.set_payload_len(patch.udp_len);
        self.set_traffic_class(TrafficClass(template.traffic_class().0 | patch.class.0));
        if !PLAIN && tunnel.policy.inherits_ttl {
            self.set_hop_limit(patch.ttl);
        }
    }
}

/// The inner Ethernet header of a layout: in the frame already, or the tunnel's.
pub(super) trait InnerLink {
    /// The bytes that it adds.
    const LEN: usize;
    /// The usual packet.
    fn look(head: &[u8], key: FlowKey) -> Option<Inner>;
    /// Any packet.
    fn walk(head: &[u8], total: usize, key: FlowKey) -> Result<Inner, DropReason>;
    fn finish(&mut self, inner: &Inner);
    /// The sum of what `finish` writes.
    fn sum(inner: &Inner) -> Sum;
}

impl InnerLink for Absent {
    const LEN: usize = 0;

    #[inline]
    fn look(head: &[u8], key: FlowKey) -> Option<Inner> {
        Inner::of_usual_frame(head, key)
    }

    fn walk(head: &[u8], total: usize, key: FlowKey) -> Result<Inner, DropReason> {
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
    fn look(head: &[u8], key: FlowKey) -> Option<Inner> {
        Inner::of_usual_packet(head, key)
    }

    fn walk(head: &[u8], total: usize, key: FlowKey) -> Result<Inner, DropReason> {
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

/// Whether an Ethernet frame is VLAN-tagged.
#[inline]
fn has_tag(frame: &[u8]) -> bool {
    EthernetHeader::ref_from_prefix(frame).is_ok_and(|(header, _)| header.ethertype().is_vlan())
}

/// How many bytes of VLAN tags stand behind the MAC addresses of a frame.
fn tags_len(frame: &[u8]) -> usize {
    let (_, behind) = frame.split_at_checked(12).unwrap_or_default();
    let tags = behind.chunks_exact(4).take_while(|tag| {
        tag.first_chunk().is_some_and(|bytes| EtherType(u16::from_be_bytes(*bytes)).is_vlan())
    });
    let tags = tags.count().saturating_mul(4);
    // The EtherType behind the last tag belongs to the frame: it has to be there.
    if behind.len() >= tags.saturating_add(2) { tags } else { tags.saturating_sub(4) }
}

type Macs = [u8; 12];

/// Tags that were taken off a frame, to be put back if the rest fails. The MAC addresses move over them;
/// what those left stays in the headroom as it was.
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
