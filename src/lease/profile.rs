//! What flannel says, or what it does.

use core::net::IpAddr;

/// Where flannel's documents and its code disagree and each has a use: see
/// [the manual](crate::manual::flannel).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
#[non_exhaustive]
pub enum Profile {
    /// What the documents say, or the code meant.
    #[default]
    Documented,
    /// What the code does.
    FlannelCompat,
}

impl Profile {
    /// How often a node tries to create its lease when another one was faster, each time with a new
    /// choice: 10 times. Flannel means to; its test for that case never succeeds, so that it gives up
    /// after the first.
    #[must_use]
    pub const fn create_attempts(self) -> u32 {
        match self {
            Self::Documented => 10,
            Self::FlannelCompat => 1,
        }
    }

    /// What VXLAN takes of the underlay's MTU, in bytes: 50 over IPv4 and 70 over IPv6. Flannel takes
    /// 50 for both, and writes an MTU to `subnet.env` that its IPv6 device does not have.
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
        // Linux gives a device over IPv6 1430 of 1500 bytes; flannel asks for 1450.
        assert_eq!(1500 - Profile::default().vxlan_overhead(&v6), 1430);
        assert_eq!(1500 - Profile::FlannelCompat.vxlan_overhead(&v6), 1450);
        assert_eq!(Profile::Documented.vxlan_overhead(&v4), 50);
    }
}
