//! `play`: recorded bytes through a pseudo-terminal, at the pace of the line they were recorded from.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{interval, timeout};
use vitals::device::{DeviceModel, Flow, LineSettings, Parity};

use crate::clock;
use crate::terminal::{Terminal, TerminalError};

/// How long a host may take with the last bytes.
const LAST: Duration = Duration::from_secs(5);
/// How long the line stays open behind them.
const LINGER: Duration = Duration::from_secs(1);
/// How often bytes are put on the line.
const TURN: Duration = Duration::from_millis(10);

/// What to play.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// The recorded bytes, as they came over the line.
    #[arg(value_name = "CAPTURE")]
    pub capture: PathBuf,
    /// Through a pseudo-terminal, whose path is printed first. The only way there is.
    #[arg(long, required = true)]
    pub pty: bool,
    /// A name for the host's end of the line; a link of that name is replaced.
    #[arg(long, value_name = "PATH")]
    pub link: Option<PathBuf>,
    /// The device that spoke, for the pace of its line: a model of docs/devices.md.
    #[arg(long, value_name = "MODEL", default_value = "ge-s5-dri", value_parser = model)]
    pub device: DeviceModel,
    /// How often it is played, one after the other.
    #[arg(long, default_value_t = 1)]
    pub times: u32,
    /// How many times faster than the line.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub speed: u32,
}

/// Why it could not be played.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The bytes cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Capture {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no line.
    #[error("there is no serial line")]
    Line(#[source] TerminalError),
    /// The system denies something.
    #[error("the system gives no {what}")]
    System {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Whether it was played to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Played {
    /// Every byte has been read.
    Whole,
    /// Somebody stopped it.
    Interrupted,
}

/// Plays: waits until a host has opened the line, sends every byte, and waits until the host has taken them.
pub fn run(arguments: &Arguments) -> Result<Played, PlayError> {
    let path = &arguments.capture;
    let bytes = fs::read(path).map_err(|source| PlayError::Capture { path: path.clone(), source })?;
    let terminal = Terminal::open(arguments.link.as_deref()).map_err(PlayError::Line)?;
    // Whoever started us may want to know before anything is played; a reader who has gone away is no mistake.
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", terminal.path().display()).and_then(|()| out.flush());
    drop(out);
    let system = |what| move |source| PlayError::System { what, source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(system("runtime"))?.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(system("signals"))?;
        let mut terminate = signal(SignalKind::terminate()).map_err(system("signals"))?;
        let bytes = bytes.repeat(arguments.times as usize);
        let pace = bytes_per_turn(arguments.device.line(), arguments.speed);
        Ok(tokio::select! {
            _ = interrupt.recv() => Played::Interrupted,
            _ = terminate.recv() => Played::Interrupted,
            () = send(terminal, &bytes, pace) => Played::Whole,
        })
    })
}

async fn send(mut terminal: Terminal, bytes: &[u8], pace: usize) {
    let mut turns = interval(TURN);
    while !terminal.is_open() {
        turns.tick().await;
    }
    for chunk in bytes.chunks(pace) {
        // What the host asks is not answered: a recording says what it said.
        drop(terminal.receive());
        // A host that reads slower than the line gets everything all the same; a wire would have lost it.
        while !terminal.is_idle() {
            turns.tick().await;
            terminal.flush();
        }
        terminal.send(chunk);
        turns.tick().await;
    }
    let begin = clock::now();
    while terminal.is_open() && !terminal.is_idle() && begin.elapsed() < LAST {
        turns.tick().await;
        terminal.flush();
    }
    // Closing the line takes from the host what it has not read yet: a host that reads at all has read it by then.
    let _ = timeout(LINGER, async {
        while terminal.is_open() {
            turns.tick().await;
        }
    })
    .await;
}

/// The bytes that a line carries in a turn: a start bit, eight bits, perhaps a parity bit, a stop bit.
fn bytes_per_turn(line: LineSettings, speed: u32) -> usize {
    let LineSettings { baud, parity, flow: Flow::None | Flow::RtsCts } = line;
    let bits = if parity == Parity::None { 10 } else { 11 };
    (baud / bits * speed / 100).max(1) as usize
}

fn model(text: &str) -> Result<DeviceModel, String> {
    DeviceModel::from_name(text).ok_or_else(|| {
        let names = DeviceModel::ALL.map(DeviceModel::name).join(", ");
        format!("there is no such device: write one of {names}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn the_pace_is_that_of_the_line() {
        assert_eq!(bytes_per_turn(DeviceModel::NoninDf7.line(), 1), 9);
        assert_eq!(bytes_per_turn(DeviceModel::GeS5Dri.line(), 1), 17);
        assert_eq!(bytes_per_turn(DeviceModel::GeS5Dri.line(), 100), 1745);
    }

    #[tokio::test]
    async fn a_host_that_comes_late_gets_every_byte() {
        let terminal = Terminal::open(None).unwrap();
        let path = terminal.path().to_owned();
        let bytes: Vec<u8> = (0..=255).cycle().take(20_000).collect();
        let sent = bytes.clone();
        let reader = std::thread::spawn(move || {
            let mut host = fs::File::open(path).unwrap();
            let mut read = vec![0; sent.len()];
            host.read_exact(&mut read).unwrap();
            assert!(read == sent);
        });
        timeout(Duration::from_secs(20), send(terminal, &bytes, 1745)).await.unwrap();
        reader.join().unwrap();
    }
}
