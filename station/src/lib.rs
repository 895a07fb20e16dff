//! The station: follows a ward's alarms in Kafka and tells people of them. Owns the consumer and decides no alarm.
//!
//! ```text
//! Kafka ─► feed ─► Ward (pure) ─► Change ─┬─► wording ─► terminal
//!                                         └─► handoff ─► a program, a webhook
//! act ─► Kafka, the actions ─► the agent ─► its reply
//! Kafka ─► completeness ─► whether anything is missing
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

pub mod act;
pub mod clock;
pub mod completeness;
#[cfg(test)]
mod example;
pub mod feed;
pub mod handoff;
pub mod options;
pub mod receipts;
pub mod repeats;
pub mod tail;
pub mod ward;
pub mod wording;
