//! `/run/flannel/subnet.env`, where flanneld tells the container runtime of its lease (flannel
//! `pkg/subnet/subnet.go`), and what Docker is started with for it (`dist/mk-docker-opts.sh`).

use core::fmt;
use core::str::FromStr;

use crate::subnet::{Ipv4Cidr, Ipv4Prefix, Ipv6Cidr, Ipv6Prefix, is};

/// What `subnet.env` says. [`Display`](fmt::Display) writes it line by line as flanneld does.
///
/// ```
/// use vtep::lease::SubnetEnv;
///
/// let text = "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.74.1/24\nFLANNEL_MTU=1472\nFLANNEL_IPMASQ=false\n";
/// let env = SubnetEnv::from_text(text)?;
/// assert_eq!(env.docker().to_string(), "--bip=10.1.74.1/24 --ip-masq=true --mtu=1472");
/// assert_eq!(env.to_string(), text);
/// # Ok::<(), vtep::lease::SubnetEnvError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SubnetEnv {
    /// `FLANNEL_NETWORK`: the network of all nodes.
    pub network: Option<Ipv4Prefix>,
    /// `FLANNEL_SUBNET`: the node's subnet and in it the first address, the bridge's. See
    /// [`Ipv4Cidr::next_address`].
    pub subnet: Option<Ipv4Cidr>,
    /// `FLANNEL_IPV6_NETWORK`: the IPv6 network of all nodes.
    pub ipv6_network: Option<Ipv6Prefix>,
    /// `FLANNEL_IPV6_SUBNET`: the node's IPv6 subnet and in it the first address.
    pub ipv6_subnet: Option<Ipv6Cidr>,
    /// `FLANNEL_MTU`: the MTU of the containers, in bytes.
    pub mtu: Option<u32>,
    /// `FLANNEL_IPMASQ`: whether flanneld itself masquerades.
    pub ip_masq: Option<bool>,
}

/// A line of `subnet.env` that cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum SubnetEnvError {
    /// There is no `=` in it.
    NoValue {
        /// The line, from 1.
        line: usize,
    },
    /// The value of `FLANNEL_MTU` is no number of 32 bits.
    Mtu {
        /// The line, from 1.
        line: usize,
    },
    /// The value of `FLANNEL_IPMASQ` is neither `true` nor `false`.
    IpMasq {
        /// The line, from 1.
        line: usize,
    },
}

impl fmt::Display for SubnetEnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoValue { line } => write!(f, "line {line}: no '='"),
            Self::Mtu { line } => write!(f, "line {line}: FLANNEL_MTU is no number"),
            Self::IpMasq { line } => write!(f, "line {line}: FLANNEL_IPMASQ is not true or false"),
        }
    }
}

impl core::error::Error for SubnetEnvError {}

impl SubnetEnv {
    /// Reads `subnet.env`. Empty lines, comments and other variables are passed over; a value may stand
    /// in quotation marks. Where there is not exactly one network or subnet in a value, there is none,
    /// as in flannel: [`cidrs`] reads lists.
    ///
    /// # Errors
    /// A line is no assignment, or the MTU or the masquerading has a wrong value.
    pub fn from_text(text: &str) -> Result<Self, SubnetEnvError> {
        let mut env = Self::default();
        for (line, assignment) in (1usize..).zip(text.split(is('\n'))) {
            let Some((name, value)) = split(assignment).ok_or(SubnetEnvError::NoValue { line })?
            else {
                continue;
            };
            match name {
                "FLANNEL_NETWORK" => env.network = single::<Ipv4Cidr>(value).map(Into::into),
                "FLANNEL_SUBNET" => env.subnet = single(value),
                "FLANNEL_IPV6_NETWORK" => {
                    env.ipv6_network = single::<Ipv6Cidr>(value).map(Into::into);
                }
                "FLANNEL_IPV6_SUBNET" => env.ipv6_subnet = single(value),
                "FLANNEL_MTU" => {
                    env.mtu = Some(value.parse().map_err(|_| SubnetEnvError::Mtu { line })?);
                }
                "FLANNEL_IPMASQ" => {
                    env.ip_masq = Some(value.parse().map_err(|_| SubnetEnvError::IpMasq { line })?);
                }
                _ => {}
            }
        }
        Ok(env)
    }

    /// What Docker is to be started with.
    #[must_use]
    pub const fn docker(&self) -> DockerOptions {
        let ip_masq = match self.ip_masq {
            Some(flannel) => Some(!flannel),
            None => None,
        };
        DockerOptions { bip: self.subnet, ip_masq, mtu: self.mtu }
    }
}

/// The name and the value of a line. None if it is no assignment, Some(None) if it is empty.
fn split(line: &str) -> Option<Option<(&str, &str)>> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Some(None);
    }
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once(is('='))?;
    let value = value.trim();
    let unquoted = ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value);
    Some(Some((name.trim(), unquoted)))
}

/// The addresses with lengths in a list with commas between them. What is none is left out, as in
/// flannel.
///
/// ```
/// use vtep::lease::cidrs;
/// use vtep::subnet::Ipv4Cidr;
///
/// let list = "10.244.1.0/24,not-a-cidr,10.244.2.0/24";
/// assert_eq!(cidrs::<Ipv4Cidr>(list).count(), 2);
/// ```
pub fn cidrs<C: FromStr>(list: &str) -> impl Iterator<Item = C> + '_ {
    list.split(is(',')).filter_map(|cidr| cidr.trim().parse().ok())
}

fn single<C: FromStr>(list: &str) -> Option<C> {
    let mut cidrs = cidrs(list);
    let first = cidrs.next()?;
    cidrs.next().is_none().then_some(first)
}

impl fmt::Display for SubnetEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn line<T: fmt::Display>(
            f: &mut fmt::Formatter<'_>,
            name: &str,
            value: Option<T>,
        ) -> fmt::Result {
            value.map_or(Ok(()), |value| writeln!(f, "{name}={value}"))
        }
        line(f, "FLANNEL_NETWORK", self.network)?;
        line(f, "FLANNEL_SUBNET", self.subnet)?;
        line(f, "FLANNEL_IPV6_NETWORK", self.ipv6_network)?;
        line(f, "FLANNEL_IPV6_SUBNET", self.ipv6_subnet)?;
        line(f, "FLANNEL_MTU", self.mtu)?;
        line(f, "FLANNEL_IPMASQ", self.ip_masq)
    }
}

/// The options of `dockerd` that put its bridge into the node's subnet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DockerOptions {
    /// `--bip`: the bridge's address.
    pub bip: Option<Ipv4Cidr>,
    /// `--ip-masq`: whether Docker masquerades. One of the two should: the opposite of
    /// [`SubnetEnv::ip_masq`].
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
mod tests {
    use super::*;
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    /// As flanneld v0.20.2 left it, with `vxlan`.
    const FLANNELD: &str = "FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n";

    #[test]
    fn reads_and_writes_flanneld_s_file() {
        let env = SubnetEnv::from_text(FLANNELD).unwrap();
        assert_eq!(env.network, "10.5.0.0/16".parse().ok());
        assert_eq!(env.subnet, "10.5.3.1/24".parse().ok());
        assert_eq!((env.mtu, env.ip_masq), (Some(1450), Some(false)));
        assert_eq!(env.to_string(), FLANNELD);
        let dual = "FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.3.1/24\nFLANNEL_IPV6_NETWORK=fc00::/48\nFLANNEL_IPV6_SUBNET=fc00:0:0:3::1/64\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n";
        assert_eq!(SubnetEnv::from_text(dual).unwrap().to_string(), dual);
    }

    /// flannel `pkg/subnet/subnet_test.go`: ReadCIDRsFromSubnetFile.
    #[test]
    fn flannels_lists() {
        let prefixes = |list| -> Vec<String> {
            cidrs::<Ipv4Cidr>(list).map(|cidr| cidr.prefix().to_string()).collect()
        };
        let list = "10.244.1.0/24,not-a-cidr,10.244.2.0/24";
        assert_eq!(prefixes(list), ["10.244.1.0/24", "10.244.2.0/24"]);
        assert!(prefixes("not-a-cidr").is_empty());
        let list = "fc00:1::/64,not-a-cidr,fc00:2::/64";
        assert_eq!(cidrs::<Ipv6Cidr>(list).count(), 2);
        assert_eq!(cidrs::<Ipv6Cidr>("not-a-cidr").count(), 0);
        let one = |list| SubnetEnv::from_text(&format!("FLANNEL_SUBNET={list}")).unwrap().subnet;
        assert_eq!(one("10.244.1.0/24,10.244.2.0/24"), None);
        assert_eq!(one("not-a-cidr"), None);
        assert_eq!(one("x,10.244.1.0/24"), "10.244.1.0/24".parse().ok());
    }

    /// flannel `dist/mk-docker-opts_tests.sh`.
    #[test]
    fn flannels_docker_options() {
        let text = "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.74.1/24\nFLANNEL_MTU=1472\nFLANNEL_IPMASQ=false\n";
        let docker = SubnetEnv::from_text(text).unwrap().docker();
        assert_eq!(docker.to_string(), "--bip=10.1.74.1/24 --ip-masq=true --mtu=1472");
        let only_mtu = SubnetEnv::from_text("FLANNEL_MTU=1472").unwrap().docker();
        assert_eq!(only_mtu.to_string(), "--mtu=1472");
    }

    #[test]
    fn reads_what_a_shell_would() {
        let text =
            "# lease\r\n\n export FLANNEL_SUBNET=\"10.1.74.1/24\"\r\nFLANNEL_IPMASQ='true'\nX=\n";
        let env = SubnetEnv::from_text(text).unwrap();
        assert_eq!((env.subnet, env.ip_masq), ("10.1.74.1/24".parse().ok(), Some(true)));
    }

    #[test]
    fn says_which_line_is_wrong() {
        for (text, error) in [
            ("\nFLANNEL_MTU", SubnetEnvError::NoValue { line: 2 }),
            ("FLANNEL_MTU=-1", SubnetEnvError::Mtu { line: 1 }),
            ("FLANNEL_MTU=", SubnetEnvError::Mtu { line: 1 }),
            ("FLANNEL_IPMASQ=1", SubnetEnvError::IpMasq { line: 1 }),
        ] {
            assert_eq!(SubnetEnv::from_text(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_file_cut_short_says_less_or_is_refused() {
        let whole = SubnetEnv::from_text(FLANNELD).unwrap();
        for end in 0..FLANNELD.len() - 1 {
            assert_ne!(SubnetEnv::from_text(&FLANNELD[..end]), Ok(whole), "{end}");
        }
    }

    #[test]
    fn any_text_is_read_or_refused() {
        fn holds(text: String, line: usize) -> bool {
            let names = ["FLANNEL_MTU=", "FLANNEL_SUBNET=", "FLANNEL_IPMASQ=\"", ""];
            let _ = SubnetEnv::from_text(&(String::from(names[line % 4]) + &text));
            true
        }
        quickcheck::quickcheck(holds as fn(String, usize) -> bool);
    }
}
