//! The wire rules, clause by clause: what a standard requires, what the crate does, and the item
//! that does it.
//!
//! Where the standards leave a choice the crate has a profile of their defaults,
//! [`TunnelConfig::rfc7348`] and [`Vtep::rfc7348`], and one that writes the kernel's bytes,
//! [`TunnelConfig::linux`] and [`Vtep::linux`]. The [`wire`](crate::wire) layer itself has no
//! policy: it parses and writes every bit pattern.
//!
//! # VXLAN: RFC 7348
//!
//! | clause | rule | what the crate does |
//! |---|---|---|
//! | 4.1 | a VTEP learns from inner source addresses | left to the caller: [`TunnelInfo`] has the source of each frame |
//! | 4.3 | VTEPs do not fragment VXLAN packets | encap refuses what exceeds the underlay's MTU: [`TooBig`]; [`overlay_mtu`](crate::tunnel::overlay_mtu) returns the MTU that is left |
//! | 4.3 | the destination may discard fragments silently | any outer UDP fragment is refused: [`Fragment`](DropReason::Fragment) |
//! | 5 | flags: I is 1 for a valid VNI | always written; a header without it is refused: [`NoVni`](DropReason::NoVni), [`VxlanFrame::parse`] |
//! | 5 | reserved bits: zero on transmit, ignored on receipt | zero from [`VxlanHeader::new`]; kept by the view; ignored or refused by [`ReservedBits`] |
//! | 5 | VNI: 24 bits | [`Vni`] cannot hold more; 0 is legal |
//! | 5 | destination port 4789, configurable | [`VxlanHeader::PORT`]; Linux and flannel use [`VxlanHeader::LINUX_PORT`] |
//! | 5 | source port: a hash of inner fields, 49152 to 65535 recommended | [`SourcePorts`]; receivers ignore it |
//! | 5 | UDP checksum: should be zero; zero is accepted | [`UdpChecksum::None`] by default over IPv4; a zero is always accepted there |
//! | 5 | a checksum, if present, covers the whole payload | [`UdpChecksum::Full`], and the same value from headers alone: [`UdpChecksum::Lco`] |
//! | 5 | the receiver may verify it; a frame that fails is dropped | [`UdpChecksumPolicy`]; [`DropReason::UdpChecksum`] |
//! | 6.1 | inner VLAN tags: stripped on encap, such frames discarded on decap, unless configured | [`InnerVlanTx`], [`InnerVlanRx`] |
//!
//! Neither the FCS nor padding of an inner frame is carried: the UDP length is the length of the
//! frame.
//!
//! # Group policy: draft-smith-vxlan-group-policy
//!
//! | clause | rule | what the crate does |
//! |---|---|---|
//! | 2.1 | G, D, A and the group | [`Gbp`], [`VxlanHeader::gbp`], [`VxlanHeader::set_gbp`]; as a Linux mark: [`Gbp::mark`] |
//!
//! # UDP: RFC 768, RFC 6935, RFC 6936
//!
//! | clause | rule | what the crate does |
//! |---|---|---|
//! | RFC 768, Length | header and data, at least 8 | [`UdpDatagram::parse`] refuses less, and a length beyond the bytes; bytes after it are cut off |
//! | RFC 768, Checksum | a computed zero is sent as all ones | [`Sum::udp_checksum`], [`update_udp`]; so builders and setters cannot forget it |
//! | RFC 768, Checksum | zero means no checksum | [`UdpChecksumState::Zero`]; setters leave it zero |
//! | RFC 6935, 5 | over IPv6 zero is for tunnels that opted in | [`TunnelConfig::zero_checksum_v6`] to send; else [`UdpChecksumMissing`](DropReason::UdpChecksumMissing) on receipt |
//! | RFC 6936, 4 | sending and receiving opt in separately | two settings, both off |
//!
//! # IPv4: RFC 791, RFC 6864
//!
//! | clause | rule | what the crate does |
//! |---|---|---|
//! | RFC 791, 3.1, IHL | at least 5 words | [`Ipv4Packet::parse`] refuses less |
//! | RFC 791, 3.1, Total Length | header and data | the payload ends there; what follows is padding |
//! | RFC 791, 3.1, Flags | bit 0 is reserved | [`Ipv4Flags::RESERVED`] is kept |
//! | RFC 791, 3.1, Offset | units of 8 bytes, 13 bits | [`FragmentOffset`] cannot hold more |
//! | RFC 791, 3.1, Checksum | over the header and its options | [`Ipv4Packet::is_checksum_valid`], [`Ipv4Header::fill_checksum`] |
//! | RFC 6864, 4.1 | the ID of an atomic datagram has no meaning, and may be anything | 0 with DF set: [`IpId::Rfc6864`] |
//! | RFC 6864, 4.3 | others are unique within their lifetime | a counter for each core: [`IpId`] |
//! | RFC 1191, 4 | the MTU in "fragmentation needed" | [`Icmpv4Message::FragmentationNeeded`] |
//! | RFC 1191, 3 | no MTU below 68 | [`MtuTooSmall`](crate::tunnel::mtu::IcmpSuppressed::MtuTooSmall) |
//! | RFC 1122, 3.2.2; RFC 1812, 4.3.2.7 | what gets no ICMP error | [`IcmpSuppressed`](crate::tunnel::mtu::IcmpSuppressed) |
//!
//! # IPv6: RFC 8200
//!
//! | clause | rule | what the crate does |
//! |---|---|---|
//! | 3 | payload length: all after the header, extensions included | [`Ipv6Packet::parse`] cuts what follows; a jumbogram (RFC 2675) is refused |
//! | 4 | extension headers are parsed in order | at most [`Ipv6Packet::MAX_EXTENSIONS`] of them |
//! | 4.1 | hop-by-hop options come first | elsewhere the number 0 ends the chain as an unknown protocol |
//! | 4.4 | segments left: the destination is not the last one | [`Ipv6Packet::final_destination`]; decap refuses them: [`NotLocal`](DropReason::NotLocal) |
//! | 4.5 | fragment offset, M flag, identification | [`Ipv6FragmentHeader`]; after an offset no extension header is parsed |
//! | 4.7 | no next header | the packet's protocol is [`IpProtocol::NO_NEXT_HEADER`] |
//! | 8.1 | pseudo-header: the final destination, the upper layer's length | [`Ipv6Packet::pseudo_header`], [`PseudoHeader::v6`] |
//! | RFC 6437 | flow label: 20 bits, 0 if the sender set none | [`FlowLabel`] |
//! | RFC 4443, 3.2 | packet too big | [`Icmpv6Message::PacketTooBig`]; its code is ignored on receipt |
//! | RFC 4443, 2.4 (e) | what gets no ICMPv6 error | [`IcmpSuppressed`](crate::tunnel::mtu::IcmpSuppressed) |
//! | RFC 8201, 4 | no MTU below 1280 | [`MtuTooSmall`](crate::tunnel::mtu::IcmpSuppressed::MtuTooSmall) |
//!
//! # Checksums: RFC 1071, RFC 1624
//!
//! | clause | rule | what the crate does |
//! |---|---|---|
//! | RFC 1071, 1 | sum of 16-bit words with end-around carry, inverted | [`Sum`] |
//! | RFC 1071, 2 (B) | the sum is independent of byte order | words are added as they are in memory, swapped once at the end |
//! | RFC 1071, 4.1 | an odd last byte is padded with zero | [`Sum::of`]; parts at odd offsets: [`Sum::at_odd_offset`] |
//! | RFC 1624, 3, equation 3 | an update that is right where RFC 1141 is not | [`update`]; used by every setter `set_x` that has a twin `set_x_raw` |
//!
//! # ECN and DSCP: RFC 3168, RFC 6040, RFC 2983
//!
//! | clause | rule | what the crate does |
//! |---|---|---|
//! | RFC 3168, 5 | four codepoints in two bits | [`Ecn`], [`TrafficClass`] |
//! | RFC 6040, 4.1 | normal mode copies the inner field, compatibility mode writes Not-ECT | [`EcnEncap`]; with the kernel's variant, by which CE becomes ECT(0) |
//! | RFC 6040, 4.2, figure 4 | the result of decap for each pair | each of the 16 cases; CE on Not-ECT is dropped: [`EcnUnmarkable`](DropReason::EcnUnmarkable) |
//! | RFC 6040, 4.2 | the inner IPv4 checksum follows the change | patched by RFC 1624 |
//! | RFC 2983, 3 | uniform and pipe | [`OuterDscp`] on encap, [`DscpModel`] on decap; [`TunnelInfo`] reports the outer DSCP |
//!
//! [`TooBig`]: DropReason::TooBig

#[cfg(doc)]
use crate::{
    checksum::{Sum, update, update_udp},
    tunnel::{
        DscpModel, EcnEncap, InnerVlanRx, InnerVlanTx, IpId, OuterDscp, ReservedBits, SourcePorts,
        TunnelConfig, TunnelInfo, UdpChecksum, UdpChecksumPolicy, Vtep,
    },
    verdict::DropReason,
    wire::{
        Ecn, FlowLabel, FragmentOffset, Gbp, Icmpv4Message, Icmpv6Message, IpProtocol, Ipv4Flags,
        Ipv4Header, Ipv4Packet, Ipv6FragmentHeader, Ipv6Packet, PseudoHeader, TrafficClass,
        UdpChecksumState, UdpDatagram, Vni, VxlanFrame, VxlanHeader,
    },
};
