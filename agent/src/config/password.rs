//! A password in a file, which may be changed while the agent runs.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use secrecy::SecretString;
use tracing::warn;

/// A password, read from its file.
#[derive(Debug, Clone)]
pub struct Password {
    path: PathBuf,
    first: SecretString,
    /// It was said that the file cannot be read any more.
    said: Arc<AtomicBool>,
}

/// Why a file is no password's.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// There is no such file.
    #[error("the password cannot be read: {0}")]
    Missing(#[source] io::Error),
    /// The agent may not read it, or it is no text.
    #[error("the password cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// It has no bound to who may know it.
    #[error("everybody on this machine can read the password")]
    Open,
    /// Nothing is in it.
    #[error("the password is empty")]
    Empty,
}

impl Password {
    /// Reads it for the first time.
    pub(super) fn read(path: &Path) -> Result<Self, PasswordError> {
        Ok(Self { first: read(path)?, path: path.into(), said: Arc::default() })
    }

    /// As it stands in its file now: who gives it another need not restart the agent. Where it cannot be read, as in the
    /// moment of its change, it is what it was at the start.
    #[must_use]
    pub fn now(&self) -> SecretString {
        match read(&self.path) {
            Ok(now) => {
                self.said.store(false, Ordering::Relaxed);
                now
            }
            Err(error) => {
                if !self.said.swap(true, Ordering::Relaxed) {
                    warn!(path = %self.path.display(), %error, "A password is not read anew; the one of the start is used.");
                }
                self.first.clone()
            }
        }
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn read(path: &Path) -> Result<SecretString, PasswordError> {
    let metadata = fs::metadata(path).map_err(PasswordError::Missing)?;
    if metadata.permissions().mode() & 0o007 != 0 {
        return Err(PasswordError::Open);
    }
    let text = fs::read_to_string(path).map_err(PasswordError::Unreadable)?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(PasswordError::Empty),
        password => Ok(password.to_owned().into()),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn another_password_is_taken_and_a_file_that_is_none_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        let write = |text: &str, mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        write("first\n", 0o600);
        let password = Password::read(&path).unwrap();
        let now = || password.now().expose_secret().to_owned();
        assert_eq!(now(), "first");
        write("second", 0o600);
        assert_eq!(now(), "second");
        write("", 0o600);
        assert_eq!(now(), "first", "nothing is in it");
        write("third", 0o644);
        assert_eq!(now(), "first", "everybody can read it");
        fs::remove_file(&path).unwrap();
        assert_eq!(now(), "first", "it is gone");
    }
}
