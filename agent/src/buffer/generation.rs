//! One generation: a small sled store in its own directory, and the only code that names sled.
//!
//! What sled 0.34.7 does not do and this does: reach the platter (`flush` is no fsync on Linux), survive a snapshot
//! that was cut short, be opened without a panic, keep large values out of files that it never syncs.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::durable::{Doing as _, Platter, StoreError, guarded, replace_file, sync_path};
use super::facts::{Facts, Naming};
use super::frame::{self, Damage, Head, Kind, Part};
use super::pack::{Keyed, head};
use crate::clock;

/// sled's cache; with frames of 7 KiB it hardly acts, and more of it only costs memory.
const CACHE: u64 = 2 << 20;

/// How long a lock of sled's is waited for. The store's own lock keeps other agents away.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Where a frame stands in its generation: by sequence number, and what belongs to no number last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) seq: u64,
    pub(super) kind: Kind,
    pub(super) part: u16,
}

impl Key {
    /// Of what belongs to no number: state, manifest, cursor.
    pub(super) const fn special(kind: Kind, part: u16) -> Self {
        Self { seq: u64::MAX, kind, part }
    }

    pub(super) fn to_bytes(self) -> [u8; 11] {
        let mut bytes = [0; 11];
        bytes[..8].copy_from_slice(&self.seq.to_be_bytes());
        bytes[8] = self.kind.letter();
        bytes[9..].copy_from_slice(&self.part.to_be_bytes());
        bytes
    }
}

/// An open generation.
#[derive(Debug)]
pub(super) struct Generation {
    dir: PathBuf,
    db: sled::Db,
    /// Our own handle of sled's file: its fdatasync covers the same inode.
    file: File,
    platter: Platter,
    syncs: u64,
}

/// What stands at or behind a place.
pub(super) enum Found {
    /// A whole body; `last` is its last sequence number.
    Body { head: Head, raw: Vec<u8> },
    /// What stands there cannot be believed.
    Damaged { seq: u64 },
    /// Nothing more.
    End,
}

impl Generation {
    /// Makes a new one, so that it would be found after a power cut.
    pub(super) fn create(
        dir: &Path,
        naming: &Naming,
        born: &Facts,
        platter: Platter,
    ) -> Result<Self, StoreError> {
        fs::create_dir(dir).doing("make", dir)?;
        let mut generation = Self::open(dir, platter)?;
        write_facts(&dir.join("born"), naming, born)?;
        for name in ["conf", "db", "blobs", ""] {
            let path = dir.join(name);
            if path.exists() {
                sync_path(&path)?;
            }
        }
        dir.parent().map_or(Ok(()), sync_path)?;
        generation.syncs += 8;
        Ok(generation)
    }

    /// The same beside another, whose place it is to take; what was left there goes.
    pub(super) fn create_beside(
        dir: &Path,
        naming: &Naming,
        born: &Facts,
        platter: Platter,
    ) -> Result<Self, StoreError> {
        let beside = beside(dir);
        if beside.exists() {
            fs::remove_dir_all(&beside).doing("remove", &beside)?;
        }
        Self::create(&beside, naming, born, platter)
    }

    pub(super) fn open(dir: &Path, platter: Platter) -> Result<Self, StoreError> {
        remove_unfinished_snapshots(dir)?;
        let db = open_unlocked(dir)?;
        let path = dir.join("db");
        let file = File::options().read(true).write(true).open(&path).doing("open", &path)?;
        Ok(Self { dir: dir.to_owned(), db, file, platter, syncs: 0 })
    }

    /// Makes some frames durable, all or none; `stale` goes with them.
    pub(super) fn commit(&mut self, frames: &[Keyed], stale: &[Key]) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, frame) in frames {
            batch.insert(&key.to_bytes(), frame.as_slice());
        }
        for key in stale {
            batch.remove(&key.to_bytes());
        }
        guarded("write to", &self.dir, || self.db.apply_batch(batch))?;
        self.commit_durable()
    }

    /// The only way anything becomes durable. An error is final: what the kernel could not write it may have dropped.
    fn commit_durable(&mut self) -> Result<(), StoreError> {
        guarded("flush", &self.dir, || self.db.flush())?;
        self.syncs += 1;
        self.platter.sync(&self.file).doing("sync the store in", &self.dir)
    }

    /// The first body at or behind a sequence number.
    pub(super) fn at_or_after(&self, seq: u64) -> Result<Found, StoreError> {
        let from = Key { seq, kind: Kind::Gap, part: 0 }.to_bytes();
        let end = u64::MAX.to_be_bytes();
        let found = guarded("read", &self.dir, || self.db.range(&from[..]..&end[..]).next().transpose())?;
        found.map_or(Ok(Found::End), |(key, value)| self.whole(&key, &value))
    }

    /// The last body that begins before a sequence number.
    pub(super) fn before(&self, seq: u64) -> Result<Found, StoreError> {
        let end = seq.to_be_bytes();
        let last = guarded("read", &self.dir, || self.db.range(..&end[..]).next_back().transpose())?;
        let Some((key, _)) = last else { return Ok(Found::End) };
        // Of a body in parts, the last part was found: go to its first.
        let seq = seq_of(&key);
        self.at_or_after(seq)
    }

    /// Something that belongs to no number.
    pub(super) fn special(&self, kind: Kind) -> Result<Option<Vec<u8>>, StoreError> {
        let key = Key::special(kind, 0).to_bytes();
        let Some(value) = guarded("read", &self.dir, || self.db.get(key))? else { return Ok(None) };
        Ok(match self.whole(&key, &value)? {
            Found::Body { raw, .. } => Some(raw),
            Found::Damaged { .. } | Found::End => None,
        })
    }

    /// The same as it is stored.
    pub(super) fn special_frames(&self, kind: Kind) -> Result<Vec<Keyed>, StoreError> {
        let keys = Key::special(kind, 0).to_bytes()..=Key::special(kind, u16::MAX).to_bytes();
        let frames: Vec<_> = guarded("read", &self.dir, || self.db.range(keys).collect::<Result<_, _>>())?;
        let keyed =
            |(part, (_, frame)): (u16, (sled::IVec, sled::IVec))| (Key::special(kind, part), frame.to_vec());
        Ok((0..).zip(frames).map(keyed).collect())
    }

    /// Blocks on disk, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.file.metadata().map_or(0, |it| it.blocks() * 512)
    }

    /// Calls of fsync and fdatasync since last asked.
    pub(super) fn take_syncs(&mut self) -> u64 {
        std::mem::take(&mut self.syncs)
    }

    fn whole(&self, key: &[u8], value: &[u8]) -> Result<Found, StoreError> {
        let seq = seq_of(key);
        let damaged = Found::Damaged { seq };
        let Ok(first) = frame::parse(value) else { return Ok(damaged) };
        if seq != u64::MAX && first.head.first != seq || key[8] != first.head.kind.letter() {
            return Ok(damaged);
        }
        let mut values = Vec::new();
        for part in 1..first.parts {
            let key = Key { seq, kind: first.head.kind, part }.to_bytes();
            values.extend(guarded("read", &self.dir, || self.db.get(key))?);
        }
        let parts = values.iter().map(|it| frame::parse(it));
        let parts: Result<Vec<Part<'_>>, Damage> = std::iter::once(Ok(first)).chain(parts).collect();
        Ok(match parts.and_then(|it| frame::assemble(&it)) {
            Ok((head, raw)) => Found::Body { head, raw },
            Err(_) => damaged,
        })
    }
}

/// Where that is made which takes a generation's place.
pub(super) fn beside(dir: &Path) -> PathBuf {
    dir.with_extension("new")
}

/// Opens sled, waiting a moment for a lock that nobody has any more.
///
/// sled's lock belongs to the open file, which a child process that is just being started shares until it becomes its
/// own program: for that moment a store that was closed and is opened again seems taken.
fn open_unlocked(dir: &Path) -> Result<sled::Db, StoreError> {
    let config = sled::Config::new().path(dir).cache_capacity(CACHE).flush_every_ms(None);
    let begin = clock::instant();
    loop {
        match guarded("open", dir, || config.open()) {
            Err(StoreError::Sled { reason, .. })
                if reason.contains("could not acquire lock") && begin.elapsed() < LOCK_WAIT =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            opened => return opened,
        }
    }
}

fn seq_of(key: &[u8]) -> u64 {
    key.iter().take(8).fold(0, |seq, byte| seq << 8 | u64::from(*byte))
}

/// Says what a generation holds that will grow no more and is closed.
pub(super) fn seal(dir: &Path, naming: &Naming, facts: &mut Facts) -> Result<(), StoreError> {
    facts.sum = Some(sum_of(dir)?);
    note(dir, naming, facts)
}

/// Says more of what a sealed generation holds; its file is believed as far as it was.
pub(super) fn note(dir: &Path, naming: &Naming, facts: &Facts) -> Result<(), StoreError> {
    write_facts(&dir.join("seal"), naming, facts)
}

/// Whether sled's file is as it was sealed.
pub(super) fn is_intact(dir: &Path, facts: &Facts) -> bool {
    facts.sum.is_some_and(|it| sum_of(dir).is_ok_and(|sum| sum == it))
}

fn sum_of(dir: &Path) -> Result<u32, StoreError> {
    let path = dir.join("db");
    let mut file = File::open(&path).doing("open", &path)?;
    let mut sum = crc32fast::Hasher::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer).doing("read", &path)? {
            0 => return Ok(sum.finalize()),
            len => sum.update(&buffer[..len]),
        }
    }
}

fn write_facts(path: &Path, naming: &Naming, facts: &Facts) -> Result<(), StoreError> {
    let body = serde_json::to_vec(facts).unwrap_or_default();
    let count = usize::try_from(facts.records).unwrap_or(usize::MAX);
    let head = head(naming, Kind::Facts, count, (facts.first, facts.last));
    replace_file(path, &frame::encode(&head, &body).concat())
}

/// Reads what [`write_facts`] wrote; `None` if it is missing or damaged.
pub(super) fn read_facts(path: &Path) -> Option<Facts> {
    read_file(path).and_then(|it| serde_json::from_slice(&it).ok())
}

/// The body of a file that is one frame, or a frame and its further parts.
pub(super) fn read_file(path: &Path) -> Option<Vec<u8>> {
    let bytes = fs::read(path).ok()?;
    let (mut parts, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let part = frame::parse(&bytes[at..]).ok()?;
        at += part.len;
        parts.push(part);
    }
    frame::assemble(&parts).ok().map(|(_, raw)| raw)
}

/// A snapshot that was cut short makes every later open fail; without it sled reads its log.
fn remove_unfinished_snapshots(dir: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(dir).doing("list", dir)? {
        let entry = entry.doing("list", dir)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path()).doing("remove", &entry.path())?;
        }
    }
    Ok(())
}

/// Blocks on disk of everything in a directory, in bytes.
pub(super) fn blocks(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let inside = entries.flatten().map(|entry| match entry.metadata() {
        Ok(it) if it.is_dir() => blocks(&entry.path()),
        Ok(it) => it.blocks() * 512,
        Err(_) => 0,
    });
    inside.sum::<u64>() + fs::metadata(dir).map_or(0, |it| it.blocks() * 512)
}
