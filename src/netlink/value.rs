//! The types of attribute values, and the table from which each message's attribute type is made.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::MacAddr;

use super::attr::{Attr, AttrFlags, Attrs};
use super::ifindex::IfIndex;
use super::native::{read_i32, read_u16, read_u32, write_i32, write_u16, write_u32};
use super::writer::Writer;

/// An address family (`AF_*`, `include/linux/socket.h`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Family(pub u8);

impl Family {
    /// Any (AF_UNSPEC).
    pub const UNSPEC: Self = Self(0);
    /// IPv4 (AF_INET).
    pub const INET: Self = Self(2);
    /// A bridge or vxlan FDB (AF_BRIDGE).
    pub const BRIDGE: Self = Self(7);
    /// IPv6 (AF_INET6).
    pub const INET6: Self = Self(10);

    /// The family of this address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::INET,
            IpAddr::V6(_) => Self::INET6,
        }
    }
}

/// A string attribute as it came, with its NUL when it has one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text<'a>(pub &'a [u8]);

impl<'a> Text<'a> {
    /// The text up to the first NUL; nothing when that is not UTF-8.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        core::str::from_utf8(self.0.get(..end)?).ok()
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str() {
            Some(text) => fmt::Debug::fmt(text, f),
            None => fmt::Debug::fmt(self.0, f),
        }
    }
}

/// An attribute of attributes (`struct nlattr` with a payload of `struct nlattr`).
#[derive(Clone, Copy, Debug)]
pub struct Nested<'a> {
    /// Whether its type field has NLA_F_NESTED, which old nests lack.
    pub flagged: bool,
    bytes: &'a [u8],
}

impl<'a> Nested<'a> {
    /// The attributes in it. Linux warns of [trailing](Attrs::trailing) bytes here too, and goes
    /// on.
    #[must_use]
    pub const fn attrs(self) -> Attrs<'a> {
        Attrs::new(self.bytes)
    }
}

/// A type that an attribute's value can have.
pub(super) trait Value<'a>: Sized {
    /// The value, if the attribute has one of this type and can be written again from it alone.
    fn read(attr: Attr<'a>) -> Option<Self>;

    /// Appends an attribute of this type with this value.
    fn write(&self, kind: u16, writer: &mut Writer<'_>);
}

/// The value, if no flag bit says that it is something else.
fn plain(attr: Attr<'_>) -> Option<&[u8]> {
    attr.flags().is_empty().then_some(attr.value())
}

/// Values of a fixed size: from and to an array.
macro_rules! fixed {
    ($($(#[$note:meta])* $type:ty, $read:expr, $write:expr;)*) => {$(
        impl Value<'_> for $type {
            fn read(attr: Attr<'_>) -> Option<Self> {
                Some($read(plain(attr)?.try_into().ok()?))
            }

            fn write(&self, kind: u16, writer: &mut Writer<'_>) {
                writer.attr(kind, &$write(*self));
            }
        }
    )*};
}

/// A 16-bit integer in network byte order, such as a UDP port.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Be16(pub u16);

/// A 32-bit integer in network byte order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Be32(pub u32);

fixed! {
    u8, u8::from_ne_bytes, u8::to_ne_bytes;
    u16, read_u16, write_u16;
    u32, read_u32, write_u32;
    i32, read_i32, write_i32;
    Be16, |bytes| Be16(u16::from_be_bytes(bytes)), |port: Be16| port.0.to_be_bytes();
    Be32, |bytes| Be32(u32::from_be_bytes(bytes)), |label: Be32| label.0.to_be_bytes();
    [u8; 4], |bytes| bytes, |bytes| bytes;
    Ipv4Addr, |bytes: [u8; 4]| Ipv4Addr::from(bytes), |address: Ipv4Addr| address.octets();
    Ipv6Addr, |bytes: [u8; 16]| Ipv6Addr::from(bytes), |address: Ipv6Addr| address.octets();
    MacAddr, MacAddr::new, MacAddr::octets;
    (), |[]: [u8; 0]| (), |()| [];
}

/// The index of an interface; 0 is `None`. A number that is not an index is unreadable.
impl Value<'_> for Option<IfIndex> {
    fn read(attr: Attr<'_>) -> Option<Self> {
        IfIndex::from_field(u32::read(attr)?).ok()
    }

    fn write(&self, kind: u16, writer: &mut Writer<'_>) {
        IfIndex::to_field(*self).write(kind, writer);
    }
}

impl Value<'_> for IpAddr {
    fn read(attr: Attr<'_>) -> Option<Self> {
        Ipv4Addr::read(attr).map(Self::V4).or_else(|| Ipv6Addr::read(attr).map(Self::V6))
    }

    fn write(&self, kind: u16, writer: &mut Writer<'_>) {
        match self {
            Self::V4(address) => address.write(kind, writer),
            Self::V6(address) => address.write(kind, writer),
        }
    }
}

impl<'a> Value<'a> for Text<'a> {
    fn read(attr: Attr<'a>) -> Option<Self> {
        plain(attr).map(Self)
    }

    fn write(&self, kind: u16, writer: &mut Writer<'_>) {
        writer.attr(kind, self.0);
    }
}

impl<'a> Value<'a> for Nested<'a> {
    fn read(attr: Attr<'a>) -> Option<Self> {
        let flagged = nest_flag(attr)?;
        Some(Self { flagged, bytes: attr.value() })
    }

    /// Its bytes as they are: a nest of any depth is one attribute here, so that nothing calls
    /// itself.
    fn write(&self, kind: u16, writer: &mut Writer<'_>) {
        writer.nested(kind, self.flagged, |writer| writer.bytes(self.bytes));
    }
}

/// Whether a nest has NLA_F_NESTED; `None` if its type field says that it is a number.
pub(super) fn nest_flag(attr: Attr<'_>) -> Option<bool> {
    let flags = attr.flags();
    (!flags.contains(AttrFlags::NET_BYTEORDER)).then_some(flags.contains(AttrFlags::NESTED))
}

/// The attribute type of one message: a variant for each type that is known, `Other` for the rest
/// and for those whose value is not of the size or form it should have.
macro_rules! attributes {
    (
        $(#[$note:meta])*
        pub enum $name:ident {
            $($(#[$doc:meta])* $variant:ident($value:ty) = $kind:literal,)*
        }
    ) => {
        $(#[$note])*
        #[derive(Clone, Copy, Debug)]
        #[non_exhaustive]
        pub enum $name<'a> {
            $($(#[$doc])* $variant($value),)*
            /// One that is not known, or whose value is not what its type says: as it came.
            Other($crate::netlink::Attr<'a>),
        }

        impl<'a> $name<'a> {
            /// The attribute, typed.
            #[must_use]
            pub fn decode(attr: $crate::netlink::Attr<'a>) -> Self {
                use $crate::netlink::value::Value;
                let known = match attr.kind() {
                    $($kind => <$value>::read(attr).map(Self::$variant),)*
                    _ => None,
                };
                known.unwrap_or(Self::Other(attr))
            }

            /// Whether the value is not of its type's size or form, so that [`Other`](Self::Other)
            /// has it although the type is known.
            #[must_use]
            pub fn is_unreadable(&self) -> bool {
                matches!(self, Self::Other(attr) if [$($kind),*].contains(&attr.kind()))
            }

            /// Appends it to a message.
            pub fn emit(&self, writer: &mut $crate::netlink::Writer<'_>) {
                use $crate::netlink::value::Value;
                match self {
                    $(Self::$variant(value) => value.write($kind, writer),)*
                    Self::Other(attr) => writer.attr(attr.raw_type(), attr.value()),
                }
            }
        }
    };
}
pub(super) use attributes;

/// A message type: fixed header, then attributes.
macro_rules! message {
    (
        $(#[$note:meta])*
        pub struct $name:ident { $header:ident: $size:literal by $read:expr, $attr:ident }
    ) => {
        $(#[$note])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<'a> {
            /// The fixed part.
            pub header: $header,
            attrs: &'a [u8],
        }

        impl<'a> $name<'a> {
            /// Reads the body of a message: what follows the netlink header.
            ///
            /// # Errors
            /// - [`MessageError::Body`](crate::netlink::MessageError::Body) if the fixed part is not
            ///   whole.
            /// - [`MessageError::IfIndex`](crate::netlink::MessageError::IfIndex) if its interface
            ///   index is negative.
            pub fn parse(body: &'a [u8]) -> Result<Self, $crate::netlink::MessageError> {
                use $crate::netlink::MessageError;
                let (header, rest) = body
                    .split_first_chunk::<$size>()
                    .ok_or(MessageError::Body { needed: $size, available: body.len() })?;
                let header = $read(*header).map_err(MessageError::IfIndex)?;
                Ok(Self { header, attrs: rest })
            }

            /// The attributes, typed, in the order they came.
            pub fn attributes(self) -> impl Iterator<Item = $attr<'a>> {
                self.attrs().map($attr::decode)
            }

            /// The first attribute of a known type whose value is not of that type's size or form.
            /// The accessors take it for absent, the records
            /// ([`FdbEntry`](crate::netlink::FdbEntry) and the like) read no such message.
            #[must_use]
            pub fn unreadable(self) -> Option<$crate::netlink::Attr<'a>> {
                Iterator::find(&mut self.attrs(), |attr| $attr::decode(*attr).is_unreadable())
            }

            /// The attributes, raw.
            #[must_use]
            pub const fn attrs(self) -> $crate::netlink::Attrs<'a> {
                $crate::netlink::Attrs::new(self.attrs)
            }

            /// Appends the fixed part, the attributes and the trailing bytes to a message.
            pub fn emit(self, writer: &mut $crate::netlink::Writer<'_>) {
                writer.bytes(&self.header.to_bytes());
                let mut attrs = self.attrs();
                for attr in attrs.by_ref() {
                    $attr::decode(attr).emit(writer);
                    writer.pad_as_read(attr.padding());
                }
                writer.bytes(attrs.as_bytes());
            }
        }
    };
}
pub(super) use message;

/// The value of the last attribute of that variant.
macro_rules! last {
    ($message:expr, $attr:ident::$variant:ident) => {
        $message
            .attributes()
            .filter_map(|attr| match attr {
                $attr::$variant(value) => Some(value),
                _ => None,
            })
            .last()
    };
}
pub(super) use last;
