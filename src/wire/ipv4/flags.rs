//! The flags of the IPv4 header.

use bitflags::bitflags;

use crate::wire::header::format_flags;

bitflags! {
    /// The flags of an IPv4 header (RFC 791 section 3.1), as bits of the word that they share with
    /// the fragment offset.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::wire::Ipv4Flags;
    ///
    /// let flags = Ipv4Flags::from_bits_retain(0x4000);
    /// assert!(flags.contains(Ipv4Flags::DONT_FRAGMENT));
    /// ```
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
    pub struct Ipv4Flags: u16 {
        /// Reserved, zero. Kept as it is.
        const RESERVED = 0x8000;
        /// DF: routers must not fragment the packet.
        const DONT_FRAGMENT = 0x4000;
        /// MF: more fragments follow.
        const MORE_FRAGMENTS = 0x2000;
    }
}

format_flags!(Ipv4Flags);
