//! Every mistake in one run, each at its place with its fix; and no bytes that bring the reader down.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use vitals::device::{Flow, Parity};

use super::keys::KEYS;
use super::load::{LoadError, Loaded, Problem, load};
use super::*;

mod seeded;

/// A file that is right: two beds, a source on a port and one on a topic, passwords, both annunciators.
const GOOD: &str = r#"[agent]
id = "icu-3-pi-1"
state_dir = "DIR/state"
run_dir = "DIR/run"
http = "off"
shutdown_grace = "5s"

[unit]
id = "icu-3"
label = "ICU 3"
profile = "adult"

[kafka]
brokers = ["kafka-1.example.org:9093", "kafka-2.example.org:9093"]
security = "sasl_ssl"
mechanism = "SCRAM-SHA-256"
user = "wardline"
password_file = "DIR/kafka"
properties.linger.ms = 20

[mqtt.ward]
url = "mqtts://broker.example.org:8883"
user = "wardline"
password_file = "DIR/mqtt"
session_expiry = "2h"

[mqtt.annex]
url = "mqtt://127.0.0.1:1884"
version = "3.1.1"

[buffer]
size = "512MiB"
when_full = "drop_oldest_readings"
commit_every = "100ms"

[[bed]]
id = "icu-3-07"
label = "Bed 7"
prefer.spo2 = ["monitor-07", "wearable"]

[[bed]]
id = "icu-3-08"
profile = "adult"

[[source]]
id = "monitor-07"
bed = "icu-3-07"
device = "ge-s5-dri"
port = "/dev/serial/by-path/one"
critical = true

[[source]]
id = "wearable"
mqtt = "ward"
topic = "vitals/{bed}/numerics"
format = "mapped"
period = "2s"
time = "/ts"
fields.spo2 = { at = "/spo2", unit = "1" }
fields.temperature = { at = "/t_f", unit = "[degF]" }

[[annunciator]]
kind = "mqtt"
mqtt = "ward"
topic = "wardline/{bed}/alarms"

[[annunciator]]
kind = "command"
command = ["/bin/sh", "-c", "cat"]
priorities = ["high"]
"#;

const ALARMS: &str = r#"version = 1
approved_by = "dr-17"
approved_on = "2026-11-23"
[profile.adult.spo2]
low = { limit = 90, delay = "15s", extreme = 80, extreme_delay = "5s" }
"#;

/// A directory with both files and the passwords.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let it = Self { dir: tempfile::tempdir().unwrap() };
        for (name, text) in [("kafka", "geheim\n"), ("mqtt", "geheim"), ("empty", "\n"), ("open", "geheim")] {
            fs::write(it.path(name), text).unwrap();
            let mode = if name == "open" { 0o644 } else { 0o600 };
            fs::set_permissions(it.path(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::write(it.path("alarms.toml"), ALARMS).unwrap();
        it
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, text: &str) -> String {
        text.replace("DIR", self.dir.path().to_str().unwrap())
    }

    fn load(&self, bytes: impl AsRef<[u8]>) -> Result<Loaded, LoadError> {
        fs::write(self.path("wardline.toml"), bytes).unwrap();
        load(&self.path("wardline.toml"))
    }

    fn problems(&self, text: &str) -> Vec<Problem> {
        match self.load(self.text(text)) {
            Ok(_) => Vec::new(),
            Err(LoadError::Mistakes(problems)) => problems,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_file_that_is_right_means_what_it_says() {
    let place = Place::new();
    let Loaded { config, warnings, .. } = place.load(place.text(GOOD)).unwrap_or_else(|it| panic!("{it}"));
    assert_eq!(warnings, []);
    assert_eq!(config.agent.http, None);
    assert_eq!(config.buffer.size, 512 << 20);
    assert_eq!(config.kafka.properties["linger.ms"], "20");
    let names: Vec<_> = config.mqtt.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["annex", "ward"]);
    assert_eq!(config.mqtt[1].client_id, "wardline-icu-3-pi-1");
    assert_eq!(config.mqtt[1].session_expiry, Duration::from_secs(7200));
    assert_eq!(config.topics[0].filter, "vitals/+/numerics");
    assert!(matches!(config.topics[0].bed, TopicBed::Level(1)));
    // The preferred source is named as it speaks, with the bed behind it.
    let preferred: Vec<_> = config.beds[0].prefer.values().flatten().map(|it| it.as_str()).collect();
    assert_eq!(preferred, ["monitor-07", "wearable/icu-3-07"]);
    assert!(!format!("{config:?}").contains("geheim"), "a password can be read in Debug");
}

#[test]
fn a_delay_that_a_source_is_too_slow_for_is_told_with_what_it_really_is() {
    let place = Place::new();
    let alarms = ALARMS.replace("extreme_delay = \"5s\"", "extreme_delay = \"4999ms\"");
    fs::write(place.path("alarms.toml"), alarms).unwrap();
    let Loaded { warnings, .. } = place.load(place.text(GOOD)).unwrap_or_else(|it| panic!("{it}"));
    let told: Vec<_> = warnings.iter().map(|it| it.what.as_str()).collect();
    let expected = "monitor-07 of the bed icu-3-07 speaks every 5 s, and 1 alarm delays are shorter: spo2_low after \
                    4999 ms may take 9999 ms";
    assert_eq!(told, [expected]);
}

#[test]
fn what_is_not_said_has_its_default() {
    let place = Place::new();
    let text = "[agent]\nid = \"a\"\n[unit]\nid = \"u\"\nprofile = \"adult\"\n[kafka]\nbrokers = [\"k:9093\"]\n\
                [[bed]]\nid = \"b\"\n[[source]]\nid = \"s\"\nbed = \"b\"\ndevice = \"nonin-df8\"\nport = \"/dev/x\"\n";
    let Loaded { config, warnings, .. } = place.load(text).unwrap_or_else(|it| panic!("{it}"));
    assert_eq!(config.agent.state_dir, Path::new("/var/lib/wardline"));
    assert_eq!(config.agent.http, "127.0.0.1:9643".parse().ok());
    assert_eq!(config.agent.shutdown_grace, Duration::from_secs(10));
    assert_eq!(config.unit.label, "u");
    assert!(matches!(config.kafka.security, KafkaSecurity::Tls));
    assert_eq!((config.buffer.size, config.buffer.commit_every), (2 << 30, Duration::from_millis(200)));
    assert_eq!(config.devices[0].common.period, Duration::from_secs(1));
    assert_eq!(config.devices[0].common.mode, Mode::Live);
    assert_eq!(warnings.len(), 1, "no annunciator: {warnings:?}");
}

#[test]
fn a_device_is_heard_in_one_way_that_fits_it() {
    for (device, port, wrong) in [
        ("nonin-df8", "tcp = \"10.1.7.20:4001\"", None),
        ("mindray-pds", "tcp = \"monitor-7.ward.example.org:4601\"", None),
        ("intellivue-lan", "udp = \"[fd00::7]:24105\"", None),
        ("nonin-df8", "tcp = \"10.1.7.20\"", Some("tcp is not a host and a port")),
        ("nonin-df8", "udp = \"10.1.7.20:24105\"", Some("nonin-df8 does not speak in datagrams")),
        ("intellivue-lan", "port = \"/dev/x\"", Some("intellivue-lan speaks in datagrams")),
        (
            "nonin-df8",
            "port = \"/dev/x\"\ntcp = \"10.1.7.20:4001\"",
            Some("a device has one of port, tcp and udp"),
        ),
    ] {
        let text = format!(
            "[agent]\nid = \"a\"\n[unit]\nid = \"u\"\nprofile = \"adult\"\n[kafka]\nbrokers = [\"k:9093\"]\n\
             [[bed]]\nid = \"b\"\n[[source]]\nid = \"s\"\nbed = \"b\"\ndevice = \"{device}\"\n{port}\n"
        );
        match (Place::new().load(&text), wrong) {
            (Ok(Loaded { config, .. }), None) => {
                let said = config.devices[0].port.to_string();
                assert!(port.contains(said.split(' ').next_back().unwrap()), "{said}");
            }
            (Err(LoadError::Mistakes(told)), Some(wrong)) => {
                assert_eq!(told.iter().map(|it| it.what.as_str()).collect::<Vec<_>>(), [wrong]);
            }
            (outcome, _) => panic!("{port}: {outcome:?}"),
        }
    }
}

#[test]
fn a_line_is_set_as_its_device_is() {
    let settings = |baud, parity, flow| LineSettings { baud, parity, flow };
    for (keys, expected) in [
        ("device = \"medibus\"\nport = \"/dev/x\"", Ok(settings(19_200, Parity::None, Flow::None))),
        (
            "device = \"medibus\"\nport = \"/dev/x\"\nline = \"9600 8E1\"",
            Ok(settings(9600, Parity::Even, Flow::None)),
        ),
        (
            "device = \"bci\"\nport = \"/dev/x\"\nline = \"4800 8O1\"",
            Ok(settings(4800, Parity::Odd, Flow::None)),
        ),
        // Who may stop whom is the device's, whatever its speed.
        (
            "device = \"ge-s5-dri\"\nport = \"/dev/x\"\nline = \"9600 8N1\"",
            Ok(settings(9600, Parity::None, Flow::RtsCts)),
        ),
        ("device = \"bci\"\nport = \"/dev/x\"\nline = \"4800\"", Err("line is not a speed")),
        ("device = \"bci\"\nport = \"/dev/x\"\nline = \"10 8N1\"", Err("line is not a speed")),
        ("device = \"bci\"\nport = \"/dev/x\"\nline = \"4800 7E1\"", Err("line is not a speed")),
        ("device = \"bci\"\ntcp = \"10.1.7.20:4001\"\nline = \"4800 8O1\"", Err("a network has no line")),
    ] {
        let text = format!(
            "[agent]\nid = \"a\"\n[unit]\nid = \"u\"\nprofile = \"adult\"\n[kafka]\nbrokers = [\"k:9093\"]\n\
             [[bed]]\nid = \"b\"\n[[source]]\nid = \"s\"\nbed = \"b\"\n{keys}\n"
        );
        match (Place::new().load(&text), expected) {
            (Ok(Loaded { config, .. }), Ok(expected)) => {
                assert_eq!(config.devices[0].line, expected, "{keys}");
            }
            (Err(LoadError::Mistakes(told)), Err(wrong)) => {
                let [only] = told.as_slice() else { panic!("{told:?}") };
                assert!(only.what.starts_with(wrong), "{}", only.what);
            }
            (outcome, _) => panic!("{keys}: {outcome:?}"),
        }
    }
}

#[test]
fn a_configuration_in_which_nobody_would_hear_anything_is_warned_of() {
    let program = |priorities: &str| {
        format!("[[annunciator]]\nkind = \"command\"\ncommand = [\"/bin/sh\"]\npriorities = [{priorities}]\n")
    };
    let gpio = |lines: &str| format!("[[annunciator]]\nkind = \"gpio\"\nchip = \"gpiochip0\"\n{lines}\n");
    for (stations, annunciator, warning) in [
        (true, String::new(), Some("with Kafka away nobody hears")),
        (false, String::new(), Some("nobody would hear an alarm")),
        (true, program("\"low\""), Some("high priority")),
        (false, program("\"high\""), None),
        (false, gpio("lamp = 17"), None),
        (false, gpio("buzzer = 17"), None),
        (false, gpio("lamp_medium = 17\nheartbeat = 18"), Some("high priority")),
    ] {
        let text = format!(
            "[agent]\nid = \"a\"\n[unit]\nid = \"u\"\nprofile = \"adult\"\nstations = {stations}\n\
             [kafka]\nbrokers = [\"k:9093\"]\n[[bed]]\nid = \"b\"\n\
             [[source]]\nid = \"s\"\nbed = \"b\"\ndevice = \"nonin-df8\"\nport = \"/dev/x\"\n{annunciator}"
        );
        let Loaded { warnings, .. } = Place::new().load(&text).unwrap_or_else(|it| panic!("{it}"));
        let told: Vec<_> = warnings.iter().map(|it| it.what.as_str()).collect();
        assert_eq!(told.len(), usize::from(warning.is_some()), "{stations} {annunciator} {told:?}");
        assert!(warning.is_none_or(|it| told[0].contains(it)), "{stations} {annunciator} {told:?}");
    }
}

#[test]
fn what_hangs_on_a_gpio_chip_is_said_line_by_line() {
    let place = Place::new();
    let with = |lines: &str| GOOD.to_owned() + "\n[[annunciator]]\nkind = \"gpio\"\n" + lines;
    let good = with(
        "chip = \"pinctrl-rp1\"\nlamp_high = 17\nbuzzer = \"GPIO23\"\nactive_low = true\nbeds = [\"icu-3-07\"]\n",
    );
    let Loaded { config, warnings, .. } = place.load(place.text(&good)).unwrap_or_else(|it| panic!("{it}"));
    assert_eq!(warnings, []);
    let Some(Annunciator::Gpio(gpio)) = config.annunciators.last() else {
        panic!("{:?}", config.annunciators)
    };
    let lines = BTreeMap::from([
        (GpioOutput::LampHigh, GpioLine::Offset(17)),
        (GpioOutput::Buzzer, GpioLine::Named("GPIO23".into())),
    ]);
    assert_eq!((&*gpio.chip, &gpio.lines, gpio.active_low), ("pinctrl-rp1", &lines, true));
    assert_eq!(gpio.beds.iter().map(|it| it.as_str()).collect::<Vec<_>>(), ["icu-3-07"]);
    for (lines, wrong) in [
        ("lamp = 17", "chip is missing in annunciator"),
        ("chip = \"c\"", "no line is named, so that nothing would be switched"),
        ("chip = \"c\"\nlamp = -1", "lamp is neither the number nor the name of a line"),
        ("chip = \"c\"\nlamp = \" \"", "lamp is neither the number nor the name of a line"),
        ("chip = \"c\"\nlamp = 1\nbuzzer = 1", "line 1 is for something else already"),
        ("chip = \"c\"\nlamp = 1\nbeds = [\"icu-3-70\"]", "there is no bed \"icu-3-70\""),
        ("chip = \"c\"\nlamp = 1\nbeds = []", "beds is empty"),
        ("chip = \"c\"\nlamp = 1\ntopic = \"t/{bed}\"", "an annunciator on a GPIO chip has no topic"),
        (
            "chip = \"c\"\nlamp = 1\n[[annunciator]]\nkind = \"gpio\"\nchip = \"c\"\nbuzzer = 1",
            "another annunciator has a line of these already",
        ),
    ] {
        let told: Vec<_> = place.problems(&with(lines)).into_iter().map(|it| it.what).collect();
        assert_eq!(told, [wrong], "{lines}");
    }
    let mqtt =
        GOOD.replace("topic = \"wardline/{bed}/alarms\"", "topic = \"wardline/{bed}/alarms\"\nlamp = 17");
    assert_eq!(place.problems(&mqtt)[0].what, "an annunciator on a topic has no lamp");
}

#[test]
fn all_mistakes_are_told_in_one_run() {
    let place = Place::new();
    let text = GOOD
        .replace("id = \"icu-3-pi-1\"", "id = \"raspberrypi\"")
        .replace("size = \"512MiB\"", "size = 512")
        .replace("device = \"ge-s5-dri\"", "device = \"ge-s5\"")
        .replace("[[annunciator]]\nkind = \"mqtt\"", "[[annunciator]]\nkind = \"mqqt\"");
    let problems = place.problems(&text);
    assert_eq!(problems.len(), 4, "{problems:#?}");
    let lines: Vec<_> = problems.iter().map(|it| it.line).collect();
    assert!(lines.is_sorted(), "{lines:?}");
    let told = super::load::told(&problems);
    assert!(
        told.contains("wardline.toml:2:6\n") && told.ends_with("4 mistakes in the configuration"),
        "{told}"
    );
}

#[test]
fn a_file_that_cannot_be_read_says_why_and_what_to_do() {
    let place = Place::new();
    let hint = |path: &Path| load(path).unwrap_err().to_string();
    assert!(hint(&place.path("none.toml")).contains("name an existing file"));
    assert!(hint(place.dir.path()).contains("name the file in the directory"));
    let utf16: Vec<u8> = GOOD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16 = [vec![0xff, 0xfe], utf16].concat();
    assert!(place.load(utf16).unwrap_err().to_string().contains("save it as UTF-8"));
    assert!(place.load("").unwrap_err().to_string().contains("the section [agent] is missing"));
    // A file that stops in the middle, as an editor leaves it when the disk is full.
    assert!(place.load(place.text(&GOOD[..400])).is_err());
    fs::remove_file(place.path("alarms.toml")).unwrap();
    let problems = place.problems(GOOD);
    assert!(problems[0].what.contains("the alarms file cannot be read"), "{problems:?}");
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_fine() {
    let place = Place::new();
    let text = format!("\u{feff}{}", place.text(GOOD).replace('\n', "\r\n"));
    place.load(text).unwrap_or_else(|it| panic!("{it}"));
    let wrong =
        place.text(GOOD).replace("commit_every = \"100ms\"", "commit_every = 100").replace('\n', "\r\n");
    let Err(LoadError::Mistakes(problems)) = place.load(wrong) else { panic!("it was taken") };
    assert_eq!((problems[0].line, problems[0].column), (34, 16), "{problems:?}");
}

#[test]
fn mistakes_in_the_alarms_file_are_told_with_the_others() {
    let place = Place::new();
    fs::write(place.path("alarms.toml"), ALARMS.replace("limit = 90", "limit = ninety")).unwrap();
    let problems = place.problems(&GOOD.replace("label = \"ICU 3\"", "lable = \"ICU 3\""));
    let files: Vec<_> = problems.iter().map(|it| it.file.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(files.first(), Some(&"wardline.toml"), "{problems:#?}");
    assert_eq!(files.len(), 2, "beds without limits are known all the same: {problems:#?}");
}

#[test]
fn an_override_for_a_bed_that_is_not_there_is_a_mistake() {
    let place = Place::new();
    let stray = "[[override]]\nbed = \"icu-3-70\"\nstay = \"s-1\"\nreason = \"COPD\"\nby = \"dr-17\"\n\
                 spo2.low = { limit = 86, extreme = 80 }\n";
    fs::write(place.path("alarms.toml"), format!("{ALARMS}{stray}")).unwrap();
    let problems = place.problems(GOOD);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].what.contains("icu-3-70"), "{problems:#?}");
    assert_eq!(problems[0].fix.as_deref(), Some("did you mean bed = \"icu-3-07\"?"));
}

/// The keys of the shipped file: section, name, and the value's text with what follows it.
fn shipped_keys(text: &str) -> Vec<(String, String, String)> {
    let mut section = String::new();
    let mut keys = Vec::new();
    for line in text.lines() {
        // What is commented out has no space behind its sign; prose has.
        let line = line.strip_prefix('#').filter(|it| !it.starts_with(' ')).unwrap_or(line);
        if let Some(name) = line.strip_prefix('[') {
            let name = name.trim_start_matches('[').split(']').next().unwrap();
            name.split('.').next().unwrap().clone_into(&mut section);
        } else if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with(['#', ' '])) {
            keys.push((section.clone(), key.trim().split('.').next().unwrap().into(), value.trim().into()));
        }
    }
    keys
}

#[test]
fn the_shipped_file_is_right_and_says_every_key_with_its_default() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("config/wardline.toml");
    let Loaded { config, warnings, .. } = load(&shipped).unwrap_or_else(|it| panic!("{it}"));
    assert_eq!((config.beds.len(), config.devices.len(), config.topics.len()), (2, 2, 1));
    for it in &warnings {
        // That a monitor which speaks every 5 s makes delays longer is true of the shipped file too.
        assert!(it.file.ends_with("alarms.toml") || it.what.contains("may take"), "{it:?}");
    }
    let said = shipped_keys(&fs::read_to_string(&shipped).unwrap());
    let mut wrong = String::new();
    for key in KEYS {
        let found: Vec<_> = said.iter().filter(|it| it.0 == key.section && it.1 == key.name).collect();
        let shows_default = key.default.is_none_or(|default| {
            found.iter().any(|it| it.2.starts_with(default) || it.2.contains(&format!("default: {default}")))
        });
        if found.is_empty() || !shows_default {
            let _ = writeln!(wrong, "[{}] {}: {:?}", key.section, key.name, key.default);
        }
    }
    for (section, name, _) in &said {
        if !KEYS.iter().any(|it| it.section == section && it.name == name) {
            let _ = writeln!(wrong, "[{section}] {name} is no key");
        }
    }
    assert_eq!(wrong, "");
}

proptest! {
    #[test]
    fn no_bytes_bring_the_reader_down(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Place::new().load(bytes);
    }

    #[test]
    fn no_damage_to_a_good_file_brings_the_reader_down(
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[a-z0-9\"\\[\\]{}=.,#\n é-]{0,6}"), 1..6),
    ) {
        let mut text: Vec<char> = GOOD.chars().collect();
        for (at, length, new) in cuts {
            let start = at.index(text.len());
            let end = (start + length.index(12)).min(text.len());
            text.splice(start..end, new.chars());
        }
        let place = Place::new();
        let text: String = text.into_iter().collect();
        if let Err(LoadError::Mistakes(problems)) = place.load(place.text(&text)) {
            prop_assert!(!problems.is_empty());
            let lines = text.lines().count().max(1);
            for it in problems.iter().filter(|it| it.file.ends_with("wardline.toml")) {
                prop_assert!(it.line >= 1 && it.line <= lines + 1, "{it:?}");
            }
        }
    }
}

#[test]
fn brackets_without_end_do_not_exhaust_the_stack() {
    let place = Place::new();
    for text in [
        "a = ".to_owned() + &"[".repeat(100_000),
        "a.".repeat(100_000) + "b = 1",
        "a = ".to_owned() + &"{a=".repeat(100_000),
    ] {
        assert!(place.load(text).is_err());
    }
}
