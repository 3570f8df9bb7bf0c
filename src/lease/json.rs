//! JSON (RFC 8259) as flannel's records need it: read in place, without allocation.
//!
//! [`RawJson`] is one value of a text that was checked from end to end, nested at most
//! [`MAX_DEPTH`](RawJson::MAX_DEPTH) deep; [`JsonString`] is a string with its escapes still in it.
//! Both print as Go's encoder writes them: no white space, and `<`, `>`, `&`, U+2028 and U+2029
//! escaped.
//!
//! `serde-json-core`, which does without allocation too, does not serve: it cannot return a value
//! as it was written, which `Backend` and `BackendData` have to be.
//!
//! # Examples
//!
//! ```
//! use vtep::lease::json::RawJson;
//! use vtep::lease::{NetworkConfig, VxlanConfig};
//!
//! let config = NetworkConfig::from_json(r#"{"Network":"10.3.0.0/16","Backend":{"VNI":7}}"#)?;
//! let backend = config.backend.ok_or("no backend")?;
//! assert_eq!(backend, RawJson::parse(r#"{"VNI":7}"#)?);
//! assert_eq!(VxlanConfig::from_json(backend)?.vni.value(), 7);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

use core::fmt;

use self::scan::{MAX_DEPTH, Scanner};
use self::string::write_html_safe;

pub use self::scan::{JsonError, JsonErrorKind};
pub use self::string::JsonString;
pub(super) use self::string::read_ascii;

mod scan;
mod string;

/// One JSON value, as it was written.
///
/// # Examples
///
/// ```
/// use vtep::lease::json::RawJson;
///
/// let value = RawJson::parse(r#" {"VNI" : 1} "#)?;
/// assert_eq!(value.get(), r#"{"VNI" : 1}"#);
/// assert_eq!(value.to_string(), r#"{"VNI":1}"#);
/// assert_eq!(RawJson::parse("[1}").map_err(|error| error.offset), Err(2));
/// # Ok::<(), vtep::lease::json::JsonError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RawJson<'a>(&'a str);

impl<'a> RawJson<'a> {
    /// The greatest depth of nested arrays and objects.
    pub const MAX_DEPTH: u32 = MAX_DEPTH;

    /// Checks that `text` is one JSON value, and returns it without the white space around it.
    ///
    /// # Errors
    /// [`JsonError`] if `text` is not one JSON value: its offset and kind say where and why.
    pub fn parse(text: &'a str) -> Result<Self, JsonError> {
        let mut scanner = Scanner::new(text, 0);
        let value = scanner.value()?;
        scanner.skip_space();
        match scanner.peek() {
            None => Ok(Self(value)),
            Some(_) => Err(scanner.unexpected()),
        }
    }

    /// The value of a text that [`Scanner`] accepts.
    pub(super) const fn checked(text: &'a str) -> Self {
        Self(text)
    }

    /// The text of the value, as it was written.
    #[must_use]
    pub const fn get(self) -> &'a str {
        self.0
    }

    /// Returns whether it is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// The value of `true` or `false`; `None` if it is another value.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        self.0.parse().ok()
    }

    /// The value of a number; `None` if it is another value, or is written with a sign, a fraction
    /// or an exponent, or does not fit.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// The content of a string; `None` if it is another value.
    #[must_use]
    pub fn as_str(self) -> Option<JsonString<'a>> {
        JsonString::from_json(self.0)
    }

    /// The members of an object, in the order written, with duplicates; `None` if it is another
    /// value.
    pub(super) fn members(self) -> Option<Members<'a>> {
        self.0.starts_with('{').then_some(Members { scanner: Scanner::new(self.0, 1) })
    }
}

impl fmt::Display for RawJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut in_string = false;
        let mut after_backslash = false;
        for c in self.0.chars() {
            in_string ^= c == '"' && !after_backslash;
            after_backslash = c == '\\' && !after_backslash;
            if in_string || !c.is_ascii_whitespace() {
                write_html_safe(f, c)?;
            }
        }
        Ok(())
    }
}

/// A member of an object.
pub(super) struct Member<'a> {
    pub(super) name: JsonString<'a>,
    pub(super) value: RawJson<'a>,
    /// The start of the value, in bytes from the start of the object.
    pub(super) offset: usize,
}

/// The members of an object: see [`RawJson::members`].
pub(super) struct Members<'a> {
    scanner: Scanner<'a>,
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        self.scanner.skip_space();
        self.scanner.take(b',');
        let name = JsonString::from_json(self.scanner.name().ok()?)?;
        self.scanner.skip_space();
        let offset = self.scanner.offset();
        let value = RawJson(self.scanner.value().ok()?);
        Some(Member { name, value, offset })
    }
}

#[cfg(test)]
mod tests;
