#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = vtep_fuzz::properties::checksums(&mut arbitrary::Unstructured::new(bytes));
});
