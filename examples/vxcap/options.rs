//! The options of `vxcap encap`, and the tunnel that they describe.

use std::fmt::Display;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use vtep::tunnel::{
    Adjacency, Df, EmptyPortRange, InnerVlanTx, IpId, OuterDscp, SourcePorts, Ttl, Tunnel,
    TunnelConfig, UdpChecksum,
};
use vtep::wire::{FlowLabel, Gbp, MacAddr, TrafficClass, Vni};

use crate::failure::Failure;

#[derive(Debug, Args)]
pub struct Encap {
    /// The capture to read, `-` for standard input
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// The pcap file to write, `-` for standard output: the counts then go to standard error
    #[arg(value_name = "OUT")]
    pub output: PathBuf,
    /// This end's address
    #[arg(long, value_name = "A")]
    local: IpAddr,
    /// The far end's address
    #[arg(long, value_name = "B")]
    remote: IpAddr,
    /// The network identifier
    #[arg(long, value_name = "N", value_parser = vni)]
    vni: Vni,
    /// The outer destination port [default: 4789; linux: 8472]
    #[arg(long, value_name = "P")]
    port: Option<u16>,
    /// Whose defaults the other options have
    #[arg(long, value_enum, default_value_t = Profile::Rfc7348)]
    profile: Profile,
    /// The outer source MAC
    #[arg(long, value_name = "M", default_value_t = MacAddr::new([2, 0, 0, 0, 0, 1]))]
    src_mac: MacAddr,
    /// The outer destination MAC
    #[arg(long, value_name = "M", default_value_t = MacAddr::new([2, 0, 0, 0, 0, 2]))]
    dst_mac: MacAddr,
    /// The outer UDP checksum: none, full, or lco, which trusts that every inner checksum is right
    /// [default: none, over IPv6 full; linux: full]
    #[arg(long, value_name = "HOW", value_parser = udp_checksum())]
    udp_checksum: Option<UdpChecksum>,
    /// The outer TTL or hop limit, or inherit [default: 64]
    #[arg(long, value_name = "N", value_parser = ttl)]
    ttl: Option<Ttl>,
    /// The outer TOS or traffic class, or inherit; its ECN bits are not used, they follow the inner
    /// packet [default: 0]
    #[arg(long, value_name = "N", value_parser = tos)]
    tos: Option<OuterDscp>,
    /// The outer DF flag: unset, set or inherit [default: set; linux: unset]
    #[arg(long, value_name = "HOW", value_parser = df())]
    df: Option<Df>,
    /// The outer source ports, B included; under linux it is not [default: 49152-65535; linux:
    /// 32768-60999]
    #[arg(long, value_name = "A-B", value_parser = port_range)]
    srcport: Option<(u16, u16)>,
    /// One IPv4 identification for all packets [default: 0 with DF set, else counted; linux: counted]
    #[arg(long, value_name = "N", value_parser = number::<u16>)]
    ip_id: Option<u16>,
    /// The IPv6 flow label [default: 0]
    #[arg(long, value_name = "N", value_parser = flow_label)]
    flow_label: Option<FlowLabel>,
    /// A group policy as a Linux packet mark: the group in 16 bits, 400000 don't learn, 80000 applied
    #[arg(long, value_name = "HEX", value_parser = gbp)]
    gbp: Option<Gbp>,
    /// What becomes of inner VLAN tags: keep or strip [default: strip; linux: keep]
    #[arg(long, value_name = "HOW", value_parser = inner_vlan())]
    inner_vlan: Option<InnerVlanTx>,
    /// Carry the IP packets of the frames between the two VTEP MACs, as flannel.1 does
    #[arg(long, requires_all = ["vtep_mac", "remote_vtep_mac"])]
    pub l3: bool,
    /// The inner source MAC: this VTEP's
    #[arg(long, value_name = "M", requires = "l3")]
    vtep_mac: Option<MacAddr>,
    /// The inner destination MAC: the remote VTEP's
    #[arg(long, value_name = "M", requires = "l3")]
    remote_vtep_mac: Option<MacAddr>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Profile {
    /// What the RFCs recommend
    Rfc7348,
    /// What the Linux device does
    Linux,
}

impl Encap {
    pub fn tunnel(&self) -> Result<Tunnel, Failure> {
        let config = self.config(self.source_ports().map_err(fault)?);
        config.build().map_err(fault)
    }

    fn config(&self, source_ports: Option<SourcePorts>) -> TunnelConfig {
        let adjacency = Adjacency::new(self.dst_mac, self.src_mac);
        let mut config = match self.profile {
            Profile::Rfc7348 => TunnelConfig::rfc7348(self.local, self.remote, adjacency),
            Profile::Linux => TunnelConfig::linux(self.local, self.remote, adjacency),
        };
        if let Some(checksum) = self.udp_checksum {
            config = config
                .udp_checksum(checksum)
                .zero_checksum_v6(checksum == UdpChecksum::None)
                .inner_checksum_valid(checksum == UdpChecksum::Lco);
        }
        if let (Some(destination), Some(source)) = (self.remote_vtep_mac, self.vtep_mac) {
            config = config.inner_ethernet(destination, source);
        }
        config = with(config, self.port, TunnelConfig::port);
        config = with(config, source_ports, TunnelConfig::source_ports);
        config = with(config, self.ttl, TunnelConfig::ttl);
        config = with(config, self.tos, TunnelConfig::dscp);
        config = with(config, self.df, TunnelConfig::df);
        config = with(config, self.ip_id.map(IpId::Fixed), TunnelConfig::ip_id);
        config = with(config, self.flow_label, TunnelConfig::flow_label);
        config = with(config, self.inner_vlan, TunnelConfig::inner_vlan);
        config.vni(self.vni).gbp(self.gbp)
    }

    fn source_ports(&self) -> Result<Option<SourcePorts>, EmptyPortRange> {
        let Some((first, last)) = self.srcport else { return Ok(None) };
        let ports = match self.profile {
            Profile::Rfc7348 => SourcePorts::inclusive(first, last),
            Profile::Linux => SourcePorts::linux(first, last),
        };
        ports.map(Some)
    }
}

fn fault(error: impl Display) -> Failure {
    Failure::new("encap", error)
}

/// `config` with `option` set, if it was given.
fn with<T>(
    config: TunnelConfig,
    option: Option<T>,
    set: impl FnOnce(TunnelConfig, T) -> TunnelConfig,
) -> TunnelConfig {
    match option {
        Some(value) => set(config, value),
        None => config,
    }
}

/// A number, decimal or hexadecimal behind 0x.
fn number<T: TryFrom<u32>>(text: &str) -> Result<T, String> {
    let value = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    let value = value.map_err(|error| error.to_string())?;
    T::try_from(value).map_err(|_| format!("{value} is too large"))
}

pub fn vni(text: &str) -> Result<Vni, String> {
    Vni::new(number(text)?).map_err(|error| error.to_string())
}

fn flow_label(text: &str) -> Result<FlowLabel, String> {
    FlowLabel::new(number(text)?).map_err(|error| error.to_string())
}

fn ttl(text: &str) -> Result<Ttl, String> {
    match text {
        "inherit" => Ok(Ttl::Inherit),
        "0" => Err("a packet with no hops left goes nowhere".to_owned()),
        _ => Ok(Ttl::Fixed(number(text)?)),
    }
}

fn tos(text: &str) -> Result<OuterDscp, String> {
    match text {
        "inherit" => Ok(OuterDscp::Inherit),
        _ => Ok(OuterDscp::Fixed(TrafficClass(number(text)?))),
    }
}

fn gbp(text: &str) -> Result<Gbp, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mark = u32::from_str_radix(digits, 16).map_err(|error| error.to_string())?;
    match mark & !Gbp::MARK_MASK {
        0 => Ok(Gbp::from_mark(mark)),
        other => Err(format!("the bits {other:x} are no part of a group policy")),
    }
}

fn port_range(text: &str) -> Result<(u16, u16), String> {
    let (first, last) = text.split_once('-').ok_or("not of the form A-B")?;
    Ok((number(first)?, number(last)?))
}

fn udp_checksum() -> impl TypedValueParser<Value = UdpChecksum> {
    PossibleValuesParser::new(["none", "full", "lco"]).map(|how| match how.as_str() {
        "none" => UdpChecksum::None,
        "full" => UdpChecksum::Full,
        _ => UdpChecksum::Lco,
    })
}

fn df() -> impl TypedValueParser<Value = Df> {
    PossibleValuesParser::new(["unset", "set", "inherit"]).map(|how| match how.as_str() {
        "unset" => Df::Unset,
        "set" => Df::Set,
        _ => Df::Inherit,
    })
}

fn inner_vlan() -> impl TypedValueParser<Value = InnerVlanTx> {
    PossibleValuesParser::new(["keep", "strip"]).map(|how| match how.as_str() {
        "keep" => InnerVlanTx::Keep,
        _ => InnerVlanTx::Strip,
    })
}
