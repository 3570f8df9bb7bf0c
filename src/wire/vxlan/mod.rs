//! VXLAN (RFC 7348), with the Group Policy extension (draft-smith-vxlan-group-policy).
//!
//! [`VxlanFrame`] parses, [`VxlanHeader`] edits in place, [`VxlanBuilder`] builds, [`Gbp`] is a
//! group policy. To put frames into VXLAN and take them out, policies included, is the task of
//! [`tunnel`](crate::tunnel).

mod frame;
mod gbp;
mod header;

pub use frame::{VxlanBuilder, VxlanFrame};
pub use gbp::Gbp;
pub use header::{VxlanFlags, VxlanHeader};
