#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = vtep_fuzz::properties::allocator(&mut arbitrary::Unstructured::new(bytes));
});
