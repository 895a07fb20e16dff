//! What one JSON value says of one vital, or of the message itself, read from its own text: no float in between.

use alloc::string::String;

use serde_json::value::RawValue;

use super::{FieldFault, FieldProblem};
use crate::quantity::{self, ParseQuantityError, Quantity};
use crate::reading::{Absent, Mode};
use crate::time::DeviceTime;

/// The value of a vital: a number, `null` for what was not measured, or the name of a reason for absence.
pub(super) fn value(raw: &RawValue) -> Result<Result<Quantity, Absent>, FieldProblem> {
    let text = raw.get();
    if text == "null" {
        return Ok(Err(Absent::NotMeasured));
    }
    if text.starts_with('"') {
        let name: String = serde_json::from_str(text).map_err(|_| FieldProblem::NotANumber)?;
        return match Absent::from_name(&name) {
            Some(reason) => Ok(Err(reason)),
            None if Quantity::parse(&name).is_ok() => Err(FieldProblem::NotANumber),
            None => Err(FieldProblem::UnknownReason),
        };
    }
    match Quantity::parse(text) {
        Ok(quantity) => Ok(Ok(quantity)),
        Err(ParseQuantityError::OutOfRange) => Err(FieldProblem::OutOfRange),
        Err(ParseQuantityError::NotANumber) => Err(FieldProblem::NotANumber),
    }
}

/// The time of a message: RFC 3339, or a number of seconds since 1970, to the microsecond.
pub(super) fn time(raw: &RawValue) -> Result<Option<DeviceTime>, FieldFault> {
    let bad = FieldFault { vital: None, why: FieldProblem::BadTime };
    let text = raw.get();
    if text == "null" {
        return Ok(None);
    }
    if text.starts_with('"') {
        let text: String = serde_json::from_str(text).map_err(|_| bad)?;
        return DeviceTime::parse(&text).map(Some).ok_or(bad);
    }
    let micros = micros(text).ok_or(bad)?;
    jiff::Timestamp::from_microsecond(micros).map(|at| Some(DeviceTime::Utc(at))).map_err(|_| bad)
}

/// A number of seconds as microseconds, halves away from zero.
pub(super) fn micros(text: &str) -> Option<i64> {
    quantity::scaled(text, 6).ok()
}

/// The number of a message.
pub(super) fn seq(raw: &RawValue) -> Result<Option<u64>, FieldFault> {
    match raw.get() {
        "null" => Ok(None),
        text => text.parse().map(Some).map_err(|_| FieldFault { vital: None, why: FieldProblem::BadSeq }),
    }
}

/// What a message says of being live; what it says in words of its own is not believed to be live.
pub(super) fn mode(raw: &RawValue) -> (Mode, Option<FieldFault>) {
    match raw.get() {
        "\"live\"" => (Mode::Live, None),
        "\"replay\"" => (Mode::Replay, None),
        "\"simulated\"" => (Mode::Simulated, None),
        _ => (Mode::Simulated, Some(FieldFault { vital: None, why: FieldProblem::BadMode })),
    }
}
