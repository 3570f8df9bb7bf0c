//! The network's configuration, which all nodes share (flannel `pkg/subnet/config.go`).

use core::fmt;

use super::fields::{Field, RecordError, fields, read_fields};
use super::json::{JsonString, RawJson};
use crate::subnet::{Ipv4Prefix, Ipv6Prefix, PoolConfig, PoolError, Prefix, SubnetPool};

/// A network's configuration, as it was written.
///
/// ```
/// use vtep::lease::NetworkConfig;
///
/// let text = r#"{"Network":"10.3.0.0/16","Backend":{"Type":"vxlan","VNI":1}}"#;
/// let config = NetworkConfig::from_json(text)?;
/// assert_eq!(config.backend_type()?, "vxlan");
/// let pool = config.pools()?.ipv4.unwrap();
/// assert_eq!(pool.min().to_string(), "10.3.1.0/24");
/// # Ok::<(), vtep::lease::ConfigError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NetworkConfig<'a> {
    /// Whether IPv4 subnets are leased. True unless said otherwise.
    pub enable_ipv4: bool,
    /// Whether IPv6 subnets are leased.
    pub enable_ipv6: bool,
    /// Whether the nodes use nftables, not iptables.
    pub enable_nftables: bool,
    /// What is said of the IPv4 subnets.
    pub ipv4: PoolConfig<Ipv4Prefix>,
    /// What is said of the IPv6 subnets.
    pub ipv6: PoolConfig<Ipv6Prefix>,
    /// What is said of the backend: [`VxlanConfig`](super::VxlanConfig) reads that of `vxlan`.
    pub backend: Option<RawJson<'a>>,
}

/// The pools of a network, of the families that are enabled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pools {
    /// The IPv4 subnets.
    pub ipv4: Option<SubnetPool<Ipv4Prefix>>,
    /// The IPv6 subnets.
    pub ipv6: Option<SubnetPool<Ipv6Prefix>>,
}

/// A field of a network's configuration.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConfigField {
    /// A boolean.
    EnableIpv4,
    /// A boolean.
    EnableIpv6,
    /// A boolean.
    EnableNftables,
    /// An IPv4 address with a length. Host bits do not count.
    Network,
    /// An IPv6 address with a length. Host bits do not count.
    Ipv6Network,
    /// An IPv4 address, 0.0.0.0 for none.
    SubnetMin,
    /// An IPv4 address, 0.0.0.0 for none.
    SubnetMax,
    /// An IPv6 address, `::` or `null` for none.
    Ipv6SubnetMin,
    /// An IPv6 address, `::` or `null` for none.
    Ipv6SubnetMax,
    /// A number, 0 for none.
    SubnetLen,
    /// A number, 0 for none.
    Ipv6SubnetLen,
    /// Anything; an object with a `Type`, for the backends that there are.
    Backend,
}

fields!(ConfigField {
    EnableIpv4 = "EnableIPv4",
    EnableIpv6 = "EnableIPv6",
    EnableNftables = "EnableNFTables",
    Network = "Network",
    Ipv6Network = "IPv6Network",
    SubnetMin = "SubnetMin",
    SubnetMax = "SubnetMax",
    Ipv6SubnetMin = "IPv6SubnetMin",
    Ipv6SubnetMax = "IPv6SubnetMax",
    SubnetLen = "SubnetLen",
    Ipv6SubnetLen = "IPv6SubnetLen",
    Backend = "Backend",
});

/// A field of the backend's configuration that all backends have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum BackendField {
    Type,
}

fields!(BackendField { Type = "Type" });

/// Why a text is no configuration, or one that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// It is no JSON object with such fields.
    Record(RecordError<ConfigField>),
    /// The IPv4 subnets break a rule.
    Ipv4(PoolError<Ipv4Prefix>),
    /// The IPv6 subnets break a rule.
    Ipv6(PoolError<Ipv6Prefix>),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(error) => fmt::Display::fmt(error, f),
            Self::Ipv4(error) => write!(f, "IPv4: {error}"),
            Self::Ipv6(error) => write!(f, "IPv6: {error}"),
        }
    }
}

impl core::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Record(error) => Some(error),
            Self::Ipv4(error) => Some(error),
            Self::Ipv6(error) => Some(error),
        }
    }
}

impl From<RecordError<ConfigField>> for ConfigError {
    fn from(error: RecordError<ConfigField>) -> Self {
        Self::Record(error)
    }
}

impl<'a> NetworkConfig<'a> {
    /// Reads a configuration. Names of fields are compared without regard to case, unknown ones are
    /// passed over, and the last of several counts, as in flannel. The subnets are looked at by
    /// [`pools`](Self::pools).
    ///
    /// # Errors
    /// `text` is no JSON object, or a field has a wrong value.
    pub fn from_json(text: &'a str) -> Result<Self, ConfigError> {
        let mut config = Self {
            enable_ipv4: true,
            enable_ipv6: false,
            enable_nftables: false,
            ipv4: PoolConfig::new(Ipv4Prefix::DEFAULT),
            ipv6: PoolConfig::new(Ipv6Prefix::DEFAULT),
            backend: None,
        };
        let json = RawJson::new(text).map_err(RecordError::Json)?;
        read_fields(json, |field, json| config.read(field, json))?;
        Ok(config)
    }

    fn read(&mut self, field: ConfigField, json: RawJson<'a>) -> Option<()> {
        match field {
            ConfigField::EnableIpv4 => read_bool(&mut self.enable_ipv4, json)?,
            ConfigField::EnableIpv6 => read_bool(&mut self.enable_ipv6, json)?,
            ConfigField::EnableNftables => read_bool(&mut self.enable_nftables, json)?,
            ConfigField::Network => self.ipv4.network = json.string()?.parse()?,
            ConfigField::Ipv6Network => self.ipv6.network = json.string()?.parse()?,
            ConfigField::SubnetMin => self.ipv4.subnet_min = read_address::<Ipv4Prefix>(json)?,
            ConfigField::SubnetMax => self.ipv4.subnet_max = read_address::<Ipv4Prefix>(json)?,
            ConfigField::Ipv6SubnetMin if json.is_null() => self.ipv6.subnet_min = None,
            ConfigField::Ipv6SubnetMin => {
                self.ipv6.subnet_min = read_address::<Ipv6Prefix>(json)?;
            }
            ConfigField::Ipv6SubnetMax if json.is_null() => self.ipv6.subnet_max = None,
            ConfigField::Ipv6SubnetMax => {
                self.ipv6.subnet_max = read_address::<Ipv6Prefix>(json)?;
            }
            ConfigField::SubnetLen => read_len(&mut self.ipv4.subnet_len, json)?,
            ConfigField::Ipv6SubnetLen => read_len(&mut self.ipv6.subnet_len, json)?,
            ConfigField::Backend => self.backend = Some(json),
        }
        Some(())
    }

    /// The subnets that nodes may lease, after flannel's checks.
    ///
    /// # Errors
    /// The first rule that is broken, IPv4's before IPv6's.
    pub fn pools(&self) -> Result<Pools, ConfigError> {
        let ipv4 = self.enable_ipv4.then(|| self.ipv4.pool()).transpose();
        let ipv4 = ipv4.map_err(ConfigError::Ipv4)?;
        let ipv6 = self.enable_ipv6.then(|| self.ipv6.pool()).transpose();
        Ok(Pools { ipv4, ipv6: ipv6.map_err(ConfigError::Ipv6)? })
    }

    /// The type of the backend: `udp` when nothing is said of one, empty when no type is. Flannel
    /// looks it up in lower case.
    ///
    /// # Errors
    /// `Backend` is there and is neither an object nor `null`, or its `Type` is no string.
    pub fn backend_type(&self) -> Result<JsonString<'a>, ConfigError> {
        let Some(backend) = self.backend else { return Ok("udp".into()) };
        let mut backend_type = JsonString::default();
        if backend.is_null() {
            return Ok(backend_type);
        }
        let read = read_fields(backend, |BackendField::Type, json| {
            if !json.is_null() {
                backend_type = json.string()?;
            }
            Some(())
        });
        let offset = match read {
            Ok(()) => return Ok(backend_type),
            Err(RecordError::Field { offset, .. }) => offset,
            Err(_) => 0,
        };
        Err(RecordError::Field { field: ConfigField::Backend, offset }.into())
    }
}

/// Go leaves a boolean and a number as they are when the JSON has `null`.
fn read_bool(value: &mut bool, json: RawJson<'_>) -> Option<()> {
    if !json.is_null() {
        *value = json.bool()?;
    }
    Some(())
}

fn read_len(value: &mut Option<u64>, json: RawJson<'_>) -> Option<()> {
    if !json.is_null() {
        *value = Some(json.u64()?).filter(|len| *len != 0);
    }
    Some(())
}

fn read_address<P: Prefix>(json: RawJson<'_>) -> Option<Option<P::Address>>
where
    P::Address: core::str::FromStr,
{
    let address = json.string()?.parse()?;
    Some(Some(address).filter(|address| P::address_bits(*address) != 0))
}

#[cfg(test)]
mod tests {
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

    fn v4_pool(text: &str) -> Result<(u8, String, String, u128), ConfigError> {
        let pool = NetworkConfig::from_json(text)?.pools()?.ipv4.unwrap();
        let (min, max) = (pool.min().address(), pool.max().address());
        Ok((pool.subnet_len(), min.to_string(), max.to_string(), pool.count()))
    }

    fn v6_pool(text: &str) -> Result<(u8, String, String), ConfigError> {
        let pools = NetworkConfig::from_json(text)?.pools()?;
        assert_eq!(pools.ipv4, None);
        let pool = pools.ipv6.unwrap();
        let (min, max) = (pool.min().address(), pool.max().address());
        Ok((pool.subnet_len(), min.to_string(), max.to_string()))
    }

    /// flannel `pkg/subnet/config_test.go`, and what its rules give for other networks.
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
        let small =
            PoolError::NetworkTooSmall { network: "10.1.0.0/29".parse().unwrap(), most: 28 };
        for (net, len, min, max, error) in [
            ("0.0.0.0/0", "", "", "", PoolError::NoNetwork),
            ("10.1.0.0/16", "31", "", "", PoolError::SubnetLenTooLong { len: 31, most: 30 }),
            ("10.1.0.0/16", "999", "", "", PoolError::SubnetLenTooLong { len: 999, most: 30 }),
            ("10.1.0.0/16", "17", "", "", PoolError::SubnetLenTooShort { len: 17, least: 18 }),
            ("10.1.0.0/29", "30", "", "", PoolError::SubnetLenTooShort { len: 30, least: 31 }),
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
            assert_eq!(v4_pool(&text), Err(ConfigError::Ipv4(error)), "{text}");
        }
        assert_eq!(v4_pool("{}"), Err(ConfigError::Ipv4(PoolError::NoNetwork)));
    }

    #[test]
    fn flannels_ipv6_configs() {
        for (network, len, min, max, pool) in [
            ("fc00::/48", "", "", "", (64, "fc00:0:0:1::", "fc00:0:0:ffff::")),
            (
                "fc00::/48",
                "124",
                "fc00:0:0:1::",
                "fc00:0:0:f::",
                (124, "fc00:0:0:1::", "fc00:0:0:f::"),
            ),
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
        let small =
            PoolError::NetworkTooSmall { network: "fc00::/125".parse().unwrap(), most: 124 };
        for (network, len, error) in [
            ("fc00::/125", "", small),
            ("fc00::/48", "127", PoolError::SubnetLenTooLong { len: 127, most: 126 }),
            ("fc00::/48", "49", PoolError::SubnetLenTooShort { len: 49, least: 50 }),
            ("::/0", "", PoolError::NoNetwork),
        ] {
            let text = v6(network, len, "", "");
            assert_eq!(v6_pool(&text), Err(ConfigError::Ipv6(error)), "{text}");
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
            let config = NetworkConfig::from_json(&text).unwrap();
            config.backend_type().ok().map(|backend| backend.chars().collect())
        };
        assert_eq!(backend("").as_deref(), Some("udp"));
        assert_eq!(backend(r#","Backend":{}"#).as_deref(), Some(""));
        assert_eq!(backend(r#","Backend":null"#).as_deref(), Some(""));
        assert_eq!(backend(r#","Backend":{"Type":"host-gw"}"#).as_deref(), Some("host-gw"));
        assert_eq!(backend(r#","Backend":"vxlan""#), None);
        assert_eq!(backend(r#","Backend":{"Type":7}"#), None);
    }

    #[test]
    fn refuses_fields_of_another_type_and_says_where() {
        for (text, field, offset) in [
            (r#"{"Network":"2001:db8::/64"}"#, ConfigField::Network, 11),
            (r#"{"Network":"10.3.0.0"}"#, ConfigField::Network, 11),
            (r#"{"Network": null}"#, ConfigField::Network, 12),
            (r#"{"SubnetLen":"24"}"#, ConfigField::SubnetLen, 13),
            (r#"{"SubnetLen":24.0}"#, ConfigField::SubnetLen, 13),
            (r#"{"SubnetLen":-1}"#, ConfigField::SubnetLen, 13),
            (r#"{"SubnetLen":18446744073709551616}"#, ConfigField::SubnetLen, 13),
            (r#"{"EnableIPv4":"true"}"#, ConfigField::EnableIpv4, 14),
            (r#"{"SubnetMin":"::1"}"#, ConfigField::SubnetMin, 13),
            (r#"{"IPv6SubnetMax":"1.2.3.4"}"#, ConfigField::Ipv6SubnetMax, 17),
        ] {
            let error = ConfigError::Record(RecordError::Field { field, offset });
            assert_eq!(NetworkConfig::from_json(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_config_cut_short_is_none() {
        let text = v4("10.3.0.0/16", "28", "10.3.5.0", "10.3.8.0");
        for end in 0..text.len() {
            let cut = NetworkConfig::from_json(&text[..end]);
            assert!(matches!(cut, Err(ConfigError::Record(RecordError::Json(_)))), "{end}");
        }
    }
}
