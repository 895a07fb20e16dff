//! A file as the power leaves it that goes in the middle of a write.

use std::path::{Path, PathBuf};

/// The newest generation of a store, and the path of its file from there.
pub(super) fn newest(store: &Path) -> (usize, PathBuf) {
    let mut names: Vec<_> =
        std::fs::read_dir(store.join("readings")).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    (names.len(), Path::new("readings").join(names.last().unwrap()).join("db"))
}

/// Of what differs between two states of a file, only what lies before `at` thousandths of the difference has come.
pub(super) fn tear_file(before: &Path, now: &Path, at: u64) {
    let (old, new) = (std::fs::read(before).unwrap(), std::fs::read(now).unwrap());
    let byte = |of: &[u8], at: usize| of.get(at).copied().unwrap_or(0);
    let differs: Vec<usize> =
        (0..old.len().max(new.len())).filter(|it| byte(&old, *it) != byte(&new, *it)).collect();
    let cut = usize::try_from(differs.len() as u64 * at / 1_000).unwrap();
    let Some(cut) = differs.get(cut).copied() else { return };
    let torn: Vec<u8> = (0..new.len()).map(|it| byte(if it < cut { &new } else { &old }, it)).collect();
    std::fs::write(now, torn).unwrap();
}
