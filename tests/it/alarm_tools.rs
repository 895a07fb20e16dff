//! `alarm ls | why | test` on a real agent with real brokers: what is open, what led to it, and what takes a test alarm.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::process::Signal;
use serde_json::Value;
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::listener::Listener;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::process::{self, Process};
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::{Reader, Record};
use wardline_tests::site::Site;
use wardline_tests::{program, wait};

use crate::way::of;

const SOON: Duration = Duration::from_secs(60);

fn site(name: &str, beds: &[&str], kafka: &Kafka, broker: &Mosquitto) -> Result<Site> {
    let site = Site::new(name)?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds(beds.iter().copied());
    Ok(site.ward().mqtt_annunciator().alarms_at_once())
}

fn station(kafka: &Kafka, site: &Site, bed: &str) -> Result<Process> {
    let mut command = process::guarded(&program::ours("wardline-station")?)?;
    command.args(["tail", "--brokers", &kafka.bootstrap(), "--station", "desk", "--bed", bed]);
    Process::start("wardline-station", command, &site.file("station.log"))
}

/// Asks the agent of a site.
fn alarm(site: &Site, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(program::ours("wardline-agent")?);
    command.arg("alarm").args(arguments).arg("--config").arg(site.write()?);
    Ok(command.env("LC_ALL", "C").output()?)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(output: &Output) -> Result<Value> {
    ensure!(output.stdout.starts_with(b"{"), "{}", said(output));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Makes a patient's SpO2 fall, and waits until the agent says so.
fn desaturate(site: &Site, broker: &Mosquitto, bed: &str) -> Result<String> {
    for (seq, patient) in [(1, Patient::Stable), (2, Patient::Desaturated), (3, Patient::Desaturated)] {
        publish_one(broker.port(), &format!("ward/{bed}"), patient.payload(seq), false)?;
    }
    wait::until("the alarm in the list", SOON, || {
        let list = json(&alarm(site, &["ls", "--bed", bed, "--json"])?)?;
        let open = list["open"].as_array().cloned().unwrap_or_default();
        let spo2 = open.iter().find(|it| it["code"] == "spo2_low");
        if spo2.is_none() {
            publish_one(broker.port(), &format!("ward/{bed}"), Patient::Desaturated.payload(9), false)?;
        }
        Ok(spo2.and_then(|it| it["id"].as_str()).map(str::to_owned))
    })
}

#[test]
fn a_test_alarm_comes_back_whole_or_says_what_is_missing() -> Result<()> {
    let (kafka, broker) = (Kafka::shared()?, Mosquitto::start()?);
    let site = site("alarm-test", &["test-1", "test-2"], kafka, &broker)?;
    let lamp = Listener::start(broker.port(), "alarms/#")?;
    let agent = Agent::start(&site)?;

    // Nobody shows it.
    let missing = alarm(&site, &["test", "test-1", "--by", "anna", "--json"])?;
    ensure!(missing.status.code() == Some(65), "{}", said(&missing));
    let missing = json(&missing)?;
    ensure!(missing["missing"] == serde_json::json!(["stations"]), "{missing}");
    ensure!(missing["report"]["annunciators"].as_array().is_some_and(|it| it.len() == 2), "{missing}");

    let _desk = station(kafka, &site, "test-1")?;
    let whole = wait::until("a test that comes back", SOON, || {
        let whole = alarm(&site, &["test", "test-1", "--priority", "low", "--by", "anna"])?;
        Ok(whole.status.success().then_some(whole))
    })?;
    let words = said(&whole);
    for it in [
        "1 mqtt ward",
        "journal",
        "confirmed it after",
        "station desk",
        "came back whole",
        "bedside monitors remain primary",
    ] {
        ensure!(words.contains(it), "{it} is not in:\n{words}");
    }
    // While one is on there is no other.
    let busy = alarm(&site, &["test", "test-2", "--by", "anna"])?;
    ensure!(busy.status.code() == Some(65) && said(&busy).contains("still on"), "{}", said(&busy));
    let nowhere = alarm(&site, &["test", "test-9", "--by", "anna"])?;
    ensure!(
        nowhere.status.code() == Some(65) && said(&nowhere).contains("no such bed"),
        "{}",
        said(&nowhere)
    );

    let alarms = Reader::open(kafka, "vitals.alarms.v1")?;
    let end = alarms.wait_for("the end of a test", SOON, |it| {
        of(it, &site)
            && it.text("code") == "test"
            && it.text("phase") == "end"
            && it.text("priority") == "low"
    })?;
    assert_eq!(
        (end.body["test"].as_bool(), end.text("cause"), end.number("present_ms")),
        (Some(true), "anna", Some(10_000))
    );
    lamp.wait_for("the test at the bedside", SOON, |it| it.payload.contains("TEST by anna"))?;
    let log = std::fs::read_to_string(site.file("station.log"))?;
    ensure!(log.contains("!   TEST test-1") && log.contains("nothing is wrong here"), "{log}");
    agent.stop(SOON).map(drop)
}

#[test]
fn a_patient_comes_before_a_test() -> Result<()> {
    let (kafka, broker) = (Kafka::shared()?, Mosquitto::start()?);
    let site = site("alarm-patient", &["patient-1"], kafka, &broker)?;
    let agent = Agent::start(&site)?;
    publish_one(broker.port(), "ward/patient-1", Patient::Stable.payload(1), false)?;
    let lamp = Listener::start(broker.port(), "alarms/#")?;
    let config = site.write()?;
    let mut test = Command::new(program::ours("wardline-agent")?);
    let test = test.args(["alarm", "test", "patient-1", "--by", "anna", "--json", "--config"]).arg(&config);
    let test = test.stdout(std::process::Stdio::piped()).spawn()?;
    lamp.wait_for("the test", SOON, |it| it.payload.contains("TEST by anna"))?;
    publish_one(broker.port(), "ward/patient-1", Patient::Desaturated.payload(2), false)?;
    let ended = test.wait_with_output()?;
    let report = json(&ended)?;
    ensure!(report["report"]["outcome"] == "broken_off" && ended.status.code() == Some(65), "{report}");
    let alarms = Reader::open(kafka, "vitals.alarms.v1")?;
    let of_bed = |it: &Record, code: &str| of(it, &site) && it.text("code") == code;
    let real = alarms.wait_for("the patient's alarm", SOON, |it| of_bed(it, "spo2_low"))?;
    let end =
        alarms.wait_for("the end of the test", SOON, |it| of_bed(it, "test") && it.text("phase") == "end")?;
    ensure!(
        real.number("seq") < end.number("seq") && real.number("up_ms") == end.number("up_ms"),
        "{real:?} {end:?}"
    );
    let refused = alarm(&site, &["test", "patient-1", "--by", "anna"])?;
    ensure!(
        refused.status.code() == Some(65) && said(&refused).contains("attend to it first"),
        "{}",
        said(&refused)
    );
    agent.stop(SOON).map(drop)
}

#[test]
fn a_scheduled_test_that_does_not_come_back_is_an_alarm_until_one_does() -> Result<()> {
    let (kafka, broker) = (Kafka::shared()?, Mosquitto::start()?);
    let mut site = site("alarm-schedule", &["schedule-1"], kafka, &broker)?;
    site = site.unit("test_alarm_every = \"20s\"\n");
    let agent = Agent::start(&site)?;
    let alarms = Reader::open(kafka, "vitals.alarms.v1")?;
    let is = |it: &Record, phase: &str| {
        of(it, &site) && it.text("code") == "test_alarm_failed" && it.text("phase") == phase
    };
    let failed = alarms.wait_for("that no station shows it", SOON, |it| is(it, "start"))?;
    assert_eq!(
        (failed.text("bed"), failed.text("cause"), failed.text("priority")),
        (site.agent(), "stations", "medium")
    );
    let _desk = station(kafka, &site, "schedule-1")?;
    alarms.wait_for("that one does", SOON, |it| is(it, "end"))?;
    agent.stop(SOON).map(drop)
}

#[test]
fn what_is_open_and_why_can_be_looked_up_on_a_running_and_a_stopped_agent() -> Result<()> {
    let (kafka, broker) = (Kafka::shared()?, Mosquitto::start()?);
    let site = site("alarm-why", &["why-1", "why-2"], kafka, &broker)?;
    let agent = Agent::start(&site)?;
    let id = desaturate(&site, &broker, "why-1")?;
    let list = alarm(&site, &["ls"])?;
    let words = said(&list);
    ensure!(list.status.success() && words.contains("bedside monitors remain primary"), "{words}");
    ensure!(words.contains("!!  why-1  SpO2 low 82 < 90  since ") && words.contains(&id), "{words}");
    let other = alarm(&site, &["ls", "--bed", "why-2"])?;
    ensure!(said(&other).contains("No open alarm."), "{}", said(&other));

    let why = wait::until("the readings on disk", SOON, || {
        let why = alarm(&site, &["why", &id])?;
        Ok(why.status.success().then_some(why))
    })?;
    explained(&said(&why), &id)?;
    let document = json(&alarm(&site, &["why", &id, "--json"])?)?;
    // What was said before in the same millisecond stands first.
    let newest = document["samples"].as_array().and_then(|it| it.last()).map(|it| &it["value"]);
    ensure!(newest.is_some_and(|it| *it == 82) && document["delays"]["delay_ms"] == 0, "{document}");
    let nobody = alarm(&site, &["why", "no/such/1"])?;
    ensure!(nobody.status.code() == Some(65), "{}", said(&nobody));

    publish_one(broker.port(), "ward/why-1", Patient::Stable.payload(20), false)?;
    wait::until("the end in the store", SOON, || {
        let all = json(&alarm(&site, &["ls", "--all", "--json"])?)?;
        let past = all["past"].as_array().cloned().unwrap_or_default();
        Ok(past.iter().any(|it| it["id"] == id.as_str() && it["phase"] == "end").then_some(()))
    })?;
    is_patient(&site, &agent)?;
    agent.kill()?;
    let gone = alarm(&site, &["ls"])?;
    ensure!(
        gone.status.code() == Some(69) && said(&gone).contains("no agent works on the store"),
        "{}",
        said(&gone)
    );
    let past = alarm(&site, &["ls", "--all"])?;
    ensure!(past.status.success() && said(&past).contains(&id), "{}", said(&past));
    let why = alarm(&site, &["why", &id])?;
    let words = said(&why);
    explained(&words, &id)?;
    ensure!(words.contains("E ended"), "{words}");
    Ok(())
}

/// The chart, the rule and the moments.
fn explained(words: &str, id: &str) -> Result<()> {
    for it in [
        id,
        "low limit 90 % (level limit)",
        "0 ms to be present",
        "rules ",
        "      82 |",
        "its reason began",
        "P present",
        "readings ",
    ] {
        ensure!(words.contains(it), "{it} is not in:\n{words}");
    }
    ensure!(words.is_ascii(), "a locale without UTF-8 got more than ASCII:\n{words}");
    Ok(())
}

/// A daemon that hangs keeps nobody waiting.
fn is_patient(site: &Site, agent: &Agent) -> Result<()> {
    agent.signal(Signal::STOP)?;
    let begin = Instant::now();
    let hung = alarm(site, &["ls"])?;
    let took = begin.elapsed();
    agent.signal(Signal::CONT)?;
    ensure!(hung.status.code() == Some(69) && said(&hung).contains("does not answer"), "{}", said(&hung));
    ensure!(took < Duration::from_secs(4), "two seconds, and the start of a program: {took:?}");
    Ok(())
}
