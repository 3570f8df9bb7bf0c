//! How builders write: the half of [`Build`] that is not for callers.

use super::{Build, BuildError, Layer, PseudoHeader};
use crate::checksum::Sum;

/// Writes a packet that was checked, over the whole of a slice of its length.
///
/// It seals [`Build`]: a builder relies on what the builders inside it write.
pub trait Emit {
    /// Writes the packet over the whole of `out`, which has [`Build::len`] bytes, and returns its
    /// sum. `pseudo` is what a checksum covers in addition. The enclosing layer calls it, after
    /// [`Build::check`].
    ///
    /// # Errors
    /// None after `check` and for an `out` of the right length. A builder that is used wrongly
    /// refuses, and never writes a wrong length.
    fn emit(&self, out: &mut [u8], pseudo: Option<&PseudoHeader>) -> Result<Sum, BuildError>;
}

/// Refuses a length that a 16-bit field of `layer` cannot hold.
pub(super) fn check_len(layer: Layer, len: usize) -> Result<(), BuildError> {
    len_field(layer, len).map(|_| ())
}

/// Returns a length as a 16-bit field of `layer`.
pub(super) fn len_field(layer: Layer, len: usize) -> Result<u16, BuildError> {
    u16::try_from(len).map_err(|_| BuildError::TooLong { layer, len, max: usize::from(u16::MAX) })
}

/// Writes `payload` after the first `header_len` bytes of `out`, and returns its sum.
pub(super) fn emit_after(
    header_len: usize,
    out: &mut [u8],
    payload: &impl Build,
    pseudo: Option<&PseudoHeader>,
) -> Result<Sum, BuildError> {
    let too_small = BuildError::BufferTooSmall { needed: header_len, available: out.len() };
    let (_, rest) = out.split_at_mut_checked(header_len).ok_or(too_small)?;
    payload.emit(rest, pseudo)
}

/// Writes a header to the front of `out`, and returns its sum.
pub(super) fn emit_header<const N: usize>(
    out: &mut [u8],
    header: &[u8; N],
) -> Result<Sum, BuildError> {
    let too_small = BuildError::BufferTooSmall { needed: N, available: out.len() };
    *out.first_chunk_mut().ok_or(too_small)? = *header;
    Ok(Sum::of(header))
}

/// Writes a header that no length or checksum has to be written into, and its payload.
pub(super) fn emit_fixed<const N: usize>(
    out: &mut [u8],
    header: &[u8; N],
    payload: &impl Build,
) -> Result<Sum, BuildError> {
    let payload = emit_after(N, out, payload, None)?;
    Ok(emit_header(out, header)? + payload)
}
