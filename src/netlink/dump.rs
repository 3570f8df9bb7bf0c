//! Dumps: many answers to one request (NLM_F_MULTI, `include/uapi/linux/netlink.h`).

use super::ext_ack::ExtAck;
use super::header::{Header, MessageError, MessageFlags, MessageType};
use super::message::{Body, Message};

/// Follows the answers to a dump request, over as many buffers as they take.
#[derive(Clone, Copy, Debug)]
pub struct Dump {
    seq: u32,
    interrupted: bool,
}

impl Dump {
    /// Follows the answers to the request with this number.
    #[must_use]
    pub const fn new(seq: u32) -> Self {
        Self { seq, interrupted: false }
    }

    /// Returns what the next message means to the dump.
    ///
    /// # Errors
    /// [`MessageError`] if the message's body cannot be read.
    pub fn step<'a>(&mut self, message: &Message<'a>) -> Result<DumpStep<'a>, MessageError> {
        let Header { kind, flags, seq, .. } = message.header;
        if seq != self.seq {
            return Ok(DumpStep::Foreign);
        }
        self.interrupted |= flags.contains(MessageFlags::DUMP_INTR) || kind == MessageType::OVERRUN;
        Ok(match message.body()? {
            Body::Error(error) if error.is_ack() => DumpStep::NoDump,
            Body::Error(error) => {
                DumpStep::Failed { errno: error.errno(), ext_ack: error.ext_ack() }
            }
            Body::Done(done) if done.errno() != 0 => {
                DumpStep::Failed { errno: done.errno(), ext_ack: done.ext_ack() }
            }
            Body::Done(_) if self.interrupted => DumpStep::Interrupted,
            Body::Done(_) => DumpStep::Finished,
            _ if kind.is_control() => DumpStep::Control,
            body if flags.contains(MessageFlags::MULTI) => DumpStep::Entry(body),
            _ => DumpStep::Foreign,
        })
    }
}

/// What a message means to a [`Dump`].
#[derive(Clone, Copy, Debug)]
pub enum DumpStep<'a> {
    /// One of the things asked for.
    Entry(Body<'a>),
    /// Not an answer to this request: another number, or a notification (without NLM_F_MULTI) of
    /// what another socket did under the same number.
    Foreign,
    /// A message of netlink itself that holds nothing: NLMSG_NOOP, or NLMSG_OVERRUN, after which
    /// the dump ends as [`Interrupted`](Self::Interrupted).
    Control,
    /// The dump is whole.
    Finished,
    /// The dump is over, but things changed meanwhile (NLM_F_DUMP_INTR) or messages were lost:
    /// request it again.
    Interrupted,
    /// An acknowledgement: the request did not request a dump, and nothing follows.
    NoDump,
    /// The kernel refused the dump or broke it off.
    Failed {
        /// The errno, positive, never 0.
        errno: u32,
        /// Why.
        ext_ack: ExtAck<'a>,
    },
}

#[cfg(test)]
mod tests {
    use super::super::writer::build;
    use super::*;
    use crate::netlink::Messages;
    use std::vec::Vec;

    const NONE: MessageFlags = MessageFlags::empty();

    /// NLMSGERR_ATTR_MSG "no", NLMSGERR_ATTR_OFFS 28.
    fn tlvs() -> Vec<u8> {
        let text = [&7_u16.to_ne_bytes()[..], &1_u16.to_ne_bytes(), b"no\0\0"].concat();
        let offset =
            [&8_u16.to_ne_bytes()[..], &2_u16.to_ne_bytes(), &28_u32.to_ne_bytes()].concat();
        [text, offset].concat()
    }

    /// The body of an NLMSG_ERROR of `code` to a request of `length` bytes, and what is returned of
    /// its payload.
    fn error(code: i32, length: u32, payload: &[u8], tlvs: &[u8]) -> Vec<u8> {
        let header = Header::request(MessageType::GETLINK, MessageFlags::LIST, 9);
        [&code.to_ne_bytes()[..], &header.to_bytes(length), payload, tlvs].concat()
    }

    fn step(
        dump: &mut Dump,
        kind: MessageType,
        flags: MessageFlags,
        body: &[u8],
    ) -> std::string::String {
        let mut buffer = [0; 128];
        let header = Header { flags, ..Header::request(kind, NONE, 9) };
        let length = build(&mut buffer, header, |writer| writer.bytes(body)).unwrap();
        let message = Messages::new(&buffer[..length]).next().unwrap().unwrap();
        let step = dump.step(&message).unwrap();
        let name = std::format!("{step:?}");
        match step {
            DumpStep::Failed { errno, ext_ack } => std::format!("{errno} {:?}", ext_ack.text()),
            _ => name.split('(').next().unwrap().into(),
        }
    }

    #[test]
    fn each_message_has_its_meaning_to_a_dump() {
        let multi = MessageFlags::MULTI;
        let tlvs_flag = MessageFlags::ACK_TLVS | multi;
        let failed = [&(-22_i32).to_ne_bytes()[..], &tlvs()].concat();
        let mut dump = Dump::new(9);
        let link = [0; 16];
        assert_eq!(step(&mut dump, MessageType::NEWLINK, multi, &link), "Entry");
        // a notification of what another socket did under the same number
        assert_eq!(step(&mut dump, MessageType::NEWLINK, NONE, &link), "Foreign");
        assert_eq!(step(&mut dump, MessageType::DELLINK, NONE, &link), "Foreign");
        assert_eq!(step(&mut Dump::new(8), MessageType::NEWLINK, multi, &link), "Foreign");
        for kind in [MessageType::NOOP, MessageType(5), MessageType(15)] {
            assert_eq!(step(&mut dump, kind, multi, &[]), "Control", "{kind:?}");
        }
        assert_eq!(step(&mut dump, MessageType::DONE, tlvs_flag, &failed), "22 Some(\"no\")");
        let refused = error(-95, 16, &[], &tlvs());
        let flags = MessageFlags::ACK_TLVS;
        assert_eq!(step(&mut dump, MessageType::ERROR, flags, &refused), "95 Some(\"no\")");
        let ack = error(0, 16, &[], &[]);
        assert_eq!(step(&mut dump, MessageType::ERROR, NONE, &ack), "NoDump");
        assert_eq!(step(&mut dump, MessageType::DONE, multi, &[0; 4]), "Finished");
        assert_eq!(step(&mut dump, MessageType::OVERRUN, NONE, &[]), "Control");
        assert_eq!(step(&mut dump, MessageType::DONE, multi, &[0; 4]), "Interrupted");
        let mut dump = Dump::new(9);
        let interrupted = multi | MessageFlags::DUMP_INTR;
        assert_eq!(step(&mut dump, MessageType::NEWLINK, interrupted, &link), "Entry");
        assert_eq!(step(&mut dump, MessageType::DONE, multi, &[0; 4]), "Interrupted");
        assert_eq!(step(&mut dump, MessageType::DONE, tlvs_flag, &failed), "22 Some(\"no\")");
    }
}
