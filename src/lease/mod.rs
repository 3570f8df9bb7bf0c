//! flannel's records in etcd and on disk, and the life of a lease.
//!
//! A node reads the network's configuration ([`NetworkConfig`]), acquires a lease
//! ([`LeaseAllocator`], [`Acquisition`]) and writes its value ([`LeaseKey`], [`LeaseValue`]) and
//! `subnet.env` ([`SubnetEnv`]). It renews the lease ([`Expiry`]), and watches those of the other
//! nodes ([`LeaseWatch`]).
//!
//! Everything is read in place: a record borrows from the text that it was read from, and is
//! printed byte for byte as flanneld writes it. Time is an argument. With feature `serde`,
//! [`LeaseKey`] is serialized as its text.
//!
//! # Examples
//!
//! ```
//! use vtep::lease::{LeaseKey, LeaseValue};
//!
//! let key: LeaseKey = "10.5.34.0-24".parse()?;
//! let text = r#"{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"host-gw"}"#;
//! let value = LeaseValue::from_json_for(&key, text)?;
//! assert_eq!(value.backend_type, "host-gw");
//! assert_eq!(value.to_string(), text);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
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
