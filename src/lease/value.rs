//! The value of a lease in etcd: JSON, read and written as flanneld does (flannel
//! `pkg/lease/lease.go`).

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::fields::{RecordError, fields, read_fields};
use super::json::{JsonString, RawJson};
use super::key::LeaseKey;
use super::vxlan::{VxlanBackendData, VxlanBackendDataError};
use crate::subnet::{Ipv4Prefix, Ipv6Prefix, Prefix};

/// The value of a lease: what a node publishes about itself.
///
/// [`Display`](fmt::Display) writes it byte for byte as flanneld does. flannel writes an absent
/// IPv4 address as `"0.0.0.0"` and an absent IPv6 address as `null`; both, `""`, `"::"` and a
/// missing field are read as `None`.
///
/// # Examples
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
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct LeaseValue<'a> {
    /// The node's IPv4 address in the underlay.
    pub public_ip: Option<Ipv4Addr>,
    /// The node's IPv6 address in the underlay.
    pub public_ipv6: Option<Ipv6Addr>,
    /// `vxlan`, `host-gw` ...; empty for the `udp` backend. Case matters.
    pub backend_type: JsonString<'a>,
    /// The backend's data for the other nodes, if any.
    pub backend_data: Option<RawJson<'a>>,
    /// The data of the backend's IPv6 device, if any.
    pub backend_v6_data: Option<RawJson<'a>>,
}

/// A field of a lease's value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum LeaseField {
    /// An IPv4 address, `""` or `null`.
    PublicIp,
    /// An IPv6 address, `""` or `null`.
    PublicIpv6,
    /// A string.
    BackendType,
    /// Anything.
    BackendData,
    /// Anything.
    BackendV6Data,
}

fields!(pub LeaseField {
    PublicIp = "PublicIP",
    PublicIpv6 = "PublicIPv6",
    BackendType = "BackendType",
    BackendData = "BackendData",
    BackendV6Data = "BackendV6Data",
});

/// The reason why a text is not a lease value.
pub type LeaseValueError = RecordError<LeaseField>;

impl<'a> LeaseValue<'a> {
    /// A value without addresses, backend type and data.
    pub const EMPTY: Self = Self {
        public_ip: None,
        public_ipv6: None,
        backend_type: JsonString::new(""),
        backend_data: None,
        backend_v6_data: None,
    };

    /// Returns the value of a node at that address, which specifies no backend.
    #[must_use]
    pub const fn new(public_ip: Ipv4Addr) -> Self {
        Self { public_ip: Some(public_ip), ..Self::EMPTY }
    }

    /// Returns the value of a node of IPv6 alone at that address, which specifies no backend.
    #[must_use]
    pub const fn new_v6(public_ipv6: Ipv6Addr) -> Self {
        Self { public_ipv6: Some(public_ipv6), ..Self::EMPTY }
    }

    /// Sets the node's IPv6 address.
    #[must_use]
    pub const fn with_public_ipv6(self, address: Ipv6Addr) -> Self {
        Self { public_ipv6: Some(address), ..self }
    }

    /// Sets the backend, which has no data for the other nodes: `host-gw`, for example.
    #[must_use]
    pub const fn with_backend_type(self, backend_type: &'a str) -> Self {
        Self { backend_type: JsonString::new(backend_type), ..self }
    }

    /// Sets the `vxlan` backend, and the data of its IPv4 device, which is written into `buffer`.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::lease::{LeaseValue, VxlanBackendData};
    /// use vtep::wire::Vni;
    ///
    /// let vtep_mac = "c6:d2:32:6f:8f:44".parse()?;
    /// let data = VxlanBackendData { vni: Some(Vni::literal::<1>()), vtep_mac };
    /// let mut buffer = [0; VxlanBackendData::MAX_LEN];
    /// let value = LeaseValue::new([192, 168, 64, 3].into()).with_vxlan(data, &mut buffer);
    /// assert_eq!(
    ///     value.to_string(),
    ///     r#"{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}"#
    /// );
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_vxlan(
        self,
        data: VxlanBackendData,
        buffer: &'a mut [u8; VxlanBackendData::MAX_LEN],
    ) -> Self {
        Self { backend_data: Some(data.write(buffer)), ..self.with_backend_type("vxlan") }
    }

    /// Sets the `vxlan` backend, and the data of its IPv6 device, which is written into `buffer`.
    #[must_use]
    pub fn with_vxlan_v6(
        self,
        data: VxlanBackendData,
        buffer: &'a mut [u8; VxlanBackendData::MAX_LEN],
    ) -> Self {
        Self { backend_v6_data: Some(data.write(buffer)), ..self.with_backend_type("vxlan") }
    }

    /// Reads a lease's value. Names of fields are compared without regard to case, unknown ones are
    /// skipped, and the last of several counts, as in flannel.
    ///
    /// # Errors
    /// `text` is not a JSON object, or a field has a wrong value.
    pub fn from_json(text: &'a str) -> Result<Self, LeaseValueError> {
        Self::read(text, |_| true)
    }

    /// Reads the value of the lease with that key: the address of a family that the key does not
    /// have is not read, and is `None`.
    ///
    /// # Errors
    /// `text` is not a JSON object, or a field that counts has a wrong value.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::lease::LeaseValue;
    ///
    /// let text = r#"{"PublicIP":"192.0.2.12","PublicIPv6":"none","BackendType":"host-gw"}"#;
    /// let value = LeaseValue::from_json_for(&"10.5.2.0-24".parse()?, text)?;
    /// assert_eq!((value.public_ip, value.public_ipv6), (Some([192, 0, 2, 12].into()), None));
    /// assert!(LeaseValue::from_json(text).is_err());
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub fn from_json_for(key: &LeaseKey, text: &'a str) -> Result<Self, LeaseValueError> {
        Self::read(text, |field| match field {
            LeaseField::PublicIp => key.v4.is_some(),
            LeaseField::PublicIpv6 => key.v6.is_some(),
            _ => true,
        })
    }

    fn read(text: &'a str, counts: impl Fn(LeaseField) -> bool) -> Result<Self, LeaseValueError> {
        let mut value = Self::EMPTY;
        read_fields(RawJson::parse(text)?, |field, json| {
            match field {
                _ if !counts(field) => {}
                LeaseField::PublicIp => {
                    let address = read_address(json, Ipv4Prefix::parse_address)?;
                    value.public_ip = address.filter(|address| !address.is_unspecified());
                }
                LeaseField::PublicIpv6 => {
                    let address = read_address(json, Ipv6Prefix::parse_address)?;
                    value.public_ipv6 = address.filter(|address| !address.is_unspecified());
                }
                LeaseField::BackendType if json.is_null() => {}
                LeaseField::BackendType => value.backend_type = json.as_str()?,
                LeaseField::BackendData => value.backend_data = Some(json),
                LeaseField::BackendV6Data => value.backend_v6_data = Some(json),
            }
            Some(())
        })?;
        Ok(value)
    }

    /// The backend data of a `vxlan` lease, if it has some.
    ///
    /// # Errors
    /// It is not what the `vxlan` backend writes.
    pub fn vxlan(&self) -> Result<Option<VxlanBackendData>, VxlanBackendDataError> {
        read_vxlan(self.backend_data)
    }

    /// The backend data of a `vxlan` lease's IPv6 device, if it has some.
    ///
    /// # Errors
    /// It is not what the `vxlan` backend writes.
    pub fn vxlan_v6(&self) -> Result<Option<VxlanBackendData>, VxlanBackendDataError> {
        read_vxlan(self.backend_v6_data)
    }
}

/// Reads an address, which is absent if it is `null` or `""`.
fn read_address<A>(json: RawJson<'_>, parse: impl Fn(&str) -> Option<A>) -> Option<Option<A>> {
    if json.is_null() || json.as_str()?.is_empty() {
        return Some(None);
    }
    json.as_str()?.read(parse).map(Some)
}

/// Reads backend data. Go writes absent data as `null` (a nil `json.RawMessage`).
fn read_vxlan(
    data: Option<RawJson<'_>>,
) -> Result<Option<VxlanBackendData>, VxlanBackendDataError> {
    data.filter(|data| !data.is_null()).map(VxlanBackendData::from_json).transpose()
}

impl fmt::Display for LeaseValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public_ip = self.public_ip.unwrap_or(Ipv4Addr::UNSPECIFIED);
        write!(f, r#"{{"PublicIP":"{public_ip}","PublicIPv6":"#)?;
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
    use std::format;
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
        let mut buffer = [0; VxlanBackendData::MAX_LEN];
        let built = LeaseValue::new(Ipv4Addr::new(192, 168, 50, 2)).with_vxlan(vxlan, &mut buffer);
        assert_eq!(built.to_string(), FLANNELD[0]);
        let host_gw = LeaseValue::new(Ipv4Addr::new(192, 168, 50, 3)).with_backend_type("host-gw");
        assert_eq!(host_gw.to_string(), FLANNELD[1]);
        let ipv6_only = LeaseValue::new_v6("fd00::3".parse().unwrap());
        let ipv6_only = ipv6_only.with_vxlan_v6(vxlan, &mut buffer);
        assert_eq!(
            ipv6_only.to_string(),
            r#"{"PublicIP":"0.0.0.0","PublicIPv6":"fd00::3","BackendType":"vxlan","BackendV6Data":{"VNI":4097,"VtepMAC":"12:30:d5:87:b1:2e"}}"#
        );
        let largest = VxlanBackendData { vni: Vni::new(0xff_ffff).ok(), ..vxlan };
        assert_eq!(largest.write(&mut buffer).get(), largest.to_string());
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
        assert_eq!(value.vxlan(), Ok(None));
        let array = LeaseValue { backend_data: RawJson::parse("[]").ok(), ..value };
        assert_eq!(array.vxlan(), Err(VxlanBackendDataError::NotAnObject));
        assert_eq!(
            value.to_string(),
            r#"{"PublicIP":"1.2.3.4","PublicIPv6":"fd00::1","BackendType":"vxlan","BackendData":null,"BackendV6Data":{"VtepMAC":"C6:D2:32:6F:8F:44"}}"#
        );
    }

    #[test]
    fn refuses_wrong_fields() {
        let wrong = |field, offset| LeaseValueError::Field { field, offset };
        for (text, error) in [
            ("[]", LeaseValueError::NotAnObject),
            (r#"{"PublicIP":0}"#, wrong(LeaseField::PublicIp, 12)),
            (r#"{"PublicIP":"1.2.3"}"#, wrong(LeaseField::PublicIp, 12)),
            (r#"{"PublicIP":"::1"}"#, wrong(LeaseField::PublicIp, 12)),
            (r#"{"PublicIPv6":"1.2.3.4"}"#, wrong(LeaseField::PublicIpv6, 14)),
            (r#"{"PublicIPv6":false}"#, wrong(LeaseField::PublicIpv6, 14)),
            (r#"{"BackendType": 1}"#, wrong(LeaseField::BackendType, 16)),
        ] {
            assert_eq!(LeaseValue::from_json(text), Err(error), "{text}");
        }
    }

    /// The values by which flannel, Go and other writers say that there is no address.
    #[test]
    fn absent_addresses_are_none() {
        for absent in ["null", r#""""#, r#""0.0.0.0""#] {
            let text = format!(r#"{{"PublicIP":{absent}}}"#);
            let value = LeaseValue::from_json(&text).unwrap();
            assert_eq!(value, LeaseValue::EMPTY, "{text}");
            assert_eq!(value.to_string(), r#"{"PublicIP":"0.0.0.0","PublicIPv6":null}"#);
        }
        for absent in ["null", r#""""#, r#""::""#] {
            let text = format!(r#"{{"PublicIPv6":{absent}}}"#);
            assert_eq!(LeaseValue::from_json(&text), Ok(LeaseValue::EMPTY), "{text}");
        }
        assert_eq!(LeaseValue::from_json("{}"), Ok(LeaseValue::EMPTY));
        let last = r#"{"PublicIPv6":"fd00::1","publicipv6":null}"#;
        assert_eq!(
            LeaseValue::from_json(last),
            Ok(LeaseValue::EMPTY),
            "the last of several counts"
        );
    }

    #[test]
    fn a_mapped_address_is_not_ipv4() {
        let text = r#"{"PublicIP":"::ffff:10.3.1.0"}"#;
        let error = LeaseValueError::Field { field: LeaseField::PublicIp, offset: 12 };
        assert_eq!(LeaseValue::from_json(text), Err(error));
    }

    #[test]
    fn an_address_may_have_escapes() {
        let text = r#"{"PublicIP":"192.0.2\u002e12"}"#;
        let value = LeaseValue::from_json(text).unwrap();
        assert_eq!(value.public_ip, Some(Ipv4Addr::new(192, 0, 2, 12)));
    }

    #[test]
    fn from_json_for_does_not_read_the_address_of_an_absent_family() {
        let text = r#"{"PublicIP":"192.0.2","PublicIPv6":"fd00::1"}"#;
        let value = LeaseValue::from_json_for(&"0.0.0.0-0&fd00:1::-64".parse().unwrap(), text);
        let expected = LeaseValue { public_ipv6: "fd00::1".parse().ok(), ..LeaseValue::EMPTY };
        assert_eq!(value, Ok(expected));
        let both = "10.5.2.0-24&fd00:1::-64".parse().unwrap();
        let error = LeaseValueError::Field { field: LeaseField::PublicIp, offset: 12 };
        assert_eq!(LeaseValue::from_json_for(&both, text), Err(error));
    }

    #[test]
    fn from_json_refuses_a_text_cut_short() {
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
            let vxlan = VxlanBackendData {
                vni: Vni::new(vni >> 7).ok(),
                vtep_mac: MacAddr::new(bytes.try_into().unwrap()),
            };
            let mut buffer = [0; VxlanBackendData::MAX_LEN];
            let value = LeaseValue {
                public_ipv6: v6.filter(|v6| *v6 != 0).map(Ipv6Addr::from),
                backend_type: backend.as_str().into(),
                backend_data: Some(vxlan.write(&mut buffer)),
                ..LeaseValue::new(v4.max(1).into())
            };
            let text = value.to_string();
            let read = LeaseValue::from_json(&text).unwrap();
            read == value && read.vxlan() == Ok(Some(vxlan))
        }
        quickcheck::quickcheck(holds as fn(u32, Option<u128>, String, (u32, u16), u32) -> bool);
    }

    #[test]
    fn from_json_of_any_text_reads_back_what_it_accepts() {
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
