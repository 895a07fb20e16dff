//! The engine as a whole, in text form: a script of samples and actions, and the exact records it gives.

mod apnea;
mod clauses;
mod device_word;
mod edges;
mod equipment;
mod inactive;
mod kept;
mod news2;
mod notice;
mod properties;
mod reference;
mod script;
mod sensors;
mod shown;
mod sources;
mod stay;
mod technical;
mod worked;
