//! Addresses of either family.

use core::net::{IpAddr, Ipv6Addr};

/// Returns an IPv6 address as it is, and an IPv4 address in its mapped form.
pub(super) const fn to_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}
