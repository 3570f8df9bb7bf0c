//! Leases as other nodes write them, and what they mean: kept in maps, read from the specification, not from the JSON.

use std::collections::BTreeMap;
use std::net::IpAddr;

use vtep::agent::Reach;
use vtep::lease::{Families, LeaseKey};
use vtep::netlink::IfIndex;
use vtep::subnet::IpPrefix;
use vtep::wire::MacAddr;

/// What the node under test is set to.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub backend: Backend,
    pub families: Families,
    /// The vxlan links of IPv4 and IPv6: Linux has remotes of one family on each.
    pub vxlan_links: [IfIndex; 2],
    pub underlay: IfIndex,
    /// A link that is not the agent's.
    pub foreign_link: IfIndex,
    /// Whether the agent knows the overlay's networks when it reads leases.
    pub checks_networks: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backend {
    Vxlan,
    HostGw,
    Other,
}

impl Backend {
    const fn name(self) -> &'static str {
        match self {
            Self::Vxlan => "vxlan",
            Self::HostGw => "host-gw",
            Self::Other => "wireguard",
        }
    }
}

impl Config {
    pub const OWN: &'static str = "10.5.1.0-24&fd00:5:1::-64";

    /// 10.5.0.0/16 and fd00:5::/32.
    pub fn networks() -> [IpPrefix; 2] {
        let networks: [(IpAddr, u8); 2] =
            [([10, 5, 0, 0].into(), 16), ([0xfd00, 5, 0, 0, 0, 0, 0, 0].into(), 32)];
        networks.map(|(address, len)| IpPrefix::new(address, len).unwrap())
    }

    pub fn has(&self, family: usize) -> bool {
        match self.families {
            Families::Ipv4 => family == 0,
            Families::Ipv6 => family == 1,
            Families::Dual => true,
        }
    }

    /// The lease that a key is of: flannel compares the subnets of the network's families.
    pub fn lease_of(&self, key: LeaseKey) -> LeaseKey {
        match self.families {
            Families::Ipv4 => LeaseKey { v6: None, ..key },
            Families::Ipv6 => LeaseKey { v4: None, ..key },
            Families::Dual => key,
        }
    }
}

/// What is wrong with a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    BadJson,
    NoValue,
    /// Of one family.
    NullData(usize),
    BadMac(usize, &'static str),
    BadAddress(usize, &'static str),
}

/// A lease as a node writes it.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    pub key: LeaseKey,
    pub backend: Backend,
    pub macs: [MacAddr; 2],
    pub publics: [IpAddr; 2],
    pub reach: [Reach; 2],
    pub fault: Option<Fault>,
}

impl Spec {
    pub fn json(&self) -> String {
        let of = |family: usize| {
            let mut public = format!("\"{}\"", self.publics[family]);
            let mut mac = self.macs[family].to_string();
            let mut data = None;
            match self.fault {
                Some(Fault::NullData(at)) if at == family => data = Some("null".to_owned()),
                Some(Fault::BadMac(at, text)) if at == family => mac = text.into(),
                Some(Fault::BadAddress(at, text)) if at == family => public = text.into(),
                _ => {}
            }
            let data = data.unwrap_or(format!(r#"{{"VNI":1,"VtepMAC":"{mac}"}}"#));
            (public, data)
        };
        let ((v4, data), (v6, v6_data)) = (of(0), of(1));
        let backend = self.backend.name();
        let text = format!(
            r#"{{"PublicIP":{v4},"PublicIPv6":{v6},"BackendType":"{backend}","BackendData":{data},"BackendV6Data":{v6_data}}}"#
        );
        match self.fault {
            Some(Fault::BadJson) => text[..text.len() / 2].into(),
            Some(Fault::NoValue) => String::new(),
            _ => text,
        }
    }

    /// The subnet of a family, without host bits.
    pub fn subnet(key: LeaseKey, family: usize) -> Option<IpPrefix> {
        match family {
            0 => key.v4.map(|v4| IpPrefix::V4(v4.prefix())),
            _ => key.v6.map(|v6| IpPrefix::V6(v6.prefix())),
        }
    }

    /// What a family of it says, when it said `last` before.
    fn state(&self, family: usize, config: &Config, last: Option<Peer>) -> State {
        let Some(subnet) = Self::subnet(self.key, family).filter(|_| config.has(family)) else {
            return State::Absent;
        };
        let is_vxlan = config.backend == Backend::Vxlan;
        let is_outside = config.checks_networks
            && !Config::networks().iter().any(|network| network.contains_prefix(subnet));
        let is_unreadable = match self.fault {
            Some(Fault::BadJson | Fault::NoValue) => true,
            // An address that is not one takes the whole value.
            Some(Fault::BadAddress(at, "\"192.0.2\"")) if Self::subnet(self.key, at).is_some() => {
                true
            }
            _ if self.backend != config.backend => return State::Absent,
            _ if is_outside => true,
            Some(Fault::NullData(at) | Fault::BadMac(at, _)) => at == family && is_vxlan,
            Some(Fault::BadAddress(at, _)) => at == family,
            None => false,
        };
        if is_unreadable {
            return last.map_or(State::Kept, State::Peer);
        }
        State::Peer(Peer {
            mac: self.macs[family],
            public: self.publics[family],
            reach: if is_vxlan { self.reach[family] } else { Reach::Direct },
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    pub mac: MacAddr,
    pub public: IpAddr,
    pub reach: Reach,
}

/// What the agent knows of one family of a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Absent,
    Peer(Peer),
    /// It is unreadable, and was never readable: what its subnet owns is kept.
    Kept,
}

impl State {
    pub const fn peer(self) -> Option<Peer> {
        match self {
            Self::Peer(peer) => Some(peer),
            Self::Absent | Self::Kept => None,
        }
    }
}

/// The current leases, by what tells them apart: their key now, and their families.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Leases(pub BTreeMap<LeaseKey, (LeaseKey, [State; 2])>);

impl Leases {
    pub fn write(&mut self, spec: &Spec, config: &Config) {
        let lease = config.lease_of(spec.key);
        let last = self.0.get(&lease).map_or([State::Absent; 2], |(_, states)| *states);
        let states = [0, 1].map(|family| spec.state(family, config, last[family].peer()));
        self.0.insert(lease, (spec.key, states));
    }

    pub fn remove(&mut self, key: LeaseKey, config: &Config) {
        self.0.remove(&config.lease_of(key));
    }

    /// Of two keys that are one lease the later counts.
    pub fn snapshot(&mut self, specs: &[Spec], config: &Config) {
        let own = config.lease_of(Config::OWN.parse().unwrap());
        for spec in specs.iter().filter(|spec| config.lease_of(spec.key) != own) {
            self.write(spec, config);
        }
        self.0.retain(|lease, _| specs.iter().any(|spec| config.lease_of(spec.key) == *lease));
    }
}
