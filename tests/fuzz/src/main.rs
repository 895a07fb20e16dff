//! Fuzzes what the program is named for.
#![no_main]

#[path = "../../src/properties.rs"]
mod properties;

use std::env;

use properties::Target;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let target = Target::all().find(|it| it.name() == env!("CARGO_BIN_NAME")).expect("a target of that name");
    let control = env::var_os("WARDLINE_FUZZ_CONTROL").is_some();
    if let Err(what) = target.check(input, control) {
        panic!("{}: {what}", target.name());
    }
});
