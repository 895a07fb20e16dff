//! P5, P6; F8: whatever of a store is gone, cut short or not its own, it opens without a person, and what is missing is
//! told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use wardline_tests::driver::{self, Left};
use wardline_tests::scratch::Scratch;

const RUN: &str = "run";

/// A store of several generations, killed; and what is whole in it.
struct Killed {
    scratch: Scratch,
    store: PathBuf,
    whole: Left,
    generations: Vec<PathBuf>,
}

impl Killed {
    fn new(name: &str) -> Result<Self> {
        use std::io::{BufRead as _, BufReader};
        let scratch = Scratch::new(name)?;
        let store = scratch.path().join("store");
        let mut child = driver::writer(&store, RUN)?.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let lines = BufReader::new(child.stdout.take().context("no output")?).lines().map_while(Result::ok);
        // The last three thousand readings, of 1.6 kB: some generations that are sealed, and one that is written to,
        // of 1.75 MB, neither just begun nor nearly full, so that the kill finds it as it is.
        for line in lines {
            let enough = driver::acknowledged(&line).is_some_and(|it| it.0 > 5_150);
            if enough && (256 << 10..1 << 20).contains(&written(&newest(&store)?)) {
                break;
            }
        }
        child.kill()?;
        child.wait()?;
        let whole = driver::check_copy(&store, &scratch.path().join("whole"))?;
        ensure!(whole.runs.len() == 1 && whole.aside == 0, "not whole to begin with: {whole:?}");
        let generations = generations(&store)?;
        ensure!(generations.len() >= 3, "too few generations: {generations:?}");
        Ok(Self { scratch, store, whole, generations })
    }

    /// Does something to a copy and opens it, twice; what is left must be right, in order, and complete but for what is
    /// told to be missing. Returns how many readings are missing.
    fn after(&self, what: &str, harm: impl FnOnce(&Path) -> Result<()>) -> Result<u64> {
        let copy = self.scratch.path().join("copy");
        driver::copy(&self.store, &copy)?;
        harm(&copy)?;
        let left = driver::check(&copy).with_context(|| what.to_owned())?;
        ensure!(!left.memory && left.replaced == 0, "{what}: it did not open: {left:?}");
        ensure!(left.runs.iter().all(|it| it.wrong == 0), "{what}: wrong, or missing and not told: {left:?}");
        let missing = readings(&self.whole).saturating_sub(readings(&left));
        // What the first look has read it has acknowledged, so the second finds no more than the newest generation.
        let again = driver::check(&copy).with_context(|| format!("{what}, opened again"))?;
        ensure!(!again.memory && again.replaced == 0, "{what}: it does not open again: {again:?}");
        fs::remove_dir_all(&copy)?;
        Ok(missing)
    }

    /// The same file or directory in a copy of the store.
    fn in_copy(&self, copy: &Path, generation: &Path) -> Result<PathBuf> {
        Ok(copy.join(generation.strip_prefix(&self.store)?))
    }
}

/// The generations of a store's readings, oldest first.
fn generations(store: &Path) -> Result<Vec<PathBuf>> {
    let mut generations: Vec<PathBuf> =
        fs::read_dir(store.join("readings"))?.map(|it| Ok(it?.path())).collect::<Result<_>>()?;
    // A copy that is being made beside one is none.
    generations.retain(|it| it.extension().is_none());
    generations.sort();
    Ok(generations)
}

/// The file of what is written to.
fn newest(store: &Path) -> Result<PathBuf> {
    Ok(generations(store)?.last().context("no generation")?.join("db"))
}

/// How far sled's file holds anything: it may end in a segment that holds nothing yet.
fn written(db: &Path) -> u64 {
    // One that was rotated away this moment, or is being made, is not what is looked for.
    let bytes = fs::read(db).unwrap_or_default();
    bytes.iter().rposition(|it| *it != 0).unwrap_or(0) as u64
}

/// Readings that are there.
fn readings(left: &Left) -> u64 {
    let of = |it: &driver::RunLeft| {
        let holes: u64 = it.holes.iter().map(|(first, last)| last + 1 - first).sum();
        (it.last + 1 - it.first).saturating_sub(holes)
    };
    left.runs.iter().map(of).sum()
}

/// Every file of the oldest and the newest generation, gone, empty, or cut in half. Only sled's file holds
/// anything that is not also somewhere else. Of the newest nobody can say how far it went; what is missing before it is
/// told.
#[test]
fn any_file_of_a_generation_may_be_gone_or_cut_short() -> Result<()> {
    let killed = Killed::new("files")?;
    let newest = killed.generations.len() - 1;
    let mut told = Vec::new();
    for generation in [0, newest].map(|it| &killed.generations[it]) {
        let mut names: Vec<String> = fs::read_dir(generation)?
            .map(|it| Ok(it?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_>>()?;
        names.retain(|it| generation.join(it).is_file());
        for name in names {
            for harm in ["gone", "empty", "half"] {
                let what = format!("{} {name} {harm}", generation.display());
                let missing = killed.after(&what, |copy| {
                    let path = killed.in_copy(copy, generation)?.join(&name);
                    let len = fs::metadata(&path)?.len();
                    match harm {
                        "gone" => Ok(fs::remove_file(&path)?),
                        "empty" => Ok(fs::File::options().write(true).open(&path)?.set_len(0)?),
                        _ => Ok(fs::File::options().write(true).open(&path)?.set_len(len / 2)?),
                    }
                })?;
                ensure!(
                    name == "db" || missing == 0,
                    "{what}: {missing} missing, and nothing of them was hurt"
                );
                ensure!(name != "db" || missing > 0, "{what}: nothing is missing, so nothing was hurt");
                told.push(format!("{name} {harm}: {missing}"));
            }
        }
    }
    println!("readings missing of {}, {}", readings(&killed.whole), told.join(", "));
    Ok(())
}

/// The newest is torn at its end, or has a block of zeroes somewhere, as after a power cut or on a worn card.
#[test]
fn a_torn_end_and_a_damaged_middle_cost_what_lay_there() -> Result<()> {
    use std::os::unix::fs::FileExt as _;
    let killed = Killed::new("torn")?;
    let newest = newest(&killed.store)?;
    let len = written(&newest);
    ensure!(len >= 256 << 10, "only {len} bytes to damage");
    for torn in [1, 700, 4_096] {
        let missing = killed.after("a torn end", |copy| {
            let file = fs::File::options().write(true).open(killed.in_copy(copy, &newest)?)?;
            Ok(file.set_len(len.saturating_sub(torn))?)
        })?;
        println!("{torn} of {len} bytes torn off: {missing} readings missing");
        ensure!(missing <= torn / 100 + 16, "{missing} missing of {torn} bytes");
    }
    let (mut blocks, mut lost) = (0, 0);
    for at in (0..len).step_by(usize::try_from(len / 12)?) {
        let missing = killed.after("a damaged middle", |copy| {
            let file = fs::File::options().write(true).open(killed.in_copy(copy, &newest)?)?;
            Ok(file.write_all_at(&[0; 4_096], at)?)
        })?;
        // A block touches two or three frames of some ten readings.
        ensure!(missing <= 64, "{missing} missing of the block at {at} of {len}");
        (blocks, lost) = (blocks + 1, lost + missing);
    }
    println!("{blocks} times a block of zeroes: {lost} readings missing in all");
    // sled writes a frame again when it writes the page of its neighbours, so that a block alone may cost nothing.
    let lost = killed.after("a half of zeroes", |copy| {
        let file = fs::File::options().write(true).open(killed.in_copy(copy, &newest)?)?;
        Ok(file.write_all_at(&vec![0; usize::try_from(len / 2)?], len / 2)?)
    })?;
    println!("a half of zeroes: {lost} readings missing");
    ensure!(lost > 0, "nothing was hurt");
    Ok(())
}

/// What a kill or a careless hand leaves beside and between the generations.
#[test]
fn what_lies_in_a_store_and_is_not_its_own_does_no_harm() -> Result<()> {
    let killed = Killed::new("strange")?;
    let (oldest, newest) = (&killed.generations[0], killed.generations.last().context("none")?);
    for generation in [oldest, newest] {
        let half = killed.after("a snapshot that was cut short", |copy| {
            Ok(fs::write(
                killed.in_copy(copy, generation)?.join("snap.0000000000080000.generating"),
                [7; 99],
            )?)
        })?;
        assert_eq!(half, 0, "{}", generation.display());
        let garbage = killed.after("a snapshot of something else", |copy| {
            Ok(fs::write(killed.in_copy(copy, generation)?.join("snap.00000000FFFFFFFF"), [7; 999])?)
        })?;
        assert_eq!(garbage, 0, "{}", generation.display());
    }
    let harmless = |what, harm: fn(&Path) -> Result<()>| -> Result<()> {
        let missing = killed.after(what, harm)?;
        ensure!(missing == 0, "{what}: {missing} missing");
        Ok(())
    };
    harmless("no lock", |copy| Ok(fs::remove_file(copy.join("lock"))?))?;
    harmless("a file for the quarantine", |copy| Ok(fs::write(copy.join("quarantine"), "x")?))?;
    harmless("a photo among the generations", |copy| Ok(fs::write(copy.join("readings/photo.jpg"), "x")?))?;
    harmless("an empty generation", |copy| Ok(fs::create_dir(copy.join("readings/00000000000000ff"))?))?;
    harmless("a gap that is none", |copy| Ok(fs::write(copy.join("readings/00000000000000fe.gap"), "x")?))?;
    harmless("no alarms", |copy| Ok(fs::remove_dir_all(copy.join("alarms"))?))?;
    Ok(())
}

/// A generation that is gone whole: nothing of it can be read, and its numbers are told all the same.
#[test]
fn a_generation_that_is_gone_is_a_gap() -> Result<()> {
    let killed = Killed::new("gone")?;
    let middle = &killed.generations[killed.generations.len() / 2];
    let missing =
        killed.after("a generation gone", |copy| Ok(fs::remove_dir_all(killed.in_copy(copy, middle)?)?))?;
    println!("a generation of {missing} readings was removed");
    assert!(missing > 100, "nothing was removed");
    Ok(())
}
