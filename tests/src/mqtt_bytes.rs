//! As much of MQTT's packets as a test reads off the wire (MQTT 3.1.1 and 5, sections 2.1, 3.3 and 3.4).

/// What a packet is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// A message; QoS 0 has no packet id.
    Publish {
        /// Its topic.
        topic: String,
        /// Its packet id.
        id: Option<u16>,
        /// Whether the sender says that it sends it again.
        again: bool,
        /// What follows: the payload, in MQTT 5 behind the properties.
        rest: Vec<u8>,
    },
    /// The acknowledgement of a QoS 1 message.
    PubAck {
        /// Of which packet.
        id: u16,
    },
    /// Any other.
    Other,
}

/// The packet that `bytes` begin with, and its length; `None` until it is whole.
#[must_use]
pub fn first_packet(bytes: &[u8]) -> Option<(Packet, usize)> {
    let (header, mut rest) = bytes.split_first()?;
    let mut length = 0;
    for shift in [0, 7, 14, 21] {
        let (digit, after) = rest.split_first()?;
        rest = after;
        length |= usize::from(digit & 0x7f) << shift;
        if digit & 0x80 == 0 {
            break;
        }
    }
    let body = rest.get(..length)?;
    let packet = match header >> 4 {
        3 => publish(*header, body),
        4 => number(body).map(|id| Packet::PubAck { id }),
        _ => None,
    };
    Some((packet.unwrap_or(Packet::Other), bytes.len() - rest.len() + length))
}

fn publish(header: u8, body: &[u8]) -> Option<Packet> {
    let topic = body.get(2..)?.get(..usize::from(number(body)?))?;
    let after = body.get(2 + topic.len()..)?;
    let (id, rest) = if header & 0x06 == 0 { (None, after) } else { (Some(number(after)?), after.get(2..)?) };
    let topic = String::from_utf8_lossy(topic).into_owned();
    Some(Packet::Publish { topic, id, again: header & 0x08 != 0, rest: rest.to_vec() })
}

fn number(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_found_whole_and_not_before() {
        let bytes = b"\x3A\x09\x00\x03a/b\x00\x05hi\x40\x02\x00\x05";
        let publish = Packet::Publish { topic: "a/b".into(), id: Some(5), again: true, rest: b"hi".into() };
        assert_eq!(first_packet(bytes), Some((publish, 11)));
        assert_eq!(first_packet(&bytes[..10]), None);
        assert_eq!(first_packet(&bytes[11..]), Some((Packet::PubAck { id: 5 }, 4)));
        assert_eq!(first_packet(b""), None);
    }
}
