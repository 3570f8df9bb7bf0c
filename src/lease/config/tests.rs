use super::*;
use std::format;
use std::string::{String, ToString};

fn v4(network: &str, len: &str, min: &str, max: &str) -> String {
    let mut text = format!(r#"{{"Network":"{network}""#);
    for (field, value) in [("SubnetMin", min), ("SubnetMax", max)] {
        if !value.is_empty() {
            text += &format!(r#","{field}":"{value}""#);
        }
    }
    if !len.is_empty() {
        text += &format!(r#","SubnetLen":{len}"#);
    }
    text + "}"
}

fn v6(network: &str, len: &str, min: &str, max: &str) -> String {
    let text = v4(network, len, min, max);
    let text = text.replace("\"Subnet", "\"IPv6Subnet").replace("Network", "IPv6Network");
    text.replace('{', r#"{"EnableIPv4":false,"EnableIPv6":true,"#)
}

fn v4_pool(text: &str) -> Result<(u8, String, String, u128), NetworkConfigError> {
    let pool = NetworkConfig::from_json(text)?.pools()?.ipv4.unwrap();
    let (min, max) = (pool.min().address(), pool.max().address());
    Ok((pool.subnet_len(), min.to_string(), max.to_string(), pool.count()))
}

fn v6_pool(text: &str) -> Result<(u8, String, String), NetworkConfigError> {
    let pools = NetworkConfig::from_json(text)?.pools()?;
    assert_eq!(pools.ipv4, None);
    let pool = pools.ipv6.unwrap();
    let (min, max) = (pool.min().address(), pool.max().address());
    Ok((pool.subnet_len(), min.to_string(), max.to_string()))
}

/// flannel `pkg/subnet/config_test.go`, and the results of its rules for other networks.
#[test]
fn flannels_ipv4_configs() {
    for (network, len, min, max, pool) in [
        ("10.3.0.0/16", "", "", "", (24, "10.3.1.0", "10.3.255.0", 255)),
        ("10.3.0.0/16", "28", "10.3.5.0", "10.3.8.0", (28, "10.3.5.0", "10.3.8.0", 49)),
        ("10.0.0.0/8", "", "", "", (24, "10.0.1.0", "10.255.255.0", 65_535)),
        ("10.3.0.0/16", "28", "", "", (28, "10.3.0.16", "10.3.255.240", 4095)),
        ("10.1.0.0/21", "", "", "", (24, "10.1.1.0", "10.1.7.0", 7)),
        ("10.1.0.0/22", "", "", "", (24, "10.1.1.0", "10.1.3.0", 3)),
        ("10.1.0.0/23", "", "", "", (25, "10.1.0.128", "10.1.1.128", 3)),
        ("10.1.0.0/24", "", "", "", (26, "10.1.0.64", "10.1.0.192", 3)),
        ("10.1.0.0/28", "", "", "", (30, "10.1.0.4", "10.1.0.12", 3)),
        ("10.1.0.0/16", "18", "", "", (18, "10.1.64.0", "10.1.192.0", 3)),
        ("10.1.0.0/16", "30", "", "", (30, "10.1.0.4", "10.1.255.252", 16_383)),
        ("10.0.0.0/8", "20", "10.10.0.0", "10.99.0.0", (20, "10.10.0.0", "10.99.0.0", 1425)),
        ("255.0.0.0/8", "", "", "", (24, "255.0.1.0", "255.255.255.0", 65_535)),
        ("0.0.0.0/1", "", "", "", (24, "0.0.1.0", "127.255.255.0", 8_388_607)),
        ("172.16.0.0/12", "", "", "", (24, "172.16.1.0", "172.31.255.0", 4095)),
        ("192.168.0.0/16", "26", "", "", (26, "192.168.0.64", "192.168.255.192", 1023)),
        ("10.3.0.0/16", "24", "10.3.9.0", "10.3.5.0", (24, "10.3.9.0", "10.3.5.0", 0)),
        ("10.3.7.9/16", "0", "0.0.0.0", "0.0.0.0", (24, "10.3.1.0", "10.3.255.0", 255)),
    ] {
        let (pool_len, first, last, count) = pool;
        let text = v4(network, len, min, max);
        assert_eq!(v4_pool(&text), Ok((pool_len, first.into(), last.into(), count)), "{text}");
    }
}

#[test]
fn flannels_ipv4_rules() {
    let network = "10.3.0.0/16".parse().unwrap();
    let ip = |text: &str| text.parse().unwrap();
    let small = PoolError::NetworkTooSmall { network: "10.1.0.0/29".parse().unwrap(), max: 28 };
    for (net, len, min, max, error) in [
        ("0.0.0.0/0", "", "", "", PoolError::NoNetwork),
        ("10.1.0.0/16", "31", "", "", PoolError::SubnetLenTooLong { len: 31, max: 30 }),
        ("10.1.0.0/16", "999", "", "", PoolError::SubnetLenTooLong { len: 999, max: 30 }),
        ("10.1.0.0/16", "17", "", "", PoolError::SubnetLenTooShort { len: 17, min: 18 }),
        ("10.1.0.0/29", "30", "", "", PoolError::SubnetLenTooShort { len: 30, min: 31 }),
        ("10.1.0.0/29", "", "", "", small),
        (
            "10.3.0.0/16",
            "24",
            "10.4.0.0",
            "10.2.255.0",
            PoolError::MinOutside { min: ip("10.4.0.0"), network },
        ),
        (
            "10.3.0.0/16",
            "24",
            "10.3.0.1",
            "10.2.255.0",
            PoolError::MaxOutside { max: ip("10.2.255.0"), network },
        ),
        (
            "10.3.0.0/16",
            "24",
            "10.3.5.1",
            "10.3.8.16",
            PoolError::MinUnaligned { min: ip("10.3.5.1"), len: 24 },
        ),
        (
            "10.3.0.0/16",
            "24",
            "",
            "10.3.8.16",
            PoolError::MaxUnaligned { max: ip("10.3.8.16"), len: 24 },
        ),
    ] {
        let text = v4(net, len, min, max);
        assert_eq!(v4_pool(&text), Err(NetworkConfigError::Ipv4(error)), "{text}");
    }
    assert_eq!(v4_pool("{}"), Err(NetworkConfigError::Ipv4(PoolError::NoNetwork)));
}

#[test]
fn flannels_ipv6_configs() {
    for (network, len, min, max, pool) in [
        ("fc00::/48", "", "", "", (64, "fc00:0:0:1::", "fc00:0:0:ffff::")),
        ("fc00::/48", "124", "fc00:0:0:1::", "fc00:0:0:f::", (124, "fc00:0:0:1::", "fc00:0:0:f::")),
        ("2001:cafe:42::/56", "", "", "", (64, "2001:cafe:42:1::", "2001:cafe:42:ff::")),
        ("fc00::/62", "", "", "", (64, "fc00:0:0:1::", "fc00:0:0:3::")),
        ("fc00::/63", "", "", "", (65, "fc00::8000:0:0:0", "fc00:0:0:1:8000::")),
        ("fc00::/64", "", "", "", (66, "fc00::4000:0:0:0", "fc00::c000:0:0:0")),
        ("fc00::/124", "", "", "", (126, "fc00::4", "fc00::c")),
        ("fc00::/48", "124", "", "", (124, "fc00::10", "fc00::ffff:ffff:ffff:ffff:fff0")),
    ] {
        let (pool_len, first, last) = pool;
        let text = v6(network, len, min, max);
        assert_eq!(v6_pool(&text), Ok((pool_len, first.into(), last.into())), "{text}");
    }
}

#[test]
fn flannels_ipv6_rules() {
    let small = PoolError::NetworkTooSmall { network: "fc00::/125".parse().unwrap(), max: 124 };
    for (network, len, error) in [
        ("fc00::/125", "", small),
        ("fc00::/48", "127", PoolError::SubnetLenTooLong { len: 127, max: 126 }),
        ("fc00::/48", "49", PoolError::SubnetLenTooShort { len: 49, min: 50 }),
        ("::/0", "", PoolError::NoNetwork),
    ] {
        let text = v6(network, len, "", "");
        assert_eq!(v6_pool(&text), Err(NetworkConfigError::Ipv6(error)), "{text}");
    }
}

#[test]
fn reads_dual_stack_in_any_case() {
    let text = r#"{"network":"10.3.0.0\/16","ENABLEIPV6":true,"ipv6network":"fc00::/48",
        "EnableNFTables":true,"other":[1],"SubnetLen":null,"IPv6SubnetMin":null,
        "subnetlen":26,"Backend":{"type":"VXLAN"}}"#;
    let config = NetworkConfig::from_json(text).unwrap();
    let pools = config.pools().unwrap();
    assert_eq!(pools.ipv4.unwrap().subnet_len(), 26);
    assert_eq!(pools.ipv6.unwrap().count(), 65_535);
    assert!(config.enable_nftables && config.backend_type().unwrap().eq_folded("vxlan"));
}

#[test]
fn finds_the_backends_type() {
    let backend = |text: &str| -> Option<String> {
        let text = format!(r#"{{"Network":"10.3.0.0/16"{text}}}"#);
        let config = NetworkConfig::from_json(&text).ok()?;
        config.backend_type().ok().map(|backend| backend.chars().collect())
    };
    assert_eq!(backend("").as_deref(), Some("udp"));
    assert_eq!(backend(r#","Backend":{}"#).as_deref(), Some(""));
    assert_eq!(backend(r#","Backend":null"#).as_deref(), Some(""));
    assert_eq!(backend(r#","Backend":{"Type":"host-gw"}"#).as_deref(), Some("host-gw"));
    assert_eq!(backend(r#","Backend":"vxlan""#), None);
    assert_eq!(backend(r#","Backend":{"Type":7}"#), None);
}

/// Flannel's empty values: 0.0.0.0 and `::` for an address, length 0 for a network, 0 for a length,
/// `null` where Go has a pointer or a number.
#[test]
fn a_field_that_is_none_is_as_one_that_is_absent() {
    let v4 = v4("10.3.0.0/16", "", "", "");
    let v6 = v6("fc00::/48", "", "", "");
    for (text, none) in [
        (&v4, r#""SubnetMin":"0.0.0.0""#),
        (&v4, r#""SubnetMax":"0.0.0.0""#),
        (&v4, r#""SubnetLen":0"#),
        (&v4, r#""SubnetLen":null"#),
        (&v4, r#""EnableIPv4":null"#),
        (&v4, r#""EnableIPv6":null"#),
        (&v4, r#""IPv6Network":"::/0""#),
        (&v6, r#""IPv6SubnetMin":"::""#),
        (&v6, r#""IPv6SubnetMin":null"#),
        (&v6, r#""IPv6SubnetMax":"::""#),
        (&v6, r#""IPv6SubnetMax":null"#),
        (&v6, r#""IPv6SubnetLen":0"#),
        (&v6, r#""IPv6SubnetLen":null"#),
        (&v6, r#""Network":"0.0.0.0/0""#),
    ] {
        let with = text.replace('}', &format!(",{none}}}"));
        assert_eq!(NetworkConfig::from_json(&with), NetworkConfig::from_json(text), "{with}");
    }
    let no_v4 = Err(NetworkConfigError::Ipv4(PoolError::NoNetwork));
    for network in ["0.0.0.0/0", "10.3.0.0/0"] {
        let text = format!(r#"{{"Network":"{network}"}}"#);
        assert_eq!(NetworkConfig::from_json(&text).unwrap().pools(), no_v4, "{network}");
    }
    let no_v6 = Err(NetworkConfigError::Ipv6(PoolError::NoNetwork));
    for network in ["::/0", "fc00::/0"] {
        let text = format!(r#"{{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"{network}"}}"#);
        assert_eq!(NetworkConfig::from_json(&text).unwrap().pools(), no_v6, "{network}");
    }
}

/// Where Go has neither a pointer nor a number, `null` and `""` go to a parser that refuses them.
#[test]
fn a_field_that_is_unreadable_is_not_none() {
    for (name, field) in [
        ("Network", NetworkConfigField::Network),
        ("IPv6Network", NetworkConfigField::Ipv6Network),
        ("SubnetMin", NetworkConfigField::SubnetMin),
        ("SubnetMax", NetworkConfigField::SubnetMax),
        ("IPv6SubnetMin", NetworkConfigField::Ipv6SubnetMin),
        ("IPv6SubnetMax", NetworkConfigField::Ipv6SubnetMax),
        ("SubnetLen", NetworkConfigField::SubnetLen),
        ("IPv6SubnetLen", NetworkConfigField::Ipv6SubnetLen),
        ("EnableIPv4", NetworkConfigField::EnableIpv4),
        ("EnableIPv6", NetworkConfigField::EnableIpv6),
        ("EnableNFTables", NetworkConfigField::EnableNftables),
        ("Backend", NetworkConfigField::Backend),
    ] {
        let nullable = ["SubnetLen", "Enable", "IPv6SubnetM", "Backend"];
        let is_nullable = nullable.iter().any(|part| name.contains(part));
        for value in ["null", r#""""#, "[]", "-1", r#""10.3.0.0/33""#] {
            let text = format!(r#"{{"{name}":{value}}}"#);
            let error =
                NetworkConfigError::Record(RecordError::Field { field, offset: name.len() + 4 });
            let read = NetworkConfig::from_json(&text).map(drop);
            let expected = if is_nullable && value == "null" { Ok(()) } else { Err(error) };
            assert_eq!(read, expected, "{text}");
        }
    }
}

#[test]
fn refuses_fields_of_another_type_and_says_where() {
    for (text, field, offset) in [
        (r#"{"Network":"2001:db8::/64"}"#, NetworkConfigField::Network, 11),
        (r#"{"Network":"10.3.0.0"}"#, NetworkConfigField::Network, 11),
        (r#"{"Network": null}"#, NetworkConfigField::Network, 12),
        (r#"{"SubnetLen":"24"}"#, NetworkConfigField::SubnetLen, 13),
        (r#"{"SubnetLen":24.0}"#, NetworkConfigField::SubnetLen, 13),
        (r#"{"SubnetLen":-1}"#, NetworkConfigField::SubnetLen, 13),
        (r#"{"SubnetLen":18446744073709551616}"#, NetworkConfigField::SubnetLen, 13),
        (r#"{"EnableIPv4":"true"}"#, NetworkConfigField::EnableIpv4, 14),
        (r#"{"SubnetMin":"::1"}"#, NetworkConfigField::SubnetMin, 13),
        (r#"{"IPv6SubnetMax":"1.2.3.4"}"#, NetworkConfigField::Ipv6SubnetMax, 17),
        (r#"{"Backend":"vxlan"}"#, NetworkConfigField::Backend, 11),
        (r#"{"Backend":{"Type":1}}"#, NetworkConfigField::Backend, 11),
    ] {
        let error = NetworkConfigError::Record(RecordError::Field { field, offset });
        assert_eq!(NetworkConfig::from_json(text), Err(error), "{text}");
    }
}

#[test]
fn a_config_cut_short_is_none() {
    let text = v4("10.3.0.0/16", "28", "10.3.5.0", "10.3.8.0");
    for end in 0..text.len() {
        let cut = NetworkConfig::from_json(&text[..end]);
        assert!(matches!(cut, Err(NetworkConfigError::Record(RecordError::Json(_)))), "{end}");
    }
}

#[test]
fn any_text_like_a_config_is_one_or_is_not() {
    fn holds(at: usize, cut: usize, put: String) -> bool {
        let mut text = v6("fc00::/48", "124", "fc00:0:0:1::", "fc00:0:0:f::");
        text = text.replace(
            "\"EnableIPv4\":false",
            r#""Network":"10.3.0.0/16","Backend":{"Type":"a\u0062"}"#,
        );
        let at = at % text.len();
        text.replace_range(at..text.len().min(at + cut % 4), &put);
        if let Ok(config) = NetworkConfig::from_json(&text) {
            let _ = (config.pools(), config.backend_type());
        }
        true
    }
    quickcheck::QuickCheck::new().tests(2000).quickcheck(holds as fn(usize, usize, String) -> bool);
}

/// flannel reads a network by Go's `net.ParseCIDR`, which drops host bits (`pkg/ip/ipnet.go`).
#[test]
fn from_json_drops_the_host_bits_of_a_network() {
    let text = r#"{"Network":"10.3.7.9/16","IPv6Network":"fc00::7/48"}"#;
    let config = NetworkConfig::from_json(text).unwrap();
    assert_eq!(config.ipv4.network, "10.3.0.0/16".parse().unwrap());
    assert_eq!(config.ipv6.network, "fc00::/48".parse().unwrap());
}
