//! How an alarm is told to a person: mark, bed, text, since when, and how it stands.

use std::time::Duration;

use vitals::alarm::event::{Condition, Inactivation, Phase, Priority, Signal};
use vitals::reading::Mode;
use vitals::record::alarm::AlarmRecord;
use vitals::time::{ClockQuality, Timestamp};

use super::Screen;

/// The mark of a priority: never colour alone.
pub(super) fn mark(priority: Priority) -> &'static str {
    match priority {
        Priority::High => "!!!",
        Priority::Medium => "!!",
        Priority::Low => "!",
    }
}

/// A text in the colour of a priority.
pub(super) fn coloured(screen: Screen, priority: Priority, text: &str) -> String {
    let code = match priority {
        Priority::High => "1;31",
        Priority::Medium => "33",
        Priority::Low => "36",
    };
    if screen.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// What must be read before the bed: that there is no patient, or no alarm.
pub(super) fn kind(record: &AlarmRecord) -> String {
    let mode = match record.mode {
        Mode::Live => "",
        Mode::Replay => "REPLAY ",
        Mode::Simulated => "SIMULATED ",
    };
    format!("{mode}{}", if record.test { "TEST " } else { "" })
}

/// What is written on the bed, with its id where that is another.
pub(super) fn bed(record: &AlarmRecord) -> String {
    match &record.bed_label {
        Some(label) if *label != record.bed => format!("{} ({})", printable(label), record.bed),
        Some(_) | None => record.bed.clone(),
    }
}

/// How the signal stands, and what stands between it and a person.
pub(super) fn standing(record: &AlarmRecord) -> String {
    let mut words = Vec::new();
    if record.condition == Condition::Indeterminate {
        words.push("no value: nobody can tell whether it goes on".to_owned());
    }
    words.push(match record.signal {
        Signal::Off if record.phase == Phase::Reset => "reset".into(),
        Signal::Off => "ended".into(),
        Signal::On => "signal on".into(),
        Signal::Latched => "signal latched until somebody resets it".into(),
        Signal::Acknowledged => {
            let by = record.acknowledged_by.as_deref().map(|by| format!(" by {}", printable(by)));
            let at = record.acknowledged_at.map(|at| format!(" at {}", clock(at)));
            format!("acknowledged{}{}", by.unwrap_or_default(), at.unwrap_or_default())
        }
    });
    let inactive = match record.inactivation {
        Inactivation::None => None,
        Inactivation::AudioPaused => Some("audio paused"),
        Inactivation::AudioOff => Some("audio off"),
        Inactivation::AlarmPaused => Some("alarm paused"),
        Inactivation::AlarmOff => Some("alarm off"),
    };
    words.extend(inactive.map(|what| {
        let until = record.until.map(|at| format!(" until {}", clock(at)));
        format!("{what}{}", until.unwrap_or_default())
    }));
    if record.escalation_level > 0 {
        words.push("nobody has acknowledged it".into());
    }
    words.join("; ")
}

/// A moment of the agent's wall clock, as `14:01:55Z`.
pub(super) fn clock(at: Timestamp) -> String {
    let text = at.to_string();
    let time = text.split_once('T').map_or(text.as_str(), |(_, time)| time);
    format!("{}Z", time.get(..8).unwrap_or(time))
}

/// A word of warning where that clock cannot be believed.
pub(super) fn doubt(quality: Option<ClockQuality>) -> &'static str {
    match quality {
        Some(ClockQuality::Unsynced) => " by a clock that was never set",
        Some(ClockQuality::Synced | ClockQuality::Holdover) | None => "",
    }
}

/// A duration as one says it: `12 s`, `3 min 20 s`, `2 h 5 min`.
pub(super) fn duration(millis: u64) -> String {
    let seconds = Duration::from_millis(millis).as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// A text from outside with nothing in it that could move a cursor or hide a line.
pub(super) fn printable(text: &str) -> String {
    let hides = |it: char| matches!(it, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    text.chars().map(|it| if it.is_control() || hides(it) { '?' } else { it }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::example::alarm;
    use super::*;

    #[test]
    fn how_it_stands_is_said_in_full() {
        for (changes, words) in [
            (json!({}), "signal on"),
            (json!({"signal": "latched"}), "signal latched until somebody resets it"),
            (
                json!({"signal": "acknowledged", "acknowledged_by": "an\u{7}na", "acknowledged_at": "2026-11-23T14:03:00Z"}),
                "acknowledged by an?na at 14:03:00Z",
            ),
            (
                json!({"inactivation": "audio_paused", "until": "2026-11-23T14:04:00Z", "escalation_level": 1}),
                "signal on; audio paused until 14:04:00Z; nobody has acknowledged it",
            ),
            (
                json!({"condition": "indeterminate"}),
                "no value: nobody can tell whether it goes on; signal on",
            ),
            (json!({"signal": "off", "phase": "reset"}), "reset"),
        ] {
            assert_eq!(standing(&alarm(&changes)), words);
        }
    }

    #[test]
    fn durations_are_said_as_a_person_would() {
        assert_eq!(
            [999, 60_000, 200_999, 7_500_000].map(duration),
            ["0 s", "1 min", "3 min 20 s", "2 h 5 min"]
        );
    }
}
