//! The error of everything that parses: what is wrong with the bytes, and where.

use core::fmt;

/// The header that was being parsed or built.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Layer {
    /// Ethernet II.
    Ethernet,
    /// An 802.1Q or 802.1ad tag.
    Vlan,
    /// ARP.
    Arp,
    /// The IPv4 header and its options.
    Ipv4,
    /// The IPv6 header.
    Ipv6,
    /// The IPv6 extension headers, taken together.
    Ipv6Extension,
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// ICMP for IPv4.
    Icmpv4,
    /// ICMP for IPv6.
    Icmpv6,
    /// VXLAN.
    Vxlan,
}

impl Layer {
    /// The protocol's name, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ethernet => "ethernet",
            Self::Vlan => "vlan",
            Self::Arp => "arp",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Ipv6Extension => "ipv6 extension",
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Icmpv4 => "icmpv4",
            Self::Icmpv6 => "icmpv6",
            Self::Vxlan => "vxlan",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The kind of fault in a [`ParseError`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// There are fewer bytes than the header has, or than its length field says.
    Truncated {
        /// The bytes that the header, or the length field, requires.
        needed: usize,
        /// The bytes that are available.
        available: usize,
    },
    /// A version, hardware type or other constant has another value.
    Unsupported {
        /// The value that the standard requires.
        expected: u16,
        /// The value that was read.
        found: u16,
    },
    /// A length field is smaller than the header that holds it.
    LengthTooSmall {
        /// The least possible length in bytes.
        min: usize,
        /// The length that was read, in bytes.
        len: usize,
    },
    /// There are more IPv6 extension headers than this crate parses.
    TooManyExtensions {
        /// The most that it parses.
        max: usize,
    },
}

/// Bytes that are not a valid header: which header, at what offset, and why.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ParseError {
    /// The header that was being parsed.
    pub layer: Layer,
    /// The offset of the offending field, in bytes from the start of that header.
    pub offset: usize,
    /// The kind of fault.
    pub kind: ParseErrorKind,
}

impl ParseError {
    /// Returns the error that `layer` needs `needed` bytes and `available` are there.
    #[must_use]
    pub const fn truncated(layer: Layer, needed: usize, available: usize) -> Self {
        Self { layer, offset: available, kind: ParseErrorKind::Truncated { needed, available } }
    }

    /// Returns the error that the constant at `offset` of `layer` is `found`, not `expected`.
    #[must_use]
    pub const fn unsupported(layer: Layer, offset: usize, expected: u16, found: u16) -> Self {
        Self { layer, offset, kind: ParseErrorKind::Unsupported { expected, found } }
    }

    /// Returns the error that the length field at `offset` of `layer` says `len` bytes, less than
    /// the possible `min`.
    #[must_use]
    pub const fn length_too_small(layer: Layer, offset: usize, min: usize, len: usize) -> Self {
        Self { layer, offset, kind: ParseErrorKind::LengthTooSmall { min, len } }
    }

    /// Returns the error that at `offset` of the extension headers of an IPv6 packet one more than
    /// `max` starts.
    #[must_use]
    pub const fn too_many_extensions(offset: usize, max: usize) -> Self {
        let kind = ParseErrorKind::TooManyExtensions { max };
        Self { layer: Layer::Ipv6Extension, offset, kind }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layer, offset, kind } = self;
        match kind {
            ParseErrorKind::Truncated { needed, available } => {
                write!(f, "{layer}: {needed} bytes needed, {available} available")
            }
            ParseErrorKind::Unsupported { expected, found } => {
                write!(f, "{layer}: {found:#x} at byte {offset}, expected {expected:#x}")
            }
            ParseErrorKind::LengthTooSmall { min, len } => {
                write!(f, "{layer}: length {len} at byte {offset}, at least {min} needed")
            }
            ParseErrorKind::TooManyExtensions { max } => {
                write!(f, "{layer}: more than {max} headers, the next at byte {offset}")
            }
        }
    }
}

impl core::error::Error for ParseError {}
