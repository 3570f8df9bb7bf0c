//! The choice between flannel's documents and its code.

use core::net::IpAddr;

/// The side to take where flannel's documents and its code disagree and each has a use: see
/// [the manual](crate::manual::flannel).
///
/// # Examples
///
/// ```
/// use vtep::lease::Profile;
///
/// let underlay = "fd00::1".parse()?;
/// assert_eq!(Profile::Documented.vxlan_overhead(&underlay), 70);
/// assert_eq!(Profile::FlannelCompat.vxlan_overhead(&underlay), 50);
/// # Ok::<(), core::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
#[non_exhaustive]
pub enum Profile {
    /// As the documents say, or as the code is meant.
    #[default]
    Documented,
    /// As the code does.
    FlannelCompat,
}

impl Profile {
    /// The number of attempts to create a lease, each with a new choice, when other nodes are
    /// faster:
    /// 10. That is what flannel means; its test for that case never succeeds, so that it stops
    ///     after the first.
    #[must_use]
    pub const fn create_attempts(self) -> u32 {
        match self {
            Self::Documented => 10,
            Self::FlannelCompat => 1,
        }
    }

    /// The bytes of the underlay's MTU that VXLAN takes: 50 over IPv4 and 70 over IPv6. Flannel
    /// takes 50 for both, and writes an MTU to `subnet.env` that its IPv6 device does not have.
    #[must_use]
    pub const fn vxlan_overhead(self, underlay: &IpAddr) -> u16 {
        match (self, underlay) {
            (Self::Documented, IpAddr::V6(_)) => 70,
            _ => 50,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn an_ipv6_underlay_takes_more_whatever_flannel_says() {
        let [v4, v6] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        // Linux gives a device over IPv6 1430 of 1500 bytes; flannel requests 1450.
        assert_eq!(1500 - Profile::default().vxlan_overhead(&v6), 1430);
        assert_eq!(1500 - Profile::FlannelCompat.vxlan_overhead(&v6), 1450);
        assert_eq!(Profile::Documented.vxlan_overhead(&v4), 50);
    }
}
