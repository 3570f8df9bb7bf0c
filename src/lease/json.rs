//! JSON (RFC 8259) as flannel's records need it: read in place, without allocation.
//!
//! [`RawJson`] is one value of a text that was checked from end to end, nesting up to
//! [`MAX_DEPTH`](RawJson::MAX_DEPTH); [`JsonString`] is a string with its escapes still in it. Names of
//! members are compared as Go's `encoding/json` does, case folded. Both print as Go's encoder writes
//! them: no white space, and `<`, `>`, `&`, U+2028 and U+2029 escaped.
//!
//! `serde-json-core`, which does without allocation too, does not serve: it cannot hand over a value as it came,
//! which `Backend` and `BackendData` are.

use core::fmt;

use super::scan::Scanner;
use crate::subnet::is;

/// What is wrong with a text that should be JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// It ends in the middle of a value.
    End,
    /// A byte stands where RFC 8259 allows none like it.
    Unexpected {
        /// The byte.
        byte: u8,
    },
    /// Arrays and objects are nested more than [`RawJson::MAX_DEPTH`] deep.
    TooDeep,
}

/// A text that is not JSON, and where it is not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct JsonError {
    /// In bytes from the start of the text.
    pub offset: usize,
    /// What is wrong there.
    pub kind: JsonErrorKind,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = self.offset;
        match self.kind {
            JsonErrorKind::End => write!(f, "JSON ends early, at byte {offset}"),
            JsonErrorKind::Unexpected { byte } => {
                write!(f, "JSON: unexpected '{}' at byte {offset}", byte.escape_ascii())
            }
            JsonErrorKind::TooDeep => {
                write!(f, "JSON: nested deeper than {} at byte {offset}", RawJson::MAX_DEPTH)
            }
        }
    }
}

impl core::error::Error for JsonError {}

/// One JSON value, as it was written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RawJson<'a>(&'a str);

impl<'a> RawJson<'a> {
    /// How deep arrays and objects may be nested.
    pub const MAX_DEPTH: u32 = u64::BITS;

    /// The value that `text` is, white space around it left out.
    ///
    /// # Errors
    /// `text` is not one JSON value.
    pub fn new(text: &'a str) -> Result<Self, JsonError> {
        let mut scanner = Scanner::new(text, 0);
        let value = scanner.value()?;
        scanner.skip_space();
        match scanner.peek() {
            None => Ok(value),
            Some(_) => Err(scanner.unexpected()),
        }
    }

    /// The value of a text that [`Scanner`] went through.
    pub(super) const fn checked(text: &'a str) -> Self {
        Self(text)
    }

    /// The text of the value.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// The value of `true` or `false`.
    #[must_use]
    pub fn bool(self) -> Option<bool> {
        self.0.parse().ok()
    }

    /// The value of a number that is written without sign, fraction and exponent, and fits.
    #[must_use]
    pub fn u64(self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// The content of a string.
    #[must_use]
    pub fn string(self) -> Option<JsonString<'a>> {
        let raw = self.0.strip_prefix('"')?.strip_suffix('"')?;
        Some(JsonString { raw, escaped: raw.contains(is('\\')) })
    }

    /// The members of an object, in the order written, duplicates and all.
    #[must_use]
    pub fn members(self) -> Option<Members<'a>> {
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

/// Go's `json.Marshal` makes these harmless inside HTML and JavaScript, wherever they come from.
fn write_html_safe(f: &mut fmt::Formatter<'_>, c: char) -> fmt::Result {
    match c {
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => write!(f, "\\u{:04x}", u32::from(c)),
        c => fmt::Write::write_char(f, c),
    }
}

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Its name.
    pub name: JsonString<'a>,
    /// Its value.
    pub value: RawJson<'a>,
    /// Where the value begins, in bytes from the start of the object.
    pub offset: usize,
}

/// The members of an object: see [`RawJson::members`].
#[derive(Clone, Debug)]
pub struct Members<'a> {
    scanner: Scanner<'a>,
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        self.scanner.skip_space();
        self.scanner.take(b',');
        let name = self.scanner.name().ok()?;
        self.scanner.skip_space();
        let offset = self.scanner.offset();
        let value = self.scanner.value().ok()?;
        Some(Member { name, value, offset })
    }
}

/// The content of a string. Escapes are read when the characters are asked for.
///
/// Equal to a `str` of the same characters, however either is written.
#[derive(Clone, Copy, Default)]
pub struct JsonString<'a> {
    raw: &'a str,
    /// Whether `raw` came from JSON and holds escapes.
    escaped: bool,
}

impl<'a> JsonString<'a> {
    /// The string of these characters.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { raw: text, escaped: false }
    }

    /// The string itself, unless it was written with escapes.
    #[must_use]
    pub const fn as_str(self) -> Option<&'a str> {
        if self.escaped { None } else { Some(self.raw) }
    }

    /// Whether it has no characters.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// The characters. An escaped surrogate without its other half is U+FFFD, as in Go.
    pub fn chars(self) -> impl Iterator<Item = char> + Clone + 'a {
        Unescaped { rest: self.raw.chars(), escaped: self.escaped }
    }

    /// Whether it is `name`, case folded as Go's `encoding/json` compares names of members.
    #[must_use]
    pub fn eq_folded(self, name: &str) -> bool {
        self.chars().map(fold).eq(name.chars().map(fold))
    }

    /// What `read` makes of it: see [`read_ascii`].
    pub(super) fn read<T>(self, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        read_ascii(self.chars(), read)
    }
}

/// What `read` makes of a text of ASCII in at most 64 bytes: no address is longer.
pub(super) fn read_ascii<T>(
    chars: impl Iterator<Item = char>,
    read: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let mut buffer = [0; 64];
    let mut len = 0usize;
    for c in chars {
        *buffer.get_mut(len)? = u8::try_from(c).ok().filter(u8::is_ascii)?;
        len = len.wrapping_add(1);
    }
    read(core::str::from_utf8(buffer.get(..len)?).ok()?)
}

/// The characters that Unicode folds to an ASCII letter are that letter and two more.
const fn fold(c: char) -> char {
    match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    }
}

impl PartialEq for JsonString<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.chars().eq(other.chars())
    }
}

impl Eq for JsonString<'_> {}

impl PartialEq<str> for JsonString<'_> {
    fn eq(&self, other: &str) -> bool {
        self.chars().eq(other.chars())
    }
}

impl PartialEq<&str> for JsonString<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl<'a> From<&'a str> for JsonString<'a> {
    fn from(text: &'a str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for JsonString<'_> {
    /// Writes it as JSON, in quotation marks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\u{8}' => f.write_str("\\b")?,
                '\t' => f.write_str("\\t")?,
                '\n' => f.write_str("\\n")?,
                '\u{c}' => f.write_str("\\f")?,
                '\r' => f.write_str("\\r")?,
                '\0'..' ' => write!(f, "\\u{:04x}", u32::from(c))?,
                c => write_html_safe(f, c)?,
            }
        }
        f.write_str("\"")
    }
}

impl fmt::Debug for JsonString<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Clone)]
struct Unescaped<'a> {
    rest: core::str::Chars<'a>,
    escaped: bool,
}

impl Unescaped<'_> {
    /// The UTF-16 code unit that the next four hexadecimal digits are.
    fn unit(&mut self) -> Option<u32> {
        (0..4).try_fold(0u32, |unit, _| Some(unit << 4 | self.rest.next()?.to_digit(16)?))
    }

    /// The character of `\uXXXX`, or of a pair of them (RFC 8259 section 7).
    fn unicode(&mut self) -> Option<char> {
        let high = self.unit()?;
        if let 0xd800..0xdc00 = high {
            let mut ahead = self.clone();
            let escape = (ahead.rest.next(), ahead.rest.next());
            if let ((Some('\\'), Some('u')), Some(low @ 0xdc00..0xe000)) = (escape, ahead.unit()) {
                *self = ahead;
                return char::from_u32(
                    0x1_0000u32.wrapping_add((high & 0x3ff) << 10 | low & 0x3ff),
                );
            }
        }
        Some(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}

impl Iterator for Unescaped<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self.rest.next()? {
            '\\' if self.escaped => match self.rest.next()? {
                'b' => Some('\u{8}'),
                'f' => Some('\u{c}'),
                'n' => Some('\n'),
                'r' => Some('\r'),
                't' => Some('\t'),
                'u' => self.unicode(),
                c => Some(c),
            },
            c => Some(c),
        }
    }
}

#[cfg(test)]
mod tests;
