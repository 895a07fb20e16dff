//! How long an endurance test takes: seconds in `tests/run`, minutes in `tests/long`.

use std::env;

/// `short`, or `long` when `tests/long` runs the test (it sets `WARDLINE_TESTS=long`).
#[must_use]
pub fn pick<T>(short: T, long: T) -> T {
    if env::var_os("WARDLINE_TESTS").is_some_and(|length| length == "long") { long } else { short }
}
