//! Alarms as IEC 60601-1-8 means the word: conditions, their signals, and the engine that decides both for one bed.
//!
//! `docs/alarms.md` is the specification, clause by clause (E1 to E37); the names here are its names.

pub mod action;
pub mod agent;
mod apnea;
mod choice;
mod cuff;
pub mod engine;
pub mod event;
mod gate;
mod inactive;
mod level;
mod limit;
mod object;
pub mod policy;
pub mod score;
pub mod shown;
pub mod snapshot;
mod source;
mod technical;
pub mod test_alarm;

pub use engine::AlarmEngine;

#[cfg(test)]
mod tests;
