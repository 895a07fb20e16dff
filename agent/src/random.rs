//! The only code that asks for chance: jitter for back-off, nothing that must be secret.

use std::hash::{BuildHasher, RandomState};

/// An even random number.
#[must_use]
pub fn u32() -> u32 {
    // Every RandomState has keys of its own, so its hash of anything is random enough to spread retries.
    let hash = RandomState::new().hash_one(crate::clock::uptime());
    u32::try_from(hash >> 32).unwrap_or(0)
}
