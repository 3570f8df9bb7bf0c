//! What is said, in one line, of a file that cannot be read or written.

use std::fmt;
use std::io;

/// Why a file cannot be read or written: `file: reason`.
#[derive(Debug)]
pub struct Failure {
    file: String,
    reason: String,
    pub broken_pipe: bool,
}

impl Failure {
    pub fn new(file: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self { file: file.to_string(), reason: reason.to_string(), broken_pipe: false }
    }

    pub fn io(file: impl fmt::Display, error: &io::Error) -> Self {
        let broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Self { broken_pipe, ..Self::new(file, error) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.reason)
    }
}
