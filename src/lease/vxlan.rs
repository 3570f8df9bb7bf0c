//! The `vxlan` backend: its configuration, and its data in leases (flannel `pkg/backend/vxlan`).

use core::fmt;

use super::fields::{RecordError, fields, read_fields};
use super::json::RawJson;
use crate::wire::{MacAddr, Vni};

/// The data of a `vxlan` lease: what the backend publishes about its device.
///
/// [`Display`](fmt::Display) writes it as flanneld does.
///
/// # Examples
///
/// ```
/// use vtep::lease::VxlanBackendData;
/// use vtep::lease::json::RawJson;
///
/// let text = r#"{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}"#;
/// let data = VxlanBackendData::from_json(RawJson::parse(text)?)?;
/// assert_eq!(data.vni.map(|vni| vni.value()), Some(1));
/// assert_eq!(data.to_string(), text);
/// let missing = VxlanBackendData::from_json(RawJson::parse("{}")?).unwrap_err();
/// assert_eq!(missing.to_string(), "VtepMAC is missing");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VxlanBackendData {
    /// The VNI. Of flannel's up to v0.20 only the low 16 bits: do not take it for the device's.
    /// `None` if the lease has none.
    pub vni: Option<Vni>,
    /// The MAC address of the device: where inner frames for this node go.
    pub vtep_mac: MacAddr,
}

/// A field of the backend data of a `vxlan` lease.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum VxlanField {
    /// A number of 24 bits.
    Vni,
    /// A MAC address.
    VtepMac,
}

fields!(pub VxlanField { Vni = "VNI", VtepMac = "VtepMAC" });

/// The reason why a text is not the data of a `vxlan` lease.
pub type VxlanBackendDataError = RecordError<VxlanField>;

impl VxlanBackendData {
    /// The most bytes that [`write`](Self::write) needs.
    pub const MAX_LEN: usize = r#"{"VNI":16777215,"VtepMAC":"00:00:00:00:00:00"}"#.len();

    /// Reads the backend data of a `vxlan` lease.
    ///
    /// # Errors
    /// [`RecordError`] if it is not an object, if a field has a wrong value, or if `VtepMAC` is
    /// absent.
    pub fn from_json(json: RawJson<'_>) -> Result<Self, VxlanBackendDataError> {
        let mut vni = None;
        let mut vtep_mac = None;
        read_fields(json, |field, json| {
            match field {
                VxlanField::Vni if json.is_null() => {}
                VxlanField::Vni => vni = Some(Vni::new(u32::try_from(json.as_u64()?).ok()?).ok()?),
                VxlanField::VtepMac => {
                    vtep_mac = Some(json.as_str()?.read(|text| text.parse().ok())?)
                }
            }
            Some(())
        })?;
        let missing = VxlanBackendDataError::Missing { field: VxlanField::VtepMac };
        Ok(Self { vni, vtep_mac: vtep_mac.ok_or(missing)? })
    }

    /// Writes the JSON for [`LeaseValue::backend_data`](super::LeaseValue::backend_data) into
    /// `buffer`, and returns it.
    pub fn write(self, buffer: &mut [u8; Self::MAX_LEN]) -> RawJson<'_> {
        let mut writer = Writer { buffer, len: 0 };
        // `MAX_LEN` is the longest text.
        let _ = fmt::write(&mut writer, format_args!("{self}"));
        let Writer { buffer, len } = writer;
        RawJson::checked(
            buffer.get(..len).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or("null"),
        )
    }
}

impl fmt::Display for VxlanBackendData {
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

/// The configuration of the `vxlan` backend: the `Backend` of a network's configuration.
///
/// # Examples
///
/// ```
/// use vtep::lease::VxlanConfig;
/// use vtep::lease::json::RawJson;
///
/// let backend = RawJson::parse(r#"{"Type":"vxlan","Port":4789,"DirectRouting":true}"#)?;
/// let config = VxlanConfig::from_json(backend)?;
/// assert_eq!((config.vni.value(), config.port, config.direct_routing), (1, Some(4789), true));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct VxlanConfig {
    /// The VNI, of the IPv4 and of the IPv6 device. The default is 1.
    pub vni: Vni,
    /// The UDP port. `None` leaves it to the kernel, which takes 8472.
    pub port: Option<u16>,
    /// The MTU of the underlay, from which the encapsulation is yet to be subtracted, in bytes.
    /// `None` is the interface's.
    pub mtu: Option<u32>,
    /// True if the Group Based Policy extension is on.
    pub gbp: bool,
    /// True if the device learns from the packets that it receives.
    pub learning: bool,
    /// True if nodes in the same network reach each other without the tunnel.
    pub direct_routing: bool,
}

/// A field of the `vxlan` backend's configuration.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum VxlanConfigField {
    /// A number of 24 bits.
    Vni,
    /// A number of 16 bits, 0 for none.
    Port,
    /// A number of 32 bits, 0 for none.
    Mtu,
    /// A boolean.
    Gbp,
    /// A boolean.
    Learning,
    /// A boolean.
    DirectRouting,
}

fields!(pub VxlanConfigField {
    Vni = "VNI",
    Port = "Port",
    Mtu = "MTU",
    Gbp = "GBP",
    Learning = "Learning",
    DirectRouting = "DirectRouting",
});

impl VxlanConfig {
    /// Reads the `Backend` of a network's config.
    ///
    /// # Errors
    /// [`RecordError`] if it is not an object, or if a field has a wrong value.
    pub fn from_json(json: RawJson<'_>) -> Result<Self, RecordError<VxlanConfigField>> {
        let mut config = Self {
            vni: Vni::literal::<1>(),
            port: None,
            mtu: None,
            gbp: false,
            learning: false,
            direct_routing: false,
        };
        read_fields(json, |field, json| {
            if json.is_null() {
                return Some(());
            }
            match field {
                VxlanConfigField::Vni => {
                    config.vni = Vni::new(u32::try_from(json.as_u64()?).ok()?).ok()?;
                }
                VxlanConfigField::Port => {
                    config.port =
                        Some(u16::try_from(json.as_u64()?).ok()?).filter(|port| *port != 0);
                }
                VxlanConfigField::Mtu => {
                    config.mtu = Some(u32::try_from(json.as_u64()?).ok()?).filter(|mtu| *mtu != 0);
                }
                VxlanConfigField::Gbp => config.gbp = json.as_bool()?,
                VxlanConfigField::Learning => config.learning = json.as_bool()?,
                VxlanConfigField::DirectRouting => config.direct_routing = json.as_bool()?,
            }
            Some(())
        })?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_wrong_backend_data() {
        let wrong = |field, offset| VxlanBackendDataError::Field { field, offset };
        for (text, error) in [
            (r#"{"VNI":1}"#, VxlanBackendDataError::Missing { field: VxlanField::VtepMac }),
            (r#"{"VNI":16777216}"#, wrong(VxlanField::Vni, 7)),
            (r#"{"VNI":-1}"#, wrong(VxlanField::Vni, 7)),
            (r#"{"VNI":"1"}"#, wrong(VxlanField::Vni, 7)),
            (r#"{"VtepMAC":"12:30:d5:87:b1"}"#, wrong(VxlanField::VtepMac, 11)),
        ] {
            assert_eq!(
                VxlanBackendData::from_json(RawJson::parse(text).unwrap()),
                Err(error),
                "{text}"
            );
        }
    }

    #[test]
    fn reads_a_configuration() {
        let text = r#"{"Type":"vxlan","VNI":4097,"Port":4789,"GBP":true}"#;
        let config = VxlanConfig::from_json(RawJson::parse(text).unwrap()).unwrap();
        assert_eq!((config.vni.value(), config.port, config.gbp), (4097, Some(4789), true));
        assert_eq!((config.mtu, config.learning, config.direct_routing), (None, false, false));
        let text = r#"{"vni":70001,"port":0,"MTU":9000,"learning":null,"directRouting":true}"#;
        let config = VxlanConfig::from_json(RawJson::parse(text).unwrap()).unwrap();
        assert_eq!((config.vni.value(), config.port, config.mtu), (70_001, None, Some(9000)));
        assert!(config.direct_routing);
        for (text, field, offset) in [
            (r#"{"Port":65536}"#, VxlanConfigField::Port, 8),
            (r#"{"VNI":16777216}"#, VxlanConfigField::Vni, 7),
            (r#"{"GBP":1}"#, VxlanConfigField::Gbp, 7),
        ] {
            let error = VxlanConfig::from_json(RawJson::parse(text).unwrap());
            assert_eq!(error, Err(RecordError::Field { field, offset }), "{text}");
        }
    }
}
