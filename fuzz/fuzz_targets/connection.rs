#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| rpc_fuzz::connection::check(octets));
