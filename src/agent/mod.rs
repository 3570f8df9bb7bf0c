//! What a lease event means to the kernel: which entries to set and to delete, in which order (flannel
//! `backend/vxlan/vxlan_network.go`, `backend/hostgw/hostgw.go`, `backend/route_network.go`).
//!
//! Pure functions: the caller watches the leases, asks the kernel and sends the requests. [`Vxlan`] and [`HostGw`]
//! turn a peer's lease into [`Record`]s; a [`Plan`] is the ordered [`Change`]s of one event, and says what to undo
//! when one of them fails; [`missing`] and [`stale`] compare what should be there with what is; [`ensure_address`] does so
//! for the own link's address.
//!
//! ```
//! use vtep::agent::{Reach, Vxlan, VxlanPeer};
//! use vtep::lease::LeaseValue;
//!
//! let text = r#"{"PublicIP":"192.168.50.3","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}"#;
//! let [peer, _] = VxlanPeer::from_lease(&"10.5.34.0-24".parse()?, &LeaseValue::from_json(text)?)?;
//! let plan = Vxlan { link: 7 }.added(&peer.ok_or("not of the vxlan backend")?, Reach::Tunnel);
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
mod plan;
mod reconcile;
mod record;

pub use address::{AddressChange, ensure_address};
pub use plan::{HostGw, HostGwPeer, Plan, Reach, Vxlan, VxlanPeer};
pub use reconcile::{NotSorted, Owned, SortedRecords, missing, stale};
pub use record::{Change, Record};

#[cfg(test)]
mod tests;
