//! What a lease says of its node, one address family at a time.

use core::fmt;
use core::net::IpAddr;

use crate::lease::json::JsonString;
use crate::lease::{LeaseKey, LeaseValue, LeaseValueError, VxlanBackendDataError};
use crate::subnet::IpPrefix;
use crate::wire::MacAddr;

/// The lease that an entry is for: its subnet of the entry's family, and its key.
///
/// # The rule for conflicts
///
/// The kernel has room for one FDB entry a MAC address, one neighbour an address and one route a
/// destination. When two leases want different values there, the lesser owner has it: the one with
/// the lesser subnet (by address, then by length), and of equal subnets the one with the lesser
/// key. That is this type's `Ord`, so that every node and every round decides alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Owner {
    /// The lease's subnet, without host bits.
    pub subnet: IpPrefix,
    /// The lease.
    pub lease: LeaseKey,
}

impl Owner {
    /// Returns the owner of what a lease of that subnet alone wants.
    #[must_use]
    pub fn of_subnet(subnet: IpPrefix) -> Self {
        let lease = match subnet {
            IpPrefix::V4(v4) => LeaseKey { v4: Some(v4.into()), v6: None },
            IpPrefix::V6(v6) => LeaseKey { v4: None, v6: Some(v6.into()) },
        };
        Self { subnet, lease }
    }

    /// Returns the owners that a lease is, of IPv4 and of IPv6.
    #[must_use]
    pub fn all_of(lease: &LeaseKey) -> [Option<Self>; 2] {
        let owner = |subnet| Self { subnet, lease: *lease };
        [
            lease.v4.map(|v4| owner(IpPrefix::V4(v4.prefix()))),
            lease.v6.map(|v6| owner(IpPrefix::V6(v6.prefix()))),
        ]
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.lease, f)
    }
}

/// What a lease says of one address family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading<P> {
    /// Nothing: the lease has no subnet of this family, or is of another backend.
    Absent,
    /// A peer.
    Peer(P),
    /// The lease has a subnet of this family, but what it says of it cannot be used. What the
    /// subnet owns in the kernel stays as it is.
    Unreadable {
        /// The lease, and the subnet.
        owner: Owner,
        /// Why.
        error: PeerError,
        /// What the lease said when it was last readable: see [`Reading::or_last`].
        last: Option<P>,
    },
}

impl<P: Copy> Reading<P> {
    /// Returns the peer: of an unreadable lease the last one that is known.
    #[must_use]
    pub const fn peer(&self) -> Option<&P> {
        match self {
            Self::Peer(peer) | Self::Unreadable { last: Some(peer), .. } => Some(peer),
            Self::Absent | Self::Unreadable { last: None, .. } => None,
        }
    }

    /// Keeps what `known` said, if this one is unreadable. `with_owner` is the peer of the lease as
    /// its key is now: of several keys of one lease the latest decides conflicts.
    fn or_last_with(self, known: &Self, with_owner: fn(P, Owner) -> P) -> Self {
        match self {
            Self::Unreadable { owner, error, last: None } => {
                let last = known.peer().map(|peer| with_owner(*peer, owner));
                Self::Unreadable { owner, error, last }
            }
            readable => readable,
        }
    }
}

impl Reading<VxlanPeer> {
    /// Keeps what `known`, the reading of this lease before this one, said of a lease that is unreadable now.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::agent::VxlanPeer;
    ///
    /// let key = "10.5.2.0-24".parse()?;
    /// let text = r#"{"PublicIP":"192.0.2.12","BackendType":"vxlan","BackendData":{"VtepMAC":"0a:00:00:00:00:12"}}"#;
    /// let [good, _] = VxlanPeer::from_json(&key, text, &[]);
    /// let [bad, _] = VxlanPeer::from_json(&key, r#"{"PublicIP":"192.0.2.12","#, &[]);
    /// assert_eq!(bad.or_last(&good).peer(), good.peer());
    /// # Ok::<(), vtep::lease::ParseLeaseKeyError>(())
    /// ```
    #[must_use]
    pub fn or_last(self, known: &Self) -> Self {
        self.or_last_with(known, |peer, owner| VxlanPeer { owner, ..peer })
    }
}

impl Reading<HostGwPeer> {
    /// Keeps what `known`, the reading of this lease before this one, said of a lease that is unreadable now.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::agent::HostGwPeer;
    ///
    /// let key = "10.5.2.0-24".parse()?;
    /// let [good, _] = HostGwPeer::from_json(&key, r#"{"PublicIP":"192.0.2.12","BackendType":"host-gw"}"#, &[]);
    /// let [bad, _] = HostGwPeer::from_json(&key, r#"{"PublicIP":"192.0.2.12","#, &[]);
    /// assert_eq!(bad.or_last(&good).peer(), good.peer());
    /// # Ok::<(), vtep::lease::ParseLeaseKeyError>(())
    /// ```
    #[must_use]
    pub fn or_last(self, known: &Self) -> Self {
        self.or_last_with(known, |peer, owner| HostGwPeer { owner, ..peer })
    }
}

/// Why what a lease says of one address family cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum PeerError {
    /// The value cannot be read.
    Value(LeaseValueError),
    /// The backend data cannot be read.
    BackendData(VxlanBackendDataError),
    /// The backend data is absent.
    NoBackendData,
    /// The public address is absent: `null`, `""`, 0.0.0.0 or `::`.
    NoPublicAddress,
    /// The public address is a multicast or broadcast address.
    PublicAddress(IpAddr),
    /// The VtepMAC is zero or a group address.
    VtepMac(MacAddr),
    /// No peer can have that subnet: its length is 0, or its first address is 0.0.0.0, `::` or
    /// multicast.
    Subnet(IpPrefix),
    /// The subnet is in none of the overlay's networks.
    OutsideNetworks(IpPrefix),
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(error) => fmt::Display::fmt(error, f),
            Self::BackendData(error) => write!(f, "backend data: {error}"),
            Self::NoBackendData => f.write_str("the backend data is absent"),
            Self::NoPublicAddress => f.write_str("the public address is absent"),
            Self::PublicAddress(address) => write!(f, "public address {address} is not unicast"),
            Self::VtepMac(mac) => write!(f, "VtepMAC {mac} is not unicast"),
            Self::Subnet(subnet) => write!(f, "{subnet} is not a subnet for a peer"),
            Self::OutsideNetworks(subnet) => {
                write!(f, "{subnet} is outside the overlay's networks")
            }
        }
    }
}

impl core::error::Error for PeerError {}

/// A peer's lease, one address family of it, as the vxlan backend needs it.
///
/// The VNI in a lease is not to be relied on, and not part of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VxlanPeer {
    owner: Owner,
    public: IpAddr,
    mac: MacAddr,
}

impl VxlanPeer {
    /// Returns the peer of a lease, with its public address in the underlay and the MAC address of
    /// its vxlan device.
    ///
    /// # Errors
    /// [`PeerError`] if no entry may be made of it: a subnet of length 0, an unspecified or
    /// multicast address, a zero or group MAC address.
    pub fn new(owner: Owner, public: IpAddr, mac: MacAddr) -> Result<Self, PeerError> {
        check_addresses(owner.subnet, public)?;
        if !mac.is_valid_unicast() {
            return Err(PeerError::VtepMac(mac));
        }
        Ok(Self { owner, public, mac })
    }

    /// The lease, and its subnet of this family. The first address is the VTEP's.
    #[must_use]
    pub const fn owner(&self) -> Owner {
        self.owner
    }

    /// The address in the underlay: `PublicIP`, or `PublicIPv6` of an IPv6 subnet.
    #[must_use]
    pub const fn public(&self) -> IpAddr {
        self.public
    }

    /// The MAC address of the vxlan device: `VtepMAC`.
    #[must_use]
    pub const fn mac(&self) -> MacAddr {
        self.mac
    }

    /// Reads what a lease says to the vxlan backend of IPv4, and of IPv6.
    ///
    /// Of a family that the key does not have nothing is looked at: a fault there does not take the
    /// other family. A subnet has to lie in one of the overlay's `networks` of its family; where
    /// none is known, it may lie anywhere.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::agent::{PeerError, Reading, VxlanPeer};
    ///
    /// let key = "10.5.2.0-24&fd00:5:2::-64".parse()?;
    /// let text = r#"{"PublicIP":"192.0.2.12","PublicIPv6":null,"BackendType":"vxlan",
    ///     "BackendData":{"VNI":1,"VtepMAC":"0a:00:00:00:00:12"},"BackendV6Data":null}"#;
    /// let [v4, v6] = VxlanPeer::from_json(&key, text, &[]);
    /// assert_eq!(v4.peer().map(|peer| peer.public()), Some([192, 0, 2, 12].into()));
    /// assert!(matches!(v6, Reading::Unreadable { error: PeerError::NoPublicAddress, .. }));
    /// # Ok::<(), vtep::lease::ParseLeaseKeyError>(())
    /// ```
    #[must_use]
    pub fn from_json(key: &LeaseKey, text: &str, networks: &[IpPrefix]) -> [Reading<Self>; 2] {
        let value = LeaseValue::from_json_for(key, text);
        read_lease(key, value.as_ref(), networks, "vxlan", Self::of)
    }

    /// Reads what a lease's value says, as [`from_json`](Self::from_json) does.
    #[must_use]
    pub fn from_value(
        key: &LeaseKey,
        value: &LeaseValue<'_>,
        networks: &[IpPrefix],
    ) -> [Reading<Self>; 2] {
        read_lease(key, Ok(value), networks, "vxlan", Self::of)
    }

    fn of(owner: Owner, public: IpAddr, value: &LeaseValue<'_>) -> Result<Self, PeerError> {
        let data = match owner.subnet {
            IpPrefix::V4(_) => value.vxlan(),
            IpPrefix::V6(_) => value.vxlan_v6(),
        };
        let data = data.map_err(PeerError::BackendData)?.ok_or(PeerError::NoBackendData)?;
        Self::new(owner, public, data.vtep_mac)
    }
}

/// A peer's lease, one address family of it, as the host-gw backend needs it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HostGwPeer {
    owner: Owner,
    public: IpAddr,
}

impl HostGwPeer {
    /// Returns the peer of a lease, with its public address in the underlay.
    ///
    /// # Errors
    /// [`PeerError`] if no route may be made of it: a subnet of length 0, an unspecified or
    /// multicast address.
    pub fn new(owner: Owner, public: IpAddr) -> Result<Self, PeerError> {
        check_addresses(owner.subnet, public)?;
        Ok(Self { owner, public })
    }

    /// The lease, and its subnet of this family.
    #[must_use]
    pub const fn owner(&self) -> Owner {
        self.owner
    }

    /// The address in the underlay: `PublicIP`, or `PublicIPv6` of an IPv6 subnet.
    #[must_use]
    pub const fn public(&self) -> IpAddr {
        self.public
    }

    /// Reads what a lease says to the host-gw backend of IPv4, and of IPv6: see
    /// [`VxlanPeer::from_json`].
    #[must_use]
    pub fn from_json(key: &LeaseKey, text: &str, networks: &[IpPrefix]) -> [Reading<Self>; 2] {
        let value = LeaseValue::from_json_for(key, text);
        read_lease(key, value.as_ref(), networks, "host-gw", Self::of)
    }

    /// Reads what a lease's value says, as [`from_json`](Self::from_json) does.
    #[must_use]
    pub fn from_value(
        key: &LeaseKey,
        value: &LeaseValue<'_>,
        networks: &[IpPrefix],
    ) -> [Reading<Self>; 2] {
        read_lease(key, Ok(value), networks, "host-gw", Self::of)
    }

    fn of(owner: Owner, public: IpAddr, _: &LeaseValue<'_>) -> Result<Self, PeerError> {
        Self::new(owner, public)
    }
}

fn read_lease<P>(
    key: &LeaseKey,
    value: Result<&LeaseValue<'_>, &LeaseValueError>,
    networks: &[IpPrefix],
    backend: &str,
    peer: fn(Owner, IpAddr, &LeaseValue<'_>) -> Result<P, PeerError>,
) -> [Reading<P>; 2] {
    let read = |owner: Owner| {
        let value = value.map_err(|error| PeerError::Value(*error))?;
        if value.backend_type != JsonString::new(backend) {
            return Ok(None);
        }
        check_networks(owner.subnet, networks)?;
        let public = match owner.subnet {
            IpPrefix::V4(_) => value.public_ip.map(IpAddr::V4),
            IpPrefix::V6(_) => value.public_ipv6.map(IpAddr::V6),
        };
        peer(owner, public.ok_or(PeerError::NoPublicAddress)?, value).map(Some)
    };
    Owner::all_of(key).map(|owner| {
        let Some(owner) = owner else { return Reading::Absent };
        match read(owner) {
            Ok(None) => Reading::Absent,
            Ok(Some(peer)) => Reading::Peer(peer),
            Err(error) => Reading::Unreadable { owner, error, last: None },
        }
    })
}

fn check_networks(subnet: IpPrefix, networks: &[IpPrefix]) -> Result<(), PeerError> {
    let is_of_family =
        |network: &&IpPrefix| network.address().is_ipv4() == subnet.address().is_ipv4();
    let mut of_family = networks.iter().filter(is_of_family).peekable();
    if of_family.peek().is_none() || of_family.any(|network| network.contains_prefix(subnet)) {
        return Ok(());
    }
    Err(PeerError::OutsideNetworks(subnet))
}

fn check_addresses(subnet: IpPrefix, public: IpAddr) -> Result<(), PeerError> {
    let first = subnet.address();
    if subnet.len() == 0 || first.is_unspecified() || !is_unicast(first) {
        return Err(PeerError::Subnet(subnet));
    }
    if public.is_unspecified() {
        return Err(PeerError::NoPublicAddress);
    }
    if !is_unicast(public) {
        return Err(PeerError::PublicAddress(public));
    }
    Ok(())
}

fn is_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_multicast() && !address.is_broadcast(),
        IpAddr::V6(address) => !address.is_multicast(),
    }
}
