//! What is stored and sent: version 1 of each record, as JSON. The only types of the domain that are serialised.
//!
//! Golden files in `tests` freeze them; `docs/schemas` publishes them.

pub mod action;
pub mod alarm;
pub mod evidence;
pub mod ledger;
pub mod reading;
pub mod state;
