//! Laying a message into a buffer of the caller's.

use core::fmt;

use super::attr::AttrFlags;
use super::header::Header;
use super::native::write_u16;

/// The most bytes of an attribute, its header included.
const ATTR_MAX: usize = 0xffff;

/// The most bytes of a message.
const MESSAGE_MAX: usize = 0xffff_ffff;

/// Writes a message at the start of `buffer` and returns its length in bytes: the header, then what
/// `body` writes.
///
/// `body` is called twice, first with no buffer to learn the length; it must write the same both
/// times.
///
/// # Errors
/// [`RequestError`]; the buffer is then as it was.
pub fn build(
    buffer: &mut [u8],
    header: Header,
    body: impl Fn(&mut Writer<'_>),
) -> Result<usize, RequestError> {
    let measured = lay(&mut [], header, 0, &body);
    if let Some(length) = measured.too_long {
        return Err(RequestError::TooLong { len: length, max: ATTR_MAX });
    }
    let length = measured.length;
    let total = u32::try_from(length)
        .map_err(|_| RequestError::TooLong { len: length, max: MESSAGE_MAX })?;
    let available = buffer.len();
    let Some(room) = buffer.get_mut(..length) else {
        return Err(RequestError::BufferTooSmall { needed: length, available });
    };
    lay(room, header, total, &body);
    Ok(length)
}

fn lay<'b>(
    buffer: &'b mut [u8],
    header: Header,
    total: u32,
    body: impl Fn(&mut Writer<'_>),
) -> Writer<'b> {
    let mut writer = Writer { buffer, length: 0, padding: 0, too_long: None };
    writer.bytes(&header.to_bytes(total));
    body(&mut writer);
    writer
}

/// Writes the body of a message. It counts what finds no room, so that [`build`] can tell how much
/// was needed.
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    length: usize,
    /// Bytes of padding after the last attribute.
    padding: usize,
    too_long: Option<usize>,
}

impl Writer<'_> {
    /// Appends bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.put(self.length, bytes);
        self.length = self.length.saturating_add(bytes.len());
    }

    /// Appends an attribute with this type field and this value, then zeros to a multiple of four
    /// bytes.
    pub fn attr(&mut self, raw_type: u16, value: &[u8]) {
        self.framed(raw_type, |writer| writer.bytes(value));
    }

    /// Appends an attribute whose value is the attributes that `body` writes; NLA_F_NESTED is set
    /// as asked.
    pub fn nested(&mut self, kind: u16, flagged: bool, body: impl FnOnce(&mut Self)) {
        let flag = if flagged { AttrFlags::NESTED } else { AttrFlags::empty() };
        self.framed(kind | flag.bits(), body);
    }

    fn framed(&mut self, raw_type: u16, body: impl FnOnce(&mut Self)) {
        let start = self.length;
        self.bytes(&[0; 2]);
        self.bytes(&write_u16(raw_type));
        body(self);
        let length = self.length.saturating_sub(start);
        match u16::try_from(length) {
            Ok(length) => self.put(start, &write_u16(length)),
            Err(_) => self.too_long = self.too_long.or(Some(length)),
        }
        self.align();
    }

    fn align(&mut self) {
        let padding: &[u8] = match self.length % 4 {
            1 => &[0; 3],
            2 => &[0; 2],
            3 => &[0; 1],
            _ => &[],
        };
        self.bytes(padding);
        self.padding = padding.len();
    }

    /// Puts in the place of the zeros after the last attribute the padding that it was read with.
    pub(super) fn pad_as_read(&mut self, padding: &[u8]) {
        self.length = self.length.saturating_sub(self.padding);
        self.bytes(padding);
        self.padding = padding.len();
    }

    fn put(&mut self, start: usize, bytes: &[u8]) {
        for (to, from) in self.buffer.iter_mut().skip(start).zip(bytes) {
            *to = *from;
        }
    }
}

/// A message that cannot be laid into the buffer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum RequestError {
    /// The buffer is shorter than the message.
    BufferTooSmall {
        /// Bytes of the message.
        needed: usize,
        /// Bytes of the buffer.
        available: usize,
    },
    /// An attribute is longer than its 16-bit length field can say, or a message than its 32-bit
    /// one.
    TooLong {
        /// Its bytes, header included.
        len: usize,
        /// The most that the length field can say.
        max: usize,
    },
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed, available } => {
                write!(f, "the message needs {needed} bytes, the buffer has {available}")
            }
            Self::TooLong { len, max } => {
                write!(f, "{len} bytes, at most {max} fit the length field")
            }
        }
    }
}

impl core::error::Error for RequestError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::{Attrs, MessageFlags, MessageType, Messages};
    use std::vec::Vec;

    const HEADER: Header = Header::request(MessageType::NEWROUTE, MessageFlags::CHANGE, 7);

    #[test]
    fn nests_and_pads() {
        let mut buffer = [0xaa; 64];
        let length = build(&mut buffer, HEADER, |writer| {
            writer.nested(1, true, |writer| {
                writer.attr(2, &[1, 2, 3]);
                writer.nested(3, false, |writer| writer.attr(4, &[5]));
            });
        });
        assert_eq!(length, Ok(16 + 4 + 8 + 4 + 8));
        let message = Messages::new(&buffer[..40]).next().unwrap().unwrap();
        assert_eq!(message.header, HEADER);
        let outer = Attrs::new(message.payload()).next().unwrap();
        assert_eq!((outer.raw_type(), outer.value().len()), (0x8001, 20));
        let inner: Vec<_> = outer.nested().collect();
        assert_eq!((inner[0].value(), inner[0].padding()), (&[1, 2, 3][..], &[0][..]));
        assert_eq!(inner[1].nested().next().unwrap().value(), [5]);
    }

    #[test]
    fn refuses_what_no_length_field_can_say() {
        let value = std::vec![0; 65532];
        let mut buffer = std::vec![0xaa; 70000];
        let result = build(&mut buffer, HEADER, |writer| writer.attr(1, &value));
        assert_eq!(result, Err(RequestError::TooLong { len: 65536, max: 65535 }));
        assert!(buffer.iter().all(|byte| *byte == 0xaa));
        assert_eq!(
            build(&mut buffer, HEADER, |writer| writer.attr(1, &value[1..])),
            Ok(16 + 65536)
        );
    }
}
