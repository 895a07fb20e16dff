//! `alarms.toml`, the clinician's file: profiles with their limits, and the limits of single patients.

mod defaults;
mod draft;
mod hash;
mod rule;

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::DeTable;
use vitals::alarm::event::Direction;
use vitals::alarm::policy::{AlarmPolicy, LimitRule, StayRules};
use vitals::name::Name;
use vitals::vital::Vital;

use super::mistake::Mistake;
pub(crate) use super::section::parse_duration;
use super::section::{Mistakes, Section};
use defaults::Defaults;
use draft::VitalDraft;

/// The profiles there are, by age group.
pub const PROFILES: [&str; 5] = ["adult", "adolescent", "child", "infant", "neonatal"];
/// The version of the file's shape.
const VERSION: &str = "1";

/// Everything in the clinician's file.
#[derive(Debug, Clone)]
pub struct AlarmsFile {
    /// Who approved it; `None` until somebody has.
    pub approved_by: Option<String>,
    /// The limits of single patients.
    pub overrides: Vec<Override>,
    /// What is accepted, and to be shown as warnings.
    pub notices: Vec<Mistake>,
    /// The hash of the parsed meaning, hexadecimal: the same for the same rules, however they are written.
    pub hash: String,
    defaults: Defaults,
    news2: bool,
    profiles: BTreeMap<String, Profile>,
}

/// One patient's limits.
#[derive(Debug, Clone)]
pub struct Override {
    /// The bed.
    pub bed: Name,
    /// The stay that it is for: it holds while that lasts, and for no other.
    pub stay: Name,
    /// Why.
    pub reason: String,
    /// Who decided it: an opaque name.
    pub by: String,
    /// Where it stands in the file.
    pub span: Range<usize>,
    vitals: Drafts,
}

type Drafts = BTreeMap<Vital, VitalDraft>;
type Profile = Drafts;
type Rules = BTreeMap<(Vital, Direction), LimitRule>;

/// Reads the file. All its mistakes are told at once.
pub fn parse(text: &str) -> Result<AlarmsFile, Vec<Mistake>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut mistakes = Mistakes::default();
    for error in errors {
        mistakes.add(error.span().unwrap_or(0..0), format!("not TOML: {}", error.message()), "");
    }
    if mistakes.0.is_empty() {
        let file = read(&Section::root(&table), &mut mistakes);
        if mistakes.0.is_empty() {
            return Ok(file);
        }
    }
    mistakes.0.sort_by_key(|it| it.span.start);
    mistakes.0.dedup();
    Err(mistakes.0)
}

fn read(root: &Section<'_>, mistakes: &mut Mistakes) -> AlarmsFile {
    const KEYS: [&str; 8] =
        ["version", "approved_by", "approved_on", "defaults", "profile", "technical", "news2", "override"];
    root.refuse_unknown(&KEYS, mistakes);
    check_version(root, mistakes);
    let news2 = read_news2(root, mistakes);
    root.text("approved_on", mistakes);
    let approved_by = root.text("approved_by", mistakes).map(toml::Spanned::into_inner);
    let mut file = AlarmsFile {
        approved_by: approved_by.filter(|it| !it.trim().is_empty()),
        overrides: Vec::new(),
        notices: Vec::new(),
        hash: String::new(),
        defaults: Defaults::read(root, mistakes),
        news2,
        profiles: BTreeMap::new(),
    };
    let profiles = root.section("profile", mistakes);
    for (name, span, value) in profiles.iter().flat_map(Section::entries) {
        if !PROFILES.contains(&name) {
            let fix = format!("profiles: {}", PROFILES.join(", "));
            mistakes.add(span, format!("there is no profile {name:?}"), fix);
        }
        if let Some(section) = Section::of(name, value, "profile", mistakes) {
            let drafts = read_vitals(&section, &[], mistakes);
            let drafts = follow_same_as(&drafts, mistakes);
            check(&drafts, &file.defaults, mistakes);
            file.profiles.insert(name.to_owned(), drafts);
        }
    }
    if file.profiles.is_empty() {
        mistakes.add(0..0, "the file has no profile", "add at least [profile.adult.spo2]");
    }
    file.overrides = read_overrides(root, mistakes);
    file.check_overrides(mistakes);
    file.notices = file.notice();
    file.hash = hash::of(&file);
    file
}

fn check_version(root: &Section<'_>, mistakes: &mut Mistakes) {
    let version = root.quantity("version", mistakes);
    match version {
        Some(it) if it.get_ref().to_string() == VERSION => {}
        Some(it) => {
            mistakes.add(it.span(), format!("version {} is not known", it.get_ref()), "version = 1");
        }
        None if root.value("version").is_none() => {
            mistakes.add(0..0, "the version of the file's shape is missing", "begin with version = 1");
        }
        None => {}
    }
}

/// Whether NEWS2 is looked at, which needs what a person enters: off unless somebody says so.
fn read_news2(root: &Section<'_>, mistakes: &mut Mistakes) -> bool {
    let Some(news2) = root.section("news2", mistakes) else {
        return false;
    };
    news2.refuse_unknown(&["enabled"], mistakes);
    news2.boolean("enabled", mistakes).is_some_and(toml::Spanned::into_inner)
}

/// The vitals of a profile or an override; `others` are the keys beside them.
fn read_vitals(section: &Section<'_>, others: &[&str], mistakes: &mut Mistakes) -> Drafts {
    let mut drafts = Drafts::new();
    for (key, span, value) in section.entries().into_iter().filter(|(key, ..)| !others.contains(key)) {
        let Some(vital) = Vital::from_name(key) else {
            super::section::refuse_vital(key, span, mistakes);
            continue;
        };
        if let Some(section) = Section::of(key, value, &section.path, mistakes) {
            drafts.insert(vital, VitalDraft::read(&section, mistakes));
        }
    }
    drafts
}

/// Lays each draft that says `same_as` over the one it names.
fn follow_same_as(drafts: &Drafts, mistakes: &mut Mistakes) -> Drafts {
    let follow = |(vital, draft): (&Vital, &VitalDraft)| {
        let Some(same_as) = &draft.same_as else {
            return (*vital, draft.clone());
        };
        let base = drafts.get(same_as.get_ref()).filter(|it| it.same_as.is_none());
        if base.is_none() {
            let what =
                format!("same_as names {}, which has no limits of its own here", same_as.get_ref().name());
            mistakes.add(same_as.span(), what, "name a vital of this profile that says its own limits");
        }
        (*vital, base.map_or_else(|| draft.clone(), |base| draft.clone().over(base)))
    };
    drafts.iter().map(follow).collect()
}

fn check(drafts: &Drafts, defaults: &Defaults, mistakes: &mut Mistakes) {
    resolve(drafts, defaults, mistakes);
}

fn resolve(drafts: &Drafts, defaults: &Defaults, mistakes: &mut Mistakes) -> Rules {
    let mut rules = Rules::new();
    for (vital, draft) in drafts {
        for (direction, rule) in rule::rules(*vital, draft, &defaults.rules, mistakes) {
            rules.insert((*vital, direction), rule);
        }
    }
    rules
}

fn read_overrides(root: &Section<'_>, mistakes: &mut Mistakes) -> Vec<Override> {
    const KEYS: [&str; 4] = ["bed", "stay", "reason", "by"];
    let Some(value) = root.value("override") else {
        return Vec::new();
    };
    let Some(array) = value.get_ref().as_array() else {
        mistakes.add(value.span(), "override is not a list of tables", "write [[override]]");
        return Vec::new();
    };
    let mut overrides: Vec<Override> = Vec::new();
    for value in array {
        let Some(section) = Section::of("override", value, "", mistakes) else {
            continue;
        };
        let vitals = read_vitals(&section, &KEYS, mistakes);
        for same_as in vitals.values().filter_map(|it| it.same_as.as_ref()) {
            mistakes.add(same_as.span(), "same_as does not belong in an override", "say the limits");
        }
        let bed = section.name("bed", mistakes);
        let stay = section.name("stay", mistakes);
        let reason = section.required("reason", mistakes);
        let by = section.required("by", mistakes);
        let (Some(bed), Some(stay), Some(reason), Some(by)) = (bed, stay, reason, by) else {
            continue;
        };
        let same = |it: &Override| it.bed == *bed.get_ref() && it.stay == *stay.get_ref();
        if overrides.iter().any(same) {
            let what = format!("bed {} has two overrides for one stay", bed.get_ref());
            mistakes.add(bed.span(), what, "put all its limits into one");
        }
        overrides.push(Override {
            bed: bed.into_inner(),
            stay: stay.into_inner(),
            reason: reason.into_inner(),
            by: by.into_inner(),
            span: section.span.clone(),
            vitals,
        });
    }
    overrides
}

impl AlarmsFile {
    /// The profiles in the file.
    pub fn profiles(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// What the engine follows for a profile, with the overrides of the bed's stays; `None`: no such profile.
    ///
    /// An override that does not fit the profile is left out, which [`Self::mistakes_of`] tells.
    #[must_use]
    pub fn policy(&self, profile: &str, bed: Option<&Name>) -> Option<AlarmPolicy> {
        let drafts = self.profiles.get(profile)?;
        let own = |it: &Override| Some((it.stay.clone(), self.rules(&it.over(drafts))?));
        let base = self.rules(drafts)?;
        Some(AlarmPolicy {
            profile: profile.to_owned(),
            hash: self.hash.clone(),
            rules: base.rules,
            apnea: base.apnea,
            of_stays: self.overrides.iter().filter(|it| Some(&it.bed) == bed).filter_map(own).collect(),
            news2: self.news2,
            technical: self.defaults.technical.clone(),
            timing: self.defaults.timing.clone(),
        })
    }

    /// The rules that some drafts come to; `None`: there is a mistake in them.
    fn rules(&self, drafts: &Drafts) -> Option<StayRules> {
        let mut mistakes = Mistakes::default();
        let rules = resolve(drafts, &self.defaults, &mut mistakes);
        let apnea = drafts.iter().filter_map(|(vital, it)| Some((*vital, rule::apnea(it)?))).collect();
        mistakes.0.is_empty().then_some(StayRules { rules, apnea })
    }

    /// What is wrong with an override under this profile.
    #[must_use]
    pub fn mistakes_of(&self, profile: &str, it: &Override) -> Vec<Mistake> {
        let mut mistakes = Mistakes::default();
        if let Some(drafts) = self.profiles.get(profile) {
            resolve(&it.over(drafts), &self.defaults, &mut mistakes);
        }
        mistakes.0
    }

    /// The file does not say which profile a bed has: an override is wrong here if it fits none of them.
    fn check_overrides(&self, mistakes: &mut Mistakes) {
        for it in &self.overrides {
            let of_each: Vec<Vec<Mistake>> =
                self.profiles.keys().map(|profile| self.mistakes_of(profile, it)).collect();
            if of_each.iter().all(|it| !it.is_empty()) {
                mistakes.0.extend(of_each.into_iter().next().unwrap_or_default());
            }
        }
    }

    /// What is accepted, and to be thought about.
    fn notice(&self) -> Vec<Mistake> {
        let mut notices = Mistakes::default();
        if self.approved_by.is_none() {
            notices.add(0..0, "nobody has approved this file", "fill in approved_by and approved_on");
        }
        notices.0
    }
}

impl Override {
    /// A profile's drafts with these over them.
    fn over(&self, profile: &Drafts) -> Drafts {
        let mut drafts = profile.clone();
        for (vital, draft) in &self.vitals {
            let merged = match profile.get(vital) {
                Some(base) => {
                    let fallback_for = draft.fallback_for.clone().or_else(|| base.fallback_for.clone());
                    VitalDraft { fallback_for, ..draft.clone().over(base) }
                }
                None => draft.clone(),
            };
            drafts.insert(*vital, merged);
        }
        drafts
    }
}

#[cfg(test)]
mod tests;
