//! One source behind a topic: its payload's format, and what it makes of a message.

use vitals::device::{self, Driver, Repeats};
use vitals::notice::Notices;
use vitals::observation::{Late, Observation};
use vitals::payload::{Payload, PayloadError, mapped, senml, wardline};
use vitals::reading::Reading;
use vitals::record::alarm::WallClock;
use vitals::sequence::Sequence;

use super::route::Route;
use crate::config::{Format, TopicSource};
use crate::source::SourceInput;
use crate::source::stamp::Stamp;

/// How a message came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    /// When its last byte was read, on both clocks.
    pub(super) wall: WallClock,
    /// Whether the broker had kept it for whoever comes.
    pub(super) retained: bool,
    /// Whether it came before the fence.
    pub(super) backlog: bool,
    /// Whether the broker had sent it before.
    pub(super) redelivered: bool,
}

impl Circumstances {
    /// Whether the broker is known to have kept it.
    const fn is_history(self) -> bool {
        self.retained || self.backlog
    }
}

/// What a message came to.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// What was said, in order.
    pub(super) observations: Vec<Observation>,
    /// Why parts of it, or all of it, could not be used.
    pub(super) faults: Vec<&'static str>,
    /// What else there is to say of the source: before its readings, and after.
    pub(super) words: (Vec<SourceInput>, Vec<SourceInput>),
}

/// One source behind a topic.
pub(super) struct Line {
    pub(super) stamp: Stamp,
    format: LineFormat,
    repeats: Option<Repeats>,
    sequence: Sequence,
    /// Messages that never came, until a reading can say so.
    missed: u64,
    /// What was said in a backlog, the last of each kind: a driver says it once, and it may still be so.
    unsaid: Notices,
}

enum LineFormat {
    Wardline,
    Mapped(vitals::payload::Mapping),
    Senml(senml::Names),
    Device(Box<dyn Driver>),
}

impl Line {
    pub(super) fn new(route: &Route, source: &TopicSource) -> Self {
        let format = match &source.format {
            Format::Wardline => LineFormat::Wardline,
            Format::Mapped(mapping) => LineFormat::Mapped(mapping.clone()),
            Format::Senml(names) => LineFormat::Senml(names.clone()),
            Format::Device(model) => LineFormat::Device(device::driver(*model, source.common.period)),
        };
        let repeats = match &source.format {
            Format::Device(model) => Some(Repeats::new(*model, source.common.period)),
            Format::Wardline | Format::Mapped(_) | Format::Senml(_) => None,
        };
        let stamp = Stamp::new(&source.common, &route.bed, &route.id, source.format.name());
        let (sequence, unsaid) = (Sequence::default(), Notices::default());
        Self { stamp, format, repeats, sequence, missed: 0, unsaid }
    }

    /// Reads a message.
    pub(super) fn decode(&mut self, payload: &[u8], how: Circumstances) -> Decoded {
        let mut decoded = Decoded::default();
        match &mut self.format {
            LineFormat::Wardline => {
                let parsed = wardline::parse(payload).map(|it| vec![it]);
                self.take(parsed, how, &mut decoded);
            }
            LineFormat::Mapped(mapping) => {
                let parsed = mapped::parse(mapping, payload).map(|it| vec![it]);
                self.take(parsed, how, &mut decoded);
            }
            LineFormat::Senml(names) => {
                let parsed = senml::parse(names, payload);
                self.take(parsed, how, &mut decoded);
            }
            LineFormat::Device(driver) => {
                let (up, before) = (how.wall.up, driver.counts());
                driver.handle_bytes(up, payload);
                // The next message may be long in coming.
                driver.handle_pause();
                let counts = driver.counts();
                decoded.words.1.extend(self.stamp.handle_counts(up, before, counts));
                std::iter::from_fn(|| driver.poll_notice()).for_each(|it| self.unsaid.put(it));
                // A backlog says nothing of the device of now; the first live word says that it still holds.
                if !how.is_history() {
                    decoded.words.0.extend(self.unsaid.drain().map(|it| self.stamp.notice(it, up)));
                }
                let mut readings = Vec::new();
                while let Some(outcome) = driver.poll_reading() {
                    match outcome {
                        Ok(reading) => {
                            let is_news =
                                self.repeats.as_mut().is_none_or(|it| it.is_news(how.wall.up, &reading));
                            readings.extend(is_news.then_some(reading));
                        }
                        Err(fault) => decoded.faults.push(fault.name()),
                    }
                }
                decoded.observations.extend(readings.into_iter().map(|it| self.observe(it, how)));
            }
        }
        decoded.words.1.extend(self.stamp.poll_skew(how.wall.up));
        decoded
    }

    fn take(
        &mut self,
        parsed: Result<Vec<Payload>, PayloadError>,
        how: Circumstances,
        decoded: &mut Decoded,
    ) {
        match parsed {
            Ok(payloads) => {
                for mut it in payloads {
                    decoded.faults.extend(it.faults.iter().map(vitals::payload::FieldFault::reason));
                    let again = how.redelivered || how.retained;
                    self.missed += it.reading.device_seq.map_or(0, |seq| self.sequence.handle(seq, again));
                    if !it.reading.measurements.is_empty() {
                        it.reading.device_missed = std::mem::take(&mut self.missed);
                        decoded.observations.push(self.observe(it.reading, how));
                    }
                }
            }
            Err(error) => decoded.faults.push(error.reason()),
        }
    }

    fn observe(&mut self, reading: Reading, how: Circumstances) -> Observation {
        let late = match how {
            Circumstances { retained: true, .. } => Some(Late::Retained),
            Circumstances { backlog: true, .. } => Some(Late::Backlog),
            Circumstances { .. } => None,
        };
        Observation { redelivered: how.redelivered, ..self.stamp.observe(reading, how.wall, late) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vitals::device::DeviceModel;
    use vitals::name::Name;
    use vitals::notice::Notice;
    use vitals::reading::Mode;
    use vitals::time::{ClockQuality, Timestamp, Uptime};

    use super::*;
    use crate::config::{Source, TopicBed};
    use crate::source::Word;

    fn source_of(model: DeviceModel) -> Line {
        let name = |text| Arc::new(Name::parse(text).unwrap());
        let common = Source {
            id: name("oximeter"),
            period: model.period(),
            critical: false,
            nibp_interval: None,
            same_limb: false,
            mode: Mode::Simulated,
        };
        let route = Route { source: 0, bed: name("bed-1"), id: name("oximeter") };
        let bed = TopicBed::Fixed(name("bed-1"));
        let source =
            TopicSource { common, link: 0, filter: "raw".into(), bed, format: Format::Device(model) };
        Line::new(&route, &source)
    }

    #[test]
    fn what_a_device_said_in_the_backlog_is_told_with_its_first_live_word() {
        let heading =
            "NPB-295   VERSION 2.0.0.0    CRC: XXXX   SpO2 Limit: 70-100%   PR Limit: 60-160BPM\r\n";
        let row = "12-NOV-98 14:00:05     100    120    50\r\n";
        let wall =
            WallClock { up: Uptime::from_millis(5), at: Timestamp::EPOCH, quality: ClockQuality::Unsynced };
        let live = Circumstances { wall, retained: false, backlog: false, redelivered: false };
        let mut oximeter = source_of(DeviceModel::Nellcor);
        let mut limits = |text: &str, how| {
            let is = |it: &SourceInput| {
                matches!(it, SourceInput::Word { word: Word::Notice(_, Notice::Limits(_)), .. })
            };
            oximeter.decode(text.as_bytes(), how).words.0.iter().filter(|it| is(it)).count()
        };
        assert_eq!(limits(heading, Circumstances { backlog: true, ..live }), 0);
        assert_eq!(limits(row, Circumstances { retained: true, ..live }), 0);
        assert_eq!(limits(row, live), 1);
        assert_eq!(limits(row, live), 0);
    }
}
