//! The texts of the field.

use vtep::lease::{Annotation, AnnotationPrefix, LeaseValue, VxlanBackendData};
use vtep::verdict::DropReason;
use vtep::wire::{MacAddr, Vni};

use crate::lease::VALUE;
use crate::{Checks, Text, any};

pub(crate) fn run(checks: &mut Checks<'_>) {
    let mac = MacAddr::new(any([2, 0x42, 0xac, 0x11, 0, 2]));
    checks.is("show: MAC address", Text::of(mac).as_str() == "02:42:ac:11:00:02");
    checks.is("show: VNI", Vni::new(any(4096)).is_ok_and(|vni| Text::of(vni).as_str() == "4096"));
    let is_shown = |reason: &DropReason| Text::of(reason).as_str().len() > 20;
    checks.is("show: drop reasons", DropReason::ALL.iter().all(is_shown));
    let one = Text::of(any(DropReason::NotVxlan));
    checks.is("show: a drop reason", one.as_str() == "not UDP to a port of this VTEP");
    checks.all("show: an annotation's name", || {
        let prefix = AnnotationPrefix::parse(any("flannel.alpha.coreos.com/prefix")).ok()?;
        let key = Text::of(prefix.key(any(Annotation::BackendType)));
        Some(key.as_str() == "flannel.alpha.coreos.com/prefix-backend-type")
    });
    checks.all("show: backend data as flanneld wrote it", || {
        let value = LeaseValue::from_json(any(VALUE)).ok()?;
        let mut buffer = [0; VxlanBackendData::MAX_LEN];
        let written = value.vxlan().ok()??.write(&mut buffer);
        Some(written.get() == value.backend_data?.get())
    });
}
