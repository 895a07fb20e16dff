//! A file as the power leaves it that goes in the middle of a write.

use std::path::{Path, PathBuf};

use super::{Model, copy_dir};

impl Model {
    pub(super) fn tear(&mut self, count: u64, len: usize, at: u64) {
        let durable = tempfile::tempdir().unwrap();
        copy_dir(self.dirs.last().unwrap().path(), durable.path());
        let run = self.runs.len() - 1;
        let after = self.runs[run].1.len() as u64;
        self.keep(count, len);
        let torn = tempfile::tempdir().unwrap();
        copy_dir(self.dirs.last().unwrap().path(), torn.path());
        // Where the group has filled its generation, that was synced before the next began: nothing is torn.
        if newest(durable.path()) == newest(torn.path()) {
            let (before, now) = (newest(durable.path()).1, newest(torn.path()).1);
            tear_file(&durable.path().join(before), &torn.path().join(now), at);
            self.torn.push((run, after, after + count));
        }
        self.go_on_in(torn);
    }
}

/// The newest generation of a store, and the path of its file from there.
fn newest(store: &Path) -> (usize, PathBuf) {
    let mut names: Vec<_> =
        std::fs::read_dir(store.join("readings")).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    (names.len(), Path::new("readings").join(names.last().unwrap()).join("db"))
}

/// Of what differs between two states of a file, only what lies before `at` thousandths of the difference has come.
fn tear_file(before: &Path, now: &Path, at: u64) {
    let (old, new) = (std::fs::read(before).unwrap(), std::fs::read(now).unwrap());
    let byte = |of: &[u8], at: usize| of.get(at).copied().unwrap_or(0);
    let differs: Vec<usize> =
        (0..old.len().max(new.len())).filter(|it| byte(&old, *it) != byte(&new, *it)).collect();
    let cut = usize::try_from(differs.len() as u64 * at / 1_000).unwrap();
    let Some(cut) = differs.get(cut).copied() else { return };
    let torn: Vec<u8> = (0..new.len()).map(|it| byte(if it < cut { &new } else { &old }, it)).collect();
    std::fs::write(now, torn).unwrap();
}
