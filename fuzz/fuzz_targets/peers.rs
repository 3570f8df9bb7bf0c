#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = vtep_fuzz::peers::parsers(&mut arbitrary::Unstructured::new(bytes));
});
