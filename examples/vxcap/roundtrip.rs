//! `vxcap roundtrip`: each VXLAN packet taken apart and made again.

use std::process::ExitCode;

use vtep::buf::FrameBuf;
use vtep::tunnel::{Core, EcnEncap, Vtep};
use vtep::verdict::DropReason;

use crate::cli::Roundtrip;
use crate::express::{traffic_class, tunnel_of};
use crate::frame::FrameBuffer;
use crate::reader::{Capture, Failure, Packet};
use crate::tally::Tally;

/// What became of a packet.
enum Outcome {
    Identical,
    Different,
    Refused(DropReason),
    /// It says what no tunnel can say.
    Inexpressible,
}

pub fn run(args: &Roundtrip) -> Result<ExitCode, Failure> {
    let mut capture = Capture::open(&args.input)?;
    let ports = args.receiver.ports();
    let vtep = args.receiver.vtep(&ports);
    let mut buffer = FrameBuffer::new();
    let mut core = Core::default();
    let mut tally = Tally::new("identical");
    let file = args.input.display();
    let result = capture.each(|packet| {
        match remake(&packet, &vtep, &mut buffer, &mut core) {
            Outcome::Identical => tally.pass(),
            Outcome::Different => {
                tally.differ();
                eprintln!("vxcap: {file}: packet {} comes out different", packet.number);
            }
            Outcome::Refused(DropReason::NotVxlan) => {}
            Outcome::Refused(reason) => tally.refuse(reason.as_str()),
            Outcome::Inexpressible => tally.refuse("inexpressible"),
        }
        Ok(())
    });
    println!("{tally}");
    result.map(|()| ExitCode::from(u8::from(tally.any_different())))
}

fn remake(
    packet: &Packet<'_>,
    vtep: &Vtep<'_>,
    buffer: &mut FrameBuffer,
    core: &mut Core,
) -> Outcome {
    // The outer ECN field follows from the inner one, by one rule or another.
    for ecn in [EcnEncap::Normal, EcnEncap::Linux, EcnEncap::Compatibility] {
        let mut frame = buffer.load(packet.header(), packet.payload);
        let decap = match vtep.inspect(frame.bytes()) {
            Ok(decap) => decap,
            Err(reason) => return Outcome::Refused(reason),
        };
        let Some(config) = tunnel_of(frame.bytes()) else { return Outcome::Inexpressible };
        let wanted_class = traffic_class(frame.bytes());
        let Ok(tunnel) = config.ecn(ecn).build() else { return Outcome::Inexpressible };
        if let Err(reason) = decap.apply(&mut frame) {
            return Outcome::Refused(reason);
        }
        // A congestion mark of the path now stands in the inner packet.
        if !packet.payload.ends_with(frame.bytes()) {
            return Outcome::Inexpressible;
        }
        if let Err(reason) = tunnel.encap(&mut frame, core) {
            return Outcome::Refused(reason);
        }
        if packet.is(frame.bytes()) {
            return Outcome::Identical;
        }
        if traffic_class(frame.bytes()) == wanted_class {
            return Outcome::Different;
        }
    }
    Outcome::Inexpressible
}
