//! The kernel's verdict on crafted packets (Linux 6.18) against ours under the `linux()` profile.

use vtep::buf::{ArrayFrame, FrameBuf};
use vtep::tunnel::Vtep;
use vtep::wire::{MacAddr, Vni};

struct Probe {
    name: String,
    sent: Vec<Vec<u8>>,
    delivered: Vec<Vec<u8>>,
}

fn hex(text: &str) -> Vec<u8> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    text.as_bytes().chunks(2).map(pair).collect()
}

/// The probes of one file: a line each, the first line says what device it was.
fn probes(file: &str) -> Vec<Probe> {
    let path = format!("{}/tests/data/captures/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    let frames = |value: &serde_json::Value| -> Vec<Vec<u8>> {
        value.as_array().unwrap().iter().map(|frame| hex(frame.as_str().unwrap())).collect()
    };
    let lines = text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap());
    lines
        .map(|line: serde_json::Value| Probe {
            name: line["probe"].as_str().unwrap().to_owned(),
            sent: frames(&line["sent_hex"]),
            delivered: frames(&line["delivered_hex"]),
        })
        .collect()
}

/// What cannot agree, because a packet library has no such state, or the device does more than decap.
const EXEMPT: [(&str, &str); 3] = [
    ("outer_fragments_2_in_order", "the host reassembles before the device sees it"),
    ("outer_fragments_2_reversed", "the host reassembles before the device sees it"),
    ("inner_vlan_tagged", "the tag is delivered in metadata, not in the frame"),
];

fn compare(file: &str, vtep: Vtep<'_>) -> usize {
    let mut compared = 0;
    for probe in probes(file) {
        let ours: Vec<Vec<u8>> = probe
            .sent
            .iter()
            .filter_map(|sent| {
                let mut frame = ArrayFrame::<2048>::from_bytes_with_headroom(sent, 0).unwrap();
                match vtep.decap(&mut frame) {
                    Ok(_) => Some(frame.bytes().to_vec()),
                    Err(_) => {
                        assert_eq!(frame.bytes(), sent, "{}: changed", probe.name);
                        None
                    }
                }
            })
            .collect();
        if EXEMPT.iter().any(|(name, _)| *name == probe.name) {
            continue;
        }
        assert_eq!(ours, probe.delivered, "{file}: {}", probe.name);
        compared += 1;
    }
    compared
}

/// The receiving node's device in those runs.
fn linux() -> Vtep<'static> {
    let own = MacAddr::new([0x02, 0x42, 0x0a, 0x01, 0x12, 0x00]);
    Vtep::linux().vni(Vni::new(1).unwrap()).own_mac(own)
}

#[test]
fn default_device() {
    assert_eq!(compare("rxprobe_default.jsonl", linux()), 69);
}

#[test]
fn gbp_device() {
    assert_eq!(compare("rxprobe_gbp.jsonl", linux().gbp(true)), 69);
}

#[test]
fn ipv6_device() {
    assert_eq!(compare("rxprobe_ipv6_default.jsonl", linux()), 3);
}

#[test]
fn ipv6_device_that_accepts_zero_checksums() {
    let vtep = linux().zero_checksum_v6(true);
    assert_eq!(compare("rxprobe_ipv6_udp6zerocsumrx.jsonl", vtep), 3);
}
