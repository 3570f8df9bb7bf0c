//! What became of the packets of a file, counted.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

#[derive(Debug)]
pub struct Tally {
    /// What those that passed are called.
    passed_as: &'static str,
    passed: u64,
    different: u64,
    refused: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub fn new(passed_as: &'static str) -> Self {
        Self { passed_as, passed: 0, different: 0, refused: BTreeMap::new() }
    }

    pub fn pass(&mut self) {
        self.passed += 1;
    }

    pub fn differ(&mut self) {
        self.different += 1;
    }

    pub fn refuse(&mut self, reason: &'static str) {
        *self.refused.entry(reason).or_default() += 1;
    }

    /// Prints the counts to standard output. Nobody may be listening any more.
    pub fn print(&self) {
        let _ = writeln!(io::stdout(), "{self}");
    }

    pub fn any_different(&self) -> bool {
        self.different != 0
    }
}

/// `12 packets, 8 identical, 4 refused (fragment 3, inexpressible 1)`
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused: u64 = self.refused.values().sum();
        let all = self.passed + self.different + refused;
        write!(f, "{all} packets, {} {}", self.passed, self.passed_as)?;
        if self.different != 0 {
            write!(f, ", {} different", self.different)?;
        }
        write!(f, ", {refused} refused")?;
        let reasons: Vec<String> =
            self.refused.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        if reasons.is_empty() { Ok(()) } else { write!(f, " ({})", reasons.join(", ")) }
    }
}
