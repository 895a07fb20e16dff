//! A tap on the way between the MQTT broker and the agent: what the agent was given, and what it has acknowledged.
//!
//! An MQTT broker that is killed loses what it had acknowledged to the publisher and not yet saved, and gives again what
//! it had saved and got acknowledged since. Neither is the agent's doing. So the truth that a test holds the agent to
//! is taken here: a message whose acknowledgement has passed must be in Kafka; a message that was given so many times
//! as a new one may be there as often. One that is given again as such (DUP) counts once, wherever it was lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::mqtt_bytes::{self, Packet};
use crate::proxy::{Direction, Watch};
use crate::publisher::Load;

/// The tap, shared by all connections.
#[derive(Debug, Clone, Default)]
pub struct Tap {
    shared: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Of each message of the load, by its number.
    flows: Vec<Flow>,
    /// Given and not yet acknowledged: by connection and packet id.
    outstanding: HashMap<(u64, u16), usize>,
    acknowledged: u64,
}

/// What became of one message between broker and agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flow {
    /// How often it was given as a new one.
    pub given: u8,
    /// Whether the agent has acknowledged it.
    pub acknowledged: bool,
}

impl Tap {
    /// What watches one direction of a connection.
    #[must_use]
    pub fn watch(&self, load: &Load, connection: u64, direction: Direction) -> Watch {
        let (it, load) = (self.clone(), load.clone());
        let mut stream = Vec::new();
        Box::new(move |piece| {
            stream.extend_from_slice(piece);
            let mut read = 0;
            while let Some((packet, length)) = mqtt_bytes::first_packet(&stream[read..]) {
                read += length;
                it.handle(&load, connection, direction, packet);
            }
            stream.drain(..read);
            piece.len()
        })
    }

    fn handle(&self, load: &Load, connection: u64, direction: Direction, packet: Packet) {
        match (direction, packet) {
            (Direction::ToClient, Packet::Publish { topic, id: Some(id), again, rest }) => {
                let Some(number) = number(load, &topic, &rest) else { return };
                let mut taken = self.taken();
                if taken.flows.len() <= number {
                    taken.flows.resize(number + 1, Flow::default());
                }
                taken.flows[number].given += u8::from(!again);
                taken.outstanding.insert((connection, id), number);
            }
            (Direction::ToServer, Packet::PubAck { id }) => {
                let mut taken = self.taken();
                if let Some(number) = taken.outstanding.remove(&(connection, id)) {
                    let flow = &mut taken.flows[number];
                    let is_first = !std::mem::replace(&mut flow.acknowledged, true);
                    taken.acknowledged += u64::from(is_first);
                }
            }
            _ => {}
        }
    }

    /// How many different messages the agent has acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.taken().acknowledged
    }

    /// What became of each message, by its number; of none behind the end anything is known.
    #[must_use]
    pub fn flows(&self) -> Vec<Flow> {
        self.taken().flows.clone()
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of a message in its load, by its topic and by what it says.
fn number(load: &Load, topic: &str, rest: &[u8]) -> Option<usize> {
    const SEQ: &[u8] = b"\"seq\":";
    let bed = topic.strip_prefix("ward/")?;
    let at = rest.windows(SEQ.len()).position(|it| it == SEQ)? + SEQ.len();
    let digits: Vec<u8> = rest[at..].iter().copied().take_while(u8::is_ascii_digit).collect();
    let seq = std::str::from_utf8(&digits).ok()?.parse().ok()?;
    usize::try_from(load.number(bed, seq)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::Patient;

    fn publish(header: u8, id: u8, seq: u64) -> Vec<u8> {
        let payload = Patient::Stable.payload(seq);
        let mut body = b"\x00\x06ward/b\x00".to_vec();
        body.push(id);
        body.extend(payload.as_bytes());
        let length = u8::try_from(body.len()).unwrap_or(0);
        let mut bytes = vec![header, length | 0x80, length >> 7];
        bytes.extend(body);
        bytes
    }

    #[test]
    fn what_is_given_and_what_is_acknowledged_are_kept_apart() {
        let beds = vec!["a".into(), "b".into()];
        let load = Load { beds, count: 100, rate: None, first_seq: 1, patient: Patient::Stable };
        let tap = Tap::default();
        let pass = |connection, direction, mut bytes: Vec<u8>| {
            let mut watch = tap.watch(&load, connection, direction);
            for piece in bytes.chunks_mut(7) {
                watch(piece);
            }
        };
        pass(1, Direction::ToClient, [publish(0x32, 5, 1), publish(0x32, 6, 2)].concat());
        pass(1, Direction::ToServer, b"\x40\x02\x00\x05".to_vec());
        pass(2, Direction::ToServer, b"\x40\x02\x00\x06".to_vec());
        pass(2, Direction::ToClient, [publish(0x3A, 6, 2), publish(0x32, 7, 1)].concat());
        let flows = tap.flows();
        assert_eq!(flows[1], Flow { given: 2, acknowledged: true });
        assert_eq!(flows[3], Flow { given: 1, acknowledged: false }, "that acknowledgement was of nothing");
        assert_eq!((tap.acknowledged(), flows.len()), (1, 4));
    }
}
