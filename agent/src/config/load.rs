//! From two files to a configuration, or to everything that is wrong with them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use toml::de::DeTable;

use super::again::Again;
use super::alarms::{self, AlarmsFile};
use super::alike::alike;
use super::mistake::Mistake;
use super::read;
use super::section::{Mistakes, Section};
use super::{Config, show};

/// A configuration that can be used, and what should be looked at all the same.
#[derive(Debug)]
pub struct Loaded {
    /// What the agent believes.
    pub config: Config,
    /// What should be looked at, with its file.
    pub warnings: Vec<Problem>,
    /// For when the rules of alarms change.
    pub again: Again,
}

/// One thing about one file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The place as a person looks for it: lines with a mark under the place.
    #[serde(skip)]
    pub excerpt: String,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file cannot be read.
    #[error("cannot read the configuration {path}: {hint}")]
    Read {
        /// Which.
        path: PathBuf,
        /// What to do.
        hint: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The files hold mistakes.
    #[error("{}", told(.0))]
    Mistakes(Vec<Problem>),
}

/// Reads `wardline.toml` and the `alarms.toml` it names.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    load_with(path, read_text(path)?)
}

/// The same with this text of `wardline.toml`.
pub(super) fn load_with(path: &Path, text: String) -> Result<Loaded, LoadError> {
    let (table, errors) = DeTable::parse_recoverable(&text);
    let mut mistakes = Mistakes::default();
    for error in &errors {
        mistakes.add(error.span().unwrap_or(0..0), format!("not TOML: {}", error.message()), "");
    }
    if !errors.is_empty() {
        return Err(LoadError::Mistakes(problems(path, &text, mistakes.0)));
    }
    let root = Section::root(&table);
    let dir = path.parent().unwrap_or(Path::new("."));
    let alarms_path = dir.join(read::alarms_file(&root));
    let mut found = Vec::new();
    let alarms_text = read_text(&alarms_path);
    let alarms: Option<AlarmsFile> = match &alarms_text {
        Ok(text) => match alarms::parse(text) {
            Ok(file) => Some(file),
            Err(wrong) => {
                found.extend(problems(&alarms_path, text, wrong));
                None
            }
        },
        Err(error) => {
            let what = format!("the alarms file cannot be read: {}", chain(error));
            mistakes.add(read::alarms_file_span(&root), what, "name it with alarms_file under [unit]");
            None
        }
    };
    let (config, warnings) = read::config(&root, alarms.as_ref(), &mut mistakes);
    if let (Some(alarms), Ok(text)) = (&alarms, &alarms_text) {
        found.extend(problems(&alarms_path, text, mistakes_of_overrides(alarms, &root)));
    }
    found.splice(0..0, problems(path, &text, mistakes.0));
    let (Some(config), Some(alarms), true) = (config, alarms, found.is_empty()) else {
        return Err(LoadError::Mistakes(found));
    };
    let mut warnings = problems(path, &text, warnings.0);
    if let Ok(text) = &alarms_text {
        warnings.extend(problems(&alarms_path, text, alarms.notices));
    }
    Ok(Loaded { config, warnings, again: Again::new(path.to_owned(), text) })
}

/// What is wrong with the overrides, held against the beds: a patient's limits must not silently fail to hold.
fn mistakes_of_overrides(alarms: &AlarmsFile, root: &Section<'_>) -> Vec<Mistake> {
    let beds = read::beds_with_profiles(root);
    let mut mistakes = Vec::new();
    for it in &alarms.overrides {
        match beds.iter().find(|(bed, _)| *bed == it.bed.as_str()) {
            Some((_, profile)) => mistakes.extend(alarms.mistakes_of(profile, it)),
            None => mistakes.push(Mistake {
                span: it.span.clone(),
                what: format!("the override is for the bed {}, which the agent does not have", it.bed),
                fix: Some(match alike(it.bed.as_str(), beds.iter().map(|(bed, _)| *bed)) {
                    Some(meant) => format!("did you mean bed = \"{meant}\"?"),
                    None => format!("take it out, or add the bed: [[bed]] id = \"{}\"", it.bed),
                }),
            }),
        }
    }
    mistakes
}

pub(super) fn read_text(path: &Path) -> Result<String, LoadError> {
    let fail = |hint, source| LoadError::Read { path: path.into(), hint, source };
    let bytes = fs::read(path).map_err(|source| {
        let hint = match source.kind() {
            io::ErrorKind::NotFound => "name an existing file with --config",
            io::ErrorKind::PermissionDenied => "let the user of the agent read it",
            io::ErrorKind::IsADirectory => "name the file in the directory",
            _ => "look at the cause",
        };
        fail(hint, source)
    })?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    String::from_utf8(bytes.into()).map_err(|error| {
        fail("save it as UTF-8 text", io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
    })
}

fn problems(file: &Path, text: &str, mut mistakes: Vec<Mistake>) -> Vec<Problem> {
    mistakes.sort_by_key(|it| it.span.start);
    mistakes.dedup();
    let problem = |it: Mistake| {
        let (line, column) = show::place(text, it.span.start);
        let excerpt = show::excerpt(text, &it.span);
        Problem { file: file.into(), line, column, what: it.what, fix: it.fix, excerpt }
    };
    mistakes.into_iter().map(problem).collect()
}

/// An error with its sources, for a mistake that quotes it.
fn chain(error: &LoadError) -> String {
    let mut text = error.to_string();
    if let Some(source) = std::error::Error::source(error) {
        let _ = write!(text, ": {source}");
    }
    text
}

/// Writes to the log what should be looked at.
pub fn warn_of(warnings: &[Problem]) {
    for it in warnings {
        let (file, line, column) = (it.file.display(), it.line, it.column);
        tracing::warn!(%file, line, column, fix = it.fix, "{}.", it.what);
    }
}

/// All problems, as a person reads them.
#[must_use]
pub fn told(problems: &[Problem]) -> String {
    let mut text = String::new();
    for it in problems {
        let _ = writeln!(text, "{}", show::problem("error", it));
    }
    let count = problems.len();
    let _ = write!(text, "{count} mistake{} in the configuration", if count == 1 { "" } else { "s" });
    text
}
