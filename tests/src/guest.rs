//! A machine with GPIO lines: Debian's kernel under QEMU, its driver of a chip, and the agent; the lines are seen from outside.
//!
//! The chip is AMD's Promontory (`gpio-amdpt`), the one on Debian's list that is nothing but registers in memory. An ACPI table
//! says that it is there, and its registers lie in a piece of the guest's memory that the kernel is told to leave alone: a file
//! of ours. So every level that the driver writes can be read here, with the time of this machine. QEMU emulates the
//! processor: hardware virtualization is not everywhere, and hangs in some places where it is nested.

mod initramfs;

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use self::initramfs::Initramfs;
use crate::process::{self, Process};
use crate::scratch::Scratch;
use crate::site::Site;
use crate::{program, wait};

/// The label that the kernel gives the chip.
pub const CHIP: &str = "AMDF030:00";

/// Where the registers lie in the guest's memory; of them, where the levels that are driven stand.
const REGISTERS: u64 = 0x0800_0000;
const OUTPUT: u64 = REGISTERS + 0x08;
const REGISTERS_LEN: usize = 0x30;

/// The guest's memory, MiB.
const MEMORY: u64 = 768;

/// How often the lines are looked at: a fiftieth of the shortest pulse.
const LOOK_EVERY: Duration = Duration::from_millis(3);

/// An emulated processor on a machine that is busy otherwise.
const SOON: Duration = Duration::from_secs(120);

/// What goes on in the guest. What is reached at 127.0.0.1 here is reached so there.
const INIT: &str = r#"#!/bin/busybox sh
/bin/busybox mkdir -p /bin /proc /sys /dev /tmp
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /modules/gpio-generic.ko /modules/*.ko; do insmod $module; done 2>/dev/null
mkdir -p STATE
mount -t tmpfs -o size=300m tmpfs STATE
ifconfig lo 127.0.0.1 up
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
for port in PORTS; do nc -ll -p $port -e nc 10.0.2.2 $port & done
agent() { /agent run --config CONFIG > /dev/console 2>&1 & echo $! > /pid; }
exec 3< /dev/ttyS1
echo "guest: ready"
while read -r line <&3; do eval "$line"; done
"#;

/// The table that says there is a chip. Of ACPI 6.3, 5.2.11.2 and 20.2; compiled from
///
/// ```text
/// DefinitionBlock ("", "SSDT", 2, "WARDLN", "GPIO", 1) { Scope (\_SB) { Device (GPIO) {
///     Name (_HID, "AMDF030")
///     Name (_CRS, ResourceTemplate () { Memory32Fixed (ReadWrite, 0x08000000, 0x1000) })
/// } } }
/// ```
const TABLE: &[u8] = b"SSDT\x57\0\0\0\x02\x07WARDLNGPIO\0\0\0\0\x01\0\0\0INTL\x25\x09\x20\x20\
    \x10\x32\\_SB_\x5b\x82\x2aGPIO\x08_HID\x0dAMDF030\0\x08_CRS\x11\x11\x0a\x0e\x86\x09\0\x01\0\0\0\x08\0\x10\0\0\x79\0";

/// A change of a line.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// When.
    pub at: Instant,
    /// Which line.
    pub line: u32,
    /// Its level after that.
    pub high: bool,
}

/// A running guest. Dropped, it is gone.
#[derive(Debug)]
pub struct Guest {
    machine: Process,
    orders: UnixStream,
    console: PathBuf,
    memory: File,
    edges: Receiver<Edge>,
    over: Arc<AtomicBool>,
    _scratch: Scratch,
}

impl Guest {
    /// Boots a machine with the agent of a site on its disk, which can reach these ports of this one; starts no agent.
    pub fn boot(site: &Site, ports: &[u16]) -> Result<Self> {
        let scratch = Scratch::new("guest")?;
        let at = |name: &str| scratch.path().join(name);
        let fetched = process_output(&mut Command::new(program::repository().join("tests/gpio/fetch")))?;
        let kernel = Path::new(fetched.trim());
        fs::write(at("initramfs"), initramfs(site, ports, kernel)?)?;
        fs::write(at("gpio.aml"), TABLE)?;
        let memory = File::options().create(true).truncate(true).write(true).read(true).open(at("memory"))?;
        memory.set_len(MEMORY << 20)?;
        let mut command = process::guarded(&program::installed("qemu-system-x86_64", "qemu-system-x86")?)?;
        command.args([
            "-accel",
            "tcg",
            "-cpu",
            "max",
            "-machine",
            "pc,memory-backend=ram",
            "-nographic",
            "-no-reboot",
        ]);
        command.args(["-m", &MEMORY.to_string(), "-object"]);
        let ram =
            format!("memory-backend-file,id=ram,size={MEMORY}M,share=on,mem-path={}", at("memory").display());
        command.args([&ram, "-append", &format!("console=ttyS0 quiet panic=-1 memmap=64K${REGISTERS:#x}")]);
        command.args(["-netdev", "user,id=net", "-device", "e1000,netdev=net,romfile=", "-monitor", "none"]);
        command.arg("-kernel").arg(kernel.join("vmlinuz")).arg("-initrd").arg(at("initramfs"));
        command.args(["-acpitable", &format!("file={}", at("gpio.aml").display())]);
        command.args(["-serial", &format!("file:{}", at("console").display())]);
        command.args(["-serial", &format!("unix:{},server=on,wait=off", at("orders").display())]);
        let machine = Process::start("qemu", command, &at("qemu.log"))?;
        let orders = wait::until("qemu", SOON, || Ok(UnixStream::connect(at("orders")).ok()))?;
        let over = Arc::new(AtomicBool::new(false));
        let edges = watch(memory.try_clone()?, Arc::clone(&over));
        let console = at("console");
        let mut it = Self { machine, orders, console, memory, edges, over, _scratch: scratch };
        it.wait_for("guest: ready")?;
        Ok(it)
    }

    /// Lets the guest's shell do something.
    pub fn order(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.orders, "{line}")?)
    }

    /// Waits until this stands on its console.
    pub fn wait_for(&mut self, text: &str) -> Result<()> {
        let what = format!("{text:?} on the guest's console");
        let found = wait::until(&what, SOON, || {
            self.machine.check_alive()?;
            Ok(self.console().contains(text).then_some(()))
        });
        found.with_context(|| self.console())
    }

    /// All that its console has said.
    #[must_use]
    pub fn console(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.console).unwrap_or_default()).into_owned()
    }

    /// Takes the chip away from its driver, as pulling an adapter does.
    pub fn pull(&mut self) -> Result<()> {
        self.order(&format!("echo {CHIP} > /sys/bus/platform/drivers/pt-gpio/unbind; echo guest: pulled"))?;
        self.wait_for("guest: pulled")
    }

    /// Gives it back; what is plugged in has forgotten everything.
    pub fn plug(&mut self) -> Result<()> {
        self.memory.write_all_at(&[0; REGISTERS_LEN], REGISTERS)?;
        self.order(&format!("echo {CHIP} > /sys/bus/platform/drivers/pt-gpio/bind; echo guest: plugged"))?;
        self.wait_for("guest: plugged")
    }

    /// The levels that the chip drives now, a bit for each line.
    pub fn levels(&self) -> Result<u32> {
        levels(&self.memory)
    }

    /// What the lines have done since the last look, in order.
    #[must_use]
    pub fn edges(&self) -> Vec<Edge> {
        self.edges.try_iter().collect()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn levels(memory: &File) -> Result<u32> {
    let mut bytes = [0; 4];
    memory.read_exact_at(&mut bytes, OUTPUT)?;
    Ok(u32::from_le_bytes(bytes))
}

/// Looks at the lines until it is over.
fn watch(memory: File, over: Arc<AtomicBool>) -> Receiver<Edge> {
    let (sender, edges) = mpsc::channel();
    thread::spawn(move || {
        let mut before = 0;
        while !over.load(Ordering::Relaxed) {
            let Ok(now) = levels(&memory) else { return };
            let at = Instant::now();
            for line in (0..32).filter(|it| ((before ^ now) >> it) & 1 == 1) {
                if sender.send(Edge { at, line, high: (now >> line) & 1 == 1 }).is_err() {
                    return;
                }
            }
            before = now;
            thread::sleep(LOOK_EVERY);
        }
    });
    edges
}

fn initramfs(site: &Site, ports: &[u16], kernel: &Path) -> Result<Vec<u8>> {
    let mut it = Initramfs::default();
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    let config = site.write()?;
    let (config_path, state) = (config.display().to_string(), site.state_dir().display().to_string());
    let init =
        INIT.replace("PORTS", &ports.join(" ")).replace("CONFIG", &config_path).replace("STATE", &state);
    it.file(Path::new("/init"), 0o755, init.as_bytes())?;
    it.file(Path::new("/bin/busybox"), 0o755, &fs::read(program::installed("busybox", "busybox-static")?)?)?;
    it.program(Path::new("/agent"), &program::ours("wardline-agent")?)?;
    for name in ["wardline.toml", "alarms.toml"] {
        let path = config.with_file_name(name);
        it.file(&path, 0o644, &fs::read(&path)?)?;
    }
    let mut modules = 0;
    for entry in fs::read_dir(kernel)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "ko") {
            let name = path.file_name().context("a module without a name")?;
            it.file(&Path::new("/modules").join(name), 0o644, &fs::read(&path)?)?;
            modules += 1;
        }
    }
    ensure!(modules > 0, "no module in {}", kernel.display());
    it.finish()
}

fn process_output(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
