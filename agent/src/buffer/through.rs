//! How far a lane was durable, said beside the store: what a damage takes from the end of a killed run cannot say itself
//! that it was there.
//!
//! It lies in the run directory, which is memory: a kill leaves it, and it needs no sync. After a power cut nobody knows.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use tracing::warn;

use crate::envelope::{Lane, Position};

/// The file of one lane; none where no directory outlives the process.
#[derive(Debug, Clone)]
pub(super) struct Through(Option<PathBuf>);

impl Through {
    pub(super) fn new(run_dir: Option<&Path>, lane: Lane) -> Self {
        Self(run_dir.map(|it| it.join(format!("durable-{}", lane.letter()))))
    }

    /// What the run before has said; `None`: nothing, or nothing that can be read.
    pub(super) fn read(&self) -> Option<Position> {
        let text = fs::read_to_string(self.0.as_ref()?).ok()?;
        let (said, sum) = text.lines().next()?.rsplit_once(' ')?;
        let (run, seq) = said.split_once(' ')?;
        let position = Position { run: run.into(), seq: seq.parse().ok()? };
        (line(&position).trim_end().rsplit_once(' ')?.1 == sum).then_some(position)
    }

    /// Everything up to here is durable.
    pub(super) fn note(&self, position: &Position) {
        let Some(path) = &self.0 else { return };
        if let Err(error) = write(path, &line(position)) {
            // The store itself is well: only a damage at its end would not be noticed after a kill.
            warn!(%error, path = %path.display(), "How far the store is durable cannot be noted.");
        }
    }
}

/// As long for each number of a run: what is written over is gone whole.
fn line(position: &Position) -> String {
    let said = format!("{} {:020}", position.run, position.seq);
    format!("{said} {:08x}\n", crc32fast::hash(said.as_bytes()))
}

fn write(path: &Path, line: &str) -> io::Result<()> {
    File::options().create(true).truncate(false).write(true).open(path)?.write_all_at(line.as_bytes(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_last_is_read_and_nothing_that_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let through = Through::new(Some(dir.path()), Lane::Readings);
        assert_eq!(through.read(), None);
        let long = Position { run: "7f3a9c21-58e1aa".into(), seq: 1_000_000 };
        let short = Position { run: "7f3a9c21-1".into(), seq: 9 };
        for position in [long, short] {
            through.note(&position);
            assert_eq!(through.read(), Some(position));
        }
        let path = dir.path().join("durable-r");
        let whole = fs::read(&path).unwrap();
        let end = whole.iter().position(|it| *it == b'\n').unwrap();
        for at in 0..end {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, &damaged).unwrap();
            assert_eq!(through.read(), None, "byte {at}");
        }
        Through::new(None, Lane::Readings).note(&Position { run: "r".into(), seq: 1 });
    }
}
