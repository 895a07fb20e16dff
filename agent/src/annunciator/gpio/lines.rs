//! The lines of a chip, by the kernel's character device (version 2 of its ABI: Linux 5.10).

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use gpiocdev::chip::{Chip, chips};
use gpiocdev::line::{Offset, Value, Values};
use gpiocdev::request::Request;
use vitals::alarm::event::Priority;

use super::pattern::Levels;
use crate::config::{Gpio, GpioLine, GpioOutput};

/// What stands as the lines' user in the kernel's list.
const CONSUMER: &str = "wardline-agent";

/// Why lines cannot be switched.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// No chip answers to this.
    #[error("there is no GPIO chip with the name, label or path {chip}; there are: {known}")]
    NoChip { chip: String, known: String },
    /// The chip's device may not be opened.
    #[error(
        "{path} cannot be opened: give the agent SupplementaryGroups=gpio and DeviceAllow=char-gpiochip rw, as docs/install.md says"
    )]
    Closed {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The chip has no such line.
    #[error("the chip {chip} has no line {line}: gpioinfo tells which it has")]
    NoLine { chip: String, line: String },
    /// Somebody has the line.
    #[error("line {line} of {chip} is in use by {by:?}: free it, or take another")]
    InUse { chip: String, line: String, by: String },
    /// The kernel refuses.
    #[error("cannot {what} lines of {chip}: is the chip still there?")]
    Refused {
        what: &'static str,
        chip: String,
        #[source]
        source: gpiocdev::Error,
    },
}

/// Lines that are ours, as outputs.
#[derive(Debug)]
pub(super) struct Lines {
    chip: String,
    request: Request,
    offsets: BTreeMap<GpioOutput, Offset>,
}

impl Lines {
    /// Takes the lines, all inactive.
    pub(super) fn open(gpio: &Gpio) -> Result<Self, LineError> {
        let chip = find(&gpio.chip)?;
        let refused = |source| LineError::Refused { what: "take", chip: gpio.chip.clone(), source };
        let mut offsets = BTreeMap::new();
        for (output, line) in &gpio.lines {
            offsets.insert(*output, offset(gpio, &chip, line)?);
        }
        let mut builder = Request::builder();
        let lines: Vec<Offset> = offsets.values().copied().collect();
        builder.on_chip(chip.path()).with_consumer(CONSUMER).with_lines(&lines);
        if gpio.active_low {
            builder.as_active_low();
        }
        let request = builder.as_output(Value::Inactive).request().map_err(refused)?;
        Ok(Self { chip: gpio.chip.clone(), request, offsets })
    }

    /// Switches them.
    pub(super) fn set(&self, levels: Levels) -> Result<(), LineError> {
        let mut values = Values::default();
        for (output, offset) in &self.offsets {
            values.set(*offset, Value::from(is_on(*output, levels)));
        }
        let refused = |source| LineError::Refused { what: "switch", chip: self.chip.clone(), source };
        self.request.set_values(&values).map_err(refused)
    }
}

fn is_on(output: GpioOutput, levels: Levels) -> bool {
    match output {
        GpioOutput::Lamp => levels.lamp.is_some(),
        GpioOutput::LampHigh => levels.lamp == Some(Priority::High),
        GpioOutput::LampMedium => levels.lamp == Some(Priority::Medium),
        GpioOutput::LampLow => levels.lamp == Some(Priority::Low),
        GpioOutput::Buzzer => levels.buzzer,
        GpioOutput::Heartbeat => levels.heartbeat,
    }
}

/// The chip by path, by name, or by label: labels stay the same where numbers depend on the order of drivers.
fn find(wanted: &str) -> Result<Chip, LineError> {
    if wanted.starts_with('/') {
        return open(Path::new(wanted)).map_err(|error| match error {
            LineError::Closed { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                missing(wanted, &[])
            }
            other => other,
        });
    }
    let mut known = Vec::new();
    let mut closed = None;
    for path in chips().unwrap_or_default() {
        let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        let label = match open(&path) {
            Ok(chip) if name == wanted => return Ok(chip),
            Ok(chip) => match chip.info().map(|it| it.label).unwrap_or_default() {
                label if label == wanted => return Ok(chip),
                label => label,
            },
            Err(error) if name == wanted => return Err(error),
            Err(error) => {
                closed = closed.or(Some(error));
                continue;
            }
        };
        known.push(format!("{name} ({label})"));
    }
    // A chip that may not be looked at might be the one.
    Err(closed.unwrap_or_else(|| missing(wanted, &known)))
}

fn missing(chip: &str, known: &[String]) -> LineError {
    let known = if known.is_empty() { "none".into() } else { known.join(", ") };
    LineError::NoChip { chip: chip.into(), known }
}

fn open(path: &Path) -> Result<Chip, LineError> {
    // Asked for by itself, because the library tells a refusal only as a number.
    File::open(path).map_err(|source| LineError::Closed { path: path.into(), source })?;
    let chip = || path.display().to_string();
    Chip::from_path(path).map_err(|source| LineError::Refused { what: "look at the", chip: chip(), source })
}

fn offset(gpio: &Gpio, chip: &Chip, line: &GpioLine) -> Result<Offset, LineError> {
    let name = gpio.chip.clone();
    let found = match line {
        GpioLine::Offset(offset) => chip.line_info(*offset).ok(),
        GpioLine::Named(named) => chip.find_line_info(named),
    };
    let Some(info) = found else {
        return Err(LineError::NoLine { chip: name, line: line.to_string() });
    };
    if info.used {
        return Err(LineError::InUse { chip: name, line: line.to_string(), by: info.consumer });
    }
    Ok(info.offset)
}
