//! Which source a topic belongs to: the configuration's filters, and a bed's name as one level of the topic.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vitals::name::Name;

use crate::config::{TopicBed, TopicSource};

/// Topics whose route is remembered: the beds of a large hospital twice over. What is beyond is looked up each time.
const REMEMBERED_MAX: usize = 4096;

/// The line of one source: a filter's index and the bed it stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Route {
    /// Index into the link's topic sources.
    pub(super) source: usize,
    /// The bed.
    pub(super) bed: Arc<Name>,
    /// The source's id: with the bed as a second part where the filter stands for many beds.
    pub(super) id: Arc<Name>,
}

/// Why a topic has no route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoRoute {
    /// No filter of the configuration matches it: the broker sends what an older configuration subscribed to.
    UnknownTopic,
    /// Its level for the bed names none of the configuration's.
    UnknownBed,
}

impl NoRoute {
    /// Its name in metrics.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::UnknownTopic => "unknown_topic",
            Self::UnknownBed => "unknown_bed",
        }
    }
}

/// Finds the source of a topic.
pub(super) struct Router {
    sources: Vec<TopicSource>,
    beds: BTreeSet<Arc<Name>>,
    remembered: BTreeMap<Vec<u8>, Arc<Route>>,
}

impl Router {
    pub(super) fn new(sources: Vec<TopicSource>, beds: BTreeSet<Arc<Name>>) -> Self {
        Self { sources, beds, remembered: BTreeMap::new() }
    }

    /// The filters to subscribe to.
    pub(super) fn filters(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(|it| it.filter.as_str())
    }

    /// Every source that may speak here, and its bed.
    pub(super) fn all(&self) -> Vec<(Arc<Name>, Arc<Name>)> {
        let of = |source: &TopicSource| -> Vec<(Arc<Name>, Arc<Name>)> {
            let id = &source.common.id;
            match &source.bed {
                TopicBed::Fixed(bed) => vec![(Arc::clone(bed), Arc::clone(id))],
                TopicBed::Level(_) => {
                    self.beds.iter().filter_map(|bed| Some((Arc::clone(bed), of_bed(id, bed)?))).collect()
                }
            }
        };
        self.sources.iter().flat_map(of).collect()
    }

    /// The configuration of a route's source.
    pub(super) fn source(&self, route: &Route) -> Option<&TopicSource> {
        self.sources.get(route.source)
    }

    /// The route of a topic.
    pub(super) fn route(&mut self, topic: &[u8]) -> Result<Arc<Route>, NoRoute> {
        if let Some(route) = self.remembered.get(topic) {
            return Ok(Arc::clone(route));
        }
        let route = Arc::new(self.find(topic)?);
        if self.remembered.len() < REMEMBERED_MAX {
            self.remembered.insert(topic.into(), Arc::clone(&route));
        }
        Ok(route)
    }

    /// Whether a message of this topic may be kept as evidence: it is known in which format it is, and that this one names no
    /// patient.
    pub(super) fn may_be_kept(&self, topic: &[u8]) -> bool {
        std::str::from_utf8(topic)
            .ok()
            .and_then(|it| self.matching(it))
            .is_some_and(|(_, source)| !source.format.names_patients())
    }

    fn matching(&self, topic: &str) -> Option<(usize, &TopicSource)> {
        self.sources.iter().enumerate().find(|(_, source)| rumqttc::matches(topic, &source.filter))
    }

    fn find(&self, topic: &[u8]) -> Result<Route, NoRoute> {
        let topic = std::str::from_utf8(topic).map_err(|_| NoRoute::UnknownTopic)?;
        let (index, source) = self.matching(topic).ok_or(NoRoute::UnknownTopic)?;
        match &source.bed {
            TopicBed::Fixed(bed) => {
                Ok(Route { source: index, bed: Arc::clone(bed), id: Arc::clone(&source.common.id) })
            }
            TopicBed::Level(level) => {
                let name = topic.split('/').nth(*level).and_then(|it| Name::parse(it).ok());
                let bed =
                    name.and_then(|it| self.beds.get(&it).map(Arc::clone)).ok_or(NoRoute::UnknownBed)?;
                let id = of_bed(&source.common.id, &bed).ok_or(NoRoute::UnknownBed)?;
                Ok(Route { source: index, bed, id })
            }
        }
    }
}

/// One bed's share of a source for many beds.
fn of_bed(source: &Name, bed: &Name) -> Option<Arc<Name>> {
    Name::parse(&format!("{source}/{bed}")).ok().map(Arc::new)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use vitals::reading::Mode;

    use super::*;
    use crate::config::{Format, Source};

    fn name(text: &str) -> Arc<Name> {
        Arc::new(Name::parse(text).unwrap())
    }

    fn source(id: &str, filter: &str, bed: TopicBed) -> TopicSource {
        let common = Source {
            id: name(id),
            period: Duration::from_secs(1),
            critical: false,
            nibp_interval: None,
            same_limb: false,
            mode: Mode::Live,
        };
        TopicSource { common, link: 0, filter: filter.into(), bed, format: Format::Wardline }
    }

    fn router() -> Router {
        let sources = vec![
            source("monitor-7", "vitals/monitor-7", TopicBed::Fixed(name("bed-7"))),
            source("wearable", "vitals/icu/+/numerics", TopicBed::Level(2)),
        ];
        Router::new(sources, [name("bed-7"), name("bed-8")].into())
    }

    #[test]
    fn a_level_of_the_topic_names_the_bed() {
        let route = router().route(b"vitals/icu/bed-8/numerics").unwrap();
        assert_eq!((route.bed.as_str(), route.id.as_str()), ("bed-8", "wearable/bed-8"));
        let route = router().route(b"vitals/monitor-7").unwrap();
        assert_eq!((route.bed.as_str(), route.id.as_str()), ("bed-7", "monitor-7"));
    }

    #[test]
    fn every_source_of_every_bed_is_named() {
        let all = router().all();
        let all: Vec<_> = all.iter().map(|(bed, id)| (bed.as_str(), id.as_str())).collect();
        let of_beds = [("bed-7", "wearable/bed-7"), ("bed-8", "wearable/bed-8")];
        assert_eq!(all, [&[("bed-7", "monitor-7")], &of_beds[..]].concat());
    }

    #[test]
    fn look_alikes_and_strangers_have_no_route() {
        for topic in ["vitals/icu/bed-9/numerics", "vitals/icu/bed\u{ff18}/numerics", "vitals/icu//numerics"]
        {
            assert_eq!(router().route(topic.as_bytes()), Err(NoRoute::UnknownBed), "{topic}");
        }
        for topic in [&b"vitals/icu/bed-8"[..], b"", b"vitals/\xff", b"other"] {
            assert_eq!(router().route(topic), Err(NoRoute::UnknownTopic), "{topic:?}");
        }
    }

    #[test]
    fn only_what_surely_names_no_patient_may_be_kept() {
        let mut router = router();
        let model = vitals::device::DeviceModel::MindrayPds;
        let format = Format::Device(model);
        router.sources.push(TopicSource { format, ..source("monitor", "raw/+", TopicBed::Level(1)) });
        for (topic, may) in [
            (&b"vitals/monitor-7"[..], true),
            (b"vitals/icu/bed-9/numerics", true),
            (b"raw/bed-8", false),
            (b"raw/bed-9", false),
            (b"other", false),
            (b"vitals/\xff", false),
        ] {
            assert_eq!(router.may_be_kept(topic), may, "{topic:?}");
        }
    }

    #[test]
    fn a_flood_of_topics_is_not_remembered() {
        let mut router = router();
        router.sources.push(source("all", "flood/#", TopicBed::Fixed(name("bed-7"))));
        for number in 0..2 * REMEMBERED_MAX {
            router.route(format!("flood/{number}").as_bytes()).unwrap();
        }
        assert_eq!(router.remembered.len(), REMEMBERED_MAX);
    }
}
