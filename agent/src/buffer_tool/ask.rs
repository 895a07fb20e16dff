//! Asks the agent that works on a store: findings come line by line on its socket.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::buffer::inspect::{Ask, Finding};

/// How long a dead agent may keep a person waiting for its first word.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it may pause while it answers: a disk may take its time over a window.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A line holds one record, which is never longer than the largest MQTT message several times over.
const LINE_MAX: u64 = 8 << 20;

/// Why the agent gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens.
    #[error("no agent answers on {path}: is it running? (systemctl status wardline-agent)")]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody listens and does not answer, or stops in the middle.
    #[error("the agent on {path} does not answer, or no more: look at its log, and ask again")]
    Answer {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It says why not.
    #[error("the agent on {path} says: {words}")]
    Refused {
        /// The socket.
        path: PathBuf,
        /// Its words.
        words: String,
    },
}

/// Asks, and shows each finding until the end or until `sink` breaks.
pub(super) fn ask(
    path: &Path,
    ask: Ask,
    sink: &mut dyn FnMut(Finding) -> ControlFlow<()>,
) -> Result<(), AskError> {
    let stream =
        UnixStream::connect(path).map_err(|source| AskError::Connect { path: path.to_owned(), source })?;
    let outcome = request(&stream, ask).and_then(|()| {
        let mut lines = BufReader::new(stream);
        let status = head(&mut lines)?;
        lines.get_ref().set_read_timeout(Some(PAUSE_MAX))?;
        if status != 200 {
            let mut words = String::new();
            lines.take(LINE_MAX).read_to_string(&mut words)?;
            return Ok(Some(words.trim().to_owned()));
        }
        body(&mut lines, sink)
    });
    match outcome {
        Ok(None) => Ok(()),
        Ok(Some(words)) => Err(AskError::Refused { path: path.to_owned(), words }),
        Err(source) => Err(AskError::Answer { path: path.to_owned(), source }),
    }
}

fn request(mut stream: &UnixStream, ask: Ask) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // In HTTP/1.0 a body ends with the connection, and comes as it is.
    write!(stream, "GET /buffer/{ask} HTTP/1.0\r\nHost: localhost\r\n\r\n")
}

/// The status of the answer.
fn head(lines: &mut impl BufRead) -> io::Result<u16> {
    let mut status = None;
    loop {
        let mut line = String::new();
        lines.take(LINE_MAX).read_line(&mut line)?;
        if line.trim_end().is_empty() {
            return status.ok_or_else(|| invalid("it does not speak HTTP"));
        }
        status = status.or_else(|| line.split(' ').nth(1).and_then(|it| it.parse().ok()));
    }
}

/// Shows the findings; why the agent could not go on, if it could not.
fn body(
    lines: &mut impl BufRead,
    sink: &mut dyn FnMut(Finding) -> ControlFlow<()>,
) -> io::Result<Option<String>> {
    let mut line = String::new();
    loop {
        line.clear();
        lines.take(LINE_MAX).read_line(&mut line)?;
        if line.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer broke off"));
        }
        let finding: Finding = serde_json::from_str(&line).map_err(|error| invalid(&error.to_string()))?;
        if let Finding::Failed(words) = finding {
            return Ok(Some(words));
        }
        let is_end = matches!(finding, Finding::End);
        if sink(finding).is_break() || is_end {
            return Ok(None);
        }
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::inspect::Depth;

    const ASK: Ask = Ask { depth: Depth::Facts, lane: None, pending: false, within: None };

    #[test]
    fn every_question_is_understood() {
        for text in ["facts", "frames-alarms", "records-readings-pending", "records-readings-17-42"] {
            assert_eq!(text.parse::<Ask>().unwrap().to_string(), text);
        }
        assert!("records-both".parse::<Ask>().is_err() && "records-17".parse::<Ask>().is_err());
    }

    #[test]
    fn nobody_there_is_said_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let error = ask(&dir.path().join("agent.sock"), ASK, &mut |_| ControlFlow::Continue(()));
        assert!(error.unwrap_err().to_string().contains("is it running?"));
    }

    #[test]
    fn an_answer_that_breaks_off_is_no_answer() {
        let shown = |text: &str| {
            let mut count = 0;
            let outcome = body(&mut text.as_bytes(), &mut |_| {
                count += 1;
                ControlFlow::Continue(())
            });
            (outcome.map_err(|it| it.kind()), count)
        };
        let store = r#"{"store":{"dir":"/store"}}"#;
        assert_eq!(shown(&format!("{store}\n\"end\"\n")), (Ok(None), 2));
        assert_eq!(shown(&format!("{store}\n")), (Err(io::ErrorKind::UnexpectedEof), 1));
        assert_eq!(shown(&format!("{store}\n{{\"rec")), (Err(io::ErrorKind::InvalidData), 1));
        assert_eq!(shown("{\"failed\":\"no disk\"}\n"), (Ok(Some("no disk".into())), 0));
    }
}
