//! What a monitor says of itself: an MX450 that does not exist, and nothing of a patient.

use std::net::Ipv4Addr;

use super::operation::{self, EVENT};
use super::words::{absolute_time, attribute, label, list, measured};

/// The model's number, as it is printed on the device.
const MODEL: &str = "866062";
/// Classes of which the monitor has objects, and how many at most: itself, numerics, demographics, alarms.
const CLASSES: [(u16, u32); 4] = [(0x0021, 1), (0x0006, 201), (0x002A, 1), (0x0036, 1)];
/// Kinds of a production specification: serial number, part number, revision of the software.
const SERIAL: u16 = 1;
const PART: u16 = 2;
const SOFTWARE: u16 = 4;
/// Parts that one belongs to: the product, its application.
const PRODUCT: u16 = 0x0008;
const APPLICATION: u16 = 0x0058;
/// How it works: monitoring, demonstration.
const MONITORING: u16 = 0x4000;
const DEMONSTRATION: u16 = 0x2000;
/// The monitor announces itself.
const CONNECT_INDICATION: u16 = 0x0D17;
/// The object that does.
const NETWORK: [u8; 6] = [0, 0x23, 0, 0, 0, 0];

/// Which of all monitors it is, by the number of its bed: what its serial number and its address are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity(pub(super) u64);

impl Identity {
    /// A network address that no maker has.
    fn address(self) -> [u8; 6] {
        let [.., high, low] = self.0.to_be_bytes();
        [0x02, 0x09, 0xFB, 0x00, high, low]
    }

    /// What does not change: type, model, system id, production.
    fn attributes(self) -> Vec<Vec<u8>> {
        let serial = format!("DE{:08}", self.0 % 100_000_000);
        let specification = |kind: u16, part: u16, text: &str| {
            [kind.to_be_bytes().to_vec(), part.to_be_bytes().to_vec(), label(text)].concat()
        };
        let production = list(&[
            specification(SERIAL, PRODUCT, &serial),
            specification(PART, PRODUCT, MODEL),
            specification(SOFTWARE, APPLICATION, "L.01.18"),
        ]);
        vec![
            attribute(0x0986, &[0, 1, 0x11, 0x4D]),
            attribute(0x0928, &[label("Philips"), label(MODEL)].concat()),
            attribute(0x0984, &measured(&self.address())),
            attribute(0x092D, &production),
        ]
    }
}

/// The state of a monitor when it describes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Its clock, s since 1970.
    pub(super) clock: i64,
    /// Since it was switched on, eighths of a millisecond.
    pub(super) relative: u32,
    /// Whether it shows a demonstration.
    pub(super) demo: bool,
    /// Which of its associations this is.
    pub(super) association: u16,
}

/// The attributes of the object that stands for the whole monitor.
pub(super) fn attributes(identity: Identity, now: Moment) -> Vec<Vec<u8>> {
    let class = |(class, count): (u16, u32)| {
        [vec![0, 1], class.to_be_bytes().to_vec(), count.to_be_bytes().to_vec()].concat()
    };
    let classes = list(&CLASSES.map(class));
    let mode = if now.demo { DEMONSTRATION } else { MONITORING };
    let mut attributes = identity.attributes();
    attributes.extend([
        attribute(0x0985, &list(&[attribute(0x0102, &classes)])),
        attribute(0x0948, &[0, 1, 0, 0]),
        localisation(),
        attribute(0x091D, &now.association.to_be_bytes()),
        // The bed has no name.
        attribute(0x091E, &measured(&[0, 0])),
        attribute(0x0946, &mode.to_be_bytes()),
        // It is at work, in intensive care, on 50 Hz.
        attribute(0x09A7, &[0, 6]),
        attribute(0x090D, &[0, 2]),
        attribute(0x0935, &[0, 1]),
        attribute(0x0987, &absolute_time(now.clock).0),
        attribute(0x098F, &now.relative.to_be_bytes()),
    ]);
    attributes
}

/// English, in two bytes a character.
fn localisation() -> Vec<u8> {
    attribute(0x0937, &[6, 8, 6, 8, 0, 1, 0, 0x0B])
}

/// The datagram with which the monitor beside bed number `bed` announces itself on a LAN: who it is, where it is, and at
/// which port it answers. Broadcast to UDP port 24005 every now and then; it says nothing of a patient.
#[must_use]
pub fn connect_indication(bed: u64, address: Ipv4Addr, mask: Ipv4Addr, port: u16, now_ms: u64) -> Vec<u8> {
    let identity = Identity(bed);
    let network = [identity.address().to_vec(), address.octets().to_vec(), mask.octets().to_vec()].concat();
    // Association control, and data export: both by UDP, without options.
    let protocol = |application: u16| [application, 1, port, 0].map(u16::to_be_bytes).concat();
    let mut attributes = identity.attributes();
    attributes.extend([
        localisation(),
        attribute(0xF100, &network),
        attribute(0xF101, &list(&[protocol(1), protocol(5)])),
    ]);
    let message =
        operation::event(EVENT, NETWORK, relative_time(now_ms), CONNECT_INDICATION, &list(&attributes));
    operation::without_association(&message)
}

/// Milliseconds in eighths, which begin anew after 149 hours.
pub(super) fn relative_time(ms: u64) -> u32 {
    u32::try_from(ms * 8 % (1 << 32)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of a captured indication of an MX450: its head, its types, and how it names its protocols.
    #[test]
    fn an_indication_has_the_head_and_the_pieces_of_a_captured_one() {
        let (address, mask) = (Ipv4Addr::new(192, 168, 247, 101), Ipv4Addr::new(255, 255, 0, 0));
        let said = connect_indication(3, address, mask, 24105, 0x0945_7F00 / 8);
        assert_eq!(said[..6], [0, 0, 1, 0, 0, 1]);
        assert_eq!(usize::from(u16::from_be_bytes([said[6], said[7]])), said.len() - 8);
        assert_eq!(said[8..12], [0, 0, 0, 0]);
        assert_eq!(said[14..26], [0, 0x23, 0, 0, 0, 0, 9, 0x45, 0x7F, 0, 0x0D, 0x17]);
        let pieces: [&[u8]; 5] = [
            &[0x09, 0x86, 0, 4, 0, 1, 0x11, 0x4D],
            &[
                0x09, 0x28, 0, 0x14, 0, 8, 0x50, 0x68, 0x69, 0x6C, 0x69, 0x70, 0x73, 0, 0, 8, 0x38, 0x36,
                0x36, 0x30,
            ],
            &[0x00, 0x01, 0, 1, 0x5E, 0x29, 0, 0, 0, 5, 0, 1, 0x5E, 0x29, 0, 0],
            &[0xC0, 0xA8, 0xF7, 0x65, 0xFF, 0xFF, 0, 0],
            &[0x00, 0x04, 0, 0x58, 0, 8, 0x4C, 0x2E, 0x30, 0x31, 0x2E, 0x31, 0x38],
        ];
        for piece in pieces {
            assert!(said.windows(piece.len()).any(|it| it == piece), "{piece:02X?}");
        }
    }

    #[test]
    fn two_monitors_differ_and_a_twin_does_not() {
        let of = |bed| Identity(bed).attributes();
        assert_ne!(of(1), of(2));
        assert_eq!(of(3), of(3));
    }
}
