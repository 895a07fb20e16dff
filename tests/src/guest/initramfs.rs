//! A first file system for a kernel: a cpio archive of the form `newc`, as `Documentation/driver-api/early-userspace` has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The archive so far.
#[derive(Debug, Default)]
pub(super) struct Initramfs {
    bytes: Vec<u8>,
    inode: usize,
    directories: Vec<PathBuf>,
}

impl Initramfs {
    /// Adds a file, and the directories that lead to it.
    pub(super) fn file(&mut self, path: &Path, mode: u32, content: &[u8]) -> Result<()> {
        for dir in path.ancestors().skip(1).collect::<Vec<_>>().into_iter().rev() {
            if dir != Path::new("/") && !self.directories.iter().any(|it| it == dir) {
                self.directories.push(dir.to_owned());
                self.entry(dir, 0o040_755, &[])?;
            }
        }
        self.entry(path, 0o100_000 | mode, content)
    }

    /// Adds a program with the libraries that it is linked with.
    pub(super) fn program(&mut self, path: &Path, from: &Path) -> Result<()> {
        self.file(path, 0o755, &fs::read(from)?)?;
        let listed = Command::new("ldd").arg(from).output()?;
        ensure!(listed.status.success(), "ldd cannot tell the libraries of {}", from.display());
        let listed = String::from_utf8(listed.stdout)?;
        for library in listed.split_whitespace().filter(|it| it.starts_with('/')) {
            self.file(Path::new(library), 0o755, &fs::read(library)?)?;
        }
        Ok(())
    }

    /// The whole.
    pub(super) fn finish(mut self) -> Result<Vec<u8>> {
        self.entry(Path::new("/TRAILER!!!"), 0, &[])?;
        Ok(self.bytes)
    }

    fn entry(&mut self, path: &Path, mode: u32, content: &[u8]) -> Result<()> {
        self.inode += 1;
        let name = path.to_str().and_then(|it| it.strip_prefix('/')).context("no absolute path")?;
        let (inode, size, named) = (self.inode, content.len(), name.len() + 1);
        let head = format!(
            "070701{inode:08X}{mode:08X}{:08X}{:08X}{:08X}{:08X}{size:08X}{:08X}{:08X}{:08X}{:08X}{named:08X}{:08X}",
            0, 0, 1, 0, 0, 0, 0, 0, 0
        );
        self.bytes.extend_from_slice(head.as_bytes());
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend_from_slice(content);
        self.align();
        Ok(())
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}
