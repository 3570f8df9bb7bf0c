//! `serde` for the values that people keep in files: texts as [`Display`](core::fmt::Display) writes
//! them and `FromStr` reads them, and numbers as numbers, in every format.
#![forbid(unsafe_code)]

use core::fmt;
use core::marker::PhantomData;
use core::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::lease::LeaseKey;
use crate::subnet::{
    IpPrefix, Ipv4Cidr, Ipv4Prefix, Ipv4PrefixLen, Ipv6Cidr, Ipv6Prefix, Ipv6PrefixLen,
};
use crate::wire::{MacAddr, Vni};

/// Reads a text, borrowed or not, by `FromStr`.
struct Text<T> {
    expected: &'static str,
    value: PhantomData<T>,
}

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! by_text {
    ($($type:ty: $expected:literal,)*) => {
        $(
            impl Serialize for $type {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> Deserialize<'de> for $type {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    deserializer.deserialize_str(Text { expected: $expected, value: PhantomData })
                }
            }
        )*
    };
}

macro_rules! by_number {
    ($($type:ty: $integer:ty,)*) => {
        $(
            impl Serialize for $type {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    <$integer>::from(*self).serialize(serializer)
                }
            }

            impl<'de> Deserialize<'de> for $type {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    <$integer>::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
                }
            }
        )*
    };
}

by_text! {
    IpPrefix: "an IP prefix, such as \"10.5.34.0/24\" or \"fd00:5:34::/64\"",
    Ipv4Cidr: "an IPv4 address with a prefix length, such as \"10.5.34.1/24\"",
    Ipv4Prefix: "an IPv4 prefix, such as \"10.5.34.0/24\"",
    Ipv6Cidr: "an IPv6 address with a prefix length, such as \"fd00:5:34::1/64\"",
    Ipv6Prefix: "an IPv6 prefix, such as \"fd00:5:34::/64\"",
    LeaseKey: "a lease key, such as \"10.5.34.0-24\"",
    MacAddr: "a MAC address, such as \"c6:d2:32:6f:8f:44\"",
}

by_number! {
    Ipv4PrefixLen: u8,
    Ipv6PrefixLen: u8,
    Vni: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Debug;
    use serde::de::DeserializeOwned;
    use serde_json::{from_str, from_value, to_string, to_value};
    use std::string::ToString;

    /// The JSON is `text`, and is read back: borrowed, and from a reader that owns its strings.
    fn holds<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, text: &str) {
        assert_eq!(to_string(&value).unwrap(), text);
        assert_eq!(from_str::<T>(text).unwrap(), value);
        assert_eq!(from_value::<T>(to_value(&value).unwrap()).unwrap(), value);
    }

    fn error<T: DeserializeOwned + Debug>(json: &str) -> std::string::String {
        from_str::<T>(json).unwrap_err().to_string()
    }

    #[test]
    fn values_are_their_texts() {
        holds("10.5.34.0/24".parse::<Ipv4Prefix>().unwrap(), r#""10.5.34.0/24""#);
        holds("fd00:5:34::/64".parse::<Ipv6Prefix>().unwrap(), r#""fd00:5:34::/64""#);
        holds("fd00:5:34::/64".parse::<IpPrefix>().unwrap(), r#""fd00:5:34::/64""#);
        holds("10.5.34.1/24".parse::<Ipv4Cidr>().unwrap(), r#""10.5.34.1/24""#);
        holds("fd00::1/64".parse::<Ipv6Cidr>().unwrap(), r#""fd00::1/64""#);
        holds("10.5.34.0-24&fd00::-64".parse::<LeaseKey>().unwrap(), r#""10.5.34.0-24&fd00::-64""#);
        let mac = MacAddr::new([0xc6, 0xd2, 0x32, 0x6f, 0x8f, 0x44]);
        holds(mac, r#""c6:d2:32:6f:8f:44""#);
    }

    #[test]
    fn numbers_are_numbers() {
        holds(Vni::literal::<4096>(), "4096");
        holds(Ipv4PrefixLen::literal::<24>(), "24");
        holds(Ipv6PrefixLen::literal::<128>(), "128");
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let host_bits = error::<Ipv4Prefix>(r#""10.5.34.7/24""#);
        assert!(host_bits.starts_with("the address has bits set after"), "{host_bits}");
        let number = error::<LeaseKey>("7");
        assert!(number.contains("integer `7`, expected a lease key, such as"), "{number}");
        assert!(error::<Vni>("16777216").starts_with("VNI 16777216 is more than 16777215"));
        assert!(error::<Vni>(r#""1""#).contains("invalid type: string"));
        assert!(error::<Ipv4PrefixLen>("33").starts_with("prefix length 33, at most 32"));
    }
}
