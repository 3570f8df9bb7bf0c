//! Flannel: what of it is kept, what is a choice, and what is mended.
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
//! # Mended
//!
//! What flannel does here serves no one, and no other node notices the difference.
//!
//! * A snapshot of leases in which a known subnet has another value: flannel says nothing, and keeps
//!   the old address and MAC address. [`LeaseWatch`](crate::lease::LeaseWatch) says
//!   [`Added`](crate::lease::LeaseEvent::Added), with what is replaced.
//! * The previous subnet of a node is taken again only if it overlaps no lease. Flannel looks for an
//!   equal one.
//! * The walk over free subnets ends at the last of the pool. Flannel's, at the end of the address
//!   space, goes round and on.
//! * IPv6 networks and addresses are read as such: IPv4 text in their place is refused, and what is
//!   printed never turns into IPv4 text.
//! * An IPv4 address in IPv6's clothes, `::ffff:10.3.1.0`, is no IPv4 address. Flannel takes it in `SubnetMin` and
//!   `PublicIP`.
//! * A VTEP's MAC address is written with `:` or `-`. Flannel takes `c6d2.326f.8f44` too.
//! * JSON may be nested [64 deep](crate::lease::RawJson::MAX_DEPTH), in Go 10,000.
//! * A key with host bits, `10.1.17.5-24`, is a lease of `10.1.17.0/24` to [`agent`](crate::agent). Flannel asks the
//!   kernel for a route to `10.1.17.5/24`, which it refuses.
//! * A link's IPv6 address is there once others are gone. Flannel, when it finds the right one first, leaves the others.
//! * While a route of host-gw is missing, the ten-second check deletes what stands in its place, as a new lease does.
//!   Flannel's check tries to add it, in vain.
//! * Strings in JSON may have escapes in addresses and networks. Flannel looks at the raw text.
//! * A lease value has to have a `PublicIP`. Flannel reads 0.0.0.0 where there is none.
//!
//! [`rfc7348`]: crate::tunnel::TunnelConfig::rfc7348
//! [`linux`]: crate::tunnel::TunnelConfig::linux
//! [`Profile::FlannelCompat`]: crate::lease::Profile::FlannelCompat
#![forbid(unsafe_code)]
