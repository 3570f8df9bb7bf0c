//! Encap and decap for small programs: VXLAN over IPv4 in its plainest form, and no more.
//!
//! [`Tunnel::encap`] and [`Vtep::decap`] choose among all layouts and policies at run time, so that
//! all of them are in the program. Here the choice is made when the program is built. The bytes and
//! verdicts are the same, because the code is a part of theirs.
//!
//! # Examples
//!
//! ```
//! use vtep::buf::{ArrayFrame, FrameBuf};
//! use vtep::tunnel::minimal::{MinimalV4, decap_v4, encap_v4};
//! use vtep::tunnel::{Adjacency, EncapState, TunnelConfig, Vtep};
//! use vtep::wire::{MacAddr, Vni};
//!
//! let (local, remote) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
//! let (router, own) = (MacAddr::new([2, 0, 0, 0, 0, 1]), MacAddr::new([2, 0, 0, 0, 0, 2]));
//! let config = TunnelConfig::rfc7348(local, remote, Adjacency::new(router, own)).vni(Vni::new(7)?);
//! let tunnel = config.build()?;
//! let minimal = MinimalV4::new(&tunnel).expect("over IPv4, untagged, no UDP checksum");
//!
//! // An Ethernet frame with an IPv4 packet of 24 bytes.
//! let mut inner = [0; 38];
//! inner[12..18].copy_from_slice(&[8, 0, 0x45, 0, 0, 24]);
//! let mut frame = ArrayFrame::<128>::from_bytes_with_headroom(&inner, 50).unwrap();
//! encap_v4(minimal, &mut frame, &mut EncapState::predictable())?;
//! assert_eq!(frame.bytes().len(), 50 + 38);
//!
//! let info = decap_v4(&Vtep::rfc7348(), &mut frame)?;
//! assert_eq!((info.vni.value(), frame.bytes()), (7, &inner[..]));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

use super::decap::Received;
use super::encap::{Layout, PlainPolicy, Tunnel, V4};
use super::state::EncapState;
use super::vtep::{TunnelInfo, Vtep};
use crate::buf::{FrameBuf, meta_of};
use crate::verdict::{DropReason, Verdict};
use crate::wire::EtherType;

/// A [`Tunnel`] that puts Ethernet frames in VXLAN over IPv4, on an untagged underlay, inherits
/// nothing but ECN and computes no UDP checksum. See the [module](self) for an example.
#[derive(Clone, Copy, Debug)]
pub struct MinimalV4<'t>(&'t Tunnel);

impl<'t> MinimalV4<'t> {
    /// The longest frame by the outer IPv4 length field, which counts IPv4, UDP and VXLAN headers
    /// too.
    const MAX_LEN: usize = 65_535 - 36;

    /// Creates a view of a tunnel that needs no more than [`encap_v4`] does. Returns `None` over
    /// IPv6, with an outer VLAN tag, an [inner Ethernet
    /// header](super::TunnelConfig::inner_ethernet), an inherited TTL, DSCP or DF flag, or a UDP
    /// checksum.
    #[must_use]
    #[inline]
    pub const fn new(tunnel: &'t Tunnel) -> Option<Self> {
        if matches!(tunnel.hot.layout, Layout::PlainV4) { Some(Self(tunnel)) } else { None }
    }

    /// The tunnel.
    #[must_use]
    pub const fn tunnel(self) -> &'t Tunnel {
        self.0
    }
}

/// Encapsulates like [`Tunnel::encap`], but only frames that are untagged and hold IPv4 without
/// options and with at least four bytes of payload. Refuses all others as `NotIp`. See the
/// [module](self) for an example.
///
/// # Errors
/// `NoHeadroom`, `TooBig`, `TooLong`, `NotIp`: see [`DropReason`]. The frame is unchanged.
#[inline]
pub fn encap_v4<B: FrameBuf>(
    tunnel: MinimalV4<'_>,
    frame: &mut B,
    state: &mut EncapState,
) -> Verdict {
    tunnel.0.encap_fast::<V4, PlainPolicy, 50, B>(frame, state).map_err(|reason| {
        if let Some(reason) = reason {
            return reason;
        }
        let total = frame.total_len();
        match total > usize::from(tunnel.0.hot.max_len) {
            false => DropReason::NotIp,
            true if total > MinimalV4::MAX_LEN => DropReason::TooLong,
            true => DropReason::TooBig,
        }
    })
}

/// Decapsulates like [`Vtep::decap`], but only untagged IPv4 outer frames. Refuses all others as
/// `NotVxlan`. See the [module](self) for an example.
///
/// # Errors
/// Those of [`Vtep::decap`]. If the VTEP requires [one outer tag](super::OuterTag::One), every
/// frame is refused as `OuterVlan`.
#[inline]
pub fn decap_v4<B: FrameBuf>(vtep: &Vtep<'_>, frame: &mut B) -> Result<TunnelInfo, DropReason> {
    let rx = meta_of(frame).rx();
    let decap = match Received::new(frame.bytes(), frame.total_len(), rx)? {
        (EtherType::IPV4, _) if vtep.needs_tag() => return Err(DropReason::OuterVlan),
        (EtherType::IPV4, received) => vtep.inspect_v4(received)?,
        _ => return Err(DropReason::NotVxlan),
    };
    decap.apply(frame)?;
    Ok(decap.info())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buf::ArrayFrame;
    use crate::tunnel::{Adjacency, Df, OuterDscp, OuterTag, Ttl, TunnelConfig, UdpChecksum};
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
    fn minimal_v4_is_none_of_a_tunnel_that_needs_more() {
        let plain = config("192.0.2.1", "192.0.2.2");
        assert!(MinimalV4::new(&plain.build().unwrap()).is_some());
        let tagged = Adjacency::new(A, B).tagged(tag());
        for config in [
            config("2001:db8::1", "2001:db8::2"),
            plain.clone().ttl(Ttl::Inherit),
            plain.clone().dscp(OuterDscp::Inherit),
            plain.clone().df(Df::Inherit),
            plain.clone().udp_checksum(UdpChecksum::Full),
            plain.clone().inner_ethernet(A, B),
            TunnelConfig::rfc7348([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), tagged),
        ] {
            assert!(MinimalV4::new(&config.build().unwrap()).is_none());
        }
    }

    #[test]
    fn encap_v4_writes_what_encap_does_and_refuses_other_frames() {
        let tunnel = config("192.0.2.1", "192.0.2.2").build().unwrap();
        let plain = MinimalV4::new(&tunnel).unwrap();
        let (mut one, mut two) = (EncapState::predictable(), EncapState::predictable());
        let mut short = frame(&EthernetBuilder::new(A, B, ipv4()));
        let mut same = short.clone();
        assert_eq!(encap_v4(plain, &mut short, &mut one), tunnel.encap(&mut same, &mut two));
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
            assert_eq!(encap_v4(plain, &mut other, &mut one), Err(DropReason::NotIp));
            assert_eq!(other.bytes(), before.bytes());
        }
        let mut long = std::boxed::Box::new(
            ArrayFrame::<66_000>::from_bytes_with_headroom(&[0; 65_500], 80).unwrap(),
        );
        assert_eq!(encap_v4(plain, &mut *long, &mut one), Err(DropReason::TooLong));
        let small = config("192.0.2.1", "192.0.2.2").mtu(31).build().unwrap();
        let mut long = frame(&EthernetBuilder::new(A, B, ipv4()));
        let refused = encap_v4(MinimalV4::new(&small).unwrap(), &mut long, &mut one);
        assert_eq!(refused, Err(DropReason::TooBig));
    }

    #[test]
    fn decap_v4_agrees_with_decap_on_untagged_ipv4() {
        let tunnel = config("192.0.2.1", "192.0.2.2").build().unwrap();
        let mut packet = frame(&EthernetBuilder::new(A, B, ipv4()));
        tunnel.encap(&mut packet, &mut EncapState::predictable()).unwrap();
        let vtep = Vtep::rfc7348();
        for len in 0..=packet.total_len() {
            let mut one = packet.clone();
            one.truncate(len);
            let mut two = one.clone();
            assert_eq!(decap_v4(&vtep, &mut one), vtep.decap(&mut two));
            assert_eq!(one.bytes(), two.bytes());
        }
        let tagged = vtep.outer_tag(OuterTag::One(tag().id()));
        assert_eq!(decap_v4(&tagged, &mut packet), Err(DropReason::OuterVlan));
        let mut over_v6 = frame(&EthernetBuilder::new(A, B, ipv4()));
        config("2001:db8::1", "2001:db8::2")
            .build()
            .unwrap()
            .encap(&mut over_v6, &mut EncapState::predictable())
            .unwrap();
        assert_eq!(decap_v4(&vtep, &mut over_v6), Err(DropReason::NotVxlan));
    }
}
