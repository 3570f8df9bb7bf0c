//! Before anything is timed: every contestant gives the crate's bytes and verdicts.

use vtep::buf::{Frame, FrameBuf};
use vtep::verdict::DropReason;

use crate::frames::{self, Flow};
use crate::job::{OUTER, Peer, Received};
use crate::paths;
use crate::with_etherparse::Etherparse;
use crate::with_ingot::WithIngot;
use crate::with_pnet::Pnet;
use crate::with_smoltcp::Smoltcp;

/// Panics where one differs.
pub fn all() {
    let mut random = fastrand::Rng::with_seed(1);
    let packets = packets(&mut random);
    let mut received = 0;
    for packet in &packets {
        encap::<Etherparse>("etherparse", packet);
        encap::<Pnet>("pnet_packet", packet);
        encap::<Smoltcp>("smoltcp", packet);
        encap::<WithIngot>("ingot", packet);
        for mutant in mutants(packet) {
            let Some(expected) = verdict(&mutant) else { continue };
            decap::<Etherparse>("etherparse", &mutant, expected);
            decap::<Pnet>("pnet_packet", &mutant, expected);
            decap::<Smoltcp>("smoltcp", &mutant, expected);
            decap::<WithIngot>("ingot", &mutant, expected);
            received += 1;
        }
    }
    eprintln!("peers: agree on {} packets sent, {received} received", packets.len());
}

/// Frames of all kinds, as the crate encapsulates them.
fn packets(random: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let (tunnel, mut core) = (frames::tunnel(), paths::core());
    let mut packets = Vec::new();
    for len in [64, 65, 590, 1450] {
        for protocol in [1, 6, 17, 132] {
            for fragment in [0, 0x4000, 0x2000, 0x00B9] {
                let class = random.u8(..);
                let mut buffer = vec![0; OUTER + len];
                frames::write(&mut buffer[OUTER..], Flow { protocol, class, fragment }, random);
                let mut frame = Frame::new(buffer, OUTER..OUTER + len).expect("within the buffer");
                tunnel.encap(&mut frame, &mut core).expect("room");
                packets.push(frame.bytes().to_vec());
            }
        }
    }
    packets
}

fn encap<P: Peer>(name: &str, expected: &[u8]) {
    let mut room = [0xA5; OUTER];
    let verdict = P::encap(&frames::OUTER, &mut room, &expected[OUTER..]);
    assert_eq!(verdict, Some(()), "{name} sends nothing");
    assert_eq!(room, expected[..OUTER], "{name} sends other bytes");
}

/// The packet; cut at each length, or with bytes behind it; with each bit of its outer headers flipped, the
/// IPv4 checksum mended and not; and with an option in its IPv4 header.
fn mutants(packet: &[u8]) -> Vec<Vec<u8>> {
    let mut mutants: Vec<Vec<u8>> = (0..=packet.len()).map(|len| packet[..len].to_vec()).collect();
    mutants.extend([1, 2, 18].map(|more| [packet, &vec![0xFF; more]].concat()));
    for bit in 0..OUTER * 8 {
        let mut flipped = packet.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        mutants.push(flipped.clone());
        frames::fill_checksum(&mut flipped[14..34]);
        mutants.push(flipped);
    }
    let mut optional = packet.to_vec();
    optional.splice(34..34, [0x94, 4, 0, 0]);
    optional[14] = 0x46;
    let total_len = u16::try_from(optional.len() - 14).expect("a packet's length");
    optional[16..18].copy_from_slice(&total_len.to_be_bytes());
    frames::fill_checksum(&mut optional[14..38]);
    mutants.push(optional);
    mutants
}

/// What the crate makes of it; `None` where it refuses what the job does not ask: the inner IP header, the
/// ECN fields of both, and VXLAN-GPE.
fn verdict(packet: &[u8]) -> Option<Option<Received>> {
    match frames::vtep().inspect(packet) {
        Ok(decap) => {
            Some(Some(Received { info: decap.info(), offset: decap.offset(), len: decap.len() }))
        }
        Err(
            DropReason::InnerTruncated | DropReason::EcnUnmarkable | DropReason::UnsupportedGpe,
        ) => None,
        Err(_) => Some(None),
    }
}

fn decap<P: Peer>(name: &str, packet: &[u8], expected: Option<Received>) {
    assert_eq!(P::decap(packet), expected, "{name} on {packet:02x?}");
}
