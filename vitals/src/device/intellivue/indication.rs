//! What a monitor on the LAN says of itself before anybody has asked: the Connect Indication, broadcast to UDP port 24005.
//!
//! ```text
//! nomenclature (4) | invoke 0001  length (2) | invoke id (2)  event 0000  length (2)
//!   | object (6)  event time (4)  0D17  length (2) | count (2)  length (2) | attributes: id (2)  length (2)  value
//! ```
//!
//! Layout and numbers of the attributes as a public driver reads them (mdpnp, `devices/philips`). Read are the model, the
//! software, the serial number, the address, and the port of Data Export; nothing of a patient stands in it, and the label
//! of the bed is not looked at.

use alloc::string::String;

use super::message::Fields;
use crate::notice::DeviceIdentity;

/// The event (facts of the guide: connect indication).
const CONNECT: u16 = 0x0D17;
/// Attributes: system model, production specification, network address, protocols supported.
const MODEL: u16 = 0x0928;
const PRODUCTION: u16 = 0x092D;
const ADDRESS: u16 = 0xF100;
const PROTOCOLS: u16 = 0xF101;
/// Kinds of production specification: serial number, revision of the software.
const SERIAL: u16 = 1;
const SOFTWARE: u16 = 4;
/// Data Export, and its transport.
const DATA_OUT: u16 = 5;
const UDP: u16 = 1;
/// The longest text that is believed, bytes.
const TEXT_MAX: usize = 64;

/// A monitor that offers an association.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectIndication {
    /// Who it is.
    pub identity: DeviceIdentity,
    /// Its IPv4 address, as it says it itself.
    pub address: Option<[u8; 4]>,
    /// The UDP port of its Data Export; 24105 unless a site has changed it.
    pub port: Option<u16>,
}

impl ConnectIndication {
    /// Reads a datagram; `None` if it is no Connect Indication, or its lengths do not fit each other.
    #[must_use]
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(datagram);
        fields.take(4)?;
        let invoke = fields.word()?;
        let mut fields = fields.part()?;
        fields.word()?;
        // An event, whether or not it wants an answer.
        let command = fields.word()?;
        let mut fields = fields.part()?;
        fields.take(10)?;
        if invoke != 1 || command > 1 || fields.word()? != CONNECT {
            return None;
        }
        let (count, mut attributes) = fields.part()?.list()?;
        let mut found = Self::default();
        for _ in 0..count {
            let id = attributes.word()?;
            found.take(id, attributes.part()?)?;
        }
        Some(found)
    }

    fn take(&mut self, id: u16, mut value: Fields<'_>) -> Option<()> {
        match id {
            MODEL => {
                self.identity.make = text(&mut value)?;
                self.identity.model = text(&mut value)?;
            }
            PRODUCTION => {
                let (count, mut list) = value.list()?;
                for _ in 0..count {
                    let kind = list.word()?;
                    // Which component: the first that says it is the monitor itself.
                    list.word()?;
                    let said = text(&mut list)?;
                    match kind {
                        SERIAL => self.identity.serial = self.identity.serial.take().or(said),
                        SOFTWARE => self.identity.software = self.identity.software.take().or(said),
                        _ => {}
                    }
                }
            }
            ADDRESS => {
                // The hardware's address stands before it, the mask of the network behind it.
                value.take(6)?;
                self.address = value.take(4)?.try_into().ok();
            }
            PROTOCOLS => {
                let (count, mut list) = value.list()?;
                for _ in 0..count {
                    let (application, transport) = (list.word()?, list.word()?);
                    let (port, _options) = (list.word()?, list.word()?);
                    if (application, transport) == (DATA_OUT, UDP) {
                        self.port = Some(port);
                    }
                }
            }
            _ => {}
        }
        Some(())
    }
}

/// A text with its length before it, filled up with NUL; nothing for what is no printable ASCII.
#[expect(clippy::option_option, reason = "a text that cannot be printed is no damage")]
fn text(fields: &mut Fields<'_>) -> Option<Option<String>> {
    let bytes = fields.part()?.rest();
    let said = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let said = core::str::from_utf8(said).unwrap_or_default().trim();
    let printable = said.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    Some((printable && !said.is_empty() && said.len() <= TEXT_MAX).then(|| said.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn with_length(bytes: &[u8]) -> Vec<u8> {
        [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
    }

    fn attribute(id: u16, value: &[u8]) -> Vec<u8> {
        [&id.to_be_bytes()[..], &with_length(value)].concat()
    }

    /// A monitor's, typed from the layout above.
    fn indication() -> Vec<u8> {
        let model = [with_length(b"Philips\0"), with_length(b"866062\0\0")].concat();
        let specification = |kind: u8, text: &[u8]| [&[0, kind, 0, 0][..], &with_length(text)].concat();
        let production = [
            specification(2, b"M8105-68701\0"),
            specification(1, b"DE12345678\0\0"),
            specification(4, b"L.00.25\0"),
        ];
        let attributes = [
            attribute(0x0986, &[0, 1, 0x10, 0x8D]),
            attribute(MODEL, &model),
            attribute(PRODUCTION, &[&[0, 3][..], &with_length(&production.concat())].concat()),
            attribute(ADDRESS, &[0, 9, 0xFB, 1, 2, 3, 10, 1, 7, 20, 255, 255, 255, 0]),
            attribute(PROTOCOLS, &[0, 2, 0, 16, 0, 1, 0, 1, 0x5E, 0x2A, 0, 0, 0, 5, 0, 1, 0x5E, 0x29, 0, 0]),
            attribute(0x091E, b"BED 7"),
        ];
        let list = [&[0, 6][..], &with_length(&attributes.concat())].concat();
        let event = [&[0, 0x21, 0, 0, 0, 0, 0, 0, 0, 42, 0x0D, 0x17][..], &with_length(&list)].concat();
        let invoke = [&[0, 1, 0, 0][..], &with_length(&event)].concat();
        [&[0, 1, 0, 0, 0, 1][..], &with_length(&invoke)].concat()
    }

    #[test]
    fn a_monitor_says_who_it_is_and_where() {
        let found = ConnectIndication::parse(&indication()).unwrap();
        let said = |it: &Option<String>| it.clone().unwrap();
        assert_eq!(
            (said(&found.identity.make), said(&found.identity.model)),
            ("Philips".into(), "866062".into())
        );
        assert_eq!(said(&found.identity.software), "L.00.25");
        assert_eq!(said(&found.identity.serial), "DE12345678");
        assert_eq!((found.address, found.port), (Some([10, 1, 7, 20]), Some(24105)));
    }

    #[test]
    fn what_is_cut_short_or_another_event_is_none() {
        let good = indication();
        for length in 0..good.len() {
            assert_eq!(ConnectIndication::parse(&good[..length]), None, "{length} bytes");
        }
        let mut other = good;
        other[24] ^= 1;
        assert_eq!(ConnectIndication::parse(&other), None);
    }

    proptest! {
        #[test]
        fn never_panics(at in any::<prop::sample::Index>(), byte: u8, noise in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut damaged = indication();
            let at = at.index(damaged.len());
            damaged[at] = byte;
            let _ = ConnectIndication::parse(&damaged);
            let _ = ConnectIndication::parse(&noise);
        }
    }
}
