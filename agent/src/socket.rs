//! Asks a running agent over its socket: one question, one answer, within two seconds or not at all.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a dead agent may keep a person waiting.
const PATIENCE: Duration = Duration::from_secs(2);

/// The open alarms of a large unit are less than a megabyte; whoever answers with more is not the agent.
const ANSWER_MAX: u64 = 16 << 20;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ask<'a> {
    /// What it says there.
    Get(&'a str),
    /// That it does something, with a JSON body.
    Post(&'a str, &'a str),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Nobody listens.
    #[error("no agent answers on {path}: is it running? (systemctl status wardline-agent)")]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody listens and does not answer.
    #[error("the agent on {path} does not answer")]
    Answer {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Asks; gives the status of HTTP and the body.
pub(crate) fn ask(path: &Path, ask: Ask<'_>) -> Result<(u16, String), SocketError> {
    let stream =
        UnixStream::connect(path).map_err(|source| SocketError::Connect { path: path.to_owned(), source })?;
    exchange(stream, ask).map_err(|source| SocketError::Answer { path: path.to_owned(), source })
}

fn exchange(mut stream: UnixStream, ask: Ask<'_>) -> io::Result<(u16, String)> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // In HTTP/1.0 a body ends with the connection, and comes as it is.
    match ask {
        Ask::Get(target) => write!(stream, "GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n")?,
        Ask::Post(target, body) => write!(
            stream,
            "POST {target} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?,
    }
    let mut answer = String::new();
    stream.take(ANSWER_MAX).read_to_string(&mut answer)?;
    let not_http = || io::Error::new(io::ErrorKind::InvalidData, "it does not speak HTTP");
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(not_http)?;
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).ok_or_else(not_http)?;
    Ok((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    #[test]
    fn nobody_there_is_said_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let error = ask(&dir.path().join("agent.sock"), Ask::Get("/")).unwrap_err();
        assert!(error.to_string().contains("is it running?"), "{error}");
    }

    #[test]
    fn the_answer_is_taken_apart_and_one_that_is_none_is_refused() {
        for (said, understood) in [
            ("HTTP/1.0 202 Accepted\r\nA: b\r\n\r\n{}", Some((202, "{}".to_owned()))),
            ("HTTP/1.0 200 OK\r\n\r\n", Some((200, String::new()))),
            ("SSH-2.0-OpenSSH\r\n", None),
            ("", None),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("agent.sock");
            let listener = UnixListener::bind(&path).unwrap();
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = [0; 256];
                let len = stream.read(&mut asked).unwrap();
                stream.write_all(said.as_bytes()).unwrap();
                String::from_utf8_lossy(&asked[..len]).into_owned()
            });
            let answer = ask(&path, Ask::Post("/alarms/test", "{}"));
            assert_eq!(answer.ok(), understood, "{said}");
            assert!(server.join().unwrap().starts_with("POST /alarms/test HTTP/1.0\r\n"));
        }
    }
}
