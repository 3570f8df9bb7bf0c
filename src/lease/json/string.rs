//! Strings in JSON, with their escapes (RFC 8259 section 7).

use core::fmt;
use core::hash::{Hash, Hasher};

use crate::subnet::is;

/// Go's `json.Marshal` escapes these, so that the text can be put into HTML and JavaScript.
pub(super) fn write_html_safe(f: &mut fmt::Formatter<'_>, c: char) -> fmt::Result {
    match c {
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => write!(f, "\\u{:04x}", u32::from(c)),
        c => fmt::Write::write_char(f, c),
    }
}

/// The content of a string. Escapes are decoded by [`chars`](Self::chars).
///
/// It is equal to a `str` of the same characters, however they are written.
///
/// # Examples
///
/// ```
/// use vtep::lease::json::JsonString;
///
/// let backend_type = JsonString::new("vxlan");
/// assert_eq!(backend_type, "vxlan");
/// assert_eq!(backend_type.to_string(), r#""vxlan""#);
/// assert!(backend_type.eq_folded("VXLAN"));
/// ```
#[derive(Clone, Copy, Default)]
pub struct JsonString<'a> {
    raw: &'a str,
    /// True if `raw` came from JSON and holds escapes.
    escaped: bool,
}

impl<'a> JsonString<'a> {
    /// Returns the string of these characters.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { raw: text, escaped: false }
    }

    /// Returns the string itself, or `None` if it was written with escapes.
    #[must_use]
    pub const fn as_str(self) -> Option<&'a str> {
        if self.escaped { None } else { Some(self.raw) }
    }

    /// Returns whether it has no characters.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// Returns the characters. An escaped surrogate without its other half is U+FFFD, as in Go.
    pub fn chars(self) -> impl Iterator<Item = char> + Clone + 'a {
        Unescaped { rest: self.raw.chars(), escaped: self.escaped }
    }

    /// Returns whether it is `name`, case folded as Go's `encoding/json` compares the names of
    /// members.
    #[must_use]
    pub fn eq_folded(self, name: &str) -> bool {
        self.chars().map(fold).eq(name.chars().map(fold))
    }

    /// Returns the content of a string in JSON; `None` if it is another value.
    pub(super) fn from_json(value: &'a str) -> Option<Self> {
        let raw = value.strip_prefix('"')?.strip_suffix('"')?;
        Some(Self { raw, escaped: raw.contains(is('\\')) })
    }

    /// Returns the result of `read`: see [`read_ascii`].
    pub(in crate::lease) fn read<T>(self, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        read_ascii(self.chars(), read)
    }
}

/// Returns the result of `read` for a text of ASCII of at most 64 bytes: no address is longer.
pub(in crate::lease) fn read_ascii<T>(
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

impl Hash for JsonString<'_> {
    /// Hashes the characters, as they are compared.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.chars().for_each(|c| c.hash(state));
        0xff_u8.hash(state);
    }
}

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
    /// Returns the UTF-16 code unit of the next four hexadecimal digits.
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
