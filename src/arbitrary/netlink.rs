//! Netlink messages, as far as their lengths go; their values are any bytes.

use core::fmt;

use arbitrary::{Arbitrary, Result, Unstructured};

use super::{CAPACITY, slice};
use crate::netlink::{MessageFlags, MessageType};

/// One message: a header, the fixed part of its type, attributes, nested or not, next hops among
/// them, and sometimes bytes that are not an attribute: after the last, and in nests. Errors and
/// ends of dumps have an extended acknowledgement.
#[derive(Clone, Copy)]
pub struct NetlinkMessage {
    bytes: [u8; CAPACITY],
    len: usize,
    /// Where the attributes begin.
    attrs_at: usize,
    /// Where they end.
    trailing_at: usize,
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

    /// Where the bytes after the last attribute begin, which are not an attribute: at the end of
    /// most messages.
    #[must_use]
    pub const fn trailing_at(&self) -> usize {
        self.trailing_at
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
        let any: u16 = u.int_in_range(0..=64)?;
        let form = u.int_in_range(if depth == 0 { 2 } else { 0 }..=7)?;
        let flag = if u.ratio(1, 4)? { 0x8000 } else { 0 };
        let kind = match form {
            0 => any | 0x8000,
            // RTA_MULTIPATH
            1 => 9 | flag,
            // RTA_VIA
            2 => 18,
            _ => any,
        };
        self.put(&[0; 2]);
        self.put(&kind.to_ne_bytes());
        match form {
            0 => self.attrs(u, 3, depth)?,
            1 => self.next_hops(u, depth)?,
            2 => self.via(u)?,
            _ => self.put(slice(u, 20)?),
        }
        self.set(at, self.len16(at));
        self.align();
        Ok(())
    }

    fn attrs(&mut self, u: &mut Unstructured<'_>, most: usize, depth: usize) -> Result<()> {
        for _ in 0..u.int_in_range(0..=most)? {
            self.attr(u, depth.saturating_sub(1))?;
        }
        self.trailing(u)
    }

    /// `struct rtvia`: a family, and an address that is mostly of its size.
    fn via(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let (family, len): (u16, usize) = *u.choose(&[(2, 4), (10, 16), (10, 4)])?;
        self.put(&family.to_ne_bytes());
        let address: [u8; 16] = u.arbitrary()?;
        self.put(address.get(..len).unwrap_or_default());
        Ok(())
    }

    /// `struct rtnexthop`, some of them, with attributes.
    fn next_hops(&mut self, u: &mut Unstructured<'_>, depth: usize) -> Result<()> {
        for _ in 0..u.int_in_range(0..=3)? {
            let at = self.len;
            self.put(&[0; 2]);
            self.put(&u.arbitrary::<[u8; 6]>()?);
            self.attrs(u, 2, depth)?;
            self.set(at, self.len16(at));
            self.align();
        }
        self.trailing(u)
    }

    /// Appends bytes that are not an attribute: too few, with a length of zero, or with one beyond
    /// the message. Mostly none.
    fn trailing(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        match u.int_in_range(0..=11)? {
            0 => self.put(&[1, 2, 3]),
            1 => self.put(&[0; 12]),
            2 => self.put(&[0xff; 6]),
            _ => {}
        }
        Ok(())
    }

    /// Appends the fixed part of an NLMSG_ERROR: an errno and the request, as far as it is
    /// returned.
    fn request(&mut self, u: &mut Unstructured<'_>, is_capped: bool) -> Result<()> {
        let payload = slice(u, 20)?;
        self.put(&u.arbitrary::<[u8; 4]>()?);
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).saturating_add(16);
        self.put(&length.to_ne_bytes());
        self.put(&u.arbitrary::<[u8; 12]>()?);
        if !is_capped {
            self.put(payload);
            self.align();
        }
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
            (MessageType::DONE, 4),
            (MessageType::ERROR, 20),
        ];
        let (kind, fixed) = *u.choose(&kinds)?;
        let mut flags: u16 = u.arbitrary()?;
        if kind == MessageType::ERROR || kind == MessageType::DONE {
            flags |= MessageFlags::ACK_TLVS.bits();
        }
        let mut message = Self { bytes: [0; CAPACITY], len: 0, attrs_at: 0, trailing_at: 0 };
        message.put(&[0; 4]);
        message.put(&kind.0.to_ne_bytes());
        message.put(&flags.to_ne_bytes());
        message.put(&u.arbitrary::<[u8; 8]>()?);
        if kind == MessageType::ERROR {
            message.request(u, flags & MessageFlags::CAPPED.bits() != 0)?;
        } else {
            let mut fixed_part: [u8; 16] = u.arbitrary()?;
            // The interface index is not negative.
            let has_none = matches!(kind, MessageType::NEWROUTE | MessageType::DELROUTE);
            if let Some(index) = fixed_part.get_mut(4..8).filter(|_| !has_none) {
                index.copy_from_slice(&u.int_in_range(0..=i32::MAX)?.to_ne_bytes());
            }
            message.put(fixed_part.get(..fixed).unwrap_or_default());
        }
        message.attrs_at = message.len;
        for _ in 0..u.int_in_range(0..=8)? {
            message.attr(u, 3)?;
        }
        message.trailing_at = message.len;
        message.trailing(u)?;
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
    /// The first attribute's length is less than its header's: the message does not have
    /// attributes.
    AttrLenShort,
    /// The first attribute's length is more than there is: the message does not have attributes.
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

    /// Where its attributes begin.
    #[must_use]
    pub const fn attrs_at(&self) -> usize {
        self.message.attrs_at
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
        if message.trailing_at == message.attrs_at {
            message.len = message.attrs_at;
            message.put(&4_u16.to_ne_bytes());
            message.put(&1_u16.to_ne_bytes());
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
