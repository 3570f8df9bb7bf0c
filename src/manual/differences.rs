//! Differences: `rfc7348()` against `linux()`, `linux()` against Linux, this crate against other libraries.
//!
//! Each row names the test that holds it: of `tests/differences.rs` where no other file is named.
//!
//! # `rfc7348()` against `linux()`
//!
//! | what | clause | `rfc7348()` | `linux()` | test |
//! |---|---|---|---|---|
//! | UDP port | RFC 7348 section 5: 4789, and configurable | 4789 | 8472, which is older than the RFC | `the_port` |
//! | reserved bits received | section 5: "ignored on receipt" | ignored | the packet is refused | `reserved_bits` |
//! | inner VLAN tags received | section 6.1: SHOULD discard unless configured | discarded | delivered, and nothing behind the tag is looked at | `inner_tags` |
//! | inner VLAN tags sent | section 6.1: SHOULD strip unless configured | stripped | kept | `inner_tags_on_the_way_out` |
//! | source port | section 5: RECOMMENDED 49152 to 65535 | 49152 to 65535 | 32768 to 60998, the host's ephemeral ports | `source_ports` |
//! | TTL to a multicast group | RFC 7348 section 4.2 leaves it open | 64 | 1: the group of one link | `time_to_live_to_a_group` |
//! | DF and ID | section 4.3: MUST NOT fragment; RFC 6864 section 4.1 | DF set, so ID 0 | DF clear, ID counted | `fragmentation_and_identification` |
//! | outer ECN for congestion experienced | RFC 6040 section 4.1 | copied | ECT(0), of RFC 3168 section 9.1.1 | `congestion` |
//! | UDP checksum over IPv4 | section 5: SHOULD be zero | zero | computed | `the_udp_checksum` |
//!
//! In one thing `rfc7348()` refuses what the RFC's letter accepts: a header that is VXLAN-GPE beyond
//! reasonable doubt (see [`VxlanHeader::is_gpe`](crate::wire::VxlanHeader::is_gpe)) has no Ethernet frame
//! behind it, and is not read as if it had (`generic_protocol_extension`).
//!
//! # `linux()` against Linux
//!
//! `.ci/referee.sh` sends packets to a vxlan device of the running kernel (6.18 where these rows come from):
//! every byte of the headers with every value, every length, every pair of ECN fields, and random mutations;
//! as root, in network namespaces of its own. Both sides accept the same packets and deliver the same bytes,
//! with the device options default, `gbp`, IPv6 and `udp6zerocsumrx`. The device's own packets are taken
//! apart and built again to the byte. What is left:
//!
//! | what | Linux | here | why | test |
//! |---|---|---|---|---|
//! | outer fragments | reassembled by the host | [`Fragment`](crate::verdict::DropReason::Fragment) | reassembly is state, and RFC 7348 section 4.3 lets a VTEP discard them | `tests/refusals.rs`: `every_reason_is_reached_and_leaves_the_frame` |
//! | learning (Docker's devices; flannel's are `nolearning`) | refuses an inner source that the FDB has permanently elsewhere, a zero one and a group | accepted | the FDB is its owner's | `inner_sources` |
//! | outer destination MAC address | the NIC or the host refuses another's | not looked at | the NIC's business | `the_outer_destination_mac_address` |
//! | outer source address multicast, loopback, broadcast, unspecified, IPv4-mapped | refused as martian | accepted, and reported in [`TunnelInfo`](crate::tunnel::TunnelInfo) | the host's routing; nothing vouches for any source address | `outer_sources` |
//! | outer IPv4 options, options of IPv6 extension headers, routing headers of types other than 0, AH | read, and malformed or unknown ones refused | skipped | the host's business | `outer_options` |
//! | IPv6 payload length 0 before hop-by-hop options, UDP length 0 over IPv6 | taken for a jumbogram's, without its option too | refused | RFC 2675 section 3 wants the option | `lengths_of_jumbograms` |
//! | an inner frame of 14 to 17 bytes that ends within its VLAN tag | the device accepts it, the host drops it | [`InnerTruncated`](crate::verdict::DropReason::InnerTruncated) | to the owner it is one thing | `a_cut_packet_behind_an_inner_tag` |
//! | an inner frame of 18 or 19 bytes: VLAN tag and EtherType are whole, at most one byte follows | the device accepts it, the host drops it | accepted under [`InnerVlanRx::Opaque`](crate::tunnel::InnerVlanRx::Opaque) | the tag is whole, and what follows is not looked at; the host wants two bytes more | `an_inner_tag_alone` |
//! | an outer ECN field that is not Not-ECT, and a tagged inner frame with an IP EtherType (or tags that end in one) at bytes 26 and 27 | takes the tag for an IP header: drops the frame, or writes the mark to the VLAN identifier and patches bytes 24 and 25 | the inner frame is delivered as it is | RFC 6040 section 4.2 speaks of the inner IP header; Linux reads 14 bytes too far (`vlan_get_protocol`) | `congestion_and_a_misread_tag` |
//! | an inner frame sent whose tag or IP header is cut | not sent | sent | a bridge port passes what it is given | `a_cut_frame_is_sent` |
//! | more than two inner tags on the way out | TTL, TOS and ECN inherited through eight | through two | IEEE 802.1ad has two | `three_inner_tags_on_the_way_out` |
//! | `df inherit` of a tagged inner frame | DF clear | inherited, as TTL and TOS are | Linux asks the outermost EtherType alone | `flag_of_a_tagged_inner_packet` |
//! | the outer source port | a hash seeded at boot | a hash with the owner's key | the range and that a flow keeps its port are what counts | `source_ports` |
//!
//! # Answers to packets that exceed the MTU, against Linux
//!
//! [`icmp_too_big_frame`](crate::tunnel::mtu::icmp_too_big_frame) gives the bytes of a bridged vxlan port. The referee asked that of
//! Linux 6.18 about 450 packets; its answers are in `tests/data/pmtu`. Other than here it answered the same ones.
//!
//! | what | Linux | here | why | test |
//! |---|---|---|---|---|
//! | first fragments: DF and MF, or DF and the reserved flag | not answered by a bridged port, but by a router | answered | RFC 1122 section 3.2.2 excludes later fragments alone; the sender waits for it | `tests/pmtu.rs`: `first_fragments` |
//! | an IPv4 MTU below 576 | not answered by a bridged port, but by a router | answered from 68 on | RFC 1191 section 3: 68 is the least | `tests/pmtu.rs`: `an_ipv4_mtu_below_576` |
//! | addresses of no host: sources in 0.0.0.0/8 other than 0.0.0.0, class E, `::1`, groups of link or site scope; destinations in 0.0.0.0/8, 127.0.0.0/8, class E, `::`, `::1`, IPv6 groups | answered, as from that destination | [`NotUnicast`](crate::tunnel::mtu::IcmpSuppressed::NotUnicast) | RFC 1122 section 3.2.2, RFC 1812 sections 4.3.2.7 and 5.3.7, RFC 4443 section 2.4 (e); an answer has no group as its source (RFC 4291 section 2.7) | `tests/pmtu.rs`: `addresses_of_no_host` |
//! | unknown ICMP types: errors or not | taken for queries, and answered; a router takes them for errors | [`IcmpError`](crate::tunnel::mtu::IcmpSuppressed::IcmpError) | RFC 1122 section 3.2.2; RFC 4443 section 2.1: types below 128 are errors | `tests/pmtu.rs`: `unknown_icmp_types` |
//!
//! Neither answers IPv6 below an MTU of 1280 (`tests/pmtu.rs`: `no_ipv6_mtu_below_1280`).
//!
//! Congestion marks on a tagged inner frame are lost in Linux, and so under `linux()`; with
//! [`InnerVlanRx::Keep`](crate::tunnel::InnerVlanRx::Keep) they pass (`inner_tags`). What an outer header inherits from a
//! malformed inner packet its first header says, as in Linux (`a_malformed_inner_packet`).
//!
//! # This crate against other libraries
//!
//! The fuzz target `peers` (`fuzz/src/peers.rs`) parses the same bytes here, with etherparse 0.21 and with
//! smoltcp 0.14. They say the same, but for this.
//!
//! | what | the other | here | clause |
//! |---|---|---|---|
//! | UDP length 0 | etherparse: the datagram is all that follows | refused | RFC 768: the length includes the header, so 8 at least; RFC 2675 section 4 wants a jumbogram |
//! | IPv6 payload length 0 | etherparse: the payload is all that follows | no payload | RFC 8200 section 3; RFC 2675 section 2 wants the Jumbo Payload option |
//! | IPv4 protocol 51 | etherparse: the authentication header belongs to the IP header | payload | RFC 4302: a header of its own |
//! | authentication header of 8 bytes | etherparse: refused | gone over by its length | RFC 4302 section 2.2 has 12 at least; nothing here reads it |
//! | mobility, HIP and shim6 headers | etherparse: gone over | they are the protocol | RFC 8200 section 4 does not have them |
//! | more than 8 extension headers | etherparse: gone over | refused | RFC 8200 section 4.1: each at most once, destination options twice; a bound on work |
//! | behind a fragment header with an offset | etherparse: read as headers | payload | RFC 8200 section 4.5: it is a later part of the packet |
//! | IP version | smoltcp: looked at later | refused | RFC 791 section 3.1, RFC 8200 section 3 |
//! | ARP for other than Ethernet and IPv4 | smoltcp: any sizes of addresses | refused | RFC 826; an overlay has no other |
//! | ICMP timestamp messages | etherparse: 20 bytes exactly | the 8 bytes that all have | RFC 792 |
//!
//! Any of them against the naive decoder of `tests/naive`, which is written for clarity: no difference.
#![forbid(unsafe_code)]
