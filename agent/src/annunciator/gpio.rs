//! A lamp, a buzzer and a heartbeat on the lines of a GPIO chip.
//!
//! Secondary notification, not a medical device. A thread of its own switches the lines: a chip behind a hub or a bus can take
//! its time, or hang. What fails is tried again each second, and is an alarm of the agent meanwhile.

mod asked;
mod lines;
mod pattern;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info};
use vitals::alarm::event::Priority;
use vitals::name::Name;
use vitals::time::Uptime;

use self::asked::{Asked, Wanted, begins};
use self::lines::{LineError, Lines};
use self::pattern::{Levels, Pattern};
use super::word::{Mouth, is_awaited};
use super::{Announcement, Failed};
use crate::clock;
use crate::config::{Gpio, GpioOutput};
use crate::metrics::Metrics;

/// Lines are written at least this often, so that a chip that is gone is noticed, and one that came back is used.
const AGAIN: Duration = Duration::from_secs(1);

/// One lamp with what belongs to it, as the bedside task sees it.
#[derive(Debug)]
pub(super) struct Indicator {
    /// Whose alarms it shows: some beds', and the agent's own.
    beds: BTreeSet<Arc<Name>>,
    outputs: Vec<GpioOutput>,
    asked: BTreeMap<Arc<Name>, Asked>,
    begun: u64,
    wanted: watch::Sender<Wanted>,
    alive: watch::Sender<Option<Uptime>>,
    mouth: Mouth,
}

/// What it begins with besides its lines.
pub(super) struct Settings {
    pub(super) gpio: Gpio,
    pub(super) agent: Arc<Name>,
    pub(super) mouth: Mouth,
    pub(super) failed: Failed,
    pub(super) metrics: Metrics,
}

impl Indicator {
    pub(super) fn start(settings: Settings, stopped: watch::Receiver<bool>, tasks: &mut JoinSet<()>) -> Self {
        let Settings { gpio, agent, mouth, failed, metrics } = settings;
        let (wanted, news) = watch::channel(Wanted::default());
        let (alive, beats) = watch::channel(None);
        let beds = gpio.beds.iter().cloned().chain([agent]).collect();
        let outputs = gpio.lines.keys().copied().collect();
        let switch = Switch {
            gpio,
            mouth: mouth.clone(),
            failed,
            metrics,
            pattern: Pattern::default(),
            lines: None,
            written: None,
            said: false,
        };
        // The runtime's clock, on a thread that a chip may hold up.
        let runtime = Handle::current();
        tasks.spawn_blocking(move || runtime.block_on(switch.run(news, beats, stopped)));
        Self { beds, outputs, asked: BTreeMap::new(), begun: 0, wanted, alive, mouth }
    }

    pub(super) fn name(&self) -> &str {
        self.mouth.name()
    }

    pub(super) fn takes(&self, priority: Priority) -> bool {
        self.outputs.iter().any(|it| it.shows(priority))
    }

    pub(super) fn offer(&mut self, announcement: &Announcement) {
        let Announcement { bed, record, open } = announcement;
        if !self.beds.contains(bed) {
            return;
        }
        self.begun += u64::from(begins(record));
        self.asked.insert(Arc::clone(bed), Asked::of(open));
        let asked = self.asked.values().copied().fold(Asked::default(), Asked::and);
        let test = Some(Arc::clone(record)).filter(|it| is_awaited(it) && self.takes(it.priority));
        self.wanted.send_replace(Wanted { asked, begun: self.begun, test });
    }

    /// The bedside loop turns.
    pub(super) fn beat(&self, now: Uptime) {
        self.alive.send_replace(Some(now));
    }
}

/// The thread that switches the lines.
struct Switch {
    gpio: Gpio,
    mouth: Mouth,
    failed: Failed,
    metrics: Metrics,
    pattern: Pattern,
    lines: Option<Lines>,
    /// What was written last, or tried, and when.
    written: Option<(Levels, Uptime)>,
    /// The failure has been said.
    said: bool,
}

impl Switch {
    async fn run(
        mut self,
        mut wanted: watch::Receiver<Wanted>,
        alive: watch::Receiver<Option<Uptime>>,
        mut stopped: watch::Receiver<bool>,
    ) {
        loop {
            let now = clock::uptime();
            let changed = wanted.has_changed().unwrap_or(false);
            let asked = wanted.borrow_and_update().clone();
            self.pattern.handle_wanted(now, &asked);
            if let Some(at) = *alive.borrow() {
                self.pattern.handle_alive(at);
            }
            let done = self.write(now, changed);
            if changed {
                self.metrics.annunciate("gpio", if done { "sent" } else { "failed" });
                asked.test.iter().for_each(|it| self.mouth.say(it, done));
            }
            let wait = self.pattern.poll_timeout(now).since(clock::uptime());
            tokio::select! {
                biased;
                _ = stopped.wait_for(|it| *it) => break,
                outcome = wanted.changed() => if outcome.is_err() { break },
                () = tokio::time::sleep(wait) => {}
            }
        }
        if let Some(lines) = &self.lines {
            let _ = lines.set(Levels::default());
        }
    }

    /// Writes what changed, and now and then what did not. Whether the lines are as they should be.
    fn write(&mut self, now: Uptime, must: bool) -> bool {
        let levels = self.pattern.levels(now);
        let is_new = |(before, at): (Levels, Uptime)| {
            now.since(at) >= AGAIN || self.lines.is_some() && before != levels
        };
        let due = must || self.written.is_none_or(is_new);
        if !due {
            return self.lines.is_some();
        }
        self.written = Some((levels, now));
        match self.switch(levels) {
            Ok(()) => self.note_well(),
            Err(error) => self.note_failure(&error),
        }
        self.lines.is_some()
    }

    fn switch(&mut self, levels: Levels) -> Result<(), LineError> {
        let lines = match self.lines.take() {
            Some(lines) => lines,
            None => Lines::open(&self.gpio)?,
        };
        lines.set(levels)?;
        self.lines = Some(lines);
        Ok(())
    }

    fn note_well(&mut self) {
        if std::mem::take(&mut self.said) {
            info!(annunciator = self.mouth.name(), "The lines of the lamp can be switched again.");
        }
        self.failed.send_if_modified(|it| it.remove(self.mouth.name()));
    }

    fn note_failure(&mut self, error: &LineError) {
        if !self.said {
            self.said = true;
            let because = std::error::Error::source(error).map(ToString::to_string);
            error!(annunciator = self.mouth.name(), %error, because, "The lamp or buzzer cannot be switched; trying again.");
        }
        self.failed.send_if_modified(|it| it.insert(self.mouth.name().to_owned()));
    }
}
