//! `/run/flannel/subnet.env`, where flanneld describes its lease to the container runtime (flannel
//! `pkg/subnet/subnet.go`), and the options of Docker for it (`dist/mk-docker-opts.sh`).

use core::fmt;
use core::str::FromStr;

use self::shell::{Assignments, Word};
use super::json::read_ascii;
use crate::subnet::{Ipv4Cidr, Ipv4Prefix, Ipv6Cidr, Ipv6Prefix, ParseCidrError, is};

mod shell;

/// The variables of `subnet.env`. [`Display`](fmt::Display) writes it line by line as flanneld
/// does.
///
/// # Examples
///
/// ```
/// use vtep::lease::{EnvVar, SubnetEnv};
///
/// let text = "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.74.1/24\nFLANNEL_MTU=1472\nFLANNEL_IPMASQ=false\n";
/// let env: SubnetEnv = text.parse()?;
/// assert_eq!(env.docker().to_string(), "--bip=10.1.74.1/24 --ip-masq=true --mtu=1472");
/// assert_eq!(env.ipv6_subnet, EnvVar::Unset);
/// assert_eq!(env.to_string(), text);
/// // A subnet that cannot be read is an error, not an absent subnet.
/// let error = "FLANNEL_SUBNET=10.1.74.1/33".parse::<SubnetEnv>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "line 1: FLANNEL_SUBNET is not an IPv4 address with a prefix length"
/// );
/// # Ok::<(), vtep::lease::SubnetEnvError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash, Debug)]
#[non_exhaustive]
pub struct SubnetEnv {
    /// `FLANNEL_NETWORK`: the network of all nodes.
    pub network: EnvVar<Ipv4Prefix>,
    /// `FLANNEL_SUBNET`: the node's subnet and in it the first address, the bridge's. See
    /// [`Ipv4Cidr::next_address`].
    pub subnet: EnvVar<Ipv4Cidr>,
    /// `FLANNEL_IPV6_NETWORK`: the IPv6 network of all nodes.
    pub ipv6_network: EnvVar<Ipv6Prefix>,
    /// `FLANNEL_IPV6_SUBNET`: the node's IPv6 subnet and in it the first address.
    pub ipv6_subnet: EnvVar<Ipv6Cidr>,
    /// `FLANNEL_MTU`: the MTU of the containers, in bytes.
    pub mtu: EnvVar<u32>,
    /// `FLANNEL_IPMASQ`: true if flanneld itself masquerades.
    pub ip_masq: EnvVar<bool>,
}

/// The value of a variable, which may be unset or empty. One that cannot be read is a
/// [`SubnetEnvError`].
///
/// # Examples
///
/// ```
/// use vtep::lease::{EnvVar, SubnetEnv};
///
/// let env: SubnetEnv = "FLANNEL_MTU=1450\nFLANNEL_SUBNET=".parse()?;
/// assert_eq!((env.mtu, env.subnet), (EnvVar::Value(1450), EnvVar::None));
/// assert_eq!(env.network, EnvVar::Unset);
/// assert_eq!(env.mtu.value(), Some(1450));
/// # Ok::<(), vtep::lease::SubnetEnvError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum EnvVar<T> {
    /// It is absent.
    #[default]
    Unset,
    /// It is present without a value: it is empty; or, for a network or a subnet, its length is 0,
    /// or it is a list of several. Flannel reads each of those as absent.
    None,
    /// It has this value.
    Value(T),
}

impl<T> EnvVar<T> {
    /// The value, if it has one.
    #[must_use]
    pub fn value(self) -> Option<T> {
        match self {
            Self::Unset | Self::None => None,
            Self::Value(value) => Some(value),
        }
    }

    /// Applies `map` to the value, if it has one.
    #[must_use]
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> EnvVar<U> {
        match self {
            Self::Unset => EnvVar::Unset,
            Self::None => EnvVar::None,
            Self::Value(value) => EnvVar::Value(map(value)),
        }
    }
}

/// A variable of `subnet.env`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum EnvVariable {
    /// `FLANNEL_NETWORK`: IPv4 networks with commas between them.
    Network,
    /// `FLANNEL_SUBNET`: IPv4 addresses with prefix lengths, with commas between them.
    Subnet,
    /// `FLANNEL_IPV6_NETWORK`: IPv6 networks with commas between them.
    Ipv6Network,
    /// `FLANNEL_IPV6_SUBNET`: IPv6 addresses with prefix lengths, with commas between them.
    Ipv6Subnet,
    /// `FLANNEL_MTU`: a number of 32 bits in decimal digits.
    Mtu,
    /// `FLANNEL_IPMASQ`: `true` or `false`.
    IpMasq,
}

impl EnvVariable {
    /// All of them, in the order in which flanneld writes them.
    const ALL: [Self; 6] =
        [Self::Network, Self::Subnet, Self::Ipv6Network, Self::Ipv6Subnet, Self::Mtu, Self::IpMasq];

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "FLANNEL_NETWORK",
            Self::Subnet => "FLANNEL_SUBNET",
            Self::Ipv6Network => "FLANNEL_IPV6_NETWORK",
            Self::Ipv6Subnet => "FLANNEL_IPV6_SUBNET",
            Self::Mtu => "FLANNEL_MTU",
            Self::IpMasq => "FLANNEL_IPMASQ",
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Network | Self::Subnet => "an IPv4 address with a prefix length",
            Self::Ipv6Network | Self::Ipv6Subnet => "an IPv6 address with a prefix length",
            Self::Mtu => "a number of 32 bits",
            Self::IpMasq => "true or false",
        }
    }
}

/// The first fault of a text that cannot be read as `subnet.env`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct SubnetEnvError {
    /// The line in which the word begins that is at fault, from 1.
    pub line: usize,
    /// The fault.
    pub kind: SubnetEnvErrorKind,
}

/// The fault of a text that cannot be read as `subnet.env`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum SubnetEnvErrorKind {
    /// A word is not an assignment: a shell would take it for a command.
    Command,
    /// A shell would do more with this character than put it into a value.
    Special {
        /// The character.
        character: char,
    },
    /// A quotation mark is not closed.
    Unclosed,
    /// A variable has a value that is not of its type.
    Value {
        /// The variable.
        variable: EnvVariable,
    },
}

impl fmt::Display for SubnetEnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match self.kind {
            SubnetEnvErrorKind::Command => f.write_str("not an assignment"),
            SubnetEnvErrorKind::Special { character } => {
                write!(f, "'{}' is not read as a shell would", character.escape_default())
            }
            SubnetEnvErrorKind::Unclosed => f.write_str("a quotation mark is not closed"),
            SubnetEnvErrorKind::Value { variable } => {
                write!(f, "{} is not {}", variable.as_str(), variable.expected())
            }
        }
    }
}

impl core::error::Error for SubnetEnvError {}

impl SubnetEnv {
    /// Sets the IPv4 network, and the node's subnet with the bridge's address.
    #[must_use]
    pub const fn with_ipv4(self, network: Ipv4Prefix, subnet: Ipv4Cidr) -> Self {
        Self { network: EnvVar::Value(network), subnet: EnvVar::Value(subnet), ..self }
    }

    /// Sets the IPv6 network, and the node's subnet with the bridge's address.
    #[must_use]
    pub const fn with_ipv6(self, network: Ipv6Prefix, subnet: Ipv6Cidr) -> Self {
        Self { ipv6_network: EnvVar::Value(network), ipv6_subnet: EnvVar::Value(subnet), ..self }
    }

    /// Sets the MTU of the containers, in bytes.
    #[must_use]
    pub const fn with_mtu(self, mtu: u32) -> Self {
        Self { mtu: EnvVar::Value(mtu), ..self }
    }

    /// Sets flannel's own masquerading.
    #[must_use]
    pub const fn with_ip_masq(self, ip_masq: bool) -> Self {
        Self { ip_masq: EnvVar::Value(ip_masq), ..self }
    }

    /// Returns the options that Docker is started with.
    #[must_use]
    pub fn docker(&self) -> DockerOptions {
        DockerOptions {
            bip: self.subnet.value(),
            ip_masq: self.ip_masq.value().map(|flannel| !flannel),
            mtu: self.mtu.value(),
        }
    }
}

impl FromStr for SubnetEnv {
    type Err = SubnetEnvError;

    /// Reads `subnet.env` as a shell that sources it: comments, quotes, backslashes, `export`,
    /// several assignments on a line; the last assignment to a variable counts. Other variables are
    /// skipped. A byte order mark is skipped, and lines may end in CR LF.
    ///
    /// # Errors
    /// * `Command`, `Special`, `Unclosed`: there is something other than assignments of plain text.
    /// * `Value`: a variable has a value that is not of its type. Flannel logs and skips such an
    ///   element of a list; here a subnet that cannot be read is not an absent one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut found = [const { None }; EnvVariable::ALL.len()];
        for assignment in Assignments::new(text.strip_prefix('\u{feff}').unwrap_or(text)) {
            let assignment = assignment?;
            for (found, variable) in found.iter_mut().zip(EnvVariable::ALL) {
                if let Some(value) = assignment.value_of(variable.as_str()) {
                    *found = Some((assignment.line, value));
                }
            }
        }
        let [network, subnet, ipv6_network, ipv6_subnet, mtu, ip_masq] = found;
        let is_none = |cidr: Ipv4Cidr| cidr.prefix().is_default();
        let is_none_v6 = |cidr: Ipv6Cidr| cidr.prefix().is_default();
        Ok(Self {
            network: read(network, EnvVariable::Network, |value| read_cidr(value, is_none))?
                .map(Ipv4Cidr::prefix),
            subnet: read(subnet, EnvVariable::Subnet, |value| read_cidr(value, is_none))?,
            ipv6_network: read(ipv6_network, EnvVariable::Ipv6Network, |value| {
                read_cidr(value, is_none_v6)
            })?
            .map(Ipv6Cidr::prefix),
            ipv6_subnet: read(ipv6_subnet, EnvVariable::Ipv6Subnet, |value| {
                read_cidr(value, is_none_v6)
            })?,
            mtu: read(mtu, EnvVariable::Mtu, |value| {
                read_ascii(value.chars(), read_number).map(EnvVar::Value)
            })?,
            ip_masq: read(ip_masq, EnvVariable::IpMasq, |value| {
                read_ascii(value.chars(), |text| text.parse().ok()).map(EnvVar::Value)
            })?,
        })
    }
}

/// Reads the value that was found for a variable; an empty one is `EnvVar::None`.
fn read<'a, T>(
    found: Option<(usize, Word<'a>)>,
    variable: EnvVariable,
    read: impl FnOnce(Word<'a>) -> Option<EnvVar<T>>,
) -> Result<EnvVar<T>, SubnetEnvError> {
    let Some((line, value)) = found else { return Ok(EnvVar::Unset) };
    if value.clone().chars().next().is_none() {
        return Ok(EnvVar::None);
    }
    let kind = SubnetEnvErrorKind::Value { variable };
    read(value).ok_or(SubnetEnvError { line, kind })
}

/// Returns the one address with a length in a list, or `None` if one in the list cannot be read.
fn read_cidr<C: FromStr + Copy>(list: Word<'_>, is_none: fn(C) -> bool) -> Option<EnvVar<C>> {
    let mut chars = list.chars();
    let mut one = None;
    for number in 0usize.. {
        let mut more = false;
        let element = chars.by_ref().take_while(|c| {
            more = *c == ',';
            !more
        });
        let cidr = read_ascii(element, |text| text.parse().ok())?;
        one = Some(cidr).filter(|cidr| number == 0 && !is_none(*cidr));
        if !more {
            break;
        }
    }
    Some(one.map_or(EnvVar::None, EnvVar::Value))
}

/// A number without a sign or leading zeros, which not every reader takes for decimal.
fn read_number(text: &str) -> Option<u32> {
    let is_plain = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| is_plain)
}

/// Returns the addresses with lengths in a list with commas between them. An empty list has none.
/// Flannel skips those that cannot be read, as `flatten` does.
///
/// # Examples
///
/// ```
/// use vtep::lease::cidrs;
/// use vtep::subnet::{Ipv4Cidr, ParseCidrError};
///
/// let list = "10.244.1.0/24,not-a-cidr,10.244.2.0/24";
/// assert_eq!(cidrs::<Ipv4Cidr>(list).flatten().count(), 2);
/// assert_eq!(cidrs::<Ipv4Cidr>(list).nth(1), Some(Err(ParseCidrError::NoLength)));
/// ```
pub fn cidrs<C: FromStr<Err = ParseCidrError>>(
    list: &str,
) -> impl Iterator<Item = Result<C, ParseCidrError>> + '_ {
    let elements = (!list.is_empty()).then(|| list.split(is(',')));
    elements.into_iter().flatten().map(|cidr| cidr.parse())
}

impl fmt::Display for SubnetEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn line<T: fmt::Display>(
            f: &mut fmt::Formatter<'_>,
            variable: EnvVariable,
            value: EnvVar<T>,
        ) -> fmt::Result {
            match value {
                EnvVar::Unset => Ok(()),
                EnvVar::None => writeln!(f, "{}=", variable.as_str()),
                EnvVar::Value(value) => writeln!(f, "{}={value}", variable.as_str()),
            }
        }
        line(f, EnvVariable::Network, self.network)?;
        line(f, EnvVariable::Subnet, self.subnet)?;
        line(f, EnvVariable::Ipv6Network, self.ipv6_network)?;
        line(f, EnvVariable::Ipv6Subnet, self.ipv6_subnet)?;
        line(f, EnvVariable::Mtu, self.mtu)?;
        line(f, EnvVariable::IpMasq, self.ip_masq)
    }
}

/// The options of `dockerd` that put its bridge into the node's subnet: see [`SubnetEnv::docker`].
///
/// # Examples
///
/// ```
/// use vtep::lease::SubnetEnv;
///
/// let docker = "FLANNEL_SUBNET=10.1.74.1/24\n".parse::<SubnetEnv>()?.docker();
/// assert_eq!(docker.bip, Some("10.1.74.1/24".parse()?));
/// assert_eq!(docker.to_string(), "--bip=10.1.74.1/24");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct DockerOptions {
    /// `--bip`: the bridge's address.
    pub bip: Option<Ipv4Cidr>,
    /// `--ip-masq`: true if Docker masquerades. It is the opposite of [`SubnetEnv::ip_masq`],
    /// because one of the two should.
    pub ip_masq: Option<bool>,
    /// `--mtu`: the MTU of the containers, in bytes.
    pub mtu: Option<u32>,
}

impl fmt::Display for DockerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(bip) = self.bip {
            write!(f, "--bip={bip}")?;
            separator = " ";
        }
        if let Some(ip_masq) = self.ip_masq {
            write!(f, "{separator}--ip-masq={ip_masq}")?;
            separator = " ";
        }
        if let Some(mtu) = self.mtu {
            write!(f, "{separator}--mtu={mtu}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
