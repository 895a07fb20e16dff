//! A device's line, which may be pulled out, and whether somebody has heard the message on it from its first byte.

use std::io;

use crate::carrier::{Carrier, Place};
use crate::device::Emission;

/// A device's line to its host.
#[derive(Debug)]
pub(super) struct Line {
    carrier: Option<Carrier>,
    /// Where its host finds it, when it is plugged in again.
    place: Place,
    /// When the message began, ms, and whether all of it found a listener. The bytes tell, not the clock: a listener who
    /// comes after a packet has begun and before its first slice leaves hears all of it.
    message: (u64, bool),
}

impl Line {
    /// A line that is plugged in.
    pub(super) fn new(carrier: Carrier) -> Self {
        Self { place: carrier.place(), carrier: Some(carrier), message: (0, true) }
    }

    /// Where its host finds it.
    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// Whether its other end is open.
    pub(super) fn is_open(&mut self) -> bool {
        self.carrier.as_mut().is_some_and(Carrier::is_open)
    }

    /// Sends a part of a message; whether all of it was heard so far.
    pub(super) fn send(&mut self, emission: &Emission) -> bool {
        let heard = self.carrier.as_mut().is_some_and(|it| it.send(&emission.bytes));
        let (first_ms, whole) = self.message;
        self.message = (emission.first_ms, heard && (whole || first_ms != emission.first_ms));
        self.message.1
    }

    /// What the host has sent since the last call.
    pub(super) fn receive(&mut self) -> Vec<Vec<u8>> {
        self.carrier.as_mut().map_or_else(Vec::new, Carrier::receive)
    }

    /// Pulls it out, or plugs it in again: the host's end goes and comes with it.
    pub(super) fn plug(&mut self, plugged: bool) -> io::Result<()> {
        match (self.carrier.take(), plugged) {
            (None, true) => self.carrier = Some(Carrier::open(&self.place).map_err(io::Error::other)?),
            (Some(carrier), false) => carrier.pull(),
            (carrier, _) => self.carrier = carrier,
        }
        Ok(())
    }
}
