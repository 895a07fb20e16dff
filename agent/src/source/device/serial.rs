//! Opening a port: for this program alone, set as the device's document says, and never a pseudo-terminal for a patient.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tokio_serial::{
    ClearBuffer, ErrorKind, FlowControl, SerialPort as _, SerialPortBuilderExt as _, SerialStream,
};
use vitals::device::{Flow, LineSettings, Parity};
use vitals::reading::Mode;

/// Device numbers of pseudo-terminals (Linux, `admin-guide/devices.txt`: "Unix98 PTY slaves").
const PSEUDO_TERMINALS: std::ops::RangeInclusive<u32> = 136..=143;

/// Why a port cannot be opened, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PortError {
    #[error("the port is not there: plug the device in, or correct `port` (ls -l /dev/serial/by-path)")]
    Missing(#[source] io::Error),
    #[error("the agent may not open the port: give its user the group of the port (dialout)")]
    Forbidden(#[source] io::Error),
    #[error("another program has the port: end it, or take the port out of its configuration")]
    Taken(#[source] tokio_serial::Error),
    #[error("{} is no serial port: correct `port`", .0.display())]
    NotAPort(PathBuf),
    #[error("{} is a pseudo-terminal, which is no patient's device: set mode = \"simulated\" for this source", .0.display())]
    Pseudo(PathBuf),
    #[error("the port cannot be opened")]
    Other(#[source] tokio_serial::Error),
}

/// Opens a port. Opening waits for the hardware, so it has a thread of its own.
pub(super) async fn open(port: &Path, line: LineSettings, mode: Mode) -> Result<SerialStream, PortError> {
    let port = port.to_owned();
    let opened = tokio::task::spawn_blocking(move || open_now(&port, line, mode)).await;
    opened.unwrap_or_else(|ended| Err(PortError::Missing(io::Error::other(ended))))
}

/// Forgets what was not sent yet: closing would wait for a device that takes nothing.
pub(super) fn abandon(port: &SerialStream) {
    // A port that is gone has nothing to forget.
    let _ = port.clear(ClearBuffer::All);
}

pub(super) fn open_now(port: &Path, line: LineSettings, mode: Mode) -> Result<SerialStream, PortError> {
    if is_pseudo(port).map_err(missing)? && mode == Mode::Live {
        return Err(PortError::Pseudo(port.into()));
    }
    let parity = match line.parity {
        Parity::None => tokio_serial::Parity::None,
        Parity::Even => tokio_serial::Parity::Even,
        Parity::Odd => tokio_serial::Parity::Odd,
    };
    let flow = match line.flow {
        Flow::None => FlowControl::None,
        Flow::RtsCts => FlowControl::Hardware,
    };
    // 8 data bits and 1 stop bit are the builder's own, and it opens for itself alone.
    let builder = tokio_serial::new(port.to_string_lossy(), line.baud).parity(parity).flow_control(flow);
    builder.open_native_async().map_err(|error| match error.kind() {
        ErrorKind::Io(io::ErrorKind::NotFound) => missing(error.into()),
        ErrorKind::Io(io::ErrorKind::PermissionDenied) => PortError::Forbidden(error.into()),
        ErrorKind::NoDevice => PortError::Taken(error),
        _ if error.description.contains("typewriter") || error.description.contains("ioctl for device") => {
            PortError::NotAPort(port.into())
        }
        _ if error.description.contains("exclusive") || error.description.contains("busy") => {
            PortError::Taken(error)
        }
        _ => PortError::Other(error),
    })
}

/// Whether a port is a pseudo-terminal.
pub(crate) fn is_pseudo(port: &Path) -> io::Result<bool> {
    let number = rustix::fs::major(fs::metadata(port)?.rdev());
    Ok(PSEUDO_TERMINALS.contains(&number))
}

fn missing(error: io::Error) -> PortError {
    if error.kind() == io::ErrorKind::PermissionDenied {
        PortError::Forbidden(error)
    } else {
        PortError::Missing(error)
    }
}
