//! The alarms of an agent that was killed again and again, against what it heard of each spell: the same as those of one that
//! was not, but for what came while it was away, and for what it heard in the last moment before it was killed, which its
//! memory may lack.
//!
//! | a message | counts |
//! |---|---|
//! | that the agent took as of now, long enough before the next kill | for sure, at the millisecond that its reading tells |
//! | of the last moment before a kill | or not |
//! | that came later: history | not |

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use vitals::time::DeviceTime;

use super::Told;
use crate::reader::Record;

/// What was heard so shortly before a kill may be forgotten, or its reading not be on the disk: both are written several times a
/// second, by a machine that is busy.
const FORGOTTEN_MS: u64 = 1_200;
/// An alarm that was told so shortly before a kill may be told anew under another id, and an end a second time.
const TOLD_ANEW_MS: u64 = 100;
/// What fell due while the agent was away it tells so soon after it is back.
const TOLD_MS: u64 = 500;

/// The rule's times.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The condition delay, ms.
    pub delay_ms: u64,
    /// The clear delay, ms.
    pub clear_ms: u64,
}

/// A kill; boot-time clock, ms.
#[derive(Debug, Clone, Copy)]
pub struct Down {
    /// The signal was given after this…
    pub from_ms: u64,
    /// …and before this.
    pub gone_ms: u64,
    /// The next run, or the one after it, was seen to be live.
    pub back_ms: u64,
}

/// A message as the agent heard it.
#[derive(Debug, Clone, Copy)]
struct Heard {
    at_ms: u64,
    low: bool,
    sure: bool,
}

/// A spell as the agent heard it.
#[derive(Debug, Clone, Copy)]
struct Spell {
    /// Its onset is one of these moments.
    onset: (u64, u64),
    /// Whether there must be an alarm of it.
    must: bool,
    /// When the alarm ends.
    end: (u64, u64),
}

/// The story of one alarm id.
#[derive(Debug, Default)]
struct Story {
    onset_ms: u64,
    delay_ms: u64,
    /// When it was told last.
    last_ms: u64,
    ends: Vec<u64>,
    wrong: Vec<String>,
}

/// What came of all of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Spells of which an alarm had to come.
    pub expected: usize,
    /// Alarms that came and ended as they had to.
    pub right: usize,
    /// Alarms that were told in the last moment before a kill, and told anew under another id.
    pub told_anew: usize,
    /// Spells too short, as the agent heard them, to be sure of an alarm.
    pub doubtful: usize,
    /// What is wrong, in words.
    pub faults: Vec<String>,
}

impl Findings {
    /// Of several beds together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.expected += other.expected;
        self.right += other.right;
        self.told_anew += other.told_anew;
        self.doubtful += other.doubtful;
        self.faults.extend(other.faults);
        self
    }
}

/// Judges one bed: what it said, when the agent took as of now which number, its alarms, and the kills.
pub fn judge(
    told: &[Told],
    taken: &BTreeMap<u64, u64>,
    alarms: &[Record],
    downs: &[Down],
    rule: Rule,
) -> Result<Findings> {
    let spells = spells(&heard(told, taken, downs), downs, rule)?;
    Ok(compare(&spells, &stories(alarms)?, downs, rule))
}

fn heard(told: &[Told], taken: &BTreeMap<u64, u64>, downs: &[Down]) -> Vec<Heard> {
    let mut heard = Vec::new();
    for it in told {
        let taken = taken.get(&it.seq).copied();
        let at_ms = taken.unwrap_or(it.at_ms);
        let forgotten = downs.iter().any(|down| {
            (at_ms..=at_ms + FORGOTTEN_MS).contains(&down.from_ms)
                || (down.from_ms..=down.gone_ms).contains(&at_ms)
        });
        if taken.is_some() || forgotten {
            heard.push(Heard { at_ms, low: it.low, sure: taken.is_some() && !forgotten });
        }
    }
    heard
}

/// What must come of what was heard. Only a stretch of it all of which may be forgotten cannot be judged.
fn spells(heard: &[Heard], downs: &[Down], rule: Rule) -> Result<Vec<Spell>> {
    let stretches: Vec<&[Heard]> = heard.chunk_by(|a, b| a.low == b.low).collect();
    let sure = |of: &[Heard]| of.iter().find(|it| it.sure).map(|it| it.at_ms);
    let mut spells = Vec::new();
    for pair in stretches.windows(2).filter(|pair| pair[0].first().is_some_and(|it| it.low)) {
        let [low, well] = pair else { continue };
        let (Some(first_low), Some(first_well)) = (low.first(), well.first()) else { continue };
        let (Some(sure_low), Some(sure_well)) = (sure(low), sure(well)) else {
            bail!("this machine is too slow: an agent was killed again before it had heard a whole spell");
        };
        // A good value at the very end of the delay comes too late (E2).
        let must = first_well.at_ms >= sure_low + rule.delay_ms;
        if !must && sure_well < first_low.at_ms + rule.delay_ms {
            continue;
        }
        let (first, mut last) = (first_well.at_ms + rule.clear_ms, sure_well + rule.clear_ms);
        for down in downs.iter().filter(|it| it.gone_ms >= first) {
            if down.from_ms <= last + TOLD_ANEW_MS {
                last = last.max(down.back_ms + TOLD_MS);
            }
        }
        spells.push(Spell { onset: (first_low.at_ms, sure_low), must, end: (first, last) });
    }
    Ok(spells)
}

/// The alarms by id. What was told twice, at once and from the store, counts once.
fn stories(alarms: &[Record]) -> Result<BTreeMap<String, Story>> {
    let (mut stories, mut seen) = (BTreeMap::<String, Story>::new(), BTreeSet::new());
    for it in alarms {
        let (id, phase) = (it.text("id").to_owned(), it.text("phase").to_owned());
        let up_ms = it.number("up_ms").context("no time")?;
        if !seen.insert((id.clone(), it.number("revision"), phase.clone(), up_ms)) {
            continue;
        }
        let (onset_ms, delay_ms) = (onset(it)?, it.number("condition_delay_ms").context("no delay")?);
        let story = stories.entry(id).or_insert_with(|| Story { onset_ms, delay_ms, ..Story::default() });
        story.last_ms = story.last_ms.max(up_ms + it.number("generation_delay_ms").unwrap_or(0));
        if (story.onset_ms, story.delay_ms) != (onset_ms, delay_ms) {
            story.wrong.push(format!("onset {onset_ms}, delay {delay_ms} in a later record"));
        }
        match &*phase {
            "end" => story.ends.push(up_ms),
            "start" | "update" | "continue" => {}
            other => story.wrong.push(format!("phase {other}")),
        }
    }
    Ok(stories)
}

/// The onset on the boot-time clock: what the record tells on both clocks says how they stand to each other.
fn onset(it: &Record) -> Result<u64> {
    let millis = |field: &str| {
        DeviceTime::parse(it.text(field)).map(DeviceTime::as_millis).with_context(|| format!("no {field}"))
    };
    let told = it.number("up_ms").context("no time")? + it.number("generation_delay_ms").unwrap_or(0);
    let before = u64::try_from(millis("signalled_at")? - millis("onset_at")?)?;
    Ok(told.saturating_sub(before))
}

fn compare(spells: &[Spell], stories: &BTreeMap<String, Story>, downs: &[Down], rule: Rule) -> Findings {
    let mut findings = Findings::default();
    let mut left: BTreeSet<&str> = stories.keys().map(String::as_str).collect();
    for spell in spells {
        findings.expected += usize::from(spell.must);
        findings.doubtful += usize::from(!spell.must);
        let (first, last) = spell.onset;
        let of_it: Vec<_> = stories.iter().filter(|(_, it)| (first..=last).contains(&it.onset_ms)).collect();
        for (id, _) in &of_it {
            left.remove(id.as_str());
        }
        let (ended, open): (Vec<_>, Vec<_>) = of_it.into_iter().partition(|(_, it)| !it.ends.is_empty());
        match ended.len() {
            0 if spell.must => findings
                .faults
                .push(format!("no alarm of the spell that began at {first} to {last} ended: {open:?}")),
            0 | 1 => findings.right += ended.len(),
            more => findings.faults.push(format!("{more} alarms of one spell: {ended:?}")),
        }
        for (id, it) in &ended {
            findings
                .faults
                .extend(faults(it, *spell, downs, rule).into_iter().map(|what| format!("{id}: {what}")));
        }
        for (id, it) in &open {
            // Between its being told and its being kept there is a moment.
            if !ended.is_empty() && is_killed_after(it.last_ms, downs) {
                findings.told_anew += 1;
            } else {
                findings.faults.push(format!("{id} never ended: {it:?}"));
            }
        }
    }
    findings.faults.extend(left.iter().map(|id| format!("{id} is of no spell: {:?}", stories.get(*id))));
    findings
}

fn is_killed_after(told_ms: u64, downs: &[Down]) -> bool {
    downs.iter().any(|it| it.gone_ms >= told_ms && it.from_ms <= told_ms + TOLD_ANEW_MS)
}

fn faults(story: &Story, spell: Spell, downs: &[Down], rule: Rule) -> Vec<String> {
    let mut faults = story.wrong.clone();
    if story.delay_ms != rule.delay_ms {
        faults.push(format!("its delay was {} ms", story.delay_ms));
    }
    let (first, last) = spell.end;
    let wrong = story.ends.iter().filter(|at| !(first..=last).contains(at));
    faults.extend(wrong.map(|at| format!("it ended at {at}, not within {first} to {last}")));
    let again =
        story.ends.iter().zip(story.ends.iter().skip(1)).filter(|(at, _)| !is_killed_after(**at, downs));
    faults.extend(again.map(|(at, again)| format!("it ended at {at} and again at {again}")));
    faults
}

#[cfg(test)]
mod tests;
