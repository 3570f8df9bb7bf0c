//! What a lease event means to the kernel: which entries to set and to delete, in which order (flannel
//! `backend/vxlan/vxlan_network.go`, `backend/hostgw/hostgw.go`, `backend/route_network.go`).
//!
//! Pure functions: the caller watches the leases, asks the kernel and sends the requests. [`Vxlan`] and [`HostGw`]
//! turn a peer's lease into [`Record`]s; a [`Plan`] is the ordered [`Change`]s of one event, and says what to undo
//! when one of them fails; [`missing`] and [`stale`] compare what should be there with what is.
//!
//! A lease of two families is two peers: IPv4 first, as flannel does it.
#![forbid(unsafe_code)]

mod plan;
mod reconcile;
mod record;

pub use plan::{HostGw, HostGwPeer, Plan, Reach, Vxlan, VxlanPeer};
pub use reconcile::{Owned, missing, stale};
pub use record::{Change, Record};

#[cfg(test)]
mod tests;
