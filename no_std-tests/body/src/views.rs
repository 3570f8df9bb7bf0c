//! The views that every header has, and what a builder answers that is asked directly.

use vtep::checksum::Sum;
use vtep::wire::{
    ArpHeader, Build, BuildError, EthernetHeader, Icmpv4Header, Icmpv6Builder, Icmpv6Header,
    Icmpv6Message, InPlace, Ipv4Header, Ipv6FragmentHeader, Ipv6Header, Layer, TcpBuilder,
    TcpHeader, UdpHeader, VlanHeader, VxlanHeader,
};

use crate::{Checks, any};

/// A header is the bytes it was read from, at the front of what there is, and one byte less is none.
macro_rules! views {
    ($checks:ident, $($header:ident)*) => {$(
        $checks.all(concat!("view: ", stringify!($header)), || {
            const LEN: usize = $header::LEN;
            let mut bytes = any([0_u8; LEN + 3]);
            bytes.iter_mut().zip(1..).for_each(|(byte, number)| *byte = number);
            let front: [u8; LEN] = *bytes.first_chunk()?;
            let (header, rest) = $header::ref_from_prefix(&bytes).ok()?;
            let is_read = header.as_bytes() == &front && *header == $header::from_bytes(front);
            let is_behind = rest == bytes.get(LEN..)?;
            let (header, rest) = $header::mut_from_prefix(&mut bytes).ok()?;
            *header = $header::from_bytes(any([0xa5; LEN]));
            *rest.first_mut()? = 7;
            let is_edited = bytes.iter().filter(|byte| **byte == 0xa5).count() == LEN
                && bytes.get(LEN) == Some(&7);
            let short = bytes.get_mut(..LEN - 1)?;
            let is_refused = $header::ref_from_prefix(short).is_err()
                && $header::mut_from_prefix(short).is_err();
            Some(is_read && is_behind && is_edited && is_refused)
        });
    )*};
}

// A frame of its own, for `callgraph.py`.
#[inline(never)]
pub(crate) fn run(checks: &mut Checks<'_>) {
    views!(checks, ArpHeader EthernetHeader Icmpv4Header Icmpv6Header Ipv4Header Ipv6FragmentHeader);
    views!(checks, Ipv6Header TcpHeader UdpHeader VlanHeader VxlanHeader);
    builders(checks);
}

fn builders(checks: &mut Checks<'_>) {
    let too_long = |layer, len| Err(BuildError::TooLong { layer, len, max: 0xffff });
    let payload = |len| InPlace::with_sum(any(len), Sum::ZERO);
    let message = Icmpv6Message::PacketTooBig { mtu: 1280 };
    let tcp = |len| TcpBuilder::new(1, 2, payload(len)).check();
    checks.is(
        "build: TCP's length",
        tcp(65_515).is_ok() && tcp(65_516) == too_long(Layer::Tcp, 65_536),
    );
    let icmp = |len| Icmpv6Builder::new(message, payload(len)).check();
    checks.is(
        "build: ICMPv6's length",
        icmp(65_527).is_ok() && icmp(65_528) == too_long(Layer::Icmpv6, 65_536),
    );
    checks.all("build: plain bytes", || {
        // RFC 1071 section 3.
        let bytes = any(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7][..]);
        let mut out = [0; 8];
        let written = Build::build(&bytes, &mut out).ok()? == bytes;
        let is_whole = (Build::len(&bytes), Build::check(&bytes)) == (8, Ok(()));
        let is_empty = Build::is_empty(&any(&[][..])) && !Build::is_empty(&bytes);
        let sum = Sum::of(&out);
        Some(is_whole && is_empty && written && out == bytes && sum.folded() == 0xddf2)
    });
}
