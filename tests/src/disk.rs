//! A small disk of its own: an ext4 file system in a file, on a loop device, that can be filled and made read-only.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::{process, program};

/// A mounted file system.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    at: PathBuf,
}

impl Disk {
    /// Makes one of so many bytes and mounts it at a directory; `image` holds it.
    pub fn mount(image: &Path, at: &Path, bytes: u64) -> Result<Self> {
        Self::mount_with(image, at, bytes, &[])
    }

    /// Makes one with further options of `mkfs.ext4`.
    pub fn mount_with(image: &Path, at: &Path, bytes: u64, options: &[&str]) -> Result<Self> {
        let file = fs::File::create(image)?;
        file.set_len(bytes)?;
        fs::create_dir_all(at)?;
        let owner = format!(
            "root_owner={}:{}",
            rustix::process::getuid().as_raw(),
            rustix::process::getgid().as_raw()
        );
        let mut mkfs = Command::new(program::installed("mkfs.ext4", "e2fsprogs")?);
        process::run(mkfs.args(["-q", "-F", "-m", "0", "-E", &owner]).args(options).arg(image))?;
        let disk = Self { image: image.to_owned(), at: at.to_owned() };
        disk.mount_image()?;
        Ok(disk)
    }

    fn mount_image(&self) -> Result<()> {
        process::run(
            as_root("mount", "mount")?.args(["-o", "loop,errors=remount-ro"]).args([&self.image, &self.at]),
        )
        .context("a disk of its own needs root and loop devices")
    }

    /// Fills it, but for so many bytes.
    pub fn fill(&self, but: u64) -> Result<()> {
        let space = rustix::fs::statvfs(&self.at)?;
        let free = (space.f_bfree * space.f_frsize).saturating_sub(but);
        let file = fs::File::options().create(true).append(true).open(self.ballast())?;
        let held = file.metadata()?.len();
        let mut left = free;
        while left > 0 {
            // Near the end there may be less in one piece, and blocks for where it lies.
            let part = left.min(1 << 20);
            let at = held + free - left;
            if rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), at, part).is_err() {
                break;
            }
            left -= part;
        }
        file.sync_all()?;
        Ok(())
    }

    /// Gives the room back.
    pub fn clear(&self) -> Result<()> {
        Ok(fs::remove_file(self.ballast())?)
    }

    /// Makes it read-only, whoever writes, as a kernel does that has met an error.
    pub fn break_down(&self) -> Result<()> {
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let ours = |line: &&str| line.split(' ').nth(1) == self.at.to_str();
        let device = mounts.lines().find(ours).and_then(|it| it.split(' ').next()).context("not mounted")?;
        let device = device.trim_start_matches("/dev/");
        // The way the kernel itself offers to try this.
        let trigger = format!("/sys/fs/ext4/{device}/trigger_fs_error");
        let mut tee = as_root("tee", "coreutils")?;
        let mut child = tee.arg(&trigger).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        child.stdin.take().context("no standard input")?.write_all(b"tests\n")?;
        ensure!(child.wait()?.success(), "cannot break the file system by {trigger}");
        Ok(())
    }

    /// Whether anybody may write to it now: else what is tested is no disk in trouble.
    #[must_use]
    pub fn takes(&self) -> bool {
        let probe = self.at.join("probe");
        let taken = fs::File::create(&probe).and_then(|mut it| {
            it.write_all(&vec![0xA5; 64 << 10])?;
            it.sync_all()
        });
        // What was not made need not be removed.
        let _ = fs::remove_file(probe);
        taken.is_ok()
    }

    /// Repairs it, as an operator does, and mounts it again.
    pub fn repair(&self) -> Result<()> {
        process::run(as_root("umount", "mount")?.arg(&self.at))?;
        let mut check = Command::new(program::installed("e2fsck", "e2fsprogs")?);
        let code = check.arg("-fy").arg(&self.image).output()?.status.code();
        // 1: errors were corrected.
        ensure!(matches!(code, Some(0 | 1)), "e2fsck: {code:?}");
        self.mount_image()
    }

    fn ballast(&self) -> PathBuf {
        self.at.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Also while somebody still has a file open there: it goes when they do.
        if let Ok(mut umount) = as_root("umount", "mount") {
            let _ = umount.arg("-l").arg(&self.at).status();
        }
    }
}

/// A program that only root may run, by `sudo` for others.
fn as_root(name: &str, package: &str) -> Result<Command> {
    let program = program::installed(name, package)?;
    if rustix::process::getuid().is_root() {
        return Ok(Command::new(program));
    }
    let mut command = Command::new(program::installed("sudo", "sudo")?);
    command.arg("-n").arg(program);
    Ok(command)
}
