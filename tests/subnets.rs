//! Leases, network configs and `subnet.env` as flanneld left them, and the `subnets` example.

mod common;
#[path = "../examples/common/leases.rs"]
mod leases;

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
            let env = text.parse::<SubnetEnv>().unwrap();
            assert_eq!(env.to_string(), text, "{name}");
            let leased = etcd(&state).into_iter().any(|(path, _)| {
                path.parse::<LeaseKey>()
                    .is_ok_and(|key| key.v4.map(|v4| v4.next_address()) == env.subnet.value())
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

/// The one line of the error.
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
    assert_eq!(
        stdout(&["env", &case("env_inline_comment.env")]),
        "--bip=10.5.3.1/24 --ip-masq=false --mtu=1450\n"
    );
    assert_eq!(stdout(&["env", &case("env_tab.env")]), "--bip=10.5.3.1/24 --mtu=1450\n");
    let out = refused(&["env", &case("env_bad_subnet.env")]);
    assert!(
        out.ends_with(": line 1: FLANNEL_SUBNET is not an IPv4 address with a prefix length\n")
    );
    let output = subnets(&["env", &file("none.env", "FLANNEL_SUBNET=\nFLANNEL_MTU=1450\n")]);
    assert_eq!(output.stdout, b"--mtu=1450\n");
    assert!(String::from_utf8(output.stderr).unwrap().contains("no --bip"));
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
        assert!(vxlan.vtep_mac.is_local() && vxlan.vtep_mac.is_valid_unicast());
    }
    let out = refused(&["allocate", &config, "--nodes", "10", "--taken", &lines]);
    assert!(out.contains("out of subnets"), "{out}");
    refused(&["allocate", &config, "--nodes", "1", "--taken", &file("wrong", "10.3.1.0\n")]);
}

fn case(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases").join(name);
    path.into_os_string().into_string().unwrap()
}

fn case_text(name: &str) -> String {
    fs::read_to_string(case(name)).unwrap()
}

/// The keys of the elements, or what is said of those that have none.
fn elements(text: &str) -> Vec<Result<(String, String), String>> {
    let elements = leases::read(text).unwrap();
    let element = |element: Result<leases::LeaseText, leases::ElementError>| {
        element.map(|lease| (lease.key, lease.value)).map_err(|error| error.to_string())
    };
    elements.into_iter().map(element).collect()
}

/// The node tree is in the form of etcd's v2 API, "Listing a directory", recursively.
#[test]
fn etcd_s_forms_of_one_lease_are_read_alike() {
    let key = "/coreos.com/network/subnets/10.5.2.0-24".to_owned();
    let value = r#"{"PublicIP":"192.0.2.12","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"0a:00:00:00:00:12"}}"#;
    let lease = [Ok((key.clone(), value.to_owned()))];
    let string = serde_json::to_string(value).unwrap();
    let entry = format!(r#"{{"key":"{key}","value":{string},"modifiedIndex":7,"createdIndex":7}}"#);
    let config = r#"{"key":"/coreos.com/network/config","value":"{}"}"#;
    let tree = format!(
        r#"{{"action":"get","node":{{"key":"/coreos.com/network","dir":true,"nodes":[{config},
            {{"key":"/coreos.com/network/subnets","dir":true,"nodes":[{entry}]}},{{"key":"/coreos.com/network/x","dir":true}}]}}}}"#
    );
    let etcdctl = case_text("etcdctl_v3.json");
    for text in [
        &case_text("etcd_v2.json"),
        &etcdctl,
        &format!("\u{feff}{etcdctl}"),
        &tree,
        &format!(r#"{{"action":"get","node":{entry}}}"#),
        &format!(r#"[{{"key":"{key}","value":{value}}}]"#),
    ] {
        assert_eq!(elements(text), lease, "{text}");
    }
    for nothing in [
        "[]",
        r#"{"header":{"revision":3}}"#,
        r#"{"kvs":[],"count":0}"#,
        r#"{"node":{"dir":true}}"#,
    ] {
        assert_eq!(elements(nothing), [], "{nothing}");
    }
}

#[test]
fn a_bad_element_is_named_and_stops_no_other() {
    let good = Ok(("a".to_owned(), "{}".to_owned()));
    let bad = |text: &str| Err(text.to_owned());
    let text = r#"[7, {"key":"a","value":{}}, {"key":"b"}, {"value":{}}, ["a",{}], {"key":7,"value":{}},
        {"key":"c","value":"\ud800"}, {"key":"d","value":null}, {"key":"a","key":"a"}, {"key":"a","value":{}}]"#;
    let found = elements(text);
    let ends = [&found[..6], &found[7..8], &found[9..]].concat();
    let no_object = "not an object with a key and a value";
    let expected = [
        bad(&format!("lease 1: {no_object}")),
        good.clone(),
        bad("lease 3 (b): no value"),
        bad("lease 4: no key that is a string"),
        bad(&format!("lease 5: {no_object}")),
        bad("lease 6: no key that is a string"),
        bad("lease 8 (d): no value"),
        good.clone(),
    ];
    assert_eq!(ends, expected);
    assert!(
        found[6].as_ref().is_err_and(|error| error.starts_with("lease 7 (c): value: ")),
        "{found:?}"
    );
    assert!(found[8].as_ref().is_err_and(|error| error.starts_with("lease 9: ")), "{found:?}");

    let kvs = r#"{"header":{},"kvs":[{"key":"YQ==","value":"e30="},{"key":"YQ==","value":"e30"},{"key":"/w==","value":"e30="},{"key":"YQ=="}]}"#;
    let found = elements(kvs);
    assert_eq!((&found[0], &found[3]), (&good, &bad("lease 4 (a): no value")));
    assert!(
        found[1].as_ref().is_err_and(|error| error.starts_with("lease 2 (a): value: not base64"))
    );
    assert!(found[2].as_ref().is_err_and(|error| error.starts_with("lease 3: key: ")), "{found:?}");
    // Nested without end, for the elements of a list and for directories.
    let nested = format!(
        r#"[{{"key":"a","value":{}{}}}, {{"key":"a","value":{{}}}}]"#,
        "[".repeat(9999),
        "]".repeat(9999)
    );
    assert_eq!(elements(&nested)[1], good);
    let nested = format!(r#"{{"node":{}{}}}"#, r#"{"nodes":["#.repeat(9999), "]}".repeat(9999));
    assert_eq!(elements(&nested), [bad("lease 1: no key that is a string")]);
}

#[test]
fn what_is_no_list_of_leases_is_told_the_forms() {
    for text in [
        "",
        "7",
        "{}",
        "[",
        r#"{"kvs":7}"#,
        r#"{"errorCode":100,"message":"Key not found"}"#,
        "[]\n[]",
    ] {
        let error = leases::read(text).unwrap_err().to_string();
        assert!(
            error.starts_with("not a list of leases: ") && error.contains("etcdctl get"),
            "{error}"
        );
    }
}

/// A lease whose value cannot be read has its subnet all the same, whatever form it is in.
#[test]
fn allocates_nothing_that_a_lease_of_etcd_has() {
    let config = file("etcd_config.json", r#"{"Network":"10.5.0.0/22"}"#);
    let args = [
        "allocate",
        &config,
        "--public-ip",
        "192.0.2.12",
        "--nodes",
        "2",
        "--seed",
        "1",
        "--taken",
    ];
    for taken in ["etcd_v2.json", "etcdctl_v3.json"] {
        let leases: Vec<Value> =
            serde_json::from_str(&stdout(&[&args[..], &[&case(taken)]].concat())).unwrap();
        let keys: Vec<&str> = leases.iter().map(|lease| lease["key"].as_str().unwrap()).collect();
        assert!(!keys.contains(&"10.5.2.0-24"), "{keys:?}");
        let addresses: Vec<_> = leases.iter().map(|lease| &lease["value"]["PublicIP"]).collect();
        assert_eq!(addresses, ["192.0.2.13", "192.0.2.14"], "{taken}");
    }
    // The second lease has no PublicIP, which is readable.
    let out = refused(&[&args[..], &[&case("lease_one_bad.json")]].concat());
    assert!(out.contains("out of subnets for node 2 of 2"), "{out}");
    let unreadable =
        case_text("lease_one_bad.json").replace("vxlan\"}}]", "vxlan\",\"PublicIP\":7}}]");
    let output = subnets(&[&args[..], &[&file("unreadable.json", &unreadable)]].concat());
    let (out, err) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    // Two of three subnets are taken.
    assert!(
        out.is_empty()
            && err.contains(
                "10.5.3.0-24: PublicIP has a wrong value at byte 35: its subnet is taken"
            ),
        "{err}"
    );
    assert!(err.contains("out of subnets for node 2 of 2"), "{err}");
    let no_value =
        file("no_value.json", r#"[{"key":"10.5.1.0-24"},{"key":"10.5.2.0-24","value":7}]"#);
    let output = subnets(&[&args[..4], &["--nodes", "1", "--taken", &no_value]].concat());
    assert!(String::from_utf8(output.stdout).unwrap().contains("10.5.3.0-24"));
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 2);
    let bad_key = file("bad_key.json", r#"[{"key":"10.5.1.0","value":{}}]"#);
    refused(&[&args[..], &[&bad_key]].concat());
}
