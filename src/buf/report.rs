//! What a NIC or a driver reports of a frame, and what a sender promises of it.

/// What a NIC or driver reports of a received frame.
///
/// # Examples
///
/// DPDK's `RTE_MBUF_F_RX_IP_CKSUM_GOOD` and `RTE_MBUF_F_RX_L4_CKSUM_GOOD` in decap's words:
///
/// ```
/// use vtep::buf::{NicChecksum, RxMeta};
///
/// let rx = RxMeta::new()
///     .with_ip_checksum(NicChecksum::Good)
///     .with_udp_checksum(NicChecksum::Good);
/// assert_eq!(rx.partial, None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct RxMeta {
    /// The IPv4 header checksum of the outermost IP header.
    pub ip_checksum: NicChecksum,
    /// The UDP checksum that follows it. `Good` does not vouch for an absent (zero) one over IPv6.
    pub udp_checksum: NicChecksum,
    /// A TCP or UDP checksum that the sender left to its NIC and that no NIC has filled in, because
    /// the frame has not left the host: `TP_STATUS_CSUMNOTREADY` of a packet socket,
    /// `VIRTIO_NET_HDR_F_NEEDS_CSUM` of TUN and virtio, common on veth.
    ///
    /// - [`encap`](crate::tunnel::Tunnel::encap) takes it for
    ///   [`InnerChecksum::Partial`]: the outer checksum is computed for the finished packet.
    /// - [`decap`](crate::tunnel::Vtep::decap) does not verify an outer UDP checksum that is not
    ///   filled in, or that covers one that is not: the host's own kernel vouches for it.
    ///
    /// After both, [`TxMeta::inner_checksum`] says where the checksum is now, if it is in the frame
    /// still; [`complete_checksum`](crate::buf::FrameBuf::complete_checksum) fills it in.
    pub partial: Option<PartialChecksum>,
}

impl RxMeta {
    /// Creates metadata that reports nothing, as [`RxMeta::default`] does.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            ip_checksum: NicChecksum::Unknown,
            udp_checksum: NicChecksum::Unknown,
            partial: None,
        }
    }

    /// Sets what the NIC reports of the outer IPv4 header checksum.
    #[must_use]
    pub const fn with_ip_checksum(mut self, checksum: NicChecksum) -> Self {
        self.ip_checksum = checksum;
        self
    }

    /// Sets what the NIC reports of the outer UDP checksum.
    #[must_use]
    pub const fn with_udp_checksum(mut self, checksum: NicChecksum) -> Self {
        self.udp_checksum = checksum;
        self
    }

    /// Returns `true` if a checksum at `offset` or after it is not filled in: then one at `offset`,
    /// which covers it, cannot be verified, and the host's own kernel computed it.
    #[inline]
    pub(crate) fn is_partial_from(&self, offset: usize) -> bool {
        self.partial.is_some_and(|partial| usize::from(partial.start) >= offset)
    }

    /// Sets where a checksum is that was received without being filled in.
    #[must_use]
    pub const fn with_partial(mut self, partial: PartialChecksum) -> Self {
        self.partial = Some(partial);
        self
    }
}

/// What a NIC reports of a checksum.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NicChecksum {
    /// Nothing: the checksum is verified in software.
    #[default]
    Unknown,
    /// The checksum is right.
    Good,
    /// The checksum is wrong.
    Bad,
}

/// Where a TCP or UDP checksum is that is not filled in yet: the field holds the sum of the
/// pseudo-header, not inverted (Linux `CHECKSUM_PARTIAL`).
///
/// The two numbers are those of `struct virtio_net_hdr`, in bytes.
///
/// # Examples
///
/// ```
/// use vtep::buf::PartialChecksum;
///
/// // TCP over IPv4 in an Ethernet frame: 14 + 20 bytes before it, 16 bytes into it.
/// let partial = PartialChecksum::new(34, 16);
/// assert_eq!((partial.start(), partial.offset()), (34, 16));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PartialChecksum {
    pub(super) start: u16,
    offset: u16,
}

impl PartialChecksum {
    /// Creates it from `start`, where the checksummed bytes begin, counted from the start of the
    /// frame (`csum_start`), and `offset`, where the field is, counted from there (`csum_offset`).
    #[must_use]
    pub const fn new(start: u16, offset: u16) -> Self {
        Self { start, offset }
    }

    /// Where the checksummed bytes begin, in bytes from the start of the frame (`csum_start`).
    #[must_use]
    pub const fn start(self) -> u16 {
        self.start
    }

    /// Where the checksum field is, in bytes from [`start`](Self::start) (`csum_offset`).
    #[must_use]
    pub const fn offset(self) -> u16 {
        self.offset
    }
}

/// What holds for a frame that is to be sent.
///
/// # Examples
///
/// A frame whose TCP checksum the NIC found good on receipt, with its RSS hash:
///
/// ```
/// use vtep::buf::{InnerChecksum, TxMeta};
///
/// let tx = TxMeta::new().with_inner_checksum(InnerChecksum::Valid).with_flow_hash(0x5a5a_1234);
/// assert_eq!(tx.flow_hash, Some(0x5a5a_1234));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct TxMeta {
    /// The transport checksum of the packet that encap gets.
    pub inner_checksum: InnerChecksum,
    /// Who computes the outer UDP checksum, if the tunnel sends one.
    pub outer_checksum: OuterChecksum,
    /// A hash of the inner flow (RSS). Encap takes the outer source port from it, and computes no
    /// hash of its own.
    pub flow_hash: Option<u32>,
}

impl TxMeta {
    /// Creates metadata that promises nothing, as [`TxMeta::default`] does.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            inner_checksum: InnerChecksum::Unknown,
            outer_checksum: OuterChecksum::Software,
            flow_hash: None,
        }
    }

    /// Sets what is promised of the inner transport checksum.
    #[must_use]
    pub const fn with_inner_checksum(mut self, checksum: InnerChecksum) -> Self {
        self.inner_checksum = checksum;
        self
    }

    /// Sets who computes the outer UDP checksum.
    #[must_use]
    pub const fn with_outer_checksum(mut self, checksum: OuterChecksum) -> Self {
        self.outer_checksum = checksum;
        self
    }

    /// Sets the hash of the inner flow.
    #[must_use]
    pub const fn with_flow_hash(mut self, hash: u32) -> Self {
        self.flow_hash = Some(hash);
        self
    }
}

/// What the caller promises of the transport checksum inside a frame.
///
/// It is a promise: an outer checksum that is computed from the headers alone is wrong if the inner
/// one is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum InnerChecksum {
    /// Nothing is promised.
    #[default]
    Unknown,
    /// The checksum is filled in and right.
    Valid,
    /// The checksum is filled in later: by the NIC that sends the frame, or by
    /// [`complete_checksum`](crate::buf::FrameBuf::complete_checksum).
    Partial(PartialChecksum),
}

/// Who computes the outer UDP checksum.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum OuterChecksum {
    /// Encap does.
    #[default]
    Software,
    /// The sending NIC does: encap writes the sum of the pseudo-header for it to continue from.
    Nic,
}
