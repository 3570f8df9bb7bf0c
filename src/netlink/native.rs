//! Integers in the machine's byte order, on arrays of their size so that no read can fail, and the
//! kernel's fixed structures, of fields in that order.

use byteorder::{ByteOrder, NativeEndian};
use zerocopy::byteorder::native_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Both sides of each conversion are arrays of the integer's size.
macro_rules! native {
    ($($read:ident, $write:ident, $int:ty, $size:literal, $get:ident, $put:ident;)*) => {$(
        pub(super) fn $read(bytes: [u8; $size]) -> $int {
            NativeEndian::$get(&bytes)
        }

        pub(super) fn $write(value: $int) -> [u8; $size] {
            let mut bytes = [0; $size];
            NativeEndian::$put(&mut bytes, value);
            bytes
        }
    )*};
}

native! {
    read_u16, write_u16, u16, 2, read_u16, write_u16;
    read_u32, write_u32, u32, 4, read_u32, write_u32;
    read_i32, write_i32, i32, 4, read_i32, write_i32;
}

/// Structures of the kernel's as they are in a message: made of and into arrays of their size.
macro_rules! structures {
    ($($(#[$note:meta])* struct $name:ident: $size:literal { $($field:ident: $type:ty,)* })*) => {$(
        $(#[$note])*
        #[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
        #[repr(C)]
        pub(super) struct $name {
            $(pub(super) $field: $type,)*
        }

        impl $name {
            pub(super) const fn from_bytes(bytes: [u8; $size]) -> Self {
                zerocopy::transmute!(bytes)
            }

            #[allow(dead_code, reason = "`struct rtnexthop` is written as it was read")]
            pub(super) const fn to_bytes(self) -> [u8; $size] {
                zerocopy::transmute!(self)
            }
        }
    )*};
}

structures! {
    /// `include/uapi/linux/netlink.h`
    struct NlMsgHdr: 16 { len: U32, message_type: U16, flags: U16, seq: U32, port_id: U32, }

    /// `include/uapi/linux/rtnetlink.h`
    struct IfInfoMsg: 16 {
        family: u8, reserved: u8, hardware_type: U16, ifindex: U32, flags: U32, change: U32,
    }

    /// `include/uapi/linux/if_addr.h`
    struct IfAddrMsg: 8 { family: u8, prefix_len: u8, flags: u8, scope: u8, ifindex: U32, }

    /// `include/uapi/linux/neighbour.h`
    struct NdMsg: 12 {
        family: u8, reserved: [u8; 3], ifindex: U32, state: U16, flags: u8, neigh_type: u8,
    }

    /// `include/uapi/linux/rtnetlink.h`
    struct RtMsg: 12 {
        family: u8, destination_len: u8, source_len: u8, tos: u8, table: u8, protocol: u8,
        scope: u8, route_type: u8, flags: U32,
    }

    /// `include/uapi/linux/rtnetlink.h`
    struct RtNextHop: 8 { len: U16, flags: u8, hops: u8, ifindex: U32, }
}
