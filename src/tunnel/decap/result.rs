//! The result of an inspection, and its application to the frame.

use crate::buf::{FrameBuf, meta_pulled};
use crate::tunnel::vtep::TunnelInfo;
use crate::verdict::Verdict;
use crate::wire::{Ipv4Header, Ipv6Header, TrafficClass};

/// A VXLAN packet that was inspected and accepted, and the place of the inner frame in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decap {
    pub(super) offset: usize,
    pub(super) len: usize,
    pub(super) info: TunnelInfo,
    pub(super) edit: Option<Edit>,
}

impl Decap {
    /// The offset of the inner frame, or of the packet if the VTEP strips its [Ethernet
    /// header](crate::tunnel::Vtep::inner_ethernet), in bytes from the start of the outer frame.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The length of the inner frame or packet in bytes.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "an inner frame has at least 14 bytes, a packet 20"
    )]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// What the outer headers reported.
    #[must_use]
    pub const fn info(&self) -> TunnelInfo {
        self.info
    }

    /// The traffic class that [`apply`](Self::apply) will write to the inner IP header: the outer
    /// ECN field combined with the inner one (RFC 6040 section 4.2), and the outer DSCP in the
    /// uniform model. `None` where nothing changes.
    #[must_use]
    pub fn inner_class(&self) -> Option<TrafficClass> {
        self.edit.map(|edit| edit.class)
    }

    /// Strips the outer headers and the trailing bytes of the frame that was inspected.
    ///
    /// # Examples
    ///
    /// ```
    /// use vtep::buf::FrameBuf;
    /// use vtep::tunnel::{TunnelInfo, Vtep};
    /// use vtep::verdict::DropReason;
    ///
    /// /// Strips the headers of the frames of one network, and leaves others as they are.
    /// fn take<B: FrameBuf>(vtep: &Vtep<'_>, frame: &mut B, vni: u32) -> Result<TunnelInfo, DropReason> {
    ///     let decap = vtep.inspect(frame.bytes())?;
    ///     if decap.info().vni.value() != vni {
    ///         return Err(DropReason::UnknownVni);
    ///     }
    ///     decap.apply(frame)?;
    ///     Ok(decap.info())
    /// }
    /// # let mut frame = vtep::buf::ArrayFrame::<64>::from_bytes_with_headroom(&[0; 60], 0).unwrap();
    /// # assert_eq!(take(&Vtep::linux(), &mut frame, 1), Err(DropReason::NotVxlan));
    /// ```
    ///
    /// # Errors
    /// `NotLinear` for a frame that is not the one that was looked at. It is as it was then.
    #[inline]
    pub fn apply<B: FrameBuf>(&self, frame: &mut B) -> Verdict {
        frame.trim_to(self.offset, self.len)?;
        if let Some(edit) = self.edit {
            edit.apply(frame.bytes_mut());
        }
        meta_pulled(frame, self.offset);
        Ok(())
    }
}

/// A traffic class that has to be written to the inner IP header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Edit {
    /// The offset of the IP header in the inner frame.
    pub(super) at: usize,
    pub(super) is_v4: bool,
    pub(super) class: TrafficClass,
}

impl Edit {
    #[cold]
    pub(super) fn apply(self, frame: &mut [u8]) {
        let Some(packet) = frame.get_mut(self.at..) else { return };
        if self.is_v4 {
            if let Ok((header, _)) = Ipv4Header::mut_from_prefix(packet) {
                header.set_traffic_class(self.class);
            }
        } else if let Ok((header, _)) = Ipv6Header::mut_from_prefix(packet) {
            header.set_traffic_class(self.class);
        }
    }
}
