//! The domain of bedside vitals: words, decoders, alarms, records. Performs no I/O and never reads a clock.
//!
//! ```text
//! bytes ─► device::Driver ─► Reading ─► Observation ─► alarm::AlarmEngine ─► AlarmEvent
//!                                            └──────────► record ◄───────────────┘
//! ```
//!
//! Every machine here speaks one grammar: `handle_*` takes what happened and when, `poll_*` gives what changed,
//! `poll_timeout` says when to call again. Time is an argument. That nothing here can ask the time, open a file or
//! start a thread is a compile error: the crate is `no_std`.
//!
//! Modules depend one way: `time ← vital ← quantity ← reading ← observation ← record`; `reading ← device, payload`; `priority ← notice ← device, alarm`;
//! `observation ← alarm`; `time ← batch, backoff, freshness ← line_watch`; `sequence` knows numbers alone.
#![no_std]
#![warn(
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::wildcard_enum_match_arm
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::as_conversions,
        reason = "a test that panics is a test that fails"
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod alarm;
pub mod backoff;
pub mod device;
pub mod freshness;
pub mod line_watch;
pub mod name;
pub mod news2;
pub mod notice;
pub mod observation;
pub mod payload;
pub mod priority;
pub mod quantity;
pub mod reading;
pub mod record;
pub mod sequence;
pub mod time;
pub mod vital;
