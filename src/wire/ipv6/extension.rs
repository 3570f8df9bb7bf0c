//! The chain of IPv6 extension headers.

use core::net::Ipv6Addr;

use super::{Ipv6FragmentHeader, Ipv6Header, Ipv6Packet};
use crate::wire::len::add_len;
use crate::wire::{IpProtocol, Layer, ParseError};

impl<'a> Ipv6Packet<'a> {
    /// Parses the extension headers at the front of `chain`, which is all that follows the IPv6
    /// header. Few packets have any.
    #[cold]
    pub(super) fn parse_extensions(
        header: &'a Ipv6Header,
        chain: &'a [u8],
    ) -> Result<Self, ParseError> {
        let mut packet = Self::without_extensions(header, chain);
        for _ in 0..Self::MAX_EXTENSIONS {
            let Some(kind) = packet.next_extension() else { return Ok(packet) };
            packet.parse_extension(kind, chain)?;
        }
        if packet.next_extension().is_some() {
            let offset = packet.extensions.len();
            return Err(ParseError::too_many_extensions(offset, Self::MAX_EXTENSIONS));
        }
        Ok(packet)
    }

    /// Returns the kind of the extension header that the payload begins with, `None` if there is
    /// none.
    fn next_extension(&self) -> Option<ExtensionKind> {
        // What follows in a later fragment is the middle of a payload.
        if self.fragment.is_some_and(|fragment| fragment.offset().units() != 0) {
            return None;
        }
        ExtensionKind::of(self.protocol)
            .filter(|kind| *kind != ExtensionKind::HopByHop || self.extensions.is_empty())
    }

    /// Moves one extension header of `chain` from the payload to the extensions.
    fn parse_extension(&mut self, kind: ExtensionKind, chain: &'a [u8]) -> Result<(), ParseError> {
        let offset = self.extensions.len();
        let truncated = |len: usize| {
            ParseError::truncated(Layer::Ipv6Extension, add_len(offset, len), chain.len())
        };
        let (front, _) = self.payload.split_first_chunk::<8>().ok_or(truncated(8))?;
        let len = kind.len(front[1]);
        let extension = self.payload.get(..len).ok_or(truncated(len))?;
        self.protocol = IpProtocol(front[0]);
        match kind {
            ExtensionKind::Fragment if !self.is_fragment() => {
                self.fragment = Some(Ipv6FragmentHeader::ref_from_prefix(extension)?.0);
            }
            ExtensionKind::Routing => self.parse_route(extension),
            _ => {}
        }
        (self.extensions, self.payload) =
            chain.split_at_checked(add_len(offset, len)).ok_or(truncated(len))?;
        Ok(())
    }

    /// Takes the final destination from a routing header with segments left.
    fn parse_route(&mut self, routing: &[u8]) {
        let [_, _, kind, segments_left, _, _, _, _, addresses @ ..] = routing else { return };
        if *segments_left == 0 {
            return;
        }
        self.has_segments_left = true;
        // Type 4 lists the addresses from the last to the first (RFC 8754 section 2).
        let last = match kind {
            0 | 2 => addresses.last_chunk(),
            4 => addresses.first_chunk(),
            _ => None,
        };
        self.final_destination = last.map(|address| Ipv6Addr::from(*address));
    }
}

/// An extension header whose length is known, so that it can be parsed past.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ExtensionKind {
    HopByHop,
    Routing,
    Fragment,
    Authentication,
    DestinationOptions,
}

impl ExtensionKind {
    #[inline]
    pub(super) const fn of(protocol: IpProtocol) -> Option<Self> {
        match protocol {
            IpProtocol::HOP_BY_HOP => Some(Self::HopByHop),
            IpProtocol::ROUTING => Some(Self::Routing),
            IpProtocol::FRAGMENT => Some(Self::Fragment),
            IpProtocol::AUTHENTICATION => Some(Self::Authentication),
            IpProtocol::DESTINATION_OPTIONS => Some(Self::DestinationOptions),
            _ => None,
        }
    }

    /// Returns the length in bytes for the header's second byte: units of 8 without the first 8,
    /// for AH units of 4 without the first 8 (RFC 4302 section 2.2). The fragment header has no
    /// such field.
    const fn len(self, field: u8) -> usize {
        // `usize::from` is not const.
        let units = field as usize;
        match self {
            Self::Fragment => Ipv6FragmentHeader::LEN,
            Self::Authentication => add_len(units << 2, 8),
            _ => add_len(units << 3, 8),
        }
    }
}

#[cfg(test)]
pub(in crate::wire) mod tests {
    use super::*;
    use quickcheck::quickcheck;
    use std::vec::Vec;

    /// A packet with these bytes after its IPv6 header, the first of which is a `next_header`.
    pub(in crate::wire) fn packet(next_header: IpProtocol, rest: &[&[u8]]) -> Vec<u8> {
        let rest = rest.concat();
        let (source, destination) = (Ipv6Addr::LOCALHOST, "fd00::2".parse().unwrap());
        let mut header = Ipv6Header::new(source, destination, next_header);
        header.set_payload_len(u16::try_from(rest.len()).unwrap());
        [header.as_bytes(), &rest[..]].concat()
    }

    /// Hop-by-hop with a router alert (RFC 2711 section 2.1), destination options of 16 bytes, an
    /// authentication header of 24 bytes, an atomic fragment (RFC 6946), then UDP.
    pub(in crate::wire) fn all_kinds() -> Vec<u8> {
        let hop_by_hop = [60, 0, 5, 2, 0, 0, 1, 0];
        let options = [51, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let authentication = {
            let mut bytes = [0xee; 24];
            bytes[..2].copy_from_slice(&[44, 4]);
            bytes
        };
        let atomic = [17, 0, 0, 0, 0, 0, 0, 9];
        packet(IpProtocol(0), &[&hop_by_hop, &options, &authentication, &atomic, b"datagram"])
    }

    #[test]
    fn parse_reads_past_every_kind() {
        let bytes = all_kinds();
        let packet = Ipv6Packet::parse(&bytes).unwrap();
        assert_eq!((packet.protocol(), packet.payload()), (IpProtocol::UDP, &b"datagram"[..]));
        assert_eq!((packet.payload_offset(), packet.is_fragment()), (96, false));
        assert_eq!(packet.fragment().unwrap().id(), 9);
    }

    #[test]
    fn the_payload_of_a_fragment_follows_its_header() {
        for fragment in crate::wire::ipv6::fragment::tests::CAPTURED {
            let bytes = packet(IpProtocol::FRAGMENT, &[&fragment, b"payload"]);
            let packet = Ipv6Packet::parse(&bytes).unwrap();
            assert_eq!(
                (packet.protocol(), packet.payload()),
                (IpProtocol::ICMPV6, &b"payload"[..])
            );
            assert_eq!((packet.payload_offset(), packet.extensions()), (48, &fragment[..]));
            assert!(packet.is_fragment());
        }
    }

    #[test]
    fn a_ninth_extension_header_is_refused() {
        let options = [60, 0, 1, 4, 0, 0, 0, 0];
        let last = [17, 0, 1, 4, 0, 0, 0, 0];
        let eight = [options.repeat(7), last.to_vec()].concat();
        let bytes = packet(IpProtocol::DESTINATION_OPTIONS, &[&eight]);
        assert_eq!(Ipv6Packet::parse(&bytes).unwrap().payload_offset(), 40 + 64);
        let bytes = packet(IpProtocol::DESTINATION_OPTIONS, &[&options.repeat(8), &last]);
        let error = ParseError::too_many_extensions(64, 8);
        assert_eq!(Ipv6Packet::parse(&bytes).unwrap_err(), error);
    }

    #[test]
    fn hop_by_hop_options_are_an_extension_only_at_the_front() {
        let bytes = packet(IpProtocol::DESTINATION_OPTIONS, &[&[0, 0, 1, 4, 0, 0, 0, 0], &[17; 8]]);
        let packet = Ipv6Packet::parse(&bytes).unwrap();
        assert_eq!((packet.protocol(), packet.payload_offset()), (IpProtocol::HOP_BY_HOP, 48));
    }

    #[test]
    fn after_a_fragment_offset_nothing_is_an_extension_header() {
        let fragment = [60, 0, 0x05, 0x78, 0, 0, 0, 1];
        let bytes = packet(IpProtocol::FRAGMENT, &[&fragment, &[0xff; 8]]);
        let packet = Ipv6Packet::parse(&bytes).unwrap();
        assert_eq!(packet.protocol(), IpProtocol::DESTINATION_OPTIONS);
        assert_eq!(packet.payload(), [0xff; 8]);
    }

    #[test]
    fn a_second_fragment_header_does_not_hide_the_first() {
        let (fragment, atomic) = ([44, 0, 0, 1, 0, 0, 0, 1], [17, 0, 0, 0, 0, 0, 0, 2]);
        let bytes = packet(IpProtocol::FRAGMENT, &[&fragment, &atomic, b"datagram"]);
        assert!(Ipv6Packet::parse(&bytes).unwrap().is_fragment());
        let (atomic, fragment) = ([44, 0, 0, 0, 0, 0, 0, 1], [17, 0, 0, 1, 0, 0, 0, 2]);
        let bytes = packet(IpProtocol::FRAGMENT, &[&atomic, &fragment, b"datagram"]);
        assert!(Ipv6Packet::parse(&bytes).unwrap().is_fragment());
    }

    #[test]
    fn final_destination_is_the_routing_headers_last_address() {
        let end = |kind: u8, segments_left: u8| {
            let (first, last) = ([0x11; 16], [0x22; 16]);
            let routing = [17, 4, kind, segments_left, 0, 0, 0, 0];
            let bytes = packet(IpProtocol::ROUTING, &[&routing, &first, &last, b"datagram"]);
            let packet = Ipv6Packet::parse(&bytes).unwrap();
            assert_eq!(packet.payload(), b"datagram");
            assert_eq!(packet.pseudo_header().is_some(), packet.final_destination().is_some());
            assert_eq!(packet.has_segments_left(), segments_left != 0);
            packet.final_destination()
        };
        let (first, last) = (Ipv6Addr::from([0x11; 16]), Ipv6Addr::from([0x22; 16]));
        let header = "fd00::2".parse().unwrap();
        assert_eq!(end(0, 2), Some(last));
        assert_eq!(end(4, 1), Some(first));
        assert_eq!((end(0, 0), end(4, 0), end(3, 0)), (Some(header), Some(header), Some(header)));
        assert_eq!(end(3, 1), None);
    }

    quickcheck! {
        fn the_parts_of_any_packet_are_its_bytes(chain: Vec<u8>, next: u8) -> bool {
            let bytes = packet(IpProtocol(next), &[&chain]);
            Ipv6Packet::parse(&bytes).map_or(true, |packet| {
                [packet.extensions(), packet.payload()].concat() == chain
                    && packet.payload_offset() + packet.payload().len() == bytes.len()
            })
        }
    }
}
