//! Packets with one fault.

use arbitrary::{Arbitrary, Error, Result, Unstructured};

use super::VxlanPacket;
use crate::verdict::DropReason;
use crate::wire::{Ecn, Ipv4Header, Ipv4Packet, Ipv6Packet, PseudoHeader, UdpHeader};

/// What is wrong with a [`NearlyValid`] packet. All else is right: checksums fit the fault too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Flaw {
    /// It ends before its IP length says.
    Cut,
    /// The EtherType is neither IP's.
    EtherType,
    /// The IP version is neither 4 nor 6.
    IpVersion,
    /// The IPv4 header length is less than 20 bytes.
    IpHeaderLen,
    /// The IPv4 header checksum is wrong.
    IpChecksum,
    /// It is TCP. IPv4 only.
    IpProtocol,
    /// It is a first fragment. IPv4 only.
    IpFragment,
    /// The UDP port is another's.
    UdpPort,
    /// The UDP length is less than 8.
    UdpLenShort,
    /// The UDP length is more than the IP payload's.
    UdpLenLong,
    /// The UDP checksum is wrong.
    UdpChecksum,
    /// The UDP checksum is zero over IPv6.
    UdpChecksumMissing,
    /// The UDP payload ends within the VXLAN header.
    VxlanCut,
    /// The I flag is clear.
    NoVni,
    /// A reserved flag is set.
    ReservedFlag,
    /// The last byte of the VXLAN header is not 0.
    ReservedByte,
    /// The VNI is another's.
    Vni,
    /// The UDP payload ends within the inner Ethernet header.
    InnerCut,
    /// Congestion is marked on an inner packet that cannot carry the mark.
    Congestion,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Cut,
        Self::EtherType,
        Self::IpVersion,
        Self::IpHeaderLen,
        Self::IpChecksum,
        Self::IpProtocol,
        Self::IpFragment,
        Self::UdpPort,
        Self::UdpLenShort,
        Self::UdpLenLong,
        Self::UdpChecksum,
        Self::UdpChecksumMissing,
        Self::VxlanCut,
        Self::NoVni,
        Self::ReservedFlag,
        Self::ReservedByte,
        Self::Vni,
        Self::InnerCut,
        Self::Congestion,
    ];

    /// What [`VxlanPacket::vtep`] answers.
    #[must_use]
    pub const fn reason(self) -> DropReason {
        match self {
            Self::Cut => DropReason::Truncated,
            Self::EtherType | Self::IpProtocol | Self::UdpPort => DropReason::NotVxlan,
            Self::IpVersion | Self::IpHeaderLen => DropReason::IpHeader,
            Self::IpChecksum => DropReason::IpChecksum,
            Self::IpFragment => DropReason::Fragment,
            Self::UdpLenShort | Self::UdpLenLong => DropReason::UdpLength,
            Self::UdpChecksum => DropReason::UdpChecksum,
            Self::UdpChecksumMissing => DropReason::UdpChecksumMissing,
            Self::VxlanCut => DropReason::VxlanTruncated,
            Self::NoVni => DropReason::NoVni,
            Self::ReservedFlag | Self::ReservedByte => DropReason::ReservedBits,
            Self::Vni => DropReason::UnknownVni,
            Self::InnerCut => DropReason::InnerTruncated,
            Self::Congestion => DropReason::EcnUnmarkable,
        }
    }

    /// Whether `packet` can have it.
    #[must_use]
    pub fn fits(self, packet: &VxlanPacket) -> bool {
        match self {
            Self::IpHeaderLen | Self::IpChecksum | Self::IpProtocol | Self::IpFragment => {
                !packet.is_v6()
            }
            Self::UdpChecksumMissing => packet.is_v6() && has_checksum(packet),
            Self::Congestion => packet.inner().ecn() == Some(Ecn::NotEct),
            _ => true,
        }
    }
}

/// A [`VxlanPacket`] with one [`Flaw`].
#[derive(Clone, Copy, Debug)]
pub struct NearlyValid {
    packet: VxlanPacket,
    broken: VxlanPacket,
    flaw: Flaw,
}

impl NearlyValid {
    /// `packet` with `flaw`; `None` where it does not [fit](Flaw::fits).
    #[must_use]
    pub fn new(packet: VxlanPacket, flaw: Flaw) -> Option<Self> {
        let mut broken = packet;
        flaw.fits(&packet).then(|| inflict(flaw, &mut broken))??;
        Some(Self { packet, broken, flaw })
    }

    /// The packet without its fault.
    #[must_use]
    pub const fn packet(&self) -> &VxlanPacket {
        &self.packet
    }

    /// The packet with its fault.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.broken.as_bytes()
    }

    /// The fault.
    #[must_use]
    pub const fn flaw(&self) -> Flaw {
        self.flaw
    }
}

impl<'a> Arbitrary<'a> for NearlyValid {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let flaw = *u.choose(&Flaw::ALL)?;
        let packet = VxlanPacket::arbitrary(u)?;
        Self::new(packet, flaw)
            .or_else(|| Self::new(packet, Flaw::UdpPort))
            .ok_or(Error::IncorrectFormat)
    }
}

fn has_checksum(packet: &VxlanPacket) -> bool {
    packet.field(packet.udp_at().saturating_add(6)) != Some([0; 2])
}

fn inflict(flaw: Flaw, packet: &mut VxlanPacket) -> Option<()> {
    let (ip_at, udp_at, is_v6) = (packet.ip_at(), packet.udp_at(), packet.is_v6());
    let had_checksum = has_checksum(packet);
    match flaw {
        Flaw::Cut => packet.truncate(packet.inner_at()),
        Flaw::EtherType => set(packet, ip_at.checked_sub(2)?, [0x88, 0xb5])?,
        Flaw::IpVersion => flip(packet, ip_at, 0x20)?,
        Flaw::IpHeaderLen => set(packet, ip_at, [0x44])?,
        Flaw::IpChecksum => flip(packet, ip_at.saturating_add(10), 1)?,
        Flaw::IpProtocol => set(packet, ip_at.saturating_add(9), [6])?,
        Flaw::IpFragment => set(packet, ip_at.saturating_add(6), [0x20])?,
        Flaw::UdpPort => flip(packet, udp_at.saturating_add(2), 1)?,
        Flaw::UdpLenShort => set(packet, udp_at.saturating_add(4), [0, 7])?,
        Flaw::UdpLenLong => lengthen(packet)?,
        Flaw::UdpChecksum => {
            fill(packet)?;
            flip(packet, udp_at.saturating_add(6), 1)?;
            // A checksum of zero would be none.
            if !has_checksum(packet) {
                set(packet, udp_at.saturating_add(6), [1])?;
            }
        }
        Flaw::UdpChecksumMissing => set(packet, udp_at.saturating_add(6), [0, 0])?,
        Flaw::VxlanCut => set(packet, udp_at.saturating_add(4), [0, 15])?,
        Flaw::NoVni => flip(packet, udp_at.saturating_add(8), 0x08)?,
        Flaw::ReservedFlag => flip(packet, udp_at.saturating_add(8), 0x40)?,
        Flaw::ReservedByte => flip(packet, udp_at.saturating_add(15), 0x80)?,
        Flaw::Vni => flip(packet, udp_at.saturating_add(14), 1)?,
        Flaw::InnerCut => set(packet, udp_at.saturating_add(4), [0, 29])?,
        Flaw::Congestion if is_v6 => flip_to_congestion(packet, ip_at.saturating_add(1), 0x30)?,
        Flaw::Congestion => flip_to_congestion(packet, ip_at.saturating_add(1), 0x03)?,
    }
    if !is_v6 && !matches!(flaw, Flaw::IpChecksum | Flaw::IpHeaderLen | Flaw::IpVersion) {
        fill_ip(packet);
    }
    let is_of_the_checksum = matches!(flaw, Flaw::UdpChecksum | Flaw::UdpChecksumMissing);
    if had_checksum && !is_of_the_checksum {
        // Where the length is wrong there is none that fits.
        let _ = fill(packet);
    }
    Some(())
}

fn set<const N: usize>(packet: &mut VxlanPacket, at: usize, value: [u8; N]) -> Option<()> {
    *packet.bytes_mut().get_mut(at..)?.first_chunk_mut()? = value;
    Some(())
}

fn flip(packet: &mut VxlanPacket, at: usize, bits: u8) -> Option<()> {
    *packet.bytes_mut().get_mut(at)? ^= bits;
    Some(())
}

fn flip_to_congestion(packet: &mut VxlanPacket, at: usize, ecn: u8) -> Option<()> {
    *packet.bytes_mut().get_mut(at)? |= ecn;
    Some(())
}

/// One byte more than the IP payload has.
fn lengthen(packet: &mut VxlanPacket) -> Option<()> {
    let at = packet.udp_at().saturating_add(4);
    let len = u16::from_be_bytes(packet.field(at)?).checked_add(1)?;
    set(packet, at, len.to_be_bytes())
}

fn fill_ip(packet: &mut VxlanPacket) {
    let (ip_at, udp_at) = (packet.ip_at(), packet.udp_at());
    let Some(header) = packet.bytes_mut().get_mut(ip_at..udp_at) else { return };
    if let Ok((header, options)) = Ipv4Header::mut_from_prefix(header) {
        header.fill_checksum(options);
    }
}

/// Fills the UDP checksum for the length that the header says.
fn fill(packet: &mut VxlanPacket) -> Option<()> {
    let (ip_at, udp_at) = (packet.ip_at(), packet.udp_at());
    let pseudo: PseudoHeader = match packet.is_v6() {
        true => Ipv6Packet::parse_head(packet.as_bytes().get(ip_at..)?).ok()?.pseudo_header()?,
        false => Ipv4Packet::parse_head(packet.as_bytes().get(ip_at..)?).ok()?.pseudo_header(),
    };
    let (udp, rest) = UdpHeader::mut_from_prefix(packet.bytes_mut().get_mut(udp_at..)?).ok()?;
    let len = usize::from(udp.datagram_len()).checked_sub(UdpHeader::LEN)?;
    udp.fill_checksum(&pseudo, rest.get(..len)?);
    Some(())
}
