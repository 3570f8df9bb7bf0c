//! The macros that make a fixed-length header of its fields.

/// Makes a header: a `#[repr(C)]` struct of exactly `$len` bytes and alignment 1, any bytes of
/// which are a value, with its views over bytes.
///
/// `Debug` and `Default` are the caller's to derive: not every header is sensible with all bits
/// zero.
macro_rules! header {
    (
        $(#[$attribute:meta])*
        pub struct $header:ident: $len:literal bytes, $layer:expr;
        { $($field:ident: $type:ty,)+ }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        #[derive(
            zerocopy::FromBytes,
            zerocopy::IntoBytes,
            zerocopy::KnownLayout,
            zerocopy::Immutable,
            zerocopy::Unaligned,
        )]
        #[repr(C)]
        pub struct $header {
            $($field: $type,)+
        }

        const _: () = assert!(size_of::<$header>() == $len);
        const _: () = assert!(align_of::<$header>() == 1);

        impl $header {
            /// The header's length in bytes.
            pub const LEN: usize = $len;

            /// Views the front of `bytes` as this header, and returns it with what follows. No
            /// field is checked.
            ///
            /// # Errors
            /// `Truncated` if there are fewer than [`LEN`](Self::LEN) bytes.
            #[inline]
            pub fn ref_from_prefix(bytes: &[u8]) -> Result<(&Self, &[u8]), $crate::wire::ParseError> {
                zerocopy::FromBytes::ref_from_prefix(bytes)
                    .map_err(|_| $crate::wire::ParseError::truncated($layer, $len, bytes.len()))
            }

            /// Views the front of `bytes` as this header, to edit it in place, and returns it with
            /// what follows. No field is checked.
            ///
            /// # Errors
            /// `Truncated` if there are fewer than [`LEN`](Self::LEN) bytes.
            #[inline]
            pub fn mut_from_prefix(
                bytes: &mut [u8],
            ) -> Result<(&mut Self, &mut [u8]), $crate::wire::ParseError> {
                let available = bytes.len();
                zerocopy::FromBytes::mut_from_prefix(bytes)
                    .map_err(|_| $crate::wire::ParseError::truncated($layer, $len, available))
            }

            /// Returns the header that these bytes are. Any bytes are valid.
            #[must_use]
            #[inline]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                zerocopy::transmute!(bytes)
            }

            /// The header's bytes as they are on the wire.
            #[must_use]
            #[inline]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                zerocopy::transmute_ref!(self)
            }
        }

        impl From<[u8; $len]> for $header {
            #[inline]
            fn from(bytes: [u8; $len]) -> Self {
                Self::from_bytes(bytes)
            }
        }

        impl From<$header> for [u8; $len] {
            #[inline]
            fn from(header: $header) -> Self {
                *header.as_bytes()
            }
        }

        /// Logs the bytes: exact, and without `core::fmt` in the image.
        #[cfg(feature = "defmt")]
        impl defmt::Format for $header {
            fn format(&self, f: defmt::Formatter<'_>) {
                let bytes = self.as_bytes().as_slice();
                defmt::write!(f, "{=str}({=[u8]:02x})", stringify!($header), bytes);
            }
        }
    };
}

/// Implements `defmt::Format` for flags of the `bitflags` crate: the bits in hexadecimal.
macro_rules! format_flags {
    ($flags:ty) => {
        #[cfg(feature = "defmt")]
        impl defmt::Format for $flags {
            fn format(&self, f: defmt::Formatter<'_>) {
                defmt::write!(f, "{=str}({=u32:#x})", stringify!($flags), u32::from(self.bits()));
            }
        }
    };
}

pub(super) use {format_flags, header};
