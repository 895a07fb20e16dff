//! What devices and gateways publish as messages: a payload in, a reading out. No floats, no trust.

pub mod mapped;
pub mod senml;
pub mod wardline;

mod field;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Reading};
use crate::vital::Vital;

/// Where a foreign JSON payload keeps what.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    /// JSON pointer to the device's time.
    pub time: Option<String>,
    /// JSON pointer to the device's message number.
    pub seq: Option<String>,
    /// For each vital its JSON pointer and the unit it is sent in (a UCUM code).
    pub fields: BTreeMap<Vital, MappedField>,
}

/// Where a vital stands, and in which unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedField {
    /// JSON pointer (RFC 6901).
    pub at: String,
    /// UCUM code of the unit it is sent in.
    pub unit: String,
}

/// What a payload came to: a reading, and which of its fields could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Payload {
    /// What was said. A vital whose field could not be used is in it as absent, `invalid`.
    pub reading: Reading,
    /// The fields that could not be used.
    pub faults: Vec<FieldFault>,
}

impl Payload {
    /// Takes what is said of a vital; what cannot be used is a fault, and the vital absent.
    fn take(&mut self, vital: Vital, value: Result<Result<Quantity, Absent>, FieldProblem>) {
        let value = value.unwrap_or_else(|why| {
            self.faults.push(FieldFault { vital: Some(vital), why });
            Err(Absent::Invalid)
        });
        self.reading.measurements.push(match value {
            Ok(value) => Measurement::value(vital, value),
            Err(reason) => Measurement::absent(vital, reason),
        });
    }
}

/// A field that could not be used. The rest of its message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldFault {
    /// Which vital; `None` for the time, the number or the mode.
    pub vital: Option<Vital>,
    /// Why.
    pub why: FieldProblem,
}

/// Why a field could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldProblem {
    /// A text, a list or an object stands where a number belongs.
    NotANumber,
    /// It has no unit, or one from which the vital's own cannot be had.
    UnknownUnit,
    /// The number is beyond any quantity.
    OutOfRange,
    /// The text names no reason for absence.
    UnknownReason,
    /// The time is no time.
    BadTime,
    /// The message's number is no whole number.
    BadSeq,
    /// The mode is none of `live`, `replay` and `simulated`: taken as simulated, so that nothing passes for a patient.
    BadMode,
}

impl FieldFault {
    /// Its name in metrics.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self.why {
            FieldProblem::NotANumber => "not_a_number",
            FieldProblem::UnknownUnit => "unknown_unit",
            FieldProblem::OutOfRange => "out_of_range",
            FieldProblem::UnknownReason => "unknown_reason",
            FieldProblem::BadTime => "bad_time",
            FieldProblem::BadSeq => "bad_seq",
            FieldProblem::BadMode => "bad_mode",
        }
    }
}

/// Why a whole message could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It is not JSON: `NaN` and a byte order mark are not either.
    #[error("not JSON")]
    NotJson,
    /// It begins as CBOR does, and is none.
    #[error("not CBOR")]
    NotCbor,
    /// It is JSON or CBOR, and no pack of `SenML` that can be understood.
    #[error("not a SenML pack of version 10")]
    NotAPack,
    /// It is JSON, and not an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// It names a vital twice, and nobody knows which to believe.
    #[error("a vital twice")]
    DuplicateVital,
    /// It names no vital.
    #[error("no vital in it")]
    NoVitals,
}

impl PayloadError {
    /// Its name in metrics.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NotCbor => "not_cbor",
            Self::NotAPack => "not_a_pack",
            Self::NotAnObject => "not_an_object",
            Self::DuplicateVital => "duplicate_vital",
            Self::NoVitals => "no_vitals",
        }
    }
}
