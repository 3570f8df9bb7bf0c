//! The header of every message (`struct nlmsghdr`, `include/uapi/linux/netlink.h`).

use core::fmt;

use bitflags::bitflags;

use super::ifindex::IfIndexError;
use super::native::NlMsgHdr;

/// Bytes of a message's header, its length field included.
pub(super) const HEADER: usize = 16;

/// What a message is (`nlmsg_type`; from 16 on `RTM_*`, `include/uapi/linux/rtnetlink.h`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MessageType(pub u16);

impl MessageType {
    /// Nothing (NLMSG_NOOP).
    pub const NOOP: Self = Self(1);
    /// An error, or an acknowledgement (NLMSG_ERROR).
    pub const ERROR: Self = Self(2);
    /// The end of a dump (NLMSG_DONE).
    pub const DONE: Self = Self(3);
    /// Messages were lost (NLMSG_OVERRUN). Linux reports that by an error of the socket instead
    /// (ENOBUFS).
    pub const OVERRUN: Self = Self(4);
    /// A link that is, or is to be (RTM_NEWLINK).
    pub const NEWLINK: Self = Self(16);
    /// A link that went, or is to go (RTM_DELLINK).
    pub const DELLINK: Self = Self(17);
    /// A request for links (RTM_GETLINK).
    pub const GETLINK: Self = Self(18);
    /// An address that is, or is to be (RTM_NEWADDR).
    pub const NEWADDR: Self = Self(20);
    /// An address that went, or is to go (RTM_DELADDR).
    pub const DELADDR: Self = Self(21);
    /// A request for addresses (RTM_GETADDR).
    pub const GETADDR: Self = Self(22);
    /// A route that is, or is to be (RTM_NEWROUTE).
    pub const NEWROUTE: Self = Self(24);
    /// A route that went, or is to go (RTM_DELROUTE).
    pub const DELROUTE: Self = Self(25);
    /// A request for routes (RTM_GETROUTE).
    pub const GETROUTE: Self = Self(26);
    /// A neighbour that is, or is to be (RTM_NEWNEIGH).
    pub const NEWNEIGH: Self = Self(28);
    /// A neighbour that went, or is to go (RTM_DELNEIGH).
    pub const DELNEIGH: Self = Self(29);
    /// A request for neighbours (RTM_GETNEIGH).
    pub const GETNEIGH: Self = Self(30);

    /// Whether it is a message of netlink itself, which says nothing of a link, an address, a route
    /// or a neighbour: the types below NLMSG_MIN_TYPE.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.0 < 16
    }
}

bitflags! {
    /// `nlmsg_flags`. The bits from 0x100 on mean one thing on a request for something new, another
    /// on a request for a dump, a third on an answer.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub struct MessageFlags: u16 {
        /// A request to the kernel.
        const REQUEST = 0x1;
        /// One of several, ended by [`MessageType::DONE`].
        const MULTI = 0x2;
        /// Answer with an acknowledgement.
        const ACK = 0x4;
        /// The dump changed while it was read: what was read may be neither the old state nor the
        /// new.
        const DUMP_INTR = 0x10;
        /// The dump holds only what the request asked for.
        const DUMP_FILTERED = 0x20;
        /// On a request for something new: put it in the place of what is there.
        const REPLACE = 0x100;
        /// On a request for something new: fail when it is there already.
        const EXCL = 0x200;
        /// On a request for something new: make it when it is not there.
        const CREATE = 0x400;
        /// On a request for something new: put it after what is there.
        const APPEND = 0x800;
        /// On a GET request: all that there is, not one.
        const DUMP = 0x300;
        /// On an error: the request is not given back beyond its header.
        const CAPPED = 0x100;
        /// On an error: extended acknowledgement attributes follow.
        const ACK_TLVS = 0x200;
        /// Bits without a name here are kept.
        const _ = !0;
    }
}

impl MessageFlags {
    /// A request that fails when the thing is there: REQUEST, ACK, CREATE, EXCL.
    pub const ADD: Self = Self::REQUEST.union(Self::ACK).union(Self::CREATE).union(Self::EXCL);
    /// A request that overwrites: REQUEST, ACK, CREATE, REPLACE.
    pub const SET: Self = Self::REQUEST.union(Self::ACK).union(Self::CREATE).union(Self::REPLACE);
    /// A request to change, to delete or to look one up: REQUEST, ACK.
    pub const CHANGE: Self = Self::REQUEST.union(Self::ACK);
    /// A request for all that there is: REQUEST, DUMP.
    pub const LIST: Self = Self::REQUEST.union(Self::DUMP);
}

/// The header of a message, but for the length, which the bytes tell.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Header {
    /// What the message is.
    pub kind: MessageType,
    /// How to take it.
    pub flags: MessageFlags,
    /// The sender's number of the request, given back in the answers.
    pub seq: u32,
    /// The port ID of the sending socket (`nlmsg_pid`, netlink(7)); 0 is the kernel.
    pub port_id: u32,
}

impl Header {
    /// The header of a request to the kernel.
    #[must_use]
    pub const fn request(kind: MessageType, flags: MessageFlags, seq: u32) -> Self {
        Self { kind, flags, seq, port_id: 0 }
    }

    /// The length field and the header.
    pub(super) fn from_bytes(bytes: [u8; HEADER]) -> (u32, Self) {
        let raw = NlMsgHdr::from_bytes(bytes);
        let header = Self {
            kind: MessageType(raw.message_type.get()),
            flags: MessageFlags::from_bits_retain(raw.flags.get()),
            seq: raw.seq.get(),
            port_id: raw.port_id.get(),
        };
        (raw.len.get(), header)
    }

    /// The bytes of a message of `len` bytes.
    pub(super) fn to_bytes(self, len: u32) -> [u8; HEADER] {
        let raw = NlMsgHdr {
            len: len.into(),
            message_type: self.kind.0.into(),
            flags: self.flags.bits().into(),
            seq: self.seq.into(),
            port_id: self.port_id.into(),
        };
        raw.to_bytes()
    }
}

/// Bytes that are not a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum MessageError {
    /// Fewer bytes than a header has.
    Header {
        /// Bytes there are.
        available: usize,
    },
    /// A length field below the header's own length, or beyond the bytes there are.
    Length {
        /// The field.
        len: u32,
        /// Bytes there are.
        available: usize,
    },
    /// Fewer bytes after the header than the fixed part of that message type has.
    Body {
        /// Bytes of the fixed part.
        needed: usize,
        /// Bytes there are.
        available: usize,
    },
    /// A fixed part whose interface index is negative. The kernel sends none.
    IfIndex(IfIndexError),
}

impl From<IfIndexError> for MessageError {
    fn from(error: IfIndexError) -> Self {
        Self::IfIndex(error)
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { available } => {
                write!(f, "a netlink header needs {HEADER} bytes, {available} are available")
            }
            Self::Length { len, available } => {
                write!(f, "message length {len}, {available} bytes are available")
            }
            Self::Body { needed, available } => {
                write!(f, "the message body needs {needed} bytes, {available} are available")
            }
            Self::IfIndex(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl core::error::Error for MessageError {}
