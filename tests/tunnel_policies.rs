//! Each policy of a tunnel and of a VTEP, on packets whose fields are read back with the wire layer.

use std::net::IpAddr;

use vtep::buf::{
    ArrayFrame, Frame, FrameBuf, InnerChecksum, OuterChecksum, PartialChecksum, TxMeta,
};
use vtep::tunnel::{
    Adjacency, Df, DscpModel, EcnEncap, EncapState, FlowHashKey, InnerVlanTx, IpId, OuterDscp,
    OuterTag, Set, SetNotSorted, SourcePorts, Ttl, TunnelConfig, TunnelConfigError, UdpChecksum,
    Vtep,
};
use vtep::verdict::DropReason;
use vtep::wire::{
    Build, Ecn, EtherType, EthernetBuilder, EthernetFrame, FlowLabel, Gbp, IpProtocol, Ipv4Builder,
    Ipv4Flags, Ipv4Packet, Ipv6Builder, Ipv6Packet, MacAddr, TrafficClass, UdpBuilder,
    UdpChecksumState, UdpDatagram, VlanBuilder, VlanId, VlanTag, Vni, VxlanFrame, VxlanHeader,
};

const A: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 0xa]);
const B: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 0xb]);

fn built(packet: &impl Build) -> Vec<u8> {
    let mut bytes = vec![0; packet.len()];
    packet.build(&mut bytes).unwrap();
    bytes
}

type Udp = UdpBuilder<&'static [u8]>;

fn udp() -> Udp {
    UdpBuilder::new(1234, 53, &b"payload"[..])
}

fn ipv4() -> Ipv4Builder<Udp> {
    Ipv4Builder::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), udp())
}

fn ipv6() -> Ipv6Builder<Udp> {
    Ipv6Builder::new("fd00::1".parse().unwrap(), "fd00::2".parse().unwrap(), udp())
}

fn arp() -> Vec<u8> {
    built(&EthernetBuilder::with_ethertype(MacAddr::BROADCAST, A, EtherType::ARP, &[0; 28][..]))
}

fn over(local: &str, remote: &str) -> TunnelConfig {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    TunnelConfig::rfc7348(address(local), address(remote), Adjacency::new(A, B))
}

fn over_v4() -> TunnelConfig {
    over("192.168.0.1", "192.168.0.2")
}

fn over_v6() -> TunnelConfig {
    over("fd01::1", "fd01::2")
}

fn encap_with(config: &TunnelConfig, core: &mut EncapState, tx: TxMeta, inner: &[u8]) -> Vec<u8> {
    let mut frame =
        ArrayFrame::<2048>::from_bytes_with_headroom(inner, 88).unwrap().with_tx_meta(tx);
    config.build().unwrap().encap(&mut frame, core).unwrap();
    frame.bytes().to_vec()
}

fn encap(config: &TunnelConfig, inner: &[u8]) -> Vec<u8> {
    encap_with(config, &mut EncapState::predictable(), TxMeta::default(), inner)
}

/// The outer headers of an encapsulated frame, its IPv4 header checksum verified.
fn outer_v4(bytes: &[u8]) -> (Ipv4Packet<'_>, UdpDatagram<'_>, VxlanFrame<'_>) {
    let ip = Ipv4Packet::parse(EthernetFrame::parse(bytes).unwrap().payload()).unwrap();
    assert!(ip.is_checksum_valid());
    let udp = UdpDatagram::parse(ip.payload()).unwrap();
    (ip, udp, VxlanFrame::parse(udp.payload()).unwrap())
}

fn outer_v6(bytes: &[u8]) -> (Ipv6Packet<'_>, UdpDatagram<'_>) {
    let ip = Ipv6Packet::parse(EthernetFrame::parse(bytes).unwrap().payload()).unwrap();
    (ip, UdpDatagram::parse(ip.payload()).unwrap())
}

fn frame_v4(class: u8, ttl: u8, flags: Ipv4Flags) -> Vec<u8> {
    let ip = ipv4().traffic_class(TrafficClass(class)).ttl(ttl).flags(flags);
    built(&EthernetBuilder::new(A, B, ip))
}

fn frame_v6(class: u8, hop_limit: u8) -> Vec<u8> {
    let ip = ipv6().traffic_class(TrafficClass(class)).hop_limit(hop_limit);
    built(&EthernetBuilder::new(A, B, ip))
}

#[test]
fn ttl() {
    let inherit = over_v4().ttl(Ttl::Inherit);
    for (config, inner, want) in [
        (over_v4(), frame_v4(0, 5, Ipv4Flags::empty()), 64),
        (over_v4().ttl(Ttl::Fixed(17)), frame_v4(0, 5, Ipv4Flags::empty()), 17),
        (inherit.clone(), frame_v4(0, 5, Ipv4Flags::empty()), 5),
        (inherit.clone(), frame_v6(0, 6), 6),
        (inherit.clone(), frame_v4(0, 0, Ipv4Flags::empty()), 64),
        (inherit, arp(), 64),
    ] {
        assert_eq!(outer_v4(&encap(&config, &inner)).0.header().ttl(), want);
    }
    for (inner, want) in [(5, 5), (0, 64)] {
        let inner = frame_v4(0, inner, Ipv4Flags::empty());
        let outer = encap(&over_v6().ttl(Ttl::Inherit), &inner);
        assert_eq!(outer_v6(&outer).0.header().hop_limit(), want);
    }
}

#[test]
fn tos_and_ecn() {
    let af11 = TrafficClass(0x28);
    for (tos, ecn, inner, want) in [
        (OuterDscp::Fixed(TrafficClass(0)), EcnEncap::Normal, 0xbb, 0x03),
        (OuterDscp::Fixed(af11), EcnEncap::Normal, 0xb9, 0x29),
        (OuterDscp::Fixed(TrafficClass(0x2b)), EcnEncap::Normal, 0xb8, 0x28),
        (OuterDscp::Fixed(af11), EcnEncap::Compatibility, 0xbb, 0x28),
        (OuterDscp::Fixed(af11), EcnEncap::Linux, 0xbb, 0x2a),
        (OuterDscp::Inherit, EcnEncap::Normal, 0xbb, 0xbb),
        (OuterDscp::Inherit, EcnEncap::Linux, 0xbb, 0xba),
        (OuterDscp::Inherit, EcnEncap::Compatibility, 0xbb, 0xb8),
    ] {
        for inner in [frame_v4(inner, 64, Ipv4Flags::empty()), frame_v6(inner, 64)] {
            let outer = encap(&over_v4().dscp(tos).ecn(ecn), &inner);
            assert_eq!(outer_v4(&outer).0.header().traffic_class().0, want, "{tos:?} {ecn:?}");
            let outer = encap(&over_v6().dscp(tos).ecn(ecn), &inner);
            assert_eq!(outer_v6(&outer).0.header().traffic_class().0, want, "{tos:?} {ecn:?}");
        }
        let outer = encap(&over_v4().dscp(tos).ecn(ecn), &arp());
        let dscp = if let OuterDscp::Fixed(class) = tos { class.0 & 0xfc } else { 0 };
        assert_eq!(outer_v4(&outer).0.header().traffic_class().0, dscp);
    }
}

#[test]
fn df_and_id() {
    let df = Ipv4Flags::DONT_FRAGMENT;
    let inner_df = frame_v4(0, 64, df);
    let inner_no_df = frame_v4(0, 64, Ipv4Flags::empty());
    // DF policy, ID policy, inner frame -> outer flags, outer ID of a core that counts from 7.
    for (policy, id, inner, flags, want) in [
        (Df::Set, IpId::Rfc6864, &inner_no_df, df, 0),
        (Df::Set, IpId::Counter, &inner_no_df, df, 7),
        (Df::Unset, IpId::Rfc6864, &inner_df, Ipv4Flags::empty(), 7),
        (Df::Unset, IpId::Fixed(99), &inner_df, Ipv4Flags::empty(), 99),
        (Df::Inherit, IpId::Rfc6864, &inner_df, df, 0),
        (Df::Inherit, IpId::Rfc6864, &inner_no_df, Ipv4Flags::empty(), 7),
        (Df::Inherit, IpId::Counter, &inner_df, df, 7),
        (Df::Inherit, IpId::Fixed(3), &inner_df, df, 3),
        (Df::Inherit, IpId::Rfc6864, &frame_v6(0, 64), df, 0),
        (Df::Inherit, IpId::Rfc6864, &arp(), Ipv4Flags::empty(), 7),
    ] {
        let mut core = EncapState::new(FlowHashKey::PUBLIC, 7);
        let outer =
            encap_with(&over_v4().df(policy).ip_id(id), &mut core, TxMeta::default(), inner);
        let (ip, ..) = outer_v4(&outer);
        assert_eq!((ip.header().flags(), ip.header().id()), (flags, want), "{policy:?} {id:?}");
    }
}

/// Linux counts whether DF is set or not.
#[test]
fn linux_counts_its_ids() {
    for df in [Df::Unset, Df::Set] {
        let (local, remote) = ([192, 168, 0, 1].into(), [192, 168, 0, 2].into());
        let config = TunnelConfig::linux(local, remote, Adjacency::new(A, B)).df(df);
        let mut core = EncapState::predictable();
        let [one, two] = [(); 2].map(|()| {
            outer_v4(&encap_with(&config, &mut core, TxMeta::default(), &arp())).0.header().id()
        });
        assert_eq!(two, one.wrapping_add(1), "{df:?}");
    }
}

#[test]
fn the_counter_steps_and_wraps() {
    let mut core = EncapState::new(FlowHashKey::PUBLIC, 0xffff);
    let config = over_v4().ip_id(IpId::Counter);
    let ids = [(); 3].map(|()| {
        let outer = encap_with(&config, &mut core, TxMeta::default(), &arp());
        outer_v4(&outer).0.header().id()
    });
    assert_eq!(ids, [0xffff, 0, 1]);
}

#[test]
fn source_port_is_the_flows() {
    let ports = |config: &TunnelConfig, inner: &[u8]| {
        outer_v4(&encap(config, inner)).1.header().source_port()
    };
    let one = ports(&over_v4(), &frame_v4(0, 64, Ipv4Flags::empty()));
    assert!(one >= 49_152);
    // TTL, TOS and VLAN do not belong to a flow; ports do.
    assert_eq!(ports(&over_v4(), &frame_v4(3, 9, Ipv4Flags::empty())), one);
    let tag = VlanTag::customer(VlanId::new(5).unwrap());
    let tagged = built(&EthernetBuilder::new(A, B, VlanBuilder::new(tag, ipv4())));
    assert_eq!(ports(&over_v4().inner_vlan(InnerVlanTx::Keep), &tagged), one);
    let other = Ipv4Builder::new(
        [10, 0, 0, 1].into(),
        [10, 0, 0, 2].into(),
        UdpBuilder::new(1235, 53, &b"payload"[..]),
    );
    assert_ne!(ports(&over_v4(), &built(&EthernetBuilder::new(A, B, other))), one);
    // A given hash is used instead, and a range of one is a fixed port.
    let tx = TxMeta::new().with_flow_hash(0x1234_5678);
    let outer = encap_with(&over_v4(), &mut EncapState::predictable(), tx, &arp());
    assert_eq!(outer_v4(&outer).1.header().source_port(), 53_523);
    let fixed = over_v4().source_ports(SourcePorts::inclusive(7, 7).unwrap());
    assert_eq!(ports(&fixed, &arp()), 7);
}

#[test]
fn all_fragments_of_a_datagram_take_one_port() {
    let fragment = |offset: u16, more: bool| {
        let payload: &[u8] = if offset == 0 { &[4, 210, 0, 53, 0, 40, 0, 0] } else { &[9; 8] };
        let flags = if more { Ipv4Flags::MORE_FRAGMENTS } else { Ipv4Flags::empty() };
        let ip = Ipv4Builder::with_protocol(
            [10, 0, 0, 1].into(),
            [10, 0, 0, 2].into(),
            IpProtocol::UDP,
            payload,
        );
        let mut bytes = built(&EthernetBuilder::new(A, B, ip.flags(flags)));
        bytes[21] |= u8::try_from(offset / 8).unwrap();
        outer_v4(&encap(&over_v4(), &bytes)).1.header().source_port()
    };
    assert_eq!(fragment(0, true), fragment(8, true));
    assert_eq!(fragment(0, true), fragment(16, false));
}

#[test]
fn udp_checksums() {
    let inner = frame_v4(0, 64, Ipv4Flags::empty());
    for (config, want) in [
        (over_v4(), UdpChecksumState::Zero),
        (over_v4().udp_checksum(UdpChecksum::Full), UdpChecksumState::Good),
        (over_v4().udp_checksum(UdpChecksum::Lco), UdpChecksumState::Good),
    ] {
        let outer = encap(&config, &inner);
        let (ip, udp, _) = outer_v4(&outer);
        assert_eq!(udp.checksum_state(&ip.pseudo_header()), want);
    }
    let state = |config: &TunnelConfig| {
        let outer = encap(config, &inner);
        let (ip, udp) = outer_v6(&outer);
        udp.checksum_state(&ip.pseudo_header().unwrap())
    };
    assert_eq!(state(&over_v6()), UdpChecksumState::Good);
    let none = over_v6().udp_checksum(UdpChecksum::None);
    assert_eq!(none.build().unwrap_err(), TunnelConfigError::ZeroChecksumV6);
    assert_eq!(state(&none.zero_checksum_v6(true)), UdpChecksumState::Zero);
}

#[test]
fn the_nic_gets_the_pseudo_headers_sum() {
    let tx = TxMeta::new().with_outer_checksum(OuterChecksum::Nic);
    for config in [over_v4(), over_v6()] {
        for config in [config.clone(), config.inner_ethernet(A, B)] {
            let config = config.udp_checksum(UdpChecksum::Full);
            let inner = built(&ipv4());
            let frame = [&A.octets()[..], &B.octets(), &[8, 0], &inner].concat();
            let inner = if config.build().unwrap().carries_packets() { &inner } else { &frame };
            let mut offloaded = encap_with(&config, &mut EncapState::predictable(), tx, inner);
            // What the NIC does then: sum from the UDP header on, the field as it stands, and invert.
            let at = if config.build().unwrap().remote().is_ipv4() { 34 } else { 54 };
            let sum = vtep::checksum::Sum::of(&offloaded[at..]).udp_checksum();
            offloaded[at + 6..at + 8].copy_from_slice(&sum.to_be_bytes());
            assert_eq!(offloaded, encap(&config, inner));
        }
    }
}

#[test]
fn a_partial_inner_checksum_is_summed_as_it_will_be() {
    let complete = frame_v4(0, 64, Ipv4Flags::empty());
    let mut partial = complete.clone();
    // The field holds the pseudo-header's sum, as before checksum offload: 10.0.0.1, 10.0.0.2, 17, 15.
    partial[40..42].copy_from_slice(&[0x14, 0x23]);
    for checksum in [UdpChecksum::Full, UdpChecksum::Lco] {
        let config = over_v4().udp_checksum(checksum);
        let tx =
            TxMeta::new().with_inner_checksum(InnerChecksum::Partial(PartialChecksum::new(34, 6)));
        let mut outer = encap_with(&config, &mut EncapState::predictable(), tx, &partial);
        outer[50..].copy_from_slice(&complete);
        assert_eq!(outer, encap(&config, &complete));
    }
}

#[test]
fn vlan_tags_are_kept_or_stripped() {
    let (one, two) = (VlanTag::service(VlanId::new(5).unwrap()), VlanTag::customer(VlanId::MAX));
    let untagged = frame_v4(0, 64, Ipv4Flags::empty());
    let single = built(&EthernetBuilder::new(A, B, VlanBuilder::new(two, ipv4())));
    let double = VlanBuilder::new(one, VlanBuilder::new(two, ipv4()));
    let double = built(&EthernetBuilder::new(A, B, double));
    for inner in [&untagged, &single, &double] {
        let kept = encap(&over_v4().inner_vlan(InnerVlanTx::Keep), inner);
        assert_eq!(kept[50..], **inner);
        let stripped = encap(&over_v4().inner_vlan(InnerVlanTx::Strip), inner);
        assert_eq!(stripped[50..], untagged);
        let stripped = encap(&over_v6(), inner);
        assert_eq!(stripped[70..], untagged);
    }
}

#[test]
fn outer_tag_flow_label_gbp_and_adjacency() {
    let tag = VlanTag::customer(VlanId::new(100).unwrap());
    let gbp = Gbp { group: 0x123, dont_learn: true, policy_applied: false };
    let label = FlowLabel::new(0xabcde).unwrap();
    for config in [over_v4(), over_v6()] {
        let config = config.flow_label(label).gbp(Some(gbp)).vni(Vni::MAX).port(8472);
        let mut tunnel = config.build().unwrap();
        assert_eq!(
            (tunnel.vni(), tunnel.headroom()),
            (Vni::MAX, encap(&config, &arp()).len() - 42)
        );
        tunnel.set_adjacency(Adjacency::new(B, A).tagged(tag));
        let mut frame =
            ArrayFrame::<256>::from_bytes_with_headroom(&arp(), tunnel.headroom()).unwrap();
        tunnel.encap(&mut frame, &mut EncapState::predictable()).unwrap();
        assert_eq!(frame.range().start, 0);
        let outer = EthernetFrame::parse(frame.bytes()).unwrap();
        assert_eq!((outer.header().destination(), outer.header().source()), (B, A));
        assert_eq!(outer.tags().collect::<Vec<_>>(), [tag]);
        let vtep = Vtep::rfc7348().port(8472).gbp(true).outer_tag(OuterTag::Any);
        let info = vtep.decap(&mut frame).unwrap();
        assert_eq!((info.vni, info.gbp, frame.bytes()), (Vni::MAX, Some(gbp), &arp()[..]));
    }
    let outer = encap(&over_v6().flow_label(label), &arp());
    assert_eq!(outer_v6(&outer).0.header().flow_label(), label);
}

#[test]
fn configurations_that_are_none() {
    let mixed = over("192.168.0.1", "fd01::2").build().unwrap_err();
    assert!(matches!(mixed, TunnelConfigError::MixedFamilies { .. }));
    assert_eq!(over("192.168.0.1", "0.0.0.0").build().unwrap_err(), TunnelConfigError::NoRemote);
    assert_eq!(Set::sorted(&[1, 2, 2]).unwrap_err(), SetNotSorted { index: 2 });
}

#[test]
fn decap_folds_ecn_and_dscp_into_the_inner_packet() {
    // The inner IPv4 header checksum follows; over the whole table of RFC 6040, by literal rows.
    use Ecn::{Ce, Ect0, Ect1, NotEct};
    for (inner, outer, want) in [
        (NotEct, Ect0, NotEct),
        (NotEct, Ect1, NotEct),
        (Ect0, NotEct, Ect0),
        (Ect0, Ect1, Ect1),
        (Ect0, Ce, Ce),
        (Ect1, Ect0, Ect1),
        (Ect1, Ce, Ce),
        (Ce, NotEct, Ce),
        (Ce, Ect1, Ce),
    ] {
        for frame in [frame_v4(inner.bits(), 64, Ipv4Flags::empty()), frame_v6(inner.bits(), 64)] {
            let fixed =
                over_v4().dscp(OuterDscp::Fixed(TrafficClass(0xb8))).ecn(EcnEncap::Compatibility);
            let mut bytes = encap(&fixed, &frame);
            let (header, _) = vtep::wire::Ipv4Header::mut_from_prefix(&mut bytes[14..]).unwrap();
            header.set_traffic_class(TrafficClass(0xb8 | outer.bits()));
            let own = EthernetFrame::parse(&frame).unwrap().header().destination();
            for (model, dscp) in [(DscpModel::Pipe, 0), (DscpModel::Uniform, 46)] {
                let mut copy = bytes.clone();
                let end = copy.len();
                let mut received = Frame::new(&mut copy[..], 0..end).unwrap();
                let info = Vtep::rfc7348().dscp_model(model).decap(&mut received).unwrap();
                assert_eq!((info.ecn(), info.dscp().value()), (outer, 46));
                let payload = EthernetFrame::parse(received.bytes()).unwrap().payload();
                let mut packet = Frame::new(bytes.clone(), 0..end).unwrap();
                let vtep = Vtep::rfc7348().dscp_model(model).inner_ethernet(own);
                assert_eq!(vtep.decap(&mut packet), Ok(info));
                assert_eq!(packet.bytes(), payload, "the header is gone, the class is written");
                let class = match Ipv4Packet::parse(payload) {
                    Ok(ip) => {
                        assert!(ip.is_checksum_valid());
                        ip.header().traffic_class()
                    }
                    Err(_) => Ipv6Packet::parse(payload).unwrap().header().traffic_class(),
                };
                assert_eq!(
                    (class.ecn(), class.dscp().value()),
                    (want, dscp),
                    "{inner:?} {outer:?}"
                );
            }
        }
    }
}

#[test]
fn bytes_behind_the_udp_length_are_cut_and_those_inside_kept() {
    let mut padded = arp();
    padded.extend([0xee; 18]);
    let mut bytes = encap(&over_v4(), &padded);
    bytes.extend([0xdd; 30]);
    let end = bytes.len();
    let mut frame = Frame::new(&mut bytes[..], 0..end).unwrap();
    Vtep::rfc7348().decap(&mut frame).unwrap();
    assert_eq!(frame.bytes(), padded);
}

#[test]
fn sets_of_addresses_ports_and_vnis() {
    let locals = [
        "192.168.0.2".parse().unwrap(),
        "192.168.0.3".parse().unwrap(),
        "fd01::2".parse().unwrap(),
    ];
    let vnis = [3, 5, 9].map(|vni| Vni::new(vni).unwrap());
    let vtep = Vtep::rfc7348()
        .ports(Set::sorted(&[VxlanHeader::PORT, VxlanHeader::LINUX_PORT]).unwrap())
        .locals(Set::sorted(&locals).unwrap())
        .vnis(Set::sorted(&vnis).unwrap());
    for vni in 0..12 {
        for config in [over_v4(), over_v6(), over_v4().port(8472)] {
            let bytes = encap(&config.vni(Vni::new(vni).unwrap()), &arp());
            assert_eq!(vtep.inspect(&bytes).is_ok(), [3, 5, 9].contains(&vni));
        }
    }
}

#[test]
fn an_address_that_is_not_in_the_set_is_not_local() {
    let locals = ["192.168.0.1", "192.168.0.3", "fd01::1", "fd01::3"].map(|a| a.parse().unwrap());
    let vtep = Vtep::rfc7348().locals(Set::sorted(&locals).unwrap());
    for (local, remotes) in [("192.168.0.9", "192.168.0."), ("fd01::9", "fd01::")] {
        for last in 1..=4 {
            let bytes = encap(&over(local, &format!("{remotes}{last}")), &arp());
            let wanted = (last % 2 == 0).then_some(DropReason::NotLocal);
            assert_eq!(vtep.inspect(&bytes).err(), wanted, "{remotes}{last}");
        }
    }
}
