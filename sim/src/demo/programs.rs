//! Where the real agent and station are: built by cargo when cargo started us, else beside this program.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The programs of the demo.
const NAMES: [&str; 2] = ["wardline-agent", "wardline-station"];

/// What `cargo run` tells us of ourselves. A build script that looks at one of these would think that all has changed.
const OF_CARGO: [&str; 20] = [
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_AUTHORS",
    "CARGO_PKG_DESCRIPTION",
    "CARGO_PKG_HOMEPAGE",
    "CARGO_PKG_LICENSE",
    "CARGO_PKG_LICENSE_FILE",
    "CARGO_PKG_NAME",
    "CARGO_PKG_README",
    "CARGO_PKG_REPOSITORY",
    "CARGO_PKG_RUST_VERSION",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
    "CARGO_PRIMARY_PACKAGE",
];

/// The two programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    /// The daemon.
    pub(super) agent: PathBuf,
    /// What reads alarms out.
    pub(super) station: PathBuf,
}

/// Why there are no programs to run.
#[derive(Debug, thiserror::Error)]
pub enum ProgramsError {
    /// The system does not say where we are.
    #[error("the system does not say where this program lies")]
    Where(#[source] io::Error),
    /// cargo cannot be started.
    #[error("cannot start {0:?} to build the agent and the station")]
    Cargo(OsString, #[source] io::Error),
    /// cargo has said why on the screen.
    #[error("cargo could not build the agent and the station")]
    Build,
    /// Not there.
    #[error("{0} is not there: start the demo with `cargo run --release -p wardline-sim -- demo`")]
    Missing(PathBuf),
}

impl Programs {
    /// Builds them where `cargo` is given, and finds them.
    pub(super) fn find(cargo: Option<OsString>) -> Result<Self, ProgramsError> {
        let own = std::env::current_exe().map_err(ProgramsError::Where)?;
        let beside = own.parent().unwrap_or(Path::new("/"));
        if let Some(cargo) = cargo {
            let built = build(&cargo, beside).status().map_err(|error| ProgramsError::Cargo(cargo, error))?;
            if !built.success() {
                return Err(ProgramsError::Build);
            }
        }
        let found = NAMES.map(|name| beside.join(name));
        if let Some(missing) = found.iter().find(|it| !it.is_file()) {
            return Err(ProgramsError::Missing(missing.clone()));
        }
        let [agent, station] = found;
        Ok(Self { agent, station })
    }
}

/// The build that puts the others beside us: same profile, same target directory.
fn build(cargo: &OsString, beside: &Path) -> Command {
    let mut command = Command::new(cargo);
    command.arg("build").arg("--manifest-path").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));
    if let Some(target) = beside.parent() {
        command.arg("--target-dir").arg(target);
    }
    match beside.file_name().and_then(|it| it.to_str()) {
        Some("debug") | None => {}
        Some("release") => drop(command.arg("--release")),
        Some(profile) => drop(command.args(["--profile", profile])),
    }
    for name in NAMES {
        command.args(["-p", name]);
    }
    for name in OF_CARGO {
        command.env_remove(name);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_has_our_profile_and_our_target_directory() {
        for (beside, expected) in
            [("/t/release", Some("--release")), ("/t/debug", None), ("/t/dist", Some("--profile"))]
        {
            let command = build(&"cargo".into(), Path::new(beside));
            let arguments: Vec<_> = command.get_args().filter_map(|it| it.to_str()).collect();
            assert!(arguments.windows(2).any(|it| it == ["--target-dir", "/t"]), "{arguments:?}");
            assert!(arguments.windows(2).any(|it| it == ["-p", "wardline-agent"]), "{arguments:?}");
            let profile = arguments.iter().find(|it| ["--release", "--profile"].contains(it));
            assert_eq!(profile.copied(), expected);
        }
    }
}
