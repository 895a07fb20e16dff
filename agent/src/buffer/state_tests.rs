//! The engines' state over a kill: the newest is found, in whichever generation it is.

use std::sync::Arc;

use super::disk::{Place, Recovered};
use super::facts::Naming;
use super::model_tests::{copy_dir, group, naming, place};
use super::progress::LaneProgress;
use crate::envelope::Lane;

fn alarms(dir: &std::path::Path, run: &str) -> Place {
    Place { naming: Naming { run: run.into(), lane: Lane::Alarms, ..naming() }, ..place(dir, run, 64 << 20) }
}

/// The cursor is written once a second, so the newest generation may have none; an older one, which has, may hold an older
/// state.
#[test]
fn the_newest_state_is_found_though_the_cursor_is_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let mut lane = Recovered::read(alarms(dir.path(), "run-1")).unwrap().begin(1, Vec::new(), None).unwrap();
    let mut progress = LaneProgress::new(&naming().run);
    let mut last = 0;
    // Till a little of the third is written.
    while progress.generations < 3 || last % 10 != 5 {
        last += 1;
        let state = Arc::from(format!("after alarm {last}").into_bytes());
        lane.keep(super::group::Group { state: Some(state), ..group(last..=last, 700) }).unwrap();
        lane.describe(&mut progress);
    }
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), copy.path());
    let found = Recovered::read(alarms(copy.path(), "run-2")).unwrap();
    let state = found.state.map(|it| String::from_utf8_lossy(&it).into_owned());
    assert_eq!(state, Some(format!("after alarm {last}")));
}
