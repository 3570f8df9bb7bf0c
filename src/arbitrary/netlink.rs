//! Netlink messages, as far as their lengths go; their values are any bytes.

use core::fmt;

use arbitrary::{Arbitrary, Result, Unstructured};

use super::{CAPACITY, slice};
use crate::netlink::MessageType;

/// One message: a header, the fixed part of its type, and attributes, nested or not.
#[derive(Clone, Copy)]
pub struct NetlinkMessage {
    bytes: [u8; CAPACITY],
    len: usize,
    /// Where the attributes begin.
    attrs_at: usize,
}

impl NetlinkMessage {
    /// The message.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Where its attributes begin.
    #[must_use]
    pub const fn attrs_at(&self) -> usize {
        self.attrs_at
    }

    fn put(&mut self, bytes: &[u8]) {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        for (to, from) in room.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.len = self.len.saturating_add(bytes.len()).min(CAPACITY);
    }

    fn set<const N: usize>(&mut self, at: usize, value: [u8; N]) {
        let room = self.bytes.get_mut(at..).and_then(|room| room.first_chunk_mut());
        if let Some(room) = room {
            *room = value;
        }
    }

    fn len16(&self, at: usize) -> [u8; 2] {
        u16::try_from(self.len.saturating_sub(at)).unwrap_or(u16::MAX).to_ne_bytes()
    }

    /// Appends an attribute, `depth` levels of nesting below it at most.
    fn attr(&mut self, u: &mut Unstructured<'_>, depth: usize) -> Result<()> {
        let at = self.len;
        let kind: u16 = u.int_in_range(0..=64)?;
        let is_nested = depth > 0 && u.ratio(1, 4)?;
        self.put(&[0; 2]);
        self.put(&(kind | if is_nested { 0x8000 } else { 0 }).to_ne_bytes());
        if is_nested {
            for _ in 0..u.int_in_range(0..=3)? {
                self.attr(u, depth.saturating_sub(1))?;
            }
        } else {
            self.put(slice(u, 20)?);
        }
        self.set(at, self.len16(at));
        self.align();
        Ok(())
    }

    fn align(&mut self) {
        while self.len & 3 != 0 && self.len < CAPACITY {
            self.put(&[0]);
        }
    }
}

impl fmt::Debug for NetlinkMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NetlinkMessage").field(&self.as_bytes()).finish()
    }
}

impl<'a> Arbitrary<'a> for NetlinkMessage {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let kinds = [
            (MessageType::NEWLINK, 16),
            (MessageType::DELLINK, 16),
            (MessageType::NEWADDR, 8),
            (MessageType::DELADDR, 8),
            (MessageType::NEWROUTE, 12),
            (MessageType::DELROUTE, 12),
            (MessageType::NEWNEIGH, 12),
            (MessageType::DELNEIGH, 12),
        ];
        let (MessageType(kind), fixed) = *u.choose(&kinds)?;
        let mut message =
            Self { bytes: [0; CAPACITY], len: 0, attrs_at: 16_usize.saturating_add(fixed) };
        message.put(&[0; 4]);
        message.put(&kind.to_ne_bytes());
        message.put(&u.arbitrary::<[u8; 10]>()?);
        let fixed_part: [u8; 16] = u.arbitrary()?;
        message.put(fixed_part.get(..fixed).unwrap_or_default());
        for _ in 0..u.int_in_range(0..=8)? {
            message.attr(u, 3)?;
        }
        let len = u32::try_from(message.len).unwrap_or(u32::MAX);
        message.set(0, len.to_ne_bytes());
        Ok(message)
    }
}

/// What is wrong with a [`NearlyValidMessage`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MessageFlaw {
    /// The message's length is less than its header's.
    LenShort,
    /// The message's length is more than there is.
    LenLong,
    /// The first attribute's length is less than its header's.
    AttrLenShort,
    /// The first attribute's length is more than there is.
    AttrLenLong,
}

/// A [`NetlinkMessage`] with one wrong length.
#[derive(Clone, Copy, Debug)]
pub struct NearlyValidMessage {
    message: NetlinkMessage,
    flaw: MessageFlaw,
}

impl NearlyValidMessage {
    /// The message.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.message.as_bytes()
    }

    /// What is wrong.
    #[must_use]
    pub const fn flaw(&self) -> MessageFlaw {
        self.flaw
    }
}

impl<'a> Arbitrary<'a> for NearlyValidMessage {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        use MessageFlaw::{AttrLenLong, AttrLenShort, LenLong, LenShort};
        let flaw = *u.choose(&[LenShort, LenLong, AttrLenShort, AttrLenLong])?;
        let mut message = NetlinkMessage::arbitrary(u)?;
        if message.len == message.attrs_at {
            message.put(&[4, 0, 1, 0]);
            let len = u32::try_from(message.len).unwrap_or(u32::MAX);
            message.set(0, len.to_ne_bytes());
        }
        let len = u32::try_from(message.len).unwrap_or(u32::MAX);
        match flaw {
            LenShort => message.set(0, u.int_in_range(0..=15_u32)?.to_ne_bytes()),
            LenLong => message.set(0, len.saturating_add(1).to_ne_bytes()),
            AttrLenShort => message.set(message.attrs_at, u.int_in_range(0..=3_u16)?.to_ne_bytes()),
            AttrLenLong => message.set(message.attrs_at, u16::MAX.to_ne_bytes()),
        }
        Ok(Self { message, flaw })
    }
}
