//! What the model must see.

use super::{Model, copy_dir};
use crate::buffer::Delivered;
use crate::envelope::Position;

/// The control: what was said to be durable and is not on the disk, as without a sync, is seen.
#[test]
fn a_group_that_was_not_synced_is_seen() {
    let lost = || {
        let mut model = Model::new();
        model.keep(20, 400);
        let before = tempfile::tempdir().unwrap();
        copy_dir(model.dirs.last().unwrap().path(), before.path());
        model.keep(20, 400);
        model.go_on_in(before);
        model.check();
    };
    let seen = std::panic::catch_unwind(lost).unwrap_err();
    let said = seen.downcast_ref::<String>().unwrap();
    assert!(said.contains("the end of the run is known"), "{said}");
}

/// The control: a reading acknowledged that is not in Kafka, as by a forwarder that counts wrongly, is seen.
#[test]
fn an_acknowledgement_too_far_is_seen() {
    let lost = || {
        let mut model = Model::new();
        model.keep(20, 400);
        let upto = Position { run: model.runs[0].0.clone(), seq: 7 };
        model.lane().acknowledge(&upto, Some(Delivered { records: 7, covered: 0 }));
        model.acknowledged = (0, 6);
        model.check();
    };
    let seen = std::panic::catch_unwind(lost).unwrap_err();
    let said = seen.downcast_ref::<String>().unwrap();
    assert!(said.contains("missing: (0, 7)"), "{said}");
}
