//! A pseudo-terminal in the place of a serial line: the simulator holds the device's end.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{self, OptionalActions};

/// What may wait for a reader, bytes: a minute of 9600 baud. A line cannot wait longer: what does not fit is lost,
/// as it is on a wire that nobody reads.
const WAITING_MAX: usize = 64 * 1024;

/// Why there is no pseudo-terminal.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// The system gives none.
    #[error("the system gives no pseudo-terminal")]
    Open(#[source] io::Error),
    /// Its name cannot be made.
    #[error("cannot make the link {path} to a pseudo-terminal")]
    Link {
        /// The link.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A serial line as a device sees it.
#[derive(Debug)]
pub struct Terminal {
    device: File,
    /// The host's end, by the name the system gave it.
    host: PathBuf,
    link: Option<PathBuf>,
    waiting: VecDeque<u8>,
}

impl Terminal {
    /// Opens a line; with `link`, the host's end has that name as well.
    pub fn open(link: Option<&Path>) -> Result<Self, TerminalError> {
        let (device, host) = pair().map_err(|error| TerminalError::Open(error.into()))?;
        if let Some(link) = link {
            let made =
                link.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| match fs::remove_file(link) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    _ => symlink(&host, link),
                });
            made.map_err(|source| TerminalError::Link { path: link.into(), source })?;
        }
        Ok(Self { device: File::from(device), host, link: link.map(Into::into), waiting: VecDeque::new() })
    }

    /// The path at which a host opens the line.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.link.as_deref().unwrap_or(&self.host)
    }

    /// Whether a host has the line open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let mut fds = [PollFd::new(&self.device, PollFlags::OUT)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        // The kernel says "hung up" as long as the last host has closed and no other has opened.
        rustix::event::poll(&mut fds, Some(&at_once)).is_ok() && !fds[0].revents().contains(PollFlags::HUP)
    }

    /// Sends bytes; while nobody has the line open they are gone, as on a wire. Returns whether all found room.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        if !self.is_open() {
            self.waiting.clear();
            return false;
        }
        let fits = self.waiting.len() + bytes.len() <= WAITING_MAX;
        if fits {
            self.waiting.extend(bytes);
        }
        self.flush();
        fits
    }

    /// Hands on what waits for a slow reader.
    pub fn flush(&mut self) {
        while !self.waiting.is_empty() {
            let (front, _) = self.waiting.as_slices();
            match self.device.write(front) {
                Ok(0) | Err(_) => return,
                Ok(written) => drop(self.waiting.drain(..written)),
            }
        }
    }

    /// Whether everything sent has been handed on.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What the host has sent since the last call.
    pub fn receive(&mut self) -> Vec<u8> {
        let mut received = Vec::new();
        let mut some = [0; 512];
        while let Ok(count @ 1..) = self.device.read(&mut some) {
            received.extend_from_slice(some.get(..count).unwrap_or_default());
        }
        received
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            // Another run may have put its own there.
            if fs::read_link(link).is_ok_and(|it| it == self.host) {
                let _ = fs::remove_file(link);
            }
        }
    }
}

/// The device's end and the name of the host's, raw, and hung up until a host comes.
fn pair() -> rustix::io::Result<(OwnedFd, PathBuf)> {
    let device = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    rustix::pty::grantpt(&device)?;
    rustix::pty::unlockpt(&device)?;
    let name = rustix::pty::ptsname(&device, Vec::new())?;
    let host = PathBuf::from(name.to_string_lossy().into_owned());
    // Opened and closed once: from then on the kernel tells whether a host is there.
    let once = rustix::fs::open(&host, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    let mut line = termios::tcgetattr(&once)?;
    line.make_raw();
    termios::tcsetattr(&once, OptionalActions::Now, &line)?;
    drop(once);
    rustix::fs::fcntl_setfl(&device, OFlags::RDWR | OFlags::NONBLOCK)?;
    Ok((device, host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(path: &Path) -> File {
        File::options().read(true).write(true).open(path).unwrap()
    }

    #[test]
    fn bytes_pass_both_ways_unchanged_and_a_host_may_come_again() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("bed-1");
        let mut terminal = Terminal::open(Some(&link)).unwrap();
        assert!(!terminal.is_open());
        assert!(!terminal.send(b"lost"));
        let all: Vec<u8> = (0..=255).collect();
        for _ in 0..2 {
            let mut host = host(&link);
            assert!(terminal.is_open());
            assert!(terminal.send(&all));
            let mut read = vec![0; 256];
            host.read_exact(&mut read).unwrap();
            assert_eq!(read, all);
            host.write_all(&all).unwrap();
            assert_eq!(terminal.receive(), all);
            drop(host);
            assert!(!terminal.is_open());
        }
        drop(terminal);
        assert!(!link.exists() && fs::symlink_metadata(&link).is_err());
    }

    #[test]
    fn a_slow_reader_gets_everything_up_to_the_bound() {
        let mut terminal = Terminal::open(None).unwrap();
        let mut host = host(terminal.path());
        let bytes: Vec<u8> = (0..=255).cycle().take(32 * 1024).collect();
        assert!(terminal.send(&bytes));
        assert!(!terminal.is_idle());
        let mut read = Vec::new();
        let mut some = [0; 4096];
        while read.len() < bytes.len() {
            let count = host.read(&mut some).unwrap();
            read.extend_from_slice(&some[..count]);
            terminal.flush();
        }
        assert_eq!(read, bytes);
        assert!(!terminal.send(&vec![0; WAITING_MAX + 1]));
    }
}
