//! The daemon at the bedside: owns every socket, file, clock and task, and no rule.
//!
//! ```text
//! source::{serial, mqtt} ─► bedside ─┬─► annunciator     at once, before anything is stored or sent
//!                             │      ├─► store  (buffer) ─► forwarder ─► Kafka
//!                             │      └─► Kafka, alarms at once, in parallel with the disk
//!                             └─► latest, beds, status ─► Kafka, never buffered
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test that panics is a test that fails"
    )
)]

pub mod actions;
pub mod alarm_tool;
pub mod annunciator;
pub mod bedside;
pub mod buffer;
pub mod buffer_tool;
pub mod capture;
pub mod clock;
pub mod config;
mod conversation;
pub mod decode;
pub mod device_setup;
pub mod discover;
pub mod envelope;
pub mod forwarder;
pub mod http;
mod kafka;
pub mod life;
pub mod logging;
pub mod metrics;
pub mod mqtt;
pub mod quarantine;
pub mod random;
pub mod replay;
pub mod socket;
pub mod source;
pub mod status;
