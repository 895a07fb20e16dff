//! A program of ours as a child that does not outlive us: each line it says is handed on.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::news::News;

/// Makes the kernel end a child when we are gone, however we went: util-linux, a part of every Debian.
const GUARD: &str = "/usr/bin/setpriv";
/// How long a child may take to end in order.
const ENDS_WITHIN: Duration = Duration::from_secs(8);

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// The daemon.
    Agent,
    /// What reads alarms out.
    Station,
}

/// Why a child is not there.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {path}")]
pub struct StartError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// A running child.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
}

impl Running {
    /// Starts a program; its lines go to `news`.
    pub(super) fn start(
        who: Who,
        program: &Path,
        arguments: &[&str],
        news: &Sender<News>,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, StartError> {
        let mut command = guarded(program);
        command
            .args(arguments)
            .env_remove("JOURNAL_STREAM")
            .env_remove("NOTIFY_SOCKET")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for us: we end the children in order.
            .process_group(0)
            .kill_on_drop(true);
        let failed = |source| StartError { path: program.into(), source };
        let mut child = command.spawn().map_err(failed)?;
        if let Some(output) = child.stdout.take() {
            tasks.spawn(hand_on(who, output, news.clone()));
        }
        if let Some(output) = child.stderr.take() {
            tasks.spawn(hand_on(who, output, news.clone()));
        }
        Ok(Self { child })
    }

    /// Waits until it ends by itself.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks it to end, and ends it if it does not.
    pub(super) async fn stop(mut self) {
        let pid = self.child.id().and_then(|it| i32::try_from(it).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // Gone already is as good.
            let _ = kill_process(pid, Signal::TERM);
        }
        if timeout(ENDS_WITHIN, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

fn guarded(program: &Path) -> Command {
    if !Path::new(GUARD).exists() {
        return Command::new(program);
    }
    let mut command = Command::new(GUARD);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

async fn hand_on(who: Who, output: impl AsyncRead + Unpin, news: Sender<News>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(text)) = lines.next_line().await {
        // When nobody listens any more, the pipe must still be emptied, or the child would wait on it.
        let _ = news.send(News::Line { who, text }).await;
    }
}
