//! Where readings come from: each source has tasks of its own, and all have one inbox.

pub mod device;
pub(crate) mod identity;
pub mod mqtt;
mod stamp;

use std::sync::Arc;

use vitals::alarm::engine::{Flag, PortState};
use vitals::alarm::event::AlarmId;
use vitals::alarm::policy::AlarmPolicy;
use vitals::name::Name;
use vitals::notice::Notice;
use vitals::observation::Observation;
use vitals::reading::Mode;
use vitals::time::Uptime;

use crate::actions::Placed;
use crate::envelope::Receipt;

/// An observation on its way to the bedside task.
#[derive(Debug)]
pub struct Arrival {
    /// What was said, by whom, and when.
    pub observation: Observation,
    /// The device model or payload format, as records name it.
    pub device: Arc<str>,
    /// Who waits for it to be stored.
    pub receipt: Option<Receipt>,
}

/// What there is to tell of a source beside readings.
#[derive(Debug)]
pub enum Word {
    /// A frame without numbers came: it is alive.
    Alive,
    /// Its port came or went; the cause names the link, where it is one that several sources share.
    Port(PortState, Option<&'static str>),
    /// Its device said something beside its readings; the mode is the source's.
    Notice(Mode, Notice),
    /// What anybody can see of it is the matter, or is no more.
    Flag(Flag, bool),
}

/// What the bedside task gets from the sources.
#[derive(Debug)]
pub enum SourceInput {
    /// Somebody said something.
    Observation(Arrival),
    /// A message left no record; its receipt must still leave in order.
    Nothing {
        /// Who waits.
        receipt: Receipt,
    },
    /// A source has something to tell beside readings.
    Word {
        /// The bed.
        bed: Arc<Name>,
        /// The source.
        source: Arc<Name>,
        /// What.
        word: Word,
        /// When.
        at: Uptime,
    },
    /// An operator asks for something.
    Action(Box<Placed>),
    /// A station says that it has shown an alarm.
    Shown {
        /// The bed.
        bed: Arc<Name>,
        /// Which alarm.
        alarm: AlarmId,
        /// As it was shown.
        revision: u32,
        /// Which station.
        station: String,
        /// Whether it speaks of patients.
        live: bool,
    },
    /// Somebody changed the rules of alarms: those of each bed from now on.
    Rules {
        /// By bed.
        policies: Vec<(Arc<Name>, AlarmPolicy)>,
        /// When.
        at: Uptime,
    },
}
