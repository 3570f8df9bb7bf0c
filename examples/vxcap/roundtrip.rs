//! `vxcap roundtrip`: each VXLAN packet taken apart and made again.

use std::process::ExitCode;

use vtep::buf::FrameBuf;
use vtep::tunnel::{EcnEncap, EncapState, Vtep};
use vtep::verdict::DropReason;

use crate::cli::Roundtrip;
use crate::express::{INEXPRESSIBLE, tunnel_of};
use crate::failure::Failure;
use crate::frame::FrameBuffer;
use crate::packet::Packet;
use crate::reader::Capture;
use crate::tally::Tally;

/// What became of a packet.
enum Outcome {
    Identical,
    Different,
    Refused(DropReason),
    /// It says what no tunnel can say, for this reason.
    Inexpressible(&'static str),
}

/// No rule of RFC 6040 or Linux makes the outer ECN field of the inner one.
const ECN: &str = "ecn";

pub fn run(args: &Roundtrip) -> Result<ExitCode, Failure> {
    let mut capture = Capture::open(&args.input)?;
    let ports = args.receiver.ports();
    let vtep = args.receiver.vtep(&ports);
    let mut buffer = FrameBuffer::new();
    let mut core = EncapState::predictable();
    let mut tally = Tally::new("identical");
    let file = capture.name();
    let result = capture.each(|packet| {
        match remake(&packet, &vtep, &mut buffer, &mut core) {
            Outcome::Identical => tally.pass(),
            Outcome::Different => {
                tally.differ();
                eprintln!("vxcap: {file}: packet {} comes out different", packet.number);
            }
            Outcome::Refused(DropReason::NotVxlan) => {}
            Outcome::Refused(reason) => tally.refuse(reason.as_str()),
            Outcome::Inexpressible(reason) => tally.refuse(reason),
        }
        Ok(())
    });
    tally.print();
    result.map(|()| if tally.any_different() { ExitCode::from(1) } else { capture.exit_code() })
}

fn remake(
    packet: &Packet<'_>,
    vtep: &Vtep<'_>,
    buffer: &mut FrameBuffer,
    core: &mut EncapState,
) -> Outcome {
    // The outer ECN field follows from the inner one, by one rule or another.
    for ecn in [EcnEncap::Normal, EcnEncap::Linux, EcnEncap::Compatibility] {
        let mut frame = buffer.load(packet.header(), packet.payload);
        let decap = match vtep.inspect(frame.bytes()) {
            Ok(decap) => decap,
            Err(reason) => return Outcome::Refused(reason),
        };
        let sent_ecn = decap.info().ecn();
        let config = match tunnel_of(frame.bytes()) {
            Ok(config) => config,
            Err(reason) => return Outcome::Inexpressible(reason),
        };
        // Decap passes a congestion mark of the path on to the inner packet: it is no more outside.
        if decap.inner_class().is_some() {
            return Outcome::Inexpressible(ECN);
        }
        let Ok(tunnel) = config.ecn(ecn).build() else {
            return Outcome::Inexpressible(INEXPRESSIBLE);
        };
        let remade = decap.apply(&mut frame).and_then(|()| tunnel.encap(&mut frame, core));
        if let Err(reason) = remade {
            return Outcome::Refused(reason);
        }
        if packet.is(frame.bytes()) {
            return Outcome::Identical;
        }
        match vtep.inspect(frame.bytes()) {
            Ok(again) if again.info().ecn() != sent_ecn => {}
            _ => return Outcome::Different,
        }
    }
    Outcome::Inexpressible(ECN)
}
