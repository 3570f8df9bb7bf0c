//! Where the profiles differ, and where `linux()` keeps something of Linux's own: a test for each row of
//! `vtep::manual::differences`, from packets written out here or recorded by the referee test.

mod common;

use std::net::IpAddr;

use vtep::buf::{ArrayFrame, FrameBuf, HEADROOM_MAX};
use vtep::tunnel::{
    Adjacency, Df, EncapState, InnerVlanRx, OuterDscp, SourcePorts, Ttl, TunnelConfig, Vtep,
};
use vtep::verdict::DropReason;
use vtep::wire::{MacAddr, Vni};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn decap(vtep: &Vtep<'_>, packet: &[u8]) -> Result<Vec<u8>, DropReason> {
    let mut frame = ArrayFrame::<512>::from_bytes_with_headroom(packet, 0).unwrap();
    let verdict = vtep.decap(&mut frame);
    verdict.map(|_| frame.bytes().to_vec())
}

/// UDP over IPv4 in VXLAN to port 8472, the outer UDP checksum 0.
const PLAIN: &str = "020000000003 020000000002 0800 45000054123400004011830fc0a83202c0a83203
    9c40211800400000 0800000000000100 02420a011200 02420a011100 0800
    45000022000100003f1144bd0a0111050a011207 045708ae000e0000726566657265";

/// `PLAIN` with another VXLAN header.
fn with_header(header: &str) -> Vec<u8> {
    let mut packet = hex(PLAIN);
    packet[42..50].copy_from_slice(&hex(header));
    packet
}

fn adjacency() -> Adjacency {
    Adjacency::new(MacAddr::new([2, 0, 0, 0, 0, 2]), MacAddr::new([2, 0, 0, 0, 0, 3]))
}

fn profiles() -> [TunnelConfig; 2] {
    let (local, remote): (IpAddr, IpAddr) = ([192, 168, 50, 3].into(), [192, 168, 50, 2].into());
    let vni = Vni::new(1).unwrap();
    [TunnelConfig::rfc7348, TunnelConfig::linux]
        .map(|profile| profile(local, remote, adjacency()).vni(vni))
}

fn encap(config: &TunnelConfig, inner: &[u8]) -> Vec<u8> {
    let mut frame = ArrayFrame::<512>::from_bytes_with_headroom(inner, HEADROOM_MAX).unwrap();
    config.build().unwrap().encap(&mut frame, &mut EncapState::predictable()).unwrap();
    frame.bytes().to_vec()
}

fn encaps(inner: &[u8]) -> [Vec<u8>; 2] {
    profiles().map(|config| encap(&config, inner))
}

fn word(packet: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([packet[at], packet[at + 1]])
}

#[test]
fn the_port() {
    let linux = hex(PLAIN);
    let rfc = [&linux[..36], &[0x12, 0xb5], &linux[38..]].concat();
    let inner = || Ok(linux[50..].to_vec());
    assert_eq!(decap(&Vtep::linux(), &linux), inner());
    assert_eq!(decap(&Vtep::rfc7348(), &linux), Err(DropReason::NotVxlan));
    assert_eq!(decap(&Vtep::rfc7348(), &rfc), inner());
    assert_eq!(decap(&Vtep::linux(), &rfc), Err(DropReason::NotVxlan));
    assert_eq!(encaps(&linux[50..]).map(|packet| word(&packet, 36)), [4789, 8472]);
}

#[test]
fn reserved_bits() {
    for header in ["f700000000000100", "ff00000000000100", "0801000000000100", "0800000000000101"] {
        let packet = with_header(header);
        let has_vni = packet[42] & 8 != 0;
        let rfc = decap(&Vtep::rfc7348().port(8472), &packet);
        let inner = packet[50..].to_vec();
        assert_eq!(rfc, if has_vni { Ok(inner) } else { Err(DropReason::NoVni) }, "{header}");
        assert!(decap(&Vtep::linux(), &packet).is_err(), "{header}");
    }
}

#[test]
fn time_to_live_to_a_group() {
    // Where the TTL or the hop limit stands.
    for (local, group, at) in [("192.168.50.3", "239.1.1.1", 22), ("fd00:50::3", "ff05::100", 21)] {
        let [local, group] = [local, group].map(|text| text.parse().unwrap());
        let ttls = [TunnelConfig::rfc7348, TunnelConfig::linux]
            .map(|profile| encap(&profile(local, group, adjacency()), &hex(PLAIN)[50..])[at]);
        assert_eq!(ttls, [64, 1], "{group}");
    }
}

#[test]
fn generic_protocol_extension() {
    let packet = with_header("0c00000100000100");
    for vtep in [Vtep::rfc7348().port(8472), Vtep::linux()] {
        assert_eq!(decap(&vtep, &packet), Err(DropReason::UnsupportedGpe));
    }
}

#[test]
fn inner_tags() {
    // Congestion is marked on a tagged frame that could carry the mark; the kernel delivered it so.
    let packet = hex("020000000003 020000000002 0800 4503005812340000401183 08c0a83202c0a83203
        9c4021180044d6e7 0800000000000100 02420a011200 02420a011100 81006005 0800
        45010022000100003f1144bc0a0111050a011207 045708ae000e0000726566657265");
    let rfc = Vtep::rfc7348().port(8472);
    assert_eq!(decap(&rfc, &packet), Err(DropReason::InnerVlan));
    assert_eq!(decap(&Vtep::linux(), &packet), Ok(packet[50..].to_vec()));
    let mut marked = packet[50..].to_vec();
    marked[19] |= 3;
    marked[29] -= 2;
    assert_eq!(decap(&rfc.inner_vlan(InnerVlanRx::Keep), &packet), Ok(marked));
}

#[test]
fn a_cut_packet_behind_an_inner_tag() {
    let packet = hex("020000000003 020000000002 0800 45000038123400004011832bc0a83202c0a83203
        9c4021180024ea6a 0800000000000100 02420a011200 02420a011100 81006005 08004500");
    assert_eq!(decap(&Vtep::linux(), &packet), Ok(packet[50..].to_vec()));
    let keep = Vtep::linux().inner_vlan(InnerVlanRx::Keep);
    assert_eq!(decap(&keep, &packet), Err(DropReason::InnerTruncated));
    // Not even the tag is whole: the device takes it, the host drops it. Here it is one thing.
    let packet = hex("020000000003 020000000002 0800 45000032123400004011 8331c0a83202c0a83203
        9c402118001e977c 0800000000000100 02420a011200 02420a011100 8100");
    assert_eq!(decap(&Vtep::linux(), &packet), Err(DropReason::InnerTruncated));
}

#[test]
fn source_ports() {
    let range = |ports: SourcePorts| [ports.port(0), ports.port(0xffff_0000)];
    assert_eq!(range(SourcePorts::RFC7348), [49_152, 65_535]);
    assert_eq!(range(SourcePorts::LINUX), [32_768, 60_998]);
    let [rfc, linux] = encaps(&hex(PLAIN)[50..]).map(|packet| word(&packet, 34));
    assert!((49_152..=65_535).contains(&rfc) && (32_768..=60_998).contains(&linux));
}

#[test]
fn fragmentation_and_identification() {
    let [rfc, linux] = profiles().map(|config| {
        let tunnel = config.build().unwrap();
        let mut core = EncapState::predictable();
        [(); 2].map(|()| {
            let inner = &hex(PLAIN)[50..];
            let mut frame =
                ArrayFrame::<512>::from_bytes_with_headroom(inner, HEADROOM_MAX).unwrap();
            tunnel.encap(&mut frame, &mut core).unwrap();
            (word(frame.bytes(), 18), word(frame.bytes(), 20))
        })
    });
    assert_eq!(rfc, [(0, 0x4000); 2]);
    assert_eq!([linux[0].1, linux[1].1], [0; 2]);
    assert_eq!(linux[1].0, linux[0].0.wrapping_add(1));
}

#[test]
fn congestion() {
    let mut inner = hex(PLAIN)[50..].to_vec();
    let outer = [0, 1, 2, 3].map(|ecn| {
        inner[15] = ecn;
        encaps(&inner).map(|packet| packet[15])
    });
    assert_eq!(outer, [[0, 0], [1, 1], [2, 2], [3, 2]]);
}

#[test]
fn the_udp_checksum() {
    let [rfc, linux] = encaps(&hex(PLAIN)[50..]).map(|packet| word(&packet, 40));
    assert!(rfc == 0 && linux != 0);
}

#[test]
fn inner_tags_on_the_way_out() {
    let plain = hex(PLAIN)[50..].to_vec();
    let tagged = [&plain[..12], &hex("81006005"), &plain[12..]].concat();
    let [rfc, linux] = encaps(&tagged);
    assert_eq!((&rfc[50..], &linux[50..]), (&plain[..], &tagged[..]));
}

#[test]
fn a_malformed_inner_packet() {
    // Version 9, and fifteen words of header in forty bytes; the kernel sent it so.
    let inner =
        hex("02420a011200 02420a011100 0800 9f860022000100003f1144370a0111050a011207 045708ae00");
    let outer = hex("020000000002 020000000003 0800 4586004bc42400003f11d1a1c0a83203c0a83202
        837821180037c20d 0800000000000100");
    let [_, linux] = profiles();
    let config = linux.ttl(Ttl::Inherit).dscp(OuterDscp::Inherit).df(Df::Inherit);
    let port = SourcePorts::inclusive(0x8378, 0x8378).unwrap();
    let config = config.source_ports(port).ip_id(vtep::tunnel::IpId::Fixed(0xc424));
    assert_eq!(encap(&config, &inner), [outer, inner].concat());
}

#[test]
fn flag_of_a_tagged_inner_packet() {
    // Linux 6.18 inherits TTL and TOS through a tag, but not DF.
    let plain = hex(PLAIN)[50..].to_vec();
    let mut tagged = [&plain[..12], &hex("81006005"), &plain[12..]].concat();
    tagged[24] = 0x40;
    let [_, linux] = profiles();
    let packet = encap(&linux.ttl(Ttl::Inherit).df(Df::Inherit), &tagged);
    assert_eq!((packet[22], word(&packet, 20)), (63, 0x4000));
}

#[test]
fn lengths_of_jumbograms() {
    // A UDP length of 0 over IPv6, whose checksum Linux finds right for the length that IPv6 says.
    let packet = hex("020000000003 020000000002 86dd 60000000004011402001 0db80050000000000000000000022001
        0db8005000000000000000000003 9c40211800000000 0800000000000100 02420a011200 02420a011100 0800
        45000022000100003f1144bd0a0111050a011207 045708ae000e0000726566657265");
    let vtep = Vtep::linux().zero_checksum_v6(true);
    assert_eq!(decap(&vtep, &packet), Err(DropReason::UdpLength));
}

/// `PLAIN` with other bytes from `at` on, and the outer IPv4 checksum that fits.
fn changed(at: usize, bytes: &str) -> Vec<u8> {
    let (mut packet, bytes) = (hex(PLAIN), hex(bytes));
    packet[at..at + bytes.len()].copy_from_slice(&bytes);
    packet[24..26].fill(0);
    let checksum = common::ones_complement(&packet[14..34]);
    packet[24..26].copy_from_slice(&checksum.to_be_bytes());
    packet
}

#[test]
fn inner_sources() {
    for source in ["000000000000", "01005e000001", "ffffffffffff", "020909090909"] {
        let packet = changed(56, source);
        assert_eq!(decap(&Vtep::linux(), &packet), Ok(packet[50..].to_vec()), "{source}");
    }
}

#[test]
fn the_outer_destination_mac_address() {
    for destination in ["0200000000aa", "01005e000001", "ffffffffffff", "000000000000"] {
        let packet = changed(0, destination);
        assert_eq!(decap(&Vtep::linux(), &packet), Ok(packet[50..].to_vec()), "{destination}");
    }
}

/// UDP over IPv6 in VXLAN without an outer checksum, from `source`, `front` before the UDP header.
fn over_ipv6(source: &str, next_header: &str, front: &str) -> Vec<u8> {
    let (udp, front) = (&hex(PLAIN)[34..], hex(front));
    let len = (udp.len() + front.len()) as u16;
    let [ethernet, next] = ["020000000003020000000002 86dd 60000000", next_header].map(hex);
    let addresses = [hex(source), hex("20010db8005000000000000000000003")].concat();
    [&ethernet[..], &len.to_be_bytes(), &next, &[64], &addresses, &front, udp].concat()
}

#[test]
fn outer_sources() {
    let remote = |vtep: Vtep<'_>, packet: &[u8]| vtep.inspect(packet).unwrap().info().remote;
    for source in ["e0000001", "7f000001", "ffffffff", "00000000"] {
        let packet = changed(26, source);
        let wanted = <[u8; 4]>::try_from(hex(source)).unwrap();
        assert_eq!(remote(Vtep::linux(), &packet), IpAddr::from(wanted), "{source}");
    }
    for source in [
        "ff020000000000000000000000000001",
        "00000000000000000000000000000001",
        "00000000000000000000ffff0a000001",
    ] {
        let packet = over_ipv6(source, "11", "");
        let wanted = <[u8; 16]>::try_from(hex(source)).unwrap();
        let vtep = Vtep::linux().zero_checksum_v6(true);
        assert_eq!(remote(vtep, &packet), IpAddr::from(wanted), "{source}");
    }
}

#[test]
fn outer_options() {
    // Router alert, a loose source route, one that ends behind its options, and none that is known.
    for options in ["94040000", "83070400000000 00", "830f0400", "1e040000"] {
        let (mut packet, options) = (hex(PLAIN), hex(options));
        packet[14] += (options.len() / 4) as u8;
        packet[17] += options.len() as u8;
        packet.splice(34..34, options.iter().copied());
        let end = 34 + options.len();
        packet[24..26].fill(0);
        let checksum = common::ones_complement(&packet[14..end]);
        packet[24..26].copy_from_slice(&checksum.to_be_bytes());
        assert_eq!(decap(&Vtep::linux(), &packet), Ok(packet[end + 16..].to_vec()), "{options:?}");
    }
    // An unknown option that says "discard", a routing header of type 4 that was travelled, AH, an atomic fragment.
    let vtep = Vtep::linux().zero_checksum_v6(true);
    for (next_header, front) in [
        ("3c", "1100 7f0400000000"),
        ("2b", "1100 04 00 00000000"),
        ("33", "1101 0000 00000000 00000000"),
        ("2c", "1100 0000 00000009"),
    ] {
        let packet = over_ipv6("20010db8005000000000000000000002", next_header, front);
        let inner = hex(PLAIN)[50..].to_vec();
        assert_eq!(decap(&vtep, &packet), Ok(inner), "{next_header} {front}");
    }
}

/// `PLAIN`'s headers, with lengths that fit, in front of another inner frame.
fn around(inner: &str) -> Vec<u8> {
    let inner = hex(inner);
    let mut packet = changed(16, &format!("{:04x}", 36 + inner.len()))[..50].to_vec();
    packet[38..40].copy_from_slice(&((16 + inner.len()) as u16).to_be_bytes());
    [packet, inner].concat()
}

#[test]
fn an_inner_tag_alone() {
    let tagged = "02420a011200 02420a011100 8100 6005 0800 4500";
    for len in 14..=20 {
        let packet = around(
            &hex(tagged)[..len].iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        );
        let inner = Ok(packet[50..].to_vec());
        let wanted = if len < 18 { Err(DropReason::InnerTruncated) } else { inner };
        assert_eq!(decap(&Vtep::linux(), &packet), wanted, "{len}");
    }
    // 19 bytes; Linux 6.18 dropped it.
    let packet = hex("020000000003 020000000002 0800 4503003 76ce180005f11897bc0a83202c0a83203
        62cf21180023566d 0800000000000100 01005e000001 020909090909 810011d5110b20");
    assert_eq!(decap(&Vtep::linux(), &packet), Ok(packet[50..].to_vec()));
}

/// Linux 6.18 dropped the first and the last, and delivered the second with the VLAN identifier 0x67.
#[test]
fn congestion_and_a_misread_tag() {
    let outer = "020000000003 020000000002 0800 45030056000100004011953dc0a83202c0a83203
        0fa0211800420000 0800000000000100 02420a011200 020909090909";
    let ip = "8100 0006 0800 4502001c0800000040115ecd0a0000010a000002 0001000200080000";
    let one_tag = "020000000003 020000000002 0800 450300520001000040119541c0a83202c0a83203
        0fa02118003e0000 0800000000000100 02420a011200 020909090909 8100 0064
        0800 4502001c0007000008009ed70a0000010a000002 0001000200080000";
    let two_tags = ["88a80064", "88a80065"].map(|tag| format!("{outer}{tag}{ip}"));
    for packet in [&two_tags[0], &two_tags[1], one_tag].map(hex) {
        assert_eq!(decap(&Vtep::linux(), &packet), Ok(packet[50..].to_vec()));
        // Read past the tags, the mark is where RFC 6040 wants it: ECT(0) becomes CE.
        let keep = Vtep::linux().inner_vlan(InnerVlanRx::Keep);
        let marked = decap(&keep, &packet).unwrap();
        let class = marked.len() - 27;
        let changed: Vec<_> =
            (0..marked.len()).filter(|at| marked[*at] != packet[50 + at]).collect();
        // The class, and the last byte of the checksum.
        assert_eq!((changed, marked[class]), (vec![class, class + 10], 3));
    }
}

#[test]
fn a_cut_frame_is_sent() {
    for inner in [
        "02420a011200 02420a011100 8100",
        "02420a011200 02420a011100 8100 60",
        "02420a011200 02420a011100 0800 45000022",
        "02420a011200 02420a011100 86dd 6000000000",
    ] {
        let [_, linux] = profiles();
        assert_eq!(encap(&linux, &hex(inner))[50..], hex(inner), "{inner}");
    }
}

#[test]
fn three_inner_tags_on_the_way_out() {
    let plain = hex(PLAIN)[50..].to_vec();
    let [_, linux] = profiles();
    let config = linux.ttl(Ttl::Inherit).dscp(OuterDscp::Inherit);
    let ttl_and_class = |tags: &str| {
        let mut inner = [&plain[..12], &hex(tags), &plain[12..]].concat();
        let at = inner.len() - 33;
        inner[at] = 0xb9;
        let packet = encap(&config, &inner);
        (packet[22], packet[15])
    };
    assert_eq!(ttl_and_class("88a80007 81000006"), (63, 0xb9));
    assert_eq!(ttl_and_class("81000007 81000006 81000005"), (64, 0));
}

/// The cells of the tables that have a column of tests: what, and the test.
fn manual() -> Vec<(&'static str, &'static str)> {
    let chapter = include_str!("../src/manual/differences.rs");
    let rows = chapter.lines().filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix("|"));
    let mut has_tests = false;
    let mut found = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.split(" | ").map(str::trim).collect();
        let (first, last) = (cells[0], cells[cells.len() - 1]);
        if first == "what" {
            has_tests = last == "test";
        } else if has_tests {
            found.push((first, last));
        }
    }
    found
}

#[test]
fn the_manual_names_tests_that_exist() {
    let rows = manual();
    assert!(rows.len() > 25, "{}", rows.len());
    let own = include_str!("differences.rs");
    for (what, test) in rows {
        let names: Vec<&str> = test.split('`').collect();
        let (file, name) = match names[..] {
            ["", name, ""] => (own.to_owned(), name),
            ["", file, ": ", name, ""] => (std::fs::read_to_string(file).expect(file), name),
            _ => panic!("{what}: no test, but {test:?}"),
        };
        assert!(file.contains(&format!("#[test]\nfn {name}()")), "{what}: {name}");
    }
}

#[test]
fn the_manual_names_every_test() {
    let prose = include_str!("../src/manual/differences.rs");
    let tests = include_str!("differences.rs").split("#[test]\nfn ").skip(1);
    for name in tests.filter_map(|test| test.split('(').next()) {
        assert!(name.starts_with("the_manual_") || prose.contains(&format!("`{name}`")), "{name}");
    }
}
