//! The inherent functions that every fixed-length header has.

/// Gives `$header`, a `#[repr(C)]` zerocopy struct of `$len` bytes, its views over bytes.
macro_rules! view {
    ($header:ty, $len:literal, $layer:expr) => {
        const _: () = assert!(size_of::<$header>() == $len);
        const _: () = assert!(align_of::<$header>() == 1);

        impl $header {
            /// The header's length in bytes.
            pub const LEN: usize = $len;

            /// The header at the front of `bytes`, and what follows it.
            ///
            /// # Errors
            /// `Truncated` when there are fewer than [`LEN`](Self::LEN) bytes.
            #[inline]
            pub fn ref_from_prefix(bytes: &[u8]) -> Result<(&Self, &[u8]), ParseError> {
                zerocopy::FromBytes::ref_from_prefix(bytes)
                    .map_err(|_| ParseError::truncated($layer, $len, bytes.len()))
            }

            /// The header at the front of `bytes`, to edit in place, and what follows it.
            ///
            /// # Errors
            /// `Truncated` when there are fewer than [`LEN`](Self::LEN) bytes.
            #[inline]
            pub fn mut_from_prefix(bytes: &mut [u8]) -> Result<(&mut Self, &mut [u8]), ParseError> {
                let got = bytes.len();
                zerocopy::FromBytes::mut_from_prefix(bytes)
                    .map_err(|_| ParseError::truncated($layer, $len, got))
            }

            /// The header that these bytes are. Any bytes are one.
            #[must_use]
            #[inline]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                zerocopy::transmute!(bytes)
            }

            /// The header's bytes, as they stand on the wire.
            #[must_use]
            #[inline]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                zerocopy::transmute_ref!(self)
            }
        }
    };
}

pub(crate) use view;
