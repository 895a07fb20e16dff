//! The simulator: patients that do not exist, on devices that speak their real wire formats, and a judge who knows
//! what was said.
//!
//! ```text
//! scenario ─► patient ─► device (bytes by the vendor's document) ─► pty / TCP / UDP / MQTT ─► the agent
//!                           └─► truth (JSON lines) ─► judge ◄─ Kafka
//! ```
//!
//! It takes its words from `vitals` and never a codec: a codec used on both sides would agree with its own mistakes.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test that panics is a test that fails"
    )
)]

pub mod announce;
pub mod artefact;
pub mod carrier;
pub mod clock;
pub mod demo;
pub mod device;
pub mod exact;
pub mod expect;
pub mod judge;
pub mod link;
pub mod live;
pub mod offline;
pub mod patient;
pub mod play;
pub mod random;
pub mod run;
pub mod scenario;
pub mod schedule;
pub mod site;
pub mod terminal;
pub mod truth;
pub mod ward;
