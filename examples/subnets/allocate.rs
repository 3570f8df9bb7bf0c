//! Leases for many nodes, as flanneld on each of them would have got them one after the other.

use std::collections::HashSet;
use std::fmt::Display;
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use clap::Args;
use fastrand::Rng;
use indicatif::ProgressIterator;
use vtep::lease::{
    LeaseAllocator, LeaseKey, LeaseValue, NetworkConfig, VxlanBackendData, VxlanConfig,
};
use vtep::subnet::{AllocateError, OtherLease, Prefix, SubnetAllocator, SubnetPool};
use vtep::wire::{MacAddr, Vni};

use crate::leases::{self, ElementError, LeaseText};
use crate::{Failure, about, read};

#[derive(Args)]
pub struct Allocate {
    /// The network config.
    config: PathBuf,
    /// How many nodes there are.
    #[arg(long)]
    nodes: u32,
    /// The seed of the choice among free subnets: one seed always has the same leases.
    #[arg(long)]
    seed: Option<u64>,
    /// Leases that there are: a key a line, a JSON array of keys or of {"key":..,"value":..}, or what
    /// etcd prints. An unreadable value is named, and its subnet counts as taken.
    #[arg(long)]
    taken: Option<PathBuf>,
    /// The first node's address in the underlay; the others follow.
    #[arg(long, default_value = "192.168.0.1")]
    public_ip: Ipv4Addr,
}

/// Of an immense IPv6 pool, as many subnets as are worth keeping books of.
const MOST_SUBNETS: u128 = 1 << 24;

/// 2001:db8::/32, where the nodes' IPv6 addresses are from (RFC 3849).
const DOCUMENTATION: u128 = 0x2001_0db8 << 96;

/// An allocator of a pool, and the storage it works on.
struct Storage<P: Prefix> {
    pool: SubnetPool<P>,
    words: Vec<u64>,
    others: Vec<OtherLease<P>>,
}

impl<P: Prefix> Storage<P> {
    fn new(pool: SubnetPool<P>, leases: usize) -> Self {
        let pool = pool.first(MOST_SUBNETS);
        let words = vec![0; SubnetAllocator::words(&pool)];
        Self { pool, words, others: vec![OtherLease::EMPTY; leases] }
    }

    fn allocator(&mut self) -> Result<SubnetAllocator<'_, P>, AllocateError> {
        SubnetAllocator::new(self.pool, &mut self.words, &mut self.others)
    }
}

impl Allocate {
    pub fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        let about_config = |error: &dyn Display| about(self.config.display(), error);
        let text = read(&self.config)?;
        let config = NetworkConfig::from_json(&text).map_err(|error| about_config(&error))?;
        let pools = config.pools().map_err(|error| about_config(&error))?;
        let ipv4 = pools.ipv4.ok_or_else(|| about_config(&"a lease without IPv4 has no key"))?;
        let backend = Backend::new(&config).map_err(|error| about_config(&error))?;
        let taken = self.taken.as_deref().map(read_taken).transpose()?.unwrap_or_default();

        let mut v4 = Storage::new(ipv4, taken.len());
        let mut v6 = pools.ipv6.map(|ipv6| Storage::new(ipv6, taken.len()));
        let v6 = v6.as_mut().map(Storage::allocator).transpose()?;
        let mut allocator = LeaseAllocator::new(pools, v4.allocator()?, v6);
        taken.iter().try_for_each(|lease| allocator.reserve(lease.key))?;

        let mut rng = self.seed.map_or_else(Rng::new, Rng::with_seed);
        let mut addresses = self.addresses(&taken);
        let mut leases = Vec::new();
        for node in (0..self.nodes).progress() {
            let key = allocator.allocate(|count| rng.u32(..count)).map_err(|error| {
                about_config(&format!("{error} for node {} of {}", node + 1, self.nodes))
            })?;
            let address =
                addresses.next().ok_or_else(|| about("--public-ip", "too few addresses"))?;
            leases.push((key, backend.value(address, key, &mut rng)));
        }
        write_leases(&leases, out)
    }

    /// The nodes' addresses in the underlay: those that no lease has yet.
    fn addresses(&self, taken: &[Taken]) -> impl Iterator<Item = Ipv4Addr> + use<> {
        let taken: HashSet<_> = taken.iter().filter_map(|lease| lease.public_ip).collect();
        (self.public_ip..=Ipv4Addr::BROADCAST).filter(move |address| !taken.contains(address))
    }
}

fn write_leases(leases: &[(LeaseKey, String)], out: &mut impl Write) -> Result<(), Failure> {
    let mut separator = "[\n";
    for (key, value) in leases {
        write!(out, r#"{separator}{{"key":"{key}","value":{value}}}"#)?;
        separator = ",\n";
    }
    let end = if leases.is_empty() { "[]" } else { "\n]" };
    Ok(writeln!(out, "{end}")?)
}

/// The backend in the nodes' leases.
struct Backend {
    name: &'static str,
    vxlan: Option<Vni>,
}

impl Backend {
    fn new(config: &NetworkConfig<'_>) -> Result<Self, Failure> {
        let backend = config.backend_type()?;
        let is = |name: &str| backend.eq_folded(name);
        // udp and alloc leave the type out of their leases.
        let names = [
            ("vxlan", "vxlan"),
            ("host-gw", "host-gw"),
            ("ipip", "ipip"),
            ("udp", ""),
            ("alloc", ""),
        ];
        let found = names.into_iter().find(|(name, _)| is(name));
        let (_, name) = found.ok_or_else(|| format!("no leases for backend {backend}"))?;
        let vxlan = match config.backend {
            Some(json) if name == "vxlan" => Some(VxlanConfig::from_json(json)?.vni),
            _ => None,
        };
        Ok(Self { name, vxlan })
    }

    /// A node's lease value, with MAC addresses of its own for its VXLAN devices.
    fn value(&self, address: Ipv4Addr, key: LeaseKey, rng: &mut Rng) -> String {
        let mut buffers = [[0; VxlanBackendData::MAX_LEN]; 2];
        let [v4, v6] = &mut buffers;
        let mut data = |buffer| {
            let backend = VxlanBackendData { vni: self.vxlan, vtep_mac: vtep_mac(rng) };
            self.vxlan.map(|_| backend.write(buffer))
        };
        let mut value = LeaseValue::new(address).with_backend_type(self.name);
        value.backend_data = data(v4);
        if key.v6.is_some() {
            let public_ipv6 = Ipv6Addr::from(DOCUMENTATION | u128::from(address.to_bits()));
            value = value.with_public_ipv6(public_ipv6);
            value.backend_v6_data = data(v6);
        }
        value.to_string()
    }
}

/// An address as flannel makes one: random, local, of one station.
fn vtep_mac(rng: &mut Rng) -> MacAddr {
    let [_, _, mut first, rest @ ..] = rng.u64(..).to_be_bytes();
    first = (first & 0xfe) | 0x02;
    let [b, c, d, e, f] = rest;
    MacAddr::new([first, b, c, d, e, f])
}

/// An existing lease.
struct Taken {
    key: LeaseKey,
    public_ip: Option<Ipv4Addr>,
}

fn read_taken(path: &Path) -> Result<Vec<Taken>, Failure> {
    let text = read(path)?;
    let about_path = |error: &dyn Display| about(path.display(), error);
    if !text.trim_start_matches('\u{feff}').trim_start().starts_with(['[', '{']) {
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let key = |(number, line): (u32, &str)| {
            Taken::new(line.trim(), None)
                .map_err(|error| about(format_args!("{}:{number}", path.display()), error))
        };
        return lines.map(key).collect();
    }
    if let Ok(keys) = serde_json::from_str::<Vec<String>>(&text) {
        return keys
            .iter()
            .map(|key| Taken::new(key, None))
            .collect::<Result<_, _>>()
            .map_err(|error| about_path(&error));
    }
    let leases = leases::read(&text).map_err(|error| about_path(&error))?;
    let taken = leases.into_iter().map(|lease| taken_lease(path, lease));
    taken.collect::<Result<_, _>>().map_err(|error| about_path(&error))
}

/// A lease whose value cannot be read is named, and has its subnet all the same. One whose key cannot
/// be read is an error: its subnet would be allocated again.
fn taken_lease(path: &Path, lease: Result<LeaseText, ElementError>) -> Result<Taken, Failure> {
    let warn = |key: &str, error: &dyn Display| {
        eprintln!(
            "subnets: {}: {key}: {error}: its subnet is taken, its PublicIP unknown",
            path.display()
        );
    };
    match lease {
        Ok(LeaseText { key, value }) => {
            let mut taken = Taken::new(&key, None)?;
            match LeaseValue::from_json(&value) {
                Ok(value) => taken.public_ip = value.public_ip,
                Err(error) => warn(&key, &error),
            }
            Ok(taken)
        }
        Err(ElementError { key: Some(key), fault, .. }) => {
            Taken::new(&key, None).inspect(|_| warn(&key, &fault))
        }
        Err(error) => Err(error.into()),
    }
}

impl Taken {
    fn new(key: &str, public_ip: Option<Ipv4Addr>) -> Result<Self, Failure> {
        let key = key.parse().map_err(|error| about(key, error))?;
        Ok(Self { key, public_ip })
    }
}
