//! Checksum fields that follow an edit, and those that are still to be filled in.

use core::fmt;

use super::Sum;

/// Returns the new checksum of bytes in which a field changed from `old` to `new` (RFC 1624
/// equation 3).
///
/// The field is a word, two of them (`u32`) or an address, at an even offset. For an IPv4 header,
/// TCP and ICMP; for UDP see [`update_udp`].
///
/// # Examples
///
/// A router decrements a TTL, which shares its word with the protocol:
///
/// ```
/// use vtep::checksum::{Sum, update};
///
/// let mut header = [
///     0x45, 0, 0, 0x86, 0xd2, 0xc0, 0x40, 0, 64, 17, 0x51, 0x52, // total length 134, TTL 64, UDP
///     192, 168, 203, 1, 192, 168, 202, 1,
/// ];
/// header[8] -= 1;
/// let checksum = update(0x5152, 0x4011_u16, 0x3f11_u16);
/// header[10..12].copy_from_slice(&checksum.to_be_bytes());
/// assert!(Sum::of(&header).is_valid());
/// ```
///
/// NAT changes an address, in the IPv4 header and in TCP's pseudo-header alike:
///
/// ```
/// # use vtep::checksum::update;
/// use core::net::Ipv4Addr;
///
/// let checksum = update(0x5152, Ipv4Addr::new(192, 168, 203, 1), Ipv4Addr::new(10, 0, 0, 1));
/// assert_eq!(checksum, 0xd2fb);
/// ```
#[must_use]
#[inline]
pub fn update(checksum: u16, old: impl Into<Sum>, new: impl Into<Sum>) -> u16 {
    update_sum(checksum, old.into(), new.into()).checksum()
}

/// Returns the new UDP checksum of bytes in which a field changed from `old` to `new`.
///
/// 0 remains 0, because it says that there is no checksum; and a sum that comes out as 0 is stored
/// as 0xFFFF (RFC 768).
///
/// # Examples
///
/// ```
/// use vtep::checksum::update_udp;
///
/// assert_eq!(update_udp(0x1234, 4789_u16, 8472_u16), 0x03d1);
/// assert_eq!(update_udp(0xfffe, 1_u16, 0_u16), 0xffff);
/// assert_eq!(update_udp(0, 4789_u16, 8472_u16), 0);
/// ```
#[must_use]
#[inline]
pub fn update_udp(checksum: u16, old: impl Into<Sum>, new: impl Into<Sum>) -> u16 {
    match checksum {
        0 => 0,
        _ => update_sum(checksum, old.into(), new.into()).udp_checksum(),
    }
}

/// Returns the sum whose inversion is the new checksum of bytes in which a part with the sum `old`
/// became one with the sum `new`. The part starts at an even offset.
#[inline]
pub(crate) fn update_sum(checksum: u16, old: Sum, new: Sum) -> Sum {
    Sum::word(!checksum) + !old.folded() + new
}

/// Fills in the checksum that a sender left to its NIC: the field holds the sum of the
/// pseudo-header, not inverted, and gets the checksum of everything from `start` to the end of
/// `bytes`.
///
/// `start` and `offset` are `csum_start` and `csum_offset` of `struct virtio_net_hdr`: where the
/// TCP or UDP header is in `bytes`, and where the field is, counted from there. `bytes` ends where
/// the packet does, without padding. A checksum that comes out as 0 is stored as 0xFFFF whatever
/// the protocol, as Linux `skb_checksum_help` does: UDP needs that, and others take both.
///
/// # Errors
/// [`CompleteError::OutOfBounds`] if the field is not within `bytes`, [`CompleteError::OddOffset`]
/// if it is not one of the words that are summed. `bytes` is unchanged.
///
/// # Examples
///
/// UDP over IPv4, as a virtio or TUN device hands it over:
///
/// ```
/// use vtep::checksum::{self, Sum};
///
/// let mut packet = [
///     0x45, 0, 0, 30, 0, 0, 0x40, 0, 64, 17, 0x26, 0xcd, 10, 0, 0, 1, 10, 0, 0, 2, // IPv4
///     0x04, 0xd2, 0, 53, 0, 10, 0x14, 0x1e, b'h', b'i', // UDP; sum of the pseudo-header
/// ];
/// checksum::complete(&mut packet, 20, 6)?;
/// let pseudo_header = Sum::of(&packet[12..20]) + 17 + 10;
/// assert!((pseudo_header + Sum::of(&packet[20..])).is_valid());
/// # Ok::<(), checksum::CompleteError>(())
/// ```
pub fn complete(bytes: &mut [u8], start: usize, offset: usize) -> Result<(), CompleteError> {
    if offset % 2 != 0 {
        return Err(CompleteError::OddOffset { offset });
    }
    let needed = start.saturating_add(offset).saturating_add(2);
    let error = CompleteError::OutOfBounds { needed, available: bytes.len() };
    let summed = bytes.get_mut(start..).ok_or(error)?;
    let checksum = Sum::of(summed).udp_checksum();
    let field = summed.get_mut(offset..).and_then(<[u8]>::first_chunk_mut).ok_or(error)?;
    *field = checksum.to_be_bytes();
    Ok(())
}

/// A checksum field that [`complete`] cannot fill in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CompleteError {
    /// The field is not within the bytes.
    OutOfBounds {
        /// The bytes that there would have to be.
        needed: usize,
        /// The bytes that there are.
        available: usize,
    },
    /// The field is at an odd offset of what is summed.
    OddOffset {
        /// The offset.
        offset: usize,
    },
}

impl fmt::Display for CompleteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfBounds { needed, available } => {
                write!(f, "the checksum needs {needed} bytes, {available} are available")
            }
            Self::OddOffset { offset } => write!(f, "the checksum field is at odd offset {offset}"),
        }
    }
}

impl core::error::Error for CompleteError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_1624_equation_3() {
        // The RFC's own example, then the edges: (HC, m, m') -> HC'.
        for (checksum, old, new, want) in [
            (0xdd2f, 0x5555_u16, 0x3285_u16, 0x0000),
            (0x0000, 0x0001, 0x0001, 0x0000),
            (0xffff, 0x0000, 0x0000, 0x0000),
            (0x1234, 0x0000, 0xffff, 0x1234),
            (0x1234, 0xffff, 0x0000, 0x1234),
            (0xfffe, 0x0001, 0x0000, 0x0000),
        ] {
            assert_eq!(update(checksum, old, new), want, "{checksum:04x} {old:04x} {new:04x}");
        }
    }

    #[test]
    fn udp_zero_stays_none_and_is_never_made() {
        assert_eq!(update_udp(0, 0x1234_u16, 0x4321_u16), 0);
        assert_eq!(update_udp(0xfffe, 0x0001_u16, 0x0000_u16), 0xffff);
        assert_eq!(Sum::word(0xffff).udp_checksum(), 0xffff);
    }

    #[test]
    fn a_ttl_decrement_as_flannels_proxy_does_it() {
        // TTL 64 -> 63 beside protocol 17 adds 0x0100 with end-around carry.
        for (before, after) in [
            (0x0000, 0x0100),
            (0x1234, 0x1334),
            (0xfe00, 0xff00),
            (0xfeff, 0x0000),
            (0xff00, 0x0001),
            (0xfffe, 0x00ff),
            (0x5152, 0x5252),
            (0xfdff, 0xfeff),
        ] {
            assert_eq!(update(before, 0x4011_u16, 0x3f11_u16), after, "{before:04x}");
        }
    }

    #[test]
    fn a_field_of_two_words_or_an_address_is_its_words() {
        let words = |checksum, old: [u16; 2], new: [u16; 2]| {
            update(update(checksum, old[0], new[0]), old[1], new[1])
        };
        for (old, new) in [(0x1234_5678, 0xffff_0000), (0xffff_0001, 0x8000_8000), (0, 1)] {
            let split = |both: u32| [(both >> 16) as u16, both as u16];
            assert_eq!(update(0x5152, old, new), words(0x5152, split(old), split(new)));
        }
        // `fd00::1` for `fd00::2` in 16 bytes of a header, by definition.
        let old: core::net::Ipv6Addr = "fd00:1:2:3::1".parse().unwrap();
        let new: core::net::Ipv6Addr = "2001:db8:ffff::ffff".parse().unwrap();
        let checksum = (Sum::of(&old.octets()) + 0x1234).checksum();
        let wanted = (Sum::of(&new.octets()) + 0x1234).checksum();
        assert_eq!(update(checksum, old, new), wanted);
    }

    #[test]
    fn a_field_outside_or_at_an_odd_offset_changes_nothing() {
        let packet = [7; 30];
        for (start, offset, error) in [
            (20, 9, CompleteError::OddOffset { offset: 9 }),
            (20, 10, CompleteError::OutOfBounds { needed: 32, available: 30 }),
            (29, 0, CompleteError::OutOfBounds { needed: 31, available: 30 }),
            (31, 0, CompleteError::OutOfBounds { needed: 33, available: 30 }),
            (usize::MAX, 6, CompleteError::OutOfBounds { needed: usize::MAX, available: 30 }),
        ] {
            let mut bytes = packet;
            assert_eq!(complete(&mut bytes, start, offset), Err(error));
            assert_eq!(bytes, packet);
        }
        assert_eq!(complete(&mut [0, 0], 0, 0), Ok(()));
    }

    #[test]
    fn a_completed_zero_is_sent_as_all_ones() {
        // The words sum to 0xffff, so the checksum would be 0.
        let mut bytes = [0xff, 0xff, 0x12, 0x34, 0xed, 0xca, 0, 1];
        assert_eq!(complete(&mut bytes, 2, 2), Ok(()));
        assert_eq!(bytes, [0xff, 0xff, 0x12, 0x34, 0xff, 0xff, 0, 1]);
        let mut bytes = [0x12, 0x34, 0xed, 0xcb];
        assert_eq!(complete(&mut bytes, 0, 2), Ok(()));
        assert_eq!(bytes, [0x12, 0x34, 0xff, 0xff]);
    }
}
