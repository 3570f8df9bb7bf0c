//! Encap under the `linux()` profile against the packets that the kernel sent: the inner frames of its
//! captures, encapsulated again with the options of the device that sent them.

mod common;

use std::net::IpAddr;

use vtep::buf::{ArrayFrame, FrameBuf};
use vtep::tunnel::{
    Adjacency, Decap, Df, EncapState, InnerVlanRx, InnerVlanTx, OuterDscp, Set, SourcePorts, Ttl,
    Tunnel, TunnelConfig, UdpChecksum, Vtep,
};
use vtep::wire::{
    EtherType, EthernetFrame, FlowLabel, Ipv4Packet, Ipv6Packet, PseudoHeader, TrafficClass,
    UdpChecksumState, UdpDatagram, Vni,
};

const CAPACITY: usize = 16_384;
const HEADROOM: usize = 128;

/// The captures of what Linux sent as the wire carries it, with the device's options in the words of
/// `ip link`, where they are not the default ones.
const DEVICES: [(&str, &str); 39] = [
    ("collect_metadata_csum", "id 1193046 dstport 4789 ttl 31"),
    ("collect_metadata_nocsum", "id 7 dstport 4789 noudpcsum"),
    ("docker_overlay_like", "id 4097 dstport 4789"),
    ("flannel_default_ecn", "id 1 dstport 8472"),
    ("flannel_df_inherit", "id 1 dstport 8472 df inherit"),
    ("flannel_df_set", "id 1 dstport 8472 df set"),
    ("flannel_df_unset", "id 1 dstport 8472 df unset"),
    ("flannel_icmp_errors", "id 1 dstport 8472"),
    ("flannel_icmp_sizes", "id 1 dstport 8472"),
    ("flannel_inner_fragments", "id 1 dstport 8472"),
    ("flannel_inner_fragments_v6", "id 1 dstport 8472"),
    ("flannel_inner_ipv6", "id 1 dstport 8472"),
    ("flannel_node_to_pod", "id 1 dstport 8472"),
    ("flannel_noudpcsum", "id 1 dstport 8472 noudpcsum"),
    ("flannel_outer_ipv6_default", "id 1 dstport 8472"),
    (
        "flannel_outer_ipv6_tos_ttl_flowlabel",
        "id 1 dstport 8472 ttl inherit tos inherit flowlabel 0xabcde",
    ),
    ("flannel_outer_ipv6_zerocsum", "id 1 dstport 8472 udp6zerocsumtx"),
    ("flannel_tcp_short", "id 1 dstport 8472"),
    ("flannel_tos_0x28", "id 1 dstport 8472 tos 0x28"),
    ("flannel_tos_inherit", "id 1 dstport 8472 tos inherit"),
    ("flannel_ttl_17", "id 1 dstport 8472 ttl 17"),
    ("flannel_ttl_inherit", "id 1 dstport 8472 ttl inherit"),
    (
        "flannel_ttl_inherit_df_inherit_v6inner",
        "id 1 dstport 8472 ttl inherit tos inherit df inherit",
    ),
    ("flannel_udp_64flows", "id 1 dstport 8472"),
    ("flannel_udpcsum", "id 1 dstport 8472 udpcsum"),
    ("gbp_policy", "id 1 dstport 8472 gbp"),
    ("gso_disabled_capture", "id 1 dstport 8472"),
    ("jumbo_underlay", "id 1 dstport 8472"),
    ("l2_arp_flood_defaultdst_2remotes", "id 42 dstport 4789"),
    ("l2_arp_flood_multicast", "id 43 dstport 4789"),
    ("l2_tiny_and_odd_frames", "id 5 dstport 4789"),
    ("l2_vlan_tagged_inner", "id 1000 dstport 4789"),
    ("real_docker_swarm_overlay", "id 4097 dstport 4789"),
    ("real_flanneld_vxlan", "id 1 dstport 8472"),
    ("real_flanneld_vxlan_gbp_port4789_vni4097", "id 4097 dstport 4789 gbp"),
    ("srcport_range_50000_50015", "id 1 dstport 8472 srcport 50000 50015"),
    ("underlay_everything_mix", "id 1 dstport 8472"),
    ("vni_max_port4789", "id 16777215 dstport 4789"),
    ("vni_zero_port4789", "id 0 dstport 4789"),
];

/// A packet with IPv4 or IPv6 outside, as far as encap is to reproduce it.
struct Outer<'a> {
    local: IpAddr,
    remote: IpAddr,
    adjacency: Adjacency,
    udp: UdpDatagram<'a>,
    pseudo: PseudoHeader,
    is_ip_checksum_right: bool,
}

impl<'a> Outer<'a> {
    fn parse(frame: &'a [u8]) -> Self {
        let frame = EthernetFrame::parse(frame).expect("Ethernet");
        let (header, bytes) = (frame.header(), frame.payload());
        let adjacency = Adjacency::new(header.destination(), header.source());
        if frame.ethertype() == EtherType::IPV6 {
            let packet = Ipv6Packet::parse(bytes).expect("IPv6");
            return Self {
                local: packet.header().source().into(),
                remote: packet.header().destination().into(),
                adjacency,
                udp: UdpDatagram::parse(packet.payload()).expect("UDP"),
                pseudo: packet.pseudo_header().expect("no routing header"),
                is_ip_checksum_right: true,
            };
        }
        let packet = Ipv4Packet::parse(bytes).expect("IPv4");
        Self {
            local: packet.header().source().into(),
            remote: packet.header().destination().into(),
            adjacency,
            udp: UdpDatagram::parse(packet.payload()).expect("UDP"),
            pseudo: packet.pseudo_header(),
            is_ip_checksum_right: packet.is_checksum_valid(),
        }
    }

    fn checksum(&self) -> UdpChecksumState {
        self.udp.checksum_state(&self.pseudo)
    }
}

/// The tunnel of a device with `options` to where the kernel sent this packet.
fn configured(options: &str, outer: &Outer<'_>, decap: &Decap) -> TunnelConfig {
    let mut config = TunnelConfig::linux(outer.local, outer.remote, outer.adjacency);
    let mut words = options.split_whitespace();
    while let Some(option) = words.next() {
        let mut value = || words.next().expect("a value");
        config = match option {
            "id" => config.vni(Vni::new(number(value())).expect("24 bits")),
            "dstport" => config.port(port(value())),
            "srcport" => {
                let (first, last) = (port(value()), port(value()));
                config.source_ports(SourcePorts::linux(first, last).expect("a range"))
            }
            "ttl" => config.ttl(match value() {
                "inherit" => Ttl::Inherit,
                hops => Ttl::Fixed(hops.parse().expect("a TTL")),
            }),
            "tos" => config.dscp(match value() {
                "inherit" => OuterDscp::Inherit,
                class => OuterDscp::Fixed(TrafficClass(number(class).try_into().expect("a byte"))),
            }),
            "df" => config.df(match value() {
                "inherit" => Df::Inherit,
                "set" => Df::Set,
                _ => Df::Unset,
            }),
            "flowlabel" => config.flow_label(FlowLabel::new(number(value())).expect("20 bits")),
            "noudpcsum" | "udp6zerocsumtx" => {
                config.udp_checksum(UdpChecksum::None).zero_checksum_v6(true)
            }
            // The policy is the packet mark's, which the capture shows in the header alone.
            "gbp" => config.gbp(decap.info().gbp),
            "udpcsum" => config,
            _ => panic!("{option}"),
        };
    }
    config
}

fn number(text: &str) -> u32 {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).expect(text),
        None => text.parse().expect(text),
    }
}

fn port(text: &str) -> u16 {
    text.parse().expect(text)
}

fn encap(tunnel: &Tunnel, inner: &[u8]) -> Vec<u8> {
    let mut frame =
        ArrayFrame::<CAPACITY>::from_bytes_with_headroom(inner, HEADROOM).expect("it fits");
    tunnel.encap(&mut frame, &mut EncapState::predictable()).expect("encap");
    frame.bytes().to_vec()
}

/// The packets of a capture that are VXLAN to `vtep`, with their number in the capture.
fn received(name: &str, vtep: Vtep<'_>) -> Vec<(usize, Vec<u8>, Decap)> {
    let packets = common::packets(name).into_iter().enumerate();
    packets
        .filter_map(|(index, packet)| {
            let decap = vtep.inspect(&packet).ok()?;
            Some((index + 1, packet, decap))
        })
        .collect()
}

fn compare(name: &str, options: &str) -> usize {
    let linux = Vtep::linux().ports(Set::Any).gbp(true).zero_checksum_v6(true);
    let received = received(name, linux);
    for (number, packet, decap) in &received {
        let at = format!("{name} packet {number}");
        let inner = &packet[decap.offset()..][..decap.len()];
        let theirs = Outer::parse(packet);
        let config = configured(options, &theirs, decap);
        let packet_again = encap(&config.build().expect("a tunnel"), inner);
        let ours = Outer::parse(&packet_again);
        assert!(ours.is_ip_checksum_right, "{at}");
        assert_eq!(ours.checksum(), theirs.checksum(), "{at}");
        assert_ne!(ours.checksum(), UdpChecksumState::Bad, "{at}");
        let source = ours.udp.header().source_port();
        let range = if name.starts_with("srcport") { 50_000..50_015 } else { 32_768..60_999 };
        assert!(range.contains(&source), "{at}: source port {source}");
        assert_eq!(
            common::without_choices(packet_again.clone()),
            common::without_choices(packet.clone()),
            "{at}"
        );

        let frame = EthernetFrame::parse(inner).expect("an inner frame");
        if matches!(frame.header().ethertype(), EtherType::IPV4 | EtherType::IPV6) {
            let (destination, source) = (frame.header().destination(), frame.header().source());
            let flannel = config.inner_ethernet(destination, source).build().expect("a tunnel");
            assert_eq!(encap(&flannel, frame.payload()), packet_again, "{at} as flannel.1");
        }
    }
    received.len()
}

#[test]
fn gives_the_kernels_bytes() {
    for (name, options) in DEVICES {
        let table = common::tshark(name);
        let vni = table[0].iter().position(|column| column == "vxlan.vni").expect("a column");
        let packets = table[1..].iter().filter(|row| !row[vni].is_empty()).count();
        assert_eq!(compare(name, options), packets, "{name}");
    }
}

/// Whether tshark found a wrong checksum inside a packet.
fn is_inner_wrong(columns: &[String], row: &[String]) -> bool {
    ["ip.checksum.status", "udp.checksum.status", "tcp.checksum.status"].iter().any(|status| {
        let column = columns.iter().position(|column| column == status).expect("a column");
        row.get(column).is_some_and(|values| values.split(',').any(|value| value == "0"))
    })
}

#[test]
fn full_and_local_checksum_offload_agree() {
    let vtep = Vtep::rfc7348().ports(Set::Any).gbp(true).inner_vlan(InnerVlanRx::Keep);
    let mut packets = 0;
    for name in common::captures() {
        // Not filled: by the NIC to come, and by the receiver's remote checksum offload.
        if ["gso_enabled_capture", "vxlan_remcsum"].contains(&name.as_str()) {
            continue;
        }
        let table = common::tshark(&name);
        for (number, packet, decap) in received(&name, vtep.zero_checksum_v6(true)) {
            if is_inner_wrong(&table[0], &table[number]) {
                continue;
            }
            let inner = &packet[decap.offset()..][..decap.len()];
            for (local, remote) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
                let (local, remote) = (local.parse().unwrap(), remote.parse().unwrap());
                let config = TunnelConfig::linux(local, remote, Outer::parse(&packet).adjacency)
                    .inner_vlan(InnerVlanTx::Keep)
                    .inner_checksum_valid(true);
                let with = |checksum| {
                    let tunnel = config.clone().udp_checksum(checksum).build().unwrap();
                    encap(&tunnel, inner)
                };
                let (full, lco) = (with(UdpChecksum::Full), with(UdpChecksum::Lco));
                assert_eq!(full, lco, "{name} packet {number}");
                assert_eq!(Outer::parse(&lco).checksum(), UdpChecksumState::Good);
            }
            packets += 1;
        }
    }
    assert_eq!(packets, 1324);
}
