//! Attributes: length, type, value, padded to four bytes (`struct nlattr`,
//! `include/uapi/linux/netlink.h`).

use core::fmt;
use core::iter::FusedIterator;

use bitflags::bitflags;

use super::native::read_u16;

/// The bits of an attribute's type field that number the type (NLA_TYPE_MASK).
const TYPE_MASK: u16 = 0x3fff;

bitflags! {
    /// The bits of an attribute's type field that do not number the type.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub struct AttrFlags: u16 {
        /// The value is attributes (NLA_F_NESTED). The kernel and iproute2 leave it out of old
        /// nests.
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

    /// What follows the value up to a multiple of four bytes: none in the last attribute of some,
    /// and not always zeros in iproute2's.
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

/// A walk over attributes, as Linux walks them (`nla_for_each_attr`, `include/net/netlink.h`): it
/// ends at the first bytes that are not an attribute, because fewer are left than a header has, or
/// because the length field is below the header's own length or beyond the bytes that are left.
///
/// Linux takes a request with such trailing bytes and warns of them, unless the message type is
/// parsed strictly (`nla_parse`, `lib/nlattr.c`). [`trailing`](Self::trailing) returns them,
/// [`check`](Self::check) refuses them. The kernel itself sends none.
///
/// # Examples
/// ```
/// use vtep::netlink::Attrs;
///
/// let length = 8_u16.to_ne_bytes();
/// let kind = 4_u16.to_ne_bytes();
/// let bytes = [&length[..], &kind, &[0, 0, 0, 7], &[9, 9]].concat();
/// let attrs = Attrs::new(&bytes);
/// assert_eq!(attrs.trailing(), [9, 9]);
/// assert_eq!(attrs.clone().check().unwrap_err().offset, 8);
/// assert_eq!(attrs.count(), 1);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Attrs<'a> {
    rest: &'a [u8],
}

impl fmt::Debug for Attrs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<'a> Attrs<'a> {
    /// A walk over these bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes that are still to be walked, trailing bytes included.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.rest
    }

    /// Returns the bytes after the last attribute, which are not an attribute; empty in most
    /// messages.
    #[must_use]
    pub fn trailing(&self) -> &'a [u8] {
        let mut rest = self.rest;
        while let Some((_, after)) = split_attr(rest) {
            rest = after;
        }
        rest
    }

    /// Checks that the attributes take up all bytes, as Linux does for the message types that it
    /// parses strictly.
    ///
    /// # Errors
    /// [`AttrError`] with the place of the first byte that is not in an attribute.
    pub fn check(self) -> Result<Self, AttrError> {
        match self.trailing() {
            [] => Ok(self),
            // trailing bytes are the end of the bytes
            trailing => Err(AttrError { offset: self.rest.len().saturating_sub(trailing.len()) }),
        }
    }

    /// Returns the attribute of this type (flag bits aside), of several the last, as Linux reads
    /// most of them (`nla_parse`).
    #[must_use]
    pub fn find(&self, kind: u16) -> Option<Attr<'a>> {
        self.clone().filter(|attr| attr.kind() == kind).last()
    }
}

impl<'a> Iterator for Attrs<'a> {
    type Item = Attr<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (attr, rest) = split_attr(self.rest)?;
        self.rest = rest;
        Some(attr)
    }
}

impl FusedIterator for Attrs<'_> {}

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

/// Bytes that are not an attribute: fewer than a header has, or with a length field below the
/// header's own length or beyond the bytes there are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct AttrError {
    /// Where it starts, in bytes from the start of the attributes.
    pub offset: usize,
}

impl fmt::Display for AttrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes that are not an attribute at byte {}", self.offset)
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
        let attrs: Vec<Attr<'_>> = Attrs::new(&bytes).collect();
        let read: Vec<_> =
            attrs.iter().map(|attr| (attr.kind(), attr.value(), attr.padding())).collect();
        assert_eq!(read, [(1, &[1, 2, 3][..], &[9][..]), (2, &[], &[]), (3, &[4], &[])]);
        assert_eq!(attrs[0].flags(), AttrFlags::NESTED);
        assert_eq!(attrs[2].flags(), AttrFlags::NET_BYTEORDER);
    }

    /// `nla_ok`: what Linux takes for the end, whatever follows.
    #[test]
    fn ends_at_the_first_bytes_that_are_not_an_attribute() {
        let good = attr(8, 1, &[0; 4]);
        let (zero, short) = (attr(0, 1, &[]), attr(3, 1, &[]));
        let beyond = attr(9, 1, &[0; 4]);
        let before_another = [&zero[..], &good].concat();
        for bad in [zero, short, beyond, before_another, [4, 0, 1].into(), [0].into()] {
            let bytes = [&good[..], &bad].concat();
            let mut attrs = Attrs::new(&bytes);
            assert_eq!(attrs.trailing(), bad);
            assert_eq!(attrs.clone().check(), Err(AttrError { offset: 8 }), "{bad:?}");
            assert!(attrs.next().is_some());
            assert_eq!((attrs.next(), attrs.next()), (None, None));
            assert_eq!(attrs.as_bytes(), bad);
            assert_eq!(attrs.clone().check(), Err(AttrError { offset: 0 }));
        }
        assert_eq!(Attrs::new(&good).check(), Ok(Attrs::new(&good)));
        assert!(Attrs::new(&good).trailing().is_empty());
    }

    #[test]
    fn takes_the_last_of_several() {
        let bytes =
            [attr(8, 1, &[1; 4]), attr(8, 1 | 0x8000, &[2; 4]), attr(8, 2, &[3; 4])].concat();
        assert_eq!(Attrs::new(&bytes).find(1).unwrap().value(), [2; 4]);
        assert_eq!(Attrs::new(&bytes).find(3), None);
    }
}
