//! Leases in, changes out.

use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::Value;
use vtep::agent::{Change, HostGw, HostGwPeer, Plan, Reach, Record, Vxlan, VxlanPeer};
use vtep::lease::{LeaseKey, LeaseValue};

use super::Failure;

#[derive(Clone, Copy, ValueEnum)]
enum BackendType {
    Vxlan,
    HostGw,
}

#[derive(Args)]
pub struct PlanArgs {
    /// The leases: `[{"key":"10.1.17.0-24","value":{..}}]`; `-` is standard input.
    leases: PathBuf,
    /// Leases of another backend are passed over.
    #[arg(long)]
    backend: BackendType,
    /// The own address in the underlay: the lease with it is passed over.
    #[arg(long = "self", value_name = "IP")]
    own: IpAddr,
    /// Index of the underlay's link.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=0x7fff_ffff))]
    link: Option<u32>,
    /// Index of the vxlan link.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=0x7fff_ffff))]
    vxlan_link: Option<u32>,
    /// Index of the vxlan link for IPv6, when it is another.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=0x7fff_ffff))]
    vxlan_link_v6: Option<u32>,
}

/// The peers of one backend.
pub enum Peers {
    Vxlan { link: Option<u32>, vxlan_links: [u32; 2], peers: Vec<(Vxlan, VxlanPeer)> },
    HostGw { backend: HostGw, peers: Vec<HostGwPeer> },
}

impl PlanArgs {
    pub fn read(&self) -> Result<Peers, Failure> {
        let text = read_text(&self.leases)?;
        let name = self.leases.display();
        let leases =
            parse_leases(&text).map_err(|error| Failure::input(format_args!("{name}: {error}")))?;
        let values = self
            .values(&leases)
            .map_err(|error| Failure::input(format_args!("{name}: {error}")))?;
        match self.backend {
            BackendType::Vxlan => {
                let link =
                    self.vxlan_link.ok_or(Failure::input("--vxlan-link: needed for vxlan"))?;
                let vxlan_links = [link, self.vxlan_link_v6.unwrap_or(link)];
                Ok(Peers::Vxlan {
                    link: self.link,
                    vxlan_links,
                    peers: vxlan_peers(&values, vxlan_links),
                })
            }
            BackendType::HostGw => {
                let link = self.link.ok_or(Failure::input("--link: needed for host-gw"))?;
                let peers =
                    values.iter().flat_map(|(key, value)| HostGwPeer::from_lease(key, value));
                Ok(Peers::HostGw { backend: HostGw { link }, peers: peers.flatten().collect() })
            }
        }
    }

    /// The leases of the other nodes.
    fn values<'a>(
        &self,
        leases: &'a [(LeaseKey, String)],
    ) -> Result<Vec<(LeaseKey, LeaseValue<'a>)>, String> {
        let mut values = Vec::new();
        for (key, text) in leases {
            let value = LeaseValue::from_json(text).map_err(|error| format!("{key}: {error}"))?;
            let own = [Some(IpAddr::V4(value.public_ip)), value.public_ipv6.map(IpAddr::V6)];
            if !own.contains(&Some(self.own)) {
                values.push((*key, value));
            }
        }
        Ok(values)
    }
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let read = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(|error| Failure::input(format_args!("{}: {error}", path.display())))
}

fn parse_leases(text: &str) -> Result<Vec<(LeaseKey, String)>, String> {
    let leases: Vec<Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let lease = |(number, lease): (usize, &Value)| {
        let key =
            lease.get("key").and_then(Value::as_str).ok_or(format!("lease {number}: no key"))?;
        let value = lease.get("value").ok_or(format!("lease {number}: no value"))?;
        let key = key.parse().map_err(|error| format!("lease {number}: key {key:?}: {error}"))?;
        Ok((key, value.to_string()))
    };
    (1..).zip(&leases).map(lease).collect()
}

/// A lease whose backend data is none is passed over, as flannel does, and named.
fn vxlan_peers(
    values: &[(LeaseKey, LeaseValue<'_>)],
    [link, link_v6]: [u32; 2],
) -> Vec<(Vxlan, VxlanPeer)> {
    let mut peers = Vec::new();
    for (key, value) in values {
        match VxlanPeer::from_lease(key, value) {
            Ok([v4, v6]) => {
                peers.extend(v4.map(|peer| (Vxlan { link }, peer)));
                peers.extend(v6.map(|peer| (Vxlan { link: link_v6 }, peer)));
            }
            Err(error) => eprintln!("routes: {key}: {error}: passed over"),
        }
    }
    peers
}

impl Peers {
    /// What the leases mean to a kernel that has none of it.
    pub fn changes(&self, remove: bool, direct: bool) -> Vec<Change> {
        let reach = if direct { Reach::Direct } else { Reach::Tunnel };
        let plans: Vec<Plan> = match self {
            Self::Vxlan { peers, .. } if remove => {
                peers.iter().map(|(backend, peer)| backend.removed(peer, reach)).collect()
            }
            Self::Vxlan { peers, .. } => {
                peers.iter().map(|(backend, peer)| backend.added(peer, reach)).collect()
            }
            Self::HostGw { backend, peers } if remove => {
                peers.iter().map(|peer| backend.removed(peer)).collect()
            }
            Self::HostGw { backend, peers } => {
                peers.iter().map(|peer| backend.added(peer, None)).collect()
            }
        };
        plans.iter().flat_map(Plan::changes).collect()
    }

    /// What should be in the kernel; `reach` answers how an address is reached.
    #[cfg(target_os = "linux")]
    pub fn wanted<E>(
        &self,
        mut reach: impl FnMut(IpAddr) -> Result<Reach, E>,
    ) -> Result<Vec<Record>, E> {
        let mut records = Vec::new();
        match self {
            Self::Vxlan { peers, .. } => {
                for (backend, peer) in peers {
                    records.extend(backend.records(peer, reach(peer.public)?));
                }
            }
            Self::HostGw { backend, peers } => {
                records.extend(peers.iter().map(|peer| Record::HostGw(backend.route(peer))));
            }
        }
        Ok(records)
    }
}

/// The request of a change. The longest, an IPv6 route, has 76 bytes.
pub fn bytes(change: Change, seq: u32) -> Vec<u8> {
    let mut buffer = [0; 128];
    let length = change.write(seq, &mut buffer).expect("128 bytes are enough for any change");
    buffer[..length].to_vec()
}
