//! A simulated ward through everything: devices on lines and topics, agent, real Kafka, and the judge's verdict.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::process::Process;
use wardline_tests::scratch::Scratch;
use wardline_tests::{program, wait};

/// The agent opens its lines and topics.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// The ward's time, and what its end may take.
const PLAYED_WITHIN: Duration = Duration::from_secs(90);

#[test]
fn the_judge_finds_every_reading_and_alarm_of_a_ward() -> Result<()> {
    let kafka = Kafka::start()?;
    let broker = Mosquitto::start()?;
    let scratch = Scratch::new("ward")?;
    let truth = scratch.path().join("truth.jsonl");
    let config = scratch.path().join("agent");
    let play = |arguments: &[&str]| -> Result<Command> {
        let mut command = Command::new(program::ours("wardline-sim")?);
        command.args(["run", "demo", "--beds", "8", "--duration", "45s"]).args(arguments);
        command.arg("--mqtt").arg(format!("127.0.0.1:{}", broker.port()));
        command.arg("--pty-dir").arg(scratch.path().join("lines"));
        Ok(command)
    };
    let written = play(&["--kafka", &kafka.bootstrap()])?.arg("--config-dir").arg(&config).output()?;
    ensure!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));

    let log = scratch.path().join("agent.log");
    let mut agent = Command::new(program::ours("wardline-agent")?);
    agent.args(["run", "--config"]).arg(config.join("wardline.toml"));
    let mut agent = Process::start("wardline-agent", agent, &log)?;
    wait::until(&format!("the agent to watch:\n{}", agent.log_tail()), READY_WITHIN, || {
        agent.check_alive()?;
        Ok(agent.log().contains("Connected to the MQTT broker").then_some(()))
    })?;
    let mut ward = play(&[])?;
    ward.arg("--truth").arg(&truth);
    let status =
        Process::start("wardline-sim", ward, &scratch.path().join("sim.log"))?.wait(PLAYED_WITHIN)?;
    ensure!(status.success(), "{status}; the agent's log:\n{}", agent.log());

    let judge = |truth: &std::path::Path| {
        let mut command = Command::new(program::ours("wardline-sim")?);
        command.args(["judge", "--kafka", &kafka.bootstrap(), "--patience", "8s", "--truth"]).arg(truth);
        anyhow::Ok(command.output()?)
    };
    let verdict = judge(&truth)?;
    let told = String::from_utf8_lossy(&verdict.stdout).into_owned();
    println!("{told}");
    assert!(verdict.status.success(), "{told}{}", String::from_utf8_lossy(&verdict.stderr));

    // The control: one reading more in the truth, and the judge misses it.
    let text = std::fs::read_to_string(&truth)?;
    let said = text.lines().filter(|it| it.contains("\"kind\":\"said\"")).count();
    let last = text.lines().rfind(|it| it.contains("\"kind\":\"said\"")).unwrap_or_default();
    let more = text.replace("{\"kind\":\"end\"", &format!("{last}\n{{\"kind\":\"end\""));
    let more = more.replace(&format!("\"said\":{said}}}"), &format!("\"said\":{}}}", said + 1));
    let forged = scratch.path().join("forged.jsonl");
    std::fs::write(&forged, more)?;
    let verdict = judge(&forged)?;
    assert_eq!(verdict.status.code(), Some(65), "{}", String::from_utf8_lossy(&verdict.stdout));
    Ok(())
}
