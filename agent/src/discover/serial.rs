//! What speaks on a serial port: listened to at the line settings of every model, and asked only where that is wanted.
//!
//! All ports are looked at together. A port that another program has is left alone: opening it fails before anything about
//! its line is changed.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use vitals::device::{DeviceModel, LineSettings};
use vitals::reading::Mode;

use super::candidates::{Candidates, Recognised, recognised};
use super::ports::SerialPort;
use crate::clock;
use crate::config::Port;
use crate::conversation::{Conversation, Turn};
use crate::source::device::{Connection, OpenError, is_pseudo};

/// Models that are silent until they are asked, the quickest first.
const ASKED: [DeviceModel; 6] = [
    DeviceModel::ContecV7,
    DeviceModel::Capnostream,
    DeviceModel::Intellivue,
    DeviceModel::Medibus,
    DeviceModel::SunTech,
    DeviceModel::GeS5Dri,
];
/// How long each may take to answer; an S/5 monitor grants an interval of no less than 5 s.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
const S5_ANSWERS_WITHIN: Duration = Duration::from_secs(6);

/// What was found on a port.
pub(super) struct PortFound {
    pub(super) port: SerialPort,
    /// Whether it is a pseudo-terminal, behind which nobody's device can be.
    pub(super) is_pseudo: bool,
    pub(super) state: State,
}

/// What can be said of a port.
pub(super) enum State {
    /// This device speaks there, and whether it had to be asked.
    Device(Recognised, Asked),
    /// So many bytes that nobody understands.
    NotUnderstood(u64),
    /// Nothing came.
    Silent,
    /// Another program has it.
    InUse,
    /// It cannot be opened, and why.
    Closed(String),
}

/// Whether a device speaks by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// It was heard without a word of ours.
    No,
    /// It answered.
    Yes,
}

/// Looks at all ports; each takes `within` to be listened to.
pub(super) async fn look(ports: Vec<SerialPort>, within: Duration, ask: bool) -> Vec<PortFound> {
    let mut looks = JoinSet::new();
    for (number, port) in ports.into_iter().enumerate() {
        looks.spawn(async move {
            let state = look_at(&port.path, within, ask).await;
            let is_pseudo = is_pseudo(&port.path).unwrap_or(false);
            (number, PortFound { port, is_pseudo, state })
        });
    }
    let mut found: Vec<_> = looks.join_all().await;
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, it)| it).collect()
}

async fn look_at(path: &Path, within: Duration, ask: bool) -> State {
    match heard(path, within, ask).await {
        Ok(state) => state,
        Err(LookError::Open(error)) if error.is_taken() => State::InUse,
        Err(LookError::Open(error)) => State::Closed(error.to_string()),
        Err(LookError::Read(error)) => State::Closed(format!("it cannot be read: {error}")),
    }
}

/// Why a port could not be looked at.
enum LookError {
    Open(OpenError),
    Read(io::Error),
}

async fn heard(path: &Path, within: Duration, ask: bool) -> Result<State, LookError> {
    let mut most = 0;
    for (line, models, share) in settings() {
        let until = clock::instant() + within * share / 100;
        let candidates = listen(path, line, models.into_iter(), until).await?;
        if let Some(found) = candidates.best() {
            return Ok(State::Device(found, Asked::No));
        }
        most = most.max(candidates.bytes());
    }
    if ask {
        for model in ASKED {
            if let Some(found) = answered(path, model).await? {
                return Ok(State::Device(found, Asked::Yes));
            }
        }
    }
    Ok(if most == 0 { State::Silent } else { State::NotUnderstood(most) })
}

/// Each setting of a line, the models that have it, and its share of the time in per cent: most speak at 9600, and some of
/// those every two seconds only.
fn settings() -> Vec<(LineSettings, Vec<DeviceModel>, u32)> {
    let mut settings: Vec<(LineSettings, Vec<DeviceModel>, u32)> = Vec::new();
    for model in DeviceModel::ALL.into_iter().filter(|it| !it.is_in_datagrams()) {
        match settings.iter_mut().find(|(line, ..)| *line == model.line()) {
            Some((_, models, _)) => models.push(model),
            None => settings.push((model.line(), vec![model], 0)),
        }
    }
    settings.sort_by_key(|(_, models, _)| std::cmp::Reverse(models.len()));
    let others = u32::try_from(settings.len()).unwrap_or(1).saturating_sub(1).max(1);
    for (number, (.., share)) in settings.iter_mut().enumerate() {
        *share = if number == 0 { 50 } else { 50 / others };
    }
    settings
}

async fn listen(
    path: &Path,
    line: LineSettings,
    models: impl Iterator<Item = DeviceModel>,
    until: Instant,
) -> Result<Candidates, LookError> {
    let mut conversation = Conversation::listening(open(path, line).await?);
    let mut candidates = Candidates::new(models);
    while let Turn::Heard(bytes) = conversation.next(until).await.map_err(LookError::Read)? {
        candidates.handle_bytes(bytes);
    }
    Ok(candidates)
}

/// Asks as the agent would, and gives what answers.
async fn answered(path: &Path, model: DeviceModel) -> Result<Option<Recognised>, LookError> {
    let within = if model == DeviceModel::GeS5Dri { S5_ANSWERS_WITHIN } else { ANSWERS_WITHIN };
    let until = clock::instant() + within;
    let mut conversation = Conversation::asking(open(path, model.line()).await?, model);
    let mut bytes = 0;
    loop {
        match conversation.next(until).await.map_err(LookError::Read)? {
            Turn::Heard(some) => bytes += u64::try_from(some.len()).unwrap_or(u64::MAX),
            Turn::Said(_) => {}
            Turn::Silent | Turn::HungUp => return Ok(None),
        }
        // What one device answers, others echo: an echo is no good frame of any of these.
        let found = recognised(model, conversation.counts(), bytes);
        if found.is_some() {
            return Ok(found);
        }
    }
}

async fn open(path: &Path, line: LineSettings) -> Result<Connection, LookError> {
    // A look is nobody's data: a pseudo-terminal may be looked at too.
    Connection::open(&Port::Serial(path.into()), line, Mode::Simulated).await.map_err(LookError::Open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_serial_model_is_listened_for_once_and_the_time_is_shared() {
        let settings = settings();
        let models: usize = settings.iter().map(|(_, models, _)| models.len()).sum();
        assert_eq!(models, DeviceModel::ALL.into_iter().filter(|it| !it.is_in_datagrams()).count());
        assert!(settings.iter().map(|(.., share)| share).sum::<u32>() <= 100);
        assert_eq!(settings[0].0, DeviceModel::NoninDf8.line());
    }

    #[test]
    fn whoever_is_asked_is_asked_something() {
        for model in ASKED {
            let mut driver = vitals::device::driver(model, model.period());
            driver.handle_timeout(clock::uptime());
            driver.handle_timeout(clock::uptime() + ANSWERS_WITHIN);
            assert!(driver.poll_transmit().is_some(), "{model}");
        }
    }
}
