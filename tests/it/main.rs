//! End-to-end tests: real programs, real brokers, real faults.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics is a test that fails; real faults meet the real clock and environment"
)]

mod actions;
mod alarm_kills;
mod alarm_tools;
mod bad_input;
mod black_hole;
mod broker_names;
mod clocks;
mod conservation;
mod device_words;
mod devices;
mod disk_full;
mod durability;
mod endurance;
mod exactly_once;
#[cfg(target_arch = "x86_64")]
mod harness;
mod install;
mod kept_actions;
mod late;
mod leaders;
mod ledger;
mod lost_broker;
mod lost_session;
mod missing;
mod network;
mod new_secrets;
mod other_cluster;
mod own_alarms;
mod power_cut;
mod reboot;
mod receipts;
mod recovery;
mod redelivery;
mod reference;
mod refused;
mod reload;
mod restart;
mod scenarios;
mod schema;
mod secure;
mod secure_kafka;
mod serial;
mod sim_driver;
mod slow_ways;
mod station;
mod stop;
mod store_faults;
mod store_tool;
mod storm;
mod surroundings;
mod systemd;
mod tidy;
mod tools;
mod upgrade;
mod ward;
mod way;
