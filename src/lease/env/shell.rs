//! The assignments of a shell script that has nothing else in it (POSIX.1-2017 volume 3, sections
//! 2.2 quoting, 2.3 token recognition, 2.9.1 simple commands).
//!
//! Text that a shell would run or expand is refused. One thing is not as in a shell: a
//! carriage return before the end of a line belongs to that end, as in the `godotenv` of flannel.

use core::str::Chars;

use super::{SubnetEnvError, SubnetEnvErrorKind};
use crate::subnet::is;

/// The characters of a word, without its quotes. Ends with the word, or after an error.
#[derive(Clone, Debug)]
pub(super) struct Word<'a> {
    rest: Chars<'a>,
    quotes: Quotes,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Quotes {
    None,
    Single,
    Double,
}

impl Word<'_> {
    /// The characters, of a word that is known to have no error.
    pub(super) fn chars(self) -> impl Iterator<Item = char> {
        self.map_while(Result::ok)
    }

    /// Returns whether `c`, which `rest` follows, means more than itself to a shell. A `$` that
    /// expands a variable by its name is let through: no value that is read may have one.
    fn is_special(&self, c: char) -> bool {
        match c {
            '\0' => true,
            '|' | '&' | '(' | ')' | '<' | '>' => self.quotes == Quotes::None,
            '`' => self.quotes != Quotes::Single,
            '$' => {
                self.quotes != Quotes::Single
                    && !self.rest.clone().next().is_some_and(is_name_start)
            }
            _ => false,
        }
    }

    /// The character that a backslash before `rest` quotes, if it does not join two lines.
    fn escaped(&mut self) -> Option<char> {
        if let Some(rest) = after_line_end(&self.rest) {
            self.rest = rest;
            return None;
        }
        let mut ahead = self.rest.clone();
        match ahead.next() {
            Some(c) if self.quotes == Quotes::None || matches!(c, '$' | '`' | '"' | '\\') => {
                self.rest = ahead;
                Some(c)
            }
            _ => Some('\\'),
        }
    }
}

impl Iterator for Word<'_> {
    type Item = Result<char, SubnetEnvErrorKind>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.quotes == Quotes::None && is_word_end(&self.rest) {
                return None;
            }
            let Some(c) = self.rest.next() else {
                return Some(Err(SubnetEnvErrorKind::Unclosed));
            };
            match (self.quotes, c) {
                (Quotes::None, '\'') => self.quotes = Quotes::Single,
                (Quotes::None, '"') => self.quotes = Quotes::Double,
                (Quotes::Single, '\'') | (Quotes::Double, '"') => self.quotes = Quotes::None,
                (Quotes::None | Quotes::Double, '\\') => {
                    if let Some(escaped) = self.escaped() {
                        return Some(Ok(escaped));
                    }
                }
                _ if self.is_special(c) => {
                    return Some(Err(SubnetEnvErrorKind::Special { character: c }));
                }
                _ => return Some(Ok(c)),
            }
        }
    }
}

fn is_word_end(rest: &Chars<'_>) -> bool {
    matches!(rest.clone().next(), None | Some(' ' | '\t' | ';')) || after_line_end(rest).is_some()
}

/// The text that follows the end of a line, if `rest` begins with one.
fn after_line_end<'a>(rest: &Chars<'a>) -> Option<Chars<'a>> {
    let text = rest.as_str();
    let at_end = if text == "\r" { Some("") } else { None };
    let after = text.strip_prefix('\n').or_else(|| text.strip_prefix("\r\n"));
    after.or(at_end).map(str::chars)
}

const fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

/// Returns whether it is the name of a variable (POSIX.1-2017 volume 1, section 3.235).
fn is_name(mut chars: impl Iterator<Item = char>) -> bool {
    chars.next().is_some_and(is_name_start) && chars.all(|c| is_name_start(c) || c.is_ascii_digit())
}

/// A word that is an assignment, or a name alone after `export`.
#[derive(Clone, Debug)]
pub(super) struct Assignment<'a> {
    /// The line that it begins in, from 1.
    pub(super) line: usize,
    word: Word<'a>,
}

impl<'a> Assignment<'a> {
    /// The value, if it is assigned to the variable `name`.
    pub(super) fn value_of(&self, name: &str) -> Option<Word<'a>> {
        let mut word = self.word.clone();
        let is_next = |c| word.next() == Some(Ok(c));
        name.chars().chain(['=']).all(is_next).then_some(word)
    }
}

/// The assignments of a script, in order. Ends after an error.
#[derive(Debug)]
pub(super) struct Assignments<'a> {
    rest: Chars<'a>,
    line: usize,
    command: Command,
}

/// The words of a command so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Command {
    Empty,
    Assignments,
    Export,
}

impl<'a> Assignments<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text.chars(), line: 1, command: Command::Empty }
    }

    /// Skips blanks, comments and the ends of commands and lines, and returns whether a word
    /// follows.
    fn skip_to_word(&mut self) -> bool {
        loop {
            if let Some(rest) = after_line_end(&self.rest) {
                *self = Self { rest, line: self.line.saturating_add(1), command: Command::Empty };
                continue;
            }
            let mut ahead = self.rest.clone();
            match ahead.next() {
                None => return false,
                Some(' ' | '\t') => {}
                Some(';') if self.command != Command::Empty => self.command = Command::Empty,
                Some('#') => while after_line_end(&ahead).is_none() && ahead.next().is_some() {},
                Some('\\') => match after_line_end(&ahead) {
                    Some(rest) => {
                        ahead = rest;
                        self.line = self.line.saturating_add(1);
                    }
                    None => return true,
                },
                Some(_) => return true,
            }
            self.rest = ahead;
        }
    }

    /// The word here, unless it is `export`.
    fn word(&mut self) -> Result<Option<Word<'a>>, SubnetEnvErrorKind> {
        let word = Word { rest: self.rest.clone(), quotes: Quotes::None };
        let mut end = word.clone();
        end.by_ref().try_for_each(|c| c.map(drop))?;
        let text = self.rest.as_str();
        let len = text.len().saturating_sub(end.rest.as_str().len());
        let raw = text.get(..len).unwrap_or_default();
        self.rest = end.rest;
        self.line = self.line.saturating_add(raw.chars().filter(|c| *c == '\n').count());
        if raw.is_empty() {
            return Err(SubnetEnvErrorKind::Special { character: ';' });
        }
        if self.command == Command::Empty && raw == "export" {
            self.command = Command::Export;
            return Ok(None);
        }
        let is_assignment = if self.command == Command::Export {
            is_name(word.clone().chars().take_while(|c| *c != '='))
        } else {
            self.command = Command::Assignments;
            // No part of the name may be quoted.
            raw.split_once(is('=')).is_some_and(|(name, _)| is_name(name.chars()))
        };
        if is_assignment { Ok(Some(word)) } else { Err(SubnetEnvErrorKind::Command) }
    }
}

impl<'a> Iterator for Assignments<'a> {
    type Item = Result<Assignment<'a>, SubnetEnvError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.skip_to_word() {
            let line = self.line;
            match self.word() {
                Ok(None) => {}
                Ok(Some(word)) => return Some(Ok(Assignment { line, word })),
                Err(kind) => return Some(Err(SubnetEnvError { line, kind })),
            }
        }
        None
    }
}
