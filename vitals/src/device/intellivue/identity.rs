//! Who the monitor is, of the attributes of its MDS: the system model (0928) and the production specification (092D).
//!
//! ```text
//! 0928   manufacturer: length (2), text    model number: length (2), text
//! 092D   a list of: type (2) component (2) length (2) text     type 1 serial number, 4 software; component 8 the product,
//!                                                              58 (hexadecimal) the application's software
//! ```
//!
//! The bed's label and whatever else is in the event is passed over; of a patient there is nothing in it.

use super::message::Fields;
use crate::device::alarms::name;
use crate::notice::DeviceIdentity;

const MODEL: u16 = 0x0928;
const PRODUCTION: u16 = 0x092D;
/// Types and components of a production specification.
const SERIAL: u16 = 1;
const SOFTWARE: u16 = 4;
const PRODUCT: u16 = 0x0008;
const APPLICATION: u16 = 0x0058;

/// Who a monitor says that it is, in what the event holds: the managed object and its attributes; `None` if it says nothing
/// that can be read.
pub(super) fn read(mut event: Fields<'_>) -> Option<DeviceIdentity> {
    event.take(6)?;
    let mut identity = DeviceIdentity::default();
    let (count, mut attributes) = event.list()?;
    for _ in 0..count {
        let id = attributes.word()?;
        let mut value = attributes.part()?;
        match id {
            MODEL => {
                (identity.make, identity.model) = (name(value.part()?.rest()), name(value.part()?.rest()));
            }
            PRODUCTION => production(value, &mut identity)?,
            _ => {}
        }
    }
    (identity != DeviceIdentity::default()).then_some(identity)
}

fn production(mut value: Fields<'_>, identity: &mut DeviceIdentity) -> Option<()> {
    let (count, mut entries) = value.list()?;
    for _ in 0..count {
        let (kind, component) = (entries.word()?, entries.word()?);
        let text = name(entries.part()?.rest());
        match (kind, component) {
            (SERIAL, PRODUCT) => identity.serial = text,
            (SOFTWARE, APPLICATION) => identity.software = text,
            _ => {}
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn text(text: &[u8]) -> Vec<u8> {
        [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text].concat()
    }

    fn list(items: &[Vec<u8>]) -> Vec<u8> {
        let body = items.concat();
        let (count, length) = (u16::try_from(items.len()).unwrap(), u16::try_from(body.len()).unwrap());
        [&count.to_be_bytes()[..], &length.to_be_bytes(), &body].concat()
    }

    fn attribute(id: u16, value: &[u8]) -> Vec<u8> {
        [&id.to_be_bytes()[..], &text(value)].concat()
    }

    /// What the event of a monitor holds, written by hand from the guide.
    fn event() -> Vec<u8> {
        let entry = |kind: u8, component: u8, it: &[u8]| [&[0, kind, 0, component][..], &text(it)].concat();
        let model = [text(b"Philips\0"), text(b"M8105A")].concat();
        let specification = list(&[
            entry(1, 0x08, b"DE12345678\0\0"),
            entry(4, 0x58, b"L.01.20  "),
            entry(4, 0x18, b"boot"),
            entry(2, 0x08, b"part"),
        ]);
        let bed = [0, 10, 0, b'J', 0, b'A', 0, b'N', 0, b'E', 0, 0];
        let attributes =
            list(&[attribute(0x0928, &model), attribute(0x091E, &bed), attribute(0x092D, &specification)]);
        [&[0x00, 0x21, 0, 0, 0, 0][..], &attributes].concat()
    }

    #[test]
    fn a_monitor_says_its_make_model_serial_number_and_software() {
        let identity = read(Fields::new(&event())).unwrap();
        let part = |it: &str| Some(it.into());
        let expected = DeviceIdentity {
            make: part("Philips"),
            model: part("M8105A"),
            serial: part("DE12345678"),
            software: part("L.01.20"),
        };
        assert_eq!(identity, expected);
    }

    #[test]
    fn an_event_whose_lengths_do_not_fit_or_that_says_nothing_is_nobody() {
        let whole = event();
        for length in 0..whole.len() {
            assert_eq!(read(Fields::new(&whole[..length])), None, "{length}");
        }
        assert_eq!(read(Fields::new(&[0x00, 0x21, 0, 0, 0, 0, 0, 0, 0, 0])), None);
    }
}
