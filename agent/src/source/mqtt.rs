//! Messages of one MQTT broker: MQTT 5, a session that the broker keeps, and every message acknowledged only when its
//! record is on the disk.
//!
//! Two tasks. [`poll`] does nothing but poll the connection and hands over without waiting; [`intake`] decodes, gives
//! observations to the bedside task, and acknowledges in order of receipt what the store has marked. How much may wait
//! in between is the link's own bound in bytes, for brokers do not keep theirs.

mod away;
pub(crate) mod connection;
mod fence;
mod intake;
mod line;
mod poll;
mod receipts;
mod route;
mod seen;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use vitals::backoff::Backoff;
use vitals::name::Name;
use vitals::time::ClockQuality;

use self::intake::Intake;
use self::poll::{Held, MESSAGES_MAX, Poll};
use self::route::Router;
use self::seen::Seen;
pub(crate) use self::seen::Stored;
use super::SourceInput;
use crate::buffer::Mark;
use crate::config::{MqttLink, TopicSource};
use crate::metrics::Metrics;
use crate::mqtt::{self, TlsError};
use crate::quarantine::Quarantine;

/// What all links together may hold unacknowledged, bytes: half of the store's queue, so that a backlog in the broker
/// is never shed there.
const HELD_MAX: usize = 16 * 1024 * 1024;

/// Requests to the client: as many acknowledgements as a broker can have messages outstanding, and some more.
const REQUESTS_MAX: usize = 65_536 + 64;

/// What a link needs to begin.
pub struct Setup {
    /// The link's index in the configuration.
    pub index: usize,
    /// How many links there are.
    pub links: usize,
    /// How the broker is reached.
    pub link: MqttLink,
    /// The sources behind it.
    pub sources: Vec<TopicSource>,
    /// Every bed of the configuration.
    pub beds: BTreeSet<Arc<Name>>,
    /// This life of the process.
    pub run: Arc<str>,
    /// To the bedside task.
    pub inbox: mpsc::Sender<SourceInput>,
    /// Up to which message everything is stored.
    pub marks: watch::Receiver<Mark>,
    /// What earlier runs have stored.
    pub stored: Stored,
    /// How far the wall clock can be believed.
    pub clock: watch::Receiver<ClockQuality>,
    /// Where what cannot be used is kept.
    pub quarantine: Quarantine,
    /// Where it is counted.
    pub metrics: Metrics,
    /// Set when the agent shuts down.
    pub stop: watch::Receiver<bool>,
}

/// Starts a link's two tasks.
pub fn start(setup: Setup, tasks: &mut JoinSet<()>) -> Result<(), TlsError> {
    let options = mqtt::options(&setup.link, "")?;
    let (speaker, connection) = connection::open(options, setup.link.version, REQUESTS_MAX);
    let (sender, receiver) = mpsc::channel(MESSAGES_MAX);
    let held = Held::new(HELD_MAX / setup.links.max(1));
    let poll = Poll {
        link: setup.link.name.clone(),
        broker: setup.link.address(),
        connection,
        renewal: mqtt::Renewal::new(setup.link.clone()),
        intake: sender,
        held: held.clone(),
        backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(10)),
        random: crate::random::u32,
    };
    let intake = Intake {
        link: setup.index,
        name: setup.link.name,
        run: setup.run,
        fence_topic: format!("wardline/{}/fence", setup.link.client_id),
        speaker,
        seen: Seen::new(setup.stored),
        router: Router::new(setup.sources, setup.beds),
        held,
        inbox: Some(setup.inbox),
        marks: setup.marks,
        clock: setup.clock,
        quarantine: setup.quarantine,
        metrics: setup.metrics,
    };
    tasks.spawn(poll.run());
    tasks.spawn(intake.run(receiver, setup.stop));
    Ok(())
}
