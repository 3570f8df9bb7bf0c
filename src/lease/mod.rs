//! What flannel keeps in etcd and on disk: network config, leases, `subnet.env`; and a lease's life.
#![forbid(unsafe_code)]

mod json;
mod key;
mod scan;
mod value;

pub use json::{JsonError, JsonErrorKind, JsonString, Member, Members, RawJson};
pub use key::{LeaseKey, LeaseKeyPart, ParseLeaseKeyError};
pub use value::{LeaseField, LeaseValue, LeaseValueError, VxlanBackend};
