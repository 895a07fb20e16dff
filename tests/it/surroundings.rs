//! P6; F9, F10, F30, F37: a store that is another's, missing, without inodes, without descriptors, and signals without end.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use wardline_tests::agent::Agent;
use wardline_tests::disk::Disk;
use wardline_tests::listener::Listener;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::{Load, Publisher, publish_one};
use wardline_tests::site::Site;
use wardline_tests::{program, wait};

const SOON: Duration = Duration::from_secs(20);
/// F37.
const STOPS_WITHIN: Duration = Duration::from_secs(10);
/// Nobody's user and group on every Debian.
const NOBODY: u32 = 65_534;
const BED: &str = "around-1";

fn site(name: &str, broker: u16) -> Result<Site> {
    Ok(Site::new(name)?.mqtt(broker).beds([BED]).ward().mqtt_annunciator().alarms_at_once())
}

/// An alarm is decided and heard at the bedside; how long that took.
fn alarm_is_heard(broker: u16, agent: &Agent) -> Result<Duration> {
    let lamp = Listener::start(broker, "alarms/#")?;
    let (mut seq, begin) = (0, Instant::now());
    wait::until("the alarm at the bedside", SOON, || {
        seq += 1;
        publish_one(broker, &format!("ward/{BED}"), Patient::Desaturated.payload(seq), false)?;
        let heard = lamp.wait_for("", Duration::from_millis(500), |it| it.payload.contains("spo2_low"));
        Ok(heard.ok().map(drop))
    })
    .with_context(|| agent.log())?;
    Ok(begin.elapsed())
}

fn store(agent: &Agent) -> Result<String> {
    let status: serde_json::Value = serde_json::from_str(&agent.ask("/status.json")?.1)?;
    Ok(status["store"]["state"].as_str().context("no state of the store")?.to_owned())
}

/// F9: the second is told in words why, ends with 69, and the first does not notice.
#[test]
fn a_second_agent_on_the_same_store_is_refused_and_the_first_goes_on() -> Result<()> {
    let broker = Mosquitto::start()?;
    let site = site("second", broker.port())?;
    let mut first = Agent::start(&site)?;
    let mut run = Command::new(program::ours("wardline-agent")?);
    let second = run.args(["run", "--config"]).arg(site.write()?).output()?;
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(69), "{said}");
    for words in ["another agent works on the store", "state_dir of its own"] {
        assert!(said.contains(words), "it does not say {words:?}: {said}");
    }
    alarm_is_heard(broker.port(), &first)?;
    first.check_alive()?;
    assert_eq!(store(&first)?, "ok");
    Ok(())
}

/// F10: the directory is there and is not ours. Alarms go on, and the reason is said.
#[test]
fn a_store_of_another_owner_is_told_and_alarms_are_decided() -> Result<()> {
    let broker = Mosquitto::start()?;
    let site = site("owner", broker.port())?;
    Agent::start(&site)?.stop(SOON)?;
    let mut agent = if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(site.run_dir(), Some(NOBODY), Some(NOBODY))?;
        for entry in fs::read_dir(site.run_dir())? {
            std::os::unix::fs::chown(entry?.path(), Some(NOBODY), Some(NOBODY))?;
        }
        let setpriv = program::installed("setpriv", "util-linux")?.display().to_string();
        let user = format!("{NOBODY}");
        let under = [&*setpriv, "--reuid", &user, "--regid", &user, "--clear-groups", "--"];
        Agent::launch(&site, &under)?
    } else {
        fs::set_permissions(site.state_dir().join("store"), Permissions::from_mode(0o0))?;
        Agent::launch(&site, &[])?
    };
    agent.wait_ready()?;
    let took = alarm_is_heard(broker.port(), &agent)?;
    println!("another owner: the alarm was heard after {took:?}");
    assert_eq!(store(&agent)?, "memory");
    let log = agent.log();
    for words in ["Permission denied", "make the directory usable and restart"] {
        assert!(log.contains(words), "it does not say {words:?}:\n{log}");
    }
    fs::set_permissions(site.state_dir().join("store"), Permissions::from_mode(0o755))?;
    Ok(())
}

/// F10: a directory that is not there is made.
#[test]
fn a_missing_directory_is_made() -> Result<()> {
    let broker = Mosquitto::start()?;
    let site = site("no-dir", broker.port())?;
    let agent = Agent::start(&site)?;
    wait::until("the store", SOON, || Ok((store(&agent)? == "ok").then_some(())))?;
    agent.stop(SOON)?;
    fs::remove_dir_all(site.state_dir())?;
    let agent = Agent::start(&site)?;
    alarm_is_heard(broker.port(), &agent)?;
    assert_eq!(store(&agent)?, "ok");
    Ok(())
}

/// F10: room without inodes is no room.
#[test]
fn without_an_inode_alarms_are_decided_and_the_store_comes_back_with_one() -> Result<()> {
    let broker = Mosquitto::start()?;
    let site = site("inodes", broker.port())?.toml("[buffer]\nsize = \"64 MiB\"\n");
    let disk = Disk::mount_with(&site.file("disk"), &site.state_dir(), 96 << 20, &["-N", "128"])?;
    let taken = site.state_dir().join("taken");
    fs::create_dir(&taken)?;
    let mut count = 0;
    while fs::write(taken.join(count.to_string()), "").is_ok() {
        count += 1;
        ensure!(count < 10_000, "the disk has inodes without end");
    }
    let mut agent = Agent::start(&site)?;
    let took = alarm_is_heard(broker.port(), &agent)?;
    println!("no inode ({count} taken): the alarm was heard after {took:?}");
    assert_eq!(store(&agent)?, "memory", "{}", agent.log());
    assert!(agent.log().contains("No space left on device"), "{}", agent.log());
    // What alarms at the bedside keeps the agent from beginning anew.
    publish_one(broker.port(), &format!("ward/{BED}"), Patient::Stable.payload(9_000), false)?;
    fs::remove_dir_all(&taken)?;
    let mut seq = 10_000;
    wait::until("the store to come back", Duration::from_secs(60), || {
        seq += 1;
        publish_one(broker.port(), &format!("ward/{BED}"), Patient::Stable.payload(seq), false)?;
        if agent.check_alive().is_err() {
            // What systemd does.
            agent = Agent::start(&site)?;
        }
        Ok(store(&agent).is_ok_and(|it| it == "ok").then_some(()))
    })
    .with_context(|| agent.log())?;
    agent.stop(SOON)?;
    drop(disk);
    Ok(())
}

/// F30.
#[test]
fn with_few_descriptors_it_keeps_and_alarms() -> Result<()> {
    let broker = Mosquitto::start()?;
    let site = site("descriptors", broker.port())?;
    let prlimit = program::installed("prlimit", "util-linux")?.display().to_string();
    let mut agent = Agent::launch(&site, &[&prlimit, "--nofile=64:64", "--"])?;
    agent.wait_ready()?;
    alarm_is_heard(broker.port(), &agent)?;
    // Whoever asks and holds on takes descriptors too.
    let held: Vec<_> =
        (0..80).filter_map(|_| std::net::TcpStream::connect(("127.0.0.1", site.http())).ok()).collect();
    let load = Load {
        beds: vec![BED.into()],
        count: 2_000,
        rate: None,
        first_seq: 100_000,
        patient: Patient::Stable,
    };
    Publisher::start(broker.port(), load).finish(SOON)?;
    drop(held);
    wait::until("the readings on disk", SOON, || {
        agent.check_alive()?;
        Ok(agent.metric("wardline_buffer_records").is_ok_and(|it| it >= 2_000.0).then_some(()))
    })
    .with_context(|| agent.log())?;
    assert_eq!(store(&agent)?, "ok", "{}", agent.log());
    Ok(())
}

/// F37: nothing but the first SIGTERM counts, and SIGHUP is no reason to end.
#[test]
fn a_storm_of_signals_is_an_orderly_end_or_none() -> Result<()> {
    let broker = Mosquitto::start()?;
    let site = site("storm", broker.port())?;
    let mut agent = Agent::start(&site)?;
    let begin = Instant::now();
    for _ in 0..500 {
        agent.signal(Signal::HUP)?;
    }
    alarm_is_heard(broker.port(), &agent)?;
    agent.check_alive()?;
    let said = agent.log().matches("The rules of alarms were read again").count() as u64;
    let most = 2 + begin.elapsed().as_secs();
    assert!((1..=most).contains(&said), "said {said} times, of {most} at most:\n{}", agent.log());
    wait::until("the readings on disk", SOON, || {
        Ok((agent.metric("wardline_buffer_records")? >= agent.metric("wardline_readings")?).then_some(()))
    })?;
    let kept = agent.metric("wardline_buffer_records")?;
    let begin = Instant::now();
    for _ in 0..50 {
        // The last ones may find nobody.
        let _ = agent.signal(Signal::TERM);
        let _ = agent.signal(Signal::HUP);
    }
    let status = agent.wait(STOPS_WITHIN)?;
    println!("told to stop fifty times: it ended after {:?}", begin.elapsed());
    assert!(status.success(), "{status}: {}", agent.log());
    let agent = Agent::start(&site)?;
    wait::until(
        "what was kept",
        SOON,
        || Ok((agent.metric("wardline_buffer_records")? >= kept).then_some(())),
    )
    .with_context(|| agent.log())
}
