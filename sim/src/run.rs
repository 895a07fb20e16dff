//! `run`: a ward in real time, over pseudo-terminals, the network and an MQTT broker, with its truth on the side.

mod here;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use vitals::time::Timestamp;

use crate::announce::Announcer;
use crate::carrier::{Carrier, CarrierError, Places};
use crate::clock;
use crate::live::{Live, Memory, Pace, Played};
use crate::offline::{self, Sinks, Tables};
use crate::scenario::{Happening, Scenario, ScenarioError, parse_duration};
use crate::site::Surroundings;
use crate::truth::{Start, Writer};
use crate::ward::{Fleet, Models, Ward, Way, Ways};
use here::{address, is_here, reach};

/// 2026-01-01T00:00:00Z.
const OFFLINE_START_MICROS: i64 = 1_767_225_600_000_000;

/// What to play.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// stable, ward-day, sepsis, hypoxia, haemorrhage, opioid, cardiac-arrest, anaphylaxis, copd, neonate-apnea, artefacts,
    /// line-faults, broker-faults, desaturation, probe-off, tachycardia, demo, or a file.
    #[arg(value_name = "SCENARIO")]
    pub scenario: String,
    /// How many beds.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub beds: u64,
    /// The same seed gives the same patients, and the same bytes.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// How many times faster than the clock; only with MQTT alone: a line has the pace of its wire.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub speed: u64,
    /// How the beds are connected: both gives odd beds a serial line and even beds MQTT, tcp gives every bed a serial
    /// device server. Monitors of a network have their own ports with any of them.
    #[arg(long, value_enum, default_value_t = Ways::Both)]
    pub ways: Ways,
    /// Which devices stand beside the beds without MQTT, in turn: models of docs/devices.md, or all that are simulated;
    /// default: five with serial lines.
    #[arg(long, value_name = "MODEL[,MODEL]", value_parser = Models::parse)]
    pub devices: Option<Models>,
    /// The MQTT broker; messages of a bed go to ward/BED.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:1883")]
    pub mqtt: String,
    /// Where the serial lines get their names, one for each bed.
    #[arg(long, value_name = "DIR", default_value = "/tmp/wardline-sim")]
    pub pty_dir: PathBuf,
    /// Where devices of the network listen: bed N on this number + N; 0: where the system chooses, which is printed.
    #[arg(long, value_name = "PORT", default_value_t = 21_000, value_parser = port_base)]
    pub port_base: u16,
    /// On which address they listen.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub listen: IpAddr,
    /// Where monitors that announce themselves do so once a second while no host has them (Philips: UDP port 24005).
    #[arg(long, value_name = "IP:PORT")]
    pub announce: Option<SocketAddr>,
    /// How long; default: as long as the scenario. As in 90s or 2h, of the ward's own time.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Writes down what every device said, for `judge`.
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
    /// Only writes the configuration of an agent that listens to exactly this ward into this directory, and ends.
    #[arg(long, value_name = "DIR")]
    pub config_dir: Option<PathBuf>,
    /// The Kafka that this configuration names.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    pub kafka: String,
    /// Plays on a virtual clock alone, as fast as it can, and reaches nobody: for tables, truths and fingerprints.
    #[arg(long)]
    pub offline: bool,
    /// Writes the numbers of each bed into DIR/BED.csv, as `wardline-agent replay` reads them; offline.
    #[arg(long, value_name = "DIR")]
    pub csv: Option<PathBuf>,
    /// What the devices' clocks show at the beginning; default: now, and offline 2026-01-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub start: Option<jiff::Timestamp>,
    /// Allows a broker on another machine, and devices that others can reach: made-up patients must not reach a real ward by mistake.
    #[arg(long)]
    pub allow_remote: bool,
}

/// Why the ward cannot play.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// What was asked for does not go together.
    #[error("{0}")]
    Usage(String),
    /// No scenario.
    #[error("the scenario cannot be used")]
    Scenario(#[source] ScenarioError),
    /// Something is not on this machine alone.
    #[error(
        "{what} is not on this machine: made-up patients must not reach a real ward; say --allow-remote if it is a test system"
    )]
    Remote {
        /// Which broker, or which address.
        what: String,
    },
    /// No broker.
    #[error("the MQTT broker {broker} does not answer: start it, or name another with --mqtt")]
    Broker {
        /// Which.
        broker: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A device has no line.
    #[error("there is no line for a device")]
    Line(#[source] CarrierError),
    /// A file cannot be written.
    #[error("cannot write {path}", path = path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system denies something.
    #[error("the system gives no {what}")]
    System {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The broker did not take everything.
    #[error("the broker has not taken {0} messages: what the truth says of them cannot have arrived")]
    Untaken(u64),
}

/// Plays until its end, or until somebody stops it, which ends it in order too.
pub fn run(arguments: &Arguments) -> Result<(), RunError> {
    let scenario = Scenario::load(&arguments.scenario).map_err(RunError::Scenario)?;
    let start = start(arguments);
    let models = arguments.devices.as_ref().map_or(&[][..], Models::as_slice);
    let fleet = Fleet::new(arguments.ways, models);
    let ward = Ward::with(&scenario, arguments.beds, arguments.seed, &fleet, start);
    if arguments.is_offline() && arguments.config_dir.is_none() {
        return play_offline(arguments, &scenario, ward, start);
    }
    let has = |is: fn(Way) -> bool| ward.beds.iter().any(|it| is(it.way));
    let (messages, lines) = (has(|it| it == Way::Mqtt), has(|it| it != Way::Mqtt));
    let network = has(|it| matches!(it, Way::Tcp(_) | Way::Udp(_)));
    if arguments.speed != 1 && lines {
        let words = "a serial line has the pace of its wire: leave --speed out, or say --ways mqtt";
        return Err(RunError::Usage(words.into()));
    }
    let (host, port) = address(&arguments.mqtt)?;
    if messages && !arguments.allow_remote && !is_here(&host, port) {
        return Err(RunError::Remote { what: arguments.mqtt.clone() });
    }
    let named = [Some(arguments.listen), arguments.announce.map(|it| it.ip())];
    if let Some(away) =
        named.into_iter().flatten().find(|it| network && !arguments.allow_remote && !it.is_loopback())
    {
        return Err(RunError::Remote { what: away.to_string() });
    }
    if let Some(dir) = &arguments.config_dir {
        if network && arguments.port_base == 0 {
            let words =
                "the system chooses ports when the ward plays: for a configuration name a --port-base";
            return Err(RunError::Usage(words.into()));
        }
        return configure(arguments, dir, &ward);
    }
    let carriers = arguments.places().open(&ward.beds).map_err(RunError::Line)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| RunError::System { what: "runtime", source })?;
    runtime.block_on(async {
        if messages {
            reach(&arguments.mqtt).await?;
        }
        play(arguments, &scenario, ward, carriers, (&host, port)).await
    })
}

impl Arguments {
    /// Tables need no wire.
    fn is_offline(&self) -> bool {
        self.offline || self.csv.is_some()
    }

    fn places(&self) -> Places {
        Places { lines: self.pty_dir.clone(), listen: self.listen, port_base: self.port_base }
    }
}

/// What the devices' clocks show at the beginning. Offline it is always the same, so that the bytes are.
fn start(arguments: &Arguments) -> Timestamp {
    let said = arguments.start.and_then(|it| Timestamp::from_micros(it.as_microsecond()));
    let fixed = || Timestamp::from_micros(OFFLINE_START_MICROS).unwrap_or(Timestamp::EPOCH);
    said.unwrap_or_else(|| if arguments.is_offline() { fixed() } else { clock::wall() })
}

fn play_offline(
    arguments: &Arguments,
    scenario: &Scenario,
    ward: Ward,
    start: Timestamp,
) -> Result<(), RunError> {
    let written = |path: &Option<PathBuf>| {
        let path = path.clone().unwrap_or_default();
        move |source| RunError::Write { path, source }
    };
    let tables = arguments.csv.as_ref().map(|dir| Tables::create(dir, &ward)).transpose();
    let at_ms = start.as_micros() / 1000;
    let truth = arguments.truth.as_ref().map(|path| Writer::create(path, &beginning(arguments), at_ms));
    let sinks = Sinks {
        tables: tables.map_err(written(&arguments.csv))?,
        truth: truth.transpose().map_err(written(&arguments.truth))?,
    };
    let happenings = scenario.happenings(arguments.seed, arguments.beds);
    let summary = offline::play(ward, end_ms(arguments, scenario), start, happenings, sinks);
    say(&summary.map_err(written(&arguments.truth))?.to_string());
    Ok(())
}

/// When it ends, ms of the ward's own time.
fn end_ms(arguments: &Arguments, scenario: &Scenario) -> u64 {
    let length = arguments.duration.unwrap_or(Duration::from_millis(scenario.duration_ms));
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

async fn play(
    arguments: &Arguments,
    scenario: &Scenario,
    ward: Ward,
    carriers: BTreeMap<usize, Carrier>,
    broker: (&str, u16),
) -> Result<(), RunError> {
    let system = |what| move |source| RunError::System { what, source };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system("signals"))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(system("signals"))?;
    let unwritten = |source| RunError::Write { path: arguments.truth.clone().unwrap_or_default(), source };
    let memory = begin_truth(arguments).map_err(unwritten)?;
    for line in introduction(arguments, scenario, &ward, &carriers) {
        say(&line);
    }
    let end_ms = Some(end_ms(arguments, scenario));
    let pace = Pace { start: clock::now(), speed: arguments.speed, end_ms };
    let (stop, stopped) = watch::channel(false);
    let (live, messenger) = Live::new(ward, carriers, broker, memory);
    let announcer = arguments.announce.map(Announcer::open).transpose().map_err(system("socket"))?;
    let live = live.noting(scenario.happenings(arguments.seed, arguments.beds)).announcing(announcer);
    let mut beside = JoinSet::new();
    beside.spawn(messenger.run());
    beside.spawn(tell(scenario.happenings(arguments.seed, arguments.beds), pace));
    let playing = live.run(pace, stopped);
    tokio::pin!(playing);
    let played = loop {
        tokio::select! {
            played = &mut playing => break played,
            _ = interrupt.recv() => { let _ = stop.send(true); }
            _ = terminate.recv() => { let _ = stop.send(true); }
        }
    };
    let Played { memory, untaken, .. } = played.map_err(unwritten)?;
    if let Memory::File(file) = memory {
        file.end(clock::wall().as_micros() / 1000).map_err(unwritten)?;
    }
    say("the ward has ended");
    if untaken > 0 { Err(RunError::Untaken(untaken)) } else { Ok(()) }
}

fn begin_truth(arguments: &Arguments) -> io::Result<Memory> {
    let Some(path) = &arguments.truth else { return Ok(Memory::Nothing) };
    Writer::create(path, &beginning(arguments), clock::wall().as_micros() / 1000).map(Memory::File)
}

fn beginning(arguments: &Arguments) -> Start {
    Start { scenario: arguments.scenario.clone(), seed: arguments.seed, beds: arguments.beds }
}

/// Says what happens in the ward when it happens.
async fn tell(happenings: Vec<Happening>, pace: Pace) {
    for it in happenings {
        if pace.end_ms.is_some_and(|end_ms| end_ms < it.at_ms) {
            return;
        }
        sleep(pace.until(it.at_ms)).await;
        say(&format!("bed {}: {}", it.bed + 1, it.words));
    }
}

fn introduction(
    arguments: &Arguments,
    scenario: &Scenario,
    ward: &Ward,
    carriers: &BTreeMap<usize, Carrier>,
) -> Vec<String> {
    let mut lines = vec![
        "SIMULATED: no patient is behind any number of this ward".into(),
        format!("{} beds, seed {}: {}", arguments.beds, arguments.seed, scenario.about),
    ];
    lines.extend(ward.beds.iter().enumerate().map(|(index, bed)| match carriers.get(&index) {
        Some(it) => format!("{}: {} on {}", bed.id, bed.way.device(), it.place()),
        None => format!("{}: messages on ward/{} at {}", bed.id, bed.id, arguments.mqtt),
    }));
    lines
}

/// Says a line; a reader who has gone away is no mistake.
fn say(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

fn configure(arguments: &Arguments, dir: &Path, ward: &Ward) -> Result<(), RunError> {
    let surroundings = Surroundings {
        dir,
        places: arguments.places(),
        kafka: &arguments.kafka,
        mqtt: arguments.mqtt.clone(),
    };
    let written = std::fs::create_dir_all(dir).and_then(|()| surroundings.write(&ward.beds));
    let path = written.map_err(|source| RunError::Write { path: dir.into(), source })?;
    say(&format!("an agent that will listen to this ward: wardline-agent run --config {}", path.display()));
    Ok(())
}

fn duration(text: &str) -> Result<Duration, String> {
    let ms = parse_duration(text);
    ms.map(Duration::from_millis).ok_or_else(|| "write it as 500ms, 15s, 3m or 1h".into())
}

/// Ports for every bed above it, and none that only the system may give.
fn port_base(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|it| *it == 0 || (1024..=64_000).contains(it));
    port.ok_or_else(|| "write 0, or a number from 1024 to 64000".into())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn refused(line: &str) -> String {
        let words = ["run"].into_iter().chain(line.split(' '));
        run(&Line::try_parse_from(words).unwrap().arguments).unwrap_err().to_string()
    }

    #[test]
    fn what_does_not_go_together_is_refused_in_words() {
        assert!(refused("stable --speed 10").contains("pace of its wire"));
        assert!(refused("stable --ways mqtt --mqtt 192.0.2.1:1883").contains("--allow-remote"));
        assert!(refused("stable --ways mqtt --mqtt nowhere").contains("HOST:PORT"));
        assert!(refused("none").contains("scenario"));
        let network = "stable --ways serial --devices mindray-pds";
        assert!(refused(&format!("{network} --listen 0.0.0.0")).contains("--allow-remote"));
        assert!(refused(&format!("{network} --announce 192.0.2.1:24005")).contains("192.0.2.1 is not"));
        assert!(refused(&format!("{network} --port-base 0 --config-dir /nowhere")).contains("--port-base"));
        for wrong in ["--devices nothing", "--port-base 80", "--port-base 65000"] {
            assert!(Line::try_parse_from(["run", "stable"].into_iter().chain(wrong.split(' '))).is_err());
        }
        // Port 1 of this machine: nobody listens there.
        assert!(refused("stable --ways mqtt --mqtt 127.0.0.1:1").contains("does not answer"));
    }
}
