//! Records that are JSON objects with known fields, as Go's `encoding/json` fills a struct: names
//! are compared case folded, unknown ones are skipped, and the last of several counts.

use core::fmt;

use super::json::{JsonError, RawJson};

/// The fields of one kind of record.
pub(super) trait Field: Copy + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// The name in the JSON.
    fn name(self) -> &'static str;
}

/// The reason why a text is not the record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum RecordError<F> {
    /// It is not JSON.
    Json(JsonError),
    /// It is JSON, but not an object.
    NotAnObject,
    /// A field has a value of the wrong type, or out of range.
    Field {
        /// The field.
        field: F,
        /// The start of its value, in bytes from the start of the object.
        offset: usize,
    },
    /// A field that is required is absent.
    Missing {
        /// The field.
        field: F,
    },
}

impl<F: fmt::Display> fmt::Display for RecordError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => fmt::Display::fmt(error, f),
            Self::NotAnObject => f.write_str("not a JSON object"),
            Self::Field { field, offset } => {
                write!(f, "{field} has a wrong value at byte {offset}")
            }
            Self::Missing { field } => write!(f, "{field} is missing"),
        }
    }
}

impl<F: fmt::Debug + fmt::Display> core::error::Error for RecordError<F> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            _ => None,
        }
    }
}

impl<F> From<JsonError> for RecordError<F> {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

/// Calls `read` for each member of `object` that is a field. It returns `None` if the value is
/// wrong.
pub(super) fn read_fields<'a, F: Field>(
    object: RawJson<'a>,
    mut read: impl FnMut(F, RawJson<'a>) -> Option<()>,
) -> Result<(), RecordError<F>> {
    for member in object.members().ok_or(RecordError::NotAnObject)? {
        let is_it = |field: &&F| member.name.eq_folded(field.name());
        let Some(&field) = F::ALL.iter().find(is_it) else { continue };
        read(field, member.value).ok_or(RecordError::Field { field, offset: member.offset })?;
    }
    Ok(())
}

/// Gives an enum of fields their names.
macro_rules! fields {
    ($visible:vis $Field:ident { $($field:ident = $name:literal),* $(,)? }) => {
        impl $Field {
            /// The name in the JSON.
            #[must_use]
            $visible const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$field => $name),*
                }
            }
        }

        impl core::fmt::Display for $Field {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::lease::fields::Field for $Field {
            const ALL: &'static [Self] = &[$(Self::$field),*];

            fn name(self) -> &'static str {
                self.as_str()
            }
        }
    };
}

pub(super) use fields;
