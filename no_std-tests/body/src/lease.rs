//! Flannel's records, and the life of a lease.

use core::net::IpAddr;
use core::time::Duration;

use vtep::hash::HashKey;
use vtep::lease::json::{JsonErrorKind, JsonString, RawJson};
use vtep::lease::{
    Acquisition, Annotation, AnnotationPrefix, AnnotationPrefixError, EnvVar, EnvVariable, Expiry,
    Families, LeaseAllocator, LeaseEvent, LeaseField, LeaseKey, LeaseSlot, LeaseValue, LeaseWatch,
    NetworkConfig, NetworkConfigError, NetworkConfigField, Profile, RecordError, RenewalMargin,
    SubnetEnv, VxlanBackendData, VxlanConfig, VxlanConfigField, VxlanField, cidrs, watch_back_off,
};
use vtep::subnet::{Ipv4Cidr, OtherLease, PoolConfig, SubnetAllocator};
use vtep::wire::{MacAddr, Vni};

use crate::{Checks, any, v4, v6};

/// A lease as flanneld wrote it.
pub(crate) const VALUE: &str = r#"{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}"#;
pub(crate) const CONFIG: &str = r#"{"Network":"10.3.0.0/16","SubnetMax":"10.3.25.0","Backend":{"Type":"vxlan","VNI":1,"Port":8472}}"#;
pub(crate) const ENV: &str = "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.74.1/24\nFLANNEL_MTU=1472\nFLANNEL_IPMASQ=false\n";

// A frame of its own, for `callgraph.py`.
#[inline(never)]
pub(crate) fn run(checks: &mut Checks<'_>) {
    key(checks);
    json(checks);
    value(checks);
    config(checks);
    env(checks);
    life(checks);
    acquire(checks);
    watch(checks);
    annotations(checks);
    errors(checks);
}

pub(crate) fn lease_key(text: &str) -> Option<LeaseKey> {
    any(text).parse().ok()
}

fn key(checks: &mut Checks<'_>) {
    checks.all("lease: a key", || {
        let key = lease_key("/coreos.com/network/subnets/10.5.34.0-24")?;
        let cidr: Ipv4Cidr = any("10.5.34.0/24").parse().ok()?;
        Some(key == LeaseKey::from(cidr) && lease_key("10.5.34.7-24")?.masked() == key)
    });
    checks.all("lease: a key of two families", || {
        let key = lease_key("10.5.34.0-24&fd00:5:34::-64")?;
        Some(key.v6?.len().value() == 64 && key.v4?.address() == v4(10, 5, 34, 0))
    });
    for text in [
        "10.5.34.0-32",
        "10.5.34-24",
        "10.5.34.0",
        "10.5.34.0-24&-64",
        "10.5.34.0-24&fd00::-128",
        "",
    ] {
        checks.is("lease: no key", any(text).parse::<LeaseKey>().is_err());
    }
}

fn json(checks: &mut Checks<'_>) {
    checks.all("json: values", || {
        let string = RawJson::parse(any(r#" "xA\"" "#)).ok()?.as_str()?;
        let null = RawJson::parse(any("null")).ok()?;
        Some(
            RawJson::parse(any("true")).ok()?.as_bool() == Some(true)
                && RawJson::parse(any("18446744073709551615")).ok()?.as_u64() == Some(u64::MAX)
                && string == any("xA\"")
                && string == *any("xA\"")
                && string == JsonString::new(any("xA\""))
                && string.eq_folded(any("Xa\""))
                && string.chars().count() == 3
                && string.as_str().is_none()
                && !string.is_empty()
                && null.is_null()
                && null.get() == "null"
                && JsonString::from(any("x")).as_str() == Some("x"),
        )
    });
    let broken = RawJson::parse(any(r#"{"a":tru}"#)).err();
    checks.is(
        "json: broken",
        broken.is_some_and(|error| error.kind == JsonErrorKind::Unexpected { byte: b'}' }),
    );
    let is_cut_refused =
        |len| VALUE.get(..len).is_some_and(|cut| RawJson::parse(any(cut)).is_err());
    checks.is("json: cut anywhere", (0..VALUE.len()).all(is_cut_refused));
}

fn value(checks: &mut Checks<'_>) {
    checks.all("lease: a value", || {
        let value = LeaseValue::from_json(any(VALUE)).ok()?;
        let backend = value.vxlan().ok()??;
        let mut buffers = [[0; VxlanBackendData::MAX_LEN]; 2];
        let [one, two] = &mut buffers;
        let made = LeaseValue::new(v4(192, 168, 64, 3)).with_vxlan(backend, one);
        let dual = any(made).with_public_ipv6(v6(3)).with_vxlan_v6(backend, two);
        let host_gw = LeaseValue::new_v6(v6(3)).with_backend_type(any("host-gw"));
        Some(
            made == value
                && dual.vxlan_v6() == Ok(Some(backend))
                && host_gw.public_ipv6 == dual.public_ipv6
                && host_gw.backend_type == any("host-gw")
                && backend.vni == Vni::new(1).ok()
                && backend.vtep_mac == MacAddr::new([0xc6, 0xd2, 0x32, 0x6f, 0x8f, 0x44])
                && value.vxlan_v6() == Ok(None),
        )
    });
    checks.all("lease: a value without an address", || {
        let text = any(r#"{"PublicIP":"0.0.0.0","PublicIPv6":7}"#);
        let value = LeaseValue::from_json_for(&lease_key("10.5.34.0-24")?, text);
        Some(value == Ok(LeaseValue::EMPTY) && LeaseValue::from_json(text).is_err())
    });
    checks.is("lease: a field's name", any(LeaseField::PublicIp).as_str() == "PublicIP");
    let none = RawJson::parse(any("{}")).map(VxlanBackendData::from_json);
    checks.is(
        "lease: backend data without a MAC address",
        none.is_ok_and(|backend| backend.is_err()),
    );
}

fn config(checks: &mut Checks<'_>) {
    checks.all("lease: a network", || {
        let config = NetworkConfig::from_json(any(CONFIG)).ok()?;
        let pool = config.pools().ok()?.ipv4?;
        let vxlan = VxlanConfig::from_json(config.backend?).ok()?;
        Some(
            config.backend_type().ok()? == any("vxlan")
                && (pool.count(), vxlan.vni.value(), vxlan.port) == (25, 1, Some(8472)),
        )
    });
    checks.all("lease: a network without a text", || {
        let v4 = PoolConfig::new(any("10.3.0.0/16").parse().ok()?);
        let v6 = PoolConfig::new(any("fd00:3::/48").parse().ok()?);
        let pools = NetworkConfig::new(v4).with_ipv6(v6).pools().ok()?;
        Some((pools.ipv4?.count(), pools.ipv6?.subnet_len()) == (255, 64))
    });
    checks.is("lease: no network", NetworkConfig::from_json(any(r#"{"Network":7}"#)).is_err());
}

fn env(checks: &mut Checks<'_>) {
    checks.all("lease: subnet.env", || {
        let env = any(ENV).parse::<SubnetEnv>().ok()?;
        let docker = env.docker();
        Some(
            (docker.mtu, docker.ip_masq, docker.bip)
                == (Some(1472), Some(true), env.subnet.value())
                && docker.bip.is_some(),
        )
    });
    checks.all("lease: subnet.env without a text", || {
        let v4 = (any("10.1.0.0/16").parse().ok()?, any("10.1.74.1/24").parse().ok()?);
        let v6 = (any("fd00:1::/48").parse().ok()?, any("fd00:1:0:4a::1/64").parse().ok()?);
        let env = SubnetEnv::default().with_ipv4(v4.0, v4.1).with_ipv6(v6.0, v6.1);
        let env = env.with_mtu(any(1450)).with_ip_masq(any(true));
        Some(
            (env.network.value()?, env.subnet.value()?) == v4
                && (env.ipv6_network.value()?, env.ipv6_subnet.value()?) == v6
                && (env.mtu.value()?, env.ip_masq.value()?) == (1450, true),
        )
    });
    checks.is("lease: a variable", {
        let value = EnvVar::Value(any(7_u32)).map(|value| value == 7);
        value == EnvVar::Value(true) && any(EnvVariable::Mtu).as_str() == "FLANNEL_MTU"
    });
    checks.is("lease: a broken subnet.env", any("FLANNEL_MTU").parse::<SubnetEnv>().is_err());
    let list = any("10.244.1.0/24,not-a-cidr,10.244.2.0/24");
    checks.is("lease: a list", cidrs::<Ipv4Cidr>(list).flatten().count() == 2);
}

fn life(checks: &mut Checks<'_>) {
    let now = Duration::from_secs(any(1_000_000));
    let day = Duration::from_secs(24 * 60 * 60);
    let lease = Expiry::granted(now);
    checks.is("life: a day", !lease.is_over(now) && lease.is_over(now.saturating_add(day)));
    let margin = RenewalMargin::new(any(60)).unwrap_or_default();
    let renewed = lease.renew_at(margin) == Some(Duration::from_secs(1_000_000 + 23 * 60 * 60));
    checks.is("life: renewed", renewed && margin.value() == RenewalMargin::default().value());
    checks.is("life: no margin", RenewalMargin::new(any(0)).is_err());
    let again = any(Expiry::Never).after_reacquire(now, Profile::FlannelCompat);
    checks.is("life: taken again", again == lease);
    checks.is("life: back-off", watch_back_off(any(3)) == Duration::from_millis(400));
    checks.is("life: attempts", any(Profile::Documented).create_attempts() == 10);
    checks.is("life: overhead", any(Profile::Documented).vxlan_overhead(&IpAddr::V6(v6(1))) == 70);
}

fn acquire(checks: &mut Checks<'_>) {
    checks.all("lease: acquired", || {
        let (mut words, mut others) = ([0; 4], [OtherLease::EMPTY; 2]);
        let pools = NetworkConfig::from_json(any(CONFIG)).ok()?.pools().ok()?;
        let v4 = SubnetAllocator::new(pools.ipv4?, &mut words, &mut others).ok()?;
        let mut leases = LeaseAllocator::new(pools, v4, None);
        let (taken, mine) = (lease_key("10.3.1.0-24")?, lease_key("10.3.9.0-24")?);
        leases.reserve(taken).ok()?;
        let renewed = leases.acquire(Some(mine), None, any).ok()?;
        let created = leases.acquire(None, Some(taken), |count| any(count) - 1).ok()?;
        let Acquisition::Create { lease, delete: None } = created else { return None };
        leases.release(lease);
        let next = leases.allocate(|_| any(0)).ok()?;
        Some(
            renewed == Acquisition::Renew(mine)
                && leases.is_compatible(lease)
                && next == lease_key("10.3.2.0-24")?
                && lease == lease_key("10.3.25.0-24")?,
        )
    });
}

fn watch(checks: &mut Checks<'_>) {
    checks.all("lease: watched", || {
        let mut slots: [LeaseSlot<u32>; 4] = Default::default();
        let mut watch =
            LeaseWatch::new(&mut slots, any(Families::Ipv4), HashKey::new(any([7; 16])));
        let (own, one, two) =
            (lease_key("10.3.1.0-24")?, lease_key("10.3.2.0-24")?, lease_key("10.3.3.0-24")?);
        let was_empty = watch.is_empty();
        watch.set_own(Some(own));
        let ignored = watch.added(own, any(1)).ok()?.is_none();
        let added = watch.added(one, any(2)).ok()??
            == LeaseEvent::Added { key: one, value: 2, replaced: None };
        let mut told = 0;
        watch.snapshot(&[(own, 1), (two, any(3))], |_, _| told += 1).ok()?;
        let keyed = any(HashKey::new([7; 16]).hash(&one)) != HashKey::PREDICTABLE.hash(&one);
        let removed = watch.removed(two)? == LeaseEvent::Removed { key: two, value: Some(3) };
        Some(
            was_empty
                && keyed
                && ignored
                && added
                && removed
                && (told, watch.len(), watch.leases().count()) == (2, 0, 0)
                && watch.value(one).is_none(),
        )
    });
}

/// flannel `pkg/subnet/kube/annotations.go`.
fn annotations(checks: &mut Checks<'_>) {
    let prefix = any("flannel.alpha.coreos.com");
    checks.is("lease: an annotation", any(Annotation::PublicIp).as_str() == "public-ip");
    checks.all("lease: what annotations begin with", || {
        Some(AnnotationPrefix::parse(prefix).ok()? == AnnotationPrefix::default())
    });
    let short = AnnotationPrefix::parse(any("org/prefix"));
    checks.is("lease: no domain", short == Err(AnnotationPrefixError::Domain));
}

fn errors(checks: &mut Checks<'_>) {
    checks.all("lease: errors of errors", || {
        let json = RawJson::parse(any("{")).err()?;
        let record: RecordError<NetworkConfigField> = any(json).into();
        Some(
            record == RecordError::Json(json)
                && NetworkConfigError::from(any(record)) == NetworkConfigError::Record(record),
        )
    });
    let names = [
        any(NetworkConfigField::SubnetMax).as_str(),
        any(VxlanConfigField::DirectRouting).as_str(),
        any(VxlanField::VtepMac).as_str(),
    ];
    checks.is("lease: names of fields", names == ["SubnetMax", "DirectRouting", "VtepMAC"]);
}
