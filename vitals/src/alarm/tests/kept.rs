//! What outlives the process (E34): also a snapshot that an older version wrote.

use alloc::vec::Vec;

use super::script::{Bed, policy, render};
use crate::alarm::event::Phase;
use crate::alarm::snapshot::{Boot, Snapshot};
use crate::time::Uptime;

/// Written by 0.1.0: an SpO2 of 78, a low pressure, a sensor off, a source silent.
const FIRST: &str = include_str!("snapshot_1.json");

#[test]
fn a_snapshot_of_the_first_version_is_read_and_its_alarms_go_on() {
    let kept: Snapshot = serde_json::from_str(FIRST).unwrap();
    let mut bed = Bed::new(policy(), 1000);
    let at = Uptime::from_millis(26_000);
    bed.resume(&kept, Boot::Same, at);
    bed.drain();
    let told: Vec<_> = bed.told.iter().map(render).collect();
    let codes: Vec<_> = bed.told.iter().map(|it| alloc::format!("{}", it.code)).collect();
    assert_eq!(codes, ["spo2_low", "nibp_systolic_low", "sensor_off", "no_data"], "{told:?}");
    assert!(bed.told.iter().all(|it| it.restarted && it.phase != Phase::Start), "{told:?}");
}
