//! `vxcap decap`: the inner frames of the VXLAN packets.

use std::process::ExitCode;

use vtep::buf::FrameBuf;

use crate::cli::Decap;
use crate::failure::Failure;
use crate::frame::FrameBuffer;
use crate::reader::Capture;
use crate::tally::Tally;
use crate::writer::PcapWriter;

pub fn run(args: &Decap) -> Result<ExitCode, Failure> {
    let mut capture = Capture::open(&args.input)?;
    let mut output = PcapWriter::create(&args.output, &capture)?;
    let ports = args.receiver.ports();
    let vtep = args.receiver.vtep(&ports);
    let mut buffer = FrameBuffer::new();
    let mut tally = Tally::new("written");
    let result = capture.each(|packet| {
        let mut frame = buffer.load(packet.header(), packet.payload);
        match vtep.decap(&mut frame) {
            Ok(_) => {
                tally.pass();
                output.write(&packet, frame.bytes())?;
            }
            Err(reason) => tally.refuse(reason.as_str()),
        }
        Ok(())
    });
    let result = result.and(output.finish(&tally));
    result.map(|()| capture.exit_code())
}
