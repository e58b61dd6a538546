#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lakekey_tests::fuzz::configuration(data));
