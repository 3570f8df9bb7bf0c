//! Leases in, changes out.

use std::fmt::Display;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use vtep::agent::{
    Change, Claim, FoundRecords, HostGwBackend, HostGwPeer, Owner, Plan, Reach, Reading,
    VxlanBackend, VxlanPeer, WantedRecords,
};
use vtep::lease::{LeaseKey, LeaseValue};
use vtep::netlink::IfIndex;
use vtep::subnet::IpPrefix;

use super::Failure;
use super::leases::{self, LeaseText};

#[derive(Clone, Copy, ValueEnum)]
enum BackendType {
    Vxlan,
    HostGw,
}

#[derive(Args)]
pub struct PlanArgs {
    /// The leases: `[{"key":"10.1.17.0-24","value":{..}}]`, or as etcd prints them; `-` is standard input.
    leases: PathBuf,
    /// Leases of another backend are skipped.
    #[arg(long)]
    backend: BackendType,
    /// The own address in the underlay: the lease with it is skipped.
    #[arg(long = "self", value_name = "IP")]
    own: IpAddr,
    /// Index of the underlay's link.
    #[arg(long, value_name = "N")]
    link: Option<IfIndex>,
    /// Index of the vxlan link.
    #[arg(long, value_name = "N")]
    vxlan_link: Option<IfIndex>,
    /// Index of the vxlan link for IPv6, when it is another.
    #[arg(long, value_name = "N")]
    vxlan_link_v6: Option<IfIndex>,
    /// A network of the overlay. A lease outside all of its family is refused, and gateway routes into it over --link
    /// are ours: reconcile deletes them when no lease wants them.
    #[arg(long = "network")]
    networks: Vec<IpPrefix>,
}

/// One address family of a lease, for its backend.
#[derive(Clone, Copy)]
pub enum Family {
    Vxlan(VxlanBackend, Reading<VxlanPeer>),
    HostGw(HostGwBackend, Reading<HostGwPeer>),
}

impl Family {
    /// The claims, when the peer is reached so.
    pub fn claims(&self, reach: Reach) -> Vec<Claim> {
        match self {
            Self::Vxlan(backend, reading) => backend.claims(reading, reach).collect(),
            Self::HostGw(backend, reading) => backend.claims(reading).collect(),
        }
    }

    pub fn owner(&self) -> Option<Owner> {
        match self {
            Self::Vxlan(_, reading) => reading.peer().map(VxlanPeer::owner),
            Self::HostGw(_, reading) => reading.peer().map(HostGwPeer::owner),
        }
    }

    fn plan(&self, remove: bool, reach: Reach, others: Vec<Claim>) -> Plan {
        match self {
            Self::Vxlan(backend, reading) => reading.peer().map(|peer| match remove {
                true => backend.removed(peer, reach, others),
                false => backend.added(peer, reach, others),
            }),
            Self::HostGw(backend, reading) => reading.peer().map(|peer| match remove {
                true => backend.removed(peer, others),
                false => backend.added(peer, FoundRecords::EMPTY, others),
            }),
        }
        .unwrap_or(Plan::EMPTY)
    }
}

/// The leases of the other nodes.
pub struct Leases {
    /// IPv4 before IPv6, in the order of the file.
    pub families: Vec<Family>,
    /// Something could not be read. It was named on standard error.
    pub has_fault: bool,
    /// A key could not be read: nobody knows what its lease owns.
    pub has_unknown_key: bool,
    pub networks: Vec<IpPrefix>,
    pub link: Option<IfIndex>,
    /// With the vxlan backend, its links for IPv4 and IPv6.
    pub vxlan_links: [Option<IfIndex>; 2],
}

impl PlanArgs {
    pub fn read(&self) -> Result<Leases, Failure> {
        let name = self.leases.display();
        let list = leases::read(&read_text(&self.leases)?)
            .map_err(|error| Failure::input(format_args!("{name}: {error}")))?;
        let mut leases = Leases {
            families: Vec::new(),
            has_fault: false,
            has_unknown_key: false,
            networks: self.networks.clone(),
            link: self.link,
            vxlan_links: self.vxlan_links()?,
        };
        for lease in list {
            let (key, value) = match lease {
                Ok(LeaseText { key, value }) => (key, value),
                Err(error) => {
                    leases.fault(&error);
                    (error.key.unwrap_or_default(), String::new())
                }
            };
            match key.parse::<LeaseKey>() {
                Ok(key) => leases.add(self, &key, &value)?,
                Err(error) => {
                    leases.has_unknown_key = true;
                    leases.fault(&format_args!("key {key:?}: {error}"));
                }
            }
        }
        Ok(leases)
    }

    fn vxlan_links(&self) -> Result<[Option<IfIndex>; 2], Failure> {
        match (self.backend, self.vxlan_link, self.link) {
            (BackendType::Vxlan, None, _) => Err(Failure::input("--vxlan-link: needed for vxlan")),
            (BackendType::HostGw, _, None) => Err(Failure::input("--link: needed for host-gw")),
            (BackendType::Vxlan, link, _) => Ok([link, self.vxlan_link_v6.or(link)]),
            (BackendType::HostGw, ..) => Ok([None; 2]),
        }
    }

    /// Whether it is the node's own lease.
    fn is_own(&self, value: &str) -> bool {
        let Ok(LeaseValue { public_ip, public_ipv6, .. }) = LeaseValue::from_json(value) else {
            return false;
        };
        [public_ip.map(IpAddr::V4), public_ipv6.map(IpAddr::V6)].contains(&Some(self.own))
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

impl Leases {
    fn fault(&mut self, fault: &dyn Display) {
        eprintln!("routes: {fault}: skipped");
        self.has_fault = true;
    }

    fn add(&mut self, arguments: &PlanArgs, key: &LeaseKey, value: &str) -> Result<(), Failure> {
        if arguments.is_own(value) {
            return Ok(());
        }
        match arguments.backend {
            BackendType::Vxlan => {
                let readings = VxlanPeer::from_json(key, value, &self.networks);
                for (reading, link) in readings.into_iter().zip(self.vxlan_links) {
                    let ifindex = link.expect("vxlan_links() refuses the vxlan backend without");
                    let backend = VxlanBackend { ifindex };
                    self.add_family(&reading, Family::Vxlan(backend, reading));
                }
            }
            BackendType::HostGw => {
                for reading in HostGwPeer::from_json(key, value, &self.networks) {
                    let ifindex = self.link.expect("vxlan_links() refuses host-gw without");
                    let backend = HostGwBackend { ifindex };
                    self.add_family(&reading, Family::HostGw(backend, reading));
                }
            }
        }
        Ok(())
    }

    fn add_family<P>(&mut self, reading: &Reading<P>, family: Family) {
        if let Reading::Unreadable { owner, error, .. } = reading {
            self.fault(&format_args!("{}: {}: {error}", owner.lease, owner.subnet));
        }
        self.families.push(family);
    }

    /// The claims of all leases, when every peer is reached so.
    pub fn claims(&self, reach: Reach) -> Vec<Claim> {
        self.families.iter().flat_map(|family| family.claims(reach)).collect()
    }

    /// What the leases mean to a kernel that has none of it, or to one that has all of it and is to have none.
    pub fn changes(&self, remove: bool, reach: Reach) -> Vec<Change> {
        let claims = |families: &[Family]| -> Vec<Claim> {
            families.iter().flat_map(|family| family.claims(reach)).collect()
        };
        let plan = |(index, family): (usize, &Family)| {
            // Each lease that goes leaves what those after it still want.
            let others = if remove { &self.families[index + 1..] } else { &self.families[..] };
            family.plan(remove, reach, claims(others))
        };
        let plans: Vec<Plan> = self.families.iter().enumerate().map(plan).collect();
        plans.iter().flat_map(Plan::changes).collect()
    }

    /// Names the conflicts between the leases on standard error. Whether there are any.
    pub fn report_conflicts(&self, claims: &[Claim]) -> bool {
        let mut buffer = vec![None; claims.len()];
        let claims = claims.iter().copied();
        let wanted = WantedRecords::collect(claims, FoundRecords::EMPTY, &mut buffer)
            .expect("a place for each claim");
        wanted.conflicts().inspect(|conflict| eprintln!("routes: {conflict}")).count() > 0
    }

    /// Bad input was named, and did not stop the rest: exit status 2. A conflict or a refusal: 1.
    pub fn outcome(&self, has_conflict: bool, failures: usize) -> Result<(), Failure> {
        match failures {
            0 if self.has_fault => Err(Failure::Named),
            0 if has_conflict => Err(Failure::system("leases conflict")),
            0 => Ok(()),
            failures => Err(Failure::system(format_args!("{failures} changes failed"))),
        }
    }
}

/// The request of a change. The longest, an IPv6 route, has 76 bytes.
pub fn bytes(change: Change, seq: u32) -> Vec<u8> {
    let mut buffer = [0; 128];
    let length = change.write(seq, &mut buffer).expect("128 bytes are enough for any change");
    buffer[..length].to_vec()
}
