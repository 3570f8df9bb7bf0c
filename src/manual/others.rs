//! Faults that other implementations of these formats have or had, and the test that holds each
//! here.
//!
//! These mistakes are easy to make: each was made by someone who knows the field. Versions are
//! those that were read or run; a later one may have fixed its fault.
//!
//! | implementation | fault | held by |
//! |---|---|---|
//! | pnet | a computed UDP checksum of 0 is sent as 0, which means no checksum | `wire_faults`: `pnet_a_computed_udp_checksum_of_zero_is_sent_as_ones` |
//! | pnet | `set_vni` drops the bits beyond 24 | `wire_faults`: `pnet_a_vni_is_never_truncated` |
//! | pnet | a UDP payload includes the Ethernet padding | `wire_faults`: `pnet_a_udp_payload_has_no_ethernet_padding` |
//! | etherparse, ingot | a UDP length of 0 is accepted over IPv4 | `wire_faults`: `etherparse_ingot_a_udp_length_of_0_is_refused` |
//! | etherparse | the reserved IPv4 flag is lost between header and bytes | `wire_faults`: `etherparse_the_reserved_ipv4_flag_is_kept` |
//! | etherparse | the bits of IPv6 fragments were wrong from 2020 to 2026, under property tests that repeated the formula | `wire_faults`: `etherparse_the_bits_of_ipv6_fragments_are_the_kernels` |
//! | smoltcp | `Ipv4Repr` loses TOS, ID and options, and sets DF | `wire_faults`: `smoltcp_tos_id_options_and_a_clear_df_survive` |
//! | smoltcp, ingot | an IPv4 header of version 6 is accepted | `wire_faults`: `smoltcp_ingot_another_version_is_refused` |
//! | ingot | an IHL of 3 is accepted | `wire_faults`: `ingot_a_header_length_below_5_words_is_refused` |
//! | hedgehog, VPP | reserved bits are refused or interpreted; hedgehog has no VNI 0 | `wire_faults`: `hedgehog_vpp_reserved_bits_and_vni_0_are_accepted` |
//! | VPP | ports are read 20 bytes into IPv4, options or not | `wire_faults`: `vpp_ports_follow_the_options` |
//! | VPP | the UDP length may exceed the IP payload by 20 bytes | `wire_faults`: `vpp_a_udp_length_beyond_the_ip_payload_is_refused` |
//! | VPP | the source port is 16 bits of the hash, 0 among them | the tests of [`SourcePorts`](crate::tunnel::SourcePorts) |
//! | memchr, s2n-quic | safe functions that trusted a documented contract, and reached undefined behaviour | `layers`: `unsafe` is in one module alone, and every other forbids it |
//!
//! Two more are the kernel's own choices, and are settings here: it refuses reserved bits that RFC
//! 7348 says to ignore ([`ReservedBits`](crate::tunnel::ReservedBits)), and writes ECT(0) where RFC
//! 6040 says CE ([`EcnEncap`](crate::tunnel::EcnEncap)).
