//! The two files of a recording: lines with times, and the device's bytes alone.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use vitals::device::DeviceModel;
use vitals::device::redact::{LeftOut, Redactor};

use super::CaptureError;

/// A recording at work.
pub(super) struct Recording {
    lines: BufWriter<File>,
    raw: BufWriter<File>,
    redactor: Option<Redactor>,
    heard: u64,
    paths: [PathBuf; 2],
}

impl Recording {
    /// Makes both files, for nobody but their owner to read.
    pub(super) fn create(
        path: &Path,
        head: &Value,
        redacts: Option<DeviceModel>,
    ) -> Result<Self, CaptureError> {
        let raw_path = path.with_extension("raw");
        let raw = create(&raw_path)?;
        // Half a recording would stand in the way of the next.
        let mut lines = create(path).inspect_err(|_| drop(fs::remove_file(&raw_path)))?;
        writeln!(lines, "{head}").map_err(CaptureError::Write)?;
        Ok(Self {
            lines,
            raw,
            redactor: redacts.map(Redactor::new),
            heard: 0,
            paths: [path.into(), raw_path],
        })
    }

    /// How much has come.
    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    /// The device said this. What is redacted is written when its frame is whole.
    pub(super) fn handle_heard(&mut self, at: Duration, bytes: &[u8]) -> Result<(), CaptureError> {
        self.heard += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let redacted = self.redactor.as_mut().map(|it| it.handle_bytes(bytes));
        let kept = redacted.as_deref().unwrap_or(bytes);
        if kept.is_empty() {
            return Ok(());
        }
        self.raw.write_all(kept).and_then(|()| self.line(at, "rx", kept)).map_err(CaptureError::Write)
    }

    /// This was said to it: a driver's words, which are known.
    pub(super) fn handle_said(&mut self, at: Duration, bytes: &[u8]) -> Result<(), CaptureError> {
        self.line(at, "tx", bytes).map_err(CaptureError::Write)
    }

    /// Ends both files; gives how much came, and what of it was left out.
    pub(super) fn finish(&mut self, at: Duration) -> Result<(u64, Option<LeftOut>), CaptureError> {
        if let Some(it) = &mut self.redactor {
            it.handle_end();
        }
        let left_out = self.redactor.as_ref().map(Redactor::left_out);
        let end = json!({ "end": true, "t_ms": vitals::time::millis(at), "left_out": left_out });
        let written = writeln!(self.lines, "{end}").and_then(|()| self.lines.flush());
        written.and_then(|()| self.raw.flush()).map_err(CaptureError::Write)?;
        Ok((self.heard, left_out))
    }

    /// Removes both files: nothing was recorded.
    pub(super) fn discard(&self) {
        for path in &self.paths {
            // One that is gone already is as good.
            let _ = fs::remove_file(path);
        }
    }

    fn line(&mut self, at: Duration, direction: &str, bytes: &[u8]) -> io::Result<()> {
        let line = json!({ "t_ms": vitals::time::millis(at), "dir": direction, "hex": hex(bytes) });
        writeln!(self.lines, "{line}")
    }
}

fn create(path: &Path) -> Result<BufWriter<File>, CaptureError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map(BufWriter::new).map_err(|source| CaptureError::File { path: path.into(), source })
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_reach_the_disk_and_the_files_say_when() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("monitor.jsonl");
        let head = json!({ "wardline_capture": 1 });
        let mut recording = Recording::create(&path, &head, Some(DeviceModel::MindrayPds)).unwrap();
        let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/captures/authored/mindray-pds.raw");
        let bytes = fs::read(capture).unwrap();
        for (second, piece) in bytes.chunks(100).enumerate() {
            recording.handle_heard(Duration::from_secs(second.try_into().unwrap()), piece).unwrap();
        }
        recording.handle_said(Duration::from_secs(60), b"x").unwrap();
        let (count, left_out) = recording.finish(Duration::from_secs(61)).unwrap();
        assert_eq!((count, left_out.unwrap().frames), (bytes.len().try_into().unwrap(), 0));
        let (lines, raw) =
            (fs::read_to_string(&path).unwrap(), fs::read(path.with_extension("raw")).unwrap());
        assert!(!lines.contains(&hex(b"DOE")) && !raw.windows(3).any(|it| it == b"DOE"));
        let lines: Vec<Value> = lines.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
        let said: String =
            lines.iter().filter(|it| it["dir"] == "rx").map(|it| it["hex"].as_str().unwrap()).collect();
        assert_eq!(said, hex(&raw));
        assert_eq!((&lines[0]["wardline_capture"], &lines.last().unwrap()["end"]), (&json!(1), &json!(true)));
        assert!(Recording::create(&path, &head, None).is_err(), "nothing is written over");
    }
}
