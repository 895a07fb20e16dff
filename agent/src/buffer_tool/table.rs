//! Records as rows of a table: the columns of each lane, and what stands in them.
//!
//! Numbers are copied as they are written, so that no float stands between a device and a table.

use std::io::{self, Write};

use serde::Deserialize;
use serde_json::value::RawValue;
use vitals::vital::Vital;

use crate::envelope::Lane;

/// The columns of a lane: fields of its records; of readings, then one for each vital.
pub(super) fn columns(lane: Lane) -> Vec<Column> {
    const READING: [&str; 13] = [
        "received_at",
        "clock",
        "device_time",
        "bed",
        "source",
        "device",
        "device_seq",
        "device_missed",
        "mode",
        "late",
        "redelivered",
        "id",
        "up_ms",
    ];
    const ALARM: [&str; 20] = [
        "decided_at",
        "clock",
        "bed",
        "source",
        "mode",
        "id",
        "revision",
        "phase",
        "kind",
        "code",
        "priority",
        "condition",
        "signal",
        "value",
        "limit",
        "unit",
        "onset_at",
        "ended_at",
        "up_ms",
        "text",
    ];
    match lane {
        Lane::Readings => {
            let vitals = Vital::all().map(|it| Column::Vital(it.properties().name));
            READING.into_iter().map(Column::Field).chain(vitals).collect()
        }
        Lane::Alarms => ALARM.into_iter().map(Column::Field).collect(),
    }
}

/// What stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// A field of the record.
    Field(&'static str),
    /// The value of a vital; empty where there is none.
    Vital(&'static str),
}

/// A table that is written row by row.
pub(super) struct Table {
    columns: Vec<Column>,
}

#[derive(Deserialize)]
struct VitalValue<'a> {
    name: &'a str,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
}

type Fields<'a> = std::collections::BTreeMap<&'a str, &'a RawValue>;

impl Table {
    pub(super) fn new(columns: Vec<Column>) -> Self {
        Self { columns }
    }

    pub(super) fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        let names = self.columns.iter().map(|it| match it {
            Column::Field(name) | Column::Vital(name) => (*name).to_owned(),
        });
        line(out, names)
    }

    pub(super) fn row(&self, body: &RawValue, out: &mut dyn Write) -> io::Result<()> {
        let fields: Fields<'_> = serde_json::from_str(body.get())?;
        let vitals: Vec<VitalValue<'_>> =
            fields.get("vitals").map(|it| serde_json::from_str(it.get())).transpose()?.unwrap_or_default();
        line(
            out,
            self.columns.iter().map(|column| match column {
                Column::Field(name) => fields.get(name).map_or(String::new(), |it| text(it)),
                Column::Vital(name) => {
                    let value = vitals.iter().find(|it| it.name == *name).and_then(|it| it.value);
                    value.map_or(String::new(), text)
                }
            }),
        )
    }
}

/// A value as a cell: texts without their quotes, all else as it is written.
fn text(value: &RawValue) -> String {
    serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

/// A row as RFC 4180 has it.
fn line(out: &mut dyn Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    let quoted = cells.map(|it| {
        let plain = !it.contains(['"', ',', '\n', '\r']);
        if plain { it } else { format!("\"{}\"", it.replace('"', "\"\"")) }
    });
    let row: Vec<String> = quoted.collect();
    writeln!(out, "{}", row.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(columns: Vec<Column>, body: &str) -> String {
        let mut out = Vec::new();
        let body = RawValue::from_string(body.to_owned()).unwrap();
        Table::new(columns).row(&body, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_reading_is_a_row_with_its_numbers_as_they_were_written() {
        let body = r#"{"id":"a/b/r/7","bed":"icu, 3","late":true,"vitals":[{"name":"temperature","value":36.60,"unit":"Cel"},{"name":"spo2","absent":"sensor_off","unit":"%"}]}"#;
        let columns = ["id", "bed", "late", "mode"].map(Column::Field);
        let vitals = ["spo2", "temperature"].map(Column::Vital);
        let all = columns.into_iter().chain(vitals).collect();
        assert_eq!(row(all, body), "a/b/r/7,\"icu, 3\",true,,,36.60\n");
    }

    #[test]
    fn every_column_has_a_name_of_its_own() {
        for lane in [Lane::Readings, Lane::Alarms] {
            let mut out = Vec::new();
            Table::new(columns(lane)).head(&mut out).unwrap();
            let head = String::from_utf8(out).unwrap();
            let mut names: Vec<&str> = head.trim().split(',').collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!((names.len(), count > 19), (count, true), "{head}");
        }
    }

    #[test]
    fn a_quote_in_a_text_is_doubled() {
        let columns = vec![Column::Field("text")];
        assert_eq!(row(columns, r#"{"text":"say \"low\""}"#), "\"say \"\"low\"\"\"\n");
    }
}
