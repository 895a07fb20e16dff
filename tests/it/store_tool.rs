//! P5: `buffer ls | verify | export | salvage` on a store at work, stopped and damaged: what they say is so, and nothing
//! is changed, slowed or held up.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;
use wardline_tests::agent::Agent;
use wardline_tests::listener::Listener;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::{Load, Publisher, publish_one};
use wardline_tests::site::Site;
use wardline_tests::{program, wait};

const SOON: Duration = Duration::from_secs(40);
const COUNT: u32 = 20_000;
const BUFFERED: &str = "wardline_buffer_records";
const BEDS: [&str; 2] = ["tool-1", "tool-2"];

/// A stand-alone agent with a small buffer, its Kafka not there.
fn site(name: &str, broker: &Mosquitto) -> Result<Site> {
    let site = Site::new(name)?.mqtt(broker.port()).beds(BEDS).ward().mqtt_annunciator().alarms_at_once();
    Ok(site.toml("[buffer]\nsize = \"64 MiB\"\n"))
}

/// Lets it take readings and an alarm; how many readings it has.
fn fill(agent: &Agent, broker: &Mosquitto) -> Result<u64> {
    let mut probe = 20_000_000;
    agent.wait_heard(|| {
        probe += 1;
        publish_one(broker.port(), "ward/tool-1", Patient::Stable.payload(probe), false)
    })?;
    publish_one(broker.port(), "ward/tool-1", Patient::Desaturated.payload(30_000_000), false)?;
    let beds = BEDS.map(str::to_owned).to_vec();
    let load = Load { beds, count: COUNT.into(), rate: None, first_seq: 1, patient: Patient::Stable };
    Publisher::start(broker.port(), load).finish(SOON)?;
    wait::until("the readings on disk", SOON, || {
        let (readings, alarms) =
            (agent.metric("wardline_readings")?, agent.metric("wardline_alarm_records")?);
        let all = readings > COUNT.into() && alarms >= 1.0 && agent.metric(BUFFERED)? >= readings + alarms;
        Ok(all.then_some(readings))
    })?
    .to_string()
    .parse()
    .context("no whole number")
}

fn tool(arguments: &[&str]) -> Result<Output> {
    Ok(Command::new(program::ours("wardline-agent")?).arg("buffer").args(arguments).output()?)
}

fn told(output: &Output) -> String {
    format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr))
}

/// Records of an export: readings by their number, alarms, and gaps.
#[derive(Debug, Default, PartialEq, Eq)]
struct Exported {
    readings: Vec<u64>,
    alarms: usize,
    gaps: Vec<(u64, u64)>,
}

fn exported(bytes: &[u8]) -> Result<Exported> {
    let mut all = Exported::default();
    for line in bytes.split(|it| *it == b'\n').filter(|it| !it.is_empty()) {
        let line: Value = serde_json::from_slice(line)?;
        let number = |name: &str| line[name].as_u64().context("no number");
        match line["schema"].as_str() {
            Some("vitals.readings.v1") => all.readings.push(number("seq")?),
            Some("vitals.alarms.v1") => all.alarms += 1,
            _ => all.gaps.push((number("first_seq")?, number("last_seq")?)),
        }
    }
    Ok(all)
}

/// Every file below a directory, with what it holds.
fn files(dir: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            all.extend(files(&path)?);
        } else {
            all.insert(path.clone(), fs::read(&path)?);
        }
    }
    Ok(all)
}

fn records(list: &Value, lane: &str, what: &str) -> Option<u64> {
    list["lanes"].as_array()?.iter().find(|it| it["lane"] == lane)?[what].as_u64()
}

/// The same of a store at work and of one that has stopped.
fn look(place: &[&str], readings: u64) -> Result<()> {
    let ask = |words: &[&str]| tool(&[words, place].concat());
    let list = ask(&["ls", "--json"])?;
    ensure!(list.status.success(), "{}", told(&list));
    let list: Value = serde_json::from_slice(&list.stdout)?;
    ensure!(records(&list, "r", "records") == Some(readings), "{list}");
    ensure!(records(&list, "r", "pending") == Some(readings), "{list}");
    ensure!(records(&list, "a", "records") >= Some(1), "{list}");
    let words = ask(&["ls"])?;
    ensure!(String::from_utf8_lossy(&words.stdout).contains(&format!("readings: {readings} records in ")));

    let verified = ask(&["verify"])?;
    ensure!(verified.status.success(), "{}", told(&verified));
    ensure!(String::from_utf8_lossy(&verified.stdout).contains("whole: "), "{verified:?}");

    let json = ask(&["export", "--lane", "both"])?;
    ensure!(json.status.success(), "{}", told(&json));
    let all = exported(&json.stdout)?;
    ensure!(
        all.readings == (1..=readings).collect::<Vec<_>>() && all.gaps.is_empty(),
        "out of order, or gaps"
    );
    // Silence is an alarm too, so there may be more by now.
    ensure!(Some(all.alarms as u64) >= records(&list, "a", "records"), "{} alarms", all.alarms);

    let csv = ask(&["export", "--csv"])?;
    let csv = String::from_utf8(csv.stdout)?;
    let (head, rows) = csv.split_once('\n').context("no table")?;
    let column = head.split(',').position(|it| it == "spo2").context("no column for SpO2")?;
    ensure!(rows.lines().count() as u64 == readings);
    ensure!(rows.lines().all(|it| matches!(it.split(',').nth(column), Some("97" | "82"))), "{head}");
    let both = ask(&["export", "--csv", "--lane", "both"])?;
    ensure!(both.status.code() == Some(64), "{}", told(&both));
    ends_quietly(place)
}

/// `export | head -1`.
fn ends_quietly(place: &[&str]) -> Result<()> {
    let mut export = Command::new(program::ours("wardline-agent")?);
    export.args(["buffer", "export"]).args(place).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut export = export.spawn()?;
    let mut lines = BufReader::new(export.stdout.take().context("no output")?);
    let mut first = String::new();
    lines.read_line(&mut first)?;
    ensure!(first.starts_with('{'), "{first}");
    drop(lines);
    let output = export.wait_with_output()?;
    ensure!(output.status.success() && output.stderr.is_empty(), "{}", told(&output));
    Ok(())
}

#[test]
fn a_store_at_work_and_a_stopped_one_tell_the_same() -> Result<()> {
    let broker = Mosquitto::start()?;
    let site = site("tool", &broker)?;
    let config = site.write()?.display().to_string();
    let store = site.state_dir().join("store").display().to_string();
    let mut agent = Agent::start(&site)?;
    let readings = fill(&agent, &broker)?;
    look(&["--config", &config], readings)?;
    agent.check_alive()?;

    // By its directory it is not touched while somebody works on it.
    for words in [&["verify", "--store", &store][..], &["salvage", &store]] {
        let refused = tool(words)?;
        ensure!(refused.status.code() == Some(69), "{}", told(&refused));
        ensure!(told(&refused).contains("--socket"), "{}", told(&refused));
    }
    // An agent that hangs is not waited for.
    agent.signal(Signal::STOP)?;
    let begin = Instant::now();
    let silent = tool(&["ls", "--config", &config])?;
    agent.signal(Signal::CONT)?;
    ensure!(silent.status.code() == Some(69) && begin.elapsed() < SOON / 2, "{}", told(&silent));

    agent.stop(SOON)?;
    let before = files(Path::new(&store))?;
    look(&["--config", &config], readings)?;
    look(&["--store", &store], readings)?;
    ensure!(before == files(Path::new(&store))?, "a look changed the store");
    Ok(())
}

/// The first bytes of a frame of readings, where they stand in sled's file.
fn frames(db: &[u8]) -> Vec<usize> {
    let is_frame = |at: &usize| db[*at..].starts_with(&[0xD7, b'W', b'L', b'F']) && db[at + 5] == b'R';
    (0..db.len().saturating_sub(64)).filter(is_frame).collect()
}

/// A bit in the middle is flipped: `verify` says which numbers, `export` puts a gap there, `salvage` gets all others, of the
/// store and of one part by itself; and the agent that recovers it says the same.
#[test]
fn what_is_damaged_is_named_and_everything_else_is_got_out() -> Result<()> {
    let broker = Mosquitto::start()?;
    let site = site("tool-damage", &broker)?;
    let config = site.write()?.display().to_string();
    let store = site.state_dir().join("store");
    let agent = Agent::start(&site)?;
    let readings = fill(&agent, &broker)?;
    agent.stop(SOON)?;
    let mut generations: Vec<_> =
        fs::read_dir(store.join("readings"))?.map(|it| Ok(it?.path())).collect::<Result<_>>()?;
    generations.sort();
    let db = generations[0].join("db");
    let mut bytes = fs::read(&db)?;
    let mut all = frames(&bytes);
    let inner = all[all.len() / 2];
    // Its count of records, and its first number (docs/storage-format.md).
    let held = bytes[inner + 14..inner + 18].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let victim = bytes[inner + 18..inner + 26].to_vec();
    all.retain(|at| bytes[at + 18..at + 26] == victim[..]);
    for at in all {
        bytes[at + 60] ^= 1;
    }
    fs::write(&db, bytes)?;
    let before = files(&store)?;

    let verified = tool(&["verify", "--config", &config, "--json"])?;
    ensure!(verified.status.code() == Some(65), "{}", told(&verified));
    let verified: Value = serde_json::from_slice(&verified.stdout)?;
    let missing = records(&verified, "r", "missing").context("none missing")?;
    ensure!(missing == held && held > 0, "{held} were in the damaged frame: {verified}");
    let export = tool(&["export", "--config", &config])?;
    ensure!(export.status.code() == Some(65), "{}", told(&export));
    let export = exported(&export.stdout)?;
    let [(first, last)] = export.gaps[..] else { anyhow::bail!("{:?}", export.gaps) };
    ensure!((last + 1 - first, export.readings.len() as u64 + missing) == (missing, readings));

    let file = site.file("salvaged.jsonl").display().to_string();
    let path = store.display().to_string();
    let salvage = tool(&["salvage", &path, "--output", &file])?;
    ensure!(salvage.status.code() == Some(65), "{}", told(&salvage));
    ensure!(told(&salvage).contains(&format!("MISSING {first}–{last}")), "{}", told(&salvage));
    let salvaged = exported(&fs::read(&file)?)?;
    ensure!(salvaged.readings == export.readings && salvaged.gaps == export.gaps && salvaged.alarms > 0);
    for output in [&*file, &format!("{path}/inside.jsonl")] {
        let again = tool(&["salvage", &path, "--output", output])?;
        ensure!(again.status.code() == Some(64), "{output}: {}", told(&again));
    }
    ensure!(before == files(&store)?, "a look changed the store");
    by_itself_and_recovered(&site, &config, &generations[0], &export, missing)
}

/// One part by itself, as it would lie in the quarantine; and the store after the agent has recovered it.
fn by_itself_and_recovered(
    site: &Site,
    config: &str,
    part: &Path,
    export: &Exported,
    missing: u64,
) -> Result<()> {
    let salvage = tool(&["salvage", &part.display().to_string(), "--json"])?;
    ensure!(salvage.status.code() == Some(65), "{}", told(&salvage));
    let account: Value = serde_json::from_slice(&salvage.stderr)?;
    let runs = account["runs"].as_array().context("no runs")?;
    let lost: u64 = runs
        .iter()
        .flat_map(|it| it["missing"].as_array().into_iter().flatten())
        .filter_map(|it| Some(it[1].as_u64()? + 1 - it[0].as_u64()?))
        .sum();
    ensure!(lost == missing, "{account}");
    let salvaged = exported(&salvage.stdout)?;
    ensure!(!salvaged.readings.is_empty() && salvaged.readings.iter().all(|it| export.readings.contains(it)));

    let agent = Agent::start(site)?;
    wait::until("the hole to be told, and everything else to be there", SOON, || {
        let again = exported(&tool(&["export", "--config", config])?.stdout)?;
        Ok((again.readings.starts_with(&export.readings) && again.gaps == export.gaps).then_some(()))
    })
    .with_context(|| agent.log())?;
    agent.signal(Signal::KILL)?;
    Ok(())
}

/// P7, P8: whoever asks for everything and does not read it holds up nobody, and nobody else's end.
#[test]
fn a_look_delays_no_alarm_and_no_end() -> Result<()> {
    let broker = Mosquitto::start()?;
    let site = site("tool-slow", &broker)?;
    let config = site.write()?.display().to_string();
    let agent = Agent::start(&site)?;
    fill(&agent, &broker)?;
    let mut stuck = Command::new(program::ours("wardline-agent")?);
    stuck.args(["buffer", "export", "--config", &config]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut stuck = stuck.spawn()?;
    let mut pipe = stuck.stdout.take().context("no output")?;
    let mut byte = [0];
    pipe.read_exact(&mut byte)?;
    let second = tool(&["verify", "--config", &config])?;
    ensure!(second.status.code() == Some(69) && told(&second).contains("somebody else"), "{}", told(&second));

    let lamp = Listener::start(broker.port(), "alarms/tool-2")?;
    let mut longest = Duration::ZERO;
    let mut seq = 40_000_000;
    for (patient, word) in [(Patient::Desaturated, "spo2_low"), (Patient::Stable, "\"alarms\":[]")].repeat(10)
    {
        seq += 1;
        let begin = Instant::now();
        publish_one(broker.port(), "ward/tool-2", patient.payload(seq), false)?;
        let heard = lamp.wait_for(word, SOON, |it| !it.retained && it.payload.contains(word))?;
        longest = longest.max(heard.at.duration_since(begin));
    }
    let begin = Instant::now();
    let status = agent.stop(Duration::from_secs(10))?;
    println!("with a look that is stuck: longest alarm {longest:?}, end after {:?}", begin.elapsed());
    ensure!(status.success(), "{status}");
    stuck.kill()?;
    stuck.wait()?;
    Ok(())
}
