//! The Group Policy extension.

/// A group policy: what the Group Policy extension adds to a VXLAN header
/// (draft-smith-vxlan-group-policy section 2.1).
///
/// # Examples
///
/// ```
/// use vtep::wire::Gbp;
///
/// // `iptables -j MARK --set-mark 0x400123` on Linux: group 0x123, do not learn.
/// let policy = Gbp::from_mark(0x40_0123);
/// assert_eq!(policy, Gbp { group: 0x123, dont_learn: true, policy_applied: false });
/// assert_eq!(policy.mark(), 0x40_0123);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Gbp {
    /// The Group Policy ID: the source's group.
    pub group: u16,
    /// D: the egress VTEP must not learn the source address.
    pub dont_learn: bool,
    /// A: policy has been applied already, and must not be applied again.
    pub policy_applied: bool,
}

impl Gbp {
    pub(super) const DONT_LEARN: u8 = 0x40;
    pub(super) const POLICY_APPLIED: u8 = 0x08;
    /// The bits of [`mark`](Self::mark) that have a meaning.
    pub const MARK_MASK: u32 = 0x48_FFFF;

    /// Returns the policy in a Linux packet mark: D is bit 22, A bit 19, the group the low 16 bits
    /// (`include/net/vxlan.h`). Other bits of the mark are ignored.
    #[must_use]
    #[inline]
    pub const fn from_mark(mark: u32) -> Self {
        let [_, flags, high, low] = mark.to_be_bytes();
        Self {
            group: u16::from_be_bytes([high, low]),
            dont_learn: flags & Self::DONT_LEARN != 0,
            policy_applied: flags & Self::POLICY_APPLIED != 0,
        }
    }

    /// Returns the policy as a Linux packet mark.
    #[must_use]
    #[inline]
    pub const fn mark(self) -> u32 {
        let dont_learn = if self.dont_learn { Self::DONT_LEARN } else { 0 };
        let applied = if self.policy_applied { Self::POLICY_APPLIED } else { 0 };
        let [high, low] = self.group.to_be_bytes();
        u32::from_be_bytes([0, dont_learn | applied, high, low])
    }
}
