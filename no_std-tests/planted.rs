//! Functions that call themselves in each of the ways there are: `callgraph.py` has to find every one of them.
#![no_std]

pub fn planted_direct(bytes: &[u8]) -> u32 {
    bytes.split_first().map_or(0, |_| 0);
    match bytes {
        [first, rest @ ..] => planted_direct(rest).wrapping_mul(3).wrapping_add(u32::from(*first)),
        [] => 0,
    }
}

/// Through a closure that another function calls, as an encoder of nested attributes would.
pub fn planted_closure(bytes: &[u8], sum: &mut u32) {
    framed(sum, |sum| {
        if let [_, rest @ ..] = bytes {
            planted_closure(rest, sum);
        }
    });
}

#[inline(never)]
fn framed<F: FnOnce(&mut u32)>(sum: &mut u32, body: F) {
    *sum = sum.wrapping_add(1);
    body(sum);
}

/// Through a pointer to a function.
pub fn planted_pointer(bytes: &[u8]) -> u64 {
    let again: fn(&[u8]) -> u64 = core::hint::black_box(planted_pointer);
    match bytes {
        [first, rest @ ..] => again(rest).wrapping_mul(3).wrapping_add(u64::from(*first)),
        [] => 0,
    }
}

pub trait Visit {
    fn planted_dyn(&self, bytes: &[u8], depth: u16) -> u16;
}

pub struct Visitor<'a>(pub Option<&'a dyn Visit>);

/// Through a table of functions.
impl Visit for Visitor<'_> {
    fn planted_dyn(&self, bytes: &[u8], depth: u16) -> u16 {
        match (self.0, bytes) {
            (Some(next), [_, rest @ ..]) => next.planted_dyn(rest, depth.wrapping_add(1)).wrapping_mul(5),
            _ => depth,
        }
    }
}

#[unsafe(no_mangle)]
pub fn planted_table(bytes: &[u8]) -> u16 {
    Visitor(Some(&Visitor(None))).planted_dyn(bytes, 0)
}

/// The last thing that a function does is no call of another where it calls itself.
pub fn planted_tail(bytes: &[u8]) -> bool {
    match bytes {
        [0, rest @ ..] => planted_other(rest),
        _ => bytes.is_empty(),
    }
}

#[inline(never)]
fn planted_other(bytes: &[u8]) -> bool {
    match bytes {
        [1, rest @ ..] => planted_tail(rest),
        _ => false,
    }
}
