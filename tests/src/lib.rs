//! The harness: real brokers, the real agent, and the world around them, as values a test owns.
//!
//! ```text
//! publisher ─► Mosquitto ─► Proxy, Tap ─┐
//! pty ──────────────────────────────────┴─► Agent ─► Proxy, EndTxn ─► Kafka ─► Reader ─► Tally, Oracle
//! ```
//!
//! Every process started here dies with the test that owns it, or with the test program, however that ends.
//! Every wait is for an event and has a deadline. A program that is not installed is an error, never a skip.
#![allow(
    clippy::disallowed_methods,
    reason = "real programs and real faults meet the real clock, environment and threads"
)]
#![allow(
    clippy::disallowed_types,
    reason = "how a network is at the moment concerns every connection on it: there is no domain in the harness"
)]

pub mod acknowledged;
pub mod agent;
pub mod block_log;
pub mod cluster;
pub mod disk;
pub mod driver;
pub mod end_txn;
pub mod evidence;
pub mod fake_time;
#[cfg(target_arch = "x86_64")]
pub mod guest;
pub mod java;
pub mod kafka;
pub mod length;
pub mod listener;
pub mod mosquitto;
pub mod mqtt_bytes;
pub mod oracle;
pub mod patient;
pub mod port;
pub mod process;
pub mod program;
pub mod properties;
pub mod proxy;
pub mod pty;
pub mod publisher;
pub mod reader;
pub mod records;
pub mod schema;
pub mod scratch;
pub mod seed;
pub mod site;
pub mod spells;
pub mod storm;
pub mod strace;
pub mod tally;
pub mod tap;
pub mod tls;
pub mod wait;
