//! What is known of a frame holds for the headers that it describes, and a checksum that nobody
//! has filled in yet finds its way through encap and decap.

use vtep::buf::{
    ArrayFrame, FrameBuf, InnerChecksum, NicChecksum, OuterChecksum, PartialChecksum, RxMeta,
    TxMeta,
};
use vtep::tunnel::minimal::{MinimalV4, decap_v4, encap_v4};
use vtep::tunnel::{Adjacency, EncapState, Tunnel, TunnelConfig, UdpChecksum, Vtep};
use vtep::verdict::DropReason;
use vtep::wire::{
    Build, EthernetBuilder, Ipv4Builder, MacAddr, UdpBuilder, VlanBuilder, VlanId, VlanTag, Vni,
};

type Packet = ArrayFrame<512>;

const A: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 0xa]);
const B: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 0xb]);
const HEADROOM: usize = 200;
/// Ethernet, IPv4, UDP, VXLAN.
const OUTER: u16 = 50;
/// Where UDP begins in the inner frame, and where in UDP its checksum is.
const PARTIAL: PartialChecksum = PartialChecksum::new(34, 6);

fn tunnel(checksum: UdpChecksum) -> Tunnel {
    let config =
        TunnelConfig::rfc7348([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), Adjacency::new(B, A));
    config.vni(Vni::new(7).unwrap()).udp_checksum(checksum).build().unwrap()
}

fn datagram() -> Ipv4Builder<UdpBuilder<&'static [u8]>> {
    Ipv4Builder::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), UdpBuilder::new(1234, 53, b"hi"))
}

/// A frame whose UDP checksum is filled in.
fn complete() -> Packet {
    let mut bytes = [0; 128];
    let frame = EthernetBuilder::new(A, B, datagram()).build(&mut bytes).unwrap();
    Packet::from_bytes_with_headroom(frame, HEADROOM).unwrap()
}

/// The same with the pseudo-header's sum in its place: 0a00 + 0001 + 0a00 + 0002 + 0011 + 000a.
fn partial() -> Packet {
    let mut frame = complete();
    frame.bytes_mut()[40..42].copy_from_slice(&[0x14, 0x1e]);
    frame
}

fn encap(frame: &mut Packet, checksum: UdpChecksum) -> Result<(), DropReason> {
    tunnel(checksum).encap(frame, &mut EncapState::predictable())
}

fn rx_partial(partial: PartialChecksum) -> RxMeta {
    RxMeta::new().with_partial(partial)
}

#[test]
fn decap_resets_what_the_nic_said_of_the_headers_that_are_gone() {
    let mut frame = complete();
    encap(&mut frame, UdpChecksum::Full).unwrap();
    let good =
        RxMeta::new().with_ip_checksum(NicChecksum::Good).with_udp_checksum(NicChecksum::Good);
    frame.set_rx_meta(good);
    let vtep = Vtep::rfc7348();
    let copy = frame.clone();
    vtep.decap(&mut frame).unwrap();
    assert_eq!((frame.rx_meta(), frame.tx_meta()), (RxMeta::default(), TxMeta::default()));
    // Hairpinned: what goes out again and comes back damaged is found to be.
    encap(&mut frame, UdpChecksum::Full).unwrap();
    *frame.bytes_mut().last_mut().unwrap() ^= 1;
    assert_eq!(vtep.decap(&mut frame), Err(DropReason::UdpChecksum));
    // The two steps of decap, and the small one, do it too.
    let mut inspected = copy.clone();
    vtep.inspect(inspected.bytes()).unwrap().apply(&mut inspected).unwrap();
    let mut small = copy;
    decap_v4(&vtep, &mut small).unwrap();
    assert_eq!([inspected.rx_meta(), small.rx_meta()], [RxMeta::default(); 2]);
}

#[test]
fn encap_resets_what_was_said_of_the_frame_inside() {
    let with_all = |frame: Packet| {
        let good =
            RxMeta::new().with_ip_checksum(NicChecksum::Good).with_udp_checksum(NicChecksum::Good);
        let tx = TxMeta::new().with_inner_checksum(InnerChecksum::Valid).with_flow_hash(5);
        frame.with_rx_meta(good).with_tx_meta(tx.with_outer_checksum(OuterChecksum::Nic))
    };
    let mut tagged = [0; 128];
    let tag = VlanTag::customer(VlanId::new(5).unwrap());
    let tagged =
        EthernetBuilder::new(A, B, VlanBuilder::new(tag, datagram())).build(&mut tagged).unwrap();
    let tagged = Packet::from_bytes_with_headroom(tagged, HEADROOM).unwrap();
    for checksum in [UdpChecksum::None, UdpChecksum::Full, UdpChecksum::Lco] {
        for frame in [complete(), tagged.clone()] {
            let mut frame = with_all(frame);
            encap(&mut frame, checksum).unwrap();
            assert_eq!((frame.rx_meta(), frame.tx_meta()), (RxMeta::default(), TxMeta::default()));
        }
    }
    let mut plain = with_all(complete());
    let tunnel = tunnel(UdpChecksum::None);
    let minimal = MinimalV4::new(&tunnel).unwrap();
    encap_v4(minimal, &mut plain, &mut EncapState::predictable()).unwrap();
    assert_eq!((plain.rx_meta(), plain.tx_meta()), (RxMeta::default(), TxMeta::default()));
}

#[test]
fn a_refused_frame_keeps_its_metadata() {
    let rx = RxMeta::new().with_ip_checksum(NicChecksum::Bad);
    let tx = TxMeta::new().with_flow_hash(5);
    let mut frame = complete();
    encap(&mut frame, UdpChecksum::None).unwrap();
    frame.set_rx_meta(rx);
    frame.set_tx_meta(tx);
    assert_eq!(Vtep::rfc7348().decap(&mut frame), Err(DropReason::IpChecksum));
    assert_eq!((frame.rx_meta(), frame.tx_meta()), (rx, tx));
    let mut short = Packet::from_bytes_with_headroom(complete().bytes(), 49).unwrap();
    short.set_rx_meta(rx);
    short.set_tx_meta(tx);
    assert_eq!(encap(&mut short, UdpChecksum::None), Err(DropReason::NoHeadroom));
    assert_eq!((short.rx_meta(), short.tx_meta()), (rx, tx));
}

#[test]
fn a_partial_checksum_that_was_received_travels_into_the_tunnel_and_out_again() {
    let shifted = InnerChecksum::Partial(PartialChecksum::new(OUTER + 34, 6));
    for checksum in [UdpChecksum::None, UdpChecksum::Full, UdpChecksum::Lco] {
        let mut wanted = complete();
        encap(&mut wanted, checksum).unwrap();
        let mut frame = partial().with_rx_meta(rx_partial(PARTIAL));
        encap(&mut frame, checksum).unwrap();
        assert_eq!(frame.rx_meta(), RxMeta::default());
        assert_eq!(frame.tx_meta(), TxMeta::new().with_inner_checksum(shifted));

        // It does not leave the host: the other side gets it with the same numbers.
        let mut received = frame.clone();
        received.set_tx_meta(TxMeta::new());
        received.set_rx_meta(rx_partial(PartialChecksum::new(OUTER + 34, 6)));
        Vtep::rfc7348().decap(&mut received).unwrap();
        assert_eq!(received.bytes(), partial().bytes());
        let tx = TxMeta::new().with_inner_checksum(InnerChecksum::Partial(PARTIAL));
        assert_eq!((received.rx_meta(), received.tx_meta()), (RxMeta::default(), tx));
        received.complete_checksum().unwrap();
        assert_eq!(received.bytes(), complete().bytes());

        // Or it does, and is filled in before: the outer checksum was computed for that.
        frame.complete_checksum().unwrap();
        assert_eq!(frame.bytes(), wanted.bytes());
    }
}

#[test]
fn a_partial_checksum_that_is_not_reported_is_wrong() {
    let mut frame = partial().with_rx_meta(rx_partial(PARTIAL));
    encap(&mut frame, UdpChecksum::Full).unwrap();
    // Not of a byte that the outer checksum covers.
    for rx in [RxMeta::new(), rx_partial(PartialChecksum::new(14, 10))] {
        frame.set_rx_meta(rx);
        assert_eq!(Vtep::rfc7348().decap(&mut frame), Err(DropReason::UdpChecksum));
        assert_eq!(frame.rx_meta(), rx);
    }
    frame.set_rx_meta(rx_partial(PARTIAL).with_udp_checksum(NicChecksum::Bad));
    assert_eq!(Vtep::rfc7348().decap(&mut frame), Err(DropReason::UdpChecksum));
}

#[test]
fn a_partial_outer_checksum_is_gone_with_the_outer_headers() {
    let mut frame = complete().with_tx_meta(TxMeta::new().with_outer_checksum(OuterChecksum::Nic));
    encap(&mut frame, UdpChecksum::Full).unwrap();
    assert_eq!(Vtep::rfc7348().decap(&mut frame.clone()), Err(DropReason::UdpChecksum));
    frame.set_rx_meta(rx_partial(PARTIAL));
    Vtep::rfc7348().decap(&mut frame).unwrap();
    assert_eq!(frame.bytes(), complete().bytes());
    assert_eq!((frame.rx_meta(), frame.tx_meta()), (RxMeta::default(), TxMeta::default()));
}

#[test]
fn a_partial_checksum_moves_with_a_tag_that_is_stripped() {
    let tag = VlanTag::customer(VlanId::new(5).unwrap());
    let mut bytes = [0; 128];
    let frame =
        EthernetBuilder::new(A, B, VlanBuilder::new(tag, datagram())).build(&mut bytes).unwrap();
    frame[44..46].copy_from_slice(&[0x14, 0x1e]);
    let rx = rx_partial(PartialChecksum::new(38, 6));
    let mut frame = Packet::from_bytes_with_headroom(frame, HEADROOM).unwrap().with_rx_meta(rx);
    let mut wanted = complete();
    encap(&mut wanted, UdpChecksum::Full).unwrap();
    encap(&mut frame, UdpChecksum::Full).unwrap();
    frame.complete_checksum().unwrap();
    assert_eq!(frame.bytes(), wanted.bytes());
}

#[test]
fn a_partial_checksum_in_a_tunnel_in_a_tunnel() {
    let mut wanted = complete();
    encap(&mut wanted, UdpChecksum::Full).unwrap();
    encap(&mut wanted, UdpChecksum::Full).unwrap();
    let mut frame = partial().with_rx_meta(rx_partial(PARTIAL));
    encap(&mut frame, UdpChecksum::Full).unwrap();
    encap(&mut frame, UdpChecksum::Full).unwrap();
    frame.complete_checksum().unwrap();
    assert_eq!(frame.bytes(), wanted.bytes());
    // No checksum in the middle: the headers do not show what the bytes will add up to.
    let mut frame = partial().with_rx_meta(rx_partial(PARTIAL));
    encap(&mut frame, UdpChecksum::None).unwrap();
    let before = (frame.bytes().to_vec(), frame.tx_meta());
    assert_eq!(encap(&mut frame, UdpChecksum::Full), Err(DropReason::PartialChecksum));
    assert_eq!((frame.bytes().to_vec(), frame.tx_meta()), before);
}
