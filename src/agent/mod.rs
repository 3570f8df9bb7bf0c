//! What a lease event means to the kernel: which entries to set and to delete, in which order
//! (flannel `backend/vxlan/vxlan_network.go`, `backend/hostgw/hostgw.go`,
//! `backend/route_network.go`).
//!
//! Pure functions: the caller watches the leases, asks the kernel and sends the requests.
//!
//! 1. [`VxlanPeer`] and [`HostGwPeer`] read a lease: a [`Reading`] tells *absent* from
//!    *unreadable*.
//! 2. An event: [`VxlanBackend`] and [`HostGwBackend`] make a [`Plan`] of it, the ordered
//!    [`Change`]s to send, with the [`Claim`]s of the other leases in mind; [`Plan::rollback`]
//!    undoes one that failed half-way.
//! 3. A check of the whole: [`WantedRecords`] collects the claims of all leases and reports their
//!    [`Conflict`]s, [`FoundRecords`] holds what is in the kernel, and [`stale`] and [`missing`]
//!    are the difference.
//! 4. [`ensure_address`] is the same for the own link's address.
//!
//! # Examples
//!
//! ```
//! use vtep::agent::{Reach, VxlanBackend, VxlanPeer};
//! use vtep::netlink::IfIndex;
//!
//! let text = r#"{"PublicIP":"192.168.50.3","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}"#;
//! let [v4, _] = VxlanPeer::from_json(&"10.5.34.0-24".parse()?, text, &[]);
//! let peer = v4.peer().ok_or("not of the vxlan backend")?;
//! let plan = VxlanBackend { ifindex: IfIndex::literal::<7>() }.added(peer, Reach::Tunnel, []);
//! let words: Vec<String> = plan.changes().map(|change| change.to_string()).collect();
//! assert_eq!(
//!     words,
//!     [
//!         "set neighbour 10.5.34.0 is at c6:d2:32:6f:8f:44 on link 7",
//!         "set c6:d2:32:6f:8f:44 is behind 192.168.50.3 on link 7",
//!         "set route 10.5.34.0/24 via 10.5.34.0 on link 7, onlink",
//!     ]
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A lease of two families is two peers: IPv4 first, as flannel does it.
#![forbid(unsafe_code)]

mod address;
mod backend;
mod claim;
mod found;
mod peer;
mod plan;
mod reconcile;
mod record;
mod sort;

pub use address::{AddressChange, ensure_address};
pub use backend::{HostGwBackend, VxlanBackend};
pub use claim::{Claim, Conflict, Kept, TooManyRecords, Wanted, WantedRecords};
pub use found::{Found, FoundRecords};
pub use peer::{HostGwPeer, Owner, PeerError, Reading, VxlanPeer};
pub use plan::{Plan, Reach, Rollback};
pub use reconcile::{Ownership, missing, stale};
pub use record::{Change, Record};

#[cfg(test)]
mod tests;
