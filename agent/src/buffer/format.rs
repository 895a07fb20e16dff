//! Which format a store on disk has: one file with one number, so that no version touches what a newer one has written.
//!
//! `docs/storage-format.md` says what each number means. A store without the file has format 1.

use std::fs;
use std::path::Path;

use tracing::{info, warn};

use super::durable::{StoreError, replace_file};

/// What this version writes; it reads all before it.
const FORMAT: u32 = 2;
const FILE: &str = "format";
const WORDS: &str = "wardline store format ";

/// Makes sure that this version may use the store in a directory, and says so to later ones.
pub(super) fn enter(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(FILE);
    let found = match fs::read_to_string(&path) {
        Ok(text) => parse(&text),
        Err(_) => None,
    };
    match found {
        Some(found) if found > FORMAT => {
            Err(StoreError::Newer { path: dir.to_owned(), found, known: FORMAT })
        }
        Some(FORMAT) => Ok(()),
        before => {
            if let Some(before) = before {
                info!(
                    before,
                    now = FORMAT,
                    "The store goes on in a newer format; older versions cannot read it."
                );
            } else if path.exists() {
                warn!(path = %path.display(), "The file that says the store's format is damaged; it is written anew.");
            }
            replace_file(&path, format!("{WORDS}{FORMAT}\n").as_bytes())
        }
    }
}

fn parse(text: &str) -> Option<u32> {
    text.trim().strip_prefix(WORDS)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_newer_version_wrote_is_refused_in_words_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        enter(dir.path()).unwrap();
        enter(dir.path()).unwrap();
        let path = dir.path().join(FILE);
        fs::write(&path, "wardline store format 3\n").unwrap();
        let words = enter(dir.path()).unwrap_err().to_string();
        assert!(words.contains("format 3") && words.contains("up to 2"), "{words}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "wardline store format 3\n");
        fs::write(&path, "wardline store format 1\n").unwrap();
        enter(dir.path()).unwrap();
        fs::write(&path, [0xFF, 0, 7]).unwrap();
        enter(dir.path()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "wardline store format 2\n");
    }
}
