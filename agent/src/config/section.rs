//! Reads typed values out of TOML tables, and collects every mistake with its place in the file.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use vitals::name::Name;
use vitals::quantity::Quantity;
use vitals::vital::Vital;

use crate::config::alike::alike;
use crate::config::mistake::Mistake;

/// The longest duration that the file may ask for: more is a typing error.
const DURATION_MAX: Duration = Duration::from_secs(24 * 3600);

/// All mistakes found so far.
#[derive(Debug, Default)]
pub(in crate::config) struct Mistakes(pub(in crate::config) Vec<Mistake>);

impl Mistakes {
    pub(in crate::config) fn add(
        &mut self,
        span: Range<usize>,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let fix = Some(fix.into()).filter(|it| !it.is_empty());
        self.0.push(Mistake { span, what: what.into(), fix });
    }
}

/// One table of the file.
#[derive(Debug, Clone)]
pub(in crate::config) struct Section<'a> {
    table: &'a DeTable<'a>,
    /// Where it stands, for what is missing in it.
    pub(in crate::config) span: Range<usize>,
    /// Its name, for people: `profile.adult.spo2`.
    pub(in crate::config) path: String,
}

impl<'a> Section<'a> {
    pub(in crate::config) fn root(table: &'a Spanned<DeTable<'a>>) -> Self {
        // What is missing in the file as a whole is missing at its beginning.
        Self { table: table.get_ref(), span: 0..0, path: String::new() }
    }

    /// A value that should be a table.
    pub(in crate::config) fn of(
        key: &str,
        value: &'a Spanned<DeValue<'a>>,
        path: &str,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let span = value.span();
        let Some(table) = value.get_ref().as_table() else {
            let what = format!("{path} is {}, not a table", described(value));
            mistakes.add(span, what, format!("write it as a table: [{path}] or {key} = {{ … }}"));
            return None;
        };
        Some(Self { table, span, path })
    }

    /// Its keys in the order of the file.
    pub(in crate::config) fn entries(&self) -> Vec<(&'a str, Range<usize>, &'a Spanned<DeValue<'a>>)> {
        let mut entries: Vec<_> =
            self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value)).collect();
        entries.sort_by_key(|(_, span, _)| span.start);
        entries
    }

    pub(in crate::config) fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    /// Every key that is not `known` is a mistake.
    pub(in crate::config) fn refuse_unknown(&self, known: &[&str], mistakes: &mut Mistakes) {
        for (key, span, _) in self.entries().into_iter().filter(|(key, ..)| !known.contains(key)) {
            let place = if self.path.is_empty() { "the file".into() } else { format!("[{}]", self.path) };
            let fix = match alike(key, known.iter().copied()) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("known keys: {}", known.join(", ")),
            };
            mistakes.add(span, format!("{place} has no key {key:?}"), fix);
        }
    }

    /// The tables of `[[key]]`.
    pub(in crate::config) fn sections(&self, key: &str, mistakes: &mut Mistakes) -> Vec<Self> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            mistakes.add(value.span(), format!("{key} is not a list of tables"), format!("write [[{key}]]"));
            return Vec::new();
        };
        array.iter().filter_map(|it| Self::of(key, it, &self.path, mistakes)).collect()
    }

    /// A list of texts, each with its place.
    pub(in crate::config) fn texts(
        &self,
        key: &str,
        mistakes: &mut Mistakes,
    ) -> Option<Vec<Spanned<String>>> {
        let value = self.value(key)?;
        let text = |it: &Spanned<DeValue<'_>>| {
            it.get_ref().as_str().map(|text| Spanned::new(it.span(), text.to_owned()))
        };
        let texts: Option<Vec<_>> = value.get_ref().as_array().and_then(|it| it.iter().map(text).collect());
        if texts.is_none() {
            let what = format!("{key} is {}, not a list of texts", described(value));
            mistakes.add(value.span(), what, format!("{key} = [\"…\"]"));
        }
        texts
    }

    /// A number of bytes with its unit.
    pub(in crate::config) fn size(&self, key: &str, mistakes: &mut Mistakes) -> Option<Spanned<u64>> {
        let value = self.value(key)?;
        let size = value.get_ref().as_str().and_then(parse_size);
        if size.is_none() {
            let what = format!("{key} is {}, not a size", described(value));
            mistakes.add(
                value.span(),
                what,
                format!("write number and unit: {key} = \"2GiB\" (KiB, MiB, GiB)"),
            );
        }
        Some(Spanned::new(value.span(), size?))
    }

    pub(in crate::config) fn section(&self, key: &str, mistakes: &mut Mistakes) -> Option<Self> {
        Self::of(key, self.value(key)?, &self.path, mistakes)
    }

    pub(in crate::config) fn text(&self, key: &str, mistakes: &mut Mistakes) -> Option<Spanned<String>> {
        let value = self.value(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            let what = format!("{key} is {}, not a text", described(value));
            mistakes.add(value.span(), what, format!("put it in quotes: {key} = \"…\""));
        }
        Some(Spanned::new(value.span(), text?.to_owned()))
    }

    /// A text that must be there and must not be empty.
    pub(in crate::config) fn required(&self, key: &str, mistakes: &mut Mistakes) -> Option<Spanned<String>> {
        let Some(value) = self.value(key) else {
            mistakes.add(
                self.span.clone(),
                format!("{key} is missing in {}", self.path),
                format!("{key} = \"…\""),
            );
            return None;
        };
        let text = self.text(key, mistakes)?;
        if text.get_ref().trim().is_empty() {
            mistakes.add(value.span(), format!("{key} is empty"), "");
            return None;
        }
        Some(text)
    }

    pub(in crate::config) fn name(&self, key: &str, mistakes: &mut Mistakes) -> Option<Spanned<Name>> {
        let text = self.required(key, mistakes)?;
        match Name::parse(text.get_ref()) {
            Ok(name) => Some(Spanned::new(text.span(), name)),
            Err(error) => {
                mistakes.add(text.span(), format!("{key} is not an identifier: {error}"), "");
                None
            }
        }
    }

    pub(in crate::config) fn boolean(&self, key: &str, mistakes: &mut Mistakes) -> Option<Spanned<bool>> {
        let value = self.value(key)?;
        let boolean = value.get_ref().as_bool();
        if boolean.is_none() {
            let what = format!("{key} is {}, not true or false", described(value));
            mistakes.add(value.span(), what, format!("{key} = true"));
        }
        Some(Spanned::new(value.span(), boolean?))
    }

    /// A number, read as its text: no binary float stands between the clinician and a limit.
    pub(in crate::config) fn quantity(
        &self,
        key: &str,
        mistakes: &mut Mistakes,
    ) -> Option<Spanned<Quantity>> {
        let value = self.value(key)?;
        let text = match value.get_ref() {
            DeValue::Integer(it) if it.radix() == 10 => it.as_str(),
            DeValue::Float(it) => it.as_str(),
            _ => "",
        };
        match Quantity::parse(text.trim_start_matches('+')) {
            Ok(quantity) => Some(Spanned::new(value.span(), quantity)),
            Err(error) => {
                let what = format!("{key} is {}: {error}", described(value));
                mistakes.add(value.span(), what, format!("write a plain number: {key} = 90"));
                None
            }
        }
    }

    pub(in crate::config) fn duration(
        &self,
        key: &str,
        mistakes: &mut Mistakes,
    ) -> Option<Spanned<Duration>> {
        let value = self.value(key)?;
        let duration = value.get_ref().as_str().and_then(parse_duration).filter(|it| *it <= DURATION_MAX);
        if duration.is_none() {
            let what = format!("{key} is not a duration of at most 24 hours");
            mistakes.add(value.span(), what, format!("write number and unit: {key} = \"15s\" (ms, s, m, h)"));
        }
        Some(Spanned::new(value.span(), duration?))
    }

    pub(in crate::config) fn vital(&self, key: &str, mistakes: &mut Mistakes) -> Option<Spanned<Vital>> {
        let text = self.text(key, mistakes)?;
        let vital = Vital::from_name(text.get_ref());
        if vital.is_none() {
            refuse_vital(text.get_ref(), text.span(), mistakes);
        }
        Some(Spanned::new(text.span(), vital?))
    }
}

/// Says that there is no vital of that name, and which there are.
pub(in crate::config) fn refuse_vital(name: &str, span: Range<usize>, mistakes: &mut Mistakes) {
    let known: Vec<&str> = Vital::all().map(Vital::name).collect();
    mistakes.add(span, format!("there is no vital {name:?}"), format!("vitals: {}", known.join(", ")));
}

/// What a value is, for people.
fn described(value: &Spanned<DeValue<'_>>) -> String {
    match value.get_ref() {
        DeValue::String(text) => format!("the text {text:?}"),
        other => format!("a value of type {}", other.type_str()),
    }
}

/// A whole number and a unit: `500ms`, `15s`, `3m`, `8h`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let millis = match unit.trim_start() {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// A whole number and a binary unit: `64MiB`.
fn parse_size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim_start() {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}
