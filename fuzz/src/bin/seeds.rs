//! Writes `fuzz/seeds`: for each target that reads bytes as they are, a few inputs from the captures and the
//! recorded messages in `tests/data`, each of another shape.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// Captures that between them have every kind of packet.
const CAPTURES: [&str; 12] = [
    "flannel_icmp_sizes",
    "flannel_inner_ipv6",
    "flannel_inner_fragments_v6",
    "flannel_outer_ipv6_zerocsum",
    "flannel_tcp_short",
    "gbp_policy",
    "gpe_ipv4_ipv6",
    "l2_tiny_and_odd_frames",
    "l2_vlan_tagged_inner",
    "outer_fragments_df_unset",
    "rxprobe_default",
    "underlay_everything_mix",
];

/// The most bytes of a seed, and the most seeds of one capture.
const MOST: (usize, usize) = (200, 6);

const TEXTS: [&str; 6] = [
    "10.5.34.0-24",
    "/coreos.com/network/subnets/10.5.34.0-24&fd00:5:34::-64",
    r#"{"PublicIP":"192.168.50.2","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}"#,
    r#"{"PublicIP":"192.168.50.2","PublicIPv6":"fd00::2","BackendType":"host-gw"}"#,
    r#"{"Network":"10.5.0.0/16","SubnetLen":24,"Backend":{"Type":"vxlan","VNI":4097,"Port":4789,"GBP":true}}"#,
    r#"{ "EnableIPv6" : true, "Network":"10.3.0.0/16", "IPv6Network":"fd00:3::/48", "SubnetMin":"10.3.1.0", "Backend":{"Type":"\u0075dp"} }"#,
];

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = root.join("../tests/data");
    let mut frames = BTreeSet::new();
    for capture in CAPTURES {
        let file = fs::read(data.join(format!("captures/{capture}.pcap")))?;
        let mut sizes = BTreeSet::new();
        let packets = packets(&file).filter(|packet| packet.len() <= MOST.0);
        frames.extend(packets.filter(|packet| sizes.insert(packet.len())).take(MOST.1));
    }
    // Behind Ethernet, IPv4, UDP and VXLAN, and the same inside.
    let cuts = [0, 14, 34, 42, 50, 64, 84];
    let layers: BTreeSet<_> =
        frames.iter().flat_map(|frame| cuts.map(|at| frame.get(at..).unwrap_or(&[]))).collect();
    let mut shapes = BTreeSet::new();
    let layers = layers
        .into_iter()
        .filter(|bytes| !bytes.is_empty() && shapes.insert((bytes.len(), bytes[0])));
    let layers: Vec<Vec<u8>> = layers.map(<[u8]>::to_vec).collect();
    for target in ["parsers", "peers", "checksums"] {
        write(root, target, layers.iter().step_by(6).cloned())?;
    }
    // The first eight bytes choose the receiver: the default device, a group policy, RFC 7348.
    let receivers = [[0; 8], [0, 0, 1, 1, 1, 0, 3, 3], [0, 0, 0, 0, 1, 1, 0, 0]];
    let to_decap =
        frames.iter().flat_map(|frame| receivers.map(|receiver| [&receiver[..], frame].concat()));
    write(root, "decap", to_decap.step_by(4))?;
    write(root, "texts", TEXTS.map(|text| text.as_bytes().to_vec()).into_iter())?;
    let mut kinds = BTreeSet::new();
    let messages = ["iproute2", "flanneld"]
        .map(|name| fs::read_to_string(data.join(format!("netlink/{name}.tsv"))));
    let messages: Vec<_> = messages.into_iter().collect::<io::Result<Vec<_>>>()?;
    let messages = messages
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| unhex(line.split('\t').nth(2)?));
    let messages =
        messages.filter(|bytes| bytes.len() <= 600 && kinds.insert((bytes[4], bytes.len() / 24)));
    write(root, "netlink_walk", messages.collect::<Vec<_>>().into_iter())
}

/// The packets of a classic pcap in little-endian order.
fn packets(mut file: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    file = file.get(24..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (record, rest) = file.split_first_chunk::<16>()?;
        let len = u32::from_le_bytes([record[8], record[9], record[10], record[11]]);
        let (packet, rest) = rest.split_at_checked(len as usize)?;
        file = rest;
        Some(packet.to_vec())
    })
}

fn unhex(hex: &str) -> Option<Vec<u8>> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

fn write(root: &Path, target: &str, seeds: impl Iterator<Item = Vec<u8>>) -> io::Result<()> {
    let folder = root.join("seeds").join(target);
    fs::create_dir_all(&folder)?;
    let mut count = 0;
    for seed in seeds {
        fs::write(folder.join(format!("{count:03}")), seed)?;
        count += 1;
    }
    println!("{target}: {count}");
    Ok(())
}
