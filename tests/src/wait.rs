//! Waiting for an event with a deadline: the only way a test lets time pass.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a condition is looked at: often enough not to show in a test's time, seldom enough not to load a core.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits until `look` returns something, and returns that; an error that names `what` after `within`.
pub fn until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + within;
    loop {
        if let Some(it) = look()? {
            return Ok(it);
        }
        if Instant::now() >= deadline {
            bail!("waited {within:?} in vain for {what}");
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Waits until `holds`.
pub fn until_true(what: &str, within: Duration, mut holds: impl FnMut() -> bool) -> Result<()> {
    until(what, within, || Ok(holds().then_some(())))
}
