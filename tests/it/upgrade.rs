//! P15: the store of an earlier version is opened by this one: what it had kept is delivered, and it is written on; and
//! back: a version of the same format goes on where this one was, and one that does not know the format leaves it alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::{Load, Publisher, publish_one};
use wardline_tests::reader::Reader;
use wardline_tests::site::Site;
use wardline_tests::tally::{Tally, Verdict};
use wardline_tests::{evidence, length, process, program, wait};

use crate::way::of;

const SOON: Duration = Duration::from_secs(40);
/// The stores of released versions (`tests/captures/README.md` tells how they were made): an agent of this id was killed
/// with so many readings of each of two beds, and an alarm of the second.
const VERSIONS: [&str; 1] = ["0.1.0"];
const AGENT: &str = "previous";
const BEDS: [&str; 2] = ["previous-1", "previous-2"];
const READINGS: u64 = 100;

/// The commit that changed the store's format last (`docs/storage-format.md`).
const FORMAT_SINCE: &str = "daa9c5caa4f4d058a053c8085d8040eaee40f9e7";
/// The format this version writes, and the one after it.
const FORMAT: u32 = 2;
/// What is there of a store whatever its format, and is no part of what it holds.
const NO_CONTENT: [&str; 3] = ["lock", "probe", "reserve"];

/// Opens a version's store with this version's agent; Kafka has all that was in it.
fn open(version: &str) -> Result<()> {
    let (kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let site = Site::new("upgrade")?.named(AGENT).kafka(&kafka.bootstrap()).mqtt(broker.port()).beds(BEDS);
    let site = site.ward().alarms_at_once().toml("[buffer]\nsize = \"64 MiB\"\n");
    std::fs::create_dir_all(site.state_dir())?;
    let mut unpack = Command::new(program::installed("tar", "tar")?);
    let store = program::repository().join(format!("tests/captures/stores/{version}.tar.gz"));
    process::run(unpack.arg("-xzf").arg(store).arg("-C").arg(site.state_dir()))?;

    let mut agent = Agent::start(&site)?;
    let readings = Reader::open(&kafka, "vitals.readings.v1")?;
    let mut seqs = BEDS.map(|_| Vec::new());
    let all = readings.read_until(std::time::Instant::now() + SOON, |it| {
        if let Some(bed) = BEDS.iter().position(|bed| of(it, &site) && it.text("bed") == *bed) {
            seqs[bed].extend(it.number("device_seq"));
        }
        seqs.iter().map(Vec::len).sum::<usize>() as u64 >= 2 * READINGS
    })?;
    let expected = BEDS.map(|_| (1..=READINGS).collect::<Vec<_>>());
    ensure!(all && seqs == expected, "{version}: {seqs:?}; the log:\n{}", agent.log());
    let alarms = Reader::open(&kafka, "vitals.alarms.v1")?;
    let alarm = alarms.wait_for("the alarm of the earlier version", SOON, |it| {
        of(it, &site) && it.text("code") == "spo2_low" && it.text("id").starts_with(&format!("{AGENT}/"))
    })?;
    assert_eq!(alarm.text("bed"), BEDS[1]);
    let aside = site.state_dir().join("store/quarantine").exists();
    ensure!(!aside, "{version}: something was set aside; the log:\n{}", agent.log());

    let mut seq = READINGS;
    agent.wait_heard(|| {
        seq += 1;
        publish_one(broker.port(), &format!("ward/{}", BEDS[0]), Patient::Stable.payload(seq), false)
    })?;
    readings
        .wait_for("a reading of this version", SOON, |it| it.number("device_seq") == Some(seq))
        .with_context(|| agent.log())?;
    let mut station = Command::new(program::ours("wardline-station")?);
    let said = station.args(["completeness", "--brokers", &kafka.bootstrap()]).output()?.stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    ensure!(said.contains(&format!("{AGENT}: complete: ")), "{version}: {said}");
    agent.check_alive()?;
    agent.stop(SOON).map(drop)
}

#[test]
fn the_store_of_an_earlier_version_is_delivered_and_written_on() -> Result<()> {
    for version in VERSIONS {
        open(version)?;
        let figure =
            format!("the store that {version} left: {} readings of {} in Kafka", 2 * READINGS, 2 * READINGS);
        evidence::show(
            "P15",
            &figure,
            "upgrade::the_store_of_an_earlier_version_is_delivered_and_written_on",
        );
    }
    Ok(())
}

/// Beds of a ward without Kafka, and the broker before it.
struct Ward {
    broker: Mosquitto,
    site: Site,
    /// How many messages of each bed were published, numbered from 1.
    published: u64,
}

impl Ward {
    fn new(name: &str) -> Result<Self> {
        let broker = Mosquitto::start()?;
        let site = Site::new(name)?.mqtt(broker.port()).beds(BEDS).beds(["asked"]).ward().alarms_at_once();
        Ok(Self { broker, site, published: 0 })
    }

    /// Starts a build of the agent and publishes more for each bed.
    fn run(&mut self, program: &Path) -> Result<Agent> {
        let agent = Agent::start_build(program, &self.site)?;
        let mut seq = 0;
        agent.wait_heard(|| {
            seq += 1;
            publish_one(self.broker.port(), "ward/asked", Patient::Stable.payload(seq), false)
        })?;
        let load = Load { first_seq: self.published + 1, ..load(READINGS) };
        Publisher::start(self.broker.port(), load).finish(SOON)?;
        self.published += READINGS;
        Ok(agent)
    }

    /// Runs a build until the store has kept all.
    fn run_until_kept(&mut self, program: &Path) -> Result<Agent> {
        let agent = self.run(program)?;
        let all = u32::try_from(BEDS.len() as u64 * self.published)?;
        wait::until("all on the disk", SOON, || {
            Ok((agent.metric("wardline_buffer_records")? >= all.into()).then_some(()))
        })?;
        Ok(agent)
    }

    /// Waits until Kafka has all that was published, each once.
    fn prove(&self, tally: &mut Tally, readings: &Reader, agent: &Agent) -> Result<Verdict> {
        let load = load(self.published);
        let mut add = |it: &_| {
            if of(it, &self.site) && BEDS.contains(&it.text("bed")) {
                tally.add(it);
            }
            tally.distinct() >= load.count
        };
        readings.read_until(Instant::now() + SOON, &mut add)?;
        for record in readings.rest(Duration::from_secs(2))? {
            add(&record);
        }
        let verdict = tally.verdict(&load);
        let faults = verdict.missing + verdict.doubled_records + verdict.doubled_messages;
        ensure!(faults == 0, "{verdict}; the log:\n{}", agent.log());
        Ok(verdict)
    }
}

fn load(of_each: u64) -> Load {
    let beds = BEDS.map(str::to_owned).to_vec();
    Load { count: of_each * beds.len() as u64, beds, rate: None, first_seq: 1, patient: Patient::Stable }
}

/// In `tests/long` the version before is the agent of the commit that changed the format last, built for this; in
/// `tests/run` it is this one.
#[test]
fn a_store_goes_to_the_next_version_and_back_and_nothing_is_lost() -> Result<()> {
    let this = program::ours("wardline-agent")?;
    let commit = length::pick(None, Some(FORMAT_SINCE));
    let before = commit.map_or(Ok(this.clone()), program::agent_of)?;
    let mut ward = Ward::new("back")?;
    for program in [&before, &this] {
        ward.run_until_kept(program)?.kill()?;
    }
    let kafka = Kafka::start()?;
    ward.site = ward.site.kafka(&kafka.bootstrap());
    let (readings, mut tally) = (Reader::open(&kafka, "vitals.readings.v1")?, Tally::default());
    for program in [&before, &this] {
        let agent = ward.run(program)?;
        let verdict = ward.prove(&mut tally, &readings, &agent)?;
        ensure!(verdict.disordered == 0, "{verdict}");
        agent.stop(SOON)?;
    }
    let aside = ward.site.state_dir().join("store/quarantine").exists();
    ensure!(!aside, "something was set aside");
    refuses_what_is_newer(&before)?;
    if let Some(commit) = commit {
        let (short, all) = (&commit[..7], tally.distinct());
        let figure = format!(
            "the agents of {short}, of this commit, of {short} and of this commit on one store, the first two killed: of {all} \
             readings 0 missing, 0 doubled, 0 out of order; {short} leaves a store of a newer format untouched"
        );
        evidence::show(
            "P15",
            &figure,
            "upgrade::a_store_goes_to_the_next_version_and_back_and_nothing_is_lost",
        );
    }
    Ok(())
}

/// What happens to a store when the version is too old for it: nothing.
fn refuses_what_is_newer(program: &Path) -> Result<()> {
    let this = program::ours("wardline-agent")?;
    let kafka = Kafka::start()?;
    let mut ward = Ward::new("newer")?;
    ward.run_until_kept(&this)?.stop(SOON)?;
    ward.site = ward.site.kafka(&kafka.bootstrap());
    let format = ward.site.state_dir().join("store/format");
    fs::write(&format, format!("wardline store format {}\n", FORMAT + 1))?;
    let untouched = contents(&ward.site.state_dir().join("store"))?;

    let agent = ward.run(program)?;
    let is_last = |it: &_| of(it, &ward.site) && it.number("device_seq") == Some(ward.published);
    let readings = Reader::open(&kafka, "vitals.readings.v1")?;
    readings.wait_for("a reading from memory", SOON, is_last).with_context(|| agent.log())?;
    let log = agent.log();
    let words =
        [format!("has format {}", FORMAT + 1), format!("up to {FORMAT}"), "install the version".into()];
    ensure!(words.iter().all(|it| log.contains(it)), "no word of the newer format:\n{log}");
    agent.stop(SOON)?;
    ensure!(contents(&ward.site.state_dir().join("store"))? == untouched, "the newer store was touched");

    // Whoever can read it finds all that was in it, behind what went past it.
    fs::write(&format, format!("wardline store format {FORMAT}\n"))?;
    let agent = Agent::start_build(&this, &ward.site)?;
    let readings = Reader::open(&kafka, "vitals.readings.v1")?;
    ward.prove(&mut Tally::default(), &readings, &agent)?;
    agent.stop(SOON).map(drop)
}

/// Each file of a store, with its bytes.
fn contents(store: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let (mut files, mut dirs) = (BTreeMap::new(), vec![store.to_owned()]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.is_dir() {
                dirs.push(path);
            } else if !NO_CONTENT.iter().any(|it| path == store.join(it)) {
                let bytes = fs::read(&path)?;
                files.insert(path, bytes);
            }
        }
    }
    Ok(files)
}
