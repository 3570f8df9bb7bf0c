use super::*;
use std::string::ToString;
use std::vec::Vec;

fn v4(text: &str) -> Ipv4Prefix {
    text.parse().unwrap()
}

fn v6(text: &str) -> Ipv6Prefix {
    text.parse().unwrap()
}

/// flannel `pkg/ip/ipnet_test.go`: overlaps, contains, containsCIDR.
#[test]
fn flannels_ipv4_overlap_and_containment() {
    for (a, b, overlap) in [
        ("1.2.3.0/24", "1.2.3.0/24", true),
        ("1.2.3.0/24", "1.2.0.0/16", true),
        ("1.2.3.0/24", "1.2.4.0/24", false),
        ("1.2.3.0/24", "7.2.4.0/22", false),
        ("10.3.4.0/24", "10.3.4.128/25", true),
        ("10.3.4.0/25", "10.3.4.128/25", false),
        ("0.0.0.0/0", "10.0.0.0/8", true),
    ] {
        assert_eq!(v4(a).overlaps(v4(b)), overlap, "{a} {b}");
        assert_eq!(v4(b).overlaps(v4(a)), overlap, "{b} {a}");
    }
    for (address, inside) in [("1.2.3.0", true), ("1.2.3.4", true), ("1.2.4.0", false)] {
        assert_eq!(v4("1.2.3.0/24").contains(address.parse().unwrap()), inside, "{address}");
    }
    for (inner, inside) in [
        ("10.244.0.0/16", true),
        ("10.244.7.0/24", true),
        ("10.244.255.0/24", true),
        ("10.244.0.0/15", false),
        ("192.168.0.0/24", false),
    ] {
        assert_eq!(v4("10.244.0.0/16").contains_prefix(v4(inner)), inside, "{inner}");
    }
}

/// flannel `pkg/ip/ip6net_test.go`: Empty, Overlaps, Contains, ContainsCIDR.
#[test]
fn flannels_ipv6_emptiness_overlap_and_containment() {
    for (text, empty) in [("::/0", true), ("::/64", false), ("fc00:1::/64", false)] {
        assert_eq!(v6(text).is_default(), empty, "{text}");
    }
    for (b, overlap) in
        [("fc00:1::/64", true), ("fc00::/16", true), ("fc00:2::/64", false), ("fb00:2::/48", false)]
    {
        assert_eq!(v6("fc00:1::/64").overlaps(v6(b)), overlap, "{b}");
    }
    for (address, inside) in [("fc00:1::", true), ("fc00:1::1", true), ("fc00:2::", false)] {
        assert_eq!(v6("fc00:1::/64").contains(address.parse().unwrap()), inside, "{address}");
    }
    for (inner, inside) in [
        ("2001:db8:1234::/48", true),
        ("2001:db8:1234::/64", true),
        ("2001:db8:1234:ffff::/64", true),
        ("2001:db8:1234::/47", false),
        ("fe02::/32", false),
    ] {
        assert_eq!(v6("2001:db8:1234::/48").contains_prefix(v6(inner)), inside, "{inner}");
    }
}

#[test]
fn flannels_next_wraps() {
    for (prefix, next) in [
        ("10.1.17.0/24", "10.1.18.0/24"),
        ("10.1.255.0/24", "10.2.0.0/24"),
        ("10.0.0.0/8", "11.0.0.0/8"),
        ("255.255.255.0/24", "0.0.0.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("1.2.3.4/32", "1.2.3.5/32"),
        ("255.255.255.255/32", "0.0.0.0/32"),
    ] {
        assert_eq!(v4(prefix).next(), v4(next), "{prefix}");
    }
    assert_eq!(v6("::/0").next(), v6("::/0"));
    assert_eq!(v6("fc00:0:0:ffff::/64").next(), v6("fc00:0:1::/64"));
    let last = v6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
    assert_eq!(last.next(), v6("::/128"));
}

#[test]
fn the_edges_of_length_are_like_any_other() {
    assert!(v4("0.0.0.0/0").contains(Ipv4Addr::BROADCAST));
    assert_eq!(v4("0.0.0.0/0").last_address(), Ipv4Addr::BROADCAST);
    assert_eq!(v4("1.2.3.4/32").last_address(), Ipv4Addr::new(1, 2, 3, 4));
    assert!(!v6("::1/128").contains(Ipv6Addr::UNSPECIFIED));
    assert!(v6("::/0").contains_prefix(v6("::1/128")));
    assert_eq!(Ipv4PrefixLen::new(33), Err(PrefixLenError { len: 33, max: 32 }));
    assert_eq!(Ipv6PrefixLen::new(129), Err(PrefixLenError { len: 129, max: 128 }));
}

#[test]
fn iterates_over_its_parts_to_the_end_of_the_address_space() {
    let len = |len| Ipv4PrefixLen::new(len).unwrap();
    let parts = |text: &str, bits| -> Vec<_> {
        v4(text).subnets(len(bits)).map(|subnet| subnet.to_string()).collect()
    };
    assert_eq!(parts("255.255.254.0/23", 24), ["255.255.254.0/24", "255.255.255.0/24"]);
    assert_eq!(parts("0.0.0.0/0", 1), ["0.0.0.0/1", "128.0.0.0/1"]);
    assert_eq!(parts("0.0.0.0/0", 0), ["0.0.0.0/0"]);
    assert_eq!(parts("1.2.3.4/32", 32), ["1.2.3.4/32"]);
    assert!(parts("10.0.0.0/24", 23).is_empty());
}

#[test]
fn literal_and_arithmetic_are_const() {
    const LEN: Ipv4PrefixLen = Ipv4PrefixLen::literal::<24>();
    const PREFIX: Ipv4Prefix = Ipv4Prefix::new(Ipv4Addr::new(10, 1, 17, 9), LEN).next();
    assert_eq!(PREFIX, v4("10.1.18.0/24"));
}

#[test]
fn a_length_converts_from_and_to_numbers_and_text() {
    assert_eq!(Ipv4PrefixLen::try_from(32).map(u8::from), Ok(32));
    assert_eq!(Ipv6PrefixLen::try_from(129), Err(PrefixLenError { len: 129, max: 128 }));
    assert_eq!("128".parse(), Ok(Ipv6PrefixLen::MAX));
    for text in ["", "33", "+1", " 1", "1 ", "/1", "0x1"] {
        let error = ParseCidrError::Length { max: 32 };
        assert_eq!(text.parse::<Ipv4PrefixLen>(), Err(error), "{text:?}");
    }
}

/// `Prefix::new`, and the `prefix()` of a text with host bits, are the ways to drop them.
#[test]
fn from_str_refuses_host_bits() {
    for text in ["10.0.0.7/24", "0.0.0.1/0", "10.0.0.1/31", "128.0.0.0/0"] {
        assert_eq!(text.parse::<Ipv4Prefix>(), Err(ParseCidrError::HostBits), "{text}");
    }
    for text in ["fd00::7/64", "::1/127", "8000::/0"] {
        assert_eq!(text.parse::<Ipv6Prefix>(), Err(ParseCidrError::HostBits), "{text}");
    }
    assert_eq!("10.0.0.7/32".parse(), Ok(v4("10.0.0.7/32")));
    assert_eq!("10.0.0.7".parse::<Ipv4Prefix>(), Err(ParseCidrError::NoLength));
    let len = ParseCidrError::Length { max: 32 };
    assert_eq!("10.0.0.7/33".parse::<Ipv4Prefix>(), Err(len), "the length is read first");
}

#[test]
fn text_of_a_prefix_reads_back() {
    fn holds(address: u32, len: u8) -> bool {
        let prefix = Ipv4Prefix::new(address.into(), Ipv4PrefixLen::new(len % 33).unwrap());
        prefix.to_string().parse() == Ok(prefix)
    }
    quickcheck::quickcheck(holds as fn(u32, u8) -> bool);
    fn holds_v6(address: u128, len: u8) -> bool {
        let prefix = Ipv6Prefix::new(address.into(), Ipv6PrefixLen::new(len % 129).unwrap());
        prefix.to_string().parse() == Ok(prefix)
    }
    quickcheck::quickcheck(holds_v6 as fn(u128, u8) -> bool);
}

#[test]
fn overlap_is_a_common_address() {
    fn holds(a: u32, a_len: u8, b_bits: u32, b_len: u8) -> bool {
        // Near each other, else random prefixes never meet.
        let prefix = |bits: u32, len| {
            Ipv4Prefix::new(bits.into(), Ipv4PrefixLen::new(24 + len % 9).unwrap())
        };
        let (a, b) = (prefix(a, a_len), prefix(a ^ (b_bits & 0xff), b_len));
        let common = (0..=255u32)
            .map(|host| Ipv4Addr::from_bits(a.address().to_bits() & !0xff | host))
            .any(|address| a.contains(address) && b.contains(address));
        a.overlaps(b) == common
    }
    quickcheck::quickcheck(holds as fn(u32, u8, u32, u8) -> bool);
}
