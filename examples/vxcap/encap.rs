//! `vxcap encap`: each frame as a VXLAN packet.

use std::process::ExitCode;

use vtep::buf::FrameBuf;
use vtep::tunnel::Core;
use vtep::wire::{EtherType, Ipv4Packet, Ipv6Header, Ipv6Packet};

use crate::failure::Failure;
use crate::frame::FrameBuffer;
use crate::options::Encap;
use crate::packet::Packet;
use crate::reader::Capture;
use crate::tally::Tally;
use crate::writer::PcapWriter;

pub fn run(args: &Encap) -> Result<ExitCode, Failure> {
    let tunnel = args.tunnel()?;
    let mut core = Core::default();
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
    let len = match ethertype {
        EtherType::IPV4 => Ipv4Packet::parse(ip).map(|ip| usize::from(ip.header().total_len())),
        EtherType::IPV6 => {
            Ipv6Packet::parse(ip).map(|ip| Ipv6Header::LEN + usize::from(ip.header().payload_len()))
        }
        _ => return Err("not-ip"),
    };
    len.ok().and_then(|len| ip.get(..len)).ok_or("not-ip")
}
