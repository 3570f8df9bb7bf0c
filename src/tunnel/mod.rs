//! Encap and decap: a [`Tunnel`] is one remote VTEP, a [`Vtep`] is this end point.
//!
//! ```text
//! | Ethernet | 802.1Q? | IPv4 or IPv6 | UDP | VXLAN | Ethernet | inner packet
//! '------------- the tunnel's stack --------------'  '-- frame, or IP packet
//! ```
//!
//! A tunnel is configured once ([`TunnelConfig`]), resolved into a template of its whole stack, and
//! shared by all cores. What changes from packet to packet is a [`EncapState`], one for each of
//! them.
#![forbid(unsafe_code)]

mod address;
mod config;
mod decap;
pub mod ecn;
mod encap;
mod entropy;
pub mod minimal;
pub mod mtu;
mod set;
mod state;
mod vtep;

pub use config::{
    Adjacency, Df, InnerVlanTx, IpId, OuterDscp, Ttl, TunnelConfig, TunnelConfigError, UdpChecksum,
};
pub use decap::Decap;
pub use ecn::EcnEncap;
pub use encap::Tunnel;
pub use entropy::{EmptyPortRange, FlowHashKey, SourcePorts};
pub use mtu::overlay_mtu;
pub use set::{Set, SetNotSorted, Sorted};
pub use state::EncapState;
pub use vtep::{
    DscpModel, InnerVlanRx, OuterTag, ReservedBits, TunnelInfo, UdpChecksumPolicy, Vtep,
};
