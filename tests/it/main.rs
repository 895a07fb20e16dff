//! End-to-end tests: real programs, real brokers, real faults.

mod harness;
mod systemd;
