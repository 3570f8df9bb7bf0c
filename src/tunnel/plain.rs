//! Encap and decap for small programs: what the plainest tunnel over IPv4 needs, and no more.
//!
//! [`Tunnel::encap`] and [`Vtep::decap`] choose among all layouts when they run, so that all of them are in
//! the program. What is chosen here is chosen when the program is built. It is the same code: a part of it.

use super::decap::Received;
use super::encap::V4;
use super::stack::Plain;
use super::template::{EncapState, Layout, Tunnel};
use super::vtep::{TunnelInfo, Vtep};
use crate::buf::{FrameBuf, meta_of};
use crate::verdict::{DropReason, Verdict};
use crate::wire::EtherType;

/// A [`Tunnel`] that puts Ethernet frames in VXLAN over IPv4, on an untagged underlay, inherits nothing but
/// ECN and computes no UDP checksum: see [`Tunnel::plain_v4`].
#[derive(Clone, Copy, Debug)]
pub struct PlainV4<'t>(&'t Tunnel);

impl Tunnel {
    /// This tunnel, if it is as plain as that: `None` over IPv6, with an outer VLAN tag, an
    /// [inner Ethernet header](super::TunnelConfig::inner_ethernet), an inherited TTL, DSCP or DF flag, or a UDP
    /// checksum.
    #[must_use]
    #[inline]
    pub const fn plain_v4(&self) -> Option<PlainV4<'_>> {
        if matches!(self.hot.layout, Layout::PlainV4) { Some(PlainV4(self)) } else { None }
    }
}

impl<'t> PlainV4<'t> {
    /// The longest frame by the outer IPv4 length field, which counts IPv4, UDP and VXLAN headers too.
    const MOST: usize = 65_535 - 36;

    /// The tunnel.
    #[must_use]
    pub const fn tunnel(self) -> &'t Tunnel {
        self.0
    }

    /// What [`Tunnel::encap`] does with a frame that is untagged and holds IPv4 without options and with at
    /// least four bytes of payload. Every other is `NotIp`.
    ///
    /// # Errors
    /// `NoHeadroom`, `TooBig`, `TooLong`, `NotIp`: see [`DropReason`]. The frame is as it was then.
    #[inline]
    pub fn encap<B: FrameBuf>(self, frame: &mut B, core: &mut EncapState) -> Verdict {
        self.0.encap_fast::<V4, Plain, 50, B>(frame, core).map_err(|reason| {
            if let Some(reason) = reason {
                return reason;
            }
            let total = frame.total_len();
            match total > usize::from(self.0.hot.max_len) {
                false => DropReason::NotIp,
                true if total > Self::MOST => DropReason::TooLong,
                true => DropReason::TooBig,
            }
        })
    }
}

impl Vtep<'_> {
    /// What [`decap`](Self::decap) does with an untagged frame of IPv4. Every other is `NotVxlan`.
    ///
    /// # Errors
    /// As there. A VTEP that asks for [one tag](super::OuterTag::One) gets no frame: they are `OuterVlan`.
    #[inline]
    pub fn decap_v4<B: FrameBuf>(&self, frame: &mut B) -> Result<TunnelInfo, DropReason> {
        let rx = meta_of(frame).rx();
        let decap = match Received::new(frame.bytes(), frame.total_len(), rx)? {
            (EtherType::IPV4, _) if self.needs_tag() => return Err(DropReason::OuterVlan),
            (EtherType::IPV4, received) => self.inspect_v4(received)?,
            _ => return Err(DropReason::NotVxlan),
        };
        decap.apply(frame)?;
        Ok(decap.info())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buf::ArrayFrame;
    use crate::tunnel::{Adjacency, Df, OuterTag, Tos, Ttl, TunnelConfig, UdpChecksum};
    use crate::wire::{
        Build, EthernetBuilder, Ipv4Builder, Ipv6Builder, MacAddr, UdpBuilder, VlanBuilder, VlanId,
        VlanTag,
    };

    type Packet = ArrayFrame<256>;

    const A: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 0xa]);
    const B: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 0xb]);

    fn frame(packet: &impl Build) -> Packet {
        let mut bytes = [0; 128];
        Packet::from_bytes_with_headroom(packet.build(&mut bytes).unwrap(), 80).unwrap()
    }

    fn ipv4() -> Ipv4Builder<UdpBuilder<&'static [u8]>> {
        let udp = UdpBuilder::new(1234, 53, &b"ping"[..]);
        Ipv4Builder::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), udp)
    }

    fn tag() -> VlanTag {
        VlanTag::customer(VlanId::new(5).unwrap())
    }

    fn config(local: &str, remote: &str) -> TunnelConfig {
        TunnelConfig::rfc7348(local.parse().unwrap(), remote.parse().unwrap(), Adjacency::new(A, B))
    }

    #[test]
    fn only_the_plainest_tunnel_is_plain() {
        let plain = config("192.0.2.1", "192.0.2.2");
        assert!(plain.build().unwrap().plain_v4().is_some());
        let tagged = Adjacency::new(A, B).tagged(tag());
        for config in [
            config("2001:db8::1", "2001:db8::2"),
            plain.clone().ttl(Ttl::Inherit),
            plain.clone().tos(Tos::Inherit),
            plain.clone().df(Df::Inherit),
            plain.clone().udp_checksum(UdpChecksum::Full),
            plain.clone().inner_ethernet(A, B),
            TunnelConfig::rfc7348([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), tagged),
        ] {
            assert!(config.build().unwrap().plain_v4().is_none());
        }
    }

    #[test]
    fn a_plain_frame_gets_the_same_bytes_and_another_is_refused() {
        let tunnel = config("192.0.2.1", "192.0.2.2").build().unwrap();
        let plain = tunnel.plain_v4().unwrap();
        let (mut one, mut two) = (EncapState::predictable(), EncapState::predictable());
        let mut short = frame(&EthernetBuilder::new(A, B, ipv4()));
        let mut same = short.clone();
        assert_eq!(plain.encap(&mut short, &mut one), tunnel.encap(&mut same, &mut two));
        assert_eq!(short.bytes(), same.bytes());
        let udp = UdpBuilder::new(1234, 53, &b"ping"[..]);
        let ipv6 =
            Ipv6Builder::new(core::net::Ipv6Addr::LOCALHOST, core::net::Ipv6Addr::LOCALHOST, udp);
        for mut other in [
            frame(&EthernetBuilder::new(A, B, VlanBuilder::new(tag(), ipv4()))),
            frame(&EthernetBuilder::new(A, B, ipv6)),
            Packet::from_bytes_with_headroom(&[0; 13], 80).unwrap(),
        ] {
            let before = other.clone();
            assert_eq!(plain.encap(&mut other, &mut one), Err(DropReason::NotIp));
            assert_eq!(other.bytes(), before.bytes());
        }
        let mut long = std::boxed::Box::new(
            ArrayFrame::<66_000>::from_bytes_with_headroom(&[0; 65_500], 80).unwrap(),
        );
        assert_eq!(plain.encap(&mut *long, &mut one), Err(DropReason::TooLong));
        let small = config("192.0.2.1", "192.0.2.2").mtu(31).build().unwrap();
        let mut long = frame(&EthernetBuilder::new(A, B, ipv4()));
        let refused = small.plain_v4().unwrap().encap(&mut long, &mut one);
        assert_eq!(refused, Err(DropReason::TooBig));
    }

    #[test]
    fn an_untagged_frame_of_ipv4_is_decapsulated_alike() {
        let tunnel = config("192.0.2.1", "192.0.2.2").build().unwrap();
        let mut packet = frame(&EthernetBuilder::new(A, B, ipv4()));
        tunnel.encap(&mut packet, &mut EncapState::predictable()).unwrap();
        let vtep = Vtep::rfc7348();
        for len in 0..=packet.total_len() {
            let mut one = packet.clone();
            one.truncate(len);
            let mut two = one.clone();
            assert_eq!(vtep.decap_v4(&mut one), vtep.decap(&mut two));
            assert_eq!(one.bytes(), two.bytes());
        }
        let tagged = vtep.outer_tag(OuterTag::One(tag().id()));
        assert_eq!(tagged.decap_v4(&mut packet), Err(DropReason::OuterVlan));
        let mut over_v6 = frame(&EthernetBuilder::new(A, B, ipv4()));
        config("2001:db8::1", "2001:db8::2")
            .build()
            .unwrap()
            .encap(&mut over_v6, &mut EncapState::predictable())
            .unwrap();
        assert_eq!(vtep.decap_v4(&mut over_v6), Err(DropReason::NotVxlan));
    }
}
