//! Proves from Kafka alone that nothing of an agent is missing: numbers, gaps, runs and the cursor, held together.
//!
//! Pure but for [`read`]: what was read is counted here, and the agent is asked nothing.

mod numbers;
pub mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use self::numbers::Numbers;

/// What a reader of readings, ledger and cursors saw of all agents.
#[derive(Debug, Default)]
pub struct Account {
    agents: BTreeMap<String, AgentAccount>,
    /// Kafka has deleted old records: what comes before the first number of a run cannot be told.
    pub truncated: bool,
}

#[derive(Debug, Default)]
struct AgentAccount {
    runs: BTreeMap<String, RunAccount>,
    cursor: Option<(String, u64)>,
}

/// One life of an agent's process.
#[derive(Debug, Default)]
struct RunAccount {
    read: Numbers,
    gaps: Numbers,
    /// Its last number, as the run after it says.
    last: Option<u64>,
    previous: Option<String>,
}

/// What can be said of one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The agent.
    pub agent: String,
    /// Readings that lie in Kafka.
    pub readings: u64,
    /// Numbers that a gap accounts for.
    pub in_gaps: u64,
    /// How many runs.
    pub runs: usize,
    /// What is wrong with which run.
    pub findings: Vec<Finding>,
}

/// What is wrong with a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The run.
    pub run: String,
    /// Ranges that are neither in Kafka nor in a gap.
    pub missing: Vec<(u64, u64)>,
    /// Numbers that lie in Kafka more than once, or although a gap says that they never will.
    pub doubled: u64,
}

impl Account {
    /// A reading lies in Kafka.
    pub fn handle_reading(&mut self, agent: &str, run: &str, seq: u64) {
        self.run(agent, run).read.add(seq, seq);
    }

    /// These numbers will never come.
    pub fn handle_gap(&mut self, agent: &str, run: &str, first: u64, last: u64) {
        self.run(agent, run).gaps.add(first, last);
    }

    /// A run began; what it says of the one before.
    pub fn handle_run(&mut self, agent: &str, run: &str, previous: Option<(&str, u64)>) {
        self.run(agent, run).previous = previous.map(|(before, _)| before.to_owned());
        if let Some((before, last)) = previous {
            self.run(agent, before).last = Some(last);
        }
    }

    /// Everything of earlier runs, and of this run up to this number, is said to be there. The newest holds.
    pub fn handle_cursor(&mut self, agent: &str, run: &str, seq: u64) {
        self.run(agent, run);
        self.agents.entry(agent.to_owned()).or_default().cursor = Some((run.to_owned(), seq));
    }

    /// What can be said of each agent.
    #[must_use]
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.agents.iter().map(|(name, it)| it.verdict(name, self.truncated)).collect()
    }

    fn run(&mut self, agent: &str, run: &str) -> &mut RunAccount {
        self.agents.entry(agent.to_owned()).or_default().runs.entry(run.to_owned()).or_default()
    }
}

impl AgentAccount {
    fn verdict(&self, agent: &str, truncated: bool) -> Verdict {
        let finding = |(run, it): (&String, &RunAccount)| {
            let begin = if truncated { it.read.first().unwrap_or(1) } else { 1 };
            let missing = it.read.missing(&it.gaps, begin, self.end(run, it));
            let doubled = it.read.repeated + it.read.shared_with(&it.gaps);
            (!missing.is_empty() || doubled > 0).then(|| Finding { run: run.clone(), missing, doubled })
        };
        Verdict {
            agent: agent.to_owned(),
            readings: self.runs.values().map(|it| it.read.count()).sum(),
            in_gaps: self.runs.values().map(|it| it.gaps.count()).sum(),
            runs: self.runs.len(),
            findings: self.runs.iter().filter_map(finding).collect(),
        }
    }

    /// Up to where a run must be there: the cursor for its own run, the successor's word for those before it. Of a run
    /// behind the cursor, or one whose successor never spoke, no more is claimed than was seen.
    fn end(&self, run: &str, it: &RunAccount) -> u64 {
        let seen = it.read.last().max(it.gaps.last()).unwrap_or(0);
        match &self.cursor {
            Some((at, seq)) if at == run => seen.max(*seq),
            Some((at, _)) if self.comes_before(run, at) => it.last.unwrap_or(seen).max(seen),
            _ => seen,
        }
    }

    fn comes_before(&self, run: &str, other: &str) -> bool {
        let mut at = other;
        // No longer than there are runs, whatever the ledger says.
        for _ in 0..self.runs.len() {
            let Some(before) = self.runs.get(at).and_then(|it| it.previous.as_deref()) else { return false };
            if before == run {
                return true;
            }
            at = before;
        }
        false
    }
}

impl Verdict {
    /// Whether nothing is missing and nothing is there twice.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agent, readings, in_gaps, runs, findings } = self;
        let word = if findings.is_empty() { "complete" } else { "NOT COMPLETE" };
        write!(f, "{agent}: {word}: {readings} readings in Kafka, {in_gaps} in gaps, {runs} runs")?;
        for Finding { run, missing, doubled } in findings {
            let numbers: u64 = missing.iter().map(|(first, last)| last + 1 - first).sum();
            write!(f, "\n    run {run}: {numbers} missing, {doubled} doubled")?;
            for (first, last) in missing.iter().take(SHOWN_MAX) {
                write!(f, "\n        missing {first} to {last}")?;
            }
        }
        Ok(())
    }
}

/// Ranges shown of one run: the first few tell where to look.
const SHOWN_MAX: usize = 10;
