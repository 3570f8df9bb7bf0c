#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = vtep_fuzz::properties::batches(&mut arbitrary::Unstructured::new(bytes));
});
