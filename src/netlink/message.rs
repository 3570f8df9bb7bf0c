//! Netlink messages in a buffer, and what each says, by its type.

use core::fmt;

use super::addr::AddressMessage;
use super::answer::{Done, ErrorMessage};
use super::header::{HEADER, Header, MessageError, MessageType};
use super::link::LinkMessage;
use super::neigh::NeighbourMessage;
use super::route::RouteMessage;
use super::value::Family;
use super::writer::{RequestError, Writer, build};

/// One message whose bytes are all there.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its header.
    pub header: Header,
    payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// What follows the header, without padding.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Parses what follows the header by the message's type.
    ///
    /// # Errors
    /// - [`MessageError::Body`] if the fixed part of that type is not whole.
    /// - [`MessageError::IfIndex`] if its interface index is negative.
    pub fn body(&self) -> Result<Body<'a>, MessageError> {
        let payload = self.payload;
        let kind = self.header.kind;
        let body = match kind {
            MessageType::ERROR => Body::Error(ErrorMessage::parse(self.header.flags, payload)?),
            MessageType::DONE => Body::Done(Done::parse(self.header.flags, payload)?),
            _ if is_general(kind, payload) => Body::General(payload),
            MessageType::NEWLINK | MessageType::DELLINK | MessageType::GETLINK => {
                Body::Link(LinkMessage::parse(payload)?)
            }
            MessageType::NEWADDR | MessageType::DELADDR | MessageType::GETADDR => {
                Body::Address(AddressMessage::parse(payload)?)
            }
            MessageType::NEWROUTE | MessageType::DELROUTE | MessageType::GETROUTE => {
                Body::Route(RouteMessage::parse(payload)?)
            }
            MessageType::NEWNEIGH | MessageType::DELNEIGH | MessageType::GETNEIGH => {
                Body::Neighbour(NeighbourMessage::parse(payload)?)
            }
            _ => Body::Other(payload),
        };
        Ok(body)
    }

    /// Builds the message again from its decoded parts; the length in bytes.
    ///
    /// # Errors
    /// [`RebuildError`] if the body is malformed or `buffer` too short; `buffer` is then as it was.
    pub fn rebuild(&self, buffer: &mut [u8]) -> Result<usize, RebuildError> {
        let body = self.body().map_err(RebuildError::Message)?;
        build(buffer, self.header, |writer| body.emit(writer)).map_err(RebuildError::Build)
    }
}

/// Whether a GET request has the short body of `struct rtgenmsg`, a family alone: Go's standard
/// library and others ask for dumps so, in 17 bytes.
fn is_general(kind: MessageType, payload: &[u8]) -> bool {
    let fixed = match kind {
        MessageType::GETLINK => 16,
        MessageType::GETADDR => 8,
        MessageType::GETROUTE | MessageType::GETNEIGH => 12,
        _ => return false,
    };
    !payload.is_empty() && payload.len() < fixed
}

/// What a message says.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Body<'a> {
    /// An error, or with code 0 an acknowledgement.
    Error(ErrorMessage<'a>),
    /// The end of a dump.
    Done(Done<'a>),
    /// A GET request with only an address family, in the first byte (`struct rtgenmsg`).
    General(&'a [u8]),
    /// A link.
    Link(LinkMessage<'a>),
    /// An address of a link.
    Address(AddressMessage<'a>),
    /// A route.
    Route(RouteMessage<'a>),
    /// A neighbour: an ARP or ND entry, or with [`Family::BRIDGE`] an FDB entry.
    Neighbour(NeighbourMessage<'a>),
    /// Of a type that is not known.
    Other(&'a [u8]),
}

impl<'a> Body<'a> {
    /// Appends it to a message.
    pub fn emit(self, writer: &mut Writer<'_>) {
        match self {
            Self::Error(error) => error.emit(writer),
            Self::Done(done) => done.emit(writer),
            Self::General(bytes) | Self::Other(bytes) => writer.bytes(bytes),
            Self::Link(link) => link.emit(writer),
            Self::Address(address) => address.emit(writer),
            Self::Route(route) => route.emit(writer),
            Self::Neighbour(neighbour) => neighbour.emit(writer),
        }
    }

    /// Returns the bytes after the last attribute, which are not an attribute: Linux passes over
    /// them, with a warning to the sender (NLMSGERR_ATTR_MSG), and sends none. Empty in most
    /// messages, and if the message does not have attributes.
    #[must_use]
    pub fn trailing(self) -> &'a [u8] {
        match self {
            Self::Error(error) => error.attrs().trailing(),
            Self::Done(done) => done.attrs().trailing(),
            Self::Link(link) => link.attrs().trailing(),
            Self::Address(address) => address.attrs().trailing(),
            Self::Route(route) => route.attrs().trailing(),
            Self::Neighbour(neighbour) => neighbour.attrs().trailing(),
            Self::General(_) | Self::Other(_) => &[],
        }
    }

    /// The address family that it is about; none of errors, DONE and what is not known.
    #[must_use]
    pub fn family(self) -> Option<Family> {
        match self {
            Self::General(bytes) => bytes.first().copied().map(Family),
            Self::Link(link) => Some(link.header.family),
            Self::Address(address) => Some(address.header.family),
            Self::Route(route) => Some(route.header.family),
            Self::Neighbour(neighbour) => Some(neighbour.header.family),
            Self::Error(_) | Self::Done(_) | Self::Other(_) => None,
        }
    }
}

/// A walk over the messages in a buffer, each padded to four bytes. The first that is
/// malformed is returned as an error and ends the walk.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// A walk over what was received.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, MessageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let taken = split_message(self.rest);
        self.rest = taken.map_or(&[], |(_, rest)| rest);
        Some(taken.map(|(message, _)| message))
    }
}

fn split_message(bytes: &[u8]) -> Result<(Message<'_>, &[u8]), MessageError> {
    let available = bytes.len();
    let header = bytes.first_chunk().ok_or(MessageError::Header { available })?;
    let (length, header) = Header::from_bytes(*header);
    let wrong = MessageError::Length { len: length, available };
    let end = usize::try_from(length).map_err(|_| wrong)?;
    let payload = bytes.get(HEADER..end).ok_or(wrong)?;
    let rest = end.checked_next_multiple_of(4).and_then(|next| bytes.get(next..)).unwrap_or(&[]);
    Ok((Message { header, payload }, rest))
}

/// A message that cannot be built again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum RebuildError {
    /// Its body is malformed.
    Message(MessageError),
    /// It cannot be laid into the buffer.
    Build(RequestError),
}

impl fmt::Display for RebuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(error) => fmt::Display::fmt(error, f),
            Self::Build(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl core::error::Error for RebuildError {}
