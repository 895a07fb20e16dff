//! Messages that could not be used, kept as evidence: bounded on disk, and never in the way of what comes behind.
//!
//! A payload may hold what nobody should read, so the files are the agent's alone and nothing of them is logged.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use serde::Serialize;
use tracing::warn;

use crate::clock;

/// Messages on their way to the disk: a broken device sends one a second, and a minute is long for a disk to stand
/// still. When full, the content is dropped; the reason has been counted already.
const WAITING_MAX: usize = 64;

/// What is kept of one payload, bytes: any observation set of a bedside device is shorter.
const CONTENT_MAX: usize = 4096;

/// The size at which the newer file becomes the older one, and the older one is forgotten, bytes: 2 MiB in all.
const FILE_MAX: u64 = 1 << 20;

/// Takes messages that could not be used.
#[derive(Debug, Clone)]
pub struct Quarantine {
    sender: SyncSender<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    at: String,
    reason: &'static str,
    source: String,
    topic: String,
    length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
}

impl Quarantine {
    /// Starts the thread that writes below `dir`. It ends when every clone is gone.
    pub fn start(dir: PathBuf) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        thread::Builder::new().name("quarantine".into()).spawn(move || write_all(&receiver, &dir))?;
        Ok(Self { sender })
    }

    /// Keeps a message with the reason why it could not be used. Never waits.
    pub fn offer(&self, reason: &'static str, source: &str, topic: &[u8], payload: &[u8]) {
        let content = payload.get(..CONTENT_MAX).unwrap_or(payload);
        let text = std::str::from_utf8(content).ok().map(Into::into);
        let hex = text.is_none().then(|| hexadecimal(content));
        self.enter(reason, source, topic, payload.len(), (text, hex));
    }

    /// Keeps that there was a message which could not be used, of this length, and nothing of what it said: it may have named
    /// a patient. Never waits.
    pub fn offer_withheld(&self, reason: &'static str, source: &str, topic: &[u8], length: usize) {
        self.enter(reason, source, topic, length, (None, None));
    }

    fn enter(
        &self,
        reason: &'static str,
        source: &str,
        topic: &[u8],
        length: usize,
        (text, hex): (Option<String>, Option<String>),
    ) {
        let entry = Entry {
            at: clock::timestamp().to_string(),
            reason,
            source: source.into(),
            topic: String::from_utf8_lossy(topic.get(..256).unwrap_or(topic)).into_owned(),
            length,
            text,
            hex,
        };
        match self.sender.try_send(entry) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn write_all(entries: &Receiver<Entry>, dir: &Path) {
    let mut said = false;
    for entry in entries {
        match append(dir, &entry) {
            Ok(()) => said = false,
            Err(error) if !said => {
                warn!(%error, dir = %dir.display(), "Messages that cannot be used cannot be kept as evidence either.");
                said = true;
            }
            Err(_) => {}
        }
    }
}

fn append(dir: &Path, entry: &Entry) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let path = dir.join("messages.jsonl");
    let mut file = open(&path)?;
    if file.metadata()?.len() >= FILE_MAX {
        fs::rename(&path, dir.join("messages.old.jsonl"))?;
        file = open(&path)?;
    }
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    file.write_all(&line)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(length: usize) -> Entry {
        let text = Some("x".repeat(length));
        Entry {
            at: String::new(),
            reason: "test",
            source: String::new(),
            topic: String::new(),
            length,
            text,
            hex: None,
        }
    }

    #[test]
    fn two_files_at_most_and_both_bounded() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..1000 {
            append(dir.path(), &entry(CONTENT_MAX)).unwrap();
        }
        let sizes: Vec<u64> =
            fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().metadata().unwrap().len()).collect();
        assert_eq!(sizes.len(), 2);
        assert!(sizes.iter().all(|size| *size < FILE_MAX + 2 * 4096), "{sizes:?}");
    }

    #[test]
    fn a_disk_that_stands_still_holds_nobody_up() {
        let (sender, _receiver) = sync_channel(1);
        let quarantine = Quarantine { sender };
        for _ in 0..1000 {
            quarantine.offer("not_json", "source", b"topic", b"\xff");
        }
    }
}
