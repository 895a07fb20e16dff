//! Passwords: from files or systemd credentials only, and only where nobody else can read them.

use std::path::{Path, PathBuf};

use toml::Spanned;

use crate::config::password::{Password, PasswordError};
use crate::config::section::{Mistakes, Section};

/// User and password, where a user is said.
pub(super) fn login(section: &Section<'_>, mistakes: &mut Mistakes) -> Option<(String, Password)> {
    if let Some(inline) = section.value("password") {
        // The section's own check says that the key is unknown; this says why.
        let what = "a password does not belong in this file, which many may read";
        mistakes.add(inline.span(), what, "password_file = \"/etc/wardline/secrets/…\", mode 0600");
    }
    let user = section.text("user", mistakes);
    let password = password(section, mistakes);
    match (&user, &password) {
        (Some(user), None)
            if section.value("password_file").is_none() && section.value("password_credential").is_none() =>
        {
            mistakes.add(
                user.span(),
                "a user without a password",
                "password_file = \"/etc/wardline/secrets/…\"",
            );
        }
        (None, Some(_)) => {
            mistakes.add(
                section.span.clone(),
                format!("a password without a user in {}", section.path),
                "user = \"…\"",
            );
        }
        _ => {}
    }
    Some((user?.into_inner(), password?))
}

fn password(section: &Section<'_>, mistakes: &mut Mistakes) -> Option<Password> {
    let (text, path) =
        match (section.text("password_file", mistakes), section.text("password_credential", mistakes)) {
            (Some(_), Some(it)) => {
                mistakes.add(
                    it.span(),
                    "two places for one password",
                    "keep password_file or password_credential",
                );
                return None;
            }
            (Some(it), None) => (it.clone(), PathBuf::from(it.get_ref())),
            (None, Some(it)) => (it.clone(), credential(&it, mistakes)?),
            (None, None) => return None,
        };
    read(&text, &path, mistakes)
}

/// Where systemd puts a credential.
fn credential(name: &Spanned<String>, mistakes: &mut Mistakes) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "systemd tells the place of credentials by this variable")]
    let dir = std::env::var_os("CREDENTIALS_DIRECTORY");
    if dir.is_none() {
        let what = "password_credential is given by systemd only, and this is not started by it";
        mistakes.add(name.span(), what, "run it as the service, or use password_file");
    }
    Some(Path::new(&dir?).join(name.get_ref()))
}

fn read(said: &Spanned<String>, path: &Path, mistakes: &mut Mistakes) -> Option<Password> {
    let error = match Password::read(path) {
        Ok(password) => return Some(password),
        Err(error) => error,
    };
    let fix = match error {
        PasswordError::Missing(_) => format!("create {} with mode 0600", path.display()),
        PasswordError::Unreadable(_) => "let the agent's user read it".into(),
        PasswordError::Open => format!("chmod 0600 {}", path.display()),
        PasswordError::Empty => format!("write it into {}", path.display()),
    };
    mistakes.add(said.span(), error.to_string(), fix);
    None
}
