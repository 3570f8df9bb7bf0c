//! Records that are JSON objects with known fields, as Go's `encoding/json` fills a struct: names
//! case folded, unknown ones passed over, the last of several counts.

use core::fmt;

use super::json::{JsonError, Member, RawJson};

/// The fields of one kind of record.
pub trait Field: Copy + fmt::Debug + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// The name in the JSON.
    #[must_use]
    fn as_str(self) -> &'static str;
}

/// A text that is not the record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum RecordError<F> {
    /// It is not JSON.
    Json(JsonError),
    /// It is JSON, and no object.
    NotAnObject,
    /// A field has a value of the wrong type, or out of range.
    Field {
        /// The field.
        field: F,
        /// Where its value begins, in bytes from the start of the object.
        offset: usize,
    },
    /// There is no such field, and there has to be.
    Missing {
        /// The field.
        field: F,
    },
}

impl<F: Field> fmt::Display for RecordError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => fmt::Display::fmt(error, f),
            Self::NotAnObject => f.write_str("not a JSON object"),
            Self::Field { field, offset } => {
                write!(f, "{} has a wrong value at byte {offset}", field.as_str())
            }
            Self::Missing { field } => write!(f, "{} is missing", field.as_str()),
        }
    }
}

impl<F: Field> core::error::Error for RecordError<F> {}

impl<F> From<JsonError> for RecordError<F> {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

/// Gives each member of `object` that is a field to `read`, which says whether it could read it.
pub(super) fn read_fields<'a, F: Field>(
    object: RawJson<'a>,
    mut read: impl FnMut(F, RawJson<'a>) -> Option<()>,
) -> Result<(), RecordError<F>> {
    for Member { name, value, offset } in object.members().ok_or(RecordError::NotAnObject)? {
        let Some(&field) = F::ALL.iter().find(|field| name.eq_folded(field.as_str())) else {
            continue;
        };
        read(field, value).ok_or(RecordError::Field { field, offset })?;
    }
    Ok(())
}

/// Gives an enum of fields their names.
macro_rules! fields {
    ($Field:ident { $($field:ident = $name:literal),* $(,)? }) => {
        impl Field for $Field {
            const ALL: &'static [Self] = &[$(Self::$field),*];

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$field => $name),*
                }
            }
        }
    };
}

pub(super) use fields;
