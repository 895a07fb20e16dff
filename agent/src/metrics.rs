//! Every counter of the agent: its name, unit and meaning, in one place.
//!
//! Labels carry sources and reasons of the configuration and the program, never anything of a payload.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use vitals::alarm::event::Priority;

/// A source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfSource {
    source: String,
}

/// A source and why something of it could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Rejected {
    source: String,
    reason: &'static str,
}

/// A priority.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfPriority {
    /// Which.
    pub priority: PriorityLabel,
}

/// A priority, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the label's values are the standard's words in lower case")]
pub enum PriorityLabel {
    /// Awareness.
    low,
    /// Prompt response.
    medium,
    /// Immediate response.
    high,
}

/// An annunciator and what became of an alarm there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfAnnunciator {
    annunciator: &'static str,
    outcome: &'static str,
}

type Number = Gauge<u64, AtomicU64>;

/// The counters. A clone counts into the same ones.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    accepted: Family<OfSource, Counter>,
    bytes: Family<OfSource, Counter>,
    rejected: Family<Rejected, Counter>,
    repeated: Family<OfSource, Counter>,
    missed: Family<OfSource, Counter>,
    reopened: Family<OfSource, Counter>,
    annunciated: Family<OfAnnunciator, Counter>,
    condition_delay: Family<OfPriority, Histogram, fn() -> Histogram>,
    generation_delay: Family<OfPriority, Histogram, fn() -> Histogram>,
    reload_ok: Number,
    /// What is set when somebody looks.
    pub views: Views,
}

/// What is taken from the parts' own accounts when somebody looks.
#[derive(Debug, Clone, Default)]
pub struct Views {
    pub(crate) turns: Number,
    pub(crate) readings: Number,
    pub(crate) alarm_records: Number,
    pub(crate) alarms_active: Family<OfPriority, Number>,
    pub(crate) buffer_records: Number,
    pub(crate) buffer_bytes: Number,
    pub(crate) buffer_bytes_max: Number,
    pub(crate) buffer_eta_full: Number,
    pub(crate) store_ok: Number,
    pub(crate) commits: Number,
    pub(crate) syncs: Number,
    pub(crate) evicted: Number,
    pub(crate) conservation_error: Number,
    pub(crate) delivered_readings: Number,
    pub(crate) delivered_alarms: Number,
    pub(crate) refused: Number,
    pub(crate) kafka_connected: Number,
    pub(crate) producers_recreated: Number,
}

impl Metrics {
    /// All counters at nothing.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("wardline");
        let (accepted, bytes, rejected) = (Family::default(), Family::default(), Family::default());
        let (reopened, annunciated, repeated) = (Family::default(), Family::default(), Family::default());
        let missed = Family::default();
        let condition_delay = Family::new_with_constructor(condition_buckets as fn() -> Histogram);
        let generation_delay = Family::new_with_constructor(generation_buckets as fn() -> Histogram);
        registry.register("readings_accepted", "Observation sets taken from a source", accepted.clone());
        registry.register_with_unit("received", "Bytes taken from a source", Unit::Bytes, bytes.clone());
        registry.register(
            "readings_rejected",
            "What of a source could not be used, by reason",
            rejected.clone(),
        );
        let what = "Messages that the broker sent again and that were stored before";
        registry.register("messages_repeated", what, repeated.clone());
        let what = "Messages of a source that never came, by the numbers it gives them";
        registry.register("messages_missed", what, missed.clone());
        registry.register("serial_reopened", "Times a port was opened", reopened.clone());
        registry.register("annunciated", "Alarm changes handed to local annunciators", annunciated.clone());
        let what = "From onset to decision (IEC 60601-1-8: alarm condition delay)";
        registry.register_with_unit("alarm_condition_delay", what, Unit::Seconds, condition_delay.clone());
        let what = "From decision to annunciation (IEC 60601-1-8: alarm signal generation delay)";
        registry.register_with_unit(
            "alarm_signal_generation_delay",
            what,
            Unit::Seconds,
            generation_delay.clone(),
        );
        let reload_ok = Number::default();
        let what = "1 while the rules of alarms are those of the file as it was last read; 0: it could not be used, and the rules before it are in force";
        registry.register("alarm_rules_reload_ok", what, reload_ok.clone());
        reload_ok.set(1);
        let views = Views::default();
        views.register(&mut registry);
        let registry = Arc::new(registry);
        Self {
            registry,
            accepted,
            bytes,
            rejected,
            repeated,
            missed,
            reopened,
            annunciated,
            condition_delay,
            generation_delay,
            reload_ok,
            views,
        }
    }

    /// Counts what a source gave: observation sets, and the bytes they came in.
    pub fn accept(&self, source: &str, observations: usize, bytes: usize) {
        let of = OfSource { source: source.into() };
        self.accepted.get_or_create(&of).inc_by(observations.try_into().unwrap_or(u64::MAX));
        self.bytes.get_or_create(&of).inc_by(bytes.try_into().unwrap_or(u64::MAX));
    }

    /// Counts something of a source that could not be used.
    pub fn reject(&self, source: &str, reason: &'static str) {
        self.rejected.get_or_create(&Rejected { source: source.into(), reason }).inc();
    }

    /// Counts a message that was stored before.
    pub fn repeat(&self, source: &str) {
        self.repeated.get_or_create(&OfSource { source: source.into() }).inc();
    }

    /// Counts messages of a source that never came.
    pub fn miss(&self, source: &str, count: u64) {
        if count > 0 {
            self.missed.get_or_create(&OfSource { source: source.into() }).inc_by(count);
        }
    }

    /// Counts that a port was opened.
    pub fn reopen(&self, source: &str) {
        self.reopened.get_or_create(&OfSource { source: source.into() }).inc();
    }

    /// Counts what became of an alarm at an annunciator.
    pub fn annunciate(&self, annunciator: &'static str, outcome: &'static str) {
        self.annunciated.get_or_create(&OfAnnunciator { annunciator, outcome }).inc();
    }

    /// Notes whether rules that were read again are in force.
    pub fn note_reload(&self, ok: bool) {
        self.reload_ok.set(u64::from(ok));
    }

    /// Measures the two delays of an alarm whose signal begins: from onset to decision, and from there to here.
    pub fn signal(&self, priority: Priority, condition: Duration, generation: Duration) {
        let priority = match priority {
            Priority::Low => PriorityLabel::low,
            Priority::Medium => PriorityLabel::medium,
            Priority::High => PriorityLabel::high,
        };
        let of = OfPriority { priority };
        self.condition_delay.get_or_create(&of).observe(condition.as_secs_f64());
        self.generation_delay.get_or_create(&of).observe(generation.as_secs_f64());
    }

    /// All counters in the text format of OpenMetrics.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(_) => String::new(),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// The delays that limits have, in seconds.
fn condition_buckets() -> Histogram {
    Histogram::new([0.0, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0])
}

/// Around what is promised, in seconds: 0.5 at most.
fn generation_buckets() -> Histogram {
    Histogram::new([0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0])
}

impl Views {
    fn register(&self, registry: &mut Registry) {
        let mut number = |name: &str, what: &str, it: &Number| registry.register(name, what, it.clone());
        number("bedside_turns", "Turns of the bedside loop in this run", &self.turns);
        number("readings", "Readings numbered in this run", &self.readings);
        number("alarm_records", "Alarm records numbered in this run", &self.alarm_records);
        number("buffer_records", "Records on disk that Kafka does not have yet", &self.buffer_records);
        number("buffer_bytes", "Bytes on disk, counted in blocks", &self.buffer_bytes);
        number("buffer_bytes_max", "The bound of those bytes", &self.buffer_bytes_max);
        number(
            "buffer_eta_full_seconds",
            "How long readings are kept whole if Kafka takes none from now on, at the rate of the last ten minutes; ten years: no end in sight",
            &self.buffer_eta_full,
        );
        number("store_ok", "1 while records reach the disk", &self.store_ok);
        number("store_commits", "Groups made durable in this run", &self.commits);
        number("store_syncs", "Syncs of the disk in this run", &self.syncs);
        number("readings_gap", "Readings that a gap record stands for in this run", &self.evicted);
        number(
            "conservation_error",
            "Records that are neither delivered nor kept nor covered by a gap: 0, or something is wrong",
            &self.conservation_error,
        );
        number(
            "readings_delivered",
            "Readings that Kafka has acknowledged in this run",
            &self.delivered_readings,
        );
        number(
            "alarms_delivered",
            "Alarm records that Kafka has acknowledged in this run",
            &self.delivered_alarms,
        );
        number("records_refused", "Records that Kafka refused for ever in this run", &self.refused);
        number("kafka_connected", "1 while Kafka takes records", &self.kafka_connected);
        number("kafka_producer_recreated", "Times a producer was thrown away", &self.producers_recreated);
        registry.register("alarms_active", "Open alarms by priority", self.alarms_active.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown_under_its_name() {
        let metrics = Metrics::new();
        metrics.accept("monitor-07", 2, 100);
        metrics.reject("monitor-07", "not_json");
        let text = metrics.text();
        assert!(text.contains("wardline_readings_accepted_total{source=\"monitor-07\"} 2"), "{text}");
        assert!(
            text.contains("wardline_readings_rejected_total{source=\"monitor-07\",reason=\"not_json\"} 1"),
            "{text}"
        );
        metrics.signal(Priority::High, Duration::from_secs(15), Duration::from_millis(20));
        let text = metrics.text();
        for line in [
            "wardline_alarm_condition_delay_seconds_bucket{le=\"15.0\",priority=\"high\"} 1",
            "wardline_alarm_condition_delay_seconds_bucket{le=\"10.0\",priority=\"high\"} 0",
            "wardline_alarm_signal_generation_delay_seconds_bucket{le=\"0.025\",priority=\"high\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in:\n{text}");
        }
    }
}
