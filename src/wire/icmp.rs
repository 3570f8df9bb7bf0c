//! The parts that ICMP for IPv4 and ICMP for IPv6 share: the layout of the header (RFC 792, RFC
//! 4443 section 2.1) and the echo messages.

/// Makes `$header`, which carries a `$message`, and `$packet`, the header with its payload.
macro_rules! icmp {
    (
        $(#[$header_attribute:meta])* $header:ident,
        $(#[$packet_attribute:meta])* $packet:ident,
        $message:ident, $layer:expr
    ) => {
        $crate::wire::header::header! {
            $(#[$header_attribute])*
            #[derive(Debug, Default)]
            pub struct $header: 8 bytes, $layer;
            {
                message_type: u8,
                code: u8,
                checksum: U16,
                rest: [u8; 4],
            }
        }

        impl $header {
            /// Returns the header of a message, its checksum zero.
            #[must_use]
            #[inline]
            pub const fn new(message: $message) -> Self {
                let (message_type, code, rest) = message.encode();
                Self { message_type, code, checksum: U16::ZERO, rest }
            }

            /// The message: type, code and the last four bytes.
            #[must_use]
            #[inline]
            pub const fn message(&self) -> $message {
                $message::decode(self.message_type, self.code, self.rest)
            }

            /// The type.
            #[must_use]
            #[inline]
            pub const fn message_type(&self) -> u8 {
                self.message_type
            }

            /// The code. Its meaning depends on the type.
            #[must_use]
            #[inline]
            pub const fn code(&self) -> u8 {
                self.code
            }

            /// The checksum. 0 is a legal value.
            #[must_use]
            #[inline]
            pub const fn checksum(&self) -> u16 {
                self.checksum.get()
            }

            /// Writes the checksum as given.
            #[inline]
            pub const fn set_checksum_raw(&mut self, checksum: u16) {
                self.checksum = U16::new(checksum);
            }

            /// Updates the checksum, after a part that it covers changed from `old` to `new`: a
            /// field of this header, words of the payload or, for IPv6, an address (RFC 1624).
            #[inline]
            pub fn update_checksum<T: Into<Sum>>(&mut self, old: T, new: T) {
                let sum = checksum::update_sum(self.checksum(), old.into(), new.into());
                self.set_checksum_raw(sum.checksum());
            }

            /// The last four bytes. Their meaning depends on type and code.
            #[must_use]
            #[inline]
            pub const fn rest(&self) -> [u8; 4] {
                self.rest
            }

            /// Writes the last four bytes; the checksum is left stale.
            #[inline]
            pub const fn set_rest_raw(&mut self, rest: [u8; 4]) {
                self.rest = rest;
            }

            /// Writes the last four bytes, and keeps the checksum right (RFC 1624).
            #[inline]
            pub fn set_rest(&mut self, rest: [u8; 4]) {
                let old = u32::from_be_bytes(self.rest);
                self.set_rest_raw(rest);
                self.update_checksum(old, u32::from_be_bytes(rest));
            }

            /// Writes the identifier of an echo request or reply, and keeps the checksum right (RFC
            /// 1624). In other messages these two bytes have another meaning.
            #[inline]
            pub fn set_echo_id(&mut self, id: u16) {
                let [a, b, c, d] = self.rest;
                let [high, low] = id.to_be_bytes();
                self.rest = [high, low, c, d];
                let old = u16::from_be_bytes([a, b]);
                self.set_checksum_raw(checksum::update(self.checksum(), old, id));
            }
        }

        $(#[$packet_attribute])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        pub struct $packet<'a> {
            header: &'a $header,
            payload: &'a [u8],
        }

        impl<'a> $packet<'a> {
            /// Parses the payload of an IP packet.
            ///
            /// # Errors
            /// `Truncated` if there are fewer than 8 bytes.
            #[inline]
            pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
                let (header, payload) = $header::ref_from_prefix(bytes)?;
                Ok(Self { header, payload })
            }

            /// The header.
            #[must_use]
            #[inline]
            pub const fn header(&self) -> &'a $header {
                self.header
            }

            /// What follows the header: an echo's bytes, or the front of the packet that an error
            /// is about.
            #[must_use]
            #[inline]
            pub const fn payload(&self) -> &'a [u8] {
                self.payload
            }
        }
    };
}

pub(super) use icmp;

/// The identifier and sequence number of an echo request or reply, in ICMP for IPv4 (RFC 792) and
/// for IPv6 (RFC 4443 section 4).
///
/// # Examples
///
/// ```
/// use vtep::wire::{Echo, Icmpv4Message, Icmpv6Message};
///
/// let ping = Echo { id: 0x7587, sequence: 1 };
/// assert_ne!(Icmpv4Message::EchoRequest(ping), Icmpv4Message::EchoReply(ping));
/// assert_eq!(Icmpv6Message::EchoReply(ping), Icmpv6Message::EchoReply(ping));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Echo {
    /// The identifier: it tells the sender's conversations apart, as a port does.
    pub id: u16,
    /// The sequence number of the request.
    pub sequence: u16,
}

impl Echo {
    pub(super) const fn to_bytes(self) -> [u8; 4] {
        let ([a, b], [c, d]) = (self.id.to_be_bytes(), self.sequence.to_be_bytes());
        [a, b, c, d]
    }

    pub(super) const fn from_bytes([a, b, c, d]: [u8; 4]) -> Self {
        Self { id: u16::from_be_bytes([a, b]), sequence: u16::from_be_bytes([c, d]) }
    }
}
