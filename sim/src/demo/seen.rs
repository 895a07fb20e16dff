//! What has been seen of the ward so far, and what is worth an event. Pure: time is an argument.

use std::collections::{BTreeMap, VecDeque};

use super::child::Who;
use super::news::{AgentStatus, BedAlarms, Latest, LatestValue, News, OpenAlarm, Priority};
use crate::site::label;
use crate::ward::Bed;

/// Lines of the programs that are kept for when one of them fails.
const KEPT_LINES: usize = 20;

/// A bed as the product tells it.
#[derive(Debug, Default)]
pub(super) struct BedSeen {
    /// What is written on it.
    pub(super) label: String,
    /// Its device and how that is connected.
    pub(super) device: String,
    /// Each vital's newest value, and when it was told, ms of the demo.
    pub(super) vitals: BTreeMap<String, (u64, LatestValue)>,
    /// What is open.
    pub(super) alarms: Vec<OpenAlarm>,
}

/// Something that happened, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Happening {
    /// When, ms of the demo.
    pub(super) at_ms: u64,
    /// Who says it: `bedside`, `station`, `agent`, `demo`.
    pub(super) who: &'static str,
    /// What.
    pub(super) words: String,
    /// How urgent.
    pub(super) priority: Option<Priority>,
}

/// Everything seen so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The beds, by id.
    pub(super) beds: BTreeMap<String, BedSeen>,
    /// The agent's newest account; `None`: it does not answer.
    pub(super) agent: Option<AgentStatus>,
    /// How often the agent has answered.
    pub(super) answers: u64,
    /// Whether the agent's presence at the bedside has been heard.
    pub(super) present: bool,
    /// When the first alarm was made known, ms of the demo.
    pub(super) first_alarm_ms: Option<u64>,
    last_lines: VecDeque<String>,
    /// The agent's last sentence.
    last_words: String,
}

impl Seen {
    /// Nothing seen yet of these beds.
    #[must_use]
    pub(super) fn new(beds: &[Bed]) -> Self {
        let bed = |it: &Bed| {
            let device = it.way.device().to_owned();
            (it.id.clone(), BedSeen { label: label(&it.id), device, ..BedSeen::default() })
        };
        Self { beds: beds.iter().map(bed).collect(), ..Self::default() }
    }

    /// Takes a piece of news; returns what is worth telling.
    pub(super) fn handle(&mut self, at_ms: u64, news: News) -> Vec<Happening> {
        match news {
            News::Status(status) => {
                self.agent = status.map(|it| *it);
                self.answers += u64::from(self.agent.is_some());
            }
            News::Present(present) => self.present = present,
            News::Latest(it) => self.latest(at_ms, it),
            News::Bedside(it) => return self.bedside(at_ms, it),
            News::Line { who, text } => return self.line(at_ms, who, &text).into_iter().collect(),
        }
        Vec::new()
    }

    /// The last lines of the programs.
    pub(super) fn last_lines(&self) -> impl Iterator<Item = &str> {
        self.last_lines.iter().map(String::as_str)
    }

    /// Records that wait for Kafka.
    #[must_use]
    pub(super) fn waiting(&self) -> u64 {
        self.agent.as_ref().map_or(0, |it| it.store.records)
    }

    fn latest(&mut self, at_ms: u64, latest: Latest) {
        if let Some(bed) = self.beds.get_mut(&latest.bed) {
            bed.vitals.extend(latest.vitals.into_iter().map(|(name, value)| (name, (at_ms, value))));
        }
    }

    fn bedside(&mut self, at_ms: u64, told: BedAlarms) -> Vec<Happening> {
        let Some(bed) = self.beds.get_mut(&told.bed) else { return Vec::new() };
        let happening = |words: String, priority| Happening { at_ms, who: "bedside", words, priority };
        let mut happenings = Vec::new();
        for alarm in &told.alarms {
            let before = bed.alarms.iter().find(|it| it.id == alarm.id);
            let changed =
                before.is_none_or(|it| (it.priority, &it.signal) != (alarm.priority, &alarm.signal));
            if changed {
                let latched =
                    if alarm.signal == "latched" { " (over, latched until somebody resets it)" } else { "" };
                let words = format!("{} {}: {}{latched}", alarm.priority.mark(), bed.label, alarm.text);
                happenings.push(happening(words, Some(alarm.priority)));
                self.first_alarm_ms.get_or_insert(at_ms);
            }
        }
        for over in bed.alarms.iter().filter(|it| told.alarms.iter().all(|now| now.id != it.id)) {
            happenings.push(happening(format!("{}: over: {}", bed.label, over.text), None));
        }
        bed.alarms = told.alarms;
        happenings
    }

    fn line(&mut self, at_ms: u64, who: Who, text: &str) -> Option<Happening> {
        if self.last_lines.len() == KEPT_LINES {
            self.last_lines.pop_front();
        }
        self.last_lines.push_back(text.into());
        let happening = |who, words: &str| Happening { at_ms, who, words: words.into(), priority: None };
        match who {
            Who::Station => Some(happening("station", text)),
            Who::Agent => {
                // The journal's line of an alarm is what the bedside topic has told already, in more words.
                let words =
                    ["WARN ", "ERROR "].iter().find_map(|it| text.split_once(it)).map(|it| it.1.trim())?;
                let words = sentence(words);
                // Three parts of the agent may meet the same trouble: once is enough for a screen.
                if words == "Alarm." || words == self.last_words {
                    return None;
                }
                self.last_words = words.into();
                Some(happening("agent", words))
            }
        }
    }
}

/// The sentence of a line of the log, without the fields behind it.
fn sentence(line: &str) -> &str {
    let is_field = |at: &usize| {
        let word = line.get(*at..).and_then(|it| it.split(' ').next());
        word.is_some_and(|it| it.contains('='))
    };
    let end = line.match_indices(". ").map(|(at, _)| at + 2).find(is_field);
    end.and_then(|it| line.get(..it)).unwrap_or(line).trim_end()
}

impl Priority {
    /// Its mark, which needs no colour.
    #[must_use]
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::High => "!!!",
            Self::Medium => "!!",
            Self::Low => "!",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        let bed = BedSeen { label: "Bed 1".into(), ..BedSeen::default() };
        Seen { beds: BTreeMap::from([("a".into(), bed)]), ..Seen::default() }
    }

    fn alarms(priorities: &[(&str, Priority)]) -> News {
        let alarm = |(id, priority): &(&str, Priority)| OpenAlarm {
            id: (*id).into(),
            priority: *priority,
            signal: "on".into(),
            text: "SpO2 low 74 < 80".into(),
        };
        News::Bedside(BedAlarms { bed: "a".into(), alarms: priorities.iter().map(alarm).collect() })
    }

    #[test]
    fn an_alarm_is_told_when_it_begins_changes_and_ends_and_not_between() {
        let mut seen = seen();
        let mut words = |at_ms, priorities| {
            let told = seen.handle(at_ms, alarms(priorities));
            told.into_iter().map(|it| it.words).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(words(1, &[]), "");
        assert_eq!(words(2, &[("1", Priority::Medium)]), "!! Bed 1: SpO2 low 74 < 80");
        assert_eq!(words(3, &[("1", Priority::Medium)]), "");
        assert_eq!(words(4, &[("1", Priority::High)]), "!!! Bed 1: SpO2 low 74 < 80");
        assert_eq!(words(5, &[]), "Bed 1: over: SpO2 low 74 < 80");
        assert_eq!(seen.first_alarm_ms, Some(2));
    }

    #[test]
    fn only_what_an_operator_should_see_of_the_agents_log_is_told() {
        let mut seen = seen();
        let mut told = |text: &str| seen.handle(0, News::Line { who: Who::Agent, text: text.into() }).len();
        assert_eq!(told("2026-11-23T08:30:00Z  INFO The agent watches."), 0);
        assert_eq!(told("2026-11-23T08:30:00Z  WARN Alarm. bed=\"a\""), 0);
        assert_eq!(told("2026-11-23T08:30:00Z  WARN Kafka takes no records. client=\"a\" error=x"), 1);
        assert_eq!(told("2026-11-23T08:30:00Z  WARN Kafka takes no records. client=\"b\" error=y"), 0);
        assert_eq!(told("2026-11-23T08:30:00Z ERROR A part of the agent has panicked."), 1);
        assert_eq!(seen.last_lines().count(), 5);
        assert_eq!(sentence("A thing. Do that. port=/a. b"), "A thing. Do that.");
    }
}
