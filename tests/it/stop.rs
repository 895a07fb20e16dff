//! How the agent ends: orderly when asked, with its reason and its exit code when it cannot begin.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::program;
use wardline_tests::pty::Pty;
use wardline_tests::publisher::{Load, Publisher};
use wardline_tests::reader::Reader;
use wardline_tests::scratch::Scratch;
use wardline_tests::site::Site;
use wardline_tests::tally::Tally;

/// F37: orderly within 10 s, also without Kafka.
const STOPS_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn asked_to_stop_it_loses_nothing_and_repeats_nothing() -> Result<()> {
    let kafka = Kafka::start()?;
    let broker = Mosquitto::start()?;
    let site = Site::new("stop")?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds(["stop-1"]).ward();
    let agent = Agent::start(&site)?;
    let load = Load {
        beds: vec!["stop-1".into()],
        count: 4000,
        rate: Some(1000),
        first_seq: 1,
        patient: Patient::Stable,
    };
    let publisher = Publisher::start(broker.port(), load.clone());
    wardline_tests::wait::until_true("half of the load", STOPS_WITHIN, || {
        publisher.acknowledged() > load.count / 2
    })?;
    let begin = Instant::now();
    let status = agent.stop(STOPS_WITHIN)?;
    println!("stopped after {:?}", begin.elapsed());
    assert!(status.success(), "{status}");
    publisher.finish(Duration::from_secs(20))?;
    let _agent = Agent::start(&site)?;
    let reader = Reader::open(&kafka, "vitals.readings.v1")?;
    let verdict = Tally::default().read(&reader, &load, Duration::from_secs(20))?;
    assert_eq!((verdict.missing, verdict.doubled_records, verdict.disordered), (0, 0, 0), "{verdict}");
    Ok(())
}

#[test]
fn asked_to_stop_without_kafka_it_ends_in_time() -> Result<()> {
    let line = Pty::unplugged()?;
    let site =
        Site::new("stop-alone")?.beds(["stop-2"]).serial("oximeter", "stop-2", "nonin-df8", line.port());
    let status = Agent::start(&site)?.stop(STOPS_WITHIN)?;
    assert!(status.success(), "{status}");
    Ok(())
}

#[test]
fn a_wrong_configuration_is_told_in_words_and_ends_with_78() -> Result<()> {
    let scratch = Scratch::new("config")?;
    let config = scratch.write("wardline.toml", "[agent]\nid = \"a b\"\nstat_dir = \"/x\"\n")?;
    for command in ["run", "check"] {
        let output = Command::new(program::ours("wardline-agent")?)
            .args([command, "--config"])
            .arg(&config)
            .output()?;
        // What `check` finds is what it was asked for, so it stands on standard output.
        let said = String::from_utf8_lossy(if command == "check" { &output.stdout } else { &output.stderr });
        assert_eq!(output.status.code(), Some(78), "{command}: {said}");
        for word in ["wardline.toml", "stat_dir", "2:"] {
            assert!(said.contains(word), "{command} does not say {word}:\n{said}");
        }
    }
    Ok(())
}
