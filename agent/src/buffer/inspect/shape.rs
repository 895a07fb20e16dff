//! What a directory is: a store, a lane, or one generation, in use or set aside.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use vitals::record::ledger::{Gap, Lane};

use super::InspectError;
use crate::buffer::facts::Facts;
use crate::buffer::frame;
use crate::buffer::generation::{read_facts, read_file};

/// What a directory holds of a store.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) lanes: Vec<LaneFiles>,
    /// What was set aside, in order of name.
    pub(super) aside: Vec<PathBuf>,
}

/// The files of one lane.
#[derive(Debug)]
pub(super) struct LaneFiles {
    pub(super) lane: Lane,
    /// In order of age, the oldest first.
    pub(super) stretches: Vec<StretchFiles>,
}

/// A generation's directory, or a gap's file, and what it says of itself.
#[derive(Debug)]
pub(super) struct StretchFiles {
    pub(super) path: PathBuf,
    pub(super) seal: Option<Facts>,
    pub(super) born: Option<Facts>,
    pub(super) gap: Option<Gap>,
}

impl Shape {
    pub(super) fn of(dir: &Path) -> Result<Self, InspectError> {
        let names = names(dir)?;
        let has = |name: &str| names.iter().any(|it| it == name);
        if ["db", "conf", "born", "seal"].into_iter().any(has) {
            let lane = LaneFiles { lane: lane_of(dir), stretches: vec![StretchFiles::generation(dir)] };
            return Ok(Self { lanes: vec![lane], aside: Vec::new() });
        }
        if ["readings", "alarms", "quarantine"].into_iter().any(has) {
            return Ok(Self::of_store(dir));
        }
        let lane = lane(dir)?;
        if lane.stretches.is_empty() && !has("lock") {
            return Err(InspectError::NotAStore { path: dir.to_owned() });
        }
        Ok(Self { lanes: vec![lane], aside: Vec::new() })
    }

    fn of_store(dir: &Path) -> Self {
        // A lane that is missing, or a file in its place, has nothing.
        let lanes = ["alarms", "readings"].iter().filter_map(|it| lane(&dir.join(it)).ok()).collect();
        let quarantine = dir.join("quarantine");
        let aside = names(&quarantine).unwrap_or_default().iter().map(|it| quarantine.join(it)).collect();
        Self { lanes, aside }
    }
}

impl StretchFiles {
    fn generation(dir: &Path) -> Self {
        let facts = |name| read_facts(&dir.join(name));
        Self { path: dir.to_owned(), seal: facts("seal"), born: facts("born"), gap: None }
    }

    pub(super) fn facts(&self) -> Option<&Facts> {
        self.seal.as_ref().or(self.born.as_ref())
    }
}

/// Bytes of sled's files below a directory that a closer look reads.
pub(super) fn bytes_of(dir: &Path) -> u64 {
    let Ok(shape) = Shape::of(dir) else { return 0 };
    shape.lanes.iter().flat_map(|it| &it.stretches).map(|it| db_bytes(&it.path)).sum()
}

pub(super) fn db_bytes(generation: &Path) -> u64 {
    fs::metadata(generation.join("db")).map_or(0, |it| it.len())
}

fn lane(dir: &Path) -> Result<LaneFiles, InspectError> {
    let mut stretches = BTreeMap::new();
    // `0001.gap` comes behind `0001`, and `0001.new` too: a gap takes the place of what it stands for, and what was made
    // anew is of use only where nothing else is.
    for name in names(dir)? {
        let path = dir.join(&name);
        let (stem, extension) = name.split_once('.').unwrap_or((&name, ""));
        let Ok(ordinal) = u64::from_str_radix(stem, 16) else { continue };
        match extension {
            "" if path.is_dir() => drop(stretches.insert(ordinal, StretchFiles::generation(&path))),
            "gap" => {
                if let Some(gap) = read_file(&path).and_then(|it| serde_json::from_slice(&it).ok()) {
                    stretches.insert(ordinal, StretchFiles { path, seal: None, born: None, gap: Some(gap) });
                }
            }
            "new" if path.join("seal").exists() && !stretches.contains_key(&ordinal) => {
                stretches.insert(ordinal, StretchFiles::generation(&path));
            }
            _ => {}
        }
    }
    Ok(LaneFiles { lane: lane_of(dir), stretches: stretches.into_values().collect() })
}

/// Which lane's a directory is: by its name, or by a generation's own word.
fn lane_of(dir: &Path) -> Lane {
    let said = ["born", "seal"].iter().find_map(|it| {
        let bytes = fs::read(dir.join(it)).ok()?;
        frame::parse(&bytes).ok().map(|it| it.head.lane)
    });
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    said.unwrap_or(if name.contains("alarms") { Lane::Alarms } else { Lane::Readings })
}

fn names(dir: &Path) -> Result<Vec<String>, InspectError> {
    let fail = |source| InspectError::Unreadable { path: dir.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(fail)? {
        names.push(entry.map_err(fail)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
