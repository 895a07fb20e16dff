//! The unit: how little it allows the agent, and what the agent tells the service manager; and the shell scripts.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result};
use wardline_tests::agent::Agent;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::program;
use wardline_tests::scratch::Scratch;
use wardline_tests::site::Site;

/// Where `systemd-analyze security` puts the unit, in tenths: 10 is "exposed", and most packages stand above 90.
const EXPOSURE_MAX: u32 = 17;

#[test]
fn the_unit_allows_the_agent_little() -> Result<()> {
    let unit = program::repository().join("systemd/wardline-agent.service");
    let unit = unit.to_str().context("not UTF-8")?;
    let security = |max: u32| analyze(&["security", "--offline=yes", &format!("--threshold={max}"), unit]);
    let output = security(EXPOSURE_MAX)?;
    assert!(output.status.success(), "{}", text(&output.stdout));
    // The control: a threshold below what is possible is not met.
    assert!(!security(1)?.status.success());
    Ok(())
}

#[test]
fn the_service_manager_is_told_of_start_life_and_end() -> Result<()> {
    let broker = Mosquitto::start()?;
    let site = Site::new("notify")?.mqtt(broker.port()).beds(["notify-1"]).ward();
    let path = site.file("notify");
    let socket = UnixDatagram::bind(&path)?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let path = path.to_str().context("not UTF-8")?;
    // Kept: its end takes the socket's directory with it.
    let site = site.env("NOTIFY_SOCKET", path).env("WATCHDOG_USEC", "2000000");
    let agent = Agent::start(&site)?;
    let next = |wanted: &str| -> Result<()> {
        let mut message = [0; 512];
        loop {
            let length = socket.recv(&mut message).with_context(|| format!("waiting for {wanted}"))?;
            if text(&message[..length]).lines().any(|line| line == wanted) {
                return Ok(());
            }
        }
    };
    next("READY=1")?;
    for _ in 0..3 {
        next("WATCHDOG=1")?;
    }
    agent.stop(Duration::from_secs(10))?;
    next("STOPPING=1")
}

#[test]
fn the_user_and_the_directories_are_well_formed() -> Result<()> {
    let root = Scratch::new("sysusers")?;
    let users = program::repository().join("systemd/wardline.sysusers");
    let output = Command::new(program::installed("systemd-sysusers", "systemd")?)
        .args(["--dry-run", &under(root.path())])
        .arg(&users)
        .output()?;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("wardline"), "{}", text(&output.stderr));
    Ok(())
}

#[test]
fn shell_scripts_are_well_formed() -> Result<()> {
    let mut scripts = 0;
    for directory in ["systemd", "tests", "tests/kafka", ".ci"] {
        for entry in
            fs::read_dir(program::repository().join(directory)).with_context(|| directory.to_owned())?
        {
            let path = entry?.path();
            let Some(shell) = shell(&path) else { continue };
            let output = Command::new(shell).arg("-n").arg(&path).output()?;
            assert!(output.status.success(), "{}: {}", path.display(), text(&output.stderr));
            scripts += 1;
        }
    }
    assert!(scripts >= 4, "only {scripts} scripts found");
    Ok(())
}

/// The shell that the first line of a script names.
fn shell(path: &Path) -> Option<&'static str> {
    let content = fs::read(path).ok()?;
    let first = content.split(|byte| *byte == b'\n').next()?;
    match first {
        b"#!/bin/sh" => Some("sh"),
        b"#!/bin/bash" => Some("bash"),
        _ => None,
    }
}

pub(crate) fn analyze(arguments: &[&str]) -> Result<Output> {
    let program = program::installed("systemd-analyze", "systemd")?;
    Ok(Command::new(program).args(arguments).env("SYSTEMD_PAGER", "").output()?)
}

pub(crate) fn under(root: &Path) -> String {
    format!("--root={}", root.display())
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
