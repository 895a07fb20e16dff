//! The installer: what it puts on a machine, and what it leaves alone.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use wardline_tests::program;
use wardline_tests::scratch::Scratch;

use crate::systemd::{analyze, text, under};

#[test]
fn installing_twice_changes_nothing_and_a_site_keeps_its_configuration() -> Result<()> {
    let root = Scratch::new("install")?;
    install(root.path(), &[])?;
    let once = tree(root.path())?;
    assert!(once.contains_key(Path::new("usr/local/lib/systemd/system/wardline-agent.service")), "{once:?}");
    install(root.path(), &[])?;
    assert_eq!(tree(root.path())?, once);

    let site = root.path().join("etc/wardline/wardline.toml");
    fs::write(&site, "# ours\n")?;
    let output = install(root.path(), &[])?;
    assert_eq!(fs::read_to_string(&site)?, "# ours\n");
    assert!(text(&output.stdout).contains("kept as it is"), "{}", text(&output.stdout));

    install(root.path(), &["--uninstall"])?;
    let left: Vec<_> = tree(root.path())?.into_keys().collect();
    assert_eq!(left, ["etc/wardline/alarms.toml", "etc/wardline/wardline.toml"].map(PathBuf::from));
    Ok(())
}

#[test]
fn the_installed_unit_is_without_fault() -> Result<()> {
    let root = Scratch::new("unit")?;
    install(root.path(), &[])?;
    with_system_units(root.path())?;
    let verify = || analyze(&["verify", &under(root.path()), "wardline-agent.service"]);
    let output = verify()?;
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));

    // The control: the same check sees a key that does not exist.
    let unit = root.path().join("usr/local/lib/systemd/system/wardline-agent.service");
    let broken = fs::read_to_string(&unit)?.replace("WatchdogSec", "WatchdgSec");
    fs::write(&unit, broken)?;
    assert!(text(&verify()?.stderr).contains("WatchdgSec"));
    Ok(())
}

fn install(root: &Path, arguments: &[&str]) -> Result<Output> {
    let agent = program::ours("wardline-agent")?;
    let mut command = Command::new(program::repository().join("systemd/install"));
    command.env("DESTDIR", root);
    if arguments.is_empty() {
        command.arg("--bin").arg(agent.parent().context("a program lies in a directory")?);
    }
    let output = command.args(arguments).output()?;
    ensure!(output.status.success(), "systemd/install failed: {}", text(&output.stderr));
    Ok(output)
}

/// The units of this machine's systemd beside ours, so that what ours names is found.
fn with_system_units(root: &Path) -> Result<()> {
    let units = root.join("usr/lib/systemd/system");
    fs::create_dir_all(&units)?;
    for entry in fs::read_dir("/usr/lib/systemd/system").or_else(|_| fs::read_dir("/lib/systemd/system"))? {
        let entry = entry?;
        // Through links: an alias is as good as its target here; directories hold only who wants whom.
        if entry.path().is_file() {
            fs::copy(entry.path(), units.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Every file below a directory with its mode and content.
fn tree(root: &Path) -> Result<BTreeMap<PathBuf, (u32, Vec<u8>)>> {
    let mut files = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let mode = fs::metadata(&path)?.permissions().mode();
                files.insert(path.strip_prefix(root)?.to_owned(), (mode, fs::read(&path)?));
            }
        }
    }
    Ok(files)
}
