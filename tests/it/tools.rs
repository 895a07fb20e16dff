//! The commands of the person who connects devices: `discover`, `capture` and `device setup`, on lines with scripted devices, a
//! network and a broker. What is found can be pasted, what is recorded can be decoded, and no value and no name is told.

mod older_broker;

use std::fs;
use std::fs::File;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::FlockOperation;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use serde_json::Value;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::pty::Pty;
use wardline_tests::publisher::publish_one;
use wardline_tests::scratch::Scratch;
use wardline_tests::site::Site;
use wardline_tests::{port, program};

/// Longer than any of these commands may take.
const ENDS_WITHIN: Duration = Duration::from_secs(60);
/// How often a scripted device says something.
const TURN: Duration = Duration::from_millis(20);

fn agent(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(program::ours("wardline-agent")?);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// Runs a command to its end, and lets the devices do something each turn.
fn run(arguments: &[&str], mut turn: impl FnMut(usize) -> Result<()>) -> Result<Output> {
    let mut child = agent(arguments)?.spawn()?;
    match play(&mut child, &mut turn) {
        Ok(()) => Ok(child.wait_with_output()?),
        Err(error) => {
            child.kill()?;
            child.wait()?;
            Err(error)
        }
    }
}

fn play(child: &mut Child, turn: &mut impl FnMut(usize) -> Result<()>) -> Result<()> {
    let begin = Instant::now();
    for number in 0.. {
        if child.try_wait()?.is_some() {
            break;
        }
        turn(number)?;
        ensure!(begin.elapsed() < ENDS_WITHIN, "it does not end");
        thread::sleep(TURN);
    }
    Ok(())
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn authored(model: &str) -> Result<Vec<u8>> {
    let path = program::repository().join("tests/captures/authored").join(format!("{model}.raw"));
    fs::read(&path).with_context(|| path.display().to_string())
}

/// A device that says a piece of its recording each turn, over and over.
struct Speaker {
    line: Pty,
    bytes: Vec<u8>,
    piece: usize,
}

impl Speaker {
    /// `frames` of the thirty in its recording at once.
    fn new(model: &str, frames: usize) -> Result<Self> {
        let bytes = authored(model)?;
        let piece = bytes.len() / 30 * frames;
        Ok(Self { line: line()?, bytes, piece })
    }

    fn speak(&mut self, turn: usize) -> Result<()> {
        let pieces: Vec<_> = self.bytes.chunks(self.piece).collect();
        self.line.offer(pieces[turn % pieces.len()])
    }

    fn port(&self) -> Result<&str> {
        path(self.line.port())
    }
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("not UTF-8")
}

/// A line that echoes nothing to its device, as no serial line does, before anybody has opened it.
fn line() -> Result<Pty> {
    let line = Pty::open()?;
    let port = File::options().read(true).write(true).open(line.port())?;
    let mut settings = tcgetattr(&port)?;
    settings.make_raw();
    tcsetattr(&port, OptionalActions::Now, &settings)?;
    Ok(line)
}

/// A port that another program has.
fn taken(line: &Pty) -> Result<File> {
    let port = File::options().read(true).write(true).open(line.port())?;
    rustix::fs::flock(&port, FlockOperation::NonBlockingLockExclusive)?;
    Ok(port)
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes()[..], bytes].concat()
}

/// A Connect Indication: model and software, the address 10.1.7.20, Data Export on port 24105.
fn indication() -> Vec<u8> {
    let attribute = |id: u16, value: &[u8]| [&id.to_be_bytes()[..], &with_length(value)].concat();
    let model = [with_length(b"Philips\0"), with_length(b"866062\0\0")].concat();
    let software = [&[0, 4, 0, 0][..], &with_length(b"L.00.25\0")].concat();
    let attributes = [
        attribute(0x0928, &model),
        attribute(0x092D, &[&[0, 1][..], &with_length(&software)].concat()),
        attribute(0xF100, &[0, 9, 0xFB, 1, 2, 3, 10, 1, 7, 20, 255, 255, 255, 0]),
        attribute(0xF101, &[0, 1, 0, 8, 0, 5, 0, 1, 0x5E, 0x29, 0, 0]),
    ];
    let list = [&[0, 4][..], &with_length(&attributes.concat())].concat();
    let event = [&[0, 0x21, 0, 0, 0, 0, 0, 0, 0, 42, 0x0D, 0x17][..], &with_length(&list)].concat();
    let invoke = [&[0, 1, 0, 0][..], &with_length(&event)].concat();
    [&[0, 1, 0, 0, 0, 1][..], &with_length(&invoke)].concat()
}

fn entry<'a>(list: &'a Value, key: &str, name: &str) -> Result<&'a Value> {
    let mut entries = list.as_array().context("no list")?.iter();
    entries.find(|it| it[key] == name).with_context(|| format!("no {key} {name} in {list}"))
}

/// What was found can be pasted: each source on a bed of its own, for they give the same vitals.
fn is_accepted(configuration: &str) -> Result<()> {
    let (mut text, mut beds) = (configuration.to_owned(), Vec::new());
    while text.contains("\"bed-1\"") {
        let bed = format!("tools-{}", beds.len());
        text = text.replacen("\"bed-1\"", &format!("\"{bed}\""), 1);
        beds.push(bed);
    }
    ensure!(beds.len() == 7, "{} sources in {configuration}", beds.len());
    let site = Site::new("tools")?.beds(beds.iter().map(String::as_str)).toml(&text);
    let output = agent(&["check", "--config", path(&site.write()?)?])?.output()?;
    ensure!(output.status.success(), "{}\n{text}", told(&output));
    Ok(())
}

#[test]
fn what_is_there_is_found_and_can_be_pasted() -> Result<()> {
    let broker = Mosquitto::start()?;
    let (ours, theirs) =
        (r#"{"spo2":91.375,"name":"Doe"}"#, r#"{"obs":{"SpO2":91.375,"hr":72},"mrn":"4711"}"#);
    publish_one(broker.port(), "ward/7", ours, true)?;
    publish_one(broker.port(), "gateway/8", theirs, true)?;
    let mut speakers =
        [Speaker::new("nonin-df8", 1)?, Speaker::new("nonin-df7", 1)?, Speaker::new("masimo-ascii1", 1)?];
    let (mut monitor, busy, silent) = (line()?, line()?, line()?);
    let values = authored("ge-s5-dri")?;
    let values = values.get(..8000).context("a short recording")?;
    let _other = taken(&busy)?;
    let lan = format!("127.0.0.1:{}", port::free()?);
    let sender = UdpSocket::bind("127.0.0.1:0")?;

    let url = format!("mqtt://127.0.0.1:{}", broker.port());
    let ports = [
        speakers[0].port()?.to_owned(),
        speakers[1].port()?.to_owned(),
        speakers[2].port()?.to_owned(),
        path(monitor.port())?.to_owned(),
        path(busy.port())?.to_owned(),
        path(silent.port())?.to_owned(),
    ];
    let mut arguments = vec!["discover", "--json", "--for", "4s", "--ask", "--lan", &lan, "--mqtt", &url];
    arguments.extend(ports.iter().flat_map(|it| ["--port", it]));
    let output = run(&arguments, |turn| {
        for it in &mut speakers {
            it.speak(turn)?;
        }
        if monitor.read().windows(2).any(|it| it == [0x7E, 0x31]) {
            monitor.offer(&values[..4000])?;
        }
        // Nobody may listen yet.
        let _ = sender.send_to(&indication(), &lan);
        Ok(())
    })?;

    let all = told(&output);
    ensure!(output.status.success() && all.contains("not a medical device"), "{all}");
    ensure!(
        !["Doe", "4711", "91.375"].iter().any(|it| all.contains(it)),
        "what is a patient's was told: {all}"
    );
    let found: Value = serde_json::from_slice(&output.stdout)?;
    devices_are_told(&found["serial"], &ports)?;
    let monitor = entry(&found["network"], "udp", "10.1.7.20:24105")?;
    ensure!(
        monitor["identity"]["model"] == "866062" && monitor["identity"]["software"] == "L.00.25",
        "{monitor}"
    );
    let topics = &found["mqtt"][0]["topics"];
    ensure!(entry(topics, "topic", "ward/7")?["format"] == "wardline", "{topics}");
    let mapped = entry(topics, "topic", "gateway/8")?;
    ensure!(
        mapped["format"] == "mapped" && mapped["vitals"] == serde_json::json!(["heart_rate", "spo2"]),
        "{mapped}"
    );
    is_accepted(found["configuration"].as_str().context("no configuration")?)
}

fn devices_are_told(found: &Value, ports: &[String; 6]) -> Result<()> {
    for (port, device, sure, asked) in [
        (&ports[0], "nonin-df8", "likely", false),
        (&ports[1], "nonin-df7", "sure", false),
        (&ports[2], "masimo-ascii1", "likely", false),
        (&ports[3], "ge-s5-dri", "sure", true),
    ] {
        let it = entry(found, "port", port)?;
        ensure!(
            (&it["device"], &it["sure"], &it["asked"]) == (&device.into(), &sure.into(), &asked.into()),
            "{device}: {it}"
        );
    }
    ensure!(entry(found, "port", &ports[4])?["state"] == "in_use", "{found}");
    ensure!(entry(found, "port", &ports[5])?["state"] == "silent", "{found}");
    Ok(())
}

#[test]
fn a_look_at_nothing_says_so() -> Result<()> {
    let lan = format!("127.0.0.1:{}", port::free()?);
    let url = format!("mqtt://127.0.0.1:{}", port::free()?);
    let silent = line()?;
    let port = path(silent.port())?;
    let output =
        run(&["discover", "--for", "1s", "--lan", &lan, "--mqtt", &url, "--port", port], |_| Ok(()))?;
    ensure!(output.status.code() == Some(69), "{}", told(&output));
    ensure!(output.stdout.is_empty() && told(&output).contains("silent"), "{}", told(&output));
    let output = run(&["discover", "--mqtt", "http://x"], |_| Ok(()))?;
    ensure!(output.status.code() == Some(64), "{}", told(&output));
    Ok(())
}

#[test]
fn a_recording_is_decoded_and_tells_nobody() -> Result<()> {
    let scratch = Scratch::new("tools-capture")?;
    let mut speaker = Speaker::new("masimo-ascii1", 1)?;
    let (port, out) = (speaker.port()?.to_owned(), scratch.path().join("oximeter.jsonl"));
    let out = path(&out)?;
    let capture = ["capture", "--port", &port, "--out", out, "--for", "2s"];
    let output = agent(&capture)?.output()?;
    ensure!(
        output.status.code() == Some(64) && told(&output).contains("--keep-identity"),
        "{}",
        told(&output)
    );
    let capture = [&capture[..], &["--device", "masimo-ascii1"]].concat();
    let output = run(&capture, |turn| speaker.speak(turn))?;
    ensure!(output.status.success(), "{}", told(&output));

    let raw = PathBuf::from(out).with_extension("raw");
    let bytes = fs::read(&raw)?;
    ensure!(!String::from_utf8_lossy(&bytes).contains("93112"), "a serial number was recorded");
    let lines: Vec<Value> =
        fs::read_to_string(out)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    ensure!(lines[0]["device"] == "masimo-ascii1" && lines[0]["redacted"] == true, "{}", lines[0]);
    ensure!(!lines[0].to_string().contains(&port), "the port is named");
    let said = lines.iter().filter(|it| it["dir"] == "rx").filter_map(|it| it["hex"].as_str()).map(str::len);
    ensure!(said.sum::<usize>() == 2 * bytes.len(), "the two files differ");
    let output = agent(&["decode", "--device", "masimo-ascii1", path(&raw)?])?.output()?;
    ensure!(output.status.success(), "{}", told(&output));
    let observations = String::from_utf8_lossy(&output.stdout).lines().count();
    ensure!(observations > 20 && told(&output).contains("0 bytes skipped"), "{}", told(&output));

    // Neither written over, nor taken from whoever has the port.
    let output = agent(&capture)?.output()?;
    ensure!(output.status.code() == Some(64), "{}", told(&output));
    let _other = taken(&speaker.line)?;
    let other = scratch.path().join("other.jsonl");
    let capture = ["capture", "--port", &port, "--out", path(&other)?, "--device", "masimo-ascii1"];
    let output = agent(&capture)?.output()?;
    ensure!(output.status.code() == Some(69) && told(&output).contains("not disturbed"), "{}", told(&output));
    ensure!(!other.exists(), "a file without a recording");
    Ok(())
}

/// Sets a format on a device that talks, and answers with these bytes; what was said to it, and the outcome.
fn set_up(answer: &[u8], yes: bool) -> Result<(Vec<u8>, Output)> {
    let mut speaker = Speaker::new("nonin-df8", 1)?;
    let port = speaker.port()?.to_owned();
    let mut arguments = vec!["device", "setup", "--device", "nonin", "--port", &port, "--format", "8"];
    if yes {
        arguments.push("--yes");
    }
    let (mut said, mut answered) = (Vec::new(), false);
    let output = run(&arguments, |turn| {
        said.extend(speaker.line.read());
        if !answered && said.ends_with(&[0x08, 0x03]) {
            answered = true;
            return speaker.line.offer(answer);
        }
        speaker.speak(turn)
    })?;
    Ok((said, output))
}

#[test]
fn a_device_is_set_only_on_purpose_and_its_answer_is_told() -> Result<()> {
    let (said, output) = set_up(&[], false)?;
    ensure!(said.is_empty() && output.status.code() == Some(64), "{}", told(&output));
    ensure!(told(&output).contains("02 70 02 02 08 03"), "{}", told(&output));
    for (answer, code, words) in
        [(&[0x06][..], 0, "nonin-df8"), (&[0x15], 65, "refuses"), (&[], 69, "does not answer")]
    {
        let (said, output) = set_up(answer, true)?;
        ensure!(said == [0x02, 0x70, 0x02, 0x02, 0x08, 0x03], "{said:02X?}");
        if output.status.code() != Some(code) || !told(&output).contains(words) {
            bail!("{answer:02X?}: {:?}: {}", output.status.code(), told(&output));
        }
    }
    let line = line()?;
    let _other = taken(&line)?;
    let arguments =
        ["device", "setup", "--device", "contec", "--port", path(line.port())?, "--yes", "--clock"];
    let output = agent(&[&arguments[..], &["2026-11-30T10:30:00"]].concat())?.output()?;
    ensure!(output.status.code() == Some(69) && told(&output).contains("not disturbed"), "{}", told(&output));
    Ok(())
}
