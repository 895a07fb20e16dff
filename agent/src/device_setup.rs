//! `device setup`: a person configures a device, once, with the port to themselves. The agent's drivers never do, and what is
//! sent here is in none of their tables.
//!
//! What will be sent is told first; it is sent with `--yes` alone, and the outcome is what the device itself answers.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::civil::DateTime;
use vitals::device::DeviceModel;
use vitals::device::setup::{Answer, AnswerFinder, NoninFormat, Setting, Step, Verdict};
use vitals::reading::Mode;

use crate::clock;
use crate::config::Port;
use crate::conversation::{Conversation, Turn};
use crate::discover::DISCLAIMER;
use crate::source::device::Connection;

/// How long a device is listened to before anything is sent: its frames must be known to tell an answer from them.
const LISTEN: Duration = Duration::from_millis(1200);
/// How long it may take to answer. Contec's document allows a second.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// How far a clock that was just set may be from what it was set to, seconds.
const CLOCK_NEAR: i64 = 5;

/// What is done with a device.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Sets its data format or its clock.
    Setup(Arguments),
}

/// What to set.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// The device.
    #[arg(long, value_enum)]
    device: Device,
    /// Its serial port; the agent must not be reading it.
    #[arg(long, value_name = "PATH")]
    port: PathBuf,
    #[command(flatten)]
    what: What,
    /// Sends it. Without this it is only told what would be sent.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Nonin's data format: 2, 7, 8 or 13.
    #[arg(long, value_name = "FORMAT", value_parser = parse_format)]
    format: Option<NoninFormat>,
    /// The local time that its clock is set to: --clock "$(date +%FT%T)".
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    clock: Option<DateTime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Device {
    /// Nonin 9560, and others that take its short form.
    Nonin,
    /// Nonin 3150, which takes a longer form with a sum.
    #[value(name = "nonin-3150")]
    Nonin3150,
    /// Contec CMS50, protocol V7.
    Contec,
}

/// Why a device was not set, or nobody knows whether it was.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The device has no such thing.
    #[error("no document at hand says how that is set on this device: {0}")]
    NotDocumented(&'static str),
    /// It was only told.
    #[error("nothing was sent: say --yes to send it")]
    NotSent,
    /// Another program reads the port.
    #[error(
        "the agent, or another program, reads this port, and was not disturbed: stop it first, if nobody needs its alarms meanwhile"
    )]
    InUse,
    /// The port cannot be opened.
    #[error("cannot open the port: {0}")]
    Open(String),
    /// It was opened and cannot be read or written.
    #[error("the line cannot be read or written")]
    Line(#[source] io::Error),
    /// The operating system denies something.
    #[error("the system gives no runtime")]
    System(#[source] io::Error),
    /// The device says no.
    #[error("the device refuses it: it does not support that")]
    Refused,
    /// The device says another time than it was told.
    #[error("the device's clock says {0}, and was not set")]
    OtherTime(DateTime),
    /// Nobody answers.
    #[error(
        "the device does not answer, and nobody knows whether it was set: is it on, and is this its port? A Nonin 9560 answers only within five seconds after it has connected"
    )]
    NoAnswer,
}

impl SetupError {
    /// The exit code, as sysexits.h names them.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotDocumented(_) | Self::NotSent => 64,
            Self::Refused | Self::OtherTime(_) => 65,
            Self::InUse | Self::Open(_) | Self::Line(_) | Self::NoAnswer => 69,
            Self::System(_) => 70,
        }
    }
}

/// Tells what will be sent, sends it, and tells what the device has answered.
pub fn run(command: &Command, talk: &mut impl Write) -> Result<(), SetupError> {
    let Command::Setup(arguments) = command;
    let setting = arguments.setting()?;
    let _ = tell(talk, arguments, setting);
    if !arguments.yes {
        return Err(SetupError::NotSent);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(SetupError::System)?.block_on(set(arguments, setting))?;
    let _ = match setting {
        Setting::Nonin9560Format(it) | Setting::Nonin3150Format(it) => {
            writeln!(talk, "The device has taken it. Its source is now: device = \"nonin-df{}\"", it.number())
        }
        Setting::NoninClock(_) | Setting::ContecClock(_) => writeln!(talk, "The device has taken it."),
    };
    Ok(())
}

impl Arguments {
    fn setting(&self) -> Result<Setting, SetupError> {
        match (self.device, self.what.format, self.what.clock) {
            (Device::Nonin, Some(format), _) => Ok(Setting::Nonin9560Format(format)),
            (Device::Nonin3150, Some(format), _) => Ok(Setting::Nonin3150Format(format)),
            (Device::Nonin, None, Some(at)) => Ok(Setting::NoninClock(at)),
            (Device::Contec, None, Some(at)) => Ok(Setting::ContecClock(at)),
            (Device::Contec, Some(_), _) => Err(SetupError::NotDocumented("a Contec has one format")),
            (Device::Nonin3150, None, _) => {
                Err(SetupError::NotDocumented("the clock of a 3150; that of a 9560 is --device nonin"))
            }
            (Device::Nonin | Device::Contec, None, None) => {
                Err(SetupError::NotDocumented("neither format nor clock"))
            }
        }
    }

    /// A model that has the device's line.
    fn model(&self) -> DeviceModel {
        match self.device {
            Device::Nonin | Device::Nonin3150 => DeviceModel::NoninDf8,
            Device::Contec => DeviceModel::ContecV7,
        }
    }
}

fn tell(talk: &mut impl Write, arguments: &Arguments, setting: Setting) -> io::Result<()> {
    writeln!(talk, "{DISCLAIMER}")?;
    writeln!(talk, "This changes the device on {}:", arguments.port.display())?;
    for Step { message, meaning, answer } in setting.steps() {
        let bytes: Vec<_> = message.iter().map(|it| format!("{it:02X}")).collect();
        let answer = match answer {
            Answer::Acknowledgement => "06 (taken) or 15 (refused)",
            Answer::Nothing => "nothing, by its document",
            Answer::Time => "its time",
            Answer::Feedback(_) => "a feedback package",
        };
        writeln!(talk, "  {}   {meaning}; it answers {answer}", bytes.join(" "))?;
    }
    Ok(())
}

async fn set(arguments: &Arguments, setting: Setting) -> Result<(), SetupError> {
    let port = Port::Serial(arguments.port.clone());
    let opened = Connection::open(&port, arguments.model().line(), Mode::Simulated).await;
    let port = opened.map_err(|error| {
        if error.is_taken() { SetupError::InUse } else { SetupError::Open(error.to_string()) }
    })?;
    let mut conversation = Conversation::listening(port);
    let mut finder = AnswerFinder::default();
    let listened = clock::instant() + LISTEN;
    let steps = setting.steps();
    // What is an answer's own byte depends on what is asked; frames are the same.
    let first = steps.first().map_or(Answer::Nothing, |it| it.answer);
    // What looks like an answer to what was not asked yet is forgotten.
    while wait_for(&mut conversation, &mut finder, first, listened).await?.is_some() {}
    for step in steps {
        conversation.say(&step.message).await.map_err(SetupError::Line)?;
        if step.answer == Answer::Nothing {
            continue;
        }
        let until = clock::instant() + ANSWERS_WITHIN;
        match (wait_for(&mut conversation, &mut finder, step.answer, until).await?, setting) {
            (None, _) => return Err(SetupError::NoAnswer),
            (Some(Verdict::Refused), _) => return Err(SetupError::Refused),
            (Some(Verdict::Time(it)), Setting::NoninClock(at))
                if it.duration_since(at).as_secs().abs() > CLOCK_NEAR =>
            {
                return Err(SetupError::OtherTime(it));
            }
            (Some(Verdict::Taken | Verdict::Time(_)), _) => {}
        }
    }
    Ok(())
}

/// The next answer, if one comes until then.
async fn wait_for(
    conversation: &mut Conversation,
    finder: &mut AnswerFinder,
    answer: Answer,
    until: Instant,
) -> Result<Option<Verdict>, SetupError> {
    while let Turn::Heard(bytes) = conversation.next(until).await.map_err(SetupError::Line)? {
        if let Some(verdict) = finder.handle_bytes(answer, bytes) {
            return Ok(Some(verdict));
        }
    }
    Ok(None)
}

fn parse_format(text: &str) -> Result<NoninFormat, String> {
    let format = text.parse().ok().and_then(NoninFormat::from_number);
    format.ok_or_else(|| "a Nonin has the data formats 2, 7, 8 and 13".into())
}

fn parse_time(text: &str) -> Result<DateTime, String> {
    let time: Option<DateTime> = text.parse().ok();
    time.filter(|it| (2000..2100).contains(&it.year()))
        .ok_or_else(|| "write a local time of this century, as 2026-11-30T10:30:00".into())
}
