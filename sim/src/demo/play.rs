//! The ward in real time: each device says what it says when it says it, on its own line, and we remember what.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::files::WARD_TOPICS;
use crate::clock;
use crate::device::Emission;
use crate::terminal::Terminal;
use crate::truth::Statement;
use crate::ward::{Ward, Way};

/// How often a line is looked at for what the host has sent.
const TURN: Duration = Duration::from_millis(10);
/// Messages on their way to the broker: a second of a ward, many times over. When full, the devices wait.
const MESSAGES_MAX: usize = 256;
/// How long the broker may take with the last messages.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);

/// A serial line, and since when somebody has listened on it.
#[derive(Debug)]
struct Line {
    terminal: Terminal,
    heard_since_ms: Option<u64>,
}

/// A ward that has played.
#[derive(Debug)]
pub(super) struct Played {
    /// What was said where somebody listened.
    pub(super) said: Vec<Statement>,
    /// The lines stay plugged in until the judge has spoken.
    _lines: BTreeMap<usize, Line>,
}

/// The ward, playing.
#[derive(Debug)]
pub(super) struct Play {
    ward: Ward,
    lines: BTreeMap<usize, Line>,
    client: AsyncClient,
    published: u64,
    taken: watch::Receiver<u64>,
    /// Whether what is said must be remembered: a ward that plays for ever cannot.
    remember: bool,
}

impl Play {
    /// A ward that has not begun; and what carries its messages, to be run beside it.
    #[must_use]
    pub(super) fn new(
        ward: Ward,
        terminals: BTreeMap<usize, Terminal>,
        port: u16,
        remember: bool,
    ) -> (Self, Messenger) {
        let mut options = MqttOptions::new("demo-ward", "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(10));
        let (client, events) = AsyncClient::new(options, MESSAGES_MAX);
        let (sender, taken) = watch::channel(0);
        let line = |(index, terminal)| (index, Line { terminal, heard_since_ms: None });
        let lines = terminals.into_iter().map(line).collect();
        (Self { ward, lines, client, published: 0, taken, remember }, Messenger { events, taken: sender })
    }

    /// Whether every serial line is open at its other end.
    #[must_use]
    pub(super) fn is_listened_to(&self) -> bool {
        self.lines.values().all(|it| it.terminal.is_open())
    }

    /// Plays from `start` until `end_ms` of the ward's time; returns what was said where somebody listened.
    pub(super) async fn run(mut self, start: Instant, end_ms: Option<u64>) -> Played {
        let mut said = Vec::new();
        loop {
            let now_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            if end_ms.is_some_and(|it| now_ms >= it) {
                break;
            }
            self.attend_lines(now_ms);
            while let Some((index, emission)) = self.ward.poll(now_ms) {
                let statement = self.say(index, emission).await;
                said.extend(statement.filter(|_| self.remember));
            }
            let due = start + Duration::from_millis(self.ward.due().unwrap_or(u64::MAX / 2));
            sleep(due.saturating_duration_since(clock::now()).min(TURN)).await;
        }
        let published = self.published;
        // What the broker has not taken was said all the same: the judge will miss it.
        let _ = timeout(TAKEN_WITHIN, self.taken.wait_for(|it| *it >= published)).await;
        Played { said, _lines: self.lines }
    }

    /// Hears what hosts ask, and who listens.
    fn attend_lines(&mut self, now_ms: u64) {
        for (index, line) in &mut self.lines {
            if !line.terminal.is_open() {
                line.heard_since_ms = None;
                continue;
            }
            line.heard_since_ms.get_or_insert(now_ms);
            line.terminal.flush();
            let asked = line.terminal.receive();
            if let Some(bed) = self.ward.beds.get_mut(*index).filter(|_| !asked.is_empty()) {
                bed.device.handle_host_bytes(now_ms, &asked);
            }
        }
    }

    async fn say(&mut self, index: usize, emission: Emission) -> Option<Statement> {
        let bed = self.ward.beds.get(index)?;
        let heard = match bed.way {
            Way::Serial(_) => {
                let line = self.lines.get_mut(&index)?;
                if !line.terminal.send(&emission.bytes) {
                    line.heard_since_ms = None;
                }
                line.heard_since_ms.is_some_and(|since| since <= emission.first_ms)
            }
            Way::Mqtt => {
                let topic = format!("{WARD_TOPICS}/{}", bed.id);
                self.published += 1;
                self.client.publish(topic, QoS::AtLeastOnce, false, emission.bytes).await.is_ok()
            }
        };
        let observation = emission.observation.filter(|_| heard)?;
        Some(Statement {
            source: bed.source.clone(),
            bed: bed.id.clone(),
            at_ms: clock::wall().as_micros() / 1000,
            seq: observation.seq,
            vitals: observation.vitals,
        })
    }
}

/// Carries messages to the broker and counts what it has taken.
pub(super) struct Messenger {
    events: EventLoop,
    taken: watch::Sender<u64>,
}

impl Messenger {
    /// Runs until the ward is gone.
    pub(super) async fn run(mut self) {
        while !self.taken.is_closed() {
            match self.events.poll().await {
                Ok(Event::Incoming(Packet::PubAck(_))) => self.taken.send_modify(|it| *it += 1),
                Ok(_) => {}
                Err(_) => sleep(TURN).await,
            }
        }
    }
}
