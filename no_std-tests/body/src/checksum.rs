//! RFC 1071 and RFC 1624 by their own examples, and an IPv4 header that everybody knows.

use core::net::{Ipv4Addr, Ipv6Addr};

use vtep::checksum::{CompleteError, Sum, complete, update, update_udp};

use crate::{Checks, any};

/// The header of the Wikipedia article on the IPv4 header checksum, which is b861.
const HEADER: [u8; 20] = [
    0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0x00, 0x00, 0xc0, 0xa8, 0x00, 0x01,
    0xc0, 0xa8, 0x00, 0xc7,
];

// A frame of its own, for `callgraph.py`.
#[inline(never)]
pub(crate) fn run(checks: &mut Checks<'_>) {
    let header = any(HEADER);
    let sum = Sum::of(&header);
    checks.is("checksum: a known header", sum.checksum() == 0xb861);
    checks.is("checksum: not valid without it", !sum.is_valid());
    checks.is("checksum: valid with it", (sum + any(0xb861)).is_valid());
    checks.is("checksum: word", (sum + Sum::word(any(0xb861))).folded() == 0xffff);
    let mut added = sum;
    added += any(0xb861_u16);
    checks.is("checksum: added in place", added.is_valid());
    // RFC 1071 section 3: 00 01 f2 03 f4 f5 f6 f7 sum to ddf2.
    let example = any([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
    checks.is("checksum: RFC 1071 section 3", Sum::of(&example).folded() == 0xddf2);
    let (odd, rest) =
        (Sum::of(&any([0x00, 0x01, 0xf2])), Sum::of(&any([0x03, 0xf4, 0xf5, 0xf6, 0xf7])));
    checks.is("checksum: in two odd parts", (odd + rest.at_odd_offset()).folded() == 0xddf2);
    let native = any(0x0102_u16).to_be();
    checks.is("checksum: native", Sum::from_native(native.into()).folded() == 0x0102);
    // RFC 1624 section 4: dd2f, 5555 becomes 3285, gives 0000.
    checks.is(
        "checksum: RFC 1624 section 4",
        update(any(0xdd2f), any(0x5555_u16), any(0x3285_u16)) == 0,
    );
    checks.is(
        "checksum: RFC 768 zero",
        update_udp(any(0xdd2f), any(0x5555_u16), any(0x3285_u16)) == 0xffff,
    );
    let [v4, v6] = [Sum::from(any(Ipv4Addr::LOCALHOST)), Sum::from(any(Ipv6Addr::LOCALHOST))];
    let fields = v4 == Sum::from(any(0x7f00_0001_u32)) && v6 == Sum::from(any(1_u16));
    checks.is("checksum: of fields", fields);
    let mut bytes = any([1, 2, 0x12, 0x34]);
    let odd = complete(&mut bytes, any(0), 1) == Err(CompleteError::OddOffset { offset: 1 });
    let is_complete = complete(&mut bytes, any(0), 2) == Ok(()) && bytes == [1, 2, 0xec, 0xc9];
    checks.is("checksum: completed", odd && is_complete);
    checks.is("checksum: UDP", Sum::word(any(0xffff)).udp_checksum() == 0xffff);
}
