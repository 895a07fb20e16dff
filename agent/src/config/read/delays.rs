//! Delays held against the sources: a delay shorter than the time between two readings is not what it says.

use std::ops::Range;
use std::time::Duration;

use vitals::alarm::event::{Code, Direction};
use vitals::alarm::policy::{AlarmPolicy, LimitRule};
use vitals::time::millis;
use vitals::vital::Vital;

use super::source::Entry;
use crate::config::Bed;
use crate::config::section::Mistakes;

/// Warns of delays that a source is too slow for, one line for each source, with the longest that they can really be.
///
/// A value may have gone beyond its limit just after a reading, and then the delay only begins at the next.
pub(super) fn warn_of_short_delays(
    bed: &Bed,
    span: &Range<usize>,
    sources: &[&Entry],
    warnings: &mut Mistakes,
) {
    for source in sources {
        let (period, given) = (source.common().period, source.vitals());
        let is_given = |vital: &Vital| given.is_empty() || given.contains(vital);
        let short = short(&bed.policy, period);
        let short: Vec<_> =
            short.into_iter().filter(|(code, _)| code.vital().is_some_and(|it| is_given(&it))).collect();
        let Some((code, delay)) = short.iter().min_by_key(|(_, delay)| *delay) else { continue };
        let what = format!(
            "{} of the bed {} speaks every {}, and {} alarm delays are shorter: {code} after {} may take {}",
            source.common().id,
            bed.id,
            seconds(period),
            short.len(),
            seconds(*delay),
            seconds(period + *delay),
        );
        warnings.add(span.clone(), what, "make the delays longer or the source faster, or know it");
    }
}

/// The rules with a delay shorter than this, each with its shortest.
fn short(policy: &AlarmPolicy, period: Duration) -> Vec<(Code, Duration)> {
    let delay =
        |rule: &LimitRule| rule.extreme.iter().map(|it| it.delay).fold(rule.limit.delay, Duration::min);
    let continuous = |(vital, _): &(Vital, Direction)| !vital.is_discrete();
    let rules = policy.rules.iter().filter(|(key, _)| continuous(key));
    let limits = rules.map(|((vital, side), rule)| (Code::Limit(*vital, *side), delay(rule)));
    let apneas = policy.apnea.iter().map(|(vital, rule)| (Code::Apnea(*vital), rule.time));
    limits.chain(apneas).filter(|(_, delay)| *delay < period).collect()
}

fn seconds(it: Duration) -> String {
    match millis(it) {
        ms if ms % 1000 == 0 => format!("{} s", ms / 1000),
        ms => format!("{ms} ms"),
    }
}
