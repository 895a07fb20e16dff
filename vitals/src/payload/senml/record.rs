//! One record of a pack as it was said, whatever it was encoded in: fields by their label, numbers as decimal text.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;

use super::super::PayloadError;

/// The fields of a record that tell something of a vital.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Record<'a>(BTreeMap<Label, Said<'a>>);

/// What stands in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// A number, as JSON would write it: no float between a device and a limit.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    /// Neither of both.
    Other,
}

/// The fields that are read; what tells of sums and of the next update is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Label {
    BaseName,
    BaseTime,
    BaseUnit,
    BaseValue,
    Version,
    Name,
    Unit,
    Value,
    Text,
    Boolean,
    Data,
    Time,
}

/// Every label with its name in JSON and its number in CBOR (RFC 8428, table 4).
const LABELS: [(Label, &str, i64); 12] = [
    (Label::Version, "bver", -1),
    (Label::BaseName, "bn", -2),
    (Label::BaseTime, "bt", -3),
    (Label::BaseUnit, "bu", -4),
    (Label::BaseValue, "bv", -5),
    (Label::Name, "n", 0),
    (Label::Unit, "u", 1),
    (Label::Value, "v", 2),
    (Label::Text, "vs", 3),
    (Label::Boolean, "vb", 4),
    (Label::Time, "t", 6),
    (Label::Data, "vd", 8),
];

impl Label {
    /// The label of that name; `None` for what is passed over, refused where it has to be understood (RFC 8428, 4.4).
    pub(super) fn from_name(name: &str) -> Result<Option<Self>, PayloadError> {
        if name.ends_with('_') {
            return Err(PayloadError::NotAPack);
        }
        Ok(LABELS.into_iter().find(|(_, it, _)| *it == name).map(|(label, ..)| label))
    }

    /// The label of that number; `None` for what is passed over.
    pub(super) fn from_number(number: i64) -> Option<Self> {
        LABELS.into_iter().find(|(.., it)| *it == number).map(|(label, ..)| label)
    }
}

impl<'a> Record<'a> {
    /// Takes a field; one that stands there twice is refused, for nobody knows which to believe.
    pub(super) fn put(&mut self, label: Label, said: Said<'a>) -> Result<(), PayloadError> {
        if self.0.insert(label, said).is_some() { Err(PayloadError::NotAPack) } else { Ok(()) }
    }

    pub(super) fn get(&self, label: Label) -> Option<&Said<'a>> {
        self.0.get(&label)
    }
}

impl Said<'_> {
    /// The decimal text of a number.
    pub(super) fn number(&self) -> Option<&str> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(_) | Self::Other => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) | Self::Other => None,
        }
    }
}
