//! What flannel keeps in etcd and on disk: network config, leases, `subnet.env`; and a lease's life.
//!
//! Everything is read in place: a record borrows from the text it was read from, and is printed byte
//! for byte as flanneld writes it. Time is passed in.
#![forbid(unsafe_code)]

mod acquire;
mod annotation;
mod config;
mod env;
mod fields;
pub mod json;
mod key;
mod life;
mod profile;
mod table;
mod value;
mod vxlan;
mod watch;

pub use acquire::{Acquisition, LeaseAllocator};
pub use annotation::{Annotation, AnnotationPrefix, AnnotationPrefixError};
pub use config::{NetworkConfig, NetworkConfigError, NetworkConfigField, Pools};
pub use env::{
    DockerOptions, EnvVar, EnvVariable, SubnetEnv, SubnetEnvError, SubnetEnvErrorKind, cidrs,
};
pub use fields::RecordError;
pub use key::{LeaseKey, LeaseKeyPart, ParseLeaseKeyError};
pub use life::{
    Expiry, LEASE_TTL, RENEWAL_RETRY, RenewalMargin, RenewalMarginError, watch_back_off,
};
pub use profile::Profile;
pub use table::{Families, LeaseSlot, TooManyLeases};
pub use value::{LeaseField, LeaseValue, LeaseValueError};
pub use vxlan::{
    VxlanBackendData, VxlanBackendDataError, VxlanConfig, VxlanConfigField, VxlanField,
};
pub use watch::{LeaseEvent, LeaseWatch};
