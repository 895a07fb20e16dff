//! The engine as a whole, in text form: a script of samples and actions, and the exact records it gives.

mod properties;
mod script;
mod technical;
mod worked;
