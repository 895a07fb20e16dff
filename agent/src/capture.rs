//! `capture`: the bytes of one device with their times, fit to be given away: what tells who the patient is, is taken out
//! before anything reaches the disk.
//!
//! ```text
//! {"wardline_capture":1,"device":"nonin-df8","way":"serial","line":{…},"asked":false,"redacted":true,"wardline":"0.1.0"}
//! {"t_ms":12,"dir":"rx","hex":"80486100"}       rx: from the device; tx: to it; t_ms since the line was opened
//! {"end":true,"t_ms":60000,"left_out":{"frames":0,"bytes":3}}
//! ```
//!
//! Beside it lies the same without times, `FILE.raw`, for `decode` and `wardline-sim play`: what came from the device. Neither
//! names the machine, the port or the time of day.

mod recording;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use vitals::device::redact::LeftOut;
use vitals::device::{DeviceModel, Flow, LineSettings, Parity};
use vitals::reading::Mode;

use self::recording::Recording;
use crate::clock;
use crate::config::{Endpoint, Port};
use crate::conversation::{Conversation, Turn};
use crate::discover::{DISCLAIMER, ONE_ASSOCIATION, parse_for};
use crate::source::device::{Connection, OpenError};

/// The most that is recorded: an hour of the fastest line, six times.
const BYTES_MAX: u64 = 256 << 20;

/// What to record.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    way: Way,
    /// What speaks there: a model of docs/devices.md. Without it nothing can be redacted.
    #[arg(long, value_name = "MODEL", value_parser = crate::decode::parse_model)]
    device: Option<DeviceModel>,
    /// Asks the device as the agent would; else it is only listened to.
    #[arg(long, requires = "device")]
    ask: bool,
    /// Takes out what tells who the patient is, and serial numbers (docs/devices.md says what). So it is unless told otherwise.
    #[arg(long, conflicts_with = "keep_identity")]
    redact: bool,
    /// Records everything as it came: names and numbers of patients too.
    #[arg(long)]
    keep_identity: bool,
    /// The recording; its bytes alone go beside it, with the ending .raw. Neither may exist.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How long.
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = parse_for)]
    record_for: Duration,
    /// Bits a second, where a device is set otherwise than its model is usually.
    #[arg(long, value_name = "BAUD")]
    baud: Option<u32>,
    /// The parity bit, likewise.
    #[arg(long, value_enum)]
    parity: Option<ParityBit>,
}

/// Where the device is.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
struct Way {
    /// A serial port.
    #[arg(long, value_name = "PATH")]
    port: Option<PathBuf>,
    /// A connection to a device, or to a serial device server.
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_endpoint)]
    tcp: Option<Endpoint>,
    /// Datagrams to and from a device.
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_endpoint)]
    udp: Option<Endpoint>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ParityBit {
    None,
    Even,
    Odd,
}

/// Why nothing, or not everything, was recorded.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// Nobody knows what to redact.
    #[error(
        "without --device nothing can be redacted: name the model, or say --keep-identity if names and numbers of patients may be recorded"
    )]
    NoModel,
    /// The two files would be one.
    #[error("--out {} would be its own raw bytes: give it another ending, as .jsonl", .0.display())]
    RawName(PathBuf),
    /// A file cannot be made.
    #[error("cannot make {}: name a file that does not exist, where you may write", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another program reads the port.
    #[error(
        "the agent, or another program, reads this port, and was not disturbed. Record at another port of the device; or stop the agent, if nobody needs its alarms meanwhile"
    )]
    InUse(#[source] Source),
    /// The port cannot be opened.
    #[error("cannot open the port")]
    Open(#[source] Source),
    /// It was opened and cannot be read or written.
    #[error("the line cannot be read or written")]
    Line(#[source] io::Error),
    /// The recording cannot be written.
    #[error("cannot write the recording")]
    Write(#[source] io::Error),
    /// The operating system denies something.
    #[error("the system gives no runtime")]
    System(#[source] io::Error),
    /// Nothing came.
    #[error(
        "the device said nothing: is it on, is its output switched on, must it be asked (--ask), is the line set as it is (--baud, --parity)?"
    )]
    Nothing,
}

/// What stands behind a port that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Source(String);

impl CaptureError {
    /// The exit code, as sysexits.h names them.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoModel | Self::RawName(_) | Self::File { .. } => 64,
            Self::InUse(_) | Self::Open(_) | Self::Line(_) | Self::Nothing => 69,
            Self::Write(_) | Self::System(_) => 70,
        }
    }
}

/// Records, and tells how it went.
pub fn run(arguments: &Arguments, talk: &mut impl Write) -> Result<(), CaptureError> {
    let redacts = arguments.redacts()?;
    if arguments.out.extension().is_some_and(|it| it == "raw") {
        return Err(CaptureError::RawName(arguments.out.clone()));
    }
    let _ = arguments.warn(talk);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (mut recording, end) = runtime.map_err(CaptureError::System)?.block_on(async {
        let mut conversation = arguments.open().await?;
        let mut recording = Recording::create(&arguments.out, &arguments.head(), redacts)?;
        let end = record(&mut conversation, &mut recording, arguments.record_for).await?;
        Ok((recording, end))
    })?;
    let (heard, left_out) = recording.finish(end.elapsed)?;
    if heard == 0 {
        recording.discard();
        return Err(CaptureError::Nothing);
    }
    let _ = told(talk, arguments, end, heard, left_out);
    Ok(())
}

/// How a recording ended.
#[derive(Clone, Copy)]
struct End {
    hung_up: bool,
    elapsed: Duration,
}

async fn record(
    conversation: &mut Conversation,
    recording: &mut Recording,
    record_for: Duration,
) -> Result<End, CaptureError> {
    let begin = clock::instant();
    let until = begin + record_for;
    let since = |begin: Instant| clock::instant().saturating_duration_since(begin);
    loop {
        let turn = tokio::select! {
            turn = conversation.next(until) => turn.map_err(CaptureError::Line)?,
            // What has come so far is kept.
            _ = tokio::signal::ctrl_c() => Turn::Silent,
        };
        let elapsed = since(begin);
        match turn {
            Turn::Heard(bytes) => recording.handle_heard(elapsed, bytes)?,
            Turn::Said(message) => recording.handle_said(elapsed, &message)?,
            Turn::Silent => return Ok(End { hung_up: false, elapsed }),
            Turn::HungUp => return Ok(End { hung_up: true, elapsed }),
        }
        if recording.heard() > BYTES_MAX {
            return Ok(End { hung_up: false, elapsed });
        }
    }
}

impl Arguments {
    /// The model that is redacted by; `None` if nothing is.
    fn redacts(&self) -> Result<Option<DeviceModel>, CaptureError> {
        match (self.keep_identity && !self.redact, self.device) {
            (true, _) => Ok(None),
            (false, Some(model)) => Ok(Some(model)),
            (false, None) => Err(CaptureError::NoModel),
        }
    }

    fn port(&self) -> Port {
        match (&self.way.port, &self.way.tcp, &self.way.udp) {
            (_, Some(tcp), _) => Port::Tcp(tcp.clone()),
            (_, _, Some(udp)) => Port::Udp(udp.clone()),
            (path, None, None) => Port::Serial(path.clone().unwrap_or_default()),
        }
    }

    fn line(&self) -> LineSettings {
        let usual = LineSettings { baud: 9600, parity: Parity::None, flow: Flow::None };
        let line = self.device.map_or(usual, DeviceModel::line);
        let parity = self.parity.map_or(line.parity, |it| match it {
            ParityBit::None => Parity::None,
            ParityBit::Even => Parity::Even,
            ParityBit::Odd => Parity::Odd,
        });
        LineSettings { baud: self.baud.unwrap_or(line.baud), parity, ..line }
    }

    async fn open(&self) -> Result<Conversation, CaptureError> {
        // A recording is nobody's live data, so a pseudo-terminal may be recorded too.
        let opened = Connection::open(&self.port(), self.line(), Mode::Simulated).await;
        let port = opened.map_err(|error: OpenError| {
            let (taken, source) = (error.is_taken(), Source(format!("{error}: {}", error.reason())));
            if taken { CaptureError::InUse(source) } else { CaptureError::Open(source) }
        })?;
        Ok(match self.device.filter(|_| self.ask) {
            Some(model) => Conversation::asking(port, model),
            None => Conversation::listening(port),
        })
    }

    fn head(&self) -> serde_json::Value {
        let line = self.line();
        let parity = match line.parity {
            Parity::None => "none",
            Parity::Even => "even",
            Parity::Odd => "odd",
        };
        let flow = match line.flow {
            Flow::None => "none",
            Flow::RtsCts => "rts_cts",
        };
        let port = self.port();
        let serial = matches!(port, Port::Serial(_));
        serde_json::json!({
            "wardline_capture": 1,
            "device": self.device.map(DeviceModel::name),
            "way": if serial { "serial" } else { port.key() },
            "line": serial.then(|| serde_json::json!({ "baud": line.baud, "parity": parity, "flow": flow })),
            "asked": self.ask,
            "redacted": !self.keep_identity,
            "wardline": env!("CARGO_PKG_VERSION"),
        })
    }

    fn warn(&self, talk: &mut impl Write) -> io::Result<()> {
        writeln!(talk, "{DISCLAIMER}")?;
        if self.keep_identity {
            writeln!(
                talk,
                "warning: what tells who the patient is, is recorded too: give the files to nobody."
            )?;
        }
        if self.ask && matches!(self.device, Some(DeviceModel::Intellivue | DeviceModel::IntellivueLan)) {
            writeln!(talk, "warning: {ONE_ASSOCIATION}")?;
        }
        Ok(())
    }
}

fn told(
    talk: &mut impl Write,
    arguments: &Arguments,
    end: End,
    heard: u64,
    left_out: Option<LeftOut>,
) -> io::Result<()> {
    if end.hung_up {
        writeln!(talk, "The line has hung up.")?;
    }
    writeln!(talk, "{heard} bytes in {} s: {}", end.elapsed.as_secs(), arguments.out.display())?;
    if let Some(it) = left_out {
        writeln!(talk, "left out, for they are no whole frames or tell who somebody is: {} bytes", it.bytes)?;
        if it.bytes == heard {
            writeln!(talk, "Nothing is left: is it another device, or is the line set otherwise?")?;
        }
    }
    Ok(())
}

fn parse_endpoint(text: &str) -> Result<Endpoint, String> {
    Endpoint::parse(text).ok_or_else(|| "write a host and a port, as 10.1.7.20:4601".into())
}
