//! Field types and headers: all their legal values.

use arbitrary::{Arbitrary, Error, Result, Unstructured};

use crate::subnet::{Ipv4Cidr, Ipv4Prefix, Ipv4PrefixLen, Ipv6Cidr, Ipv6Prefix, Ipv6PrefixLen};
use crate::wire::{
    ArpHeader, Dscp, Ecn, EtherType, EthernetHeader, FlowLabel, FragmentOffset, Gbp, HeaderOptions,
    IpProtocol, Ipv4Flags, Ipv4Header, Ipv6FragmentHeader, Ipv6Header, MacAddr, Pcp, TcpFlags,
    TcpHeader, TrafficClass, UdpHeader, VlanHeader, VlanId, VlanTag, Vni, VxlanFlags, VxlanHeader,
};

/// Instances by an expression over the fuzzer's bytes.
macro_rules! instances {
    ($($type:ty: |$u:ident| $value:expr;)*) => {$(
        impl<'a> Arbitrary<'a> for $type {
            fn arbitrary($u: &mut Unstructured<'a>) -> Result<Self> {
                Ok($value)
            }
        }
    )*};
}

/// Instances of headers, which are any bytes.
macro_rules! headers {
    ($($header:ty),*) => { instances! { $($header: |u| Self::from_bytes(u.arbitrary()?);)* } };
}

headers!(
    ArpHeader,
    EthernetHeader,
    Ipv4Header,
    Ipv6FragmentHeader,
    Ipv6Header,
    TcpHeader,
    UdpHeader,
    VlanHeader,
    VxlanHeader
);

/// A bound that the type's constructor has too.
fn legal<T, E>(value: core::result::Result<T, E>) -> Result<T> {
    value.map_err(|_| Error::IncorrectFormat)
}

instances! {
    MacAddr: |u| Self::new(u.arbitrary()?);
    Vni: |u| Self::from_be_bytes(u.arbitrary()?);
    VlanId: |u| legal(Self::new(u.int_in_range(0..=Self::MAX.value())?))?;
    Pcp: |u| legal(Self::new(u.int_in_range(0..=Self::MAX.value())?))?;
    VlanTag: |u| {
        let tag = if u.arbitrary()? { Self::service } else { Self::customer };
        tag(u.arbitrary()?).with_priority(u.arbitrary()?).with_drop_eligible(u.arbitrary()?)
    };
    Dscp: |u| legal(Self::new(u.int_in_range(0..=Self::MAX.value())?))?;
    Ecn: |u| Self::from_bits(u.arbitrary()?);
    TrafficClass: |u| Self(u.arbitrary()?);
    FlowLabel: |u| legal(Self::new(u.int_in_range(0..=Self::MAX.value())?))?;
    FragmentOffset: |u| legal(Self::new(u.int_in_range(0..=Self::MAX.units())?))?;
    EtherType: |u| {
        let other = Self(u.arbitrary()?);
        *u.choose(&[
        Self::IPV4, Self::IPV6, Self::ARP, Self::DOT1Q, Self::DOT1AD, Self::TEB, other,
    ])? };
    IpProtocol: |u| {
        let other = Self(u.arbitrary()?);
        *u.choose(&[
        Self::UDP, Self::TCP, Self::ICMPV4, Self::ICMPV6, Self::SCTP, Self::ESP, other,
    ])? };
    HeaderOptions: |u| {
        // No-operation, end of list, router alert, timestamps: what a header's options may begin with.
        let kinds: [u8; 4] = [1, 0, 148, 68];
        let mut options = [0; Self::MAX_LEN];
        let len = u.int_in_range(0..=Self::MAX_LEN)?;
        for option in options.iter_mut().take(len) {
            *option = if u.ratio(3, 4)? { *u.choose(&kinds)? } else { u.arbitrary()? };
        }
        legal(Self::new(options.get(..len).unwrap_or_default()))?
    };
    Ipv4Flags: |u| Self::from_bits_retain(u.arbitrary()?);
    TcpFlags: |u| Self::from_bits_truncate(u.arbitrary()?);
    VxlanFlags: |u| Self::from_bits_retain(u.arbitrary()?);
    Gbp: |u| Self { group: u.arbitrary()?, dont_learn: u.arbitrary()?, policy_applied: u.arbitrary()? };
    Ipv4PrefixLen: |u| legal(Self::new(u.int_in_range(0..=32)?))?;
    Ipv6PrefixLen: |u| legal(Self::new(u.int_in_range(0..=128)?))?;
    Ipv4Prefix: |u| Self::new(u.arbitrary()?, u.arbitrary()?);
    Ipv6Prefix: |u| Self::new(u.arbitrary()?, u.arbitrary()?);
    Ipv4Cidr: |u| Self::new(u.arbitrary()?, u.arbitrary()?);
    Ipv6Cidr: |u| Self::new(u.arbitrary()?, u.arbitrary()?);
}
