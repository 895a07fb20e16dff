//! Whether each agent lives: loss of us is an alarm (promise P10).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use vitals::record::state::{BedRecord, StatusRecord};
use vitals::time::Uptime;

use super::{AgentNews, Change, LATE_AFTER};

/// How long heartbeats may be missing, or come without a turn of the bedside loop; one is due each second.
const PATIENCE: Duration = Duration::from_secs(5);
/// An agent is only called lost if Kafka was heard this long after its last heartbeat: else Kafka is what is missing.
const KAFKA_OUTLIVES: Duration = Duration::from_secs(4);

/// The agents that were ever heard of.
#[derive(Debug, Default)]
pub(super) struct Agents {
    agents: BTreeMap<String, Agent>,
}

#[derive(Debug)]
struct Agent {
    /// Its present life, and the newest moment of its own clock that was heard of.
    run: String,
    up: Uptime,
    /// Lives that are over.
    past: BTreeSet<String>,
    /// Turns of its bedside loop; `None` before its first heartbeat.
    turns: Option<u64>,
    heard_at: Uptime,
    turned_at: Uptime,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Well,
    Stuck,
    Lost,
}

impl Agents {
    /// A heartbeat.
    pub(super) fn handle_status(&mut self, now: Uptime, status: &StatusRecord) -> Vec<Change> {
        let agent = self.agents.entry(status.agent.clone()).or_insert_with(|| Agent::new(now, &status.run));
        if agent.past.contains(&status.run) {
            return Vec::new();
        }
        let first = agent.turns.is_none();
        let restarted = agent.begin_run(&status.run);
        let turned = agent.turns != Some(status.turns);
        agent.up = agent.up.max(status.up_ms);
        agent.turns = Some(status.turns);
        agent.heard_at = now;
        if turned {
            agent.turned_at = now;
        }
        let was = agent.state;
        agent.state = match was {
            State::Stuck if !turned => State::Stuck,
            State::Well | State::Stuck | State::Lost => State::Well,
        };
        let news = match (first, restarted, was, agent.state) {
            (true, _, State::Well, _) => AgentNews::Heard { beds: status.beds, alarms: status.alarms },
            (_, _, State::Lost | State::Stuck, State::Well) => AgentNews::Back,
            (false, true, State::Well, _) => AgentNews::Restarted,
            _ => return Vec::new(),
        };
        vec![Change::Agent { agent: status.agent.clone(), news }]
    }

    /// The state of a bed: it tells of the agent that says it, and is no heartbeat.
    pub(super) fn handle_bed(&mut self, now: Uptime, bed: &BedRecord) {
        let agent = self.agents.entry(bed.agent.clone()).or_insert_with(|| Agent::new(now, &bed.run));
        // Before the first heartbeat beds of different lives may be read in any order; the heartbeat decides.
        if !agent.past.contains(&bed.run) && (agent.turns.is_none() || agent.run == bed.run) {
            agent.begin_run(&bed.run);
            agent.up = agent.up.max(bed.up_ms);
        }
    }

    /// Whether a run is over.
    pub(super) fn is_past(&self, agent: &str, run: &str) -> bool {
        self.agents.get(agent).is_some_and(|it| it.past.contains(run))
    }

    /// Whether a moment of the agent's own clock is long before the newest one heard of.
    pub(super) fn is_behind(&self, agent: &str, run: &str, up: Uptime) -> bool {
        self.agents.get(agent).is_some_and(|it| it.run == run && it.up.since(up) > LATE_AFTER)
    }

    /// Starts all patience anew: nobody could be heard until now.
    pub(super) fn forgive(&mut self, now: Uptime) {
        for agent in self.agents.values_mut() {
            agent.heard_at = now;
            agent.turned_at = now;
        }
    }

    /// Says who is lost or stuck, as far as Kafka was there to tell.
    pub(super) fn handle_timeout(&mut self, now: Uptime, kafka_heard: Uptime) -> Vec<Change> {
        let mut changes = Vec::new();
        for (id, agent) in &mut self.agents {
            let news = if agent.lost_at(kafka_heard).is_some_and(|at| now >= at) {
                agent.state = State::Lost;
                AgentNews::Lost(now.since(agent.heard_at))
            } else if agent.stuck_at().is_some_and(|at| now >= at) {
                agent.state = State::Stuck;
                AgentNews::Stuck(now.since(agent.turned_at))
            } else {
                continue;
            };
            changes.push(Change::Agent { agent: id.clone(), news });
        }
        changes
    }

    pub(super) fn poll_timeout(&self, kafka_heard: Uptime) -> Option<Uptime> {
        self.agents.values().flat_map(|it| [it.lost_at(kafka_heard), it.stuck_at()]).flatten().min()
    }
}

impl Agent {
    fn new(now: Uptime, run: &str) -> Self {
        Self {
            run: run.into(),
            up: Uptime::ZERO,
            past: BTreeSet::new(),
            turns: None,
            heard_at: now,
            turned_at: now,
            state: State::Well,
        }
    }

    /// Notes that `run` is its life now; returns whether that is another one than before.
    fn begin_run(&mut self, run: &str) -> bool {
        if self.run == run {
            return false;
        }
        self.past.insert(std::mem::replace(&mut self.run, run.into()));
        self.up = Uptime::ZERO;
        true
    }

    fn lost_at(&self, kafka_heard: Uptime) -> Option<Uptime> {
        let told = kafka_heard >= self.heard_at + KAFKA_OUTLIVES;
        (self.state != State::Lost && told).then(|| self.heard_at + PATIENCE)
    }

    /// A loop that does not turn is only seen while heartbeats come.
    fn stuck_at(&self) -> Option<Uptime> {
        let beating = self.heard_at >= self.turned_at + PATIENCE;
        (self.state == State::Well && beating).then(|| self.turned_at + PATIENCE)
    }
}
