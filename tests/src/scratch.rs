//! Directories of one test: gone when it passes, kept and named when it fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

use crate::program;

/// A directory of its own for one process or one test, on a real disk: a sync there costs what a sync costs.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Scratch {
    /// Makes a new one; `name` is for whoever looks at it after a failure.
    pub fn new(name: &str) -> Result<Self> {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = ours()?.join(format!("{name}-{number}"));
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file in it and returns its path.
    pub fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("kept for a look: {}", self.path.display());
        } else {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// The directory of this test program, `target/tmp/wardline/PID`; those of programs that have ended go first.
fn ours() -> Result<&'static Path> {
    static OURS: OnceLock<PathBuf> = OnceLock::new();
    if let Some(path) = OURS.get() {
        return Ok(path);
    }
    let all = program::target_dir()?.join("tmp/wardline");
    fs::create_dir_all(&all).with_context(|| format!("cannot make {}", all.display()))?;
    for entry in fs::read_dir(&all)? {
        let entry = entry?;
        let alive = Path::new("/proc").join(entry.file_name()).exists();
        if !alive {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(OURS.get_or_init(|| all.join(std::process::id().to_string())))
}
