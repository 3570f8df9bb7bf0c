//! The value of a lease in etcd: JSON, read and written as flanneld does (flannel `pkg/lease/lease.go`).

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::json::{JsonError, JsonString, Member, RawJson};
use crate::wire::{MacAddr, Vni};

/// What a node says of itself in its lease.
///
/// [`Display`](fmt::Display) writes it byte for byte as flanneld does.
///
/// ```
/// use vtep::lease::LeaseValue;
///
/// let text = r#"{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}"#;
/// let value = LeaseValue::from_json(text)?;
/// let vxlan = value.vxlan()?.unwrap();
/// assert_eq!(vxlan.vtep_mac.to_string(), "c6:d2:32:6f:8f:44");
/// assert_eq!(value.to_string(), text);
/// # Ok::<(), vtep::lease::LeaseValueError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeaseValue<'a> {
    /// The node's address in the underlay.
    pub public_ip: Ipv4Addr,
    /// The node's IPv6 address in the underlay.
    pub public_ipv6: Option<Ipv6Addr>,
    /// `vxlan`, `host-gw` ...; empty for the `udp` backend. Case matters.
    pub backend_type: JsonString<'a>,
    /// What the backend tells the other nodes, if anything.
    pub backend_data: Option<RawJson<'a>>,
    /// The same of its IPv6 device.
    pub backend_v6_data: Option<RawJson<'a>>,
}

/// A field of a lease's value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LeaseField {
    /// An IPv4 address.
    PublicIp,
    /// An IPv6 address, or `null`.
    PublicIpv6,
    /// A string.
    BackendType,
    /// Anything.
    BackendData,
    /// Anything.
    BackendV6Data,
    /// In the backend data of `vxlan`: a number of 24 bits.
    Vni,
    /// In the backend data of `vxlan`: a MAC address.
    VtepMac,
}

impl LeaseField {
    const VALUE: [Self; 5] = [
        Self::PublicIp,
        Self::PublicIpv6,
        Self::BackendType,
        Self::BackendData,
        Self::BackendV6Data,
    ];
    const VXLAN: [Self; 2] = [Self::Vni, Self::VtepMac];

    /// Its name in the JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PublicIp => "PublicIP",
            Self::PublicIpv6 => "PublicIPv6",
            Self::BackendType => "BackendType",
            Self::BackendData => "BackendData",
            Self::BackendV6Data => "BackendV6Data",
            Self::Vni => "VNI",
            Self::VtepMac => "VtepMAC",
        }
    }
}

/// A text that is no lease value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum LeaseValueError {
    /// It is not JSON.
    Json(JsonError),
    /// It is JSON, and no object.
    NotAnObject,
    /// A field has a value of the wrong type, or out of range.
    Field {
        /// The field.
        field: LeaseField,
        /// Where its value begins, in bytes from the start of the object.
        offset: usize,
    },
    /// There is no such field, and there has to be.
    Missing {
        /// The field.
        field: LeaseField,
    },
}

impl fmt::Display for LeaseValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => fmt::Display::fmt(error, f),
            Self::NotAnObject => f.write_str("lease value: not an object"),
            Self::Field { field, offset } => {
                write!(f, "lease value: {} has a wrong value at byte {offset}", field.as_str())
            }
            Self::Missing { field } => write!(f, "lease value: no {}", field.as_str()),
        }
    }
}

impl core::error::Error for LeaseValueError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            _ => None,
        }
    }
}

impl From<JsonError> for LeaseValueError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

impl<'a> LeaseValue<'a> {
    /// The value of a node at that address, which says no more.
    #[must_use]
    pub const fn new(public_ip: Ipv4Addr) -> Self {
        Self {
            public_ip,
            public_ipv6: None,
            backend_type: JsonString::new(""),
            backend_data: None,
            backend_v6_data: None,
        }
    }

    /// Reads a lease's value. Names of fields are compared without regard to case, unknown ones are
    /// passed over, and the last of several counts, as in flannel.
    ///
    /// # Errors
    /// `text` is no JSON object, a field has a wrong value, or `PublicIP` is missing.
    pub fn from_json(text: &'a str) -> Result<Self, LeaseValueError> {
        let mut public_ip = None;
        let mut value = Self::new(Ipv4Addr::UNSPECIFIED);
        for_fields(RawJson::new(text)?, &LeaseField::VALUE, |field, json| {
            match field {
                LeaseField::PublicIp => public_ip = Some(json.string()?.parse()?),
                LeaseField::PublicIpv6 if json.is_null() => value.public_ipv6 = None,
                LeaseField::PublicIpv6 => value.public_ipv6 = Some(json.string()?.parse()?),
                LeaseField::BackendType if json.is_null() => {}
                LeaseField::BackendType => value.backend_type = json.string()?,
                LeaseField::BackendData => value.backend_data = Some(json),
                LeaseField::BackendV6Data => value.backend_v6_data = Some(json),
                LeaseField::Vni | LeaseField::VtepMac => {}
            }
            Some(())
        })?;
        let missing = LeaseValueError::Missing { field: LeaseField::PublicIp };
        value.public_ip = public_ip.ok_or(missing)?;
        Ok(value)
    }

    /// The backend data of a `vxlan` lease, if it has some.
    ///
    /// # Errors
    /// It is not what the `vxlan` backend writes.
    pub fn vxlan(&self) -> Result<Option<VxlanBackend>, LeaseValueError> {
        self.backend_data.map(VxlanBackend::from_json).transpose()
    }

    /// The backend data of a `vxlan` lease's IPv6 device, if it has some.
    ///
    /// # Errors
    /// It is not what the `vxlan` backend writes.
    pub fn vxlan_v6(&self) -> Result<Option<VxlanBackend>, LeaseValueError> {
        self.backend_v6_data.map(VxlanBackend::from_json).transpose()
    }
}

impl fmt::Display for LeaseValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"{{"PublicIP":"{}","PublicIPv6":"#, self.public_ip)?;
        match self.public_ipv6 {
            Some(address) => write!(f, r#""{address}""#)?,
            None => f.write_str("null")?,
        }
        if !self.backend_type.is_empty() {
            write!(f, r#","BackendType":{}"#, self.backend_type)?;
        }
        if let Some(data) = self.backend_data {
            write!(f, r#","BackendData":{data}"#)?;
        }
        if let Some(data) = self.backend_v6_data {
            write!(f, r#","BackendV6Data":{data}"#)?;
        }
        f.write_str("}")
    }
}

/// What the `vxlan` backend tells the other nodes about its device.
///
/// [`Display`](fmt::Display) writes it as flanneld does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VxlanBackend {
    /// The VNI. Of flannel's up to v0.20 only the low 16 bits: not to be taken for the device's. None
    /// if the lease does not say.
    pub vni: Option<Vni>,
    /// The MAC address of the device: where inner frames for this node go.
    pub vtep_mac: MacAddr,
}

impl VxlanBackend {
    /// The most bytes that [`write`](Self::write) needs.
    pub const MAX_LEN: usize = r#"{"VNI":16777215,"VtepMAC":"00:00:00:00:00:00"}"#.len();

    /// Reads the backend data of a `vxlan` lease.
    ///
    /// # Errors
    /// It is no object, a field has a wrong value, or there is no `VtepMAC`.
    pub fn from_json(json: RawJson<'_>) -> Result<Self, LeaseValueError> {
        let mut vni = None;
        let mut vtep_mac = None;
        for_fields(json, &LeaseField::VXLAN, |field, json| {
            match field {
                LeaseField::Vni if json.is_null() => {}
                LeaseField::Vni => vni = Some(Vni::new(u32::try_from(json.u64()?).ok()?).ok()?),
                _ => vtep_mac = Some(json.string()?.parse()?),
            }
            Some(())
        })?;
        let missing = LeaseValueError::Missing { field: LeaseField::VtepMac };
        Ok(Self { vni, vtep_mac: vtep_mac.ok_or(missing)? })
    }

    /// Its JSON, as [`LeaseValue::backend_data`] wants it, written into `buffer`.
    pub fn write(self, buffer: &mut [u8; Self::MAX_LEN]) -> RawJson<'_> {
        let mut writer = Writer { buffer, len: 0 };
        // What there is to write fits.
        let _ = fmt::write(&mut writer, format_args!("{self}"));
        let Writer { buffer, len } = writer;
        RawJson::checked(
            buffer.get(..len).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or("null"),
        )
    }
}

impl fmt::Display for VxlanBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        if let Some(vni) = self.vni {
            write!(f, r#""VNI":{},"#, vni.value())?;
        }
        write!(f, r#""VtepMAC":"{}"}}"#, self.vtep_mac)
    }
}

struct Writer<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl fmt::Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            *self.buffer.get_mut(self.len).ok_or(fmt::Error)? = byte;
            self.len = self.len.wrapping_add(1);
        }
        Ok(())
    }
}

/// Gives each member of an object that is one of `fields` to `read`, which says whether it could read
/// it.
fn for_fields<'a>(
    object: RawJson<'a>,
    fields: &[LeaseField],
    mut read: impl FnMut(LeaseField, RawJson<'a>) -> Option<()>,
) -> Result<(), LeaseValueError> {
    for Member { name, value, offset } in object.members().ok_or(LeaseValueError::NotAnObject)? {
        let Some(&field) = fields.iter().find(|field| name.eq_folded(field.as_str())) else {
            continue;
        };
        read(field, value).ok_or(LeaseValueError::Field { field, offset })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    /// As flanneld v0.20.2 left them in etcd: vxlan, host-gw, udp; and flannel `pkg/lease`.
    const FLANNELD: [&str; 4] = [
        r#"{"PublicIP":"192.168.50.2","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":4097,"VtepMAC":"12:30:d5:87:b1:2e"}}"#,
        r#"{"PublicIP":"192.168.50.3","PublicIPv6":null,"BackendType":"host-gw"}"#,
        r#"{"PublicIP":"192.168.50.3","PublicIPv6":null}"#,
        r#"{"PublicIP":"1.2.3.4","PublicIPv6":null}"#,
    ];

    #[test]
    fn writes_what_flanneld_wrote() {
        for text in FLANNELD {
            assert_eq!(LeaseValue::from_json(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn reads_a_vxlan_lease_and_builds_it_again() {
        let value = LeaseValue::from_json(FLANNELD[0]).unwrap();
        let vxlan = value.vxlan().unwrap().unwrap();
        assert_eq!(vxlan.vni, Some(Vni::new(4097).unwrap()));
        assert_eq!(vxlan.vtep_mac, MacAddr::new([0x12, 0x30, 0xd5, 0x87, 0xb1, 0x2e]));
        assert!(value.backend_type == "vxlan" && value.backend_type != "VXLAN");
        let mut buffer = [0; VxlanBackend::MAX_LEN];
        let built = LeaseValue {
            backend_type: "vxlan".into(),
            backend_data: Some(vxlan.write(&mut buffer)),
            ..LeaseValue::new(Ipv4Addr::new(192, 168, 50, 2))
        };
        assert_eq!(built.to_string(), FLANNELD[0]);
        let largest = VxlanBackend { vni: Vni::new(0xff_ffff).ok(), ..vxlan };
        assert_eq!(largest.write(&mut buffer).as_str(), largest.to_string());
    }

    #[test]
    fn reads_dual_stack_and_what_others_write() {
        let text = r#" { "publicip" : "1.2.3.4", "PUBLICIPV6":"fd00::1", "x":[{}],
            "BackendType":"vx\u006can", "backenddata": null,
            "BackendV6Data": {"VtepMAC": "C6:D2:32:6F:8F:44" } } "#;
        let value = LeaseValue::from_json(text).unwrap();
        assert_eq!(value.public_ipv6, Some("fd00::1".parse().unwrap()));
        assert_eq!(value.backend_type, "vxlan");
        let v6 = value.vxlan_v6().unwrap().unwrap();
        assert_eq!((v6.vni, v6.vtep_mac.to_string().as_str()), (None, "c6:d2:32:6f:8f:44"));
        assert_eq!(value.vxlan(), Err(LeaseValueError::NotAnObject));
        assert_eq!(
            value.to_string(),
            r#"{"PublicIP":"1.2.3.4","PublicIPv6":"fd00::1","BackendType":"vxlan","BackendData":null,"BackendV6Data":{"VtepMAC":"C6:D2:32:6F:8F:44"}}"#
        );
    }

    #[test]
    fn refuses_wrong_fields() {
        let wrong = |field, offset| LeaseValueError::Field { field, offset };
        for (text, error) in [
            ("{}", LeaseValueError::Missing { field: LeaseField::PublicIp }),
            ("[]", LeaseValueError::NotAnObject),
            (r#"{"PublicIP":null}"#, wrong(LeaseField::PublicIp, 12)),
            (r#"{"PublicIP":"1.2.3"}"#, wrong(LeaseField::PublicIp, 12)),
            (r#"{"PublicIP":"::1"}"#, wrong(LeaseField::PublicIp, 12)),
            (r#"{"PublicIPv6":"1.2.3.4"}"#, wrong(LeaseField::PublicIpv6, 14)),
            (r#"{"PublicIPv6":false}"#, wrong(LeaseField::PublicIpv6, 14)),
            (r#"{"BackendType": 1}"#, wrong(LeaseField::BackendType, 16)),
        ] {
            assert_eq!(LeaseValue::from_json(text), Err(error), "{text}");
        }
        for (text, error) in [
            (r#"{"VNI":1}"#, LeaseValueError::Missing { field: LeaseField::VtepMac }),
            (r#"{"VNI":16777216}"#, wrong(LeaseField::Vni, 7)),
            (r#"{"VNI":-1}"#, wrong(LeaseField::Vni, 7)),
            (r#"{"VNI":"1"}"#, wrong(LeaseField::Vni, 7)),
            (r#"{"VtepMAC":"12:30:d5:87:b1"}"#, wrong(LeaseField::VtepMac, 11)),
        ] {
            assert_eq!(VxlanBackend::from_json(RawJson::new(text).unwrap()), Err(error), "{text}");
        }
    }

    #[test]
    fn a_value_cut_short_is_none() {
        for end in 0..FLANNELD[0].len() {
            let cut = LeaseValue::from_json(&FLANNELD[0][..end]);
            assert!(matches!(cut, Err(LeaseValueError::Json(_))), "{end}");
        }
    }

    #[test]
    fn a_value_reads_back() {
        fn holds(v4: u32, v6: Option<u128>, backend: String, mac: (u32, u16), vni: u32) -> bool {
            let mut bytes: Vec<u8> = mac.0.to_be_bytes().into();
            bytes.extend(mac.1.to_be_bytes());
            let vxlan = VxlanBackend {
                vni: Vni::new(vni >> 7).ok(),
                vtep_mac: MacAddr::new(bytes.try_into().unwrap()),
            };
            let mut buffer = [0; VxlanBackend::MAX_LEN];
            let value = LeaseValue {
                public_ipv6: v6.map(Ipv6Addr::from),
                backend_type: backend.as_str().into(),
                backend_data: Some(vxlan.write(&mut buffer)),
                ..LeaseValue::new(v4.into())
            };
            let text = value.to_string();
            let read = LeaseValue::from_json(&text).unwrap();
            read == value && read.vxlan() == Ok(Some(vxlan))
        }
        quickcheck::quickcheck(holds as fn(u32, Option<u128>, String, (u32, u16), u32) -> bool);
    }
}
