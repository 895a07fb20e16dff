//! A disk that writes down every block it is given, and the disk as a power cut would leave it at any moment.
//!
//! The log is that of dm-log-writes, written by qemu's `blklogwrites`: a superblock of one sector, then for each write a
//! header of one sector (sector, sectors, flags, length; 64 bits each, little-endian) and its data.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use wardline_sim::random::Random;

use crate::process::{self, Process};
use crate::{program, wait};

const SECTOR: u64 = 512;
const MAGIC: u64 = 0x006A_7366_7773_6872;
const FLUSH: u64 = 1;
const FUA: u64 = 2;
const DISCARD: u64 = 4;
const SOON: Duration = Duration::from_secs(20);

/// The disk while it is written to.
#[derive(Debug)]
pub struct Recorder {
    daemon: Process,
    dir: PathBuf,
}

/// What was recorded.
#[derive(Debug)]
pub struct BlockLog {
    log: File,
    size: u64,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    sector: u64,
    sectors: u64,
    flags: u64,
    data: u64,
}

impl Recorder {
    /// A disk of so many bytes with a file system on it, mounted at `DIR/m`.
    pub fn start(dir: &Path, size: u64) -> Result<Self> {
        let (image, log, export) = (dir.join("disk"), dir.join("log"), dir.join("export"));
        File::create(&image)?.set_len(size)?;
        File::create(&log)?.set_len(8 << 30)?;
        File::create(&export)?;
        fs::create_dir_all(dir.join("m"))?;
        let mut command =
            process::guarded(&program::installed("qemu-storage-daemon", "qemu-system-common")?)?;
        let file =
            |node: &str, path: &Path| format!("driver=file,node-name={node},filename={}", path.display());
        command.args(["--blockdev", &file("f", &image), "--blockdev", &file("g", &log)]);
        command.args(["--blockdev", "driver=blklogwrites,node-name=l,file=f,log=g,log-sector-size=512"]);
        let mount =
            format!("type=fuse,id=e,node-name=l,mountpoint={},writable=on,allow-other=off", export.display());
        command.args(["--export", &mount]);
        let daemon = Process::start("qemu-storage-daemon", command, &dir.join("daemon.log"))?;
        let mut it = Self { daemon, dir: dir.to_owned() };
        wait::until("the recorded disk (it needs /dev/fuse)", SOON, || {
            it.daemon.check_alive()?;
            Ok(fs::metadata(&export)?.len().eq(&size).then_some(()))
        })?;
        let mut mkfs = Command::new(program::installed("mkfs.ext4", "e2fsprogs")?);
        process::run(mkfs.args(["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"]).arg(&export))?;
        mount_image(&export, &it.mountpoint())?;
        Ok(it)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn mountpoint(&self) -> PathBuf {
        self.dir.join("m")
    }

    /// How many writes were recorded so far.
    pub fn entries(&self) -> Result<u64> {
        let mut number = [0; 8];
        File::open(self.dir.join("log"))?.read_exact_at(&mut number, 16)?;
        Ok(u64::from_le_bytes(number))
    }

    /// Ends the recording.
    pub fn finish(mut self, size: u64) -> Result<BlockLog> {
        let mount = self.mountpoint();
        process::run(Command::new("sync").arg("-f").arg(&mount))?;
        wait::until("the disk to be let go of", SOON, || Ok(unmount(&mount).is_ok().then_some(())))?;
        self.daemon.signal(rustix::process::Signal::TERM)?;
        self.daemon.wait(SOON)?;
        BlockLog::read(&self.dir.join("log"), size)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("-l")
            .arg(self.dir.join("m"))
            .stderr(std::process::Stdio::null())
            .status();
    }
}

impl BlockLog {
    fn read(path: &Path, size: u64) -> Result<Self> {
        let log = File::open(path)?;
        let word = |at: u64| -> Result<u64> {
            let mut bytes = [0; 8];
            log.read_exact_at(&mut bytes, at)?;
            Ok(u64::from_le_bytes(bytes))
        };
        ensure!(word(0)? == MAGIC, "{} is no log of block writes", path.display());
        let (mut entries, mut at) = (Vec::new(), SECTOR);
        for _ in 0..word(16)? {
            let entry =
                Entry { sector: word(at)?, sectors: word(at + 8)?, flags: word(at + 16)?, data: at + SECTOR };
            at = entry.data + if entry.flags & DISCARD == 0 { entry.sectors * SECTOR } else { 0 };
            entries.push(entry);
        }
        Ok(Self { log, size, entries })
    }

    /// How many writes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The last flush at or before a write: what came before it is on the platter.
    fn flushed(&self, point: usize) -> usize {
        self.entries[..=point].iter().rposition(|it| it.flags & FLUSH != 0).unwrap_or(0)
    }

    /// The disk after a power cut at a write: all up to the last flush, and of what came after each with one chance in
    /// two, so that it is torn and out of order.
    pub fn rebuild(&self, point: usize, random: &mut Random, image: &Path) -> Result<()> {
        let out = File::create(image)?;
        out.set_len(self.size)?;
        let flushed = self.flushed(point);
        for (index, entry) in self.entries[..=point].iter().enumerate() {
            if index <= flushed || entry.flags & FUA != 0 || random.unit() < 0.5 {
                self.apply(entry, &out)?;
            }
        }
        Ok(())
    }

    fn apply(&self, entry: &Entry, out: &File) -> Result<()> {
        let len = usize::try_from(entry.sectors * SECTOR)?;
        if entry.flags & DISCARD != 0 {
            if len < 64 << 20 {
                out.write_all_at(&vec![0; len], entry.sector * SECTOR)?;
            }
            return Ok(());
        }
        let mut bytes = vec![0; len];
        self.log.read_exact_at(&mut bytes, entry.data)?;
        Ok(out.write_all_at(&bytes, entry.sector * SECTOR)?)
    }
}

/// Mounts an image for as long as something looks at it.
pub fn with_mounted<T>(image: &Path, at: &Path, look: impl FnOnce(&Path) -> T) -> Result<T> {
    fs::create_dir_all(at)?;
    mount_image(image, at)?;
    let seen = look(at);
    wait::until("the image to be let go of", SOON, || Ok(unmount(at).is_ok().then_some(())))?;
    Ok(seen)
}

fn mount_image(image: &Path, at: &Path) -> Result<()> {
    let mut mount = Command::new(program::installed("mount", "mount")?);
    process::run(mount.args(["-o", "loop"]).args([image, at]))
        .context("a power cut needs root and loop devices")
}

fn unmount(at: &Path) -> Result<()> {
    process::run(Command::new(program::installed("umount", "mount")?).arg(at))
}
