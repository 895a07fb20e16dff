//! A way between broker and agent that says when the agent acknowledges what it was given of the ward.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;

use crate::mqtt_bytes::{self, Packet};
use crate::proxy::{Direction, Proxy};

/// A way to the broker on a port, and the moments at which messages on `ward/…` are acknowledged on it.
pub fn watched(broker: u16) -> Result<(Proxy, Receiver<Instant>)> {
    let (tell, moments) = channel();
    // Given and not yet acknowledged: by connection and packet id.
    let given = Arc::new(Mutex::new(BTreeSet::new()));
    let proxy = Proxy::start_watched(broker, move |connection, direction| {
        let (tell, given, mut stream) = (tell.clone(), Arc::clone(&given), Vec::new());
        Box::new(move |piece| {
            stream.extend_from_slice(piece);
            let mut read = 0;
            while let Some((packet, length)) = mqtt_bytes::first_packet(&stream[read..]) {
                read += length;
                let mut given = given.lock().unwrap_or_else(PoisonError::into_inner);
                match (direction, packet) {
                    (Direction::ToClient, Packet::Publish { topic, id: Some(id), .. }) => {
                        let _ = topic.starts_with("ward/") && given.insert((connection, id));
                    }
                    (Direction::ToServer, Packet::PubAck { id }) if given.remove(&(connection, id)) => {
                        // Nobody may listen.
                        let _ = tell.send(Instant::now());
                    }
                    _ => {}
                }
            }
            stream.drain(..read);
            piece.len()
        })
    })?;
    Ok((proxy, moments))
}
