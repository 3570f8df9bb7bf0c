//! Packets that exceed the overlay's MTU: which are answered, beside what Linux did (`tests/data/README.md`
//! says how that was recorded), and each reason not to answer.

use std::net::IpAddr;

use vtep::tunnel::mtu::{IcmpSuppressed, icmp_too_big_frame, icmp_too_big_packet};

const TABLE: &str = include_str!("data/pmtu/linux-6.18.tsv");

fn unhex(text: &str) -> Vec<u8> {
    let digit = |digit: u8| (digit as char).to_digit(16).unwrap() as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

struct Row<'a> {
    mtu: u16,
    name: &'a str,
    frame: Vec<u8>,
    /// The front of Linux's answer.
    answer: Option<Vec<u8>>,
    /// The row of `manual::differences`.
    difference: &'a str,
}

fn rows() -> impl Iterator<Item = Row<'static>> {
    TABLE.lines().map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [mtu, name, front, answer, difference] = columns[..] else { panic!("{line}") };
        let frame = [&unhex(front)[..], &[0x5a; 1500]].concat();
        let answer = (answer != "-").then(|| unhex(answer));
        Row { mtu: mtu.parse().unwrap(), name, frame, answer, difference }
    })
}

/// The frame of this name, as it is for any MTU.
fn frame(name: &str) -> Vec<u8> {
    rows().find(|row| row.name == name).unwrap_or_else(|| panic!("{name}")).frame
}

fn answered(frame: &[u8], mtu: u16) -> Result<Vec<u8>, IcmpSuppressed> {
    icmp_too_big_frame(frame, mtu, &mut [0; 1302]).map(|answer| answer.to_vec())
}

/// How many rows of the table are of this difference. In each of them one side alone answers.
fn differs(difference: &str, ours: bool) -> usize {
    let rows = rows().filter(|row| row.difference == difference);
    rows.map(|Row { mtu, name, frame, answer, .. }| {
        let answered = answered(&frame, mtu);
        assert_eq!((answered.is_ok(), answer.is_some()), (ours, !ours), "mtu {mtu} {name}");
    })
    .count()
}

#[test]
fn linux_answers_the_same_packets_with_the_same_bytes() {
    let mut answers = 0;
    for Row { mtu, name, frame, answer, .. } in rows().filter(|row| row.difference == "-") {
        let ours = answered(&frame, mtu);
        assert_eq!(ours.as_ref().ok().map(|ours| &ours[..70]), answer.as_deref(), "{mtu} {name}");
        answers += usize::from(ours.is_ok());
    }
    assert_eq!(answers, 73);
}

#[test]
fn first_fragments() {
    assert!(differs("first fragments", true) > 1);
    // The first of several, and the reserved flag. Later ones are answered by nobody (RFC 1122 section 3.2.2).
    for flags in ["6000", "c000"] {
        assert!(answered(&frame(&format!("IPv4 flags {flags}")), 1450).is_ok());
    }
    for flags in ["4001", "6001"] {
        let refused = answered(&frame(&format!("IPv4 flags {flags}")), 1450);
        assert_eq!(refused, Err(IcmpSuppressed::LaterFragment));
    }
}

#[test]
fn an_ipv4_mtu_below_576() {
    assert!(differs("an IPv4 MTU below 576", true) > 1);
    let frame = frame("IPv4 flags 4000");
    for mtu in [68, 300, 575] {
        assert_eq!(answered(&frame, mtu).unwrap()[40..42], mtu.to_be_bytes());
    }
    for mtu in [0, 1, 67] {
        assert_eq!(answered(&frame, mtu), Err(IcmpSuppressed::MtuTooSmall { mtu, min: 68 }));
    }
}

/// RFC 8201 section 4: a Packet Too Big below 1280 is discarded by who receives it.
#[test]
fn no_ipv6_mtu_below_1280() {
    let (frame, router) = (frame("IPv6"), IpAddr::from([0xfd; 16]));
    assert!(answered(&frame, 1280).is_ok());
    for mtu in [0, 68, 1210, 1279] {
        let refused = Err(IcmpSuppressed::MtuTooSmall { mtu, min: 1280 });
        assert_eq!(answered(&frame, mtu), refused);
        assert_eq!(
            icmp_too_big_packet(&frame[14..], router, mtu, &mut [0; 1280]).map(|_| ()),
            refused.map(|_| ())
        );
    }
}

#[test]
fn addresses_of_no_host() {
    assert!(differs("addresses of no host", false) > 10);
    let mut seen = 0;
    for Row { mtu, name, frame, .. } in
        rows().filter(|row| row.difference == "addresses of no host")
    {
        assert_eq!(answered(&frame, mtu), Err(IcmpSuppressed::NotUnicast), "{name}");
        seen += 1;
    }
    // On both sides: all of 224.0.0.0/4 and of 127.0.0.0/8, the broadcast, and `::`.
    for name in [
        "from [127, 0, 0, 1]",
        "from [239, 1, 1, 1]",
        "to [224, 0, 0, 1]",
        "to [255, 255, 255, 255]",
    ] {
        assert_eq!(
            answered(&frame(&format!("IPv4 {name}")), 1450),
            Err(IcmpSuppressed::NotUnicast)
        );
        seen += 1;
    }
    assert_eq!(answered(&frame("IPv6 from ::"), 1450), Err(IcmpSuppressed::NotUnicast));
    assert!(seen > 14);
}

#[test]
fn unknown_icmp_types() {
    assert!(differs("unknown ICMP types", false) > 10);
    for kind in [0, 8, 9, 10, 13, 14, 15, 16, 17, 18, 42, 43] {
        assert!(answered(&frame(&format!("ICMP type {kind}")), 1450).is_ok(), "{kind}");
    }
    for kind in [3, 4, 5, 11, 12, 1, 7, 19, 41, 44, 255] {
        let refused = answered(&frame(&format!("ICMP type {kind}")), 1450);
        assert_eq!(refused, Err(IcmpSuppressed::IcmpError), "{kind}");
    }
    // Errors, unknown errors, and the redirect (RFC 4443 section 2.4 (e)).
    for kind in [1, 2, 4, 5, 127, 137] {
        let refused = answered(&frame(&format!("ICMPv6 type {kind}")), 1450);
        assert_eq!(refused, Err(IcmpSuppressed::IcmpError), "{kind}");
    }
    for kind in [128, 136, 138, 255] {
        assert!(answered(&frame(&format!("ICMPv6 type {kind}")), 1450).is_ok(), "{kind}");
    }
}

/// A group that a router answers for with an address of its own is no source on a bridge.
#[test]
fn a_router_answers_with_its_own_address() {
    let router = IpAddr::from([10, 1, 17, 1]);
    let mut buffer = [0; 1280];
    let mut answer = |name: &str, router| {
        icmp_too_big_packet(&frame(name)[14..], router, 1450, &mut buffer)
            .map(|answer| answer.len())
    };
    assert_eq!(answer("IPv4 flags 4000", router), Ok(576));
    for router in [[0; 4], [127, 0, 0, 1], [224, 0, 0, 1], [240, 0, 0, 1]] {
        assert_eq!(
            answer("IPv4 flags 4000", router.into()),
            Err(IcmpSuppressed::NotUnicast),
            "{router:?}"
        );
    }
    let router: IpAddr = "fd01::1".parse().unwrap();
    assert_eq!(answer("IPv6 to ff05::1", router), Ok(1280));
    for name in ["IPv6 to ::", "IPv6 to ::1", "IPv6 from ::1"] {
        assert_eq!(answer(name, router), Err(IcmpSuppressed::NotUnicast), "{name}");
    }
    for router in ["::", "::1", "ff02::1"] {
        assert_eq!(
            answer("IPv6", router.parse().unwrap()),
            Err(IcmpSuppressed::NotUnicast),
            "{router}"
        );
    }
}

#[test]
fn what_fits_is_not_answered() {
    for name in ["IPv4 flags 4000", "IPv6"] {
        let frame = frame(name);
        let len = u16::try_from(frame.len() - 14).unwrap();
        assert_eq!(answered(&frame, len), Err(IcmpSuppressed::NotTooBig), "{name}");
        assert!(answered(&frame, len - 1).is_ok(), "{name}");
    }
}
