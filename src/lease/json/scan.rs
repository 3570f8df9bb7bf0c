//! Finds the end of a JSON value, and checks it: RFC 8259 sections 2 to 7.

use core::fmt;

/// The greatest depth of nested arrays and objects: a bit for each.
pub(super) const MAX_DEPTH: u32 = u64::BITS;

/// The way in which a text is not JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// It ends inside a value.
    End,
    /// RFC 8259 does not allow this byte here.
    Unexpected {
        /// The byte.
        byte: u8,
    },
    /// Arrays and objects are nested deeper than [`RawJson::MAX_DEPTH`](super::RawJson::MAX_DEPTH).
    TooDeep,
}

/// The first place where a text is not JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct JsonError {
    /// The place, in bytes from the start of the text.
    pub offset: usize,
    /// The fault at that place.
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
                write!(f, "JSON: nested deeper than {} at byte {offset}", MAX_DEPTH)
            }
        }
    }
}

impl core::error::Error for JsonError {}

/// A position in a text. Every step goes forward, so that all of it ends.
#[derive(Clone, Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// The arrays and objects that are open, outermost in the highest bit used: 1 for an object.
#[derive(Default)]
struct Open {
    objects: u64,
    depth: u32,
}

impl Open {
    /// Opens one more, and returns whether it fits.
    fn push(&mut self, object: bool) -> bool {
        self.objects = self.objects << 1 | u64::from(object);
        self.depth = self.depth.wrapping_add(1);
        self.depth <= MAX_DEPTH
    }

    fn pop(&mut self) {
        self.objects >>= 1;
        self.depth = self.depth.wrapping_sub(1);
    }

    /// The byte that closes the innermost one.
    fn closing(&self) -> Option<u8> {
        match (self.depth, self.objects & 1) {
            (0, _) => None,
            (_, 0) => Some(b']'),
            _ => Some(b'}'),
        }
    }
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    pub(super) const fn offset(&self) -> usize {
        self.at
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The error that the grammar does not allow the byte here.
    pub(super) fn unexpected(&self) -> JsonError {
        let kind = match self.peek() {
            Some(byte) => JsonErrorKind::Unexpected { byte },
            None => JsonErrorKind::End,
        };
        JsonError { offset: self.at, kind }
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    pub(super) fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        if taken {
            self.step();
        }
        taken
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.step();
        }
    }

    /// Skips the name of a member and the colon after it, and returns the name as it is written.
    pub(super) fn name(&mut self) -> Result<&'a str, JsonError> {
        self.skip_space();
        let start = self.at;
        self.string()?;
        let name = self.since(start);
        self.skip_space();
        self.expect(b':')?;
        Ok(name)
    }

    /// Skips one value, and returns it without the white space before it.
    pub(super) fn value(&mut self) -> Result<&'a str, JsonError> {
        self.skip_space();
        let start = self.at;
        let mut open = Open::default();
        loop {
            self.skip_space();
            let object = self.peek() == Some(b'{');
            if object || self.peek() == Some(b'[') {
                if !open.push(object) {
                    return Err(JsonError { offset: self.at, kind: JsonErrorKind::TooDeep });
                }
                self.step();
                self.skip_space();
                if self.peek() != open.closing() {
                    if object {
                        self.name()?;
                    }
                    continue;
                }
            } else {
                self.scalar()?;
            }
            if !self.next_in(&mut open)? {
                return Ok(self.since(start));
            }
        }
    }

    /// Closes what ends here, and returns whether another value follows.
    fn next_in(&mut self, open: &mut Open) -> Result<bool, JsonError> {
        while let Some(closing) = open.closing() {
            self.skip_space();
            if self.take(closing) {
                open.pop();
            } else {
                self.expect(b',')?;
                if closing == b'}' {
                    self.name()?;
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn scalar(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(self.unexpected()),
        }
    }

    fn literal(&mut self, literal: &str) -> Result<(), JsonError> {
        literal.bytes().try_for_each(|byte| self.expect(byte))
    }

    fn string(&mut self) -> Result<(), JsonError> {
        self.expect(b'"')?;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.step();
                    return Ok(());
                }
                Some(b'\\') => {
                    self.step();
                    self.escape()?;
                }
                // Control characters must be escaped.
                Some(..b' ') | None => return Err(self.unexpected()),
                Some(_) => self.step(),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.step();
                Ok(())
            }
            Some(b'u') => {
                self.step();
                (0..4).try_for_each(|_| match self.peek() {
                    Some(byte) if byte.is_ascii_hexdigit() => {
                        self.step();
                        Ok(())
                    }
                    _ => Err(self.unexpected()),
                })
            }
            _ => Err(self.unexpected()),
        }
    }

    fn number(&mut self) -> Result<(), JsonError> {
        self.take(b'-');
        // No leading zeros.
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.step();
        }
        if self.at == start { Err(self.unexpected()) } else { Ok(()) }
    }
}
