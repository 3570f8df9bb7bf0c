#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = vtep_fuzz::properties::decap_of_packets(&mut arbitrary::Unstructured::new(bytes));
});
