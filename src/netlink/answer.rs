//! What the kernel answers to a request: acknowledgements, errors and the ends of dumps
//! (`struct nlmsgerr`, `include/uapi/linux/netlink.h`).

use super::attr::Attrs;
use super::ext_ack::ExtAck;
use super::header::{HEADER, Header, MessageError, MessageFlags};
use super::native::{read_i32, write_i32};
use super::writer::Writer;

/// The answer to a request (NLMSG_ERROR): an acknowledgement or an error.
#[derive(Clone, Copy, Debug)]
pub struct ErrorMessage<'a> {
    /// 0 for an acknowledgement, else the negative of an errno.
    code: i32,
    /// The header of the request.
    pub request: Header,
    /// The length field of the request.
    pub request_len: u32,
    request_payload: &'a [u8],
    ext_ack: ExtAck<'a>,
}

impl<'a> ErrorMessage<'a> {
    /// Parses the body of an NLMSG_ERROR with these flags.
    ///
    /// # Errors
    /// [`MessageError::Body`] if less is there than `struct nlmsgerr` and the flags say.
    pub fn parse(flags: MessageFlags, body: &'a [u8]) -> Result<Self, MessageError> {
        let available = body.len();
        let short = |needed| MessageError::Body { needed, available };
        let (code, rest) = body.split_first_chunk().ok_or(short(20))?;
        let (header, rest) = rest.split_first_chunk::<HEADER>().ok_or(short(20))?;
        let code = read_i32(*code);
        let (request_len, request) = Header::from_bytes(*header);
        let given_back =
            match (flags.contains(MessageFlags::ACK_TLVS), flags.contains(MessageFlags::CAPPED)) {
                (false, _) => rest.len(),
                (true, true) => 0,
                (true, false) => padded_payload(request_len),
            };
        let (request_payload, tlvs) =
            rest.split_at_checked(given_back).ok_or(short(given_back.saturating_add(20)))?;
        Ok(Self { code, request, request_len, request_payload, ext_ack: ExtAck::new(tlvs) })
    }

    /// Whether it is an acknowledgement, not an error. It may have a [`text`](Self::text) all the
    /// same: a warning.
    #[must_use]
    pub const fn is_ack(&self) -> bool {
        self.code == 0
    }

    /// The errno, positive; 0 in an acknowledgement.
    #[must_use]
    pub const fn errno(&self) -> u32 {
        self.code.unsigned_abs()
    }

    /// The extended acknowledgement.
    #[must_use]
    pub const fn ext_ack(&self) -> ExtAck<'a> {
        self.ext_ack
    }

    /// The kernel's words for it (NLMSGERR_ATTR_MSG).
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        self.ext_ack.text()
    }

    /// Where in the request the offending attribute starts, in bytes from the start of its header
    /// (NLMSGERR_ATTR_OFFS).
    #[must_use]
    pub fn offset(&self) -> Option<u32> {
        self.ext_ack.offset()
    }

    /// The extended acknowledgement's attributes, raw.
    #[must_use]
    pub const fn attrs(&self) -> Attrs<'a> {
        self.ext_ack.attrs()
    }

    /// What the kernel returns of the request after its header, with its padding when attributes
    /// follow.
    #[must_use]
    pub const fn request_payload(&self) -> &'a [u8] {
        self.request_payload
    }

    pub(super) fn emit(self, writer: &mut Writer<'_>) {
        writer.bytes(&write_i32(self.code));
        writer.bytes(&self.request.to_bytes(self.request_len));
        writer.bytes(self.request_payload);
        writer.bytes(self.attrs().as_bytes());
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
    ext_ack: ExtAck<'a>,
}

impl<'a> Done<'a> {
    /// Parses the body of an NLMSG_DONE with these flags: an errno, of which some senders make no
    /// use, and with NLM_F_ACK_TLVS the extended acknowledgement.
    ///
    /// # Errors
    /// [`MessageError::Body`] if it has 1 to 3 bytes.
    pub fn parse(flags: MessageFlags, body: &'a [u8]) -> Result<Self, MessageError> {
        let available = body.len();
        let tlvs = match body.split_first_chunk::<4>() {
            Some((_, rest)) if flags.contains(MessageFlags::ACK_TLVS) => rest,
            None if available > 0 => return Err(MessageError::Body { needed: 4, available }),
            _ => &[],
        };
        Ok(Self { payload: body, ext_ack: ExtAck::new(tlvs) })
    }

    /// The errno that cut the dump short, positive; 0 of a dump that is whole.
    #[must_use]
    pub fn errno(&self) -> u32 {
        self.payload.first_chunk().map_or(0, |code| read_i32(*code).unsigned_abs())
    }

    /// The extended acknowledgement.
    #[must_use]
    pub const fn ext_ack(&self) -> ExtAck<'a> {
        self.ext_ack
    }

    /// The kernel's words for it (NLMSGERR_ATTR_MSG).
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        self.ext_ack.text()
    }

    /// Where in the request the offending attribute starts, in bytes from the start of its header
    /// (NLMSGERR_ATTR_OFFS).
    #[must_use]
    pub fn offset(&self) -> Option<u32> {
        self.ext_ack.offset()
    }

    /// The extended acknowledgement's attributes, raw.
    #[must_use]
    pub const fn attrs(&self) -> Attrs<'a> {
        self.ext_ack.attrs()
    }

    pub(super) fn emit(self, writer: &mut Writer<'_>) {
        writer.bytes(self.payload);
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::MessageType;
    use super::*;
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

    #[test]
    fn the_payload_of_a_request_is_padded_before_the_attributes() {
        for (length, returned) in [(16, 0), (17, 4), (18, 4), (19, 4), (20, 4), (21, 8)] {
            let body = error(-22, length, &[7; 8][..returned], &tlvs());
            let read = ErrorMessage::parse(MessageFlags::ACK_TLVS, &body).unwrap();
            assert_eq!((read.errno(), read.text(), read.offset()), (22, Some("no"), Some(28)));
            assert_eq!((read.request_len, read.request_payload().len()), (length, returned));
            assert_eq!(read.request.kind, MessageType::GETLINK);
            let capped = MessageFlags::ACK_TLVS | MessageFlags::CAPPED;
            let body = error(0, length, &[], &tlvs());
            let read = ErrorMessage::parse(capped, &body).unwrap();
            assert_eq!((read.is_ack(), read.text()), (true, Some("no")));
            assert!(read.request_payload().is_empty());
        }
    }

    #[test]
    fn without_the_flag_all_is_the_requests() {
        for flags in [NONE, MessageFlags::CAPPED] {
            let body = error(-17, 16, &[1, 2, 3], &tlvs());
            let read = ErrorMessage::parse(flags, &body).unwrap();
            assert_eq!((read.errno(), read.text(), read.attrs().count()), (17, None, 0));
            assert_eq!(read.request_payload().len(), 3 + 16);
        }
    }

    #[test]
    fn an_error_that_is_cut_is_refused() {
        let body = error(-17, 23, &[1; 8], &[]);
        for available in 0..28 {
            let read = ErrorMessage::parse(MessageFlags::ACK_TLVS, &body[..available]);
            let needed = if available < 20 { 20 } else { 28 };
            assert_eq!(read.map(drop), Err(MessageError::Body { needed, available }));
        }
        assert!(ErrorMessage::parse(MessageFlags::ACK_TLVS, &body).is_ok());
        // a length that no message has
        let endless = error(-17, u32::MAX, &[1; 8], &[]);
        assert!(ErrorMessage::parse(MessageFlags::ACK_TLVS, &endless).is_err());
        assert!(ErrorMessage::parse(NONE, &endless).is_ok());
        let short = error(-17, 3, &[], &tlvs());
        let read = ErrorMessage::parse(MessageFlags::ACK_TLVS, &short).unwrap();
        assert_eq!(read.text(), Some("no"), "a request shorter than its header has no payload");
    }

    #[test]
    fn the_end_of_a_dump_has_a_reason() {
        let body = [&(-22_i32).to_ne_bytes()[..], &tlvs()].concat();
        let read = Done::parse(MessageFlags::ACK_TLVS, &body).unwrap();
        assert_eq!((read.errno(), read.text(), read.offset()), (22, Some("no"), Some(28)));
        assert_eq!((read.attrs().count(), read.ext_ack().attributes().count()), (2, 2));
        let read = Done::parse(NONE, &body).unwrap();
        assert_eq!((read.errno(), read.text(), read.attrs().count()), (22, None, 0));
        for available in 1..4 {
            let error = MessageError::Body { needed: 4, available };
            for flags in [NONE, MessageFlags::ACK_TLVS] {
                assert_eq!(Done::parse(flags, &body[..available]).map(drop), Err(error));
                assert_eq!(Done::parse(flags, &[]).map(|done| done.errno()), Ok(0));
            }
        }
    }
}
