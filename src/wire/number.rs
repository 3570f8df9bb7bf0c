//! Numbers that have fewer values than the integer that carries them, and numbers that have as
//! many.

use core::fmt;

/// A number that does not fit the field it is for.
///
/// The error of every `new` and `TryFrom` of a field type: [`Vni`](super::Vni),
/// [`VlanId`](super::VlanId), [`Pcp`](super::Pcp), [`Dscp`](super::Dscp),
/// [`FlowLabel`](super::FlowLabel) and [`FragmentOffset`](super::FragmentOffset).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct OutOfRange {
    /// The field's name, for people.
    pub field: &'static str,
    /// The number.
    pub value: u32,
    /// The greatest number that fits.
    pub max: u32,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, value, max } = self;
        write!(f, "{field} {value} is more than {max}")
    }
}

impl core::error::Error for OutOfRange {}

/// A text that is not a number, or not one that the field can hold.
///
/// The error of every `FromStr` of a numeric field type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ParseNumberError {
    /// The field's name, for people.
    pub field: &'static str,
    /// The greatest number that the field can hold. The least is 0.
    pub max: u32,
}

impl fmt::Display for ParseNumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: a number from 0 to {} is expected", self.field, self.max)
    }
}

impl core::error::Error for ParseNumberError {}

/// Reads a number in decimal, or in hexadecimal after `0x`, as iproute2 does; without a sign.
pub(super) fn parse_number(text: &str) -> Option<u32> {
    let (digits, is_hex) = match text.strip_prefix("0x") {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    if digits.is_empty() {
        return None;
    }
    digits.chars().try_fold(0u32, |number, digit| {
        // A radix that is not a literal would leave its check, which panics, in the image.
        let (radix, digit) = match is_hex {
            true => (16, digit.to_digit(16)?),
            false => (10, digit.to_digit(10)?),
        };
        number.checked_mul(radix)?.checked_add(digit)
    })
}

/// Makes a number of the low bits of an integer: constructors that refuse what does not fit, and
/// the conversions of integers and text.
macro_rules! bounded {
    (
        $(#[$attribute:meta])*
        pub struct $number:ident($integer:ty), $field:literal, max $max:literal, getter $getter:ident;
        $display:literal
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        pub struct $number($integer);

        impl $number {
            #[doc = concat!("The greatest value, ", stringify!($max), ".")]
            pub const MAX: Self = Self($max);

            /// Returns the value as this type.
            ///
            /// # Errors
            /// [`OutOfRange`](crate::wire::OutOfRange) if it is more than [`MAX`](Self::MAX).
            #[inline]
            pub const fn new(value: $integer) -> Result<Self, $crate::wire::OutOfRange> {
                if value > $max {
                    return Err($crate::wire::OutOfRange {
                        field: $field,
                        value: value as u32,
                        max: $max,
                    });
                }
                Ok(Self(value))
            }

            /// Returns a value that is known when the program is compiled. One that does not fit
            /// does not compile, so there is nothing to unwrap and nothing that can panic.
            #[must_use]
            #[inline]
            pub const fn literal<const VALUE: $integer>() -> Self {
                const { assert!(VALUE <= $max) };
                Self(VALUE)
            }

            #[doc = concat!("The value, at most ", stringify!($max), ".")]
            #[must_use]
            #[inline]
            pub const fn $getter(self) -> $integer {
                self.0
            }
        }

        impl TryFrom<$integer> for $number {
            type Error = $crate::wire::OutOfRange;

            #[inline]
            fn try_from(value: $integer) -> Result<Self, Self::Error> {
                Self::new(value)
            }
        }

        impl From<$number> for $integer {
            #[inline]
            fn from(number: $number) -> Self {
                number.0
            }
        }

        $crate::wire::number::text!($number, $field, Self::MAX.0, $display, |value| {
            <$integer>::try_from(value).ok().and_then(|value| Self::new(value).ok())
        });
    };
}

/// Implements the conversions of integers and text for a number that may have every value of its
/// integer.
macro_rules! unbounded {
    ($number:ident($integer:ty), $field:literal, $display:literal) => {
        impl From<$integer> for $number {
            #[inline]
            fn from(value: $integer) -> Self {
                Self(value)
            }
        }

        impl From<$number> for $integer {
            #[inline]
            fn from(number: $number) -> Self {
                number.0
            }
        }

        $crate::wire::number::text!($number, $field, <$integer>::MAX, $display, |value| {
            <$integer>::try_from(value).ok().map(Self)
        });
    };
}

/// `Display`, and the `FromStr` that reads it.
macro_rules! text {
    ($number:ident, $field:literal, $max:expr, $display:literal, |$value:ident| $new:expr) => {
        impl core::fmt::Display for $number {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, $display, self.0)
            }
        }

        impl core::str::FromStr for $number {
            type Err = $crate::wire::ParseNumberError;

            /// Reads the number in decimal, or in hexadecimal after `0x`.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::wire::number::parse_number(text)
                    .and_then(|$value| $new)
                    .ok_or($crate::wire::ParseNumberError { field: $field, max: u32::from($max) })
            }
        }
    };
}

pub(super) use {bounded, text, unbounded};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Dscp, EtherType, FlowLabel, FragmentOffset, Pcp, VlanId, Vni};
    use std::string::ToString;

    #[test]
    fn parse_number_reads_decimal_and_hexadecimal_without_a_sign() {
        for (text, number) in
            [("0", 0), ("007", 7), ("0x0", 0), ("0xfF", 255), ("4294967295", u32::MAX)]
        {
            assert_eq!(parse_number(text), Some(number), "{text}");
        }
        for text in ["", "0x", "+1", "0x+1", "-1", " 1", "1 ", "0X1", "x", "4294967296"] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }

    #[test]
    fn new_accepts_the_greatest_value_and_refuses_the_next() {
        assert_eq!(Vni::new(0xff_ffff), Ok(Vni::MAX));
        assert_eq!(VlanId::new(4095), Ok(VlanId::MAX));
        assert_eq!(Pcp::new(7), Ok(Pcp::MAX));
        assert_eq!(Dscp::new(63), Ok(Dscp::MAX));
        assert_eq!(FlowLabel::new(0xf_ffff), Ok(FlowLabel::MAX));
        assert_eq!(FragmentOffset::new(0x1fff), Ok(FragmentOffset::MAX));
        let error = |field, value, max| Some(OutOfRange { field, value, max });
        assert_eq!(Vni::new(1 << 24).err(), error("VNI", 1 << 24, 0xff_ffff));
        assert_eq!(VlanId::try_from(4096).err(), error("VLAN identifier", 4096, 4095));
        assert_eq!(Pcp::new(8).err(), error("PCP", 8, 7));
        assert_eq!(Dscp::try_from(64).err(), error("DSCP", 64, 63));
        assert_eq!(FlowLabel::new(1 << 20).err(), error("flow label", 1 << 20, 0xf_ffff));
        assert_eq!(FragmentOffset::new(8192).err().map(|error| error.max), Some(8191));
    }

    #[test]
    fn text_is_read_back_as_it_was_written() {
        assert_eq!(Vni::MAX.to_string().parse(), Ok(Vni::MAX));
        assert_eq!(FlowLabel::MAX.to_string().parse(), Ok(FlowLabel::MAX));
        assert_eq!(EtherType::IPV6.to_string().parse(), Ok(EtherType::IPV6));
        let error = ParseNumberError { field: "EtherType", max: 65_535 };
        assert_eq!("65536".parse::<EtherType>(), Err(error));
        assert_eq!("16777216".parse::<Vni>().map_err(|error| error.max), Err(0xff_ffff));
    }
}
