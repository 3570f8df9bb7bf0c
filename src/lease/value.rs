//! The value of a lease in etcd: JSON, read and written as flanneld does (flannel `pkg/lease/lease.go`).

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::fields::{Field, RecordError, fields, read_fields};
use super::json::{JsonString, RawJson};
use super::vxlan::{VxlanBackend, VxlanBackendError};
use crate::subnet::{Ipv4Prefix, Ipv6Prefix, Prefix};

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
/// # Ok::<(), Box<dyn core::error::Error>>(())
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
}

fields!(LeaseField {
    PublicIp = "PublicIP",
    PublicIpv6 = "PublicIPv6",
    BackendType = "BackendType",
    BackendData = "BackendData",
    BackendV6Data = "BackendV6Data",
});

/// A text that is no lease value.
pub type LeaseValueError = RecordError<LeaseField>;

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
        read_fields(RawJson::new(text)?, |field, json| {
            match field {
                LeaseField::PublicIp => {
                    public_ip = Some(json.string()?.read(Ipv4Prefix::parse_address)?)
                }
                LeaseField::PublicIpv6 if json.is_null() => value.public_ipv6 = None,
                LeaseField::PublicIpv6 => {
                    value.public_ipv6 = Some(json.string()?.read(Ipv6Prefix::parse_address)?)
                }
                LeaseField::BackendType if json.is_null() => {}
                LeaseField::BackendType => value.backend_type = json.string()?,
                LeaseField::BackendData => value.backend_data = Some(json),
                LeaseField::BackendV6Data => value.backend_v6_data = Some(json),
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
    pub fn vxlan(&self) -> Result<Option<VxlanBackend>, VxlanBackendError> {
        self.backend_data.map(VxlanBackend::from_json).transpose()
    }

    /// The backend data of a `vxlan` lease's IPv6 device, if it has some.
    ///
    /// # Errors
    /// It is not what the `vxlan` backend writes.
    pub fn vxlan_v6(&self) -> Result<Option<VxlanBackend>, VxlanBackendError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{MacAddr, Vni};
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
        assert_eq!(value.vxlan(), Err(VxlanBackendError::NotAnObject));
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

    #[test]
    fn any_text_like_a_value_is_one_or_is_not() {
        fn holds(at: usize, cut: usize, put: String) -> bool {
            let mut text = String::from(FLANNELD[0]);
            let at = at % text.len();
            text.replace_range(at..text.len().min(at + cut % 4), &put);
            if let Ok(value) = LeaseValue::from_json(&text) {
                let printed = value.to_string();
                let read = LeaseValue::from_json(&printed).unwrap();
                return read.vxlan().ok() == value.vxlan().ok() && read.to_string() == printed;
            }
            true
        }
        quickcheck::QuickCheck::new()
            .tests(2000)
            .quickcheck(holds as fn(usize, usize, String) -> bool);
    }
}
