//! What ICMP for IPv4 and for IPv6 share: the layout of the header (RFC 792, RFC 4443 section 2.1) and the
//! echo messages.
//!
//! ```text
//! |     Type      |     Code      |           Checksum            |
//! |             what Type and Code give a meaning                 |
//! ```

/// Makes `$header`, whose meaning is a `$message`.
macro_rules! header {
    ($header:ident, $message:ident, $layer:expr) => {
        /// The ICMP header: 8 bytes, any bytes. The message that it says is one of this IP version's.
        #[derive(
            Clone,
            Copy,
            PartialEq,
            Eq,
            Hash,
            Debug,
            Default,
            FromBytes,
            IntoBytes,
            KnownLayout,
            Immutable,
            Unaligned,
        )]
        #[repr(C)]
        pub struct $header {
            message_type: u8,
            code: u8,
            checksum: U16,
            rest: [u8; 4],
        }

        view!($header, 8, $layer);

        impl $header {
            /// The header of a message, its checksum not yet filled.
            #[must_use]
            #[inline]
            pub const fn new(message: $message) -> Self {
                let (message_type, code, rest) = message.encode();
                Self { message_type, code, checksum: U16::ZERO, rest }
            }

            /// What the header says.
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

            /// The code, which a type gives its meaning.
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

            /// The last four bytes, which type and code give their meaning.
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

            /// Writes the identifier of an echo request or reply, and keeps the checksum right (RFC 1624). In other
            /// messages these two bytes are something else.
            #[inline]
            pub fn set_echo_id(&mut self, id: u16) {
                let [a, b, c, d] = self.rest;
                let [high, low] = id.to_be_bytes();
                self.rest = [high, low, c, d];
                let old = u16::from_be_bytes([a, b]);
                self.set_checksum_raw(checksum::update(self.checksum(), old, id));
            }
        }
    };
}

pub(super) use header;

/// What echo requests and replies say, in ICMP for IPv4 and for IPv6.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Echo {
    /// Who asks: a port's twin.
    pub id: u16,
    /// Which of the requests.
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
