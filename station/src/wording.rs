//! The words of a line for a nurse: priority mark, bed, what, how much, how long, and how it stands.

mod alarm;
pub mod reply;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::tz::TimeZone;
use vitals::alarm::event::Priority;
use vitals::reading::Mode;
use vitals::time::Timestamp;

use crate::ward::{AgentNews, Change, KafkaNews};

/// Said before anything else.
pub const NOTICE: &str = "Secondary notification. Not a medical device; bedside monitors remain primary.";

/// How lines are written.
#[derive(Debug, Clone)]
pub struct Wording {
    /// The zone of the clock on the wall.
    pub zone: TimeZone,
    /// Whether colours underline the marks; they never carry a meaning alone.
    pub colour: bool,
    /// Whether the stream itself is not of patients: then every line says so.
    pub simulated: bool,
}

impl Wording {
    /// The line of a change, written at `at`.
    #[must_use]
    pub fn line(&self, at: jiff::Timestamp, change: &Change) -> String {
        let time = self.clock(at);
        match change {
            Change::Alarm { record, news, late } => {
                let mark = mark(record.priority);
                let label = printable(record.bed_label.as_deref().unwrap_or(&record.bed));
                let mode = if record.mode == Mode::Live { self.stream() } else { mode_mark(record.mode) };
                let test = if record.test { "TEST " } else { "" };
                let words = self.alarm(record, *news, *late);
                self.coloured(record.priority, &format!("{time}  {mark:<3} {mode}{test}{label:<8} {words}"))
            }
            Change::Agent { agent, news } => {
                let words = agent_words(&printable(agent), *news);
                self.notice(&time, matches!(news, AgentNews::Lost(_) | AgentNews::Stuck(_)), &words)
            }
            Change::Kafka(KafkaNews::Lost(silent)) => {
                let words = format!(
                    "STATION\u{2013}KAFKA LOST: nothing heard for {}. Alarms cannot be shown here: watch the \
                     bedside monitors",
                    duration(*silent)
                );
                self.notice(&time, true, &words)
            }
            Change::Kafka(KafkaNews::Back) => self.notice(&time, false, "Station\u{2013}Kafka back"),
        }
    }

    /// The words of a change without time, mark and bed: what a pager shows.
    #[must_use]
    pub fn words(&self, change: &Change) -> String {
        match change {
            Change::Alarm { record, news, late } => self.alarm(record, *news, *late),
            Change::Agent { agent, news } => agent_words(&printable(agent), *news),
            Change::Kafka(KafkaNews::Lost(silent)) => {
                format!("STATION\u{2013}KAFKA LOST: nothing heard for {}", duration(*silent))
            }
            Change::Kafka(KafkaNews::Back) => "Station\u{2013}Kafka back".into(),
        }
    }

    /// A loss of us is as urgent as what it may hide.
    fn notice(&self, time: &str, loss: bool, words: &str) -> String {
        let mark = if loss { "!!!" } else { "" };
        let line = format!("{time}  {mark:<3} {}{words}", self.stream());
        if loss { self.coloured(Priority::High, &line) } else { line }
    }

    fn stream(&self) -> &'static str {
        if self.simulated { mode_mark(Mode::Simulated) } else { "" }
    }

    /// The time of day on the wall.
    fn clock(&self, at: jiff::Timestamp) -> String {
        self.zone.to_datetime(at).strftime("%H:%M:%S").to_string()
    }

    /// The same for the time in a record, as the bedside's clock told it.
    fn told(&self, at: Timestamp) -> String {
        jiff::Timestamp::from_microsecond(at.as_micros()).map_or_else(|_| at.to_string(), |at| self.clock(at))
    }

    fn coloured(&self, priority: Priority, line: &str) -> String {
        let code = match priority {
            Priority::High => "1;31",
            Priority::Medium => "33",
            Priority::Low => "36",
        };
        if self.colour { format!("\u{1b}[{code}m{line}\u{1b}[0m") } else { line.into() }
    }
}

/// The mark of a priority: never colour alone.
#[must_use]
pub fn mark(priority: Priority) -> &'static str {
    match priority {
        Priority::High => "!!!",
        Priority::Medium => "!!",
        Priority::Low => "!",
    }
}

fn mode_mark(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "",
        Mode::Replay => "REPLAY ",
        Mode::Simulated => "SIMULATED ",
    }
}

fn agent_words(agent: &str, news: AgentNews) -> String {
    match news {
        AgentNews::Heard { beds, alarms } => {
            format!("Agent {agent} heard: {}, {}", count(beds, "bed"), count(alarms, "open alarm"))
        }
        AgentNews::Lost(silent) => format!("AGENT LOST {agent}: no heartbeat for {}", duration(silent)),
        AgentNews::Stuck(silent) => {
            format!("AGENT STUCK {agent}: it has decided nothing for {}", duration(silent))
        }
        AgentNews::Back => format!("Agent {agent} back"),
        AgentNews::Restarted => format!("Agent {agent} was restarted"),
    }
}

fn count(number: u32, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// A duration as one says it: `12 s`, `3 min 20 s`, `2 h 5 min`.
#[must_use]
pub fn duration(it: Duration) -> String {
    let seconds = it.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, _) => format!("{rest} s"),
        (0, _, 0) => format!("{minutes} min"),
        (0, ..) => format!("{minutes} min {rest} s"),
        (_, 0, _) => format!("{hours} h"),
        _ => format!("{hours} h {minutes} min"),
    }
}

/// A text from outside with nothing in it that could move a cursor or hide a line.
fn printable(text: &str) -> String {
    text.chars().map(|it| if it.is_control() || is_format(it) { '\u{fffd}' } else { it }).collect()
}

/// Marks that reorder or hide text: directional overrides and zero-width characters.
fn is_format(it: char) -> bool {
    matches!(it, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
