//! Details that no larger test looks at: each was found as a mutant that lived.

use std::collections::BTreeSet;
use std::error::Error;
use std::net::IpAddr;

use vtep::agent::{Change, Owned, Record, SortedRecords, stale};
use vtep::buf::{ArrayFrame, FrameBuf, HEADROOM_MAX};
use vtep::checksum::Sum;
use vtep::lease::NetworkConfig;
use vtep::netlink::{Body, FdbEntry, Messages, Text};
use vtep::tunnel::{Adjacency, Core, TunnelConfig};
use vtep::wire::MacAddr;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

#[test]
fn debug_says_something() {
    assert!(format!("{:?}", Sum::word(0x1234)).contains("1234"));
    assert_eq!(format!("{:?}", Text(b"eth0\0")), "\"eth0\"");
    assert_eq!(format!("{:?}", Text(&[0xff])), "[255]");
}

#[test]
fn a_config_error_has_its_cause() {
    for text in
        ["[]", r#"{"Network":"10.5.0.0/30"}"#, r#"{"Network":"10.5.0.0/16","SubnetLen":31}"#]
    {
        let error = NetworkConfig::from_json(text).and_then(|config| config.pools()).unwrap_err();
        assert!(error.source().is_some(), "{error}");
    }
}

#[test]
#[cfg_attr(target_endian = "big", ignore = "the bytes are a little-endian machine's")]
fn an_error_names_the_offset_of_the_attribute() {
    // NLMSG_ERROR with NLM_F_CAPPED and NLM_F_ACK_TLVS, EINVAL, and NLMSGERR_ATTR_OFFS 28.
    let message = hex("2c000000 0200 0003 01000000 00000000 eaffffff
         34000000 1800 0506 01000000 00000000 08000200 1c000000");
    let message = Messages::new(&message).next().unwrap().unwrap();
    let Ok(Body::Error(error)) = message.body() else { panic!("{:?}", message.body()) };
    assert_eq!((error.errno(), error.offset()), (22, Some(28)));
}

#[test]
#[cfg_attr(target_endian = "big", ignore = "the bytes are a little-endian machine's")]
fn a_link_names_the_one_under_it() {
    // RTM_NEWLINK, index 4, IFLA_LINK 2.
    let message = hex(
        "28000000 1000 0000 01000000 00000000 00000100 04000000 00000000 00000000 08000500 02000000",
    );
    let message = Messages::new(&message).next().unwrap().unwrap();
    let Ok(Body::Link(link)) = message.body() else { panic!("{:?}", message.body()) };
    assert_eq!(link.under(), Some(2));
}

#[test]
fn an_fdb_entry_of_another_device_is_not_the_agents() {
    let entry = |link| {
        let mac = MacAddr::new([2, 0, 0, 0, 0, 9]);
        Record::Fdb(FdbEntry { link, mac, remote: IpAddr::from([192, 168, 50, 9]) })
    };
    let owned = Owned { vxlan_link: Some(7), underlay_link: Some(2), networks: &[] };
    let found = [entry(7), entry(8)];
    let found = SortedRecords::new(&found).unwrap();
    let none = SortedRecords::new(&[]).unwrap();
    let changes: Vec<_> = stale(none, found, owned).collect();
    assert_eq!(changes, [Change::Delete(entry(7))]);
}

#[test]
fn the_flow_behind_a_tag_has_ports_too() {
    let ports = (0..64_u8).map(|port| {
        let inner = hex("02420a011200 02420a011100 81006005 0800 45000022000100003f1144bd0a0111050a011207 045708ae000e0000726566657265");
        let mut frame = ArrayFrame::<256>::copy_of(&inner, HEADROOM_MAX).unwrap();
        frame.bytes_mut()[39] = port;
        let adjacency = Adjacency::new(MacAddr::ZERO, MacAddr::ZERO);
        let (local, remote) = ([192, 168, 50, 2].into(), [192, 168, 50, 3].into());
        let tunnel = TunnelConfig::linux(local, remote, adjacency).build().unwrap();
        tunnel.encap(&mut frame, &mut Core::default()).unwrap();
        [frame.bytes()[34], frame.bytes()[35]]
    });
    assert!(ports.collect::<BTreeSet<_>>().len() > 32);
}
