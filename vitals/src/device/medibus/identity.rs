//! Who the device is: `number (4) 'name' revisions (11)`, of which the first is the device's and the second that of Medibus.
//!
//! The number is that of a kind of device (8260 is an Evita XL); a serial number is not told.

use crate::device::alarms::name;
use crate::notice::DeviceIdentity;

/// The letters of a revision, as in `04.03`.
const REVISION: usize = 5;

/// Who a device says that it is; `None` if it says nothing, or not in that form.
pub(super) fn read(data: &[u8]) -> Option<DeviceIdentity> {
    let text = core::str::from_utf8(data).ok()?;
    let (number, rest) = text.split_once('\'')?;
    let (model, revisions) = rest.split_once('\'')?;
    if number.len() != 4 || !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return None;
    }
    let software = revisions.get(..REVISION).filter(|it| it.starts_with(|it: char| it.is_ascii_digit()));
    let software = software.and_then(|it| name(it.as_bytes()));
    Some(DeviceIdentity { model: Some(name(model.as_bytes())?), software, ..DeviceIdentity::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_between_apostrophes_and_its_revision_behind_it() {
        let of = |data: &[u8]| read(data).map(|it| (it.model.unwrap_or_default(), it.software));
        assert_eq!(of(b"0161'ICE'04.03      "), Some(("ICE".into(), Some("04.03".into()))));
        assert_eq!(
            of(b"8888'Draeger Device '03.00:04.00"),
            Some(("Draeger Device".into(), Some("03.00".into())))
        );
        assert_eq!(of(b"8260'EvitaXL'"), Some(("EvitaXL".into(), None)));
        for other in
            [&b""[..], b"8260", b"8260'EvitaXL", b"82'EvitaXL'05.00", b"8260''05.00", b"8260'\x80'05.00"]
        {
            assert_eq!(of(other), None);
        }
    }
}
