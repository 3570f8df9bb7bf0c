//! What the kernel answers: acknowledgements, errors, dumps (`struct nlmsgerr`, NLM_F_MULTI,
//! `include/uapi/linux/netlink.h`).

use super::attr::Attrs;
use super::message::{Body, HEADER, Header, Message, MessageError, MessageFlags};
use super::native::{read_i32, write_i32, write_u32};
use super::value::{Text, Value};
use super::writer::Writer;

/// The answer to a request (NLMSG_ERROR): an acknowledgement or an error.
#[derive(Clone, Copy, Debug)]
pub struct ErrorMessage<'a> {
    /// 0 for an acknowledgement, else the negative of an errno.
    pub code: i32,
    /// The header of the request.
    pub request: Header,
    /// The length field of the request.
    pub request_length: u32,
    request_payload: &'a [u8],
    attrs: Attrs<'a>,
}

impl<'a> ErrorMessage<'a> {
    /// Reads the body of an NLMSG_ERROR with these flags.
    ///
    /// # Errors
    /// [`MessageError`] when less is there than `struct nlmsgerr` and the flags say, or an attribute is none.
    pub fn parse(flags: MessageFlags, body: &'a [u8]) -> Result<Self, MessageError> {
        let available = body.len();
        let short = |needed| MessageError::Body { needed, available };
        let (code, rest) = body.split_first_chunk().ok_or(short(20))?;
        let (header, rest) = rest.split_first_chunk::<HEADER>().ok_or(short(20))?;
        let code = read_i32(*code);
        let (request_length, request) = Header::from_bytes(*header);
        let given_back =
            match (flags.contains(MessageFlags::ACK_TLVS), flags.contains(MessageFlags::CAPPED)) {
                (false, _) => rest.len(),
                (true, true) => 0,
                (true, false) => padded_payload(request_length),
            };
        let (request_payload, tlvs) =
            rest.split_at_checked(given_back).ok_or(short(given_back.saturating_add(20)))?;
        let attrs = Attrs::new(tlvs).check().map_err(|error| MessageError::Attr {
            offset: error.offset.saturating_add(given_back).saturating_add(20),
        })?;
        Ok(Self { code, request, request_length, request_payload, attrs })
    }

    /// Whether it is an acknowledgement, not an error.
    #[must_use]
    pub const fn is_ack(&self) -> bool {
        self.code == 0
    }

    /// The errno, positive; 0 in an acknowledgement.
    #[must_use]
    pub const fn errno(&self) -> u32 {
        self.code.unsigned_abs()
    }

    /// The kernel's words for it (NLMSGERR_ATTR_MSG).
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        Text::read(self.attrs.find(1)?)?.as_str()
    }

    /// Where in the request the offending attribute starts, in bytes (NLMSGERR_ATTR_OFFS).
    #[must_use]
    pub fn offset(&self) -> Option<u32> {
        u32::read(self.attrs.find(2)?)
    }

    /// The extended acknowledgement attributes.
    #[must_use]
    pub const fn attrs(&self) -> Attrs<'a> {
        self.attrs
    }

    /// What the kernel gives back of the request after its header.
    #[must_use]
    pub const fn request_payload(&self) -> &'a [u8] {
        self.request_payload
    }

    pub(super) fn emit(self, writer: &mut Writer<'_>) {
        writer.bytes(&write_i32(self.code));
        writer.bytes(&write_u32(self.request_length));
        writer.bytes(&self.request.tail());
        writer.bytes(self.request_payload);
        for attr in self.attrs.flatten() {
            writer.attr(attr.raw_type(), attr.value());
            writer.pad_as_read(attr.padding());
        }
    }
}

/// The bytes after the header of a message of this length, padded.
fn padded_payload(length: u32) -> usize {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let payload = length.saturating_sub(HEADER);
    payload.checked_next_multiple_of(4).unwrap_or(usize::MAX)
}

/// The end of a dump (NLMSG_DONE).
#[derive(Clone, Copy, Debug)]
pub struct Done<'a> {
    payload: &'a [u8],
}

impl<'a> Done<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, MessageError> {
        match body.len() {
            0 | 4.. => Ok(Self { payload: body }),
            available => Err(MessageError::Body { needed: 4, available }),
        }
    }

    /// 0, or the negative of the errno that cut the dump short.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.payload.first_chunk().map_or(0, |code| read_i32(*code))
    }

    pub(super) fn emit(self, writer: &mut Writer<'_>) {
        writer.bytes(self.payload);
    }
}

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

    /// What the next message means to the dump.
    ///
    /// # Errors
    /// [`MessageError`] when the message is none.
    pub fn step<'a>(&mut self, message: &Message<'a>) -> Result<DumpStep<'a>, MessageError> {
        if message.header.seq != self.seq {
            return Ok(DumpStep::Foreign);
        }
        self.interrupted |= message.header.flags.contains(MessageFlags::DUMP_INTR);
        Ok(match message.body()? {
            Body::Error(error) => DumpStep::Failed { code: error.code },
            Body::Done(done) if done.code() != 0 => DumpStep::Failed { code: done.code() },
            Body::Done(_) if self.interrupted => DumpStep::Interrupted,
            Body::Done(_) => DumpStep::Finished,
            body => DumpStep::Entry(body),
        })
    }
}

/// What a message means to a [`Dump`].
#[derive(Clone, Copy, Debug)]
pub enum DumpStep<'a> {
    /// One of the things asked for.
    Entry(Body<'a>),
    /// Not an answer to this request.
    Foreign,
    /// The dump is whole.
    Finished,
    /// The dump is over, but things changed meanwhile (NLM_F_DUMP_INTR): ask again.
    Interrupted,
    /// The kernel refused or broke off: the negative of an errno, or 0 for an unasked acknowledgement.
    Failed {
        /// As the kernel gave it.
        code: i32,
    },
}
