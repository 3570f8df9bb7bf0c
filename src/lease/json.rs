//! JSON (RFC 8259) as flannel's records need it: read in place, without allocation.
//!
//! [`RawJson`] is one value of a text that was checked from end to end, nesting up to
//! [`MAX_DEPTH`](RawJson::MAX_DEPTH); [`JsonString`] is a string with its escapes still in it. Names of
//! members are compared as Go's `encoding/json` does, case folded. Both print as Go's encoder writes
//! them: no white space, and `<`, `>`, `&`, U+2028 and U+2029 escaped.

use core::fmt;

use super::scan::Scanner;

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
        Some(JsonString { raw, escaped: raw.contains('\\') })
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

    /// The address that it is the text of: ASCII, and in 64 bytes.
    pub(super) fn parse<T: core::str::FromStr>(self) -> Option<T> {
        let mut buffer = [0; 64];
        let mut len = 0usize;
        for c in self.chars() {
            *buffer.get_mut(len)? = u8::try_from(c).ok().filter(u8::is_ascii)?;
            len = len.wrapping_add(1);
        }
        core::str::from_utf8(buffer.get(..len)?).ok()?.parse().ok()
    }
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
mod tests {
    use super::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    #[test]
    fn reads_the_members_of_an_object_in_order() {
        let text = r#" { "a" : 1 , "b":[{"a":2}, null],"\u0061":"x\ny" } "#;
        let object = RawJson::new(text).unwrap();
        let members: Vec<_> = object.members().unwrap().collect();
        let names: Vec<String> = members.iter().map(|m| m.name.chars().collect()).collect();
        assert_eq!(names, ["a", "b", "a"]);
        assert_eq!(members[0].value.u64(), Some(1));
        assert_eq!(members[1].value.as_str(), r#"[{"a":2}, null]"#);
        assert_eq!(members[1].value.members().map(Iterator::count), None);
        assert_eq!(members[2].value.string().unwrap(), "x\ny");
        assert_eq!(&object.as_str()[members[2].offset..][..4], "\"x\\n");
    }

    #[test]
    fn refuses_what_rfc_8259_refuses_and_says_where() {
        for (text, offset) in [
            ("", 0),
            (" ", 1),
            ("{", 1),
            ("}", 0),
            ("[1,]", 3),
            ("[1}", 2),
            ("{,}", 1),
            (r#"{"a"}"#, 4),
            (r#"{"a":}"#, 5),
            (r#"{"a":1,}"#, 7),
            (r#"{"a":1"b":2}"#, 6),
            ("{a:1}", 1),
            ("01", 1),
            ("-", 1),
            ("1.", 2),
            (".5", 0),
            ("1e", 2),
            ("+1", 0),
            ("tru", 3),
            ("nul1", 3),
            ("NaN", 0),
            ("1 2", 2),
            ("\"", 1),
            ("\"\n\"", 1),
            (r#""\x""#, 2),
            (r#""\u12g4""#, 5),
            ("'a'", 0),
            ("\u{a0}1", 0),
        ] {
            assert_eq!(RawJson::new(text).unwrap_err().offset, offset, "{text:?}");
        }
    }

    #[test]
    fn nests_so_deep_and_no_deeper() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(RawJson::new(&nested(64)).is_ok());
        let error = RawJson::new(&nested(65)).unwrap_err();
        assert_eq!(error, JsonError { offset: 64, kind: JsonErrorKind::TooDeep });
        assert!(RawJson::new(&"[".repeat(1 << 20)).is_err());
    }

    #[test]
    fn unescapes_as_go_does() {
        for (text, content) in [
            (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r#""\u00e9\u20AC""#, "\u{e9}\u{20ac}"),
            (r#""\ud83d\ude00""#, "\u{1f600}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\ude00x\ud83d""#, "\u{fffd}x\u{fffd}"),
            (r#""\ud83d\n""#, "\u{fffd}\n"),
        ] {
            assert_eq!(RawJson::new(text).unwrap().string().unwrap(), content, "{text}");
        }
    }

    #[test]
    fn folds_names_as_go_does() {
        let name = JsonString::new("\u{17f}UBNETlen");
        assert!(name.eq_folded("SubnetLen") && !name.eq_folded("SubnetMin"));
        assert!(JsonString::new("networ\u{212a}").eq_folded("Network"));
        assert!(!JsonString::new("Network ").eq_folded("Network"));
    }

    #[test]
    fn prints_as_go_does() {
        let printed = |text| RawJson::new(text).unwrap().to_string();
        assert_eq!(printed("{ \"a b\" : [ 1,\t2 ] }"), r#"{"a b":[1,2]}"#);
        assert_eq!(printed(r#""a\" <&>""#), r#""a\" \u003c\u0026\u003e""#);
        let string = JsonString::new("\u{1}\u{8}\"<\u{2028}\u{7f}\u{e9}").to_string();
        assert_eq!(string, "\"\\u0001\\b\\\"\\u003c\\u2028\u{7f}\u{e9}\"");
    }

    #[test]
    fn a_text_cut_short_is_none() {
        let text = r#"{"a":[true,false,null,-1.5e+3,"\u00e9\n"],"b":{}}"#;
        for end in 0..text.len() {
            let error = JsonError { offset: end, kind: JsonErrorKind::End };
            assert_eq!(RawJson::new(&text[..end]), Err(error), "{end}");
        }
    }

    #[test]
    fn agrees_with_serde_json() {
        fn holds(bytes: Vec<u8>) -> bool {
            // JSON's own characters, so that some of the texts are JSON.
            const ALPHABET: &[u8] = br#"{}[],:"\u0e1-+.tn "#;
            let pieces = ["true", "null", "\"a\":", "\"\\ud83d\"", "{\"b\":", "[1,"];
            let mut text = String::new();
            for byte in bytes {
                match ALPHABET.get(usize::from(byte) % 32) {
                    Some(c) => text.push(char::from(*c)),
                    None => text.push_str(pieces[usize::from(byte) % 32 % pieces.len()]),
                }
            }
            match (RawJson::new(&text), serde_json::from_str::<&serde_json::value::RawValue>(&text))
            {
                (Ok(ours), Ok(theirs)) => ours.as_str() == theirs.get(),
                (Err(_), Err(_)) => true,
                _ => false,
            }
        }
        quickcheck::QuickCheck::new().tests(20_000).quickcheck(holds as fn(Vec<u8>) -> bool);
    }

    #[test]
    fn a_printed_string_reads_back() {
        fn holds(text: String) -> bool {
            let printed = JsonString::new(&text).to_string();
            let theirs: String = serde_json::from_str(&printed).unwrap();
            RawJson::new(&printed).unwrap().string().unwrap() == text.as_str() && theirs == text
        }
        quickcheck::quickcheck(holds as fn(String) -> bool);
    }
}
