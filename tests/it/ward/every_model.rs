//! Every model that is each on its own way: serial lines, device servers, TCP, datagrams.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use vitals::device::DeviceModel;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::port;
use wardline_tests::reader::Reader;
use wardline_tests::scratch::Scratch;

use super::Stage;

/// Long enough for three results of the slowest, which is asked when its line is open and every 30 s.
const SECONDS: u64 = 70;
/// Long enough for all troubles, and for what is said behind the last.
const TROUBLES_SECONDS: u64 = 86;

/// What every field of a made-up patient begins with.
const OF_A_PATIENT: &str = "SIMULATED-";

/// What may happen to a line and to a device, one after the other; seeds vary the moments by a fifth.
const TROUBLES: &str = r#"
about = "Devices that are pulled out, start anew, are exchanged and answer wrongly."
duration = "86s"
[[link]]
fault = "unplugged"
at = "18s"
lasts = "8s"
[[artefact]]
kind = "device_restart"
at = "34s"
lasts = "6s"
[[artefact]]
kind = "other_device"
at = "48s"
lasts = "8s"
[[link]]
fault = "wrong_replies"
at = "62s"
lasts = "8s"
"#;

#[test]
fn the_judge_finds_every_reading_of_every_model() -> Result<()> {
    let verdict = judged("every-model", "serial", "stable", SECONDS)?;
    // The first words of the two that say the same sixty times a second, if the agent came in between.
    ensure!(verdict["readings"]["doubtful"].as_u64().is_some_and(|it| it <= 2), "{verdict:#}");
    ensure!(verdict["clean"] == true, "{verdict:#}");
    Ok(())
}

#[test]
fn what_was_said_for_sure_between_the_troubles_of_device_servers_is_there() -> Result<()> {
    let scratch = Scratch::new("troubles")?;
    let troubles = scratch.write("troubles.toml", TROUBLES)?;
    let verdict = judged("device-servers", "tcp", &troubles.to_string_lossy(), TROUBLES_SECONDS)?;
    assert_ne!(verdict["readings"]["doubtful"], 0);
    Ok(())
}

/// Plays all models on these ways, and lets the judge speak.
fn judged(name: &str, ways: &str, scenario: &str, seconds: u64) -> Result<Value> {
    let (kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let models = DeviceModel::ALL;
    let (beds, base) = (models.len().to_string(), port::free_row(u16::try_from(models.len())?)?.to_string());
    let arguments =
        ["run", scenario, "--ways", ways, "--devices", "all", "--beds", &beds, "--port-base", &base];
    let ward = Stage::new(name, &kafka, &broker, &arguments, seconds)?;
    let agent = ward.play("The agent watches.")?;
    let verdict: Value = serde_json::from_slice(&ward.judge(&ward.truth, &["--json"])?.stdout)?;
    println!("{ways}: {verdict:#}");
    let readings = &verdict["readings"];
    for finding in ["duplicate", "out_of_order"] {
        assert_eq!(readings[finding], 0, "{finding}:\n{}", agent.log());
    }
    for finding in ["missing", "wrong"] {
        assert_eq!(readings[finding], Value::Array(Vec::new()), "{finding}:\n{}", agent.log());
    }
    let truth = fs::read_to_string(&ward.truth)?;
    for (number, model) in (1..).zip(&models) {
        let source = format!("\"source\":\"device-{number:02}\"");
        assert!(truth.contains(&source), "{model} has said nothing:\n{}", agent.log());
    }

    // The control: readings more in the truth, and the judge misses them. Of those that are doubtful any may be one.
    let doubtful = usize::try_from(readings["doubtful"].as_u64().context("no number")?)?;
    let forged: Value = serde_json::from_slice(&ward.judge(&ward.forge(doubtful + 1)?, &["--json"])?.stdout)?;
    let missing = forged["readings"]["missing"].as_array().context("no list")?.len();
    assert!((1..=doubtful + 1).contains(&missing), "{forged:#}");

    // Who lies there gets no further: not into a log, not onto a disk, not to Kafka.
    for path in [ward.log(), ward.config()] {
        assert_eq!(holding(&path)?, Vec::<String>::new(), "of a patient");
    }
    let mut records = 0;
    for topic in ["readings", "alarms", "latest", "beds", "ledger", "status"] {
        for record in Reader::open(&kafka, &format!("sim.vitals.{topic}.v1"))?.rest(Duration::from_secs(1))? {
            assert!(!record.body.to_string().contains(OF_A_PATIENT), "{topic}: {}", record.body);
            records += 1;
        }
    }
    assert!(records > 100, "{records}");
    Ok(verdict)
}

/// The files below a path in which something of a patient stands.
fn holding(path: &Path) -> Result<Vec<String>> {
    if path.is_dir() {
        let entries = fs::read_dir(path)?.map(|it| holding(&it?.path()));
        return Ok(entries.collect::<Result<Vec<_>>>()?.concat());
    }
    // What is no file, a socket, holds nothing.
    let bytes = if path.is_file() { fs::read(path)? } else { Vec::new() };
    let held = bytes.windows(OF_A_PATIENT.len()).any(|it| it == OF_A_PATIENT.as_bytes());
    Ok(if held { vec![path.display().to_string()] } else { Vec::new() })
}
