// The functions that are measured: `footprint` links them, `stack` calls them.

use vtep::buf::Frame;
use vtep::subnet::{AllocateError, Ipv4Prefix, SubnetAllocator};
use vtep::tunnel::minimal::{MinimalV4, decap_v4, encap_v4};
use vtep::tunnel::{EncapState, Tunnel, TunnelInfo, Vtep};
use vtep::verdict::{DropReason, Verdict};

pub type Borrowed<'a> = Frame<&'a mut [u8]>;

#[inline(never)]
pub fn encap(tunnel: MinimalV4<'_>, frame: &mut Borrowed<'_>, core: &mut EncapState) -> Verdict {
    encap_v4(tunnel, frame, core)
}

#[inline(never)]
pub fn decap(vtep: &Vtep<'_>, frame: &mut Borrowed<'_>) -> Result<TunnelInfo, DropReason> {
    decap_v4(vtep, frame)
}

#[inline(never)]
pub fn encap_every(tunnel: &Tunnel, frame: &mut Borrowed<'_>, core: &mut EncapState) -> Verdict {
    tunnel.encap(frame, core)
}

#[inline(never)]
pub fn decap_every(vtep: &Vtep<'_>, frame: &mut Borrowed<'_>) -> Result<TunnelInfo, DropReason> {
    vtep.decap(frame)
}

#[inline(never)]
pub fn allocate(
    subnets: &mut SubnetAllocator<'_>,
    lease: Ipv4Prefix,
    random: u32,
) -> Result<Ipv4Prefix, AllocateError> {
    subnets.reserve(lease)?;
    subnets.release(lease);
    subnets.allocate(|_| random)
}
