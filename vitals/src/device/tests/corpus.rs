//! The authored streams beside the captures, which other tests and people feed to `decode`, are the records of here.

use super::{capture, samples};
use crate::device::DeviceModel;

/// Records in a stream.
const RECORDS: u8 = 30;

#[test]
fn the_authored_streams_are_these_records() {
    for model in DeviceModel::ALL {
        let expected = samples::records(model, RECORDS).concat();
        assert!(
            capture(&alloc::format!("authored/{model}.raw")) == expected,
            "authored/{model}.raw is another stream"
        );
    }
}
