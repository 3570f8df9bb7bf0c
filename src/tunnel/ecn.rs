//! Explicit congestion notification across a tunnel: RFC 6040, and what Linux makes of it
//! (`include/net/inet_ecn.h`).

use crate::wire::Ecn;

/// The outer ECN field that encap writes for an inner one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u32)]
pub enum EcnEncap {
    /// RFC 6040 section 4.1 normal mode: the inner field is copied.
    #[default]
    Normal = 0x03_02_01_00,
    /// RFC 6040 section 4.1 compatibility mode: always Not-ECT, for a far end that knows no ECN.
    Compatibility = 0,
    /// Linux: copied, but congestion experienced goes out as ECT(0) (RFC 3168 section 9.1.1).
    Linux = 0x02_02_01_00,
}

impl EcnEncap {
    /// The outer field for `inner`.
    #[must_use]
    #[inline]
    pub const fn outer(self, inner: Ecn) -> Ecn {
        Ecn::from_bits(outer_bits(self as u32, inner.bits()))
    }
}

/// The byte of `table` that the low two bits of `inner` name.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "one byte of four is wanted")]
pub(super) const fn outer_bits(table: u32, inner: u8) -> u8 {
    // A shift by 0, 8, 16 or 24: what exceeds 31 is cut off.
    table.wrapping_shr((inner as u32) << 3) as u8
}

/// What decap makes of the two ECN fields (RFC 6040 section 4.2, figure 4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EcnDecap {
    /// The inner packet goes on with this field.
    Forward(Ecn),
    /// The mark cannot be passed on: the packet is dropped.
    Drop,
}

/// The row of RFC 6040 figure 4 for `inner`, its column for `outer`. Linux 6.18 does the same
/// (`tests/rxprobe.rs`).
#[must_use]
#[inline]
pub const fn decap(inner: Ecn, outer: Ecn) -> EcnDecap {
    match (inner, outer) {
        (Ecn::NotEct, Ecn::Ce) => EcnDecap::Drop,
        (Ecn::Ect0 | Ecn::Ect1, Ecn::Ce) => EcnDecap::Forward(Ecn::Ce),
        (Ecn::Ect0, Ecn::Ect1) => EcnDecap::Forward(Ecn::Ect1),
        (inner, _) => EcnDecap::Forward(inner),
    }
}

/// Whether RFC 6040 section 4.2 calls the combination currently unused, and dangerous where it is
/// marked `!!!`: worth a log entry, whatever [`decap`] made of it.
#[must_use]
#[inline]
pub const fn is_suspicious(inner: Ecn, outer: Ecn) -> bool {
    match (inner, outer) {
        (Ecn::NotEct, outer) => !matches!(outer, Ecn::NotEct),
        (Ecn::Ect1, Ecn::Ect0) | (Ecn::Ce, Ecn::Ect1) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Ecn::{Ce, Ect0, Ect1, NotEct};

    #[test]
    fn rfc_6040_figure_4() {
        let to = EcnDecap::Forward;
        // Columns: outer Not-ECT, ECT(0), ECT(1), CE.
        let rows = [
            (NotEct, [to(NotEct), to(NotEct), to(NotEct), EcnDecap::Drop]),
            (Ect0, [to(Ect0), to(Ect0), to(Ect1), to(Ce)]),
            (Ect1, [to(Ect1), to(Ect1), to(Ect1), to(Ce)]),
            (Ce, [to(Ce), to(Ce), to(Ce), to(Ce)]),
        ];
        for (inner, row) in rows {
            assert_eq!([NotEct, Ect0, Ect1, Ce].map(|outer| decap(inner, outer)), row, "{inner:?}");
        }
    }

    #[test]
    fn rfc_6040_figure_4_exclamation_marks() {
        let rows = [
            (NotEct, [false, true, true, true]),
            (Ect0, [false, false, false, false]),
            (Ect1, [false, true, false, false]),
            (Ce, [false, false, true, false]),
        ];
        for (inner, row) in rows {
            assert_eq!([NotEct, Ect0, Ect1, Ce].map(|outer| is_suspicious(inner, outer)), row);
        }
    }

    #[test]
    fn encap_modes() {
        let outer = |mode: EcnEncap| [NotEct, Ect0, Ect1, Ce].map(|inner| mode.outer(inner));
        assert_eq!(outer(EcnEncap::Normal), [NotEct, Ect0, Ect1, Ce]);
        assert_eq!(outer(EcnEncap::Compatibility), [NotEct; 4]);
        assert_eq!(outer(EcnEncap::Linux), [NotEct, Ect0, Ect1, Ect0]);
    }
}
