//! One test body for every board: it calls each public function of the crate and says what passed.
//!
//! [`run`] never panics, whatever happens, and hides its inputs from the optimizer ([`any`]): linked with a panic
//! handler that does not exist, it shows that no panic of the crate can be reached. [`show`] is the text that
//! `core::fmt` writes, which that proof leaves out.
#![no_std]

use core::fmt;
use core::hint::black_box;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

mod agent;
mod batch;
mod checksum;
mod lease;
mod netlink;
mod requests;
mod show;
mod subnet;
mod tunnel;
mod values;
mod views;
mod wire;

/// Everything but text. `report` is told each check's name, and whether it passed.
pub fn run(report: &mut dyn FnMut(&str, bool)) {
    let mut checks = Checks { report };
    checksum::run(&mut checks);
    wire::run(&mut checks);
    views::run(&mut checks);
    values::run(&mut checks);
    tunnel::run(&mut checks);
    batch::run(&mut checks);
    subnet::run(&mut checks);
    lease::run(&mut checks);
    netlink::run(&mut checks);
    requests::run(&mut checks);
    agent::run(&mut checks);
}

/// What `Display` and `Debug` write.
pub fn show(report: &mut dyn FnMut(&str, bool)) {
    show::run(&mut Checks { report });
}

struct Checks<'r> {
    report: &'r mut dyn FnMut(&str, bool),
}

impl Checks<'_> {
    fn is(&mut self, name: &str, passed: bool) {
        (self.report)(name, passed);
    }

    /// A check of several steps. `None`: one of them gave nothing. Each has a frame of its own, so that the stack of a
    /// test is that of one check, and not of all.
    #[inline(never)]
    fn all(&mut self, name: &str, steps: impl FnOnce() -> Option<bool>) {
        self.is(name, steps() == Some(true));
    }
}

/// The value itself, which the optimizer does not know.
fn any<T>(value: T) -> T {
    black_box(value)
}

fn v4(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::from(any([a, b, c, d]))
}

/// An address in 2001:db8::/32.
fn v6(low: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, any(low))
}

fn ip(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(v4(a, b, c, d))
}

/// Text in memory of its own: what does not fit is cut off.
struct Text {
    bytes: [u8; 512],
    len: usize,
}

impl Text {
    fn of(what: impl fmt::Display) -> Self {
        let mut text = Self { bytes: [0; 512], len: 0 };
        // A text that is cut is not equal to the one that is expected.
        let _ = fmt::write(&mut text, format_args!("{what}"));
        text
    }

    fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            *self.bytes.get_mut(self.len).ok_or(fmt::Error)? = byte;
            self.len += 1;
        }
        Ok(())
    }
}
