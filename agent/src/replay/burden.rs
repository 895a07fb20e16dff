//! Alarm burden: which rules make most noise, and what another delay would have done to these very numbers.
//!
//! Each figure is a run of the engine over the whole table with one delay changed, and no estimate from how long alarms
//! lasted: a longer delay also lets some alarms fall together. Whether an alarm that would have gone was wanted, the
//! numbers alone cannot say; but what lasted for a minute was no blip, and how much later that would have come is told too.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use vitals::alarm::event::Code;
use vitals::alarm::policy::AlarmPolicy;
use vitals::time::Uptime;

use super::error::ReplayError;
use super::summary::{Life, Summary, per_day, seconds};
use super::table::Table;

/// How many rules are looked at.
const LOUDEST: usize = 3;
/// What is added to a delay; it is doubled too.
const LONGER: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(15), Duration::from_secs(30)];
/// An alarm that lasts as long is no noise, whoever heard it.
const LONG: Duration = Duration::from_secs(60);

/// The burden of a table under a policy.
#[derive(Debug)]
pub(super) struct Burden {
    rules: Vec<RuleBurden>,
    all: u32,
    /// How many there would have been without any delay.
    at_once: u32,
    length: Duration,
}

#[derive(Debug)]
struct RuleBurden {
    code: Code,
    alarms: u32,
    /// Its delay, and what each other would have done; none: it has no delay.
    delays: Option<(Duration, Vec<Other>)>,
    /// Of the alarms, those that lasted long.
    long: Vec<Life>,
}

/// What another delay would have done.
#[derive(Debug)]
struct Other {
    delay: Duration,
    alarms: u32,
    /// By how much each long alarm would have come later; none: not at all.
    later: Vec<Option<Duration>>,
}

/// Weighs a table; `again` plays it with another policy.
pub(super) fn weigh(
    policy: &AlarmPolicy,
    summary: &Summary,
    table: &Table,
    again: impl Fn(AlarmPolicy) -> Result<Summary, ReplayError>,
) -> Result<Burden, ReplayError> {
    let mut rules = Vec::new();
    let end = table.rows.last().map_or(Uptime::ZERO, |row| row.at);
    for code in summary.loudest().into_iter().take(LOUDEST) {
        let mut changed = policy.clone();
        let lasted = |it: &Life| it.until.unwrap_or(end).since(it.decided);
        let long: Vec<Life> = summary.lives(code).filter(|it| lasted(it) >= LONG).collect();
        let delays = match delay(&mut changed, code).copied() {
            None => None,
            Some(own) => {
                let mut others = Vec::new();
                for other in delays(own) {
                    let mut changed = policy.clone();
                    if let Some(delay) = delay(&mut changed, code) {
                        *delay = other;
                    }
                    let played = again(changed)?;
                    let later = if other > own { later(&long, &played, code) } else { Vec::new() };
                    others.push(Other { delay: other, alarms: played.alarms(code), later });
                }
                Some((own, others))
            }
        };
        rules.push(RuleBurden { code, alarms: summary.alarms(code), delays, long });
    }
    let at_once = again(without_delays(policy))?.all();
    Ok(Burden { rules, all: summary.all(), at_once, length: table.length() })
}

/// The delays to try in place of a rule's own: none, and longer ones.
fn delays(own: Duration) -> BTreeSet<Duration> {
    let longer = LONGER.iter().map(|it| own + *it);
    let all: BTreeSet<Duration> = longer.chain([Duration::ZERO, own * 2]).collect();
    all.into_iter().filter(|it| *it != own).collect()
}

/// By how much each of these alarms comes later in another run; none: it does not come while it was there.
fn later(long: &[Life], played: &Summary, code: Code) -> Vec<Option<Duration>> {
    let later = |it: &Life| {
        let mut others = played.lives(code).filter(|other| other.until.is_none_or(|at| at > it.decided));
        let other = others.next().filter(|other| it.until.is_none_or(|at| other.decided < at));
        other.map(|other| other.decided.since(it.decided))
    };
    long.iter().map(later).collect()
}

/// The delay of a rule's alarm limit, where it has one that counts. That of the extreme limit is never touched: it is
/// there so that no longer delay hides what is grave.
fn delay(policy: &mut AlarmPolicy, code: Code) -> Option<&mut Duration> {
    match code {
        Code::Limit(vital, _) if vital.is_discrete() => None,
        Code::Limit(vital, direction) => {
            policy.rules.get_mut(&(vital, direction)).map(|it| &mut it.limit.delay)
        }
        Code::SensorOff => Some(&mut policy.technical.sensor_off.delay),
        Code::NoValue => Some(&mut policy.technical.no_value.delay),
        _ => None,
    }
}

/// The same limits, each at once.
fn without_delays(policy: &AlarmPolicy) -> AlarmPolicy {
    let mut policy = policy.clone();
    for rule in policy.rules.values_mut() {
        rule.limit.delay = Duration::ZERO;
        if let Some(extreme) = &mut rule.extreme {
            extreme.delay = Duration::ZERO;
        }
    }
    policy.technical.sensor_off.delay = Duration::ZERO;
    policy.technical.no_value.delay = Duration::ZERO;
    policy
}

impl Burden {
    /// Writes a line for each of the loudest rules, and one for all delays together.
    pub(super) fn write(&self, talk: &mut impl Write) -> io::Result<()> {
        writeln!(talk, "what makes most noise, and what another delay of the alarm limit would have done:")?;
        for it in &self.rules {
            it.write(talk)?;
        }
        let Self { all, at_once, length, .. } = self;
        writeln!(
            talk,
            "  without any delay: {at_once} alarms, {} a patient-day; with them: {all}, {} ({})",
            per_day(*at_once, *length),
            per_day(*all, *length),
            change(*at_once, *all),
        )
    }
}

impl RuleBurden {
    fn write(&self, talk: &mut impl Write) -> io::Result<()> {
        let (name, alarms) = (self.code.to_string(), self.alarms);
        let Some((own, others)) = &self.delays else {
            return writeln!(talk, "  {name:<22} {alarms:>5} alarms; it has no delay");
        };
        let told = others
            .iter()
            .map(|it| format!("{} s {} ({})", it.delay.as_secs(), it.alarms, change(alarms, it.alarms)));
        let told = told.collect::<Vec<_>>().join(", ");
        writeln!(talk, "  {name:<22} {alarms:>5} alarms at {} s: {told}", own.as_secs())?;
        if self.long.is_empty() {
            return Ok(());
        }
        writeln!(talk, "    {} of them lasted a minute or more; of these would have come", self.long.len())?;
        for it in others.iter().filter(|it| it.delay > *own) {
            writeln!(talk, "      at {} s: {}", it.delay.as_secs(), self.later(&it.later))?;
        }
        Ok(())
    }

    /// How many later and by how much, and which not at all.
    fn later(&self, later: &[Option<Duration>]) -> String {
        let come = || later.iter().flatten();
        let mut words = match (come().min(), come().max()) {
            (Some(least), Some(most)) if least == most => {
                format!("{} later by {}", come().count(), seconds(*most))
            }
            (Some(least), Some(most)) => {
                format!("{} later by {} to {}", come().count(), seconds(*least), seconds(*most))
            }
            _ => "none".into(),
        };
        let gone: Vec<String> = self
            .long
            .iter()
            .zip(later)
            .filter(|(_, later)| later.is_none())
            .map(|(life, _)| seconds(life.decided.since(Uptime::ZERO)))
            .collect();
        if !gone.is_empty() {
            words = format!("{words}; not at all: those of t = {}", gone.join(", "));
        }
        words
    }
}

/// What share more or less the second is.
fn change(from: u32, to: u32) -> String {
    let difference = (i64::from(to) - i64::from(from)) * 100;
    difference.checked_div(i64::from(from)).map_or("-".into(), |it| format!("{it:+} %"))
}
