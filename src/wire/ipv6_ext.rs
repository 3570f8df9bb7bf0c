//! An IPv6 packet, its extension headers walked to the transport (RFC 8200 section 4; AH RFC 4302).
//!
//! ```text
//! |  Next Header  |  Hdr Ext Len  |  body: in all 8 * (len + 1) bytes, AH 4 * (len + 2)
//! ```
//!
//! The walk ends at anything that is not a hop-by-hop options, routing, fragment, destination options or
//! authentication header: ESP, "no next header" and unknown numbers are the packet's protocol. Hop-by-hop
//! options are an extension directly behind the IPv6 header alone (section 4.1). Options and the reserved
//! bits are not looked at.

use core::net::Ipv6Addr;

use super::{IpProtocol, Ipv6FragmentHeader, Ipv6Header, Layer, ParseError, PseudoHeader};

/// A packet whose lengths agree: version 6, the payload length within the bytes, each extension header
/// within the payload.
#[derive(Clone, Copy, Debug)]
pub struct Ipv6Packet<'a> {
    header: &'a Ipv6Header,
    extensions: &'a [u8],
    payload: &'a [u8],
    protocol: IpProtocol,
    fragment: Option<&'a Ipv6FragmentHeader>,
    final_destination: Option<Ipv6Addr>,
    has_segments_left: bool,
}

impl<'a> Ipv6Packet<'a> {
    /// The most extension headers that are walked: each of RFC 8200's once, destination options twice, and
    /// two to spare. None is longer than 2048 bytes, so all of them have at most 16 KiB.
    pub const MAX_EXTENSIONS: usize = 8;

    /// Reads a packet; bytes behind its payload length are padding and are cut off. A jumbogram (RFC 2675)
    /// says a payload length of 0, and is refused for its missing hop-by-hop header.
    ///
    /// # Errors
    /// `Truncated` for a header, or a packet, that is not all there, or for an extension header that
    /// reaches beyond the packet; `Unsupported` for another version; `TooManyExtensions`. Offsets in
    /// [`Layer::Ipv6Extension`] count from the first extension header.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, rest) = Ipv6Header::ref_from_prefix(bytes)?;
        let payload_len = usize::from(header.payload_len());
        if header.version() == 6 && rest.len() < payload_len {
            let needed = Ipv6Header::LEN.saturating_add(payload_len);
            return Err(ParseError::truncated(Layer::Ipv6, needed, bytes.len()));
        }
        Self::parse_head(bytes)
    }

    /// Reads a packet of which only the front is at hand: as [`parse`](Self::parse), but the payload may end
    /// before the payload length does.
    ///
    /// # Errors
    /// As for `parse`; `Truncated` only where the headers are not all there.
    #[inline]
    pub fn parse_head(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, rest) = Ipv6Header::ref_from_prefix(bytes)?;
        if header.version() != 6 {
            let got = u16::from(header.version());
            return Err(ParseError::unsupported(Layer::Ipv6, 0, 6, got));
        }
        let payload_len = usize::from(header.payload_len());
        let payload = rest.get(..payload_len).unwrap_or(rest);
        if Kind::of(header.next_header()).is_some() {
            return Self::walk(header, payload);
        }
        Ok(Self::without_extensions(header, payload))
    }

    /// The IPv6 header.
    #[must_use]
    #[inline]
    pub const fn header(&self) -> &'a Ipv6Header {
        self.header
    }

    /// The extension headers that were walked, from the IPv6 header to the transport.
    #[must_use]
    #[inline]
    pub const fn extensions(&self) -> &'a [u8] {
        self.extensions
    }

    /// Where the payload stands in the packet, in bytes from the start of the IPv6 header.
    #[must_use]
    #[inline]
    pub const fn payload_offset(&self) -> usize {
        Ipv6Header::LEN.saturating_add(self.extensions.len())
    }

    /// What the payload is. Behind a fragment header with an offset it is what the first fragment begins
    /// with, and may be an extension header.
    #[must_use]
    #[inline]
    pub const fn protocol(&self) -> IpProtocol {
        self.protocol
    }

    /// What follows the extension headers, as far as the payload length says.
    #[must_use]
    #[inline]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The fragment header: of several, the first that makes the packet a fragment.
    #[must_use]
    #[inline]
    pub const fn fragment(&self) -> Option<&'a Ipv6FragmentHeader> {
        self.fragment
    }

    /// Whether it is one fragment of several.
    #[must_use]
    #[inline]
    pub const fn is_fragment(&self) -> bool {
        match self.fragment {
            Some(fragment) => fragment.is_fragment(),
            None => false,
        }
    }

    /// Where the packet is going in the end: the last address of a routing header that has segments left,
    /// else the header's destination. `None` behind a routing header, segments left, of a type other than
    /// 0 (RFC 8200), 2 (RFC 6275) and 4 (RFC 8754), whose addresses cannot be read.
    #[must_use]
    #[inline]
    pub const fn final_destination(&self) -> Option<Ipv6Addr> {
        self.final_destination
    }

    /// Returns whether a routing header has segments left: the packet has further to go than the header's
    /// destination (RFC 8200 section 4.4), even if that is the last address too.
    #[must_use]
    #[inline]
    pub const fn has_segments_left(&self) -> bool {
        self.has_segments_left
    }

    /// What the payload's checksum covers beside the payload (RFC 8200 section 8.1); `None` where the
    /// [`final_destination`](Self::final_destination) is not known.
    #[must_use]
    #[inline]
    pub const fn pseudo_header(&self) -> Option<PseudoHeader> {
        match self.final_destination {
            Some(end) => Some(PseudoHeader::v6(self.header.source(), end, self.protocol)),
            None => None,
        }
    }

    #[inline]
    const fn without_extensions(header: &'a Ipv6Header, payload: &'a [u8]) -> Self {
        Self {
            header,
            extensions: &[],
            payload,
            protocol: header.next_header(),
            fragment: None,
            final_destination: Some(header.destination()),
            has_segments_left: false,
        }
    }

    #[cold]
    fn walk(header: &'a Ipv6Header, chain: &'a [u8]) -> Result<Self, ParseError> {
        let mut packet = Self::without_extensions(header, chain);
        for _ in 0..Self::MAX_EXTENSIONS {
            let Some(kind) = packet.next_extension() else { return Ok(packet) };
            packet.step(kind, chain)?;
        }
        if packet.next_extension().is_some() {
            let at = packet.extensions.len();
            return Err(ParseError::too_many_extensions(at, Self::MAX_EXTENSIONS));
        }
        Ok(packet)
    }

    /// The extension header that the payload begins with.
    fn next_extension(&self) -> Option<Kind> {
        if self.fragment.is_some_and(|fragment| fragment.offset().units() != 0) {
            return None;
        }
        Kind::of(self.protocol).filter(|kind| *kind != Kind::HopByHop || self.extensions.is_empty())
    }

    /// Goes over one extension header. `chain` is all that follows the IPv6 header.
    fn step(&mut self, kind: Kind, chain: &'a [u8]) -> Result<(), ParseError> {
        let at = self.extensions.len();
        let truncated = |len: usize| {
            ParseError::truncated(Layer::Ipv6Extension, at.saturating_add(len), chain.len())
        };
        let (front, _) = self.payload.split_first_chunk::<8>().ok_or(truncated(8))?;
        let len = kind.len(front[1]);
        let extension = self.payload.get(..len).ok_or(truncated(len))?;
        self.protocol = IpProtocol(front[0]);
        match kind {
            Kind::Fragment if !self.is_fragment() => {
                self.fragment = Some(Ipv6FragmentHeader::ref_from_prefix(extension)?.0);
            }
            Kind::Routing => self.route(extension),
            _ => {}
        }
        let (extensions, payload) =
            chain.split_at_checked(at.saturating_add(len)).unwrap_or_default();
        (self.extensions, self.payload) = (extensions, payload);
        Ok(())
    }

    /// Takes the final destination from a routing header with segments left.
    fn route(&mut self, routing: &[u8]) {
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

/// An extension header that can be stepped over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    HopByHop,
    Routing,
    Fragment,
    Authentication,
    DestinationOptions,
}

impl Kind {
    #[inline]
    const fn of(protocol: IpProtocol) -> Option<Self> {
        match protocol {
            IpProtocol::HOP_BY_HOP => Some(Self::HopByHop),
            IpProtocol::ROUTING => Some(Self::Routing),
            IpProtocol::FRAGMENT => Some(Self::Fragment),
            IpProtocol::AUTHENTICATION => Some(Self::Authentication),
            IpProtocol::DESTINATION_OPTIONS => Some(Self::DestinationOptions),
            _ => None,
        }
    }

    /// The length in bytes that the header's second byte says: in units of 8 without the first 8, for AH in
    /// units of 4 without the first 8 (RFC 4302 section 2.2). The fragment header has none.
    fn len(self, field: u8) -> usize {
        let units = usize::from(field);
        match self {
            Self::Fragment => Ipv6FragmentHeader::LEN,
            Self::Authentication => units.saturating_add(2).saturating_mul(4),
            _ => units.saturating_add(1).saturating_mul(8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;
    use std::vec::Vec;

    /// A packet with these bytes behind its IPv6 header, the first of which is a `next_header`.
    fn packet(next_header: IpProtocol, behind: &[&[u8]]) -> Vec<u8> {
        let behind = behind.concat();
        let (source, destination) = (Ipv6Addr::LOCALHOST, "fd00::2".parse().unwrap());
        let mut header = Ipv6Header::new(source, destination, next_header);
        header.set_payload_len(u16::try_from(behind.len()).unwrap());
        [header.as_bytes(), &behind[..]].concat()
    }

    #[test]
    fn a_fragments_payload_stands_behind_its_header() {
        for fragment in crate::wire::ipv6_fragment::tests::CAPTURED {
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
    fn without_extensions_nothing_is_walked() {
        for protocol in [6, 17, 50, 58, 59, 132, 253] {
            let bytes = packet(IpProtocol(protocol), &[&[1, 2, 3]]);
            let packet = Ipv6Packet::parse(&bytes).unwrap();
            assert_eq!(
                (packet.protocol(), packet.payload()),
                (IpProtocol(protocol), &[1, 2, 3][..])
            );
            assert_eq!((packet.payload_offset(), packet.is_fragment()), (40, false));
        }
    }

    /// Hop-by-hop with a router alert (RFC 2711 section 2.1), destination options of 16 bytes, an
    /// authentication header of 24 bytes, an atomic fragment (RFC 6946), then UDP.
    fn all_kinds() -> Vec<u8> {
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
    fn every_kind_is_walked() {
        let bytes = all_kinds();
        let packet = Ipv6Packet::parse(&bytes).unwrap();
        assert_eq!((packet.protocol(), packet.payload()), (IpProtocol::UDP, &b"datagram"[..]));
        assert_eq!((packet.payload_offset(), packet.is_fragment()), (96, false));
        assert_eq!(packet.fragment().unwrap().id(), 9);
    }

    #[test]
    fn every_truncation_is_refused_and_padding_is_cut() {
        let bytes = all_kinds();
        for len in 0..bytes.len() {
            let needed = if len < 40 { 40 } else { bytes.len() };
            let error = ParseError::truncated(Layer::Ipv6, needed, len);
            assert_eq!(Ipv6Packet::parse(&bytes[..len]).unwrap_err(), error);
        }
        // The same with a payload length that agrees: it ends within the chain, or within the payload.
        for payload_len in 0..bytes.len() - 40 {
            let mut cut = bytes.clone();
            cut[5] = u8::try_from(payload_len).unwrap();
            match Ipv6Packet::parse(&cut) {
                Ok(packet) => assert_eq!(packet.payload().len(), payload_len - 56),
                Err(error) => {
                    assert!(payload_len < 56);
                    assert_eq!((error.layer, error.offset), (Layer::Ipv6Extension, payload_len));
                }
            }
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
    fn hop_by_hop_options_stand_first_alone() {
        let bytes = packet(IpProtocol::DESTINATION_OPTIONS, &[&[0, 0, 1, 4, 0, 0, 0, 0], &[17; 8]]);
        let packet = Ipv6Packet::parse(&bytes).unwrap();
        assert_eq!((packet.protocol(), packet.payload_offset()), (IpProtocol::HOP_BY_HOP, 48));
    }

    #[test]
    fn behind_an_offset_nothing_is_an_extension_header() {
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
    fn a_routing_header_says_the_final_destination() {
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

    #[test]
    fn another_version_is_refused() {
        let mut bytes = packet(IpProtocol::UDP, &[]);
        bytes[0] = 0x45;
        let error = ParseError::unsupported(Layer::Ipv6, 0, 6, 4);
        assert_eq!(Ipv6Packet::parse(&bytes).unwrap_err(), error);
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
