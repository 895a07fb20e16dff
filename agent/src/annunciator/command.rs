//! A program that gets each change on standard input: a buzzer, a lamp, a pager. No shell stands in between.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::error;
use vitals::alarm::event::{Phase, Priority};
use vitals::record::alarm::AlarmRecord;

use super::Announcement;
use super::word::Mouth;
use crate::metrics::Metrics;

/// Changes that wait for a program: a storm of all beds of a unit. When full, a change is dropped, counted and said.
const WAITING_MAX: usize = 256;

/// Programs at work at once: one that hangs must not keep the next alarm from sounding.
const RUNNING_MAX: usize = 4;

/// A program that has not ended after this is ended.
const TIME_MAX: Duration = Duration::from_secs(10);

/// One configured program.
#[derive(Debug)]
pub(super) struct Commands {
    sender: mpsc::Sender<Arc<AlarmRecord>>,
    priorities: Vec<Priority>,
    mouth: Mouth,
    metrics: Metrics,
}

impl Commands {
    pub(super) fn start(
        command: Vec<String>,
        priorities: Vec<Priority>,
        mouth: Mouth,
        metrics: &Metrics,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        tasks.spawn(run(command, receiver, mouth.clone(), metrics.clone()));
        Self { sender, priorities, mouth, metrics: metrics.clone() }
    }

    pub(super) fn name(&self) -> &str {
        self.mouth.name()
    }

    pub(super) fn takes(&self, priority: Priority) -> bool {
        self.priorities.contains(&priority)
    }

    pub(super) fn offer(&self, announcement: &Announcement) {
        let record = &announcement.record;
        if record.phase == Phase::Continue || !self.takes(record.priority) {
            return;
        }
        if self.sender.try_send(Arc::clone(record)).is_err() {
            self.metrics.annunciate("command", "dropped");
            self.mouth.say(record, false);
            error!(bed = %announcement.bed, code = record.code, "The alarm program is too slow: this change did not reach it.");
        }
    }
}

async fn run(
    command: Vec<String>,
    mut records: mpsc::Receiver<Arc<AlarmRecord>>,
    mouth: Mouth,
    metrics: Metrics,
) {
    let mut running = JoinSet::new();
    while let Some(record) = records.recv().await {
        while running.len() >= RUNNING_MAX {
            running.join_next().await;
        }
        running.spawn(tell(command.clone(), record, mouth.clone(), metrics.clone()));
    }
    while running.join_next().await.is_some() {}
}

async fn tell(command: Vec<String>, record: Arc<AlarmRecord>, mouth: Mouth, metrics: Metrics) {
    let outcome = match timeout(TIME_MAX, start(&command, &record)).await {
        Ok(Ok(status)) if status.success() => "sent",
        Ok(Ok(status)) => {
            error!(program = command.first(), %status, "The alarm program says that it failed.");
            "failed"
        }
        Ok(Err(error)) => {
            error!(program = command.first(), %error, "The alarm program cannot be run; check the path and its rights.");
            "failed"
        }
        Err(_) => {
            error!(program = command.first(), "The alarm program did not end within 10 s and was ended.");
            "failed"
        }
    };
    mouth.say(&record, outcome == "sent");
    metrics.annunciate("command", outcome);
}

async fn start(command: &[String], record: &AlarmRecord) -> std::io::Result<std::process::ExitStatus> {
    let (program, arguments) = command.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    if let Some(mut input) = child.stdin.take() {
        // A program that does not read may close its input; whether it did its work, its status says.
        let _ = input.write_all(&line).await;
    }
    child.wait().await
}
