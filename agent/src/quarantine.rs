//! Messages that could not be used, and records that Kafka refuses for ever, kept as evidence: bounded on disk, and never
//! in the way of what comes behind.
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

/// What is kept of one refused record, bytes: a reading with every vital, and an alarm with all its context, is shorter.
const RECORD_MAX: usize = 64 << 10;

/// The size at which the newer file becomes the older one, and the older one is forgotten, bytes: 2 MiB of each kind.
const FILE_MAX: u64 = 1 << 20;

/// Takes what could not be used.
#[derive(Debug, Clone)]
pub struct Quarantine {
    sender: SyncSender<Entry>,
}

/// What was kept; each kind has files of its own, so that a device that talks nonsense washes no record away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Message,
    Record,
}

impl Kind {
    /// The newer file and the older one.
    const fn files(self) -> [&'static str; 2] {
        match self {
            Self::Message => ["messages.jsonl", "messages.old.jsonl"],
            Self::Record => ["records.jsonl", "records.old.jsonl"],
        }
    }
}

#[derive(Debug, Serialize)]
struct Entry {
    #[serde(skip)]
    kind: Kind,
    at: String,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// The id of a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
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
        let topic = String::from_utf8_lossy(topic.get(..256).unwrap_or(topic)).into_owned();
        let entry = Entry::new(Kind::Message, reason, topic, payload, CONTENT_MAX);
        self.send(Entry { source: Some(source.into()), ..entry });
    }

    /// Keeps that there was a message which could not be used, of this length, and nothing of what it said: it may have named
    /// a patient. Never waits.
    pub fn offer_withheld(&self, reason: &'static str, source: &str, topic: &[u8], length: usize) {
        let topic = String::from_utf8_lossy(topic.get(..256).unwrap_or(topic)).into_owned();
        let entry = Entry::new(Kind::Message, reason, topic, &[], 0);
        self.send(Entry { source: Some(source.into()), length, text: None, ..entry });
    }

    /// Keeps a record that Kafka refuses for ever, with its id and the topic it was for. Never waits.
    pub fn offer_record(&self, id: String, topic: &str, body: &[u8]) {
        let entry = Entry::new(Kind::Record, "refused", topic.into(), body, RECORD_MAX);
        self.send(Entry { id: Some(id), ..entry });
    }

    fn send(&self, entry: Entry) {
        match self.sender.try_send(entry) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }
}

impl Entry {
    fn new(kind: Kind, reason: &'static str, topic: String, content: &[u8], most: usize) -> Self {
        let length = content.len();
        let content = content.get(..most).unwrap_or(content);
        let text = std::str::from_utf8(content).ok().map(Into::into);
        let hex = text.is_none().then(|| hexadecimal(content));
        let at = clock::timestamp().to_string();
        Self { kind, at, reason, source: None, id: None, topic, length, text, hex }
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
                warn!(%error, dir = %dir.display(), "What cannot be used cannot be kept as evidence either.");
                said = true;
            }
            Err(_) => {}
        }
    }
}

fn append(dir: &Path, entry: &Entry) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let [newer, older] = entry.kind.files();
    let path = dir.join(newer);
    let mut file = open(&path)?;
    if file.metadata()?.len() >= FILE_MAX {
        fs::rename(&path, dir.join(older))?;
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

    #[test]
    fn of_each_kind_two_files_at_most_and_all_bounded() {
        let dir = tempfile::tempdir().unwrap();
        for (kind, most) in [(Kind::Message, CONTENT_MAX), (Kind::Record, RECORD_MAX)] {
            let entry = Entry::new(kind, "test", String::new(), &vec![b'x'; 1 << 20], most);
            for _ in 0..1000 {
                append(dir.path(), &entry).unwrap();
            }
        }
        let sizes: Vec<u64> =
            fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().metadata().unwrap().len()).collect();
        assert_eq!(sizes.len(), 4);
        assert!(sizes.iter().all(|size| *size < FILE_MAX + 2 * RECORD_MAX as u64), "{sizes:?}");
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
