//! The fast path of decap and `Vtep::inspect_head`, which checks field by field, have the same verdict on
//! every packet.

#[path = "common/chained.rs"]
mod chained;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chained::Chained;
use vtep::buf::{ArrayFrame, Frame, FrameBuf, NicChecksum, RxMeta};
use vtep::checksum::Sum;
use vtep::tunnel::{
    Adjacency, DscpModel, EncapState, InnerVlanRx, OuterTag, ReservedBits, Set, TunnelConfig,
    UdpChecksumPolicy, Vtep,
};
use vtep::verdict::DropReason;
use vtep::wire::{Build, EthernetBuilder, Ipv4Builder, MacAddr, UdpBuilder, VlanId, Vni};

type Packet = ArrayFrame<192>;

const A: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 0xa]);
const B: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 0xb]);
/// Where the outer IPv4 header's length stands, its checksum and its end, and the UDP length.
const IP_LEN: usize = 16;
const IP_CHECKSUM: usize = 24;
const IP_END: usize = 34;
const UDP_LEN: usize = 38;

/// VXLAN over IPv4, with bytes behind it that belong to no packet.
fn packet() -> Vec<u8> {
    packet_of(b"ping")
}

fn packet_of(payload: &[u8]) -> Vec<u8> {
    let udp = UdpBuilder::new(1234, 53, payload);
    let ip = Ipv4Builder::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), udp);
    let mut bytes = [0; 96];
    let inner = EthernetBuilder::new(A, B, ip).build(&mut bytes).expect("room");
    let config =
        TunnelConfig::rfc7348([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), Adjacency::new(A, B));
    let tunnel = config.vni(Vni::new(5).expect("24 bits")).build().expect("a tunnel");
    let mut frame = Packet::from_bytes_with_headroom(inner, 50).expect("room");
    tunnel.encap(&mut frame, &mut EncapState::predictable()).expect("encap");
    [frame.bytes(), &[0; 6]].concat()
}

fn vteps() -> [Vtep<'static>; 10] {
    const VNIS: [Vni; 2] = [Vni::from_be_bytes([0, 0, 5]), Vni::from_be_bytes([0, 0, 7])];
    const LOCALS: [IpAddr; 2] =
        [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9))];
    let rfc = Vtep::rfc7348();
    let five = Vni::new(5).expect("24 bits");
    [
        rfc,
        rfc.vni(five).own_mac(B).local([192, 0, 2, 2].into()),
        rfc.vni(five).own_mac(A).inner_vlan(InnerVlanRx::Keep),
        rfc.vnis(Set::sorted(&VNIS).expect("sorted")).dscp_model(DscpModel::Uniform).own_mac(A),
        rfc.ports(Set::sorted(&[4788, 4789, 4790]).expect("sorted")).gbp(true).local(LOCALS[0]),
        rfc.reserved_bits(ReservedBits::Reject).inner_vlan(InnerVlanRx::Opaque).ports(Set::Any),
        rfc.local(Ipv6Addr::LOCALHOST.into()),
        rfc.locals(Set::sorted(&LOCALS).expect("sorted")).own_mac(B).dscp_model(DscpModel::Pipe),
        rfc.outer_tag(OuterTag::One(VlanId::new(3).expect("12 bits"))),
        rfc.outer_tag(OuterTag::Any).udp_checksum(UdpChecksumPolicy::Accept),
    ]
}

/// Writes the header checksum anew, so that what is behind that check is reached.
fn mended(mut packet: Vec<u8>) -> Vec<u8> {
    packet[IP_CHECKSUM..][..2].fill(0);
    let checksum = Sum::of(&packet[14..IP_END]).checksum();
    packet[IP_CHECKSUM..][..2].copy_from_slice(&checksum.to_be_bytes());
    packet
}

fn assert_agree_on_chain(packet: &[u8], at_hand: usize) {
    for vtep in vteps() {
        let mut head = packet[..at_hand].to_vec();
        let head = Frame::new(&mut head[..], 0..at_hand).unwrap();
        let mut chain = Chained { head, behind: packet.len() - at_hand };
        let taken = vtep.decap(&mut chain);
        let decap = vtep.inspect_head(&packet[..at_hand], packet.len(), RxMeta::default());
        assert_eq!(taken, decap.map(|decap| decap.info()), "{at_hand} {vtep:?} {packet:02x?}");
        let len = decap.map_or(packet.len(), |decap| decap.len());
        assert_eq!(chain.total_len(), len, "{at_hand} {vtep:?} {packet:02x?}");
    }
}

fn assert_agree(packet: &[u8]) {
    for vtep in vteps() {
        let mut frame = Packet::from_bytes_with_headroom(packet, 0).expect("room");
        let taken = vtep.decap(&mut frame);
        match vtep.inspect(packet) {
            Ok(decap) => {
                assert_eq!(taken, Ok(decap.info()), "{vtep:?} {packet:02x?}");
                let mut other = Packet::from_bytes_with_headroom(packet, 0).expect("room");
                decap.apply(&mut other).expect("whole");
                assert_eq!(frame.bytes(), other.bytes(), "{vtep:?} {packet:02x?}");
            }
            Err(reason) => {
                assert_eq!(taken, Err(reason), "{vtep:?} {packet:02x?}");
                assert_eq!(frame.bytes(), packet);
            }
        }
    }
}

#[test]
fn with_any_byte_of_any_value() {
    let good = packet();
    assert!(
        vteps()[0].decap(&mut Packet::from_bytes_with_headroom(&good, 0).expect("room")).is_ok()
    );
    for at in 0..good.len() {
        for value in 0..=u8::MAX {
            let mut packet = good.clone();
            packet[at] = value;
            assert_agree(&packet);
            assert_agree(&mended(packet));
        }
    }
}

#[test]
fn with_any_lengths() {
    let good = packet();
    for ip_len in 0..=good.len() as u16 {
        for udp_len in 0..=good.len() as u16 {
            let mut packet = good.clone();
            packet[IP_LEN..][..2].copy_from_slice(&ip_len.to_be_bytes());
            packet[UDP_LEN..][..2].copy_from_slice(&udp_len.to_be_bytes());
            let packet = mended(packet);
            assert_agree(&packet);
            // Nothing is lost of what follows: another VNI, a tag, an address, a mark.
            for (at, value) in [(46, 1), (48, 7), (62, 0x81), (61, 0xa), (45, 1), (15, 3)] {
                let mut packet = packet.clone();
                packet[at] = value;
                assert_agree(&mended(packet));
            }
        }
    }
}

#[test]
fn with_another_protocol_inside() {
    let good = packet_of(&[0x60; 32]);
    let inner = 62..64;
    let mut taken = 0;
    for ethertype in [0x0800_u16, 0x86DD, 0x0806, 0x88CC, 0x8100, 0x88A8] {
        for udp_len in 0..=good.len() as u16 {
            for (at, value) in [(15, 0), (15, 1), (15, 3), (45, 1), (46, 1), (61, 0xb), (61, 0xa)] {
                let mut packet = good.clone();
                packet[inner.clone()].copy_from_slice(&ethertype.to_be_bytes());
                packet[UDP_LEN..][..2].copy_from_slice(&udp_len.to_be_bytes());
                packet[at] = value;
                let packet = mended(packet);
                assert_agree(&packet);
                for at_hand in [0, 49, 63, 64, 83, 84, 85, 103, 104, good.len()] {
                    assert_agree_on_chain(&packet, at_hand);
                }
                taken += usize::from(vteps()[0].inspect(&packet).is_ok());
            }
        }
    }
    assert!(taken > 500, "{taken}");
}

/// What the NIC says of the outer header checksum stands, whatever the header says.
#[test]
fn with_what_the_nic_says() {
    let good = packet();
    let mut bad = good.clone();
    bad[IP_CHECKSUM] ^= 1;
    let vtep = Vtep::rfc7348();
    for (ip_checksum, packet, is_taken) in [
        (NicChecksum::Unknown, &good, true),
        (NicChecksum::Unknown, &bad, false),
        (NicChecksum::Good, &bad, true),
        (NicChecksum::Bad, &good, false),
    ] {
        let rx = RxMeta::new().with_ip_checksum(ip_checksum);
        let taken = vtep.decap(
            &mut Packet::from_bytes_with_headroom(packet, 0).expect("room").with_rx_meta(rx),
        );
        assert_eq!(taken.err(), (!is_taken).then_some(DropReason::IpChecksum), "{ip_checksum:?}");
        let looked = vtep.inspect_head(packet, packet.len(), rx);
        assert_eq!(looked.map(|decap| decap.info()), taken, "{ip_checksum:?}");
    }
}

#[test]
fn of_any_length() {
    let good = packet();
    for len in 0..good.len() {
        assert_agree(&good[..len]);
    }
}
