//! `show --json` against tshark's reading of every packet.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use crate::build::{Record, pcap, records};
use crate::{ask, common, scratch};

/// One packet in tshark's table. A field of a tunnelled packet has the outer value, then the inner one.
struct Row<'a> {
    columns: &'a [String],
    values: &'a [String],
}

impl Row<'_> {
    fn all(&self, column: &str) -> Vec<&str> {
        let index = self.columns.iter().position(|name| name == column).expect(column);
        let value = self.values.get(index).map_or("", String::as_str);
        value.split(',').filter(|value| !value.is_empty()).collect()
    }

    fn first(&self, column: &str) -> Option<&str> {
        self.all(column).first().copied()
    }

    fn number(&self, column: &str) -> Option<u64> {
        self.first(column).map(number)
    }

    fn is_over_ipv6(&self) -> bool {
        self.first("eth.type") == Some("0x86dd")
    }

    fn is_ip(&self) -> bool {
        self.is_over_ipv6() || self.first("eth.type") == Some("0x0800")
    }

    fn is_udp(&self) -> bool {
        let protocol = if self.is_over_ipv6() { "ipv6.nxt" } else { "ip.proto" };
        let is_first = self.is_over_ipv6() || self.number("ip.frag_offset") == Some(0);
        self.number(protocol) == Some(17) && is_first
    }

    fn outer(&self) -> Value {
        let udp = |column| self.is_udp().then(|| self.number(column)).flatten();
        let checksum = match udp("udp.checksum.status") {
            Some(0) => Some("bad"),
            Some(1) => Some("good"),
            // 3 is "not present", 4 the same where that is illegal; 2 is unverified: a fragment.
            Some(3 | 4) => Some("zero"),
            _ => None,
        };
        let v6 = self.is_over_ipv6();
        let ip = |v4: &str, other: &str| self.number(if v6 { other } else { v4 });
        json!({
            "src": self.first(if v6 { "ipv6.src" } else { "ip.src" }),
            "dst": self.first(if v6 { "ipv6.dst" } else { "ip.dst" }),
            "sport": udp("udp.srcport"),
            "dport": udp("udp.dstport"),
            "ttl": ip("ip.ttl", "ipv6.hlim"),
            "tos": ip("ip.dsfield", "ipv6.tclass"),
            "df": if v6 { None } else { self.number("ip.flags.df").map(|df| df == 1) },
            "id": if v6 { None } else { self.number("ip.id") },
            "udp_checksum": checksum,
        })
    }

    /// A whole header: tshark shows 7 bytes of one too. The flags of VXLAN-GPE it gives in 8 bits.
    fn vxlan(&self) -> Option<Value> {
        self.first("vxlan.reserved8")?;
        let vni = self.number("vxlan.vni")?;
        let flags = self.first("vxlan.flags")?;
        let is_gpe = flags.len() == "0x0c".len();
        let flags = if is_gpe { number(flags) << 8 } else { number(flags) };
        let mut vxlan = json!({ "vni": vni, "flags": flags >> 8, "gbp": null });
        if flags & 0x8000 != 0 {
            vxlan["gbp"] = json!(self.number("vxlan.gbp"));
            vxlan["dont_learn"] = json!(flags & 0x0040 != 0);
            vxlan["policy_applied"] = json!(flags & 0x0008 != 0);
        }
        Some(vxlan)
    }

    fn inner(&self) -> Option<Value> {
        let [_, source, ..] = self.all("eth.src")[..] else { return None };
        let len = self.number("udp.length")? - 16;
        let ethertype = match self.all("eth.type")[..] {
            [_, ethertype, ..] => number(ethertype),
            _ => LLC_LENGTH,
        };
        let destination = self.all("eth.dst")[1];
        Some(json!({ "len": len, "src": source, "dst": destination, "ethertype": ethertype }))
    }

    /// The verdict, as far as the table tells it.
    fn verdict(&self, ports: &BTreeSet<&str>) -> Option<&'static str> {
        let is_fragment =
            self.first("ip.flags.mf") == Some("1") || self.number("ip.frag_offset") > Some(0);
        if is_fragment && !self.is_over_ipv6() {
            return Some("fragment");
        }
        let port = self.first("udp.dstport").filter(|_| self.is_udp());
        if port.is_some_and(|port| ports.contains(port)) { None } else { Some("not-vxlan") }
    }
}

/// The length field of the one 802.3 frame in the captures.
const LLC_LENGTH: u64 = 3;

fn number(text: &str) -> u64 {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).expect(text),
        None => text.parse().expect(text),
    }
}

/// Compares one capture, and says how many of its packets held VXLAN.
fn compare(name: &str) -> usize {
    let table = common::tshark(name);
    let rows = table[1..].iter().map(|values| Row { columns: &table[0], values });
    let rows: Vec<Row<'_>> = rows.collect();
    let vxlan = |row: &&Row<'_>| row.first("vxlan.vni").is_some();
    let ports: BTreeSet<&str> =
        rows.iter().filter(vxlan).filter_map(|row| row.first("udp.dstport")).collect();
    let mut options = vec!["--json"];
    options.extend(ports.iter().flat_map(|port| ["--port", port]));
    let answer = ask("show", &common::capture_path(&format!("{name}.pcap")), &options);
    assert_eq!((answer.status, answer.stderr.as_str()), (0, ""), "{name}");
    let lines: Vec<&str> = answer.stdout.lines().collect();
    assert_eq!(lines.len(), rows.len(), "{name}");
    for (row, line) in rows.iter().zip(lines) {
        let ours: Value = serde_json::from_str(line).expect(line);
        let at = format!("{name} packet {}", row.values[0]);
        assert_eq!(ours["n"], json!(row.number("frame.number")), "{at}");
        assert_eq!(ours["outer"], json!(row.is_ip().then(|| row.outer())), "{at}");
        assert_eq!(ours["vxlan"], json!(row.vxlan()), "{at}");
        assert_eq!(ours["inner"], json!(row.vxlan().and(row.inner())), "{at}");
        match row.verdict(&ports) {
            Some(verdict) => assert_eq!(ours["verdict"], verdict, "{at}"),
            None => assert_ne!(ours["verdict"], "not-vxlan", "{at}"),
        }
    }
    rows.iter().filter(vxlan).count()
}

#[test]
fn agrees_with_tshark_on_every_packet() {
    let names = common::captures();
    let packets: usize = names.iter().map(|name| compare(name)).sum();
    assert_eq!((names.len(), packets), (55, 1416));
}

/// The verdicts on the packets of a capture, each with how often it was given: `not-local 8, ok 27`.
fn verdicts(name: &str, options: &str) -> String {
    let file = common::capture_path(&format!("{name}.pcap"));
    let options: Vec<&str> = ["--json"].into_iter().chain(options.split_whitespace()).collect();
    let answer = ask("show", &file, &options);
    assert_eq!((answer.status, answer.stderr.as_str()), (0, ""), "{name}");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in answer.stdout.lines() {
        let line: Value = serde_json::from_str(line).expect(line);
        *counts.entry(line["verdict"].as_str().expect("text").to_owned()).or_default() += 1;
    }
    let counts: Vec<String> =
        counts.iter().map(|(verdict, count)| format!("{verdict} {count}")).collect();
    counts.join(", ")
}

#[test]
fn verdicts_follow_the_options() {
    for (name, options, expected) in [
        ("real_flanneld_vxlan", "", "ok 35"),
        ("real_flanneld_vxlan", "--port 4789", "not-vxlan 35"),
        ("real_flanneld_vxlan", "--port 8472 --port 4789", "ok 35"),
        ("real_flanneld_vxlan", "--vni 2", "unknown-vni 35"),
        ("real_flanneld_vxlan", "--local 192.168.50.3", "not-local 8, ok 27"),
        ("real_flanneld_vxlan", "--mac 0e:66:67:f9:27:d3", "ok 27, own-mac 8"),
        ("gbp_policy", "", "ok 18"),
        ("gbp_policy", "--policy linux", "ok 10, reserved-bits 8"),
        ("gbp_policy", "--policy linux --gbp", "ok 18"),
        ("gpe_ipv4_ipv6", "--port 4790", "unsupported-gpe 26"),
        ("flannel_outer_ipv6_zerocsum", "", "ok 16"),
        ("flannel_outer_ipv6_zerocsum", "--policy linux", "udp-checksum-missing 16"),
    ] {
        assert_eq!(verdicts(name, options), expected, "{name} {options}");
    }
}

#[test]
fn a_line_of_json_and_a_line_of_text() {
    let show = |name: &str, options: &[&str]| {
        let answer = ask("show", &common::capture_path(&format!("{name}.pcap")), options);
        answer.stdout.lines().nth(2).expect("a third packet").to_owned()
    };
    assert_eq!(
        show("gbp_policy", &["--json"]),
        r#"{"n":3,"verdict":"ok","outer":{"src":"192.168.50.2","dst":"192.168.50.3","sport":39201,"dport":8472,"ttl":64,"tos":0,"df":false,"id":57221,"udp_checksum":"good"},"vxlan":{"vni":1,"flags":136,"gbp":291,"dont_learn":true,"policy_applied":false},"inner":{"len":62,"src":"02:42:0a:01:11:00","dst":"02:42:0a:01:12:00","ethertype":2048}}"#
    );
    assert_eq!(
        show("gbp_policy", &["--json", "--policy", "linux"]),
        r#"{"n":3,"verdict":"reserved-bits","outer":{"src":"192.168.50.2","dst":"192.168.50.3","sport":39201,"dport":8472,"ttl":64,"tos":0,"df":false,"id":57221,"udp_checksum":"good"},"vxlan":{"vni":1,"flags":136,"gbp":null},"inner":{"len":62,"src":"02:42:0a:01:11:00","dst":"02:42:0a:01:12:00","ethertype":2048}}"#
    );
    assert_eq!(
        show("gbp_policy", &[]),
        "3 ok | 192.168.50.2 port 39201 to 192.168.50.3 port 8472, ttl 64, tos 0x00, id 57221, checksum \
         good | vni 1, flags 0x88, group 291, don't learn | 02:42:0a:01:11:00 to 02:42:0a:01:12:00, \
         ethertype 0x0800, 62 bytes"
    );
    assert_eq!(show("real_flanneld_udp_backend", &["--json"]).split('"').nth(5), Some("not-vxlan"));
}

#[test]
fn layers_of_a_packet_cut_behind_its_extension_headers() {
    let directory = scratch("layers");
    let input = directory.join("in.pcap");
    let whole = records(&common::capture_path("flannel_outer_ipv6_default.pcap")).remove(0);
    // Hop-by-hop options: a PadN of 4 bytes.
    let mut packet = whole.packet.clone();
    packet.splice(54..54, [17, 0, 1, 4, 0, 0, 0, 0]);
    packet[19] += 8;
    packet[20] = 0;
    let udp = json!([whole.packet[54], whole.packet[55]].map(u64::from));
    let line = |len: usize| -> Value {
        let packet = packet[..len].to_vec();
        let file = pcap(u32::to_le_bytes, false, 1, &[Record { packet, ..whole }]);
        fs::write(&input, file).expect("a scratch file");
        serde_json::from_str(&ask("show", &input, &["--json"]).stdout).expect("a line")
    };
    let uncut = line(packet.len());
    assert_eq!(
        (&uncut["verdict"], &uncut["outer"]["udp_checksum"]),
        (&json!("ok"), &json!("good"))
    );
    let sport = uncut["outer"]["sport"].as_u64().expect("a port");
    assert_eq!(json!([sport >> 8, sport & 0xff]), udp);
    let mut outer = uncut["outer"].clone();
    outer["udp_checksum"] = json!(null);
    let cut = line(packet.len() - 1);
    assert_eq!(cut["verdict"], "truncated");
    assert_eq!(
        [&cut["outer"], &cut["vxlan"], &cut["inner"]],
        [&outer, &uncut["vxlan"], &uncut["inner"]]
    );
    assert_eq!((&line(61)["outer"]["sport"], &line(61)["vxlan"]), (&json!(null), &json!(null)));
}
