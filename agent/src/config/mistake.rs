//! One mistake in a configuration file: where it stands, what is wrong, and what to write instead.

use core::ops::Range;

/// A mistake in a configuration file. All mistakes of a file are told in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where it stands: bytes of the file.
    pub span: Range<usize>,
    /// What is wrong, in one sentence without a full stop.
    pub what: String,
    /// What to do about it, where that is known.
    pub fix: Option<String>,
}
