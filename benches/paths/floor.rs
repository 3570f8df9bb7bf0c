//! The floors: encap and decap over IPv4 by hand, with raw pointers, AVX2 and prefetch.
//!
//! *Bare* is what the hardware allows: an array of pointers, one length, no descriptor, no check of a buffer's
//! bounds, no verdict. *Contract* is what any honest interface pays: a descriptor is read and updated, its
//! headroom and length are checked, a verdict and a `TunnelInfo` are written. Both do the crate's job for the
//! same hash, ECN and ID rules, and give the same bytes; what is not UDP over IPv4 they leave alone.
#![allow(clippy::missing_safety_doc, reason = "a benchmark's own functions")]

use std::arch::x86_64::{
    __m256i, _MM_HINT_T0, _mm_prefetch, _mm256_loadu_si256, _mm256_storeu_si256,
};
use std::net::{IpAddr, Ipv4Addr};

use vtep::buf::{ArrayFrame, FrameBuf};
use vtep::tunnel::{EncapState, Tunnel, TunnelInfo};
use vtep::verdict::{DropReason, Verdict};
use vtep::wire::{TrafficClass, Vni};

use super::{OUTER, PoolFrame};

/// How many frames ahead the memory is asked.
const AHEAD: usize = 16;
/// The public flow key, and the ports of RFC 7348: `FlowHashKey::PUBLIC`, `SourcePorts::RFC7348`.
const KEY: [u64; 2] = [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344];
const FIRST_PORT: u16 = 49_152;
const PORTS: u64 = 16_384;

/// A descriptor with the fields of `vtep::buf::Frame`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Descriptor {
    data: *mut u8,
    capacity: usize,
    start: usize,
    end: usize,
    metadata: [u32; 4],
}

const _: () = assert!(size_of::<Descriptor>() == size_of::<PoolFrame>());

/// Descriptors of the same frames.
pub fn descriptors(frames: &mut [PoolFrame]) -> Vec<Descriptor> {
    let one = |frame: &mut PoolFrame| {
        let start = frame.range().start;
        let data = frame.bytes_mut().as_mut_ptr().wrapping_sub(start);
        let end = frame.range().end;
        Descriptor { data, capacity: super::STRIDE, start, end, metadata: [0; 4] }
    };
    frames.iter_mut().map(one).collect()
}

pub fn pointers(frames: &mut [PoolFrame]) -> Vec<*mut u8> {
    frames.iter_mut().map(|frame| frame.bytes_mut().as_mut_ptr()).collect()
}

pub fn undo_encap(descriptors: &mut [Descriptor]) {
    for descriptor in descriptors {
        descriptor.start += OUTER;
    }
}

pub fn undo_decap(descriptors: &mut [Descriptor]) {
    for descriptor in descriptors {
        descriptor.start -= OUTER;
    }
}

/// The 50 bytes of a tunnel, and the sum of its IPv4 header.
#[derive(Clone, Copy)]
pub struct Template {
    bytes: [u8; OUTER],
    sum: u32,
}

impl Template {
    /// Taken from what the tunnel writes in front of an empty frame that is not IP.
    pub fn of(tunnel: &Tunnel) -> Self {
        let mut frame = ArrayFrame::<128>::from_bytes_with_headroom(&[0; 14], OUTER).expect("room");
        tunnel.encap(&mut frame, &mut EncapState::predictable()).expect("encap");
        let mut bytes = [0; OUTER];
        bytes.copy_from_slice(&frame.bytes()[..OUTER]);
        for field in [16..18, 24..26, 34..36, 38..40] {
            bytes[field].fill(0);
        }
        let words = bytes[14..34].chunks_exact(2);
        let sum = words.map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
        Self { bytes, sum }
    }
}

#[inline(always)]
unsafe fn load<T>(at: *const u8) -> T {
    unsafe { at.cast::<T>().read_unaligned() }
}

#[inline(always)]
unsafe fn store(at: *mut u8, value: u16) {
    unsafe { at.cast::<u16>().write_unaligned(value.to_be()) }
}

#[inline(always)]
unsafe fn prefetch(at: *const u8) {
    unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
}

#[inline(always)]
fn port(addresses: u64, protocol: u8, ports: u32) -> u16 {
    let behind = u64::from(ports) | u64::from(protocol) << 32;
    let product = u128::from(addresses ^ KEY[0]) * u128::from(behind ^ KEY[1]);
    let hash = ((product as u64 ^ (product >> 64) as u64) >> 32) as u32;
    let hash = hash ^ hash << 16;
    FIRST_PORT + ((u64::from(hash) * PORTS) >> 32) as u16
}

/// Writes the outer headers in front of the frame of `len` bytes at `frame`.
#[inline(always)]
unsafe fn write(frame: *mut u8, len: usize, port: u16, halves: [__m256i; 2], sum: u32) {
    unsafe {
        let outer = frame.sub(OUTER);
        let class = load::<u8>(frame.add(15)) & 0b11;
        let udp_len = (len + 16) as u16;
        _mm256_storeu_si256(outer.cast(), halves[0]);
        _mm256_storeu_si256(outer.add(OUTER - 32).cast(), halves[1]);
        outer.add(15).write(class);
        store(outer.add(16), udp_len + 20);
        let sum = sum + u32::from(class) + u32::from(udp_len + 20);
        let sum = (sum & 0xFFFF) + (sum >> 16);
        store(outer.add(24), !((sum & 0xFFFF) + (sum >> 16)) as u16);
        store(outer.add(34), port);
        store(outer.add(38), udp_len);
    }
}

#[inline(always)]
unsafe fn halves(template: &Template) -> [__m256i; 2] {
    let start = template.bytes.as_ptr();
    unsafe { [_mm256_loadu_si256(start.cast()), _mm256_loadu_si256(start.add(OUTER - 32).cast())] }
}

#[target_feature(enable = "avx2,bmi2,movbe")]
pub unsafe fn bare_encap(frames: &[*mut u8], len: usize, template: &Template) {
    unsafe {
        let (halves, sum) = (halves(template), template.sum);
        let end = frames.as_ptr().add(frames.len());
        let mut at = frames.as_ptr();
        while at < end {
            let next = *at.wrapping_add(AHEAD).min(end.sub(1));
            prefetch(next.wrapping_sub(64));
            prefetch(next);
            let frame = *at;
            let port = port(load(frame.add(26)), load(frame.add(23)), load(frame.add(34)));
            write(frame, len, port, halves, sum);
            at = at.add(1);
        }
    }
}

#[target_feature(enable = "avx2,bmi2,movbe")]
pub unsafe fn contract_encap(
    frames: &mut [Descriptor],
    template: &Template,
    verdicts: &mut [Verdict],
) -> usize {
    let mut passed = 0;
    unsafe {
        let (halves, sum) = (halves(template), template.sum);
        let end = frames.as_mut_ptr().add(frames.len());
        let mut at = frames.as_mut_ptr();
        let mut verdict = verdicts.as_mut_ptr();
        while at < end {
            let next = &*at.wrapping_add(AHEAD).min(end.sub(1));
            let next = next.data.wrapping_add(next.start);
            prefetch(next.wrapping_sub(64));
            prefetch(next);
            *verdict = encap_one(&mut *at, halves, sum);
            passed += usize::from((*verdict).is_ok());
            (at, verdict) = (at.add(1), verdict.add(1));
        }
    }
    passed
}

#[inline(always)]
unsafe fn encap_one(descriptor: &mut Descriptor, halves: [__m256i; 2], sum: u32) -> Verdict {
    let Descriptor { data, start, end, .. } = *descriptor;
    let len = end - start;
    if start < OUTER {
        return Err(DropReason::NoHeadroom);
    }
    if !(38..=65_499).contains(&len) {
        return Err(DropReason::TooLong);
    }
    unsafe {
        let frame = data.add(start);
        let (kind, protocol): (u32, u8) = (load(frame.add(12)), load(frame.add(23)));
        if kind & 0x00FF_FFFF != 0x0045_0008 {
            return Err(DropReason::NotIp);
        }
        let is_fragment = load::<u16>(frame.add(20)) & 0xFF3F != 0;
        let has_ports = matches!(protocol, 6 | 17 | 132) && !is_fragment;
        let ports = if has_ports { load(frame.add(34)) } else { 0 };
        let port = port(load(frame.add(26)), protocol, ports);
        write(frame, len, port, halves, sum);
    }
    descriptor.start = start - OUTER;
    Ok(())
}

/// Whether `packet` is a good VXLAN packet over IPv4 with a header of 20 bytes; its UDP payload's length.
#[inline(always)]
unsafe fn validate(packet: *const u8, len: usize) -> Result<usize, DropReason> {
    unsafe {
        if load::<u32>(packet.add(12)) & 0x00FF_FFFF != 0x0045_0008 {
            return Err(DropReason::NotVxlan);
        }
        if load::<u8>(packet.add(23)) != 17 || load::<u16>(packet.add(36)).to_be() != 4789 {
            return Err(DropReason::NotVxlan);
        }
        if load::<u16>(packet.add(20)) & 0xFF3F != 0 {
            return Err(DropReason::Fragment);
        }
        let total = usize::from(load::<u16>(packet.add(16)).to_be());
        if total > len - 14 {
            return Err(DropReason::Truncated);
        }
        let (a, b): (u64, u64) = (load(packet.add(14)), load(packet.add(22)));
        let c = u64::from(load::<u32>(packet.add(30)));
        let (sum, carry) = a.overflowing_add(b);
        let (sum, more) = sum.overflowing_add(c + u64::from(carry));
        let sum = (sum >> 32) + (sum & 0xFFFF_FFFF) + u64::from(more);
        let sum = (sum >> 16) + (sum & 0xFFFF);
        let sum = (sum >> 16) + (sum & 0xFFFF);
        if (sum >> 16) + (sum & 0xFFFF) != 0xFFFF {
            return Err(DropReason::IpChecksum);
        }
        let udp_len = usize::from(load::<u16>(packet.add(38)).to_be());
        if udp_len < 16 + 14 + 20 || udp_len + 20 > total {
            return Err(DropReason::UdpLength);
        }
        if load::<u16>(packet.add(40)) != 0 {
            return Err(DropReason::UdpChecksum);
        }
        if load::<u8>(packet.add(42)) & 8 == 0 {
            return Err(DropReason::NoVni);
        }
        // An inner mark may have to be set: not here.
        if load::<u8>(packet.add(15)) & 0b11 != 0 {
            return Err(DropReason::EcnUnmarkable);
        }
        Ok(udp_len - 8)
    }
}

#[target_feature(enable = "avx2,bmi2,movbe")]
pub unsafe fn bare_decap(frames: &[*mut u8], len: usize, vnis: &mut [u32]) -> usize {
    let mut passed = 0;
    unsafe {
        let end = frames.as_ptr().add(frames.len());
        let (mut at, mut vni) = (frames.as_ptr(), vnis.as_mut_ptr());
        while at < end {
            let next = *at.wrapping_add(AHEAD).min(end.sub(1));
            prefetch(next);
            prefetch(next.wrapping_add(64));
            let packet = *at;
            if validate(packet, len).is_ok() {
                *vni = load::<u32>(packet.add(46)).to_be() >> 8;
                passed += 1;
            }
            (at, vni) = (at.add(1), vni.add(1));
        }
    }
    passed
}

#[target_feature(enable = "avx2,bmi2,movbe")]
pub unsafe fn contract_decap(
    frames: &mut [Descriptor],
    infos: &mut [TunnelInfo],
    verdicts: &mut [Verdict],
) -> usize {
    let mut passed = 0;
    unsafe {
        let end = frames.as_mut_ptr().add(frames.len());
        let mut at = frames.as_mut_ptr();
        let (mut verdict, mut info) = (verdicts.as_mut_ptr(), infos.as_mut_ptr());
        while at < end {
            let next = &*at.wrapping_add(AHEAD).min(end.sub(1));
            let next = next.data.wrapping_add(next.start);
            prefetch(next);
            prefetch(next.wrapping_add(64));
            match decap_one(&mut *at) {
                Ok(from) => {
                    *info = from;
                    *verdict = Ok(());
                    passed += 1;
                }
                Err(reason) => *verdict = Err(reason),
            }
            (at, verdict, info) = (at.add(1), verdict.add(1), info.add(1));
        }
    }
    passed
}

#[inline(always)]
unsafe fn decap_one(descriptor: &mut Descriptor) -> Result<TunnelInfo, DropReason> {
    let Descriptor { data, start, end, .. } = *descriptor;
    if end - start < OUTER + 14 + 20 {
        return Err(DropReason::Truncated);
    }
    unsafe {
        let packet = data.add(start);
        let payload = validate(packet, end - start)?;
        descriptor.start = start + OUTER;
        descriptor.end = descriptor.start + payload - 8;
        let remote: [u8; 4] = load(packet.add(26));
        let vni: [u8; 3] = load(packet.add(46));
        let remote = IpAddr::V4(Ipv4Addr::from(remote));
        let mut info = TunnelInfo::new(Vni::from_be_bytes(vni), remote);
        info.source_port = load::<u16>(packet.add(34)).to_be();
        info.outer_traffic_class = TrafficClass(load(packet.add(15)));
        Ok(info)
    }
}

pub fn is_available() -> bool {
    let [avx2, bmi2, movbe] = [
        std::arch::is_x86_feature_detected!("avx2"),
        std::arch::is_x86_feature_detected!("bmi2"),
        std::arch::is_x86_feature_detected!("movbe"),
    ];
    avx2 && bmi2 && movbe
}
