#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = vtep_fuzz::properties::netlink_messages(&mut arbitrary::Unstructured::new(bytes));
});
