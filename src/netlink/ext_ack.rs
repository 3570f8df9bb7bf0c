//! The extended acknowledgement: why the kernel refused (`enum nlmsgerr_attrs`,
//! `include/uapi/linux/netlink.h`).

use super::attr::Attrs;
use super::value::{Text, attributes, last};

attributes! {
    /// An attribute of the extended acknowledgement (`NLMSGERR_ATTR_*`).
    pub enum ExtAckAttr {
        /// The kernel's words.
        Message(Text<'a>) = 1,
        /// Where in the request the offending attribute starts, in bytes from the start of its
        /// header.
        Offset(u32) = 2,
        /// The type of an attribute that is missing.
        MissingType(u32) = 5,
        /// Where in the request the nest starts in which that attribute is missing, in bytes from
        /// the start of its header.
        MissingNest(u32) = 6,
    }
}

/// The extended acknowledgement (NETLINK_EXT_ACK): what the kernel reports with an error, a warning
/// or the end of a dump, if the socket has that option. Empty otherwise.
///
/// # Examples
/// ```
/// use vtep::netlink::{Body, Messages};
///
/// // NLMSG_DONE with NLM_F_ACK_TLVS: error 22, and NLMSGERR_ATTR_MSG with "no".
/// let mut bytes = [28_u32.to_ne_bytes(), [3, 0, 0, 0], [7, 0, 0, 0], [0; 4]].concat();
/// bytes[4..6].copy_from_slice(&3_u16.to_ne_bytes());
/// bytes[6..8].copy_from_slice(&0x202_u16.to_ne_bytes());
/// bytes.extend((-22_i32).to_ne_bytes());
/// bytes.extend([7_u16.to_ne_bytes(), 1_u16.to_ne_bytes(), *b"no", [0, 0]].concat());
/// let message = Messages::new(&bytes).next().unwrap()?;
/// let Body::Done(done) = message.body()? else { panic!() };
/// assert_eq!((done.errno(), done.text(), done.offset()), (22, Some("no"), None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExtAck<'a> {
    bytes: &'a [u8],
}

impl<'a> ExtAck<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The kernel's words (NLMSGERR_ATTR_MSG).
    ///
    /// Returns `None` if there are none, or if they are not UTF-8.
    #[must_use]
    pub fn text(self) -> Option<&'a str> {
        last!(self, ExtAckAttr::Message)?.as_str()
    }

    /// Where in the request the offending attribute starts, in bytes from the start of its header
    /// (NLMSGERR_ATTR_OFFS).
    #[must_use]
    pub fn offset(self) -> Option<u32> {
        last!(self, ExtAckAttr::Offset)
    }

    /// The attributes, typed, in the order they came.
    pub fn attributes(self) -> impl Iterator<Item = ExtAckAttr<'a>> {
        self.attrs().map(ExtAckAttr::decode)
    }

    /// The attributes, raw.
    #[must_use]
    pub const fn attrs(self) -> Attrs<'a> {
        Attrs::new(self.bytes)
    }
}
