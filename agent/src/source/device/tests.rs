//! The source against pseudo-terminals, whose hang-up is that of a pulled adapter.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tempfile::TempDir;
use vitals::alarm::engine::Flag;
use vitals::device::DeviceModel;
use vitals::name::Name;
use vitals::notice::Notice;
use vitals::reading::Mode;
use vitals::vital::Vital;

use super::*;
use crate::config::Source;

/// Nothing here takes this long.
const SOON: Duration = Duration::from_secs(10);
/// Heart rate 72, saturation 97 (Nonin, data format 8).
const FRAME: [u8; 4] = [0x80, 0x48, 0x61, 0x00];

/// A source under test, with the device's end of its line.
struct Bench {
    dir: TempDir,
    tasks: JoinSet<()>,
    inbox: mpsc::Receiver<SourceInput>,
    stop: watch::Sender<bool>,
    _clock: watch::Sender<ClockQuality>,
    metrics: Metrics,
}

impl Bench {
    /// On a serial port that is not there yet.
    fn new(device: DeviceModel, mode: Mode) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = Port::Serial(dir.path().join("port"));
        Self::on(dir, port, device, mode)
    }

    fn on(dir: TempDir, port: Port, device: DeviceModel, mode: Mode) -> Self {
        let name = |text| Arc::new(Name::parse(text).unwrap());
        let common = Source {
            id: name("oximeter"),
            period: device.period(),
            critical: false,
            nibp_interval: None,
            same_limb: false,
            mode,
        };
        let source = DeviceSource { common, bed: name("bed-1"), device, port, line: device.line() };
        let (sender, inbox) = mpsc::channel(64);
        let (stop, stopped) = watch::channel(false);
        let (clock, quality) = watch::channel(ClockQuality::Unsynced);
        let (metrics, mut tasks) = (Metrics::new(), JoinSet::new());
        let quarantine = Quarantine::start(dir.path().join("quarantine")).unwrap();
        let setup = Setup {
            source,
            inbox: sender,
            clock: quality,
            quarantine,
            metrics: metrics.clone(),
            stop: stopped,
        };
        start(setup, &mut tasks);
        Self { dir, tasks, inbox, stop, _clock: clock, metrics }
    }

    /// Plugs a device in: the port is there, and this is the device's end.
    fn plug(&self) -> File {
        let (device, host) = pair();
        let port = self.dir.path().join("port");
        let _ = std::fs::remove_file(&port);
        std::os::unix::fs::symlink(host, port).unwrap();
        File::from(device)
    }

    /// The same, once the source has seen that it is there.
    async fn connect(&mut self) -> File {
        assert_eq!(self.port().await, PortState::Gone);
        let device = self.plug();
        assert_eq!(self.port().await, PortState::Present);
        device
    }

    async fn next(&mut self) -> SourceInput {
        timeout(SOON, self.inbox.recv()).await.expect("nothing came").expect("the source has ended")
    }

    async fn port(&mut self) -> PortState {
        match self.next().await {
            SourceInput::Word { word: Word::Port(state, None), .. } => state,
            other => panic!("{other:?}"),
        }
    }

    async fn bad_data_rate(&mut self) -> bool {
        loop {
            if let SourceInput::Word { word: Word::Flag(Flag::BadDataRate, on), .. } = self.next().await {
                return on;
            }
        }
    }

    async fn heart_rate(&mut self) -> String {
        loop {
            if let SourceInput::Observation(it) = self.next().await {
                let vitals = &it.observation.reading.measurements;
                let rate = vitals.iter().find(|it| it.vital == Vital::PulseRate).unwrap();
                return rate.value.unwrap().to_string();
            }
        }
    }
}

fn pair() -> (OwnedFd, PathBuf) {
    let device = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&device).unwrap();
    unlockpt(&device).unwrap();
    let name = ptsname(&device, Vec::new()).unwrap().into_string().unwrap();
    (device, Path::new(&name).to_owned())
}

#[tokio::test]
async fn bytes_become_readings_and_a_pulled_cable_is_told_and_survived() {
    let mut bench = Bench::new(DeviceModel::NoninDf8, Mode::Simulated);
    assert_eq!(bench.port().await, PortState::Gone, "there is no port yet");
    let mut device = bench.plug();
    assert_eq!(bench.port().await, PortState::Present);
    for byte in FRAME.iter().chain(&FRAME).chain(&FRAME[..2]) {
        device.write_all(&[*byte]).unwrap();
    }
    assert_eq!(bench.heart_rate().await, "72");
    assert_eq!(bench.heart_rate().await, "72");
    // Pulled out in the middle of a frame; what comes after it is not its rest.
    drop(device);
    let mut device = bench.connect().await;
    device.write_all(&[0x00, 0x00]).unwrap();
    device.write_all(&FRAME.repeat(2)).unwrap();
    assert_eq!(bench.heart_rate().await, "72");
    bench.stop.send(true).unwrap();
    timeout(SOON, bench.tasks.join_next()).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn garbage_is_counted_and_does_not_block_what_comes_behind() {
    let mut bench = Bench::new(DeviceModel::MasimoAscii1, Mode::Simulated);
    let device = bench.plug();
    while bench.port().await != PortState::Present {}
    let line = b"03/17/16 19:19:36 SN=---------- SPO2=098% BPM=123 PI=00.55 EXC=0000000\r\n";
    let mut writer = device.try_clone().unwrap();
    // A line of 10 MB.
    let writing = std::thread::spawn(move || {
        for _ in 0..10_240 {
            writer.write_all(&[b'x'; 1024]).unwrap();
        }
        writer.write_all(b"\r\n").unwrap();
        writer.write_all(line).unwrap();
    });
    assert_eq!(bench.heart_rate().await, "123");
    writing.join().unwrap();
    let text = bench.metrics.text();
    assert!(text.contains("wardline_readings_rejected_total{source=\"oximeter\",reason="), "{text}");
}

#[tokio::test]
async fn a_monitor_that_is_silent_until_asked_is_asked() {
    let mut bench = Bench::new(DeviceModel::GeS5Dri, Mode::Simulated);
    let mut device = bench.plug();
    while bench.port().await != PortState::Present {}
    let asked = tokio::task::spawn_blocking(move || {
        let mut request = [0; 8];
        device.read_exact(&mut request).unwrap();
        (device, request)
    });
    let (_device, request) = timeout(SOON, asked).await.unwrap().unwrap();
    assert_eq!(request[0], 0x7E, "{request:02x?}");
}

#[tokio::test]
async fn a_pseudo_terminal_is_no_patient() {
    let mut bench = Bench::new(DeviceModel::NoninDf8, Mode::Live);
    let mut device = bench.plug();
    device.write_all(&FRAME.repeat(2)).unwrap();
    assert_eq!(bench.port().await, PortState::Gone);
    assert!(timeout(2 * RETRY.0, bench.inbox.recv()).await.is_err(), "it was opened");
}

#[tokio::test]
async fn what_cannot_be_opened_is_said_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let line = DeviceModel::NoninDf8.line();
    let words = |path: &Path| super::serial::open_now(path, line, Mode::Simulated).unwrap_err().to_string();
    assert!(words(&dir.path().join("none")).contains("plug the device in"));
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(words(&file).contains("no serial port"));
    let (_device, host) = pair();
    let _first = super::serial::open_now(&host, line, Mode::Simulated).unwrap();
    assert!(words(&host).contains("another program has the port"), "{}", words(&host));
}

/// An address of this machine on which nothing listens yet.
fn address() -> std::net::SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn endpoint(address: std::net::SocketAddr) -> crate::config::Endpoint {
    crate::config::Endpoint::parse(&address.to_string()).unwrap()
}

#[tokio::test]
async fn a_device_server_is_read_and_a_connection_that_ends_is_told_and_made_again() {
    let address = address();
    let port = Port::Tcp(endpoint(address));
    let mut bench = Bench::on(tempfile::tempdir().unwrap(), port, DeviceModel::NoninDf8, Mode::Live);
    assert_eq!(bench.port().await, PortState::Gone, "nothing listens");
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    for _ in 0..2 {
        assert_eq!(bench.port().await, PortState::Present);
        let (mut server, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut server, &FRAME.repeat(2)).await.unwrap();
        assert_eq!((bench.heart_rate().await, bench.heart_rate().await), ("72".into(), "72".into()));
        drop(server);
        assert_eq!(bench.port().await, PortState::Gone);
    }
}

/// Its first message of numerics: SpO₂ 90, pulse 60.
fn datagram() -> &'static [u8] {
    let all = include_bytes!("../../../../tests/captures/authored/intellivue-lan.raw");
    &all[..8 + usize::from(all[7])]
}

#[tokio::test]
async fn a_monitor_is_asked_in_datagrams_and_heard() {
    let monitor = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = Port::Udp(endpoint(monitor.local_addr().unwrap()));
    let mut bench =
        Bench::on(tempfile::tempdir().unwrap(), port, DeviceModel::IntellivueLan, Mode::Simulated);
    assert_eq!(bench.port().await, PortState::Present);
    let mut asked = [0; 1500];
    let (count, agent) = timeout(SOON, monitor.recv_from(&mut asked)).await.unwrap().unwrap();
    assert!(count > 200 && asked[0] == 0x0D, "no request for an association: {:02x?}", &asked[..count]);
    // Nobody else is heard, and an empty datagram ends nothing.
    let other = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    other.send_to(&[0; 9], agent).await.unwrap();
    monitor.send_to(&[], agent).await.unwrap();
    monitor.send_to(datagram(), agent).await.unwrap();
    assert_eq!(bench.heart_rate().await, "60");
    assert!(!bench.metrics.text().contains("rejected_total{"), "{}", bench.metrics.text());
}

/// A monitor that is switched on later is asked again; that nobody listened before ends nothing.
#[tokio::test]
async fn a_monitor_that_does_not_listen_yet_is_asked_until_it_does() {
    let address = address();
    let port = Port::Udp(endpoint(address));
    let mut bench =
        Bench::on(tempfile::tempdir().unwrap(), port, DeviceModel::IntellivueLan, Mode::Simulated);
    assert_eq!(bench.port().await, PortState::Present);
    assert!(timeout(2 * RETRY.0, bench.inbox.recv()).await.is_err(), "a refused request ends something");
    let monitor = tokio::net::UdpSocket::bind(address).await.unwrap();
    let mut asked = [0; 1500];
    let (_, agent) = timeout(SOON, monitor.recv_from(&mut asked)).await.unwrap().unwrap();
    monitor.send_to(datagram(), agent).await.unwrap();
    let next = bench.next().await;
    assert!(matches!(next, SourceInput::Observation(_)), "{next:?}");
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_in_words() {
    let to = endpoint(address());
    assert!(network::tcp(&to).await.unwrap_err().to_string().contains("nothing listens on 127.0.0.1:"));
    let nowhere = crate::config::Endpoint::parse("no-such-monitor.invalid:4601").unwrap();
    let words = network::tcp(&nowhere).await.unwrap_err().to_string();
    assert!(words.contains("correct the name") || words.contains("does not answer"), "{words}");
}

#[tokio::test]
async fn what_is_set_on_a_device_is_told_before_its_numbers() {
    let mut bench = Bench::new(DeviceModel::Nellcor, Mode::Simulated);
    let mut device = bench.connect().await;
    let text = "NPB-295   VERSION 2.0.0.0    CRC: XXXX   SpO2 Limit: 70-100%   PR Limit: 60-160BPM\r\n\
                TIME                  %SPO2   BPM    PA    Status\r\n\
                12-NOV-98 14:00:05     100    120    50\r\n";
    device.write_all(text.as_bytes()).unwrap();
    let limits = loop {
        match bench.next().await {
            SourceInput::Word { word: Word::Notice(Mode::Simulated, Notice::Limits(it)), .. } => break it,
            SourceInput::Observation(it) => panic!("the numbers came first: {it:?}"),
            _ => {}
        }
    };
    assert_eq!(limits.0.len(), 2);
    assert_eq!(bench.heart_rate().await, "120");
}

#[tokio::test]
async fn a_line_that_damages_much_is_told_and_one_that_is_mended_too() {
    let mut bench = Bench::new(DeviceModel::MasimoAscii1, Mode::Simulated);
    assert_eq!(bench.port().await, PortState::Gone);
    let mut device = bench.plug();
    for _ in 0..6 {
        device
            .write_all(b"03/17/16 19:19:36 SN=---------- SPO2=098% BP=123 PI=00.55 EXC=0000C00\r\n")
            .unwrap();
    }
    assert!(bench.bad_data_rate().await);
    let good = b"03/17/16 19:19:37 SN=---------- SPO2=098% BPM=123 PI=00.55 ALARM=000000 EXC=0000C00 EXC1=00000000\r\n";
    // More than the line holds unread.
    let writer = std::thread::spawn(move || {
        (0..250).for_each(|_| device.write_all(good).unwrap());
        device
    });
    assert!(!bench.bad_data_rate().await);
    let _device = writer.join().unwrap();
}

#[tokio::test]
async fn what_may_name_a_patient_is_not_kept_as_evidence() {
    let mut bench = Bench::new(DeviceModel::MindrayPds, Mode::Simulated);
    let mut device = bench.connect().await;
    // Cut short by the next message.
    device
        .write_all(b"\x0BMSH|^~\\&|||||||ORU^R01|103|P|2.3.1|\rPID|||4711||Doe^Jane||1970\x0BMSH|^~\\&|")
        .unwrap();
    let folder = bench.dir.path().join("quarantine");
    let kept = || std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|it| it.path());
    let entry = timeout(SOON, async {
        loop {
            let text: String = kept().filter_map(|it| std::fs::read_to_string(it).ok()).collect();
            if text.contains("fragment") {
                return text;
            }
            tokio::task::yield_now().await;
        }
    });
    let entry = entry.await.expect("the damage was not entered");
    assert!(!entry.contains("Doe") && !entry.contains("4711") && !entry.contains("\"text\""), "{entry}");
}
