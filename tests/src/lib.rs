//! The harness: real brokers, the real agent, and the world around them, as values a test owns.
//!
//! ```text
//! publisher ─► Mosquitto ─┐
//! pty ────────────────────┴─► Agent ─► Kafka ─► Reader ─► Tally
//! ```
//!
//! Every process started here dies with the test that owns it, or with the test program, however that ends.
//! Every wait is for an event and has a deadline. A program that is not installed is an error, never a skip.
#![allow(
    clippy::disallowed_methods,
    reason = "real programs and real faults meet the real clock, environment and threads"
)]

pub mod agent;
pub mod block_log;
pub mod disk;
pub mod driver;
pub mod kafka;
pub mod length;
pub mod listener;
pub mod mosquitto;
pub mod mqtt_bytes;
pub mod patient;
pub mod port;
pub mod process;
pub mod program;
pub mod proxy;
pub mod pty;
pub mod publisher;
pub mod reader;
pub mod schema;
pub mod scratch;
pub mod seed;
pub mod site;
pub mod strace;
pub mod tally;
pub mod tls;
pub mod wait;
