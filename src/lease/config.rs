//! The network's configuration, which all nodes share (flannel `pkg/subnet/config.go`).

use core::fmt;
use core::str::FromStr;

use super::fields::{RecordError, fields, read_fields};
use super::json::{JsonString, RawJson};
use crate::subnet::{
    Ipv4Cidr, Ipv4Prefix, Ipv6Cidr, Ipv6Prefix, PoolConfig, PoolError, Prefix, SubnetPool,
};

/// A network's configuration, as it was written.
///
/// # Examples
///
/// ```
/// use vtep::lease::NetworkConfig;
///
/// let text = r#"{"Network":"10.3.0.0/16","Backend":{"Type":"vxlan","VNI":1}}"#;
/// let config = NetworkConfig::from_json(text)?;
/// assert_eq!(config.backend_type()?, "vxlan");
/// let pool = config.pools()?.ipv4.unwrap();
/// assert_eq!(pool.min().to_string(), "10.3.1.0/24");
/// # Ok::<(), vtep::lease::NetworkConfigError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct NetworkConfig<'a> {
    /// True if IPv4 subnets are leased, which is the default.
    pub enable_ipv4: bool,
    /// True if IPv6 subnets are leased.
    pub enable_ipv6: bool,
    /// True if the nodes use nftables instead of iptables.
    pub enable_nftables: bool,
    /// The configuration of the IPv4 subnets.
    pub ipv4: PoolConfig<Ipv4Prefix>,
    /// The configuration of the IPv6 subnets.
    pub ipv6: PoolConfig<Ipv6Prefix>,
    /// The configuration of the backend: [`VxlanConfig`](super::VxlanConfig) reads that of `vxlan`.
    pub backend: Option<RawJson<'a>>,
}

/// The pools of a network, of the families that are enabled: see [`NetworkConfig::pools`].
///
/// # Examples
///
/// ```
/// use vtep::lease::NetworkConfig;
/// use vtep::subnet::PoolConfig;
///
/// let pools = NetworkConfig::new(PoolConfig::new("10.3.0.0/16".parse()?)).pools()?;
/// assert_eq!(pools.ipv4.map(|pool| pool.count()), Some(255));
/// assert_eq!(pools.ipv6, None);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Pools {
    /// The IPv4 subnets.
    pub ipv4: Option<SubnetPool<Ipv4Prefix>>,
    /// The IPv6 subnets.
    pub ipv6: Option<SubnetPool<Ipv6Prefix>>,
}

/// A field of a network's configuration.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum NetworkConfigField {
    /// A boolean.
    EnableIpv4,
    /// A boolean.
    EnableIpv6,
    /// A boolean.
    EnableNftables,
    /// An IPv4 address with a length. Host bits are dropped.
    Network,
    /// An IPv6 address with a length. Host bits are dropped.
    Ipv6Network,
    /// An IPv4 address, 0.0.0.0 if absent.
    SubnetMin,
    /// An IPv4 address, 0.0.0.0 if absent.
    SubnetMax,
    /// An IPv6 address, `::` or `null` if absent.
    Ipv6SubnetMin,
    /// An IPv6 address, `::` or `null` if absent.
    Ipv6SubnetMax,
    /// A number, 0 if absent.
    SubnetLen,
    /// A number, 0 if absent.
    Ipv6SubnetLen,
    /// An object, whose `Type` is a string if it is there; or `null`.
    Backend,
}

fields!(pub NetworkConfigField {
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

/// The reason why a text is not a configuration, or is one that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum NetworkConfigError {
    /// It is not a JSON object with such fields.
    Record(RecordError<NetworkConfigField>),
    /// The IPv4 subnets break a rule.
    Ipv4(PoolError<Ipv4Prefix>),
    /// The IPv6 subnets break a rule.
    Ipv6(PoolError<Ipv6Prefix>),
}

impl fmt::Display for NetworkConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(error) => fmt::Display::fmt(error, f),
            Self::Ipv4(error) => write!(f, "IPv4: {error}"),
            Self::Ipv6(error) => write!(f, "IPv6: {error}"),
        }
    }
}

impl core::error::Error for NetworkConfigError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Record(error) => Some(error),
            Self::Ipv4(error) => Some(error),
            Self::Ipv6(error) => Some(error),
        }
    }
}

impl From<RecordError<NetworkConfigField>> for NetworkConfigError {
    fn from(error: RecordError<NetworkConfigField>) -> Self {
        Self::Record(error)
    }
}

impl<'a> NetworkConfig<'a> {
    /// Returns the configuration of an IPv4 network, with flannel's defaults and no backend.
    #[must_use]
    pub const fn new(ipv4: PoolConfig<Ipv4Prefix>) -> Self {
        Self {
            enable_ipv4: true,
            enable_ipv6: false,
            enable_nftables: false,
            ipv4,
            ipv6: PoolConfig::new(Ipv6Prefix::DEFAULT),
            backend: None,
        }
    }

    /// Enables IPv6 as well, with subnets of that network.
    #[must_use]
    pub const fn with_ipv6(self, ipv6: PoolConfig<Ipv6Prefix>) -> Self {
        Self { enable_ipv6: true, ipv6, ..self }
    }

    /// Reads a configuration. Names of fields are compared without regard to case, unknown ones are
    /// skipped, and the last of several counts, as in flannel. The subnets are checked by
    /// [`pools`](Self::pools).
    ///
    /// # Errors
    /// `text` is not a JSON object, or a field has a wrong value.
    pub fn from_json(text: &'a str) -> Result<Self, NetworkConfigError> {
        let mut config = Self::new(PoolConfig::new(Ipv4Prefix::DEFAULT));
        let json = RawJson::parse(text).map_err(RecordError::Json)?;
        read_fields(json, |field, json| config.read(field, json))?;
        Ok(config)
    }

    fn read(&mut self, field: NetworkConfigField, json: RawJson<'a>) -> Option<()> {
        match field {
            NetworkConfigField::EnableIpv4 => read_bool(&mut self.enable_ipv4, json)?,
            NetworkConfigField::EnableIpv6 => read_bool(&mut self.enable_ipv6, json)?,
            NetworkConfigField::EnableNftables => read_bool(&mut self.enable_nftables, json)?,
            NetworkConfigField::Network => {
                self.ipv4.network = read_cidr::<Ipv4Cidr>(json)?.prefix()
            }
            NetworkConfigField::Ipv6Network => {
                self.ipv6.network = read_cidr::<Ipv6Cidr>(json)?.prefix()
            }
            NetworkConfigField::SubnetMin => {
                self.ipv4.subnet_min = read_address::<Ipv4Prefix>(json)?
            }
            NetworkConfigField::SubnetMax => {
                self.ipv4.subnet_max = read_address::<Ipv4Prefix>(json)?
            }
            NetworkConfigField::Ipv6SubnetMin if json.is_null() => self.ipv6.subnet_min = None,
            NetworkConfigField::Ipv6SubnetMin => {
                self.ipv6.subnet_min = read_address::<Ipv6Prefix>(json)?;
            }
            NetworkConfigField::Ipv6SubnetMax if json.is_null() => self.ipv6.subnet_max = None,
            NetworkConfigField::Ipv6SubnetMax => {
                self.ipv6.subnet_max = read_address::<Ipv6Prefix>(json)?;
            }
            NetworkConfigField::SubnetLen => read_len(&mut self.ipv4.subnet_len, json)?,
            NetworkConfigField::Ipv6SubnetLen => read_len(&mut self.ipv6.subnet_len, json)?,
            NetworkConfigField::Backend => {
                read_backend_type(json)?;
                self.backend = Some(json);
            }
        }
        Some(())
    }

    /// Returns the subnets that nodes may lease, after flannel's checks.
    ///
    /// # Errors
    /// The first rule that is broken, IPv4's before IPv6's.
    pub fn pools(&self) -> Result<Pools, NetworkConfigError> {
        let ipv4 = self.enable_ipv4.then(|| self.ipv4.pool()).transpose();
        let ipv4 = ipv4.map_err(NetworkConfigError::Ipv4)?;
        let ipv6 = self.enable_ipv6.then(|| self.ipv6.pool()).transpose();
        Ok(Pools { ipv4, ipv6: ipv6.map_err(NetworkConfigError::Ipv6)? })
    }

    /// The type of the backend: `udp` if there is no backend, empty if it has no type. Flannel
    /// looks it up in lower case.
    ///
    /// # Errors
    /// [`backend`](Self::backend) is not one that [`from_json`](Self::from_json) accepts.
    pub fn backend_type(&self) -> Result<JsonString<'a>, NetworkConfigError> {
        let Some(backend) = self.backend else { return Ok("udp".into()) };
        let wrong = RecordError::Field { field: NetworkConfigField::Backend, offset: 0 };
        read_backend_type(backend).ok_or(wrong.into())
    }
}

fn read_backend_type(backend: RawJson<'_>) -> Option<JsonString<'_>> {
    let mut backend_type = JsonString::default();
    if backend.is_null() {
        return Some(backend_type);
    }
    let read = read_fields(backend, |BackendField::Type, json| {
        if !json.is_null() {
            backend_type = json.as_str()?;
        }
        Some(())
    });
    read.is_ok().then_some(backend_type)
}

/// Go leaves a boolean and a number as they are when the JSON has `null`.
fn read_bool(value: &mut bool, json: RawJson<'_>) -> Option<()> {
    if !json.is_null() {
        *value = json.as_bool()?;
    }
    Some(())
}

fn read_len(value: &mut Option<u64>, json: RawJson<'_>) -> Option<()> {
    if !json.is_null() {
        *value = Some(json.as_u64()?).filter(|len| *len != 0);
    }
    Some(())
}

/// Reads an address with a length. Of a network flannel drops the host bits (`pkg/ip/ipnet.go`
/// `UnmarshalJSON`, by Go's `net.ParseCIDR`).
fn read_cidr<C: FromStr>(json: RawJson<'_>) -> Option<C> {
    json.as_str()?.read(|text| text.parse().ok())
}

fn read_address<P: Prefix>(json: RawJson<'_>) -> Option<Option<P::Address>> {
    let address = json.as_str()?.read(P::parse_address)?;
    Some(Some(address).filter(|address| P::address_bits(*address) != 0))
}

#[cfg(test)]
mod tests;
