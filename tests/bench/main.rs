//! The figures of `docs/performance.md`, measured on the real programs and printed as one table.
#![allow(clippy::disallowed_methods, reason = "what is measured is measured by the real clock")]
#![expect(clippy::cast_precision_loss, reason = "figures for people to read")]

mod comeback;
mod drain;
mod latency;
mod load;
mod memory;
mod room;
mod storm;

use anyhow::{Result, bail};
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::site::Site;

/// The beds of every measurement.
const BEDS: u32 = 64;

/// Prints its lines of the table.
type Measure = fn() -> Result<()>;

/// Each by its name.
const MEASUREMENTS: [(&str, Measure); 8] = [
    ("drain", drain::measure),
    ("load", load::measure),
    ("floor", load::measure_floor),
    ("latency", latency::measure),
    ("storm", storm::measure),
    ("comeback", comeback::measure),
    ("room", room::measure),
    ("memory", memory::measure),
];

fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|it| MEASUREMENTS.iter().all(|(name, _)| name != it)) {
        let names = MEASUREMENTS.map(|(name, _)| name).join(", ");
        bail!("there is no measurement {unknown}: {names}");
    }
    println!("| measurement | result |\n|---|---|");
    for (name, measure) in MEASUREMENTS {
        if wanted.is_empty() || wanted.iter().any(|it| it == name) {
            measure()?;
        }
    }
    Ok(())
}

fn beds() -> Vec<String> {
    (0..BEDS).map(|bed| format!("bed-{bed}")).collect()
}

/// A site with all beds on MQTT.
fn site(name: &str, kafka: &Kafka, broker: &Mosquitto) -> Result<Site> {
    let site = Site::new(name)?.kafka(&kafka.bootstrap()).mqtt(broker.port());
    Ok(site.beds(beds().iter().map(String::as_str)).ward())
}

/// One line of the table.
fn line(measurement: &str, result: &str) {
    println!("| {measurement} | {result} |");
}
