//! Leases, network configs and `subnet.env` as flanneld left them, and the `subnets` example.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use vtep::lease::{LeaseKey, LeaseValue, NetworkConfig, SubnetEnv};

/// The state files: what each run of flanneld left in etcd and in `subnet.env`.
fn states() -> Vec<(String, Value)> {
    let files = fs::read_dir(common::capture_path("")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let states: Vec<_> = names
        .filter(|name| name.starts_with("real_flanneld") && name.ends_with(".state.json"))
        .map(|name| {
            let text = fs::read_to_string(common::capture_path(&name)).unwrap();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    assert_eq!(states.len(), 5);
    states
}

/// The keys and values in etcd, one a line in turn.
fn etcd(state: &Value) -> Vec<(&str, &str)> {
    let lines: Vec<&str> = state["etcd_print"].as_str().unwrap().lines().collect();
    lines.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}

#[test]
fn leases_are_written_byte_for_byte_as_flanneld_wrote_them() {
    let mut leases = 0;
    for (name, state) in states() {
        for (path, value) in etcd(&state) {
            let Some((_, text)) = path.split_once("/subnets/") else { continue };
            let key: LeaseKey = path.parse().unwrap();
            assert_eq!(key.to_string(), text, "{name}");
            assert_eq!(LeaseValue::from_json(value).unwrap().to_string(), value, "{name}");
            leases += 1;
        }
    }
    assert_eq!(leases, 10);
}

#[test]
fn every_subnet_that_flanneld_chose_is_a_candidate_of_the_pool() {
    for (name, state) in states() {
        let etcd = etcd(&state);
        let (_, config) = etcd.iter().find(|(path, _)| path.ends_with("/config")).unwrap();
        let pool = NetworkConfig::from_json(config).unwrap().pools().unwrap().ipv4.unwrap();
        for (path, _) in etcd.iter().filter(|(path, _)| path.contains("/subnets/")) {
            let key: LeaseKey = path.parse().unwrap();
            assert!(pool.index_of(key.v4.unwrap().prefix()).unwrap() < 101, "{name}: {path}");
        }
    }
}

#[test]
fn subnet_env_names_the_first_address_of_a_lease() {
    for (name, state) in states() {
        for node in ["ioA", "ioB"] {
            let variables = state[node]["subnet_env"].as_object().unwrap();
            let line = |(name, value): (_, &Value)| format!("{name}={}\n", value.as_str().unwrap());
            let text: String = variables.iter().map(line).collect();
            let env = SubnetEnv::from_text(&text).unwrap();
            assert_eq!(env.to_string(), text, "{name}");
            let leased = etcd(&state).into_iter().any(|(path, _)| {
                path.parse::<LeaseKey>()
                    .is_ok_and(|key| key.v4.map(|v4| v4.next_address()) == env.subnet)
            });
            assert!(leased, "{name}");
        }
    }
}

/// The example, which `cargo test` has built beside this test.
fn subnets(args: &[&str]) -> Output {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(Path::parent).unwrap();
    common::program(&target.join("examples/subnets")).args(args).output().unwrap()
}

fn stdout(args: &[&str]) -> String {
    let output = subnets(args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one line that says what is wrong.
fn refused(args: &[&str]) -> String {
    let output = subnets(args);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &[][..]), "{args:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

fn file(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path.into_os_string().into_string().unwrap()
}

#[test]
fn prints_a_pool() {
    let config = file("pool.json", r#"{"network":"10.3.0.0/16"}"#);
    assert_eq!(
        stdout(&["pool", &config, "--json"]),
        "{\"len\":24,\"min\":\"10.3.1.0\",\"max\":\"10.3.255.0\",\"count\":255}\n"
    );
    let config = file("small.json", r#"{"Network":"10.1.0.0/29"}"#);
    let error = "IPv4: network 10.1.0.0/29 is too small, its length is at most 28";
    assert_eq!(refused(&["pool", &config, "--json"]), format!("subnets: {config}: {error}\n"));
    refused(&["pool", "nowhere.json"]);
    refused(&["pool"]);
    refused(&[]);
}

#[test]
fn prints_keys() {
    assert_eq!(
        stdout(&["key", "--json", "10.5.34.0-24", "10.5.1.0-24&fc00::-64", "10"]),
        concat!(
            "{\"text\":\"10.5.34.0-24\",\"v4\":\"10.5.34.0/24\",\"v6\":null}\n",
            "{\"text\":\"10.5.1.0-24&fc00::-64\",\"v4\":\"10.5.1.0/24\",\"v6\":\"fc00::/64\"}\n",
            "{\"text\":\"10\",\"error\":\"not a lease key: no length from 0 to 31 after the IPv4 address\"}\n",
        )
    );
}

#[test]
fn prints_docker_options() {
    let env = "FLANNEL_SUBNET=10.1.74.1/24\nFLANNEL_MTU=1472\nFLANNEL_IPMASQ=false\n";
    let docker = "--bip=10.1.74.1/24 --ip-masq=true --mtu=1472\n";
    assert_eq!(stdout(&["env", &file("subnet.env", env)]), docker);
    refused(&["env", &file("wrong.env", "FLANNEL_MTU=large\n")]);
}

#[test]
fn allocates_the_same_again_and_nothing_that_is_taken() {
    let config = file("vxlan.json", r#"{"Network":"10.3.0.0/20","Backend":{"Type":"vxlan"}}"#);
    let taken = ["10.3.4.0-22", "/coreos.com/network/subnets/10.3.1.0-24", "10.3.2.128-25"];
    let lines = file("taken", &taken.join("\n"));
    let args = ["allocate", &config, "--nodes", "9", "--seed", "7", "--taken"];
    let leases = stdout(&[&args[..], &[&lines]].concat());
    let array = file("taken.json", &serde_json::to_string(&taken).unwrap());
    assert_eq!(stdout(&[&args[..], &[&array]].concat()), leases);

    let leases: Vec<Value> = serde_json::from_str(&leases).unwrap();
    let mut keys: Vec<&str> = leases.iter().map(|lease| lease["key"].as_str().unwrap()).collect();
    keys.sort_unstable_by_key(|key| key.parse::<LeaseKey>().unwrap());
    let free = [3, 8, 9, 10, 11, 12, 13, 14, 15].map(|third| format!("10.3.{third}.0-24"));
    assert_eq!(keys, free);
    for lease in &leases {
        let value = lease["value"].to_string();
        let vxlan = LeaseValue::from_json(&value).unwrap().vxlan().unwrap().unwrap();
        assert!(vxlan.vtep_mac.is_local() && vxlan.vtep_mac.is_station());
    }
    let out = refused(&["allocate", &config, "--nodes", "10", "--taken", &lines]);
    assert!(out.contains("out of subnets"), "{out}");
    refused(&["allocate", &config, "--nodes", "1", "--taken", &file("wrong", "10.3.1.0\n")]);
}
