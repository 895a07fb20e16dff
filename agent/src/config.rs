//! What the agent believes: built only by parsing, all mistakes told at once, right by type ever after.

pub mod again;
pub mod alarms;
mod alike;
mod gpio;
pub mod keys;
pub mod load;
pub mod mistake;
mod password;
mod port;
mod read;
mod section;
pub mod show;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use vitals::alarm::policy::{AlarmPolicy, Preference};
use vitals::device::{DeviceModel, LineSettings};
use vitals::name::Name;
use vitals::payload::{Mapping, senml};
use vitals::reading::Mode;
use vitals::record::action::ActionName;

pub use self::gpio::{Gpio, GpioLine, GpioOutput};
pub use self::password::{Password, PasswordError};
pub use self::port::{Endpoint, Port};

/// Everything of `wardline.toml` and `alarms.toml`.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[agent]`
    pub agent: Agent,
    /// `[unit]`
    pub unit: Unit,
    /// `[kafka]`
    pub kafka: Kafka,
    /// `[mqtt.NAME]`, in order of name: a link's index here is its number in receipts.
    pub mqtt: Vec<MqttLink>,
    /// `[buffer]`
    pub buffer: Buffer,
    /// `[[bed]]`, each with the alarm policy of its profile and overrides.
    pub beds: Vec<Bed>,
    /// `[[source]]` that is a device with a port.
    pub devices: Vec<DeviceSource>,
    /// `[[source]]` on a topic.
    pub topics: Vec<TopicSource>,
    /// `[[annunciator]]`
    pub annunciators: Vec<Annunciator>,
    /// `[actions]`
    pub actions: Actions,
}

impl Config {
    /// Where alarms may be open: the beds, and the agent's own place among them.
    pub fn places(&self) -> impl Iterator<Item = Arc<Name>> {
        self.beds.iter().map(|it| Arc::clone(&it.id)).chain([Arc::new(self.agent.id.clone())])
    }

    /// The modes of all sources; live, where there is none.
    #[must_use]
    pub fn modes(&self) -> BTreeSet<Mode> {
        let devices = self.devices.iter().map(|it| it.common.mode);
        let modes: BTreeSet<_> = devices.chain(self.topics.iter().map(|it| it.common.mode)).collect();
        if modes.is_empty() { BTreeSet::from([Mode::Live]) } else { modes }
    }

    /// The agent's own mode: live if any of its sources is.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.modes().first().copied().unwrap_or(Mode::Live)
    }
}

/// From where operators may act on alarms.
#[derive(Debug, Clone)]
pub struct Actions {
    /// From the topic of Kafka, whose ACLs say who writes there.
    pub from_kafka: bool,
    /// From a topic of an MQTT broker; `None`: from none.
    pub local: Option<LocalActions>,
}

/// What may be done from a topic of an MQTT broker.
#[derive(Debug, Clone)]
pub struct LocalActions {
    /// Index of the link in [`Config::mqtt`].
    pub link: usize,
    /// The topic; replies go to the same with `/replies`.
    pub topic: String,
    /// These and nothing else.
    pub allowed: BTreeSet<ActionName>,
}

/// The agent itself.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Its id, unique in the hospital.
    pub id: Name,
    /// Where the buffer lives.
    pub state_dir: PathBuf,
    /// Where the socket and the engines' state live (tmpfs).
    pub run_dir: PathBuf,
    /// Where `/metrics`, `/livez` and `/readyz` are served besides the socket; `None`: nowhere.
    pub http: Option<SocketAddr>,
    /// How long an orderly shutdown may take to send what it has.
    pub shutdown_grace: Duration,
}

impl Agent {
    /// The store's directory.
    #[must_use]
    pub fn store_dir(&self) -> PathBuf {
        self.state_dir.join("store")
    }
}

/// The hospital's unit.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Its id.
    pub id: Name,
    /// Its name on screens.
    pub label: String,
    /// The default profile of its beds.
    pub profile: String,
    /// Whether a station shows its alarms and says so.
    pub stations: bool,
    /// Whether a station is known to say what it has shown, before it has said anything.
    pub receipts: bool,
    /// How often the agent tests by itself whether its alarms arrive; `None`: never.
    pub test_alarm_every: Option<Duration>,
}

/// How Kafka is reached.
#[derive(Debug, Clone)]
pub struct Kafka {
    /// `host:port` of some brokers.
    pub brokers: Vec<String>,
    /// How connections are protected.
    pub security: KafkaSecurity,
    /// The certificates that sign the brokers'; `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// Our own certificate and its key, for mutual TLS.
    pub client_cert: Option<(PathBuf, PathBuf)>,
    /// A request not answered for so long is lost with its connection; less than a transaction may take.
    pub answer_timeout: Duration,
    /// The cluster that a person has confirmed; `None`: the first one that takes readings.
    pub cluster_id: Option<String>,
    /// What a reader of the topics may rely on.
    pub delivery: Delivery,
    /// Any further property of librdkafka, by its own name, for what this file has no key for.
    pub properties: BTreeMap<String, String>,
}

/// How often Kafka gets each reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Seen once by a reader that reads only what is committed: batch, ledger and cursor are one transaction.
    ExactlyOnce,
    /// For brokers without transactions: after a failure some records come twice, with the same id.
    AtLeastOnce,
}

/// How connections to Kafka are protected.
#[derive(Debug, Clone)]
pub enum KafkaSecurity {
    /// Not at all: needs `insecure = true`, and is warned of for ever, unless on loopback.
    Plaintext,
    /// TLS.
    Tls,
    /// TLS and a password (SCRAM-SHA-512 unless said otherwise).
    SaslTls(Sasl),
    /// A password without TLS: needs `insecure = true`.
    SaslPlaintext(Sasl),
}

/// A password for Kafka.
#[derive(Debug, Clone)]
pub struct Sasl {
    /// `SCRAM-SHA-512`, `SCRAM-SHA-256` or `PLAIN`.
    pub mechanism: String,
    /// The user.
    pub user: String,
    /// The password.
    pub password: Password,
}

/// One MQTT broker.
#[derive(Debug, Clone)]
pub struct MqttLink {
    /// Its name in the configuration.
    pub name: Name,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS with these certificates (`None` inside: the system's); `None`: plain text.
    pub tls: Option<MqttTls>,
    /// User and password.
    pub login: Option<(String, Password)>,
    /// The client id: stable, or the broker forgets what it keeps for us.
    pub client_id: String,
    /// MQTT 5, or 3.1.1 where asked.
    pub version: MqttVersion,
    /// How long the broker keeps our session while we are away (MQTT 5).
    pub session_expiry: Duration,
}

impl MqttLink {
    /// Host and port, as they were said.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// TLS towards an MQTT broker.
#[derive(Debug, Clone)]
pub struct MqttTls {
    /// The certificates that sign the broker's; `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// Our own certificate and its key, for mutual TLS.
    pub client_cert: Option<(PathBuf, PathBuf)>,
}

/// The MQTT version spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MqttVersion {
    /// MQTT 5.
    V5,
    /// MQTT 3.1.1.
    V311,
}

/// The buffer's bounds.
#[derive(Debug, Clone)]
pub struct Buffer {
    /// Bytes on disk, counted in blocks.
    pub size: u64,
    /// What happens when full.
    pub when_full: WhenFull,
    /// A chunk is closed at this age.
    pub commit_every: Duration,
}

/// What happens when the buffer is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest readings make room, a generation at a time, each a gap record.
    DropOldestReadings,
    /// The intake waits; a serial line cannot be asked to.
    Wait,
}

/// One bed.
#[derive(Debug, Clone)]
pub struct Bed {
    /// Its id.
    pub id: Arc<Name>,
    /// What is written on it.
    pub label: Option<String>,
    /// Limits, delays and priorities in force.
    pub policy: AlarmPolicy,
    /// Which source is believed where two give one vital.
    pub prefer: Preference,
}

/// A device that is read by its own protocol.
#[derive(Debug, Clone)]
pub struct DeviceSource {
    /// What every source has.
    pub common: Source,
    /// Its bed.
    pub bed: Arc<Name>,
    /// What speaks there.
    pub device: DeviceModel,
    /// Where.
    pub port: Port,
    /// How its serial line is set: as its model's is usually, or as the configuration says.
    pub line: LineSettings,
}

/// Messages on an MQTT topic.
#[derive(Debug, Clone)]
pub struct TopicSource {
    /// What every source has.
    pub common: Source,
    /// Index of the link in [`Config::mqtt`].
    pub link: usize,
    /// The filter to subscribe to: `{bed}` stands as `+`.
    pub filter: String,
    /// How the bed is found.
    pub bed: TopicBed,
    /// How the payload is read.
    pub format: Format,
}

/// How a message's bed is found.
#[derive(Debug, Clone)]
pub enum TopicBed {
    /// Always this one.
    Fixed(Arc<Name>),
    /// The topic's level of this index (0 is the first); the source's id becomes `source/bed`.
    Level(usize),
}

/// How a payload is read.
#[derive(Debug, Clone)]
pub enum Format {
    /// A flat JSON object of our own names.
    Wardline,
    /// JSON pointers to names and units.
    Mapped(Mapping),
    /// `SenML` in JSON or CBOR, with the names that are not our own.
    Senml(senml::Names),
    /// The raw bytes of a serial device behind a gateway.
    Device(DeviceModel),
}

impl Format {
    /// Its name in configuration and records.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Wardline => "wardline",
            Self::Mapped(_) => "mapped",
            Self::Senml(_) => "senml",
            Self::Device(model) => model.name(),
        }
    }

    /// Whether its protocol carries names and numbers of patients, so that nothing of a message may be kept as evidence.
    #[must_use]
    pub const fn names_patients(&self) -> bool {
        matches!(self, Self::Device(model) if model.names_patients())
    }
}

/// What every source has.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its id.
    pub id: Arc<Name>,
    /// How often it says something.
    pub period: Duration,
    /// Whether its silence becomes a high priority.
    pub critical: bool,
    /// How often its cuff measures.
    pub nibp_interval: Option<Duration>,
    /// Whether its oximeter's probe is on the limb of the bed's cuff.
    pub same_limb: bool,
    /// `live` unless the configuration says `simulated` or `replay`; a pseudo-terminal is refused as live.
    pub mode: Mode,
}

/// Where an alarm is made known at once, besides the journal, which always is.
#[derive(Debug, Clone)]
pub enum Annunciator {
    /// A retained message per bed.
    Mqtt {
        /// Index of the link in [`Config::mqtt`].
        link: usize,
        /// The topic, with `{bed}`.
        topic: String,
    },
    /// A program that gets the record on standard input.
    Command {
        /// Program and arguments; no shell.
        command: Vec<String>,
        /// For which priorities it is started.
        priorities: Vec<vitals::alarm::event::Priority>,
    },
    /// A lamp, a buzzer, a heartbeat on lines of a GPIO chip.
    Gpio(Gpio),
}

#[cfg(test)]
mod tests;
