//! A pack in JSON (RFC 8428, 5): an array of objects. Numbers are taken as they were written.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::super::PayloadError;
use super::record::{Label, Record, Said};

/// The records of a pack.
pub(super) fn records(bytes: &[u8]) -> Result<Vec<Record<'_>>, PayloadError> {
    serde_json::from_slice(bytes)
        .map_err(|error| if error.is_data() { PayloadError::NotAPack } else { PayloadError::NotJson })
}

impl<'de: 'a, 'a> Deserialize<'de> for Record<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Record<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut record = Record::default();
        while let Some(Text(name)) = map.next_key()? {
            let raw: &RawValue = map.next_value()?;
            if let Some(label) = Label::from_name(&name).map_err(de::Error::custom)? {
                record.put(label, said(raw)).map_err(de::Error::custom)?;
            }
        }
        Ok(record)
    }
}

fn said(raw: &RawValue) -> Said<'_> {
    let text = raw.get();
    if text.starts_with('"') {
        return serde_json::from_str(text).map_or(Said::Other, |Text(it)| Said::Text(it));
    }
    if text.starts_with(|it: char| it == '-' || it.is_ascii_digit()) {
        return Said::Number(Cow::Borrowed(text));
    }
    Said::Other
}

/// A text, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
