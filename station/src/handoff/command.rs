//! Runs a program with a record on standard input: directly, never through a shell.

use std::ffi::OsStr;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

/// How long a program may take for one record.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Why a program has not taken a record.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not be started.
    #[error("cannot be started")]
    Start(#[source] io::Error),
    /// Its end could not be waited for.
    #[error("cannot be waited for")]
    Wait(#[source] io::Error),
    /// It said that it failed.
    #[error("failed with {0}")]
    Failed(ExitStatus),
    /// It was still running after [`TIME_LIMIT`] and was stopped.
    #[error("still running after {} s and stopped", TIME_LIMIT.as_secs())]
    TooSlow,
}

/// Runs the program once, with the record and a line feed on its standard input.
pub async fn run(program: &OsStr, record: &str) -> Result<(), RunError> {
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(RunError::Start)?;
    let stdin = child.stdin.take();
    let work = async {
        if let Some(mut stdin) = stdin {
            // A program that does not want to read is no failure; its exit status says what it did.
            drop(stdin.write_all(record.as_bytes()).await);
            drop(stdin.write_all(b"\n").await);
        }
        child.wait().await
    };
    match timeout(TIME_LIMIT, work).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(RunError::Failed(status)),
        Ok(Err(error)) => Err(RunError::Wait(error)),
        Err(_) => Err(RunError::TooSlow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    /// A real program: a script that keeps its standard input in the file beside it and ends with `status`.
    fn program(folder: &Path, status: i32) -> std::path::PathBuf {
        let path = folder.join(format!("bell-{status}"));
        let heard = folder.join("heard");
        fs::write(&path, format!("#!/bin/sh\ncat > '{}'\nexit {status}\n", heard.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[tokio::test]
    async fn the_program_gets_the_record_and_its_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        run(program(folder.path(), 0).as_os_str(), r#"{"text":"SpO2 low; $(reboot)"}"#).await.unwrap();
        let heard = fs::read_to_string(folder.path().join("heard")).unwrap();
        assert_eq!(heard, "{\"text\":\"SpO2 low; $(reboot)\"}\n");

        let failed = run(program(folder.path(), 3).as_os_str(), "{}").await.unwrap_err();
        assert!(matches!(failed, RunError::Failed(status) if status.code() == Some(3)), "{failed}");
        let missing = run(folder.path().join("nothing").as_os_str(), "{}").await.unwrap_err();
        assert!(matches!(missing, RunError::Start(_)), "{missing}");
    }
}
