//! Differences: `rfc7348()` against `linux()`, `linux()` against Linux, this crate against other libraries.
//!
//! Each row names the test that holds it: of `tests/differences.rs` where nothing else is said.
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
//! | outer fragments | reassembled by the host | [`Fragment`](crate::verdict::DropReason::Fragment) | reassembly is state, and RFC 7348 section 4.3 lets a VTEP discard them | `tests/refusals.rs` |
//! | learning | refuses a source that the FDB has elsewhere | accepted | the FDB is its owner's | |
//! | outer destination MAC address | the NIC or the host refuses another's | not looked at | the NIC's business | |
//! | outer source address multicast, loopback, `0.0.0.0/8` | refused as martian | accepted, and reported in [`Origin`](crate::tunnel::Origin) | the host's routing; nothing vouches for any source address | |
//! | outer IPv4 options, options of IPv6 extension headers, routing headers of types other than 0, AH | read, and malformed or unknown ones refused | gone over | the host's business | |
//! | IPv6 payload length 0 before hop-by-hop options, UDP length 0 over IPv6 | taken for a jumbogram's, without its option too | refused | RFC 2675 section 3 wants the option | `lengths_of_jumbograms` |
//! | an inner frame that ends within its VLAN tag | the device accepts it, the host drops it | [`InnerTruncated`](crate::verdict::DropReason::InnerTruncated) | to the owner it is one thing | `a_cut_packet_behind_an_inner_tag` |
//! | an inner frame sent whose tag or IP header is cut | not sent | sent | a bridge port passes what it is given | |
//! | more than two inner tags on the way out | TTL, TOS and ECN inherited through eight | through two | IEEE 802.1ad has two | |
//! | `df inherit` of a tagged inner frame | DF clear | inherited, as TTL and TOS are | Linux asks the outermost EtherType alone | `flag_of_a_tagged_inner_packet` |
//! | the outer source port | a hash seeded at boot | a hash with the owner's key | the range and that a flow keeps its port are what counts | |
//!
//! Congestion marks on a tagged inner frame are lost in Linux, and so under `linux()`; with
//! [`InnerTags::Keep`](crate::tunnel::InnerTags::Keep) they pass (`inner_tags`).
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
