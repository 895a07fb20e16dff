//! Where programs are found: those of this workspace beside the test, those of others on the machine.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};

/// A program of another project, with the Debian package that brings it.
pub fn installed(name: &str, package: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian puts servers where an ordinary user's PATH does not lead.
    let places = env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    for place in places {
        let program = place.join(name);
        if program.is_file() {
            return Ok(program);
        }
    }
    bail!("`{name}` is not installed: run tests/run, which installs it, or `apt-get install {package}`")
}

/// A program of this workspace, built when it is missing or older than its source.
pub fn ours(name: &str) -> Result<PathBuf> {
    build_programs()?;
    let program = profile_dir()?.join(name);
    ensure!(program.is_file(), "{} was not built", program.display());
    Ok(program)
}

/// The agent as it was at an earlier commit, built in a target directory of its own: minutes for the first time.
///
/// The repository must have that commit: a copy without its history cannot show what an earlier version does.
pub fn agent_of(commit: &str) -> Result<PathBuf> {
    let dir = target_dir()?.join("earlier").join(commit);
    let (source, target) = (dir.join("source"), dir.join("target"));
    if !source.is_dir() {
        let unpacked = dir.join("unpacked");
        std::fs::create_dir_all(&unpacked)?;
        let archive = dir.join("source.tar");
        let mut git = Command::new(installed("git", "git")?);
        git.current_dir(repository()).args(["archive", "--output"]).arg(&archive).arg(commit);
        crate::process::run(&mut git).with_context(|| format!("no commit {commit} in this repository"))?;
        let mut tar = Command::new(installed("tar", "tar")?);
        crate::process::run(tar.arg("-xf").arg(archive).arg("-C").arg(&unpacked))?;
        std::fs::rename(unpacked, &source)?;
    }
    let mut build = cargo();
    // Of the whole workspace: with the features of one package alone, dependencies would be others.
    build.current_dir(&source).args([
        "build",
        "--quiet",
        "--release",
        "--workspace",
        "--bin",
        "wardline-agent",
    ]);
    let status = build.arg("--target-dir").arg(&target).status().context("cannot start cargo")?;
    ensure!(status.success(), "cargo could not build the agent of {commit}");
    Ok(target.join("release/wardline-agent"))
}

/// Cargo's target directory, from where this program lies.
pub fn target_dir() -> Result<PathBuf> {
    let profile = profile_dir()?;
    profile.parent().map(Path::to_path_buf).context("this program lies outside a target directory")
}

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// Tests lie in `target/PROFILE/deps`, programs in `target/PROFILE`.
fn profile_dir() -> Result<PathBuf> {
    let this = env::current_exe().context("cannot tell where this program lies")?;
    let dir = this.parent().context("this program lies outside a target directory")?;
    let profile = if dir.ends_with("deps") { dir.parent() } else { Some(dir) };
    profile.map(Path::to_path_buf).context("this program lies outside a target directory")
}

/// Cargo knows best whether a program is up to date; asked once a test program, it answers at once if it is.
/// `tests/run` has built all of them before, and says so.
fn build_programs() -> Result<()> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    if env::var_os("WARDLINE_PROGRAMS").is_some_and(|it| it == "built") {
        return Ok(());
    }
    let built = BUILT.get_or_init(|| cargo_build().map_err(|error| format!("{error:#}")));
    built.clone().map_err(anyhow::Error::msg)
}

fn cargo_build() -> Result<()> {
    let profile = profile_dir()?;
    let mut build = cargo();
    build.current_dir(repository()).args(["build", "--quiet", "--workspace", "--bins", "--target-dir"]);
    build.arg(target_dir()?);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let status = build.status().context("cannot start cargo")?;
    ensure!(status.success(), "cargo could not build the programs under test");
    Ok(())
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
