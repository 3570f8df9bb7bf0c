//! Integers in the machine's byte order, on arrays of their size so that no read can fail.

use byteorder::{ByteOrder, NativeEndian};

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
