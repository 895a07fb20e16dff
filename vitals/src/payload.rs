//! What devices and gateways publish as messages: a payload in, a reading out. No floats, no trust.

use alloc::collections::BTreeMap;
use alloc::string::String;

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
