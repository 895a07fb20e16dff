//! The ward in real time: each device says what it says when it says it, on its own line, and we remember what.

mod line;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::announce::Announcer;
use crate::carrier::{Carrier, Place};
use crate::clock;
use crate::device::Emission;
use crate::scenario::Happening;
use crate::site::WARD_TOPICS;
use crate::truth::{Statement, Writer};
use crate::ward::{Ward, Way};
use line::Line;

/// How often a line is looked at for what the host has sent.
const TURN: Duration = Duration::from_millis(10);
/// Messages on their way to the broker: a second of a ward, many times over. When full, the devices wait.
const MESSAGES_MAX: usize = 256;
/// Between two tries to reach the broker.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// How long the broker may take with the last messages.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);

/// Where what was said is kept, where somebody listened.
#[derive(Debug)]
pub enum Memory {
    /// Nowhere: a ward that plays for ever.
    Nothing,
    /// In memory.
    Said(Vec<Statement>),
    /// In a file of truth.
    File(Writer),
}

impl Memory {
    fn keep(&mut self, statement: Statement) -> io::Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::Said(said) => {
                said.push(statement);
                Ok(())
            }
            Self::File(file) => file.say(&statement),
        }
    }
}

/// A ward that has played.
#[derive(Debug)]
pub struct Played {
    /// What was said.
    pub memory: Memory,
    /// Messages that the broker has not taken.
    pub untaken: u64,
    /// The lines stay plugged in until the judge has spoken.
    _lines: BTreeMap<usize, Line>,
}

/// The ward, playing.
#[derive(Debug)]
pub struct Live {
    ward: Ward,
    lines: BTreeMap<usize, Line>,
    client: AsyncClient,
    published: u64,
    taken: watch::Receiver<u64>,
    /// Whether the connection to the broker is torn down again and again.
    storm: watch::Sender<bool>,
    /// What the truth is still to be told of the scenario.
    happenings: VecDeque<Happening>,
    announcer: Option<Announcer>,
    memory: Memory,
}

/// Until when a ward plays, and how fast.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// When its time began.
    pub start: Instant,
    /// How many times faster than the clock its time goes.
    pub speed: u64,
    /// When it ends, ms of its own time; `None`: never.
    pub end_ms: Option<u64>,
}

impl Pace {
    /// The ward's time, ms.
    fn now_ms(self) -> u64 {
        let elapsed = clock::now().saturating_duration_since(self.start).as_millis();
        u64::try_from(elapsed).unwrap_or(u64::MAX).saturating_mul(self.speed)
    }

    /// How long until that moment of the ward's time.
    #[must_use]
    pub fn until(self, at_ms: u64) -> Duration {
        Duration::from_millis(at_ms.saturating_sub(self.now_ms()) / self.speed.max(1))
    }
}

impl Live {
    /// A ward that has not begun; and what carries its messages, to be run beside it.
    #[must_use]
    pub fn new(
        ward: Ward,
        carriers: BTreeMap<usize, Carrier>,
        (host, port): (&str, u16),
        memory: Memory,
    ) -> (Self, Messenger) {
        let id = format!("wardline-sim-{}", std::process::id());
        let mut options = MqttOptions::new(id, host, port);
        options.set_keep_alive(Duration::from_secs(10));
        let (client, events) = AsyncClient::new(options, MESSAGES_MAX);
        let (sender, taken) = watch::channel(0);
        let lines = carriers.into_iter().map(|(index, it)| (index, Line::new(it))).collect();
        let (storm, stormy) = watch::channel(false);
        let messenger = Messenger { events, taken: sender, storm: stormy };
        (
            Self {
                ward,
                lines,
                client,
                published: 0,
                taken,
                storm,
                happenings: VecDeque::new(),
                announcer: None,
                memory,
            },
            messenger,
        )
    }

    /// The same, telling the truth what happens as well; in order of time.
    #[must_use]
    pub fn noting(self, happenings: Vec<Happening>) -> Self {
        Self { happenings: happenings.into(), ..self }
    }

    /// The same, with monitors that announce themselves.
    #[must_use]
    pub fn announcing(self, announcer: Option<Announcer>) -> Self {
        Self { announcer, ..self }
    }

    /// Whether every line is open at its other end.
    pub fn is_listened_to(&mut self) -> bool {
        self.lines.values_mut().all(Line::is_open)
    }

    /// Plays until its end, or until `stop` is set.
    pub async fn run(mut self, pace: Pace, stop: watch::Receiver<bool>) -> io::Result<Played> {
        while !*stop.borrow() {
            let now_ms = pace.now_ms();
            if pace.end_ms.is_some_and(|it| now_ms >= it) {
                break;
            }
            self.attend_lines(now_ms)?;
            let storm = self.ward.beds.iter_mut().any(|it| it.has_storm(now_ms));
            if storm != *self.storm.borrow() {
                self.storm.send_replace(storm);
            }
            while self.happenings.front().is_some_and(|it| it.at_ms <= now_ms) {
                self.note()?;
            }
            while let Some((index, emission)) = self.ward.poll(now_ms) {
                if let Some(statement) = self.say(index, emission).await {
                    self.memory.keep(statement)?;
                }
            }
            sleep(pace.until(self.ward.due().unwrap_or(u64::MAX / 2)).min(TURN)).await;
        }
        let published = self.published;
        // What the broker has not taken was said all the same: the judge will miss it.
        let _ = timeout(TAKEN_WITHIN, self.taken.wait_for(|it| *it >= published)).await;
        let untaken = published.saturating_sub(*self.taken.borrow());
        Ok(Played { memory: self.memory, untaken, _lines: self.lines })
    }

    /// Tells the truth of the next thing that happens.
    fn note(&mut self) -> io::Result<()> {
        let Some(it) = self.happenings.pop_front() else { return Ok(()) };
        let bed = usize::try_from(it.bed).ok().and_then(|bed| self.ward.beds.get(bed));
        match (&mut self.memory, bed) {
            (Memory::File(file), Some(bed)) => {
                file.happen(clock::wall().as_micros() / 1000, &bed.id, &it.words)
            }
            _ => Ok(()),
        }
    }

    /// Hears what hosts ask.
    fn attend_lines(&mut self, now_ms: u64) -> io::Result<()> {
        for (index, line) in &mut self.lines {
            line.plug(self.ward.is_plugged(*index, now_ms))?;
            for asked in line.receive() {
                self.ward.handle_host_bytes(*index, now_ms, &asked);
            }
        }
        self.announce(now_ms);
        Ok(())
    }

    /// Lets monitors of a network that no host has announce themselves.
    fn announce(&mut self, now_ms: u64) {
        let Some(announcer) = self.announcer.as_mut() else { return };
        if !announcer.is_due(now_ms) {
            return;
        }
        for (index, line) in &self.lines {
            if let Place::Udp(SocketAddr::V4(at)) = line.place() {
                if let Some(it) = self.ward.announcement(*index, *at, now_ms) {
                    announcer.send(&it);
                }
            }
        }
    }

    async fn say(&mut self, index: usize, emission: Emission) -> Option<Statement> {
        let bed = self.ward.beds.get(index)?;
        let doubtful = emission.doubtful;
        let heard = match bed.way {
            Way::Serial(_) | Way::Tcp(_) | Way::Udp(_) => self.lines.get_mut(&index)?.send(&emission),
            Way::Mqtt => {
                let topic = format!("{WARD_TOPICS}/{}", bed.id);
                self.published += 1;
                self.client.publish(topic, QoS::AtLeastOnce, false, emission.bytes).await.is_ok()
            }
        };
        let repeats = bed.way.repeats_itself();
        // Who begins to listen amid the same sixty times a second hears it before it is told once more.
        let observation = emission.observation.filter(|_| heard || repeats)?;
        Some(Statement {
            source: bed.source.clone(),
            bed: bed.id.clone(),
            at_ms: clock::wall().as_micros() / 1000,
            seq: observation.seq,
            vitals: observation.vitals,
            doubtful: doubtful || !heard,
            repeats,
            every_ms: bed.way.every_ms(),
        })
    }
}

/// In a storm, the moment at which the connection is torn down; otherwise never.
async fn gust(storm: &mut watch::Receiver<bool>) {
    if storm.wait_for(|it| *it).await.is_err() {
        return std::future::pending().await;
    }
    sleep(AGAIN_AFTER).await;
}

/// Carries messages to the broker and counts what it has taken.
pub struct Messenger {
    events: EventLoop,
    taken: watch::Sender<u64>,
    storm: watch::Receiver<bool>,
}

impl Messenger {
    /// Runs until the ward is gone.
    pub async fn run(mut self) {
        while !self.taken.is_closed() {
            let polled = tokio::select! {
                polled = self.events.poll() => polled,
                () = gust(&mut self.storm) => {
                    // What was on its way is sent again by the next connection.
                    self.events.clean();
                    continue;
                }
            };
            match polled {
                Ok(Event::Incoming(Packet::PubAck(_))) => self.taken.send_modify(|it| *it += 1),
                Ok(_) => {}
                Err(_) => sleep(AGAIN_AFTER).await,
            }
        }
    }
}
