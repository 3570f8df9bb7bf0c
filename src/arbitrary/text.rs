//! The records of the store: lease keys and values, a network's configuration.

use core::fmt::{self, Write};
use core::net::{Ipv4Addr, Ipv6Addr};
use core::ops::RangeInclusive;

use arbitrary::{Arbitrary, Error, Result, Unstructured};

use super::CAPACITY;
use crate::lease::{LeaseKey, NetworkConfigField};
use crate::subnet::{Ipv4Cidr, Ipv4PrefixLen, Ipv6Cidr, Ipv6PrefixLen};
use crate::wire::{MacAddr, Vni};

/// A key that has a text: see [`LeaseKeyPart`](crate::lease::LeaseKeyPart) for the lengths.
impl<'a> Arbitrary<'a> for LeaseKey {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let has_v4 = u.ratio(7, 8)?;
        let v4 = Ipv4Cidr::new(u.arbitrary()?, len4(u.int_in_range(0..=31)?)?);
        let v6 = Ipv6Cidr::new(u.arbitrary()?, len6(u.int_in_range(0..=127)?)?);
        let has_v6 = u.arbitrary()? && !(v6.address().is_unspecified() && v6.prefix().is_default());
        Ok(Self { v4: Self::from(v4).v4.filter(|_| has_v4), v6: has_v6.then_some(v6) })
    }
}

/// A text in memory of its own.
#[derive(Clone, Copy)]
struct Text {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl Text {
    const EMPTY: Self = Self { bytes: [0; CAPACITY], len: 0 };

    fn as_str(&self) -> &str {
        core::str::from_utf8(self.bytes.get(..self.len).unwrap_or_default()).unwrap_or_default()
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len.saturating_add(text.len());
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        for (to, from) in room.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        self.len = end;
        Ok(())
    }
}

/// A JSON object that is written a member at a time, with white space where JSON allows it.
struct Object<'t, 'u, 'a> {
    text: &'t mut Text,
    u: &'u mut Unstructured<'a>,
    is_first: bool,
}

impl Object<'_, '_, '_> {
    fn space(&mut self) -> Result<()> {
        let space =
            if self.u.ratio(1, 8)? { *self.u.choose(&[" ", "\n", "\t", "\r\n  "])? } else { "" };
        write(self.text, format_args!("{space}"))
    }

    /// Perhaps writes a member.
    fn perhaps(&mut self, name: &str, value: fmt::Arguments<'_>) -> Result<()> {
        if self.u.ratio(2, 3)? { self.member(name, value) } else { Ok(()) }
    }

    fn member(&mut self, name: &str, value: fmt::Arguments<'_>) -> Result<()> {
        write(self.text, format_args!("{}", if self.is_first { "{" } else { "," }))?;
        self.is_first = false;
        self.space()?;
        write(self.text, format_args!("\"{name}\":"))?;
        self.space()?;
        write(self.text, value)?;
        self.space()
    }
}

fn write(text: &mut Text, value: fmt::Arguments<'_>) -> Result<()> {
    text.write_fmt(value).map_err(|_| Error::IncorrectFormat)
}

/// The JSON text of a network's configuration, whose pools can be made.
#[derive(Clone, Copy)]
pub struct ConfigText {
    text: Text,
    broken: Option<NetworkConfigField>,
}

impl ConfigText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// The field whose value is of the wrong kind, in a text that is
    /// [`nearly_valid`](Self::nearly_valid).
    #[must_use]
    pub const fn broken(&self) -> Option<NetworkConfigField> {
        self.broken
    }

    /// A configuration of which one field has a value of the wrong kind.
    ///
    /// # Errors
    /// When there are too few bytes.
    pub fn nearly_valid(u: &mut Unstructured<'_>) -> Result<Self> {
        let fields = [
            (NetworkConfigField::EnableIpv4, "EnableIPv4"),
            (NetworkConfigField::Network, "Network"),
            (NetworkConfigField::SubnetMin, "SubnetMin"),
            (NetworkConfigField::SubnetLen, "SubnetLen"),
            (NetworkConfigField::Ipv6Network, "IPv6Network"),
            (NetworkConfigField::Ipv6SubnetLen, "IPv6SubnetLen"),
        ];
        let broken = *u.choose(&fields)?;
        Self::new(u, Some(broken))
    }

    fn new(u: &mut Unstructured<'_>, broken: Option<(NetworkConfigField, &str)>) -> Result<Self> {
        let mut text = Text::EMPTY;
        let [a, b, c, d]: [u8; 4] = u.arbitrary()?;
        let (len, subnet_len) = lengths(u, 8..=22, 30)?;
        // No address of a network is 0 (flannel takes that for none).
        let network = Ipv4Cidr::new([a | 1, b, c, d].into(), len4(len)?).prefix();
        let (len, subnet_len_v6) = lengths(u, 16..=100, 126)?;
        let address = u128::from(u.arbitrary::<Ipv6Addr>()?) | 1 << 127;
        let network_v6 = Ipv6Cidr::new(address.into(), len6(len)?).prefix();
        let (enable_v6, vni): (bool, Vni) = u.arbitrary()?;
        let backend = *u.choose(&["udp", "vxlan", "host-gw", "alloc"])?;
        let mut object = Object { text: &mut text, u, is_first: true };
        object.member("Network", format_args!("\"{network}\""))?;
        object.perhaps("SubnetLen", format_args!("{subnet_len}"))?;
        object.member("EnableIPv6", format_args!("{enable_v6}"))?;
        if enable_v6 {
            object.member("IPv6Network", format_args!("\"{network_v6}\""))?;
            object.member("IPv6SubnetLen", format_args!("{subnet_len_v6}"))?;
        }
        object.perhaps("Backend", format_args!("{{\"Type\":\"{backend}\",\"VNI\":{vni}}}"))?;
        if let Some((_, name)) = broken {
            object.member(name, format_args!("[7]"))?;
        }
        write(&mut text, format_args!("}}"))?;
        Ok(Self { text, broken: broken.map(|(field, _)| field) })
    }
}

/// A network's length, and a subnet's at least two longer.
fn lengths(u: &mut Unstructured<'_>, network: RangeInclusive<u8>, most: u8) -> Result<(u8, u8)> {
    let len = u.int_in_range(network)?;
    Ok((len, u.int_in_range(len.saturating_add(2)..=most)?))
}

fn len4(len: u8) -> Result<Ipv4PrefixLen> {
    Ipv4PrefixLen::new(len).map_err(|_| Error::IncorrectFormat)
}

fn len6(len: u8) -> Result<Ipv6PrefixLen> {
    Ipv6PrefixLen::new(len).map_err(|_| Error::IncorrectFormat)
}

impl fmt::Debug for ConfigText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'a> Arbitrary<'a> for ConfigText {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Self::new(u, None)
    }
}

/// The JSON text of a lease's value.
#[derive(Clone, Copy)]
pub struct LeaseText(Text);

impl LeaseText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for LeaseText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'a> Arbitrary<'a> for LeaseText {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut text = Text::EMPTY;
        let (address, address_v6, has_v6): (Ipv4Addr, Ipv6Addr, bool) = u.arbitrary()?;
        let (vni, mac): (Vni, MacAddr) = u.arbitrary()?;
        let mut object = Object { text: &mut text, u, is_first: true };
        object.member("PublicIP", format_args!("\"{address}\""))?;
        if has_v6 {
            object.member("PublicIPv6", format_args!("\"{address_v6}\""))?;
        } else {
            object.member("PublicIPv6", format_args!("null"))?;
        }
        object.perhaps("BackendType", format_args!("\"vxlan\""))?;
        object.perhaps("BackendData", format_args!("{{\"VNI\":{vni},\"VtepMAC\":\"{mac}\"}}"))?;
        object.perhaps("BackendV6Data", format_args!("{{\"VNI\":{vni},\"VtepMAC\":\"{mac}\"}}"))?;
        write(&mut text, format_args!("}}"))?;
        Ok(Self(text))
    }
}
