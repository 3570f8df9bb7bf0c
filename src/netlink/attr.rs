//! Attributes: length, type, value, padded to four bytes (`struct nlattr`, `include/uapi/linux/netlink.h`).

use core::fmt;

use bitflags::bitflags;

use super::native::read_u16;

/// The bits of an attribute's type field that number the type (NLA_TYPE_MASK).
const TYPE_MASK: u16 = 0x3fff;

bitflags! {
    /// The bits of an attribute's type field that do not number the type.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub struct AttrFlags: u16 {
        /// The value is attributes (NLA_F_NESTED). The kernel and iproute2 leave it out of old nests.
        const NESTED = 0x8000;
        /// The value is in network byte order (NLA_F_NET_BYTEORDER).
        const NET_BYTEORDER = 0x4000;
    }
}

/// One attribute, raw.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Attr<'a> {
    raw_type: u16,
    value: &'a [u8],
    padding: &'a [u8],
}

impl<'a> Attr<'a> {
    /// An attribute with this type field, flag bits included, and this value.
    #[must_use]
    pub const fn new(raw_type: u16, value: &'a [u8]) -> Self {
        Self { raw_type, value, padding: &[] }
    }

    /// The type, without the flag bits.
    #[must_use]
    pub const fn kind(self) -> u16 {
        self.raw_type & TYPE_MASK
    }

    /// The type field as it stands, flag bits included.
    #[must_use]
    pub const fn raw_type(self) -> u16 {
        self.raw_type
    }

    /// The flag bits of the type field.
    #[must_use]
    pub const fn flags(self) -> AttrFlags {
        AttrFlags::from_bits_truncate(self.raw_type)
    }

    /// The value, without padding.
    #[must_use]
    pub const fn value(self) -> &'a [u8] {
        self.value
    }

    /// What follows the value up to a multiple of four bytes: none in the last attribute of some, and not always zeros
    /// in iproute2's.
    #[must_use]
    pub const fn padding(self) -> &'a [u8] {
        self.padding
    }

    /// The attributes that the value holds. Whether it is a nest only its type's definition says.
    #[must_use]
    pub const fn nested(self) -> Attrs<'a> {
        Attrs::new(self.value)
    }
}

/// A walk over attributes. Each is checked against the bytes that are there; the first that is none is
/// returned as an error and ends the walk.
#[derive(Clone, Copy)]
pub struct Attrs<'a> {
    rest: &'a [u8],
    length: usize,
}

impl fmt::Debug for Attrs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}

impl<'a> Attrs<'a> {
    /// A walk over these bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, length: bytes.len() }
    }

    /// The bytes that are still to be walked.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.rest
    }

    /// Walks all of it once.
    ///
    /// # Errors
    /// The first attribute that is none.
    pub fn check(self) -> Result<Self, AttrError> {
        for attr in self {
            attr?;
        }
        Ok(self)
    }

    /// The attribute of this type (flag bits aside). Of several the last, as the kernel's `nla_parse` takes it.
    #[must_use]
    pub fn find(self, kind: u16) -> Option<Attr<'a>> {
        self.map_while(Result::ok).filter(|attr| attr.kind() == kind).last()
    }
}

impl<'a> Iterator for Attrs<'a> {
    type Item = Result<Attr<'a>, AttrError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let offset = self.length.wrapping_sub(self.rest.len());
        let taken = split_attr(self.rest);
        self.rest = taken.map_or(&[], |(_, rest)| rest);
        Some(taken.map(|(attr, _)| attr).ok_or(AttrError { offset }))
    }
}

/// The first attribute and what follows its padding.
fn split_attr(bytes: &[u8]) -> Option<(Attr<'_>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (raw_type, _) = rest.split_first_chunk()?;
    let length = usize::from(read_u16(*length));
    let value = bytes.get(4..length)?;
    let end = length.next_multiple_of(4).min(bytes.len());
    let attr = Attr { raw_type: read_u16(*raw_type), value, padding: bytes.get(length..end)? };
    Some((attr, bytes.get(end..)?))
}

/// An attribute whose length field is below its own header or beyond the bytes there are, or too few bytes
/// for a header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AttrError {
    /// Where it starts, in bytes from the start of the attributes.
    pub offset: usize,
}

impl fmt::Display for AttrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no attribute at byte {}", self.offset)
    }
}

impl core::error::Error for AttrError {}

#[cfg(test)]
mod tests {
    use super::super::native::write_u16;
    use super::*;
    use std::vec::Vec;

    fn attr(length: u16, raw_type: u16, rest: &[u8]) -> Vec<u8> {
        [&write_u16(length), &write_u16(raw_type), rest].concat()
    }

    #[test]
    fn walks_to_the_end_with_and_without_the_last_padding() {
        let bytes =
            [attr(7, 0x8001, &[1, 2, 3, 9]), attr(4, 2, &[]), attr(5, 0x4003, &[4])].concat();
        let attrs: Vec<Attr<'_>> = Attrs::new(&bytes).map(Result::unwrap).collect();
        let read: Vec<_> =
            attrs.iter().map(|attr| (attr.kind(), attr.value(), attr.padding())).collect();
        assert_eq!(read, [(1, &[1, 2, 3][..], &[9][..]), (2, &[], &[]), (3, &[4], &[])]);
        assert_eq!(attrs[0].flags(), AttrFlags::NESTED);
        assert_eq!(attrs[2].flags(), AttrFlags::NET_BYTEORDER);
    }

    #[test]
    fn stops_at_the_first_that_is_none() {
        let good = attr(8, 1, &[0; 4]);
        for bad in
            [attr(0, 1, &[]), attr(3, 1, &[]), attr(9, 1, &[0; 4]), [4, 0, 1].into(), [0].into()]
        {
            let bytes = [&good[..], &bad].concat();
            let mut attrs = Attrs::new(&bytes);
            assert!(attrs.next().unwrap().is_ok());
            assert_eq!(attrs.next(), Some(Err(AttrError { offset: 8 })), "{bad:?}");
            assert_eq!(attrs.next(), None);
        }
    }

    #[test]
    fn takes_the_last_of_several() {
        let bytes =
            [attr(8, 1, &[1; 4]), attr(8, 1 | 0x8000, &[2; 4]), attr(8, 2, &[3; 4])].concat();
        assert_eq!(Attrs::new(&bytes).find(1).unwrap().value(), [2; 4]);
        assert_eq!(Attrs::new(&bytes).find(3), None);
    }
}
