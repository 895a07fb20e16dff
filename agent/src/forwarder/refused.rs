//! What becomes of a record that Kafka refuses for ever, besides its gap: it is said, counted, and kept as evidence.

use tokio::sync::watch;
use tracing::error;
use vitals::record::ledger::Lane;

use super::message::{self, Schema};
use super::{ForwarderProgress, Settings};
use crate::envelope::Envelope;

/// Gives a record up.
pub(super) fn give_up(
    settings: &Settings,
    lane: Lane,
    run: &str,
    envelope: &Envelope,
    progress: &watch::Sender<ForwarderProgress>,
) {
    let topic = Schema::of(lane).topic(envelope.mode);
    error!(
        run,
        seq = envelope.seq,
        bytes = envelope.body.len(),
        "Kafka refuses a record of {topic} for ever; it is given up, the ledger says so, and its content is in quarantine."
    );
    let id = message::id(&settings.agent, run, lane, envelope.seq);
    settings.quarantine.offer_record(id, topic, &envelope.body);
    progress.send_modify(|it| match lane {
        Lane::Readings => it.refused.readings += 1,
        Lane::Alarms => it.refused.alarms += 1,
    });
}
