//! The name of a lease in etcd: `10.5.34.0-24`, dual stack `10.5.34.0-24&fd00:5:34::-64` (flannel
//! `pkg/subnet/subnet.go`). A lease without IPv4 is `0.0.0.0-0&fd00:5:34::-64`.

use core::fmt;
use core::net::Ipv6Addr;
use core::str::FromStr;

use crate::subnet::{
    Ipv4Cidr, Ipv4PrefixLen, Ipv6Cidr, Ipv6PrefixLen, is, parse_ipv6, parse_length,
};

/// The subnets of a lease, as its key names them. Host bits are kept.
///
/// flannel writes an absent subnet as the empty one: `0.0.0.0-0`, and `::/0`, which it does not
/// print (`IP4Net.Empty`, `IP6Net.Empty`). Here such a subnet is `None`.
///
/// # Examples
///
/// ```
/// use vtep::lease::LeaseKey;
///
/// let key: LeaseKey = "10.5.34.0-24&fd00:5:34::-64".parse()?;
/// assert_eq!(key.v4.map(|v4| v4.to_string()), Some("10.5.34.0/24".into()));
/// assert_eq!(key.to_string(), "10.5.34.0-24&fd00:5:34::-64");
/// let path = "/coreos.com/network/subnets/10.5.34.0-24";
/// assert_eq!(path.parse(), Ok(LeaseKey { v6: None, ..key }));
///
/// let ipv6_only: LeaseKey = "0.0.0.0-0&fd00:5:34::-64".parse()?;
/// assert_eq!(ipv6_only, LeaseKey { v4: None, ..key });
/// # Ok::<(), vtep::lease::ParseLeaseKeyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LeaseKey {
    /// The IPv4 subnet; `None` of a lease of IPv6 alone.
    pub v4: Option<Ipv4Cidr>,
    /// The IPv6 subnet; `None` of a lease of IPv4 alone.
    pub v6: Option<Ipv6Cidr>,
}

impl LeaseKey {
    /// Returns the same subnets without host bits.
    #[must_use]
    pub fn masked(self) -> Self {
        Self { v4: self.v4.map(|v4| v4.prefix().into()), v6: self.v6.map(|v6| v6.prefix().into()) }
    }
}

impl From<Ipv4Cidr> for LeaseKey {
    fn from(v4: Ipv4Cidr) -> Self {
        Self { v4: (!is_empty_v4(v4)).then_some(v4), v6: None }
    }
}

impl fmt::Display for LeaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.v4 {
            Some(v4) => write!(f, "{}-{}", v4.address(), v4.len())?,
            None => f.write_str("0.0.0.0-0")?,
        }
        match self.v6 {
            Some(v6) if !is_empty_v6(v6) => {
                write!(f, "&{}-{}", Groups(v6.address()), v6.len())
            }
            _ => Ok(()),
        }
    }
}

/// Returns whether flannel takes a subnet for an absent one: 0.0.0.0/0 (`pkg/ip/ipnet.go`).
const fn is_empty_v4(subnet: Ipv4Cidr) -> bool {
    subnet.address().is_unspecified() && subnet.prefix().is_default()
}

/// Returns whether flannel takes a subnet for an absent one: `::/0` (`pkg/ip/ip6net.go`).
const fn is_empty_v6(subnet: Ipv6Cidr) -> bool {
    subnet.address().is_unspecified() && subnet.prefix().is_default()
}

/// An IPv6 address without dots, which a key may not have: a mapped IPv4 address is printed as
/// groups.
struct Groups(Ipv6Addr);

impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.to_ipv4_mapped(), self.0.segments()) {
            (Some(_), [.., high, low]) => write!(f, "::ffff:{high:x}:{low:x}"),
            (None, _) => self.0.fmt(f),
        }
    }
}

/// A part of a lease key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum LeaseKeyPart {
    /// The IPv4 address.
    Ipv4Address,
    /// The IPv4 prefix length: 0 to 31, because flannel reads it as five bits.
    Ipv4Len,
    /// The IPv6 address, in lower case.
    Ipv6Address,
    /// The IPv6 prefix length: 0 to 127, because flannel reads it as seven bits.
    Ipv6Len,
}

/// The part of a text by which it is not a valid lease key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct ParseLeaseKeyError {
    /// The part.
    pub part: LeaseKeyPart,
}

impl fmt::Display for ParseLeaseKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.part {
            LeaseKeyPart::Ipv4Address => "not a lease key: no IPv4 address before '-'",
            LeaseKeyPart::Ipv4Len => {
                "not a lease key: no length from 0 to 31 after the IPv4 address"
            }
            LeaseKeyPart::Ipv6Address => "not a lease key: no IPv6 address in lower case after '&'",
            LeaseKeyPart::Ipv6Len => {
                "not a lease key: no length from 0 to 127 after the IPv6 address"
            }
        })
    }
}

impl core::error::Error for ParseLeaseKeyError {}

impl FromStr for LeaseKey {
    type Err = ParseLeaseKeyError;

    /// Reads what flannel reads: any text may precede the IPv4 address, and nothing may follow the
    /// last length. The empty subnets 0.0.0.0/0 and `::/0` are absent.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.rsplit_once(is('&')) {
            // After an '&' that belongs to the path, an IPv4 part may still follow.
            Some((v4, v6)) if !v6.contains(is('.')) => {
                let v6 = parse_v6(v6)?;
                let v4 = Self::from(parse_v4(v4)?).v4;
                Ok(Self { v4, v6: (!is_empty_v6(v6)).then_some(v6) })
            }
            _ => parse_v4(text).map(Self::from),
        }
    }
}

fn parse_v4(text: &str) -> Result<Ipv4Cidr, ParseLeaseKeyError> {
    let bad = |part| ParseLeaseKeyError { part };
    let (before, len) = text.rsplit_once(is('-')).ok_or(bad(LeaseKeyPart::Ipv4Len))?;
    let len = parse_length(len, 31).and_then(|len| Ipv4PrefixLen::new(len).ok());
    let address = last_four_numbers(before).parse().map_err(|_| bad(LeaseKeyPart::Ipv4Address))?;
    Ok(Ipv4Cidr::new(address, len.ok_or(bad(LeaseKeyPart::Ipv4Len))?))
}

/// The end of `text` that consists of digits with at most three dots among them.
fn last_four_numbers(text: &str) -> &str {
    let before = text.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let numbers = text.get(before..).unwrap_or_default();
    match numbers.rmatch_indices(is('.')).nth(3) {
        Some((dot, _)) => numbers.get(dot.saturating_add(1)..).unwrap_or_default(),
        None => numbers,
    }
}

fn parse_v6(text: &str) -> Result<Ipv6Cidr, ParseLeaseKeyError> {
    let bad = |part| ParseLeaseKeyError { part };
    let (address, len) = text.split_once(is('-')).ok_or(bad(LeaseKeyPart::Ipv6Len))?;
    let len = parse_length(len, 127).and_then(|len| Ipv6PrefixLen::new(len).ok());
    if address.contains(|c: char| c.is_ascii_uppercase()) {
        return Err(bad(LeaseKeyPart::Ipv6Address));
    }
    let address = parse_ipv6(address).ok_or(bad(LeaseKeyPart::Ipv6Address))?;
    Ok(Ipv6Cidr::new(address, len.ok_or(bad(LeaseKeyPart::Ipv6Len))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};

    fn key(text: &str) -> Option<(String, Option<String>)> {
        let key: LeaseKey = text.parse().ok()?;
        Some((key.v4?.to_string(), key.v6.map(|v6| v6.to_string())))
    }

    /// flannel `pkg/subnet/subnet_test.go`.
    #[test]
    fn flannels_keys() {
        let v4 = String::from("10.12.13.0/24");
        assert_eq!(key("10.12.13.0-24"), Some((v4.clone(), None)));
        let v6 = String::from("fd00:12:13::/56");
        assert_eq!(key("10.12.13.0-24&fd00:12:13::-56"), Some((v4, Some(v6))));
        for text in [
            "10",
            "10.12.13.0",
            "10.12.13-24",
            "10.12.13.300-24",
            "10.12.13.0-24hi",
            "&2001::-56",
            "10.12.13.0-24&:12:13:-56",
            "10.12.13.0-24&20011::-56",
            "10.12.13.0-24&2001-56",
            "10.12.13.0-24&2001::",
            "10.12.13.0-24&2001::-56hi",
        ] {
            assert_eq!(key(text), None, "{text}");
        }
    }

    /// Cases that follow from the pattern and the number widths of flannel's parser.
    #[test]
    fn flannels_odd_keys() {
        for (text, v4, v6) in [
            ("10.5.1.0-24&fc00::-64", "10.5.1.0/24", Some("fc00::/64")),
            ("/coreos.com/network/subnets/10.5.52.0-24", "10.5.52.0/24", None),
            ("x10.1.2.0-24", "10.1.2.0/24", None),
            ("a&b-c.10.1.2.0-24", "10.1.2.0/24", None),
            ("9.10.1.2.0-24", "10.1.2.0/24", None),
            ("255.255.255.255-31", "255.255.255.255/31", None),
            ("10.1.0.0-00024", "10.1.0.0/24", None),
            ("10.1.2.5-24", "10.1.2.5/24", None),
            ("10.1.2.0-24&fd00::-127", "10.1.2.0/24", Some("fd00::/127")),
            ("10.1.2.0-0&fd00::1-0", "10.1.2.0/0", Some("fd00::1/0")),
        ] {
            assert_eq!(key(text), Some((v4.into(), v6.map(String::from))), "{text}");
        }
        for text in [
            "255.255.255.255-32",
            "10.1.2.0-33",
            "10.01.2.0-24",
            "10.1.2.0-24&FD00::-56",
            "10.1.2.0-24&fd00::-128",
            "10.1x2.0-24",
            "10.1.17.0-24\n",
            "10.1.2.0-24&",
            "10.1.2.0-24&fd00::-",
            "10.1.2.0--24",
            "10.1.2.0-+24",
            "10.1.2.0-24&::ffff:1.2.3.4-96",
            "10.1.2.0-24 &fd00::-56",
        ] {
            assert_eq!(key(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_empty_ipv6_subnet_is_not_printed() {
        let key: LeaseKey = "10.1.2.0-24&::-0".parse().unwrap();
        assert_eq!(key.to_string(), "10.1.2.0-24");
        let key = LeaseKey { v6: Some("::/0".parse().unwrap()), ..key };
        assert_eq!(key.to_string(), "10.1.2.0-24");
    }

    /// flannel `pkg/subnet/subnet.go` `MakeSubnetKey` of an empty IPv4 net.
    #[test]
    fn an_empty_ipv4_subnet_is_absent() {
        let text = "0.0.0.0-0&fd00:42:0:2::-64";
        let key: LeaseKey = text.parse().unwrap();
        assert_eq!((key.v4, key.v6), (None, "fd00:42:0:2::/64".parse().ok()));
        assert_eq!(key.to_string(), text);
        let neither: LeaseKey = "0.0.0.0-0".parse().unwrap();
        assert_eq!(
            (neither.v4, neither.v6, neither.to_string().as_str()),
            (None, None, "0.0.0.0-0")
        );
        for (text, cidr) in [("0.0.0.0-1", "0.0.0.0/1"), ("10.1.2.0-0", "10.1.2.0/0")] {
            assert_eq!(text.parse::<LeaseKey>().unwrap().v4, cidr.parse().ok());
        }
    }

    #[test]
    fn a_mapped_address_is_printed_without_dots() {
        assert_eq!("10.5.34.0-24&::-0".parse(), "10.5.34.0-24".parse::<LeaseKey>());
        for text in ["10.5.34.0-24&::ffff:0:0-123", "10.5.34.0-24&::ffff:a00:100-120"] {
            let key: LeaseKey = text.parse().unwrap();
            assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn a_key_cut_short_is_none_until_a_length() {
        let text = "10.12.13.0-24&fd00:12:13::-56";
        let whole = [12, 13, 28, 29];
        for end in 0..=text.len() {
            assert_eq!(key(&text[..end]).is_some(), whole.contains(&end), "{}", &text[..end]);
        }
    }

    #[test]
    fn a_key_reads_back() {
        fn holds(v4: Option<u32>, v4_len: u8, v6: Option<u128>, v6_len: u8) -> bool {
            let v6 = v6.filter(|v6| *v6 >> 32 != 0xffff && *v6 != 0);
            let v6_len = Ipv6PrefixLen::new(v6_len % 128).unwrap();
            let v4_len = Ipv4PrefixLen::new(v4_len % 32).unwrap();
            let key = LeaseKey {
                v4: v4.filter(|v4| *v4 != 0).map(|v4| Ipv4Cidr::new(v4.into(), v4_len)),
                v6: v6.map(|v6| Ipv6Cidr::new(v6.into(), v6_len)),
            };
            key.to_string().parse() == Ok(key)
        }
        quickcheck::quickcheck(holds as fn(Option<u32>, u8, Option<u128>, u8) -> bool);
    }

    #[test]
    fn any_text_is_a_key_or_is_not() {
        fn holds(text: String) -> bool {
            let _ = text.parse::<LeaseKey>();
            true
        }
        quickcheck::quickcheck(holds as fn(String) -> bool);
    }
}
