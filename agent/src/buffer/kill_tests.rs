//! Killed at any moment: a child process writes, and what it was told is durable is still there.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::damage_tests::seed;
use super::model_tests::envelope;
use super::store_tests::{read_to, reading, settings};
use super::{Item, open};
use crate::clock;
use crate::envelope::{Position, ToStore};

const DIR: &str = "WARDLINE_TEST_KILL_DIR";
const RUN: &str = "WARDLINE_TEST_KILL_RUN";
const ROUNDS: u64 = 20;

/// The child: writes until it is killed, and says each mark. As a test of its own it writes a little and ends.
#[test]
fn child_writes_and_says_its_marks() {
    let own = tempfile::tempdir().unwrap();
    let (dir, run, last) = match (variable(DIR), variable(RUN)) {
        (Some(dir), Some(run)) => (dir.into(), run, u64::MAX),
        _ => (own.path().to_owned(), "run-0".to_owned(), 200),
    };
    let mut opened = open(settings(&dir, &run)).unwrap();
    let (marks, progress) = (opened.intake.marks(0), opened.intake.progress());
    let mut alarms = 0;
    for seq in 1..=last {
        opened.intake.offer(reading(seq, 200 + usize::try_from(seq % 5).unwrap() * 700));
        if seq % 50 == 0 {
            alarms += 1;
            opened.intake.offer(ToStore::Alarm(envelope(alarms, 500), vec![1; 9_000].into()));
            std::thread::sleep(Duration::from_millis(2));
            println!("durable {} {}", marks.borrow().ordinal, progress.borrow().alarms.durable.seq);
        }
        if seq % 1_000 == 0 && seq > 3_000 {
            // Removal happens too while it is killed; what is acknowledged here is not looked for.
            opened.readings.acknowledge(&Position { run: run.as_str().into(), seq: seq - 3_000 });
            println!("acknowledged {}", seq - 3_000);
        }
    }
}

#[test]
fn what_was_marked_survives_kills() {
    let mut random = seed();
    println!("seed {random}");
    let dir = tempfile::tempdir().unwrap();
    for round in 0..ROUNDS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let run = format!("run-{round}");
        let mut child = start(dir.path(), &run);
        let (readings, alarms, acknowledged) =
            watch(&mut child, Duration::from_millis(20 + (random >> 33) % 600));
        let mut opened = open(settings(dir.path(), &format!("check-{round}"))).unwrap();
        let found = opened.found.recv().unwrap();
        assert_eq!(found.remarks, [], "round {round}");
        let previous = found.past.previous.unwrap();
        assert_eq!(&*previous.run, run, "round {round}");
        assert!(previous.last_reading >= readings && previous.last_alarm >= alarms, "{round}: {previous:?}");
        let at = Position { run: run.as_str().into(), seq: acknowledged };
        if previous.last_reading > acknowledged {
            opened.readings.rewind(&at);
            let chunks = read_to(&mut opened.readings, previous.last_reading);
            let mut next = acknowledged + 1;
            for item in chunks.iter().flat_map(|it| &it.items) {
                let (first, last) = item.range();
                assert_eq!(first, next, "round {round}");
                let len = 200 + usize::try_from(first % 5).unwrap() * 700;
                match item {
                    Item::Record(it) => assert_eq!(*it, envelope(first, len), "round {round}"),
                    // Of the batch that was being written, some frames may be there and others not.
                    Item::Gap(_) => assert!(first > readings, "round {round}: {item:?}, marked {readings}"),
                }
                next = last + 1;
            }
            opened.readings.acknowledge(&Position { run: run.as_str().into(), seq: previous.last_reading });
        }
        if alarms > 0 {
            assert_eq!(found.state.as_deref(), Some(&[1; 9_000][..]));
        }
        println!("round {round}: marked {readings} and {alarms}, found {previous:?}");
        super::store_tests::end(opened);
    }
}

fn start(dir: &Path, run: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "buffer::kill_tests::child_writes_and_says_its_marks", "--nocapture"])
        .env(DIR, dir)
        .env(RUN, run)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets it write for a while after its first mark, kills it, and returns the last it said: readings, alarms, and
/// what it acknowledged.
fn watch(child: &mut Child, life: Duration) -> (u64, u64, u64) {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut said = (0, 0, 0);
    let mut born = None;
    for line in lines {
        let mut words = line.split(' ').skip_while(|it| !["durable", "acknowledged"].contains(it));
        let kind = words.next();
        let mut number = || words.next().and_then(|it| it.parse().ok());
        match (kind, number(), number()) {
            (Some("durable"), Some(readings), Some(alarms)) => (said.0, said.1) = (readings, alarms),
            (Some("acknowledged"), Some(seq), None) => said.2 = seq,
            _ => continue,
        }
        // Before the first mark the store is still being opened.
        if said.0 > 0 && born.get_or_insert_with(clock::instant).elapsed() >= life {
            // Kill -9; what it has said by then is still in the pipe and counts.
            let _ = child.kill();
        }
    }
    child.wait().unwrap();
    said
}

#[expect(clippy::disallowed_methods, reason = "how a test tells its own child process what to do")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
