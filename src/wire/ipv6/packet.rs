//! A parsed IPv6 packet, and one to edit.

use core::net::Ipv6Addr;

use super::extension::ExtensionKind;
use super::{Ipv6FragmentHeader, Ipv6Header};
use crate::wire::len::add_len;
use crate::wire::{IpProtocol, Layer, ParseError, PseudoHeader};

/// A parsed IPv6 packet, its extension headers included (RFC 8200 sections 3 and 4): version 6, the
/// payload length within the bytes, each extension header within the payload.
///
/// ```text
/// |  Next Header  |  Hdr Ext Len  |  body: in all 8 * (len + 1) bytes, AH 4 * (len + 2)
/// ```
///
/// The chain of extension headers ends at anything that is not a hop-by-hop options, routing,
/// fragment, destination options or authentication header (RFC 4302): ESP, "no next header" and
/// unknown numbers are the packet's protocol. Hop-by-hop options are an extension only directly
/// after the IPv6 header (section 4.1). Options and reserved bits are not interpreted.
///
/// # Examples
///
/// ```
/// use vtep::wire::{IpProtocol, Ipv6Header, Ipv6Packet};
///
/// // Hop-by-hop options with a router alert, then ICMPv6.
/// let rest = [58, 0, 5, 2, 0, 0, 1, 0, 131, 0, 0, 0];
/// let (from, to) = ("fe80::2".parse()?, "ff02::1".parse()?);
/// let mut header = Ipv6Header::new(from, to, IpProtocol::HOP_BY_HOP);
/// header.set_payload_len(12);
/// let bytes = [header.as_bytes(), &rest[..]].concat();
///
/// let packet = Ipv6Packet::parse(&bytes)?;
/// assert_eq!((packet.protocol(), packet.payload_offset()), (IpProtocol::ICMPV6, 48));
/// assert_eq!(packet.payload(), [131, 0, 0, 0]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ipv6Packet<'a> {
    pub(super) header: &'a Ipv6Header,
    pub(super) extensions: &'a [u8],
    pub(super) payload: &'a [u8],
    pub(super) protocol: IpProtocol,
    pub(super) fragment: Option<&'a Ipv6FragmentHeader>,
    pub(super) final_destination: Option<Ipv6Addr>,
    pub(super) has_segments_left: bool,
}

impl<'a> Ipv6Packet<'a> {
    /// The most extension headers that are parsed: each of RFC 8200's once, destination options
    /// twice, and two to spare. None is longer than 2048 bytes, so all of them have at most 16 KiB.
    pub const MAX_EXTENSIONS: usize = 8;

    /// Parses a packet. Bytes after its payload length are padding and are cut off. A jumbogram
    /// (RFC 2675) has a payload length of 0, and is refused because its hop-by-hop header is
    /// missing.
    ///
    /// # Errors
    /// - `Truncated` if the header, or the packet, is incomplete, or an extension header reaches
    ///   beyond the packet.
    /// - `Unsupported` for another version.
    /// - `TooManyExtensions` for more than [`MAX_EXTENSIONS`](Self::MAX_EXTENSIONS).
    ///
    /// Offsets in [`Layer::Ipv6Extension`] count from the first extension header.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, rest) = Ipv6Header::ref_from_prefix(bytes)?;
        let payload_len = usize::from(header.payload_len());
        if header.version() == 6 && rest.len() < payload_len {
            let needed = add_len(Ipv6Header::LEN, payload_len);
            return Err(ParseError::truncated(Layer::Ipv6, needed, bytes.len()));
        }
        Self::parse_head(bytes)
    }

    /// Parses a packet of which only the front is available: as [`parse`](Self::parse) does, but
    /// the payload may end before the payload length does.
    ///
    /// # Errors
    /// As for `parse`, but `Truncated` only if a header is incomplete.
    #[inline]
    pub fn parse_head(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (header, rest) = Ipv6Header::ref_from_prefix(bytes)?;
        if header.version() != 6 {
            let found = u16::from(header.version());
            return Err(ParseError::unsupported(Layer::Ipv6, 0, 6, found));
        }
        let payload_len = usize::from(header.payload_len());
        let payload = rest.get(..payload_len).unwrap_or(rest);
        if ExtensionKind::of(header.next_header()).is_some() {
            return Self::parse_extensions(header, payload);
        }
        Ok(Self::without_extensions(header, payload))
    }

    /// The IPv6 header.
    #[must_use]
    #[inline]
    pub const fn header(&self) -> &'a Ipv6Header {
        self.header
    }

    /// The extension headers that were parsed past, from the IPv6 header to the transport.
    #[must_use]
    #[inline]
    pub const fn extensions(&self) -> &'a [u8] {
        self.extensions
    }

    /// The offset of the payload, in bytes from the start of the IPv6 header.
    #[must_use]
    #[inline]
    pub const fn payload_offset(&self) -> usize {
        add_len(Ipv6Header::LEN, self.extensions.len())
    }

    /// The protocol of the payload. In a fragment that is not the first it is the first header of
    /// the fragmented part, which may be an extension header.
    #[must_use]
    #[inline]
    pub const fn protocol(&self) -> IpProtocol {
        self.protocol
    }

    /// What follows the extension headers. It ends where the payload length says.
    #[must_use]
    #[inline]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The fragment header, `None` if absent: of several, the first that makes the packet a
    /// fragment.
    #[must_use]
    #[inline]
    pub const fn fragment(&self) -> Option<&'a Ipv6FragmentHeader> {
        self.fragment
    }

    /// Returns whether it is one fragment of several.
    #[must_use]
    #[inline]
    pub const fn is_fragment(&self) -> bool {
        match self.fragment {
            Some(fragment) => fragment.is_fragment(),
            None => false,
        }
    }

    /// The final destination: the last address of a routing header that has segments left, else the
    /// header's destination. `None` if a routing header with segments left is of a type other than
    /// 0 (RFC 8200), 2 (RFC 6275) and 4 (RFC 8754): its addresses cannot be read.
    #[must_use]
    #[inline]
    pub const fn final_destination(&self) -> Option<Ipv6Addr> {
        self.final_destination
    }

    /// Returns whether a routing header has segments left: the packet has further to go than the
    /// header's destination (RFC 8200 section 4.4), even if that is the last address too.
    #[must_use]
    #[inline]
    pub const fn has_segments_left(&self) -> bool {
        self.has_segments_left
    }

    /// Returns the pseudo-header that the payload's checksum covers (RFC 8200 section 8.1), `None`
    /// if the [`final_destination`](Self::final_destination) is not known.
    #[must_use]
    #[inline]
    pub const fn pseudo_header(&self) -> Option<PseudoHeader> {
        match self.final_destination {
            Some(end) => Some(PseudoHeader::v6(self.header.source(), end, self.protocol)),
            None => None,
        }
    }

    #[inline]
    pub(super) const fn without_extensions(header: &'a Ipv6Header, payload: &'a [u8]) -> Self {
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
}

/// A parsed IPv6 packet that can be edited in place.
///
/// It has plain fields, so that header, extension headers and payload can be borrowed at once.
///
/// # Examples
///
/// ```
/// # use vtep::wire::{Build, Ipv6Builder, UdpBuilder};
/// use vtep::wire::{Ipv6PacketMut, UdpDatagramMut};
///
/// # let (from, to) = ("fd00::1".parse()?, "fd00::2".parse()?);
/// # let mut buffer = [0; 52];
/// # let bytes = Ipv6Builder::new(from, to, UdpBuilder::new(1, 2, b"ping")).build(&mut buffer)?;
/// let ipv6 = Ipv6PacketMut::parse(bytes)?;
/// let old = ipv6.header.source();
/// let new = "fd00::9".parse()?;
/// ipv6.header.set_source(new);
/// UdpDatagramMut::parse(ipv6.payload)?.header.update_checksum(old, new);
/// # let ipv6 = vtep::wire::Ipv6Packet::parse(bytes)?;
/// # let udp = vtep::wire::UdpDatagram::parse(ipv6.payload())?;
/// # let state = udp.checksum_state(&ipv6.pseudo_header().ok_or("no address")?);
/// # assert_eq!(state, vtep::wire::UdpChecksumState::Good);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Ipv6PacketMut<'a> {
    /// The IPv6 header.
    pub header: &'a mut Ipv6Header,
    /// The extension headers.
    pub extensions: &'a mut [u8],
    /// The protocol of the payload. It is a copy: writing it changes no byte.
    pub protocol: IpProtocol,
    /// The payload, delimited by the payload length at the time of parsing.
    pub payload: &'a mut [u8],
}

impl<'a> Ipv6PacketMut<'a> {
    /// Parses a packet, as [`Ipv6Packet::parse`] does.
    ///
    /// # Errors
    /// As for `Ipv6Packet::parse`.
    #[inline]
    pub fn parse(bytes: &'a mut [u8]) -> Result<Self, ParseError> {
        let packet = Ipv6Packet::parse(bytes)?;
        let (extensions_len, payload_len) = (packet.extensions.len(), packet.payload.len());
        let protocol = packet.protocol;
        let truncated = ParseError::truncated(
            Layer::Ipv6,
            add_len(packet.payload_offset(), payload_len),
            bytes.len(),
        );
        let (header, rest) = Ipv6Header::mut_from_prefix(bytes)?;
        let (extensions, rest) = rest.split_at_mut_checked(extensions_len).ok_or(truncated)?;
        let payload = rest.get_mut(..payload_len).ok_or(truncated)?;
        Ok(Self { header, extensions, protocol, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ipv6::extension::tests::{all_kinds, packet};

    #[test]
    fn parse_reads_any_protocol_without_extensions() {
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

    #[test]
    fn parse_refuses_every_truncation_and_cuts_padding() {
        let bytes = all_kinds();
        for len in 0..bytes.len() {
            let needed = if len < 40 { 40 } else { bytes.len() };
            let error = ParseError::truncated(Layer::Ipv6, needed, len);
            assert_eq!(Ipv6Packet::parse(&bytes[..len]).unwrap_err(), error);
        }
        // The same with a payload length that agrees: it ends within the chain, or within the
        // payload.
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
    fn parse_to_edit_finds_the_same_parts() {
        let mut bytes = all_kinds();
        bytes.extend([0xff; 3]);
        let mut copy = bytes.clone();
        let packet = Ipv6Packet::parse(&bytes).unwrap();
        let edited = Ipv6PacketMut::parse(&mut copy).unwrap();
        assert_eq!(edited.header, packet.header());
        assert_eq!((&*edited.extensions, &*edited.payload), (packet.extensions, packet.payload));
        assert_eq!(edited.protocol, packet.protocol);
        for len in 0..bytes.len() - 3 {
            let error = Ipv6Packet::parse(&bytes[..len]).unwrap_err();
            assert_eq!(Ipv6PacketMut::parse(&mut copy[..len]).unwrap_err(), error);
        }
    }

    #[test]
    fn parse_refuses_another_version() {
        let mut bytes = packet(IpProtocol::UDP, &[]);
        bytes[0] = 0x45;
        let error = ParseError::unsupported(Layer::Ipv6, 0, 6, 4);
        assert_eq!(Ipv6Packet::parse(&bytes).unwrap_err(), error);
    }
}
