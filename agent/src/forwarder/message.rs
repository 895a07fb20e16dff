//! A record as Kafka gets it: topic, key, headers, body.

use rdkafka::message::{Header, OwnedHeaders};
use vitals::reading::Mode;
use vitals::record::action::ACTIONS;
use vitals::record::alarm::ALARMS;
use vitals::record::ledger::{CURSORS, LEDGER, Lane};
use vitals::record::reading::READINGS;
use vitals::record::state::{BEDS, LATEST, STATUS};
use vitals::time::millis;

use super::StateTopic;
use crate::clock;
use crate::envelope::Envelope;

/// Which schema, and with it which topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schema {
    Readings,
    Alarms,
    Ledger,
    Cursors,
    State(StateTopic),
}

impl Schema {
    /// The schema of a lane's records.
    pub(super) fn of(lane: Lane) -> Self {
        match lane {
            Lane::Readings => Self::Readings,
            Lane::Alarms => Self::Alarms,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Readings => READINGS,
            Self::Alarms => ALARMS,
            Self::Ledger => LEDGER,
            Self::Cursors => CURSORS,
            Self::State(StateTopic::Latest) => LATEST,
            Self::State(StateTopic::Beds) => BEDS,
            Self::State(StateTopic::Status) => STATUS,
            Self::State(StateTopic::Actions) => ACTIONS,
        }
    }

    /// The topic: what is not live is kept apart from patients.
    pub(super) fn topic(self, mode: Mode) -> &'static str {
        match (self, mode) {
            (_, Mode::Live) => self.name(),
            (Self::Readings, _) => "sim.vitals.readings.v1",
            (Self::Alarms, _) => "sim.vitals.alarms.v1",
            (Self::Ledger, _) => "sim.vitals.ledger.v1",
            (Self::Cursors, _) => "sim.vitals.cursors.v1",
            (Self::State(StateTopic::Latest), _) => "sim.vitals.latest.v1",
            (Self::State(StateTopic::Beds), _) => "sim.vitals.beds.v1",
            (Self::State(StateTopic::Status), _) => "sim.vitals.status.v1",
            (Self::State(StateTopic::Actions), _) => "sim.vitals.actions.v1",
        }
    }
}

/// Where an envelope comes from: what its id is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Provenance<'a> {
    pub(super) agent: &'a str,
    pub(super) run: &'a str,
    /// Whether its age can be told: it is of this boot, and goes at once.
    pub(super) aged: bool,
    /// Whether it has waited for Kafka.
    pub(super) waited: bool,
}

/// The headers of a stored record: enough to route and to de-duplicate without opening the body.
pub(super) fn headers(lane: Lane, envelope: &Envelope, from: Provenance<'_>) -> OwnedHeaders {
    let schema = Schema::of(lane).name();
    // A `continue` has no number and no id of its own.
    let id = id(from.agent, from.run, lane, envelope.seq);
    let mut headers = common(schema, from.agent, envelope.mode);
    if envelope.seq > 0 {
        headers = text(text(headers, "id", &id), "ce_id", &id);
    }
    if envelope.late || from.waited {
        headers = text(headers, "late", "true");
    }
    if from.aged {
        let age = millis(clock::uptime().since(envelope.up)).to_string();
        headers = text(headers, "age_ms", &age);
    }
    headers
}

/// A stored record's id.
pub(super) fn id(agent: &str, run: &str, lane: Lane, seq: u64) -> String {
    format!("{agent}/{run}/{}/{seq}", lane.letter())
}

/// The headers of what is not numbered.
pub(super) fn common(schema: &str, agent: &str, mode: Mode) -> OwnedHeaders {
    let headers = OwnedHeaders::new_with_capacity(9);
    let headers = text(text(headers, "schema", schema), "mode", mode.name());
    let headers = text(text(headers, "ce_specversion", "1.0"), "ce_type", schema);
    text(text(headers, "ce_source", agent), "content-type", "application/json")
}

fn text(headers: OwnedHeaders, key: &str, value: &str) -> OwnedHeaders {
    headers.insert(Header { key, value: Some(value) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_simulated_topic_is_the_live_one_with_the_prefix() {
        let states = [StateTopic::Latest, StateTopic::Beds, StateTopic::Status, StateTopic::Actions]
            .map(Schema::State);
        for schema in
            [Schema::Readings, Schema::Alarms, Schema::Ledger, Schema::Cursors].into_iter().chain(states)
        {
            assert_eq!(schema.topic(Mode::Live), schema.name());
            for mode in [Mode::Simulated, Mode::Replay] {
                assert_eq!(schema.topic(mode), format!("sim.{}", schema.name()));
            }
        }
    }
}
