//! `defmt::Format` for the public types outside `wire`, whose types have their own.
//!
//! What is logged for each packet has a format of its own. The rest goes through `Debug`: exact, and with
//! `core::fmt` in the image, though only in one that logs such a type.
#![forbid(unsafe_code)]

use core::fmt::Debug;

use defmt::{Debug2Format, Format, Formatter, write};

use crate::subnet::Prefix;
use crate::{agent, hash, lease, netlink, subnet, tunnel};

macro_rules! by_debug {
    ($($(@[$($generic:tt)*])? $type:ty,)*) => {
        $(
            impl$(<$($generic)*>)? Format for $type
            where
                Self: Debug,
            {
                fn format(&self, f: Formatter<'_>) {
                    write!(f, "{}", Debug2Format(self));
                }
            }
        )*
    };
}

by_debug! {
    agent::AddressChange,
    agent::Change,
    agent::Claim,
    agent::Conflict,
    agent::Found,
    @['a] agent::FoundRecords<'a>,
    agent::HostGwBackend,
    agent::HostGwPeer,
    agent::Kept,
    agent::Owner,
    @['a] agent::Ownership<'a>,
    agent::PeerError,
    agent::Plan,
    agent::Reach,
    agent::Record,
    @[P] agent::Reading<P>,
    agent::Rollback,
    agent::TooManyRecords,
    agent::VxlanBackend,
    agent::VxlanPeer,
    agent::Wanted,
    @['a] agent::WantedRecords<'a>,
}

by_debug! {
    hash::HashKey,
}

by_debug! {
    lease::Acquisition,
    lease::Annotation,
    @['a] lease::AnnotationPrefix<'a>,
    lease::AnnotationPrefixError,
    lease::NetworkConfigError,
    lease::NetworkConfigField,
    lease::DockerOptions,
    @[T] lease::EnvVar<T>,
    lease::EnvVariable,
    lease::Expiry,
    lease::Families,
    lease::json::JsonError,
    lease::json::JsonErrorKind,
    @['a] lease::json::JsonString<'a>,
    @['a] lease::LeaseAllocator<'a>,
    @[T] lease::LeaseEvent<T>,
    lease::LeaseField,
    lease::LeaseKey,
    lease::LeaseKeyPart,
    @[T] lease::LeaseSlot<T>,
    @['a] lease::LeaseValue<'a>,
    @['s, T] lease::LeaseWatch<'s, T>,
    @['a] lease::NetworkConfig<'a>,
    lease::ParseLeaseKeyError,
    lease::Pools,
    lease::Profile,
    @['a] lease::json::RawJson<'a>,
    @[F] lease::RecordError<F>,
    lease::RenewalMargin,
    lease::RenewalMarginError,
    lease::SubnetEnv,
    lease::SubnetEnvError,
    lease::SubnetEnvErrorKind,
    lease::TooManyLeases,
    lease::VxlanBackendData,
    lease::VxlanConfig,
    lease::VxlanConfigField,
    lease::VxlanField,
}

by_debug! {
    @['a] netlink::AddressAttr<'a>,
    netlink::AddressDump,
    netlink::AddressHeader,
    @['a] netlink::AddressMessage<'a>,
    @['a] netlink::Attr<'a>,
    netlink::AttrError,
    netlink::AttrFlags,
    @['a] netlink::Attrs<'a>,
    netlink::Be16,
    netlink::Be32,
    @['a] netlink::Body<'a>,
    @['a] netlink::BridgeLink<'a>,
    netlink::RequestError,
    @['a] netlink::Done<'a>,
    netlink::Dump,
    @['a] netlink::DumpStep<'a>,
    @['a] netlink::ErrorMessage<'a>,
    @['a] netlink::ExtAck<'a>,
    @['a] netlink::ExtAckAttr<'a>,
    netlink::Family,
    netlink::FdbEntry,
    netlink::Header,
    netlink::HostGwRoute,
    netlink::LinkAddress,
    @['a] netlink::LinkAttr<'a>,
    netlink::LinkChange,
    netlink::LinkFlags,
    netlink::LinkHeader,
    @['a] netlink::LinkInfoAttr<'a>,
    @['a] netlink::LinkLookup<'a>,
    @['a] netlink::LinkMessage<'a>,
    @['a] netlink::LinkName<'a>,
    netlink::LinkNameError,
    @['a] netlink::Message<'a>,
    netlink::MessageError,
    netlink::MessageFlags,
    netlink::MessageType,
    @['a] netlink::Messages<'a>,
    netlink::Metric,
    @['a] netlink::NeighbourAttr<'a>,
    netlink::NeighbourDump,
    netlink::NeighbourEntry,
    netlink::NeighbourFlags,
    netlink::NeighbourHeader,
    @['a] netlink::NeighbourMessage<'a>,
    netlink::NeighbourState,
    @['a] netlink::Nested<'a>,
    @['a] netlink::NextHop<'a>,
    @['a] netlink::NextHopIter<'a>,
    @['a] netlink::NextHops<'a>,
    netlink::OnlinkRoute,
    netlink::OtherRoute,
    netlink::RebuildError,
    @['a] netlink::RouteAttr<'a>,
    netlink::RouteDump,
    netlink::RouteFlags,
    netlink::RouteHeader,
    netlink::RouteLookup,
    @['a] netlink::RouteMessage<'a>,
    netlink::Table,
    @['a] netlink::Text<'a>,
    @['a] netlink::VethLink<'a>,
    netlink::Via,
    @['a] netlink::VxlanAttr<'a>,
    @['a] netlink::VxlanLink<'a>,
    @['b] netlink::Writer<'b>,
}

by_debug! {
    subnet::AllocateError,
    subnet::IpPrefix,
    subnet::Ipv4Cidr,
    subnet::Ipv4Prefix,
    subnet::Ipv4PrefixLen,
    subnet::Ipv4Subnets,
    subnet::Ipv6Cidr,
    subnet::Ipv6Prefix,
    subnet::Ipv6PrefixLen,
    subnet::Ipv6Subnets,
    subnet::OtherFamily,
    @[P] subnet::OtherLease<P>,
    subnet::ParseCidrError,
    @[P: Prefix] subnet::PoolConfig<P>,
    @[P: Prefix] subnet::PoolError<P>,
    subnet::PrefixLenError,
    @['a, P: Prefix] subnet::SubnetAllocator<'a, P>,
    @[P: Prefix] subnet::SubnetPool<P>,
}

by_debug! {
    tunnel::Adjacency,
    tunnel::TunnelConfigError,
    tunnel::EncapState,
    tunnel::Decap,
    tunnel::DscpModel,
    tunnel::Df,
    tunnel::EcnEncap,
    tunnel::EmptyPortRange,
    tunnel::FlowHashKey,
    tunnel::InnerVlanRx,
    tunnel::InnerVlanTx,
    tunnel::IpId,
    tunnel::SetNotSorted,
    tunnel::TunnelInfo,
    tunnel::OuterTag,
    @['t] tunnel::minimal::MinimalV4<'t>,
    tunnel::ReservedBits,
    @['a, T] tunnel::Set<'a, T>,
    @['a, T] tunnel::Sorted<'a, T>,
    tunnel::SourcePorts,
    tunnel::OuterDscp,
    tunnel::Ttl,
    tunnel::Tunnel,
    tunnel::TunnelConfig,
    tunnel::UdpChecksum,
    tunnel::UdpChecksumPolicy,
    @['a] tunnel::Vtep<'a>,
}

by_debug! {
    tunnel::ecn::EcnDecap,
}

by_debug! {
    tunnel::mtu::IcmpSuppressed,
}
