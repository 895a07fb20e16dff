//! What an agent beside a simulated ward is configured with, as the file a person would write.

use std::fmt::Write;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use crate::carrier::{Place, Places};
use crate::expect::limits;
use crate::ward::{Bed, UNIT};

/// The agent's id.
pub const AGENT: &str = "sim-agent";
/// Where messages of a bed are published.
pub const WARD_TOPICS: &str = "ward";
/// Where the agent makes a bed's alarms known.
pub const ALARM_TOPICS: &str = "alarms";

/// What the configuration names.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// Where the agent keeps its files.
    pub dir: &'a Path,
    /// Where the devices are.
    pub places: Places,
    /// Kafka's brokers.
    pub kafka: &'a str,
    /// The MQTT broker.
    pub mqtt: String,
}

impl<'a> Surroundings<'a> {
    /// Everything below one directory, and serial lines alone.
    #[must_use]
    pub fn below(dir: &'a Path, kafka: &'a str, mqtt: &str) -> Self {
        let places =
            Places { lines: dir.join("lines"), listen: IpAddr::V4(Ipv4Addr::LOCALHOST), port_base: 0 };
        Self { dir, places, kafka, mqtt: mqtt.into() }
    }
}

impl Surroundings<'_> {
    /// Writes the agent's files; returns the path of `wardline.toml`.
    pub fn write(&self, beds: &[Bed]) -> io::Result<PathBuf> {
        let path = self.dir.join("wardline.toml");
        fs::write(self.dir.join("alarms.toml"), approved(limits::SHIPPED))?;
        fs::write(&path, self.wardline_toml(beds))?;
        Ok(path)
    }

    /// Where the agent keeps its socket.
    #[must_use]
    pub fn run_dir(&self) -> PathBuf {
        self.dir.join("run")
    }

    /// The agent's file.
    #[must_use]
    pub fn wardline_toml(&self, beds: &[Bed]) -> String {
        let (dir, run_dir) = (self.dir.display(), self.run_dir());
        let mut toml = format!(
            "# SIMULATED: no patient is behind any number here.\n\
             [agent]\nid = \"{AGENT}\"\nstate_dir = \"{dir}/state\"\nrun_dir = \"{}\"\nhttp = \"off\"\n\
             shutdown_grace = \"1s\"\n\n\
             [unit]\nid = \"{UNIT}\"\nlabel = \"Simulated ward\"\nprofile = \"adult\"\n\n\
             [kafka]\nbrokers = [\"{}\"]\nsecurity = \"plaintext\"\n\
             # The demo's Kafka may forget to close a connection when it goes: 9 s are too long to wait for its answer.\n\
             answer_timeout = \"5s\"\n\n\
             [mqtt.ward]\nurl = \"mqtt://{}\"\n\n\
             [buffer]\nsize = \"64MiB\"\n\n\
             [[annunciator]]\nkind = \"mqtt\"\nmqtt = \"ward\"\ntopic = \"{ALARM_TOPICS}/{{bed}}\"\n",
            run_dir.display(),
            self.kafka.replace(',', "\", \""),
            self.mqtt,
        );
        for (index, bed) in beds.iter().enumerate() {
            let (id, source, label) = (&bed.id, &bed.source, label(&bed.id));
            // Writing to a String cannot fail.
            let _ = write!(
                toml,
                "\n[[bed]]\nid = \"{id}\"\nlabel = \"{label}\"\n\n[[source]]\nid = \"{source}\"\nbed = \"{id}\"\n"
            );
            let (key, place) = match self.places.of(index, id, bed.way) {
                Some(Place::Terminal(path)) => ("port", path.display().to_string()),
                Some(Place::Tcp(at)) => ("tcp", at.to_string()),
                Some(Place::Udp(at)) => ("udp", at.to_string()),
                None => ("topic", format!("{WARD_TOPICS}/{id}")),
            };
            let what = match bed.way.model() {
                Some(model) => format!("device = \"{}\"", model.name()),
                None => "mqtt = \"ward\"\nformat = \"wardline\"".into(),
            };
            let _ = writeln!(toml, "{what}\n{key} = \"{place}\"");
            toml.push_str("mode = \"simulated\"\n");
        }
        toml
    }
}

/// The limits, signed for patients that do not exist.
fn approved(limits: &str) -> String {
    let by = limits.replacen("approved_by = \"\"", "approved_by = \"the demo\"", 1);
    by.replacen("approved_on = \"\"", "approved_on = \"2026-11-23\"", 1)
}

/// What is written on a bed: `Bed 7` of `sim-ward-07`.
#[must_use]
pub fn label(bed: &str) -> String {
    let number = bed.rsplit('-').next().unwrap_or(bed);
    format!("Bed {}", number.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use crate::ward::{Fleet, Ward, Ways};
    use vitals::device::DeviceModel;
    use vitals::time::Timestamp;

    #[test]
    fn every_bed_has_its_source_and_everything_is_simulated() {
        let scenario = Scenario::load("demo").unwrap();
        let ward = Ward::new(&scenario, 8, 1, Ways::Both, Timestamp::EPOCH);
        let surroundings = Surroundings::below(Path::new("/d"), "127.0.0.1:1,127.0.0.1:2", "127.0.0.1:3");
        let text = surroundings.wardline_toml(&ward.beds);
        let file: toml::Table = text.parse().unwrap();
        assert_eq!(file["kafka"]["brokers"].as_array().unwrap().len(), 2);
        assert_eq!(file["bed"].as_array().unwrap().len(), 8);
        let sources = file["source"].as_array().unwrap();
        assert_eq!(sources.len(), 8);
        assert_eq!(sources.iter().filter(|it| it.get("port").is_some()).count(), 4);
        assert!(sources.iter().all(|it| it["mode"].as_str() == Some("simulated")));
        assert_eq!(label("sim-ward-07"), "Bed 7");
        assert_eq!(label("sim-ward-10"), "Bed 10");
    }
    #[test]
    fn a_device_of_the_network_has_the_port_of_its_bed() {
        let scenario = Scenario::load("demo").unwrap();
        let models = [DeviceModel::MindrayPds, DeviceModel::IntellivueLan, DeviceModel::NoninDf8];
        for (ways, third) in
            [(Ways::Serial, ("port", "/d/lines/sim-ward-03")), (Ways::Tcp, ("tcp", "[::1]:21003"))]
        {
            let ward = Ward::with(&scenario, 3, 1, &Fleet::new(ways, &models), Timestamp::EPOCH);
            let mut surroundings = Surroundings::below(Path::new("/d"), "127.0.0.1:1", "127.0.0.1:3");
            surroundings.places.port_base = 21_000;
            surroundings.places.listen = "::1".parse().unwrap();
            let file: toml::Table = surroundings.wardline_toml(&ward.beds).parse().unwrap();
            let sources = file["source"].as_array().unwrap();
            for (source, (key, place)) in
                sources.iter().zip([("tcp", "[::1]:21001"), ("udp", "[::1]:21002"), third])
            {
                assert_eq!(source[key].as_str(), Some(place), "{ways:?}: {source:?}");
            }
        }
    }
}
