//! `expect`: the alarms that a truth calls for, as JSON lines.
//!
//! ```json
//! {"bed":"sim-ward-01","code":"spo2_low","level":"limit","earliest":"2026-01-01T00:00:38.000Z","latest":"2026-01-01T00:00:42.000Z"}
//! ```

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::Must;
use super::limits::{Grade, Limits, LimitsError};
use crate::truth::{self, TruthError};

/// What to tell.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What the devices said, as `run --truth` wrote it.
    #[arg(long, value_name = "FILE")]
    pub truth: PathBuf,
    /// The limits; default: those that are shipped.
    #[arg(long, value_name = "FILE")]
    pub alarms: Option<PathBuf>,
    /// The profile.
    #[arg(long, default_value = "adult")]
    pub profile: String,
}

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// No truth.
    #[error("there is no truth to go by")]
    Truth(#[source] TruthError),
    /// No limits.
    #[error("there are no limits to go by")]
    Limits(#[source] LimitsError),
    /// It cannot be written.
    #[error("cannot write the expected alarms")]
    Write(#[source] io::Error),
}

#[derive(Serialize)]
struct Line<'a> {
    bed: &'a str,
    code: &'a str,
    level: &'static str,
    earliest: String,
    latest: String,
}

/// Tells them in order of time.
pub fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), ListingError> {
    let said = truth::read(&arguments.truth).map_err(ListingError::Truth)?;
    let limits =
        Limits::load(arguments.alarms.as_deref(), &arguments.profile).map_err(ListingError::Limits)?;
    let mut must = super::expected(&said, &BTreeSet::new(), &limits).must;
    must.sort_by(|a, b| (a.from_ms, &a.bed, &a.code, a.grade).cmp(&(b.from_ms, &b.bed, &b.code, b.grade)));
    for it in &must {
        write(it, out).map_err(ListingError::Write)?;
    }
    out.flush().map_err(ListingError::Write)
}

fn write(it: &Must, out: &mut impl Write) -> io::Result<()> {
    let level = match it.grade {
        Grade::Limit => "limit",
        Grade::Extreme => "extreme",
    };
    let time =
        |ms| jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |it| format!("{it:.3}"));
    let (earliest, latest) = (time(it.from_ms), time(it.by_ms));
    serde_json::to_writer(&mut *out, &Line { bed: &it.bed, code: &it.code, level, earliest, latest })?;
    out.write_all(b"\n")
}
