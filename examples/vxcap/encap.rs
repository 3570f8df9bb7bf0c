//! `vxcap encap`: each frame as a VXLAN packet.

use std::process::ExitCode;

use vtep::buf::FrameBuf;
use vtep::tunnel::EncapState;
use vtep::wire::{EtherType, IpProtocol, Ipv4Header, Ipv4Packet, Ipv6Header, Ipv6Packet};

use crate::failure::Failure;
use crate::frame::FrameBuffer;
use crate::options::Encap;
use crate::packet::Packet;
use crate::reader::Capture;
use crate::tally::Tally;
use crate::writer::PcapWriter;

pub fn run(args: &Encap) -> Result<ExitCode, Failure> {
    let tunnel = args.tunnel()?;
    let mut core = EncapState::predictable();
    let mut capture = Capture::open(&args.input)?;
    let mut output = PcapWriter::create(&args.output, &capture)?;
    let mut buffer = FrameBuffer::new();
    let mut tally = Tally::new("written");
    let result = capture.each(|packet| {
        let frame = if args.l3 { ip(&packet) } else { ethernet(&packet) };
        let verdict = frame.and_then(|frame| {
            let mut frame = buffer.load(&[], frame);
            tunnel.encap(&mut frame, &mut core).map_err(|reason| reason.as_str())?;
            Ok(frame)
        });
        match verdict {
            Ok(frame) => {
                tally.pass();
                output.write(&packet, frame.bytes())?;
            }
            Err(reason) => tally.refuse(reason),
        }
        Ok(())
    });
    let result = result.and(output.finish(&tally));
    result.map(|()| capture.exit_code())
}

/// The Ethernet frame that was captured.
fn ethernet<'a>(packet: &Packet<'a>) -> Result<&'a [u8], &'static str> {
    if packet.is_cut {
        return Err("cut-short");
    }
    if packet.header().is_empty() { Ok(packet.payload) } else { Err("not-ethernet") }
}

/// The IP packet that was captured, without the padding of its frame.
fn ip<'a>(packet: &Packet<'a>) -> Result<&'a [u8], &'static str> {
    if packet.is_cut {
        return Err("cut-short");
    }
    let (ethertype, ip) = packet.network().ok_or("not-ip")?;
    if is_length_zero(ethertype, ip) {
        return Err("length-zero");
    }
    let len = match ethertype {
        EtherType::IPV4 => Ipv4Packet::parse(ip).map(|ip| usize::from(ip.header().total_len())),
        EtherType::IPV6 => {
            Ipv6Packet::parse(ip).map(|ip| Ipv6Header::LEN + usize::from(ip.header().payload_len()))
        }
        _ => return Err("not-ip"),
    };
    len.ok().and_then(|len| ip.get(..len)).ok_or("not-ip")
}

/// Returns true if the length field is 0, as a NIC that segments packets gets them: where the
/// packet ends is then not known. An IPv6 packet without payload may say so.
fn is_length_zero(ethertype: EtherType, ip: &[u8]) -> bool {
    match ethertype {
        EtherType::IPV4 => Ipv4Header::ref_from_prefix(ip).is_ok_and(|(ip, _)| ip.total_len() == 0),
        EtherType::IPV6 => Ipv6Header::ref_from_prefix(ip).is_ok_and(|(ip, _)| {
            ip.payload_len() == 0 && ip.next_header() != IpProtocol::NO_NEXT_HEADER
        }),
        _ => false,
    }
}
