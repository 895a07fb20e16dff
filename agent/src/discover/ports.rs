//! The serial ports of this machine, each once, under the name that a configuration should give it.

use std::fs;
use std::path::{Path, PathBuf};

/// Where udev names ports: by the adapter, then by the socket it is plugged in.
const NAMED: [&str; 2] = ["serial/by-id", "serial/by-path"];
/// Ports of the machine itself.
const OWN: [&str; 2] = ["ttyS", "ttyAMA"];

/// A port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SerialPort {
    /// How to name it.
    pub(super) path: PathBuf,
    /// What else it is called.
    pub(super) also: Vec<PathBuf>,
}

/// All ports under `/dev` and `/sys`, and those that were named.
pub(super) fn list(dev: &Path, sys: &Path, named: &[PathBuf]) -> Vec<SerialPort> {
    let mut found: Vec<(PathBuf, SerialPort)> = Vec::new();
    let by_udev = NAMED.iter().flat_map(|it| entries(&dev.join(it)));
    let own = entries(&sys.join("class/tty")).into_iter().filter(|it| is_real(it));
    let own = own.filter_map(|it| Some(dev.join(it.file_name()?)));
    for path in named.iter().cloned().chain(by_udev).chain(own) {
        let target = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        match found.iter_mut().find(|(it, _)| *it == target) {
            Some((_, port)) if port.path != path => port.also.push(path),
            Some(_) => {}
            None => found.push((target, SerialPort { path, also: Vec::new() })),
        }
    }
    found.into_iter().map(|(_, port)| port).collect()
}

/// Whether a port of the machine has hardware: the kernel keeps names for many that have not.
fn is_real(class: &Path) -> bool {
    let name = class.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    let is_own = OWN.iter().any(|it| {
        let number = name.strip_prefix(it);
        number.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()))
    });
    // The type of the chip; 0 is none (Linux, `serial_core.h`: PORT_UNKNOWN).
    let kind = fs::read_to_string(class.join("type")).unwrap_or_default();
    is_own && class.join("device").exists() && kind.trim() != "0"
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(dir).into_iter().flatten().flatten().map(|it| it.path()).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_port_with_two_names_is_one_and_a_name_without_hardware_is_none() {
        let root = tempfile::tempdir().unwrap();
        let (dev, sys) = (root.path().join("dev"), root.path().join("sys"));
        for dir in ["serial/by-id", "serial/by-path"] {
            fs::create_dir_all(dev.join(dir)).unwrap();
        }
        for tty in ["ttyUSB0", "ttyS0", "ttyS1", "ttyAMA0"] {
            fs::write(dev.join(tty), "").unwrap();
        }
        symlink("../../ttyUSB0", dev.join("serial/by-id/usb-FTDI_Xpod")).unwrap();
        symlink("../../ttyUSB0", dev.join("serial/by-path/pci-0-usb-1")).unwrap();
        for (tty, kind) in [("ttyS0", "4\n"), ("ttyS1", "0\n"), ("ttyAMA0", "32\n"), ("tty1", "4\n")] {
            fs::create_dir_all(sys.join("class/tty").join(tty).join("device")).unwrap();
            fs::write(sys.join("class/tty").join(tty).join("type"), kind).unwrap();
        }
        fs::create_dir_all(sys.join("class/tty/ttyS2")).unwrap();
        let named = [dev.join("ttyS0")];
        let found = list(&dev, &sys, &named);
        let paths: Vec<_> =
            found.iter().map(|it| it.path.strip_prefix(&dev).unwrap().to_str().unwrap()).collect();
        assert_eq!(paths, ["ttyS0", "serial/by-id/usb-FTDI_Xpod", "ttyAMA0"]);
        assert_eq!(found[1].also, [dev.join("serial/by-path/pci-0-usb-1")]);
    }
}
