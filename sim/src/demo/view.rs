//! The screen's text: a table for a terminal, one line for a pipe. Pure.

use super::news::{AgentStatus, LatestValue, Priority};
use super::seen::{BedSeen, Happening, Seen};

/// Said before anything else, and always on the screen.
pub(super) const NOTICE: &str =
    "Secondary notification, not a medical device; bedside monitors remain primary.";
/// The mark of whatever is no patient.
pub(super) const SIMULATED: &str = "SIMULATED: no patient is behind any number here.";

/// What stands in the place of a number that is no longer of now.
const OLD: &str = "old";

/// How a text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    /// Whether colours underline what marks already say.
    pub(super) colour: bool,
}

impl Style {
    fn paint(self, priority: Option<Priority>, text: &str) -> String {
        let code = match priority {
            Some(Priority::High) => "1;31",
            Some(Priority::Medium) => "33",
            Some(Priority::Low) => "36",
            None => return text.into(),
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.into() }
    }

    /// A line for something that happened.
    #[must_use]
    pub(super) fn happening(self, it: &Happening) -> String {
        let line = format!("{}  {:<8} {}", since(it.at_ms), it.who, it.words);
        self.paint(it.priority, &line)
    }

    /// The table for a terminal.
    #[must_use]
    pub(super) fn table(self, now_ms: u64, seen: &Seen, act: &str) -> Vec<String> {
        let mut lines = vec![
            format!("Wardline demo    {SIMULATED}"),
            NOTICE.into(),
            String::new(),
            format!("{}  {act}", since(now_ms)),
            format!("         {}", account(seen.agent.as_ref())),
            String::new(),
            format!("{:<7}  {:<14} {:>9} {:>9}  alarms at the bedside", "bed", "device", "HR", "SpO2"),
        ];
        lines.extend(seen.beds.values().map(|bed| {
            let alarms = bed.alarms.iter().map(|it| format!("{} {}", it.priority.mark(), it.text));
            let alarms = alarms.collect::<Vec<_>>().join("; ");
            let (rate, saturation) = numbers(now_ms, bed);
            let line = format!("{:<7}  {:<14} {rate:>9} {saturation:>9}  {alarms}", bed.label, bed.device);
            self.paint(worst(bed), line.trim_end())
        }));
        lines
    }

    /// The same in one line for a pipe: each bed with rate/saturation and the mark of its worst alarm.
    #[must_use]
    pub(super) fn row(now_ms: u64, seen: &Seen) -> String {
        let beds = seen.beds.values().map(|bed| {
            let (rate, saturation) = numbers(now_ms, bed);
            let mark = worst(bed).map_or("", Priority::mark);
            let number = bed.label.rsplit(' ').next().unwrap_or_default();
            match (rate.starts_with(OLD), rate == saturation) {
                (true, true) => format!("{number}: {rate}{mark}"),
                _ => format!("{number}: {rate}/{saturation}{mark}"),
            }
        });
        let beds = beds.collect::<Vec<_>>().join("  ");
        format!("{}  table    {} | HR/SpO2 {beds}", since(now_ms), account(seen.agent.as_ref()))
    }
}

/// What the agent says of itself.
fn account(agent: Option<&AgentStatus>) -> String {
    let Some(it) = agent else { return "the agent does not answer".into() };
    let kafka = match (it.kafka.connected, it.kafka.trouble.as_deref()) {
        (true, _) => "Kafka takes records".into(),
        (false, Some(trouble)) => format!("KAFKA AWAY ({trouble})"),
        (false, None) => "KAFKA AWAY".to_owned(),
    };
    let (taken, delivered, waiting) = (it.bedside.readings, it.kafka.readings, it.store.records);
    format!("{kafka}; {taken} readings taken, {delivered} in Kafka, {waiting} records wait on disk")
}

/// Heart or pulse rate, and saturation.
fn numbers(now_ms: u64, bed: &BedSeen) -> (String, String) {
    let of =
        |name: &str| bed.vitals.get(name).map(|(told_ms, it)| number(now_ms.saturating_sub(*told_ms), it));
    let rate = of("heart_rate").or_else(|| of("pulse_rate"));
    (rate.unwrap_or_else(|| "-".into()), of("spo2").unwrap_or_else(|| "-".into()))
}

/// A number of now, or why there is none: an old one never stands there as if it were new.
fn number(told_ago_ms: u64, it: &LatestValue) -> String {
    let age_ms = told_ago_ms + it.age_ms;
    if age_ms >= it.stale_after_ms {
        return format!("{OLD} {}s", age_ms / 1000);
    }
    match (it.value, &it.absent) {
        (Some(value), _) => format!("{value:.0}"),
        (None, Some(reason)) if reason == "sensor_off" => "off".into(),
        (None, _) => "none".into(),
    }
}

fn worst(bed: &BedSeen) -> Option<Priority> {
    bed.alarms.iter().map(|it| it.priority).max()
}

fn since(ms: u64) -> String {
    format!("{:>4}.{} s", ms / 1000, ms / 100 % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::news::OpenAlarm;

    fn value(value: f64, age_ms: u64) -> LatestValue {
        LatestValue { value: Some(value), absent: None, age_ms, stale_after_ms: 5000 }
    }

    fn seen() -> Seen {
        let mut bed = BedSeen { label: "Bed 1".into(), device: "nonin-df7".into(), ..BedSeen::default() };
        bed.vitals.insert("pulse_rate".into(), (1000, value(105.0, 200)));
        bed.vitals.insert("spo2".into(), (1000, value(74.0, 200)));
        bed.alarms.push(OpenAlarm {
            id: "1".into(),
            priority: Priority::High,
            signal: "on".into(),
            text: "SpO2 low 74 < 80".into(),
        });
        let mut seen = Seen::new(&[]);
        seen.agent = Some(AgentStatus::default());
        seen.beds.insert("a".into(), bed);
        seen
    }

    #[test]
    fn the_table_says_everything_without_colour() {
        let table = Style { colour: false }.table(2000, &seen(), "all is well").join("\n");
        for part in
            [SIMULATED, NOTICE, "Bed 1", "nonin-df7", "105", "74", "!!! SpO2 low 74 < 80", "KAFKA AWAY"]
        {
            assert!(table.contains(part), "{part}: {table}");
        }
        assert!(!table.contains('\u{1b}'));
        assert!(Style { colour: true }.table(2000, &seen(), "").join("\n").contains("\u{1b}[1;31m"));
        assert!(Style::row(2000, &seen()).contains("1: 105/74!!!"));
    }

    #[test]
    fn an_old_number_does_not_stand_as_a_new_one() {
        assert_eq!(number(1000, &value(74.0, 200)), "74");
        assert_eq!(number(4800, &value(74.0, 200)), "old 5s");
        let off = LatestValue { value: None, absent: Some("sensor_off".into()), ..value(0.0, 0) };
        assert_eq!(number(0, &off), "off");
    }
}
