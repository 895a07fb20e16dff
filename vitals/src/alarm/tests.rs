//! The engine as a whole, in text form: a script of samples and actions, and the exact records it gives.

mod equipment;
mod inactive;
mod kept;
mod properties;
mod script;
mod sensors;
mod sources;
mod technical;
mod worked;
