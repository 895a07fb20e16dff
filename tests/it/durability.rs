//! P1, P7; F4, F7: no PUBACK before the record is on disk, and alarms that do not wait for the disk.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::listener::{Heard, Listener};
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::pty::Pty;
use wardline_tests::publisher::{Load, Publisher, publish_one};
use wardline_tests::site::Site;
use wardline_tests::{program, strace, wait};

const SOON: Duration = Duration::from_secs(20);
/// P7 under F7: from the last byte to the annunciator.
const ALARM_WITHIN: Duration = Duration::from_millis(500);
/// Messages a second: far enough apart that each is alone in its group, so that a sync is of that message.
const LONE: u32 = 3;

/// A source of messages for one bed.
const MESSAGES: &str = r#"
[[source]]
id = "ward"
bed = "disk-mqtt"
mqtt = "ward"
topic = "ward/disk-mqtt"
format = "wardline"
"#;

/// Runs a load under strace and says what strace saw.
fn traced(name: &str, rate: u32, count: u64, inject: &[&str]) -> Result<strace::Verdict> {
    let kafka = Kafka::shared()?;
    let broker = Mosquitto::start()?;
    let site = Site::new(name)?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds(["sync-1"]).ward();
    let log = site.file("strace.log");
    let mut agent = launch(&site, &log, inject)?;
    agent.wait_ready()?;
    let load =
        Load { beds: vec!["sync-1".into()], count, rate: Some(rate), first_seq: 1, patient: Patient::Stable };
    Publisher::start(broker.port(), load).finish(Duration::from_secs(120))?;
    let seen = || {
        let text = fs::read_to_string(&log).unwrap_or_default();
        strace::check(&text, broker.port(), "ward/", &site.state_dir())
    };
    let all = wait::until("every message to be acknowledged", SOON, || {
        let verdict = seen();
        Ok((verdict.after_sync + verdict.before_sync == count).then_some(verdict))
    });
    all.with_context(|| format!("{:?}; the agent's log:\n{}", seen(), agent.log()))
}

fn launch(site: &Site, log: &Path, inject: &[&str]) -> Result<Agent> {
    let strace = program::installed("strace", "strace")?;
    let mut under = vec![strace.display().to_string()];
    under.extend(strace::arguments(log));
    under.extend(inject.iter().map(|it| (*it).to_owned()));
    under.push("--".into());
    Agent::launch(site, &under.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn every_puback_follows_a_completed_sync_of_the_file_that_holds_the_record() -> Result<()> {
    let lone = traced("sync-lone", LONE, 20, &[])?;
    assert_eq!(lone, strace::Verdict { after_sync: 20, before_sync: 0 });
    let crowd = traced("sync-crowd", 500, 2000, &[])?;
    assert_eq!(crowd, strace::Verdict { after_sync: 2000, before_sync: 0 });
    Ok(())
}

/// The control: with a sync that does nothing, the check above must not be content with a single message.
#[test]
fn a_sync_that_does_nothing_is_caught() -> Result<()> {
    let verdict = traced("sync-none", LONE, 10, &["-e", "inject=fdatasync,fsync:retval=0"])?;
    assert_eq!(verdict, strace::Verdict { after_sync: 0, before_sync: 10 });
    Ok(())
}

#[test]
fn alarms_go_on_while_every_sync_takes_five_seconds() -> Result<()> {
    alarms_go_on("sync-slow", "inject=fdatasync,fsync:delay_enter=5000000", false)
}

#[test]
fn alarms_go_on_with_a_dead_disk() -> Result<()> {
    alarms_go_on("sync-dead", "inject=fdatasync,fsync:error=EIO", true)
}

/// Whether the agent takes what comes over MQTT: a dead disk may end it meanwhile.
fn is_heard(agent: &Agent, broker: &Mosquitto) -> bool {
    let stable = || publish_one(broker.port(), "ward/disk-mqtt", Patient::Stable.payload(0), false);
    agent.wait_heard(stable).is_ok()
}

/// Lets the SpO₂ of two beds, one on MQTT and one on a serial line, fall again and again, and takes the time until
/// the annunciator says so.
fn alarms_go_on(name: &str, inject: &str, may_restart: bool) -> Result<()> {
    const FALLS: u64 = 5;
    let broker = Mosquitto::start()?;
    let mut line = Pty::open()?;
    let site = Site::new(name)?.mqtt(broker.port()).beds(["disk-mqtt", "disk-serial"]).mqtt_annunciator();
    // A source of its own for each bed: what comes over a pseudo-terminal is simulated, and a bed is one or the other.
    let site =
        site.toml(MESSAGES).serial("oximeter", "disk-serial", "nonin-df8", line.port()).alarms_at_once();
    let log = site.file("strace.log");
    let mut agent = launch(&site, &log, &["-e", inject])?;
    let lamp = Listener::start(broker.port(), "alarms/#")?;
    let mut slowest = Duration::ZERO;
    let mut falls = 0;
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut heard = false;
    while falls < FALLS {
        ensure!(Instant::now() < deadline, "only {falls} falls in time; the agent's log:\n{}", agent.log());
        // A dead disk ends the agent once, to open its store anew: what systemd does is done here.
        if may_restart && agent.check_alive().is_err() {
            agent = launch(&site, &log, &["-e", inject])?;
        }
        if agent.ask("/livez").is_err() {
            thread::sleep(Duration::from_millis(50));
            continue;
        }
        if !heard {
            heard = is_heard(&agent, &broker);
            continue;
        }
        let mut seq = falls * 10;
        let mut say = |patient: Patient| -> Result<()> {
            seq += 1;
            line.write(&patient.nonin_df8().repeat(2))?;
            publish_one(broker.port(), "ward/disk-mqtt", patient.payload(seq), false)
        };
        say(Patient::Stable)?;
        // Both beds are quiet again before the next fall.
        if falls > 0 {
            let ended = |it: &Heard| it.payload.contains("\"alarms\":[]");
            lamp.wait_for("the end of both alarms", Duration::from_secs(10), ended)?;
            lamp.wait_for("the end of both alarms", Duration::from_secs(10), ended)?;
        }
        let begin = Instant::now();
        say(Patient::Desaturated)?;
        let silent = RefCell::new(BTreeSet::from(["alarms/disk-mqtt", "alarms/disk-serial"]));
        let told = lamp.wait_for("both alarms", Duration::from_secs(2), |it| {
            if it.payload.contains("spo2_low") {
                silent.borrow_mut().remove(&*it.topic);
            }
            silent.borrow().is_empty()
        });
        match told {
            Ok(last) => {
                falls += 1;
                slowest = slowest.max(last.at.duration_since(begin));
            }
            // The agent ended in between: this fall does not count.
            Err(_) if may_restart && agent.check_alive().is_err() => {}
            Err(error) => ensure!(false, "{error}; the agent's log:\n{}", agent.log()),
        }
    }
    println!("{name}: {FALLS} falls on two beds, the slowest alarm after {slowest:?}");
    assert!(slowest < ALARM_WITHIN, "{slowest:?}");
    Ok(())
}
