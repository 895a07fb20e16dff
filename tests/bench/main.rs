//! The figures of `docs/performance.md`, measured on the real programs and printed as one table.
#![allow(clippy::disallowed_methods, reason = "what is measured is measured by the real clock")]
#![expect(clippy::cast_precision_loss, reason = "figures for people to read")]

mod drain;
mod latency;
mod load;
mod room;

use anyhow::{Result, bail};
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::site::Site;

/// The beds of every measurement.
const BEDS: u32 = 64;

fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) =
        wanted.iter().find(|name| !["drain", "load", "latency", "room"].contains(&name.as_str()))
    {
        bail!("there is no measurement {unknown}: drain, load, latency, room");
    }
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|it| it == name);
    println!("| measurement | result |\n|---|---|");
    if is_wanted("drain") {
        drain::measure()?;
    }
    if is_wanted("load") {
        load::measure()?;
    }
    if is_wanted("latency") {
        latency::measure()?;
    }
    if is_wanted("room") {
        room::measure()?;
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
