//! The address of the own vxlan link (flannel `pkg/ip/iface.go`).

use core::fmt;
use core::net::IpAddr;

use crate::netlink::{LinkAddress, RequestError};
use crate::subnet::IpPrefix;

/// One request about a link's addresses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AddressChange {
    /// Add this address.
    Add(LinkAddress),
    /// Delete this address.
    Delete(LinkAddress),
}

impl AddressChange {
    /// Writes the request; the length in bytes.
    ///
    /// # Errors
    /// [`RequestError`] when the buffer is too short; it is then as it was.
    pub fn write(&self, seq: u32, buffer: &mut [u8]) -> Result<usize, RequestError> {
        match self {
            Self::Add(address) => address.write_add(seq, buffer),
            Self::Delete(address) => address.write_delete(seq, buffer),
        }
    }
}

impl fmt::Display for AddressChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, LinkAddress { ifindex, address, prefix_len }) = match self {
            Self::Add(address) => ("add", address),
            Self::Delete(address) => ("delete", address),
        };
        write!(f, "{verb} address {address}/{prefix_len} on link {ifindex}")
    }
}

/// What gives a link the address that it should have, when it has those `found`: first go others of
/// the link, then comes the wanted one, if it is not there.
///
/// Those go that flannel takes away: of IPv4 those inside `network`, the overlay's; of IPv6 all but
/// link-local ones.
pub fn ensure_address(
    wanted: LinkAddress,
    network: IpPrefix,
    found: &[LinkAddress],
) -> impl Iterator<Item = AddressChange> + '_ {
    let goes = move |address: &LinkAddress| match address.address {
        IpAddr::V4(_) => network.contains(address.address),
        IpAddr::V6(address) => !address.is_unicast_link_local(),
    };
    let rivals = move |address: &&LinkAddress| {
        address.ifindex == wanted.ifindex
            && address.address.is_ipv4() == wanted.address.is_ipv4()
            && **address != wanted
    };
    let add = (!found.contains(&wanted)).then_some(AddressChange::Add(wanted));
    let gone = found.iter().filter(rivals).copied().filter(goes);
    gone.map(AddressChange::Delete).chain(add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::IfIndex;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn on_lo(text: &str) -> LinkAddress {
        let (address, len) = text.split_once('/').unwrap();
        LinkAddress {
            ifindex: IfIndex::literal::<1>(),
            address: address.parse().unwrap(),
            prefix_len: len.parse().unwrap(),
        }
    }

    fn words(wanted: &str, found: &[&str]) -> Vec<String> {
        let found: Vec<LinkAddress> = found.iter().map(|text| on_lo(text)).collect();
        let wanted = on_lo(wanted);
        let network = IpPrefix::new(wanted.address, wanted.prefix_len).unwrap();
        let changes = ensure_address(wanted, network, &found);
        changes.map(|change| change.to_string()).collect()
    }

    /// flannel `pkg/ip/iface_test.go`: TestEnsureV4AddressOnLink, TestEnsureV6AddressOnLink.
    #[test]
    fn flannels_addresses_on_the_loopback() {
        assert_eq!(
            words("127.0.0.2/24", &["127.0.0.1/8"]),
            ["delete address 127.0.0.1/8 on link 1", "add address 127.0.0.2/24 on link 1"]
        );
        assert!(words("127.0.0.2/24", &["127.0.0.2/24", "127.0.1.1/24"]).is_empty());
        assert_eq!(
            words("::2/64", &["::1/128"]),
            ["delete address ::1/128 on link 1", "add address ::2/64 on link 1"]
        );
        assert_eq!(
            words("::2/64", &["::2/64", "2001::4/64"]),
            ["delete address 2001::4/64 on link 1"]
        );
    }

    #[test]
    fn leaves_what_is_not_its_own() {
        let add = ["add address ::2/64 on link 1"];
        assert_eq!(words("::2/64", &["fe80::1/64", "127.0.0.1/8"]), add);
        let wanted = on_lo("10.5.3.0/32");
        let elsewhere = LinkAddress { ifindex: IfIndex::literal::<2>(), ..on_lo("10.5.3.1/24") };
        let network = "10.5.0.0/16".parse().unwrap();
        let changes: Vec<AddressChange> =
            ensure_address(wanted, network, &[elsewhere, wanted]).collect();
        assert_eq!(changes, []);
        // the same address with another length is another
        let longer = [on_lo("10.5.3.0/24")];
        assert_eq!(ensure_address(wanted, network, &longer).count(), 2);
    }
}
