//! The `routes` example: recorded messages in, JSON and hex out; flanneld's leases in, flanneld's requests out.
// the messages were recorded on a little-endian machine
#![cfg(target_endian = "little")]

mod common;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

fn started(arguments: &[&str]) -> Child {
    let test = std::env::current_exe().unwrap();
    let example = test.ancestors().nth(2).unwrap().join("examples/routes");
    assert!(example.exists(), "{}: cargo build --example routes", example.display());
    common::program(&example)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Exit status, standard output, standard error.
fn routes(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = started(arguments);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn data(name: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/netlink").join(name);
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split('\t').map(String::from).collect()).collect()
}

fn decoded(line: &str) -> Value {
    let (status, out, error) = routes(&["decode"], line);
    assert_eq!((status, error.as_str()), (0, ""), "{line}");
    serde_json::from_str(&out).unwrap()
}

/// The first recorded message of a command whose hex has that message type.
fn recorded(command: &str, sender: &str, kind: &str) -> String {
    let mut lines = data("iproute2.tsv").into_iter();
    let is_it = |line: &Vec<String>| {
        line[0].starts_with(command) && line[1] == sender && &line[2][8..12] == kind
    };
    lines.find(is_it).unwrap()[2].clone()
}

#[test]
fn a_route_is_the_object_that_it_should_be() {
    let line = "3400000018000506010000000000000002180000fe03000100000000080001000a01110008000500c0a832020800040002000000";
    let expected = r#"{"type":"newroute","flags":1541,"dst":"10.1.17.0/24","gateway":"192.168.50.2","oif":2,"onlink":false,"table":254,"protocol":3,"scope":0,"priority":null}"#;
    assert_eq!(routes(&["decode"], line), (0, format!("{expected}\n"), String::new()));
    let spaced = line.replace("1800", " 1800 ");
    assert_eq!(decoded(&spaced), decoded(line));
    assert_eq!(decoded(&line.to_uppercase()), decoded(line));
}

#[test]
fn every_other_kind_of_message_has_its_object() {
    let line = recorded("15_vxlan_route_add_onlink", "tx", "1800");
    assert_eq!(decoded(&line)["onlink"], true);
    let line = recorded("19_fdb_append_dst", "tx", "1c00");
    let expected = json!({"type": "newneigh", "flags": 3077, "family": 7, "ifindex": 4, "state": 192, "ntf": 2,
        "dst": "192.168.50.3", "lladdr": "02:42:0a:01:12:00"});
    assert_eq!(decoded(&line), expected);
    let line = recorded("40_neigh_del", "tx", "1d00");
    assert_eq!(decoded(&line)["type"], "delneigh");
    let line = recorded("03_addr_add_32", "tx", "1400");
    let address = decoded(&line);
    assert_eq!((&address["local"], &address["prefixlen"]), (&json!("10.1.16.0"), &json!(32)));
    let line = recorded("36_link_add_vxlan_docker", "notify", "1000");
    let link = decoded(&line);
    assert_eq!((&link["ifname"], &link["kind"]), (&json!("vx-004097"), &json!("vxlan")));
    assert_eq!((&link["vxlan"]["id"], &link["vxlan"]["port"]), (&json!(4097), &json!(4789)));
    let line = recorded("03_addr_add_32", "rx", "0200");
    assert_eq!(decoded(&line)["type"], "ack");
    let errors: Vec<Value> = data("iproute2.tsv")
        .iter()
        .filter(|line| line[0].starts_with("39_") && &line[2][8..12] == "0200")
        .map(|line| decoded(&line[2]))
        .collect();
    let error = errors.last().unwrap();
    assert_eq!((&error["type"], &error["errno"]), (&json!("error"), &json!(17)));
    assert_eq!(error["message"], "A VXLAN device with the specified VNI already exists");
    assert_eq!(decoded(&recorded("10_route_show", "rx", "0300"))["type"], "done");
    let line = "14000000240001000100000000000000aabbccdd";
    assert_eq!(decoded(line), json!({"type": "other", "number": 36}));
    assert_eq!(decoded("1100000012000103010000000000000000")["type"], "getlink");
}

#[test]
fn a_line_that_is_no_message_does_not_stop_the_others() {
    let good = recorded("06_hostgw_route_add", "tx", "1800");
    let bad = ["zz", "123", "1234", "ff00000018000506010000000000000002", &good[..good.len() - 2]];
    // RTM_NEWROUTE with 3 bytes of `struct rtmsg`
    let truncated_body = "1300000018000506010000000000000002180000";
    let lines = [&bad[..], &[truncated_body, "", &good]].concat().join("\n");
    let (status, out, error) = routes(&["decode"], &lines);
    assert_eq!(status, 2);
    assert_eq!(error.lines().count(), 1, "{error}");
    let objects: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 7);
    for (number, object) in (1..=6).zip(&objects) {
        assert_eq!((&object["type"], &object["line"]), (&json!("malformed"), &json!(number)));
    }
    assert_eq!(objects[6]["type"], "newroute");
    let (status, out, error) = routes(&["reencode"], &lines);
    assert_eq!((status, out), (2, format!("{good}\n")));
    assert_eq!(error, "routes: line 1: not hex; no message either: line 2, 3, 4, 5, 6\n");
}

/// As Linux reads it: what is not an attribute ends the attributes, and is not lost.
#[test]
fn trailing_bytes_are_counted_and_rebuilt() {
    let good = recorded("06_hostgw_route_add", "tx", "1800");
    let line = |name: &str| {
        let lines = data("kernel.tsv");
        lines.into_iter().find(|line| line[0] == name && line[1] == "tx").unwrap().swap_remove(2)
    };
    let truncated_attribute = good.replace("08000400", "09000400");
    for (line, trailing) in [
        (truncated_attribute, 8),
        (line("trailing_short"), 3),
        (line("trailing_zero"), 8),
        (line("trailing_in_middle"), 12),
        (line("neigh_trailing"), 2),
    ] {
        assert_eq!(decoded(&line)["trailing_bytes"], trailing, "{line}");
        assert_eq!(routes(&["reencode"], &line), (0, format!("{line}\n"), String::new()));
    }
    assert_eq!(decoded(&good).get("trailing_bytes"), None);
}

#[test]
fn every_next_hop_has_its_gateway() {
    let line = "7000000018000200010000000000000002180000fe03000100000000080001000a05020008000f00fe000000440009002000000002000000160012000a00fe80000000000000000000000000000100002000000003000000160012000a00fe8000000000000000000000000000010000";
    let hop = |link: u32| json!({"gateway": "fe80::1", "oif": link, "weight": 1, "flags": 0});
    assert_eq!(decoded(line)["nexthops"], json!([hop(2), hop(3)]));
    // An onlink hop of weight 3 with RTA_GATEWAY, RTA_FLOW and RTA_ENCAP_TYPE.
    let line = "40000000180002000100000000000000 02180000fe03000100000000\
                 24000900 2000 04 02 03000000 080005000a000001 08000b0002000100 0600150001000000";
    let expected = json!([{"gateway": "10.0.0.1", "oif": 3, "weight": 3, "flags": 4, "flow": 65538,
        "encap_type": 1}]);
    assert_eq!(decoded(line)["nexthops"], expected);
}

#[test]
fn the_end_of_a_dump_says_why() {
    let line = "44000000030002020700000000000000eaffffff2e000100496e76616c69642076616c75657320696e2068656164657220666f72204649422064756d7020726571000000";
    let message = "Invalid values in header for FIB dump req";
    let expected = json!({"type": "done", "seq": 7, "errno": 22, "message": message});
    assert_eq!(decoded(line), expected);
    assert_eq!(routes(&["reencode"], line), (0, format!("{line}\n"), String::new()));
    let whole = "1400000003000200070000000000000000000000";
    assert_eq!(decoded(whole), json!({"type": "done", "seq": 7}));
    let warned = data("kernel.tsv");
    let warned = warned.iter().find(|line| line[0] == "trailing_short" && line[1] == "rx");
    let ack = decoded(&warned.unwrap()[2]);
    assert_eq!((&ack["type"], &ack["seq"]), (&json!("ack"), &json!(107)));
    assert_eq!(ack["message"], "bytes leftover after parsing attributes");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = started(&["decode"]);
    drop(child.stdout.take());
    writeln!(child.stdin.take().unwrap(), "1100000012000103010000000000000000").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn what_is_recorded_is_reencoded() {
    let lines: Vec<String> = ["iproute2.tsv", "flanneld.tsv"]
        .into_iter()
        .flat_map(data)
        .map(|line| line[2].clone())
        .collect();
    let input = lines.join("\n") + "\n";
    assert_eq!(routes(&["reencode"], &input), (0, input, String::new()));
    // two messages on one line, the first padded
    let two = format!("1100000012000103010000000000000000000000{}", lines[0]);
    assert_eq!(routes(&["reencode"], &two).1, format!("{two}\n"));
    assert_eq!(routes(&["decode"], &two).1.lines().count(), 2);
}

fn state(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(common::capture_path(name)).unwrap()).unwrap()
}

/// The leases in etcd as `routes plan` takes them, in a file of this test's own.
fn leases(state: &Value, test: &str) -> PathBuf {
    let lines: Vec<&str> = state["etcd_print"].as_str().unwrap().lines().collect();
    let leases: Vec<Value> = lines
        .chunks_exact(2)
        .filter_map(|pair| {
            let (_, key) = pair[0].split_once("/subnets/")?;
            Some(json!({"key": key, "value": serde_json::from_str::<Value>(pair[1]).unwrap()}))
        })
        .collect();
    write_leases(&json!(leases).to_string(), test)
}

fn write_leases(text: &str, test: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("vtep-routes-{}-{test}.json", std::process::id()));
    fs::write(&path, text).unwrap();
    path
}

/// What `routes plan` says; the file is then deleted.
fn plan(leases: PathBuf, arguments: &[&str]) -> (i32, Vec<String>, String) {
    let (status, out, error) =
        routes(&[&["plan", leases.to_str().unwrap()], arguments].concat(), "");
    fs::remove_file(leases).unwrap();
    (status, out.lines().map(String::from).collect(), error)
}

const VXLAN: [&str; 8] =
    ["--backend", "vxlan", "--self", "192.168.50.2", "--link", "2", "--vxlan-link", "3"];
const HOST_GW: [&str; 8] =
    ["--backend", "host-gw", "--self", "192.168.50.2", "--link", "2", "--vxlan-link", "3"];

fn flanneld(backend: &str, kinds: &[&str], exchange: &[(&str, &str)]) -> Vec<String> {
    let lines = data("flanneld.tsv").into_iter().map(|line| (line[0].clone(), line[2].clone()));
    let own = lines.filter(|(name, hex)| name == backend && kinds.contains(&&hex[8..12]));
    own.map(|(_, hex)| exchange.iter().fold(hex, |hex, (from, to)| hex.replace(from, to))).collect()
}

#[test]
fn leases_that_flanneld_left_give_its_requests() {
    // recorded: subnet 10.5.49.0, VtepMAC 22:75:83:68:df:b4; left: 10.5.35.0, 0e:66:67:f9:27:d3
    let exchange = [("0a053100", "0a052300"), ("22758368dfb4", "0e6667f927d3")];
    let leases = || leases(&state("real_flanneld_vxlan.state.json"), "vxlan");
    let add = [&VXLAN[..], &["--seq", "8"]].concat();
    let expected = flanneld("vxlan", &["1c00", "1800"], &exchange);
    assert_eq!(plan(leases(), &add), (0, expected, String::new()));
    let remove = [&VXLAN[..], &["--seq", "11", "--remove"]].concat();
    let expected = flanneld("vxlan", &["1d00", "1900"], &exchange);
    assert_eq!(plan(leases(), &remove), (0, expected, String::new()));
}

#[test]
fn host_gw_leases_that_flanneld_left_give_its_requests() {
    // recorded: subnet 10.6.82.0; left: 10.6.75.0
    let exchange = [("0a065200", "0a064b00")];
    let leases = || leases(&state("real_flanneld_hostgw.state.json"), "hostgw");
    let add = [&HOST_GW[..], &["--seq", "4"]].concat();
    assert_eq!(plan(leases(), &add), (0, flanneld("hostgw", &["1800"], &exchange), String::new()));
    let remove = [&HOST_GW[..], &["--seq", "6", "--remove"]].concat();
    assert_eq!(
        plan(leases(), &remove),
        (0, flanneld("hostgw", &["1900"], &exchange), String::new())
    );
}

#[test]
fn the_plan_is_what_the_kernel_then_had() {
    // a direct route names no link
    let device = |link: u64| if link == 3 { "flannel.4097" } else { "eth0" };
    for (name, arguments) in [
        ("real_flanneld_vxlan_gbp_port4789_vni4097.state.json", &VXLAN[..]),
        ("real_flanneld_vxlan_directrouting.state.json", &[&VXLAN[..], &["--direct"]].concat()),
        ("real_flanneld_hostgw.state.json", &HOST_GW[..]),
    ] {
        let state = state(name);
        let (status, requests, _) = plan(leases(&state, name), arguments);
        assert_eq!(status, 0);
        for request in requests {
            let object = decoded(&request);
            let text = |name: &str| object[name].as_str().unwrap().to_string();
            let (table, line) = match (text("type").as_str(), object["family"].as_u64()) {
                ("newneigh", Some(7)) => {
                    let line = format!(
                        "{} dev flannel.4097 dst {} self permanent",
                        text("lladdr"),
                        text("dst")
                    );
                    ("fdb", line)
                }
                ("newneigh", _) => {
                    let line = format!(
                        "{} dev flannel.4097 lladdr {} PERMANENT",
                        text("dst"),
                        text("lladdr")
                    );
                    ("neigh", line)
                }
                _ => {
                    let onlink = if object["onlink"] == true { " onlink" } else { "" };
                    let device = device(object["oif"].as_u64().unwrap());
                    (
                        "route",
                        format!("{} via {} dev {device}{onlink}", text("dst"), text("gateway")),
                    )
                }
            };
            assert!(state["ioA"][table].as_str().unwrap().contains(&line), "{name}: {line}");
        }
    }
}

#[test]
fn both_families_of_a_lease_are_planned_ipv4_first() {
    let text = r#"[{"key":"10.5.34.0-24&fd00:5:34::-64","value":{"PublicIP":"192.168.50.3","PublicIPv6":"fd00:50::3",
        "BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"},
        "BackendV6Data":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:45"}}},
        {"key":"10.5.35.0-24","value":{"PublicIP":"192.168.50.4","PublicIPv6":null,"BackendType":"host-gw"}}]"#;
    let arguments = [&VXLAN[..], &["--vxlan-link-v6", "9", "--words"]].concat();
    let expected = [
        "set neighbour 10.5.34.0 is at c6:d2:32:6f:8f:44 on link 3",
        "set c6:d2:32:6f:8f:44 is behind 192.168.50.3 on link 3",
        "set route 10.5.34.0/24 via 10.5.34.0 on link 3, onlink",
        "set neighbour fd00:5:34:: is at c6:d2:32:6f:8f:45 on link 9",
        "set c6:d2:32:6f:8f:45 is behind fd00:50::3 on link 9",
        "set route fd00:5:34::/64 via fd00:5:34:: on link 9, onlink",
    ];
    assert_eq!(plan(write_leases(text, "dual"), &arguments).1, expected);
}

#[test]
fn bad_input_is_one_line_and_status_2() {
    let no_key = r#"[{"value":{"PublicIP":"192.168.50.3","PublicIPv6":null}}]"#;
    let bad_key =
        r#"[{"key":"10.5.34.0/24","value":{"PublicIP":"192.168.50.3","PublicIPv6":null}}]"#;
    let bad_value = r#"[{"key":"10.5.34.0-24","value":{"PublicIP":7}}]"#;
    for text in ["", "{}", bad_key, bad_value] {
        let (status, out, error) = plan(write_leases(text, "bad"), &VXLAN);
        assert_eq!((status, out.len(), error.lines().count()), (2, 0, 1), "{text}: {error}");
    }
    // An element without a key is named, and that its key is unknown, too.
    for text in ["[7]", no_key] {
        let (status, out, error) = plan(write_leases(text, "bad"), &VXLAN);
        assert_eq!((status, out.len()), (2, 0), "{text}: {error}");
        assert!(error.starts_with("routes: lease 1"), "{error}");
    }
    for arguments in [
        &["plan"][..],
        &[],
        &["paln"],
        &["plan", "/no/such/file", "--backend", "vxlan", "--self", "1.2.3.4"],
    ] {
        let (status, out, error) = routes(arguments, "");
        assert_eq!(
            (status, out.as_str(), error.lines().count()),
            (2, "", 1),
            "{arguments:?}: {error}"
        );
    }
}

/// A file of `tests/data/cases`.
fn case(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases").join(name);
    path.to_str().unwrap().to_owned()
}

/// What `routes plan --words` says of a file of `tests/data/cases`: status, changes, faults.
fn planned(name: &str, arguments: &[&str]) -> (i32, Vec<String>, String) {
    let file = case(name);
    let (status, out, error) =
        routes(&[&["plan", &file, "--words", "--self", "192.0.2.1"], arguments].concat(), "");
    (status, out.lines().map(String::from).collect(), error)
}

const VXLAN_CASE: [&str; 4] = ["--backend", "vxlan", "--vxlan-link", "3"];
const HOST_GW_CASE: [&str; 4] = ["--backend", "host-gw", "--link", "2"];

fn peer_12(link: u32) -> [String; 3] {
    [
        format!("set neighbour 10.5.2.0 is at 0a:00:00:00:00:12 on link {link}"),
        format!("set 0a:00:00:00:00:12 is behind 192.0.2.12 on link {link}"),
        format!("set route 10.5.2.0/24 via 10.5.2.0 on link {link}, onlink"),
    ]
}

/// flannel-io/flannel#1539: a node without IPv4 has an empty IPv4 net and address.
#[test]
fn a_lease_without_ipv4_plans_no_default_route() {
    let (status, changes, error) = planned("lease_v6only_hgw.json", &HOST_GW_CASE);
    assert_eq!((status, error.as_str()), (0, ""));
    assert_eq!(changes, ["add route fd00:42:0:2::/64 via 2001:db8::12 on link 2"]);
    for arguments in [["--remove"], ["--direct"]] {
        let (_, changes, _) =
            planned("lease_v6only_hgw.json", &[&HOST_GW_CASE[..], &arguments].concat());
        assert_eq!(changes.len(), 1);
    }
}

#[test]
fn one_bad_lease_does_not_stop_the_others() {
    let (status, changes, error) = planned("lease_one_bad.json", &VXLAN_CASE);
    assert_eq!((status, changes), (2, peer_12(3).to_vec()));
    let expected = "routes: 10.5.3.0-24: 10.5.3.0/24: the public address is absent: skipped\n";
    assert_eq!(error, expected);
    // No backend data that a peer could have, in seven ways but the last.
    let (status, changes, error) = planned("lease_macs.json", &VXLAN_CASE);
    assert_eq!((status, changes.len(), error.lines().count()), (2, 3, 6), "{error}");
    assert!(changes[0].contains("10.5.8.0"), "{changes:?}");
}

#[test]
fn backend_data_of_an_absent_family_is_not_looked_at() {
    let (status, changes, error) = planned("lease_v6data_null.json", &VXLAN_CASE);
    assert_eq!((status, changes, error), (0, peer_12(3).to_vec(), String::new()));
}

#[test]
fn leases_are_read_as_etcd_prints_them() {
    for name in ["etcd_v2.json", "etcdctl_v3.json"] {
        let (status, changes, error) = planned(name, &VXLAN_CASE);
        assert_eq!((status, changes, error), (0, peer_12(3).to_vec(), String::new()), "{name}");
    }
}

#[test]
fn leases_that_conflict_are_named() {
    let (status, changes, error) = planned("lease_same_mac.json", &VXLAN_CASE);
    assert_eq!((status, changes.len(), error.lines().count()), (1, 5, 2), "{error}");
    assert!(error.starts_with("routes: leases 10.5.2.0-24 and 10.5.3.0-24 conflict: "), "{error}");
    let to_greater = |change: &&String| change.contains("behind 192.0.2.13");
    assert_eq!(changes.iter().filter(to_greater).count(), 0);
    // Both go: the entry that they share, once.
    let (status, changes, _) =
        planned("lease_same_mac.json", &[&VXLAN_CASE[..], &["--remove"]].concat());
    let deleted = changes.iter().filter(|change| change.starts_with("delete 0a:")).count();
    assert_eq!((status, deleted), (0, 1), "{changes:?}");
}

#[test]
fn a_lease_outside_the_network_is_refused() {
    let arguments = [&VXLAN_CASE[..], &["--network", "10.6.0.0/16"]].concat();
    let (status, changes, error) = planned("lease_v6data_null.json", &arguments);
    assert_eq!((status, changes.len()), (2, 0));
    assert!(error.contains("10.5.2.0/24 is outside the overlay's networks"), "{error}");
}
