//! The bytes of a capture, from a file or from standard input, taken as they arrive.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The path that is standard input, or standard output.
pub const STANDARD: &str = "-";

/// A buffered reader that shows the bytes that come next without taking them.
pub struct Source {
    path: PathBuf,
    input: Box<dyn Read>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    position: u64,
    /// The file's length in bytes; 0 where it is not known, as of a pipe.
    len: u64,
}

impl Source {
    const BUFFER: usize = 1 << 20;

    pub fn open(path: &Path) -> Result<Self, Failure> {
        let mut len = 0;
        let input: Box<dyn Read> = if path == Path::new(STANDARD) {
            Box::new(io::stdin())
        } else {
            let failure = |error| Failure::io(path.display(), &error);
            let file = File::open(path).map_err(failure)?;
            let metadata = file.metadata().map_err(failure)?;
            if metadata.is_dir() {
                return Err(Failure::new(path.display(), "is a directory"));
            }
            len = metadata.len();
            Box::new(file)
        };
        let (path, buffer) = (path.to_owned(), vec![0; Self::BUFFER]);
        Ok(Self { path, input, buffer, start: 0, end: 0, position: 0, len })
    }

    /// The name to print: the path, or `standard input`.
    pub fn name(&self) -> String {
        if self.is_standard() {
            return "standard input".to_owned();
        }
        self.path.display().to_string()
    }

    /// Returns true if it is the file at `path`, by whatever name.
    pub fn is_at(&self, path: &Path) -> bool {
        let file = |path: &Path| path.canonicalize().ok().filter(|path| path.is_file());
        let own = if self.is_standard() { Path::new("/dev/stdin") } else { &self.path };
        file(own).is_some_and(|own| file(path) == Some(own))
    }

    fn is_standard(&self) -> bool {
        self.path == Path::new(STANDARD)
    }

    /// The file's length in bytes, or 0 where it is not known.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The number of bytes that were consumed.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Reads until the next `len` bytes are available or the input ends, and returns how many are
    /// available, which may be more.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn fill(&mut self, len: usize) -> Result<usize, Failure> {
        if self.buffer.len() - self.start < len {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            self.buffer.resize(self.buffer.len().max(len), 0);
        }
        while self.end - self.start < len {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(more) => self.end += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::io(self.name(), &error)),
            }
        }
        Ok(self.end - self.start)
    }

    /// The bytes that are available, `len` at most.
    pub fn bytes(&self, len: usize) -> &[u8] {
        &self.buffer[self.start..self.end.min(self.start + len)]
    }

    /// Takes `len` bytes, which must be available.
    pub fn consume(&mut self, len: usize) {
        self.start += len;
        self.position += len as u64;
    }
}
