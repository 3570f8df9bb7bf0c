//! Tunnels and VTEPs in every configuration.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use arbitrary::{Arbitrary, Error, Result, Unstructured};

use crate::tunnel::{
    Adjacency, Df, DscpModel, EcnEncap, InnerVlanRx, InnerVlanTx, IpId, OuterDscp, OuterTag,
    ReservedBits, SourcePorts, Ttl, TunnelConfig, UdpChecksum, UdpChecksumPolicy, Vtep,
};
use crate::wire::MacAddr;

impl<'a> Arbitrary<'a> for SourcePorts {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (one, other): (u16, u16) = u.arbitrary()?;
        Self::inclusive(one.min(other), one.max(other)).map_err(|_| Error::IncorrectFormat)
    }
}

impl<'a> Arbitrary<'a> for Adjacency {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self { destination: u.arbitrary()?, source: u.arbitrary()?, tag: u.arbitrary()? })
    }
}

/// A configuration that [`build`](TunnelConfig::build)s.
impl<'a> Arbitrary<'a> for TunnelConfig {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let is_v4 = u.arbitrary()?;
        let [local, remote] = [address(u, is_v4)?, address(u, is_v4)?];
        let adjacency = u.arbitrary()?;
        let profile = if u.arbitrary()? { Self::linux } else { Self::rfc7348 };
        let mut config = profile(local, remote, adjacency).vni(u.arbitrary()?);
        if u.arbitrary()? {
            config = policies(config, u)?;
        }
        if let Some((destination, source)) = u.arbitrary::<Option<(MacAddr, MacAddr)>>()? {
            config = config.inner_ethernet(destination, source);
        }
        Ok(config)
    }
}

fn address(u: &mut Unstructured<'_>, is_v4: bool) -> Result<IpAddr> {
    Ok(if is_v4 {
        let address: Ipv4Addr = u.arbitrary()?;
        IpAddr::V4(if address.is_unspecified() { Ipv4Addr::LOCALHOST } else { address })
    } else {
        let address: Ipv6Addr = u.arbitrary()?;
        IpAddr::V6(if address.is_unspecified() { Ipv6Addr::LOCALHOST } else { address })
    })
}

fn policies(config: TunnelConfig, u: &mut Unstructured<'_>) -> Result<TunnelConfig> {
    let ecn = [EcnEncap::Normal, EcnEncap::Compatibility, EcnEncap::Linux];
    let checksums = [UdpChecksum::None, UdpChecksum::Full, UdpChecksum::Lco];
    let ids = [IpId::Rfc6864, IpId::Counter, IpId::Fixed(u.arbitrary()?)];
    let config = config
        .port(u.arbitrary()?)
        .source_ports(u.arbitrary()?)
        .ttl(u.arbitrary::<Option<u8>>()?.map_or(Ttl::Inherit, Ttl::Fixed))
        .dscp(u.arbitrary::<Option<_>>()?.map_or(OuterDscp::Inherit, OuterDscp::Fixed))
        .df(*u.choose(&[Df::Unset, Df::Set, Df::Inherit])?)
        .ip_id(*u.choose(&ids)?)
        .ecn(*u.choose(&ecn)?)
        .flow_label(u.arbitrary()?)
        .udp_checksum(*u.choose(&checksums)?)
        .zero_checksum_v6(true)
        .inner_vlan(if u.arbitrary()? { InnerVlanTx::Keep } else { InnerVlanTx::Strip })
        .gbp(u.arbitrary()?);
    Ok(match u.arbitrary::<Option<u16>>()? {
        Some(mtu) => config.mtu(mtu),
        None => config,
    })
}

impl<'a> Arbitrary<'a> for Vtep<'static> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let vtep = if u.arbitrary()? { Self::linux() } else { Self::rfc7348() };
        let tags = [InnerVlanRx::Keep, InnerVlanRx::Opaque, InnerVlanRx::Discard];
        let outer = [OuterTag::Untagged, OuterTag::Any, OuterTag::One(u.arbitrary()?)];
        let policies = [UdpChecksumPolicy::Verify, UdpChecksumPolicy::Accept];
        let vtep = vtep
            .gbp(u.arbitrary()?)
            .zero_checksum_v6(u.arbitrary()?)
            .dscp_model(if u.arbitrary()? { DscpModel::Uniform } else { DscpModel::Pipe })
            .inner_vlan(*u.choose(&tags)?)
            .outer_tag(*u.choose(&outer)?)
            .udp_checksum(*u.choose(&policies)?)
            .reserved_bits(if u.arbitrary()? {
                ReservedBits::Reject
            } else {
                ReservedBits::Ignore
            });
        let vtep = u.arbitrary::<Option<_>>()?.map_or(vtep, |mac| vtep.own_mac(mac));
        let vtep = u.arbitrary::<Option<_>>()?.map_or(vtep, |vni| vtep.vni(vni));
        Ok(u.arbitrary::<Option<_>>()?.map_or(vtep, |port| vtep.port(port)))
    }
}
