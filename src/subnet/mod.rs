//! IP prefixes, pools of equal subnets, and their allocation: plain arithmetic, over `core` alone.
//!
//! A prefix ([`Ipv4Prefix`], [`Ipv6Prefix`]) never has host bits; an address with a length
//! ([`Ipv4Cidr`], [`Ipv6Cidr`]) keeps them. Every operation is total: a length of 0, 32 or 128 is
//! like any other, and a step past the end of the address space wraps, as flannel's does
//! (`pkg/ip/ipnet.go`).
//!
//! With feature `serde` prefixes and addresses with lengths are serialized as their texts.
//!
//! # Examples
//!
//! ```
//! use vtep::subnet::{Ipv4Cidr, Ipv4Prefix, Ipv4PrefixLen};
//!
//! let address: Ipv4Cidr = "10.1.17.9/24".parse()?;
//! let subnet: Ipv4Prefix = address.prefix();
//! assert_eq!(subnet.next().to_string(), "10.1.18.0/24");
//! assert!(subnet.overlaps("10.1.0.0/16".parse()?));
//! assert_eq!(subnet.subnets(Ipv4PrefixLen::new(26)?).count(), 4);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod alloc;
mod bitmap;
mod cidr;
mod family;
mod ip_prefix;
mod others;
mod pool;
mod prefix;
mod text;

pub use alloc::{AllocateError, SubnetAllocator};
pub use cidr::{Ipv4Cidr, Ipv6Cidr};
pub use family::Prefix;
pub use ip_prefix::{IpPrefix, OtherFamily};
pub use others::OtherLease;
pub use pool::{PoolConfig, PoolError, SubnetPool};
pub use prefix::{
    Ipv4Prefix, Ipv4PrefixLen, Ipv4Subnets, Ipv6Prefix, Ipv6PrefixLen, Ipv6Subnets, PrefixLenError,
};
pub use text::ParseCidrError;
pub(crate) use text::{is, parse_ipv6, parse_length};
