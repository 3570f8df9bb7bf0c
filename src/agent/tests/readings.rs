//! What leases say, and what cannot be used.

use std::format;

use crate::lease::LeaseKey;

use super::*;

fn read(key: &str, text: &str) -> [Reading<VxlanPeer>; 2] {
    VxlanPeer::from_json(&key.parse().unwrap(), text, &[])
}

fn error<P: Copy>(reading: &Reading<P>) -> Option<PeerError> {
    match reading {
        Reading::Unreadable { error, .. } => Some(*error),
        _ => None,
    }
}

#[test]
fn a_lease_of_another_backend_is_no_peer() {
    let key = "10.5.34.0-24&fd00:5:34::-64";
    let text = r#"{"PublicIP":"192.168.50.3","PublicIPv6":"fd00:50::3","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"},"BackendV6Data":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:45"}}"#;
    let [v4, v6] = read(key, text).map(|reading| *reading.peer().unwrap());
    assert_eq!((v4.owner().subnet, v4.public()), (prefix("10.5.34.0/24"), ip("192.168.50.3")));
    assert_eq!((v6.owner().subnet, v6.public()), (prefix("fd00:5:34::/64"), ip("fd00:50::3")));
    assert_eq!(v6.mac().to_string(), "c6:d2:32:6f:8f:45");
    let host_gw = |key: &str, text: &str| HostGwPeer::from_json(&key.parse().unwrap(), text, &[]);
    assert_eq!(host_gw(key, text), [Reading::Absent; 2]);
    let text = r#"{"PublicIP":"192.168.50.3","PublicIPv6":null,"BackendType":"host-gw"}"#;
    assert_eq!(read("10.5.34.0-24", text), [Reading::Absent; 2]);
    assert!(matches!(host_gw("10.5.34.0-24", text), [Reading::Peer(_), Reading::Absent]));
}

/// A fault in what one family says does not take the other; of a family without a subnet nothing is
/// looked at.
#[test]
fn each_family_is_read_for_itself() {
    let good = r#""BackendData":{"VNI":1,"VtepMAC":"0a:00:00:00:00:12"}"#;
    for rest in [
        "",
        r#","BackendV6Data":null"#,
        r#","BackendV6Data":{"VtepMAC":""}"#,
        r#","PublicIPv6":"garbage""#,
        r#","BackendV6Data":7"#,
    ] {
        let text = format!(r#"{{"PublicIP":"192.0.2.12","BackendType":"vxlan",{good}{rest}}}"#);
        let [v4, v6] = read("10.5.2.0-24", &text);
        assert!(matches!((v4, v6), (Reading::Peer(_), Reading::Absent)), "{text}");
    }
    let both = "10.5.2.0-24&fd00:5:2::-64";
    let v6_data = r#""BackendV6Data":{"VtepMAC":"0a:00:00:00:00:13"}"#;
    let text = format!(
        r#"{{"PublicIP":"192.0.2.12","PublicIPv6":"fd00::12","BackendType":"vxlan","BackendData":null,{v6_data}}}"#
    );
    let [v4, v6] = read(both, &text);
    assert_eq!(error(&v4), Some(PeerError::NoBackendData));
    assert!(matches!(v6, Reading::Peer(_)));
    // flannel's lease of a node without IPv4.
    let text = format!(
        r#"{{"PublicIP":"0.0.0.0","PublicIPv6":"fd00::12","BackendType":"vxlan",{v6_data}}}"#
    );
    let [v4, v6] = read("0.0.0.0-0&fd00:5:2::-64", &text);
    assert!(matches!((v4, v6), (Reading::Absent, Reading::Peer(_))));
}

#[test]
fn unusable_leases_have_a_reason() {
    let mac = "0a:00:00:00:00:12";
    let vxlan = |key: &str, public: &str, mac: &str| {
        let text = format!(
            r#"{{"PublicIP":"{public}","BackendType":"vxlan","BackendData":{{"VtepMAC":"{mac}"}}}}"#
        );
        error(&read(key, &text)[0])
    };
    let key = "10.5.2.0-24";
    assert_eq!(vxlan(key, "0.0.0.0", mac), Some(PeerError::NoPublicAddress));
    assert_eq!(vxlan(key, "", mac), Some(PeerError::NoPublicAddress));
    for group in ["224.0.0.1", "255.255.255.255"] {
        assert_eq!(vxlan(key, group, mac), Some(PeerError::PublicAddress(ip(group))));
    }
    for mac in ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"] {
        assert_eq!(vxlan(key, "192.0.2.12", mac), Some(PeerError::VtepMac(mac.parse().unwrap())));
    }
    assert!(matches!(vxlan(key, "192.0.2.12", ""), Some(PeerError::BackendData(_))));
    assert!(matches!(vxlan(key, "192.0.2", mac), Some(PeerError::Value(_))));
    for (key, subnet) in [
        ("0.0.0.0-24", "0.0.0.0/24"),
        ("10.5.2.0-0", "0.0.0.0/0"),
        ("224.0.0.0-24", "224.0.0.0/24"),
    ] {
        assert_eq!(vxlan(key, "192.0.2.12", mac), Some(PeerError::Subnet(prefix(subnet))));
    }
    let text = r#"{"PublicIP":"192.0.2.12","PublicIPv6":"::","BackendType":"host-gw"}"#;
    let [v4, v6] = HostGwPeer::from_json(&"10.5.2.0-24&fd00:5:2::-64".parse().unwrap(), text, &[]);
    assert!(matches!(v4, Reading::Peer(_)));
    assert_eq!(error(&v6), Some(PeerError::NoPublicAddress));
}

#[test]
fn a_subnet_outside_the_network_is_unreadable() {
    let key = "10.6.2.0-24&fd00:5:2::-64".parse().unwrap();
    let text = r#"{"PublicIP":"192.0.2.12","PublicIPv6":"fd00::12","BackendType":"host-gw"}"#;
    let networks = [prefix("10.4.0.0/16"), prefix("10.5.0.0/16")];
    let [v4, v6] = HostGwPeer::from_json(&key, text, &networks);
    assert_eq!(error(&v4), Some(PeerError::OutsideNetworks(prefix("10.6.2.0/24"))));
    assert!(matches!(v6, Reading::Peer(_)), "no IPv6 network is known");
    let read = |key: &str| HostGwPeer::from_json(&key.parse().unwrap(), text, &networks)[0];
    assert!(matches!(read("10.5.2.0-24"), Reading::Peer(_)));
    let wider = Some(PeerError::OutsideNetworks(prefix("10.0.0.0/8")));
    assert_eq!(error(&read("10.0.0.0-8")), wider);
}

#[test]
fn a_key_with_host_bits_is_a_lease_of_its_subnet() {
    let text = r#"{"PublicIP":"192.0.2.12","BackendType":"host-gw"}"#;
    let [v4, _] = HostGwPeer::from_json(&"10.1.17.5-24".parse().unwrap(), text, &[]);
    let route = HOST_GW.route(v4.peer().unwrap());
    assert_eq!(route.destination, prefix("10.1.17.0/24"));
}

#[test]
fn owners_are_ordered_by_subnet_then_key() {
    let owner = |subnet: &str, key: &str| Owner {
        subnet: prefix(subnet),
        lease: key.parse::<LeaseKey>().unwrap(),
    };
    let order = [
        owner("10.5.2.0/24", "10.5.2.0-24"),
        owner("10.5.2.0/24", "10.5.2.0-24&fd00:1::-64"),
        owner("10.5.2.0/24", "10.5.2.0-24&fd00:2::-64"),
        owner("10.5.2.0/25", "10.5.2.0-25"),
        owner("10.5.10.0/24", "10.5.10.0-24"),
        owner("fd00:1::/64", "10.5.2.0-24&fd00:1::-64"),
    ];
    assert!(order.is_sorted_by(|a, b| a < b));
}
