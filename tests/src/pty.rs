//! A pseudo-terminal in a device's place, behind a name that stays when it is unplugged.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::fs::OFlags;
use rustix::pty::OpenptFlags;

use crate::scratch::Scratch;

/// How long the agent may leave bytes unread.
const TAKEN_WITHIN: Duration = Duration::from_secs(20);
/// A pause when the line is full.
const PAUSE: Duration = Duration::from_millis(2);

/// A serial line: the test holds the device's end.
#[derive(Debug)]
pub struct Pty {
    device: Option<File>,
    link: PathBuf,
    _scratch: Scratch,
}

impl Pty {
    /// A line with something plugged in.
    pub fn open() -> Result<Self> {
        let mut pty = Self::unplugged()?;
        pty.plug()?;
        Ok(pty)
    }

    /// A line with nothing on it: its port does not exist.
    pub fn unplugged() -> Result<Self> {
        let scratch = Scratch::new("serial")?;
        Ok(Self { device: None, link: scratch.path().join("port"), _scratch: scratch })
    }

    /// The port, as a configuration names it: a link, as udev makes them, to whatever terminal it is today.
    #[must_use]
    pub fn port(&self) -> &Path {
        &self.link
    }

    /// Plugs a device in.
    pub fn plug(&mut self) -> Result<()> {
        // Non-blocking by flag of openpt where the kernel takes it; set afterwards everywhere.
        let device = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        rustix::pty::grantpt(&device)?;
        rustix::pty::unlockpt(&device)?;
        rustix::fs::fcntl_setfl(&device, OFlags::RDWR | OFlags::NONBLOCK)?;
        let name = rustix::pty::ptsname(&device, Vec::new())?;
        let _ = fs::remove_file(&self.link);
        symlink(name.to_str().context("a terminal's name is ASCII")?, &self.link)?;
        self.device = Some(File::from(device));
        Ok(())
    }

    /// Pulls the device out: whoever reads the line sees a hang-up, and the port is gone.
    pub fn unplug(&mut self) {
        self.device = None;
        let _ = fs::remove_file(&self.link);
    }

    /// Writes what the device says.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        let device = self.device.as_mut().context("nothing is plugged in")?;
        let deadline = Instant::now() + TAKEN_WITHIN;
        while !bytes.is_empty() {
            match device.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
                Err(error) => return Err(error).context("cannot write to the line"),
            }
            if Instant::now() >= deadline {
                bail!("nobody has read the line for {TAKEN_WITHIN:?}");
            }
        }
        Ok(())
    }

    /// Writes what the line takes at once; the rest is lost, as on a wire that nobody listens to.
    pub fn offer(&mut self, bytes: &[u8]) -> Result<()> {
        let device = self.device.as_mut().context("nothing is plugged in")?;
        match device.write(bytes) {
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => {
                Err(error).context("cannot write to the line")
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Writes as a line of `bytes_a_second` would carry it.
    pub fn write_paced(&mut self, bytes: &[u8], bytes_a_second: usize) -> Result<()> {
        const SLICES_A_SECOND: usize = 20;
        for slice in bytes.chunks((bytes_a_second / SLICES_A_SECOND).max(1)) {
            self.write(slice)?;
            thread::sleep(Duration::from_secs(1) / 20);
        }
        Ok(())
    }

    /// What the agent has said to the device since the last call.
    pub fn read(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        if let Some(device) = &mut self.device {
            let mut some = [0; 1024];
            while let Ok(n @ 1..) = device.read(&mut some) {
                said.extend_from_slice(&some[..n]);
            }
        }
        said
    }
}
