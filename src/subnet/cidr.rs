//! An address with a prefix length, host bits kept: lease keys, interface addresses, `subnet.env`.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use super::prefix::{Ipv4Prefix, Ipv4PrefixLen, Ipv6Prefix, Ipv6PrefixLen};
use super::text::{ParseCidrError, parse_cidr, parse_ipv4, parse_ipv6};

macro_rules! cidr {
    ($family:literal, $rfc:literal, $text:literal, $network:literal, $Addr:ident, $bits:ident, $width:literal, $Len:ident, $Prefix:ident, $Cidr:ident, $parse:ident) => {
        #[doc = concat!("An ", $family, " address with a prefix length, ", $rfc, ". Host bits are kept.")]
        ///
        /// # Examples
        ///
        /// ```
        #[doc = concat!("use vtep::subnet::", stringify!($Cidr), ";")]
        ///
        #[doc = concat!("let address: ", stringify!($Cidr), " = \"", $text, "\".parse()?;")]
        #[doc = concat!("assert_eq!(address.to_string(), \"", $text, "\");")]
        #[doc = concat!("assert_eq!(address.prefix().to_string(), \"", $network, "\");")]
        /// # Ok::<(), vtep::subnet::ParseCidrError>(())
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Cidr {
            address: $Addr,
            len: $Len,
        }

        impl $Cidr {
            /// Returns an address with a prefix length.
            #[must_use]
            pub const fn new(address: $Addr, len: $Len) -> Self {
                Self { address, len }
            }

            /// The address, with its host bits.
            #[must_use]
            pub const fn address(self) -> $Addr {
                self.address
            }

            /// The prefix length.
            #[must_use]
            pub const fn len(self) -> $Len {
                self.len
            }

            /// Returns the prefix that contains the address: the host bits are dropped.
            #[must_use]
            pub const fn prefix(self) -> $Prefix {
                $Prefix::new(self.address, self.len)
            }

            /// Returns the same host in the next prefix of this length. The first prefix follows
            /// the last (flannel `IP4Net.Next`, which does not mask).
            #[must_use]
            pub const fn next(self) -> Self {
                let size = self.len.mask().wrapping_neg();
                let address = $Addr::from_bits(self.address.to_bits().wrapping_add(size));
                Self { address, len: self.len }
            }

            /// Returns the next address, with the same length. The first address follows the last
            /// (flannel `IncrementIP`).
            #[must_use]
            pub const fn next_address(self) -> Self {
                let address = $Addr::from_bits(self.address.to_bits().wrapping_add(1));
                Self { address, len: self.len }
            }
        }

        impl fmt::Display for $Cidr {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}/{}", self.address, self.len)
            }
        }

        impl fmt::Debug for $Cidr {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl From<$Cidr> for $Prefix {
            /// Drops the host bits.
            fn from(cidr: $Cidr) -> Self {
                cidr.prefix()
            }
        }

        impl From<$Prefix> for $Cidr {
            fn from(prefix: $Prefix) -> Self {
                Self { address: prefix.address(), len: prefix.len() }
            }
        }

        impl FromStr for $Cidr {
            type Err = ParseCidrError;

            /// Reads `address/length`. The address may have host bits.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let (address, len) = parse_cidr(text, $parse, $width)?;
                let len =
                    $Len::new(len).map_err(|error| ParseCidrError::Length { max: error.max })?;
                Ok(Self { address, len })
            }
        }
    };
}

cidr!(
    "IPv4",
    "RFC 4632 section 3.1",
    "10.1.17.9/24",
    "10.1.17.0/24",
    Ipv4Addr,
    u32,
    32,
    Ipv4PrefixLen,
    Ipv4Prefix,
    Ipv4Cidr,
    parse_ipv4
);
cidr!(
    "IPv6",
    "RFC 4291 section 2.3",
    "fd00:5::9/64",
    "fd00:5::/64",
    Ipv6Addr,
    u128,
    128,
    Ipv6PrefixLen,
    Ipv6Prefix,
    Ipv6Cidr,
    parse_ipv6
);

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn v4(text: &str) -> Ipv4Cidr {
        text.parse().unwrap()
    }

    /// flannel `pkg/ip/ipnet_test.go`, `ip6net_test.go`: Next and IncrementIP.
    #[test]
    fn flannels_steps_keep_host_bits() {
        assert_eq!(v4("10.1.17.9/24").next().to_string(), "10.1.18.9/24");
        assert_eq!(v4("1.2.3.0/24").next_address().to_string(), "1.2.3.1/24");
        assert_eq!(v4("255.255.255.255/24").next_address().to_string(), "0.0.0.0/24");
        assert_eq!(v4("1.2.3.4/0").next().to_string(), "1.2.3.4/0");
        let v6: Ipv6Cidr = "fc00:1::/64".parse().unwrap();
        assert_eq!(v6.next_address().to_string(), "fc00:1::1/64");
        assert_eq!(v6.prefix(), "fc00:1::/64".parse().unwrap());
    }

    #[test]
    fn from_str_refuses_what_is_not_an_address_with_a_length() {
        let length = ParseCidrError::Length { max: 32 };
        for (text, error) in [
            ("", ParseCidrError::NoLength),
            ("1.2.3.4", ParseCidrError::NoLength),
            ("/24", ParseCidrError::Address),
            ("2001:db8::/64", ParseCidrError::Address),
            ("1.2.3/24", ParseCidrError::Address),
            ("01.2.3.4/24", ParseCidrError::Address),
            (" 1.2.3.4/24", ParseCidrError::Address),
            ("1.2.3.4/", length),
            ("1.2.3.4/33", length),
            ("1.2.3.4/+24", length),
            ("1.2.3.4/24 ", length),
            ("1.2.3.4/24/24", length),
            ("1.2.3.4/4294967320", length),
        ] {
            assert_eq!(text.parse::<Ipv4Cidr>(), Err(error), "{text:?}");
        }
        assert_eq!("1.2.3.4/24".parse::<Ipv6Cidr>(), Err(ParseCidrError::Address));
        assert_eq!("1.2.3.4/024".parse(), Ok(v4("1.2.3.4/24")));
    }

    #[test]
    fn from_str_refuses_a_text_cut_before_the_length() {
        let text = "192.168.50.2/24";
        for end in 0..text.len() {
            let cut = text[..end].parse::<Ipv4Cidr>();
            // A shorter length is a length too.
            assert_eq!(cut.ok(), (end == 14).then(|| v4("192.168.50.2/2")), "{end}");
        }
    }

    #[test]
    fn text_reads_back() {
        fn holds(address: u128, len: u8) -> bool {
            let v4 = Ipv4Cidr::new((address as u32).into(), Ipv4PrefixLen::new(len % 33).unwrap());
            let v6 = Ipv6Cidr::new(address.into(), Ipv6PrefixLen::new(len % 129).unwrap());
            v4.to_string().parse() == Ok(v4) && v6.to_string().parse() == Ok(v6)
        }
        quickcheck::quickcheck(holds as fn(u128, u8) -> bool);
    }

    /// flannel `pkg/ip/ipnet_test.go`, `ip6net_test.go`: addresses themselves are `core`'s.
    #[test]
    fn flannels_address_vectors_hold_for_core() {
        assert_eq!("1.2.3.4".parse::<Ipv4Addr>().unwrap().octets(), [1, 2, 3, 4]);
        assert_eq!(
            "1.2.3.4".parse::<Ipv4Addr>().unwrap().octets().map(|o| o.to_string()).join("*"),
            "1*2*3*4"
        );
        assert!("2001:db8::1".parse::<Ipv4Addr>().is_err());
        assert!("::".parse::<Ipv6Addr>().unwrap().is_unspecified());
        let private = |text: &str| text.parse::<Ipv4Addr>().unwrap().is_private();
        assert!(["192.168.0.1", "172.16.0.1", "172.31.0.1", "10.1.2.3"].map(private) == [true; 4]);
        assert!(["8.8.8.8", "172.32.0.1", "192.167.0.1", "192.169.0.1"].map(private) == [false; 4]);
        let local = |text: &str| text.parse::<Ipv6Addr>().unwrap().is_unique_local();
        assert!(["fc00::1", "fcff::1", "fd00::1", "fdff::1"].map(local) == [true; 4]);
        assert!(["2001::", "fe00::", "::"].map(local) == [false; 3]);
        assert_eq!("fc00::1".parse::<Ipv6Addr>().unwrap().to_string(), "fc00::1");
    }
}
