//! A wall clock of a process's own, set while it runs: a few functions of the C library, loaded before it
//! (`fake_time.c`). Its other clocks stay as they are.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::site::Site;
use crate::{process, program};

/// The wall clock of a site's agent.
#[derive(Debug)]
pub struct FakeTime {
    offset: PathBuf,
}

impl FakeTime {
    /// Gives the agent of a site a wall clock that is so many seconds beside the true one, from its start on.
    pub fn of(site: Site, offset: i64) -> Result<(Site, Self)> {
        let it = Self { offset: site.file("wall-clock") };
        it.set(offset)?;
        let library = site.file("fake_time.so");
        let source = program::repository().join("tests/src/fake_time.c");
        let mut compile = Command::new(program::installed("cc", "build-essential")?);
        process::run(compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl"))?;
        let (library, offset) = (library.display().to_string(), it.offset.display().to_string());
        Ok((site.env("LD_PRELOAD", &library).env("WALL_CLOCK", &offset), it))
    }

    /// Sets it, within a second, to so many seconds beside the true one.
    pub fn set(&self, offset: i64) -> Result<()> {
        // By another name first: what is read is whole.
        let new = self.offset.with_extension("new");
        fs::write(&new, offset.to_string())?;
        Ok(fs::rename(new, &self.offset)?)
    }
}
