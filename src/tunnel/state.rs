//! What encap changes from packet to packet.

use super::entropy::FlowHashKey;
use crate::arch::Kernels;

/// The state of encap on one worker: the IPv4 ID, which changes from packet to packet. It also
/// holds the key of the flow hash, which is the same on every worker, and the [`Kernels`] for the
/// processor.
///
/// # Examples
///
/// One for each of 4 workers, from 16 bytes that were drawn at random once (here `random`), with
/// IDs that start far apart:
///
/// ```
/// use vtep::tunnel::{EncapState, FlowHashKey};
///
/// # let random = [7; 16];
/// let key = FlowHashKey::new(random);
/// let first_ids = [0, 1, 2, 3].map(|worker| worker << 14);
/// let mut workers = first_ids.map(|first_id| EncapState::new(key, first_id));
/// # assert_eq!(workers.len(), 4);
/// ```
///
/// There is no default: an ID sequence and a hash that strangers can predict are requested by name.
///
/// ```compile_fail,E0277
/// use vtep::tunnel::EncapState;
///
/// let state: EncapState = Default::default();
/// ```
#[derive(Clone, Debug)]
pub struct EncapState {
    pub(super) next_id: u16,
    pub(super) flow_key: FlowHashKey,
    pub(crate) kernels: &'static Kernels,
}

impl EncapState {
    /// Creates the state of a worker whose IDs start at `first_id`. Workers that send to the same
    /// remote start far apart, because an ID may not come back within a datagram's lifetime (RFC
    /// 6864 section 4.3). All of them have the same `flow_key`, made from the caller's randomness.
    ///
    /// The kernels are those of [`Kernels::detect`].
    #[must_use]
    pub fn new(flow_key: FlowHashKey, first_id: u16) -> Self {
        Self { next_id: first_id, flow_key, kernels: Kernels::detect() }
    }

    /// Creates a state whose source ports and IDs anyone can predict: a public key, IDs from 0. For
    /// tests, and for underlays where nobody aims at a path.
    #[must_use]
    pub fn predictable() -> Self {
        Self::new(FlowHashKey::PUBLIC, 0)
    }

    /// Sets kernels other than the [detected](Kernels::detect) ones.
    #[must_use]
    pub const fn kernels(mut self, kernels: &'static Kernels) -> Self {
        self.kernels = kernels;
        self
    }

    #[inline]
    pub(super) fn take_id(&mut self) -> u16 {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        id
    }
}
