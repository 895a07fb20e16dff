//! End-to-end tests: real programs, real brokers, real faults.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics is a test that fails; real faults meet the real clock and environment"
)]

mod harness;
mod schema;
mod station;
mod systemd;
mod tidy;
