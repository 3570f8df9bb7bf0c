//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use vtep::tunnel::{OuterTag, Set, Vtep};
use vtep::wire::{MacAddr, Vni, VxlanHeader};

use crate::options::{Encap, vni};

/// Shows, opens and makes VXLAN in packet captures.
///
/// Reads pcap (both byte orders, micro- and nanoseconds) and pcapng, of Ethernet, raw IP, BSD
/// loopback and Linux cooked links. Writes pcap, with nanoseconds where the input has them or is
/// pcapng. IN and OUT may be `-`, standard input and standard output: `tcpdump -U -w - udp port
/// 8472 | vxcap show -`.
///
/// A frame check sequence that the capture declares is cut off: no frame that is written has one.
///
/// A packet of another link type and a block that cannot be read are skipped; a line on standard
/// error counts them by reason.
///
/// Exit status: 0 done, 1 done but something was skipped or `roundtrip` found a difference, 2 bad
/// input.
#[derive(Debug, Parser)]
#[command(name = "vxcap", version, arg_required_else_help = false)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print a line for each packet: its verdict and its layers
    ///
    /// An IP length of 0 is shown as `length 0: offload?`, with the layers that follow.
    Show(Show),
    /// Write the inner frames of the VXLAN packets
    Decap(Decap),
    /// Write each frame as a VXLAN packet
    Encap(Box<Encap>),
    /// Take each VXLAN packet apart and make it again; exit status 1 when any comes out different
    ///
    /// What no tunnel writes is refused with its reason: ethernet-trailer, udp-trailer, outer-tags,
    /// ip-options, ip-reserved-flag, ipv6-extensions, vxlan-reserved, ecn.
    Roundtrip(Roundtrip),
}

/// What a VTEP takes for VXLAN.
#[derive(Debug, Args)]
pub struct Receiver {
    /// A UDP port of VXLAN; may be repeated [default: 4789 8472]
    #[arg(long = "port", value_name = "N")]
    ports: Vec<u16>,
    /// Whose rules a packet is judged by
    #[arg(long, value_name = "P", value_enum, default_value_t = Policy::Rfc)]
    policy: Policy,
    /// Read a group policy under the policy `linux` too
    #[arg(long)]
    gbp: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Policy {
    /// RFC 7348: reserved bits are ignored, zero UDP checksums accepted; the group policy is read
    Rfc,
    /// The Linux device: a packet with a reserved bit is refused
    Linux,
}

impl Receiver {
    /// The VTEP that takes what comes to `ports`, of any address and network. RFC 7348 has every zero UDP
    /// checksum accepted, over IPv6 too.
    pub fn vtep<'a>(&self, ports: &'a [u16]) -> Vtep<'a> {
        let vtep = match self.policy {
            Policy::Rfc => Vtep::rfc7348().zero_checksum_v6(true),
            Policy::Linux => Vtep::linux(),
        };
        let ports = Set::sorted(ports).expect("ports in order");
        vtep.ports(ports).outer_tag(OuterTag::Any).gbp(self.reads_gbp())
    }

    /// The ports, in ascending order.
    pub fn ports(&self) -> Vec<u16> {
        if self.ports.is_empty() {
            return vec![VxlanHeader::PORT, VxlanHeader::LINUX_PORT];
        }
        let mut ports = self.ports.clone();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    pub fn reads_gbp(&self) -> bool {
        self.gbp || self.policy == Policy::Rfc
    }
}

#[derive(Debug, Args)]
pub struct Show {
    /// The capture to read, `-` for standard input
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    #[command(flatten)]
    pub receiver: Receiver,
    /// Only packets of this network are ok [default: any]
    #[arg(long, value_name = "N", value_parser = vni)]
    pub vni: Option<Vni>,
    /// Only packets to this address are ok [default: any]
    #[arg(long, value_name = "A")]
    pub local: Option<IpAddr>,
    /// The receiver's own MAC: inner frames from it have looped
    #[arg(long, value_name = "M")]
    pub mac: Option<MacAddr>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

impl Show {
    pub fn vtep<'a>(&self, ports: &'a [u16]) -> Vtep<'a> {
        let mut vtep = self.receiver.vtep(ports);
        if let Some(vni) = self.vni {
            vtep = vtep.vni(vni);
        }
        if let Some(local) = self.local {
            vtep = vtep.local(local);
        }
        if let Some(mac) = self.mac {
            vtep = vtep.own_mac(mac);
        }
        vtep
    }
}

#[derive(Debug, Args)]
pub struct Decap {
    /// The capture to read, `-` for standard input
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// The pcap file to write, `-` for standard output: the counts then go to standard error
    #[arg(value_name = "OUT")]
    pub output: PathBuf,
    #[command(flatten)]
    pub receiver: Receiver,
}

#[derive(Debug, Args)]
pub struct Roundtrip {
    /// The capture to read, `-` for standard input
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    #[command(flatten)]
    pub receiver: Receiver,
}
