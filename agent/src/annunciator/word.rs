//! What the annunciators say of a test alarm: that they have taken it, or could not (E37).

use tokio::sync::watch;
use vitals::alarm::event::Phase;
use vitals::record::alarm::AlarmRecord;
use vitals::time::Uptime;

use crate::clock;

/// Words that are kept: those of two tests, each of as many annunciators as a bedside has.
const WORDS_MAX: usize = 64;

/// What one of them says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The alarm's id.
    pub alarm: String,
    /// Which annunciator.
    pub annunciator: String,
    /// Whether it has taken it.
    pub taken: bool,
    /// When.
    pub at: Uptime,
}

/// All words, the oldest first.
pub type Words = watch::Receiver<Vec<Word>>;

/// Where one annunciator says its words.
#[derive(Debug, Clone)]
pub(super) struct Mouth {
    name: String,
    words: watch::Sender<Vec<Word>>,
}

impl Mouth {
    pub(super) fn new(name: String, words: &watch::Sender<Vec<Word>>) -> Self {
        Self { name, words: words.clone() }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Says what became of a record, if anybody waits for that.
    pub(super) fn say(&self, record: &AlarmRecord, taken: bool) {
        if !is_awaited(record) {
            return;
        }
        let word =
            Word { alarm: record.id.clone(), annunciator: self.name.clone(), taken, at: clock::uptime() };
        self.words.send_modify(|words| {
            if words.len() == WORDS_MAX {
                words.remove(0);
            }
            words.push(word);
        });
    }
}

/// Whether somebody waits for a word on it: the start of a test.
pub(super) fn is_awaited(record: &AlarmRecord) -> bool {
    record.test && record.phase == Phase::Start
}
