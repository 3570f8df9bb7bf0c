//! flannel: what of it is kept, what is a choice, and which of its faults are fixed.
//!
//! [`subnet`](crate::subnet) and [`lease`](crate::lease) do what flannel's code does, so that a node
//! agent made of them can share a network with flanneld. Where flannel's documents and its code
//! disagree, or a standard and common practice, it is settled here.
//!
//! # Choices
//!
//! Both readings have a use: the default, and the one that is asked for.
//!
//! | topic | default | the other |
//! |---|---|---|
//! | a reservation, a lease without TTL, that its node takes again | stays one, as documented | [`Profile::FlannelCompat`]: becomes a lease of 24 hours, as in the code for etcd v3 |
//! | another node was faster to create a lease | a new choice, up to 10 times, as the code means | [`Profile::FlannelCompat`]: an error at once, for its test for that case never succeeds |
//! | MTU over IPv6 | 70 bytes less than the underlay's, as Linux has it | [`Profile::FlannelCompat`]: 50 less, as flannel has it for both families |
//! | VXLAN's UDP port | [`rfc7348`]: 4789, which is Docker's too | [`linux`]: 8472, which is flannel's too |
//! | UDP checksum over IPv4 | [`rfc7348`]: 0 | [`linux`]: computed |
//! | upper end of the source ports | [`rfc7348`]: 65535, included | [`linux`]: the end of the range, left out |
//! | ECN of a packet marked CE, put in a tunnel | [`rfc7348`]: CE, as RFC 6040 demands | [`linux`]: ECT(0) |
//! | reserved bits on receipt | ignored, as RFC 7348 demands | [`Vtep::linux`](crate::tunnel::Vtep::linux): a packet with one of them is dropped |
//!
//! # Settled
//!
//! These are not a choice: one reading is an error in a document, or harms nobody.
//!
//! | topic | what is done | instead of |
//! |---|---|---|
//! | no `Backend` in the config | `udp`, as in the code | `vxlan`, as in the documents: two nodes of one network must agree |
//! | subnet length in a network longer than /22 | two more than the network's, as in the code | "two less" in the documents, which no network can hold |
//! | first subnet behind the last one | accepted, a pool of 0 subnets, as in the code | |
//! | order of deletion of a peer's entries | ARP, FDB, route, as flannel | FDB, then neighbour, as Docker |
//! | MAC address of a VTEP | random and local; whatever a lease says | derived from the IP address, as older texts about Docker have it |
//!
//! # flannel's faults that are fixed here
//!
//! What flannel does in these cases serves no one, and no other node notices the difference. Each row names the test
//! that holds it, in the module of its subject; `tests/netns/faults.rs` sends the worst of them to a kernel.
//!
//! | flannel | here | test |
//! |---|---|---|
//! | a lease without IPv4 (`0.0.0.0-0`, `PublicIP` 0.0.0.0) becomes a route 0.0.0.0/0, and takes the node's default route | a family that a lease does not have yields no peer | `a_lease_without_ipv4_plans_no_default_route` |
//! | a public address 0.0.0.0 or `::`, a zero or group `VtepMAC`, and a subnet of length 0 are sent to the kernel | refused with a [`PeerError`](crate::agent::PeerError) | `unusable_leases_have_a_reason` |
//! | a lease outside the network's range is routed all the same | refused, where the network is known | `a_subnet_outside_the_network_is_unreadable` |
//! | backend data of a family that cannot be read stops the other family | each family is read for itself | `each_family_is_read_for_itself` |
//! | a lease that cannot be read is ignored, and then handled as gone | it keeps what its subnet owns | `an_unreadable_lease_keeps_what_it_owns` |
//! | the FDB entry of a MAC address goes with the first of its leases | it goes with the last one | `an_fdb_entry_goes_with_the_last_lease_that_wants_it` |
//! | of two leases with one `VtepMAC` the later event has the entry, on each node another | the lesser subnet has it, on every node, and the conflict is reported | `conflicts_are_reported_and_come_to_rest` |
//! | a lease comes again with another MAC address or reach: the old entries stay | they go, after the new ones are there | `another_vtep_mac_is_reachable_before_the_old_one_goes` |
//! | a request fails: entries that were there before the event are deleted | they are set again | `a_rollback_gives_back_what_was_there` |
//! | host-gw: a route with another gateway is deleted, then added | one request replaces it | `flannels_host_gw_route_gets_another_gateway` |
//! | host-gw: the ten-second check adds a route in vain while another has its place | it replaces that one | `a_host_gw_route_takes_the_place_of_another` |
//! | a snapshot with another value for a known subnet: nothing is told, and the old addresses stay | [`Added`](crate::lease::LeaseEvent::Added), with what is replaced | `snapshots` |
//! | a snapshot with two keys of one lease | the later replaces the earlier | `a_snapshot_with_two_keys_of_one_lease_tells_what_is_replaced` |
//! | a node takes its previous subnet again unless a lease is equal to it | unless one overlaps it | `flannels_previous_subnet_is_taken_if_it_fits` |
//! | the walk over free subnets goes round at the end of the address space | it ends at the last of the pool | `gives_what_a_walk_over_all_gives` |
//! | IPv4 text is read as an IPv6 network or address, and some IPv6 values are printed as IPv4 | refused, and printed as IPv6 | `refuses_wrong_fields` |
//! | an IPv4-mapped address, `::ffff:10.3.1.0`, is an IPv4 address in `SubnetMin` and `PublicIP` | refused | `a_mapped_address_is_not_ipv4` |
//! | a MAC address may be written `c6d2.326f.8f44` | with `:` or `-` | `from_str_refuses_other_texts_and_reports_the_offset` |
//! | JSON may be nested 10,000 deep | [64 deep](crate::lease::json::RawJson::MAX_DEPTH) | `nests_so_deep_and_no_deeper` |
//! | a key with host bits, `10.1.17.5-24`, asks for a route to `10.1.17.5/24`, which the kernel refuses | a lease of `10.1.17.0/24` | `a_key_with_host_bits_is_a_lease_of_its_subnet` |
//! | a link's IPv6 address: when the right one is found first, others stay | they go | `flannels_addresses_on_the_loopback` |
//! | strings in JSON with escapes are not read as addresses and networks | they are | `an_address_may_have_escapes` |
//!
//! [`rfc7348`]: crate::tunnel::TunnelConfig::rfc7348
//! [`linux`]: crate::tunnel::TunnelConfig::linux
//! [`Profile::FlannelCompat`]: crate::lease::Profile::FlannelCompat
#![forbid(unsafe_code)]
