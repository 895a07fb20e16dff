//! The identifiers of a ward: short, printable, safe in a topic, a file name and a log line by construction.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

/// An identifier: 1 to 64 of ASCII letters, digits, `.`, `_`, `-`, and `/` inside; no leading or trailing `/`.
///
/// It names an agent, a bed or a source. Patients have no names here.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(Box<str>);

/// Why a text is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseNameError {
    /// It is empty.
    #[error("empty")]
    Empty,
    /// It is longer than 64 characters.
    #[error("longer than {} characters", Name::LENGTH_MAX)]
    TooLong,
    /// It holds a character that is not allowed.
    #[error("{0:?} is not allowed: use letters, digits, '.', '_' and '-'")]
    Character(char),
}

impl Name {
    /// The longest identifier, in characters: long enough for `site-unit-bed-device`, short enough for a screen.
    pub const LENGTH_MAX: usize = 64;

    /// Reads an identifier.
    pub fn parse(text: &str) -> Result<Self, ParseNameError> {
        if text.is_empty() {
            return Err(ParseNameError::Empty);
        }
        if text.len() > Self::LENGTH_MAX {
            return Err(ParseNameError::TooLong);
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
        if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
            return Err(ParseNameError::Character(bad));
        }
        if text.starts_with('/') || text.ends_with('/') {
            return Err(ParseNameError::Character('/'));
        }
        Ok(Self(text.into()))
    }

    /// The identifier's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_wildcards_and_paths_are_refused() {
        for text in ["", "bed１", "bed 1", "a+b", "#", "$SYS", "/a", "a/", "a\0", "bett-ü"] {
            assert!(Name::parse(text).is_err(), "{text:?}");
        }
        for text in ["icu-3-07", "wearable/icu-3-08", "a.b_c"] {
            assert_eq!(Name::parse(text).unwrap().as_str(), text);
        }
        assert!(Name::parse(&"x".repeat(65)).is_err());
    }
}
