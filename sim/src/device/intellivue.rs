//! A Philips IntelliVue monitor behind its Data Export interface, on the serial line or in datagrams.
//!
//! By "Data Export Interface Programming Guide" (PN 4535 642 59271): it accepts one association, describes itself,
//! answers polls for as long as it is polled, and says nothing else. Messages whose layout no public text shows are those
//! of captured datagrams of an MX450 and an M8000.
//!
//! ```text
//! association request ─► accept, description ─► (the host has taken it) ─► polls ─► release, abort, silence
//! ```

mod alarms;
mod association;
mod carrier;
mod frame;
mod identity;
mod numerics;
mod operation;
mod reply;
mod words;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

use vitals::time::Timestamp;

use super::Emission;
use crate::artefact::{DeviceState, Voice};
use crate::patient::{Numerics, Patient};
use association::{Request, Session};
use carrier::Carrier;
pub use identity::connect_indication;
use identity::{Identity, Moment, relative_time};
use operation::{Operation, Poll, Refusal, Way};
use reply::Replier;

/// How often the numbers on the screen change, and with them what is sent by itself, ms.
const UPDATES_EVERY: u64 = 1024;
/// From a request to its answer, ms.
const ANSWERS_IN: u64 = 30;
/// From accepting an association to the monitor's description of itself, ms.
const DESCRIBES_IN: u64 = 150;
/// Within this the host must have taken the description, ms.
const TAKEN_WITHIN: u64 = 10_000;
/// Requests that wait for their answers; a host that asks faster is not heard.
const WAITING_MAX: usize = 32;

/// The network of a monitor's address: that of loopback.
const MASK: Ipv4Addr = Ipv4Addr::new(255, 0, 0, 0);

/// Something that the monitor is about to say.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    /// This, as it stands.
    Message(Vec<u8>),
    /// The description of itself.
    Description,
    /// What is on the screen then.
    Values(Poll),
}

/// The association with a host.
#[derive(Debug, Clone, Copy)]
struct Association {
    request: Request,
    /// Whether the host has taken the description.
    is_taken: bool,
    /// When it ends unless the host polls, ms.
    ends_ms: u64,
}

/// Results that go on by themselves.
#[derive(Debug, Clone, Copy)]
struct Periodic {
    poll: Poll,
    until_ms: u64,
    sequence: u16,
}

/// A monitor.
#[derive(Debug)]
pub struct Intellivue {
    /// The wall clock at simulated time 0, s since 1970: the monitor writes local time without a zone.
    start: i64,
    bed: u64,
    demo: bool,
    carrier: Carrier,
    association: Option<Association>,
    associations: u16,
    answers: VecDeque<(u64, Answer)>,
    periodic: Vec<Periodic>,
    /// When the numbers on the screen change next, ms.
    update_ms: u64,
    /// How often it had started anew when it was last looked at, and when it was switched on, ms.
    restarts: u64,
    on_ms: u64,
    replier: Replier,
}

impl Intellivue {
    /// A monitor on the MIB/RS-232 line of that bed. `start` is the wall clock at simulated time 0.
    #[must_use]
    pub fn serial(start: Timestamp, bed: u64) -> Self {
        Self::new(start, bed, Carrier::serial())
    }

    /// A monitor on a LAN: each call with a host's bytes is one datagram, and so is each emission.
    #[must_use]
    pub fn lan(start: Timestamp, bed: u64) -> Self {
        Self::new(start, bed, Carrier::lan())
    }

    /// The same in demonstration mode: its numbers are no patient's, and it says so.
    #[must_use]
    pub fn in_demonstration(self) -> Self {
        Self { demo: true, ..self }
    }

    fn new(start: Timestamp, bed: u64, carrier: Carrier) -> Self {
        Self {
            start: start.as_micros().div_euclid(1_000_000),
            bed,
            demo: false,
            carrier,
            association: None,
            associations: 0,
            answers: VecDeque::new(),
            periodic: Vec::new(),
            update_ms: UPDATES_EVERY,
            restarts: 0,
            on_ms: 0,
            replier: Replier::default(),
        }
    }

    /// The datagram with which it announces itself on a LAN, where it listens at `at`; `None`: a host has it.
    pub(super) fn announcement(&self, at: SocketAddrV4, now_ms: u64) -> Option<Vec<u8>> {
        let is_free = matches!(self.carrier, Carrier::Lan(_)) && self.association.is_none();
        is_free.then(|| connect_indication(self.bed, *at.ip(), MASK, at.port(), now_ms))
    }

    pub(super) fn due(&self) -> u64 {
        let answer = self.answers.front().map(|(at_ms, _)| *at_ms);
        let ends = self.association.map(|it| it.ends_ms);
        [self.carrier.due(), answer, ends].into_iter().flatten().fold(self.update_ms, u64::min)
    }

    pub(super) fn emit(&mut self, patient: &mut Patient) -> Option<Emission> {
        let at_ms = self.due();
        if self.carrier.due() == Some(at_ms) {
            return self.carrier.next();
        }
        let now = patient.at(at_ms);
        self.look_at_power(now.device, at_ms);
        if self.association.is_some_and(|it| it.ends_ms <= at_ms) {
            self.forget();
            self.carrier.put(at_ms, &association::abort(), None);
        }
        if self.answers.front().is_some_and(|(due, _)| *due <= at_ms) {
            if let Some((_, answer)) = self.answers.pop_front() {
                self.say(at_ms, &now, answer);
            }
        }
        if self.update_ms <= at_ms {
            self.update_ms = at_ms + UPDATES_EVERY;
            self.go_on(at_ms, &now);
        }
        // The first bytes leave a little later.
        None
    }

    pub(super) fn handle_host_bytes(&mut self, now_ms: u64, bytes: &[u8]) {
        for message in self.carrier.messages(bytes) {
            if self.answers.len() >= WAITING_MAX {
                return;
            }
            match (association::read(&message), operation::read(&message)) {
                (Some(session), _) => self.handle_session(now_ms, session),
                (None, Some(operation)) => self.handle_operation(now_ms, operation),
                (None, None) => {}
            }
        }
    }

    fn handle_session(&mut self, now_ms: u64, session: Session) {
        let at_ms = now_ms + ANSWERS_IN;
        match session {
            // One association at a time, until it is over.
            Session::Request(_) if self.association.is_some() => {
                self.answer(at_ms, Answer::Message(association::refuse()));
            }
            Session::Request(request) => {
                let ends_ms = now_ms + TAKEN_WITHIN;
                self.association = Some(Association { request, is_taken: false, ends_ms });
                self.associations = self.associations.wrapping_add(1);
                let accept = association::accept(request, self.carrier.longest());
                self.answer(at_ms, Answer::Message(accept));
                self.answer(now_ms + DESCRIBES_IN, Answer::Description);
            }
            Session::Release if self.association.is_some() => {
                self.forget();
                self.answer(at_ms, Answer::Message(association::released()));
            }
            Session::Release => {}
            Session::Abort => self.forget(),
        }
    }

    /// Takes an operation; outside an association there is none.
    fn handle_operation(&mut self, now_ms: u64, operation: Operation) {
        let Some(association) = &mut self.association else { return };
        let ends_ms = now_ms + times_out_after(association.request.min_poll_period);
        match operation {
            Operation::Created => {
                association.is_taken = true;
                association.ends_ms = ends_ms;
            }
            // Nothing is answered to a host that has not taken the description.
            _ if !association.is_taken => {}
            Operation::Poll(poll) => {
                association.ends_ms = ends_ms;
                self.answer(now_ms + ANSWERS_IN, Answer::Values(poll));
            }
            Operation::Unknown { invoke, class, action } => {
                let error = operation::error(invoke, Refusal::NoSuchAction, &[class, action]);
                self.answer(now_ms + ANSWERS_IN, Answer::Message(error));
            }
        }
    }

    fn answer(&mut self, at_ms: u64, answer: Answer) {
        // In the order in which they are due; those of one moment in the order of their requests.
        let place = self.answers.partition_point(|(due, _)| *due <= at_ms);
        self.answers.insert(place, (at_ms, answer));
    }

    /// Says what is due.
    fn say(&mut self, at_ms: u64, now: &Numerics, answer: Answer) {
        match answer {
            Answer::Message(message) => self.carrier.put(at_ms, &message, None),
            Answer::Description => {
                let moment = self.moment(at_ms, now);
                let attributes = identity::attributes(self.identity(now), moment);
                let information = [operation::MDS.to_vec(), words::list(&attributes)].concat();
                let message = operation::event(
                    operation::CONFIRMED_EVENT,
                    operation::MDS,
                    moment.relative,
                    operation::MDS_CREATE,
                    &information,
                );
                self.carrier.put(at_ms, &message, None);
            }
            Answer::Values(poll) => {
                if let Way::Extended { for_ms } = poll.way {
                    // What was asked before of the same objects is asked no more.
                    self.periodic.retain(|it| it.poll.class != poll.class);
                    let until_ms = at_ms + for_ms.unwrap_or(0);
                    self.periodic.extend(for_ms.map(|_| Periodic { poll, until_ms, sequence: 0 }));
                }
                self.reply(at_ms, now, &poll, 0);
            }
        }
    }

    /// Sends on what is wanted again and again.
    fn go_on(&mut self, at_ms: u64, now: &Numerics) {
        self.periodic.retain(|it| it.until_ms >= at_ms);
        for index in 0..self.periodic.len() {
            let Some(periodic) = self.periodic.get_mut(index) else { break };
            periodic.sequence = periodic.sequence.wrapping_add(1);
            let Periodic { poll, sequence, .. } = *periodic;
            self.reply(at_ms, now, &poll, sequence);
        }
    }

    fn reply(&mut self, at_ms: u64, now: &Numerics, poll: &Poll, sequence: u16) {
        let Some(association) = self.association else { return };
        let longest = self.carrier.longest().min(association.request.longest);
        let (moment, identity) = (self.moment(at_ms, now), self.identity(now));
        let start = self.start + now.device.clock_off;
        for (message, observation) in
            self.replier.messages((poll, sequence), (now, moment, identity, start), longest)
        {
            self.carrier.put(at_ms, &message, observation);
        }
    }

    fn moment(&self, at_ms: u64, now: &Numerics) -> Moment {
        Moment {
            clock: self.start + i64::try_from(at_ms / 1000).unwrap_or(0) + now.device.clock_off,
            relative: relative_time(at_ms.saturating_sub(self.on_ms)),
            demo: self.demo,
            association: self.associations,
        }
    }

    /// A twin has the serial number of the device two beds before.
    const fn identity(&self, now: &Numerics) -> Identity {
        Identity(if now.device.twin { self.bed.saturating_sub(2) } else { self.bed })
    }

    /// A monitor that was switched off knows of nothing that was before.
    fn look_at_power(&mut self, state: DeviceState, at_ms: u64) {
        if state.voice == Voice::Silent || state.restarts != self.restarts {
            self.restarts = state.restarts;
            self.on_ms = at_ms;
            self.associations = 0;
            self.forget();
        }
    }

    /// Ends the association and all that was under way in it.
    fn forget(&mut self) {
        self.association = None;
        self.answers.clear();
        self.periodic.clear();
    }
}

/// After how many ms without a poll an association is over, by the shortest period of polls that it was asked for.
fn times_out_after(min_poll_period: u32) -> u64 {
    match u64::from(min_poll_period) / 8 {
        ..=3_300 => 10_000,
        period @ ..=43_000 => period * 3,
        _ => 130_000,
    }
}

#[cfg(test)]
mod tests;
