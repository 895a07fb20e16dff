//! Seeded mistakes: each told at its line and column, with a fix that helps.

use super::*;

/// What is changed in the good file, where the mistake must be told (the text at its place), and what its fix must say.
struct Seed {
    from: &'static str,
    to: &'static str,
    at: &'static str,
    fix: &'static str,
}

const fn seed(from: &'static str, to: &'static str, at: &'static str, fix: &'static str) -> Seed {
    Seed { from, to, at, fix }
}

const SEEDS: &[Seed] = &[
    // Keys and types.
    seed("[buffer]", "[bufer]", "bufer]", "did you mean buffer?"),
    seed("shutdown_grace", "shutdown_grase", "shutdown_grase", "did you mean shutdown_grace?"),
    seed("critical = true", "crtical = true", "crtical", "did you mean critical?"),
    seed("critical = true", "critical = \"yes\"", "\"yes\"", "critical = true"),
    seed("period = \"2s\"", "period = 2", "2\ntime", "number and unit"),
    seed("period = \"2s\"", "period = \"2\"", "\"2\"", "number and unit"),
    seed("period = \"2s\"", "period = \"0s\"", "\"0s\"", "period = \"1s\""),
    seed("commit_every = \"100ms\"", "commit_every = \"25h\"", "\"25h\"", "number and unit"),
    seed("[agent]\nid = \"icu-3-pi-1\"", "[agent]", "[agent]", "id = \"…\""),
    seed("id = \"icu-3-pi-1\"", "id = 3", "3\nstate_dir", "put it in quotes"),
    seed("session_expiry", "version = 5\nsession_expiry", "5\nsession", "put it in quotes"),
    // Agent and unit.
    seed("icu-3-pi-1", "raspberrypi", "\"raspberrypi\"", "a name of its own"),
    seed("icu-3-pi-1", "localhost", "\"localhost\"", "a name of its own"),
    seed("icu-3-pi-1", "icu/3", "\"icu/3\"", "use '-'"),
    seed("icu-3-pi-1", "icu 3", "\"icu 3\"", ""),
    seed("DIR/state", "state", "\"state\"", "state_dir = \"/…\""),
    seed("http = \"off\"", "http = \"9643\"", "\"9643\"", "127.0.0.1:9643"),
    seed(
        "profile = \"adult\"\n\n[kafka]",
        "profile = \"adlut\"\n\n[kafka]",
        "\"adlut\"",
        "did you mean profile = \"adult\"?",
    ),
    seed("profile = \"adult\"\n\n[kafka]", "profile = \"grown-up\"\n\n[kafka]", "\"grown-up\"", "adolescent"),
    // Buffer.
    seed("512MiB", "32MiB", "\"32MiB\"", "64MiB"),
    seed("\"512MiB\"", "\"512 MB\"", "\"512 MB\"", "2GiB"),
    seed("drop_oldest_readings", "drop_oldest", "\"drop_oldest\"", "drop_oldest_readings"),
    // Kafka.
    seed("\"kafka-2.example.org:9093\"", "\"kafka-2.example.org\"", "\"kafka-2.example.org\"", "brokers ="),
    seed("security = \"sasl_ssl\"", "security = \"sasl\"", "\"sasl\"", "ssl"),
    seed(
        "security = \"sasl_ssl\"",
        "security = \"ssl\"",
        "\"wardline\"\npassword_file = \"DIR/kafka\"",
        "sasl_ssl",
    ),
    seed("security = \"sasl_ssl\"", "security = \"sasl_plaintext\"", "\"sasl_plaintext\"", "insecure = true"),
    seed(
        "SCRAM-SHA-256",
        "SCRAM-SHA-265",
        "\"SCRAM-SHA-265\"",
        "did you mean mechanism = \"SCRAM-SHA-256\"?",
    ),
    seed("password_file = \"DIR/kafka\"", "password = \"hunter2\"", "\"hunter2\"", "password_file"),
    seed("password_file = \"DIR/kafka\"", "", "\"wardline\"\n\nproperties", "password_file"),
    seed("DIR/kafka", "DIR/none", "\"DIR/none\"", "mode 0600"),
    seed("DIR/kafka", "DIR/open", "\"DIR/open\"", "chmod 0600 DIR/open"),
    seed("DIR/kafka", "DIR/empty", "\"DIR/empty\"", "write it into DIR/empty"),
    seed("properties.linger.ms = 20", "answer_timeout = \"10s\"", "\"10s\"", "9s"),
    seed("properties.linger.ms = 20", "delivery = \"once\"", "\"once\"", "exactly-once"),
    seed("properties.linger.ms = 20", "cluster_id = \"a b\"", "\"a b\"", "cluster-id"),
    seed("properties.linger.ms = 20", "properties.acks = \"1\"", "acks", "take it out"),
    seed(
        "properties.linger.ms = 20",
        "properties.sasl.password = \"x\"",
        "password = \"x\"",
        "password_file",
    ),
    seed("properties.linger.ms = 20", "ca_file = \"DIR/ca.pem\"", "\"DIR/ca.pem\"", "can read"),
    seed("properties.linger.ms = 20", "client_cert = \"DIR/mqtt\"", "\"DIR/mqtt\"\n\n[mqtt", "client_key"),
    // MQTT.
    seed("mqtts://broker", "mqtt://broker", "\"mqtt://broker", "insecure = true"),
    seed("mqtts://broker", "https://broker", "\"https://broker", "mqtts://"),
    seed("version = \"3.1.1\"", "version = \"4\"", "\"4\"", "known: 5, 3.1.1"),
    seed("version = \"3.1.1\"", "ca_file = \"DIR/mqtt\"", "\"DIR/mqtt\"\n\n[buffer]", "mqtts://"),
    seed(
        "mqtt://127.0.0.1:1884",
        "mqtts://broker.example.org",
        "\"mqtts://broker.example.org\"\nversion",
        "client_id",
    ),
    seed(
        "mqtt = \"ward\"\ntopic = \"vitals",
        "mqtt = \"wrad\"\ntopic = \"vitals",
        "\"wrad\"",
        "did you mean mqtt = \"ward\"?",
    ),
    // Beds.
    seed("id = \"icu-3-08\"", "id = \"icu-3-07\"", "\"icu-3-07\"\nprofile", "its own id"),
    seed("prefer.spo2 = ", "prefer.spo = ", "spo = ", "did you mean spo2?"),
    seed(
        "\"monitor-07\", \"wearable\"",
        "\"monitor-7\", \"wearable\"",
        "\"monitor-7\"",
        "did you mean \"monitor-07\"?",
    ),
    seed(
        "prefer.spo2 = [\"monitor-07\", \"wearable\"]",
        "",
        "\"icu-3-07\"\nlabel",
        "prefer.spo2 = [\"monitor-07\", \"wearable\"]",
    ),
    seed(
        "id = \"icu-3-08\"\nprofile = \"adult\"",
        "id = \"icu-3-08\"\nprofile = \"child\"",
        "\"icu-3-08\"",
        "profile.child",
    ),
    // Sources.
    seed("bed = \"icu-3-07\"", "bed = \"icu-3-70\"", "\"icu-3-70\"", "icu-3-07"),
    seed("ge-s5-dri", "ge-s5-dir", "\"ge-s5-dir\"", "did you mean device = \"ge-s5-dri\"?"),
    seed("/dev/serial/by-path/one", "ttyUSB0", "\"ttyUSB0\"", "/dev/serial"),
    seed("critical = true", "mode = \"simulated\"", "\"wearable\"\nmqtt", "one mode"),
    seed("id = \"wearable\"", "id = \"monitor-07\"", "\"monitor-07\"\nmqtt", "its own id"),
    seed("format = \"mapped\"", "format = \"avro\"", "\"avro\"", "known: wardline, mapped"),
    seed("unit = \"1\"", "unit = \"mm[Hg]\"", "\"mm[Hg]\"", "its own unit is \"%\""),
    seed("at = \"/spo2\"", "at = \"spo2\"", "\"spo2\", unit", "/name/of/field"),
    seed("fields.temperature", "fields.temprature", "temprature", "did you mean temperature?"),
    seed("vitals/{bed}/numerics", "vitals/#/numerics", "\"vitals/#", "whole levels"),
    seed("vitals/{bed}/numerics", "vitals/x{bed}/numerics", "\"vitals/x", "whole levels"),
    seed("vitals/{bed}/numerics", "{bed}/{bed}", "\"{bed}/{bed}\"", "keep one"),
    // Annunciators and actions.
    seed("wardline/{bed}/alarms", "wardline/alarms", "\"wardline/alarms\"", "{bed}"),
    seed(
        "wardline/{bed}/alarms",
        "vitals/{bed}/numerics",
        "\"vitals/{bed}/numerics\"\n\n[[ann",
        "no source listens",
    ),
    seed("priorities = [\"high\"]", "priorities = [\"hi\"]", "\"hi\"", "high, medium, low"),
];

/// Line and column of a text, both from 1.
fn place_of(needle: &str, text: &str) -> (usize, usize) {
    let at = text.find(needle).unwrap_or_else(|| panic!("{needle:?} is not in the file"));
    let before = &text[..at];
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

#[test]
fn each_seeded_mistake_is_told_once_at_its_place_with_a_fix() {
    let place = Place::new();
    let mut wrong = String::new();
    for seed in SEEDS {
        assert!(GOOD.contains(seed.from), "{:?} is not in the good file", seed.from);
        let text = GOOD.replacen(seed.from, seed.to, 1);
        let problems = place.problems(&text);
        let expected = place_of(&place.text(seed.at), &place.text(&text));
        let fix = place.text(seed.fix);
        let told = problems
            .iter()
            .any(|it| (it.line, it.column) == expected && it.fix.as_deref().unwrap_or("").contains(&fix));
        // A misspelt key leaves the section without what it meant; two words on one mistake are not one too many.
        if !told || problems.len() > 2 {
            let _ = writeln!(
                wrong,
                "{:?} -> {:?}: expected {expected:?} {fix:?}, got {problems:#?}",
                seed.from, seed.to
            );
        }
    }
    assert_eq!(wrong, "", "{wrong}");
}

#[test]
fn what_may_be_said_in_plain_text_on_this_machine_only() {
    let place = Place::new();
    let local = GOOD.replace(
        "\"kafka-1.example.org:9093\", \"kafka-2.example.org:9093\"",
        "\"localhost:9092\", \"[::1]:9092\"",
    );
    let local = local.replace("security = \"sasl_ssl\"\nmechanism = \"SCRAM-SHA-256\"\nuser = \"wardline\"\npassword_file = \"DIR/kafka\"", "security = \"plaintext\"");
    assert_eq!(place.problems(&local), []);
    let meant =
        local.replace("localhost:9092", "kafka:9092").replace("security", "insecure = true\nsecurity");
    assert_eq!(place.problems(&meant), []);
}

#[test]
fn two_sources_of_one_port_or_one_topic_are_refused() {
    let place = Place::new();
    let more = "[[source]]\nid = \"second\"\nbed = \"icu-3-08\"\ndevice = \"nonin-df8\"\nport = \"/dev/serial/by-path/one\"\n\
                [[source]]\nid = \"third\"\nbed = \"icu-3-08\"\nmqtt = \"ward\"\ntopic = \"vitals/icu-3-08/+\"\nformat = \"wardline\"\n";
    let text =
        GOOD.replace("[[annunciator]]\nkind = \"mqtt\"", &format!("{more}[[annunciator]]\nkind = \"mqtt\""));
    let problems = place.problems(&text);
    let told = |needle: &str| problems.iter().any(|it| it.what.contains(needle));
    assert!(told("that of monitor-07 already") && told("holds messages of wearable too"), "{problems:#?}");
}

#[test]
fn from_a_local_topic_only_what_is_named_may_be_done() {
    let place = Place::new();
    let problems = |actions: &str| place.problems(&format!("{GOOD}[actions]\n{actions}"));
    assert_eq!(problems("from_kafka = true\n"), []);
    assert_eq!(problems("from_local_mqtt = [\"acknowledge\"]\nmqtt = \"ward\"\n"), []);
    for (actions, told) in [
        ("from_local_mqtt = [\"acknowlege\"]\nmqtt = \"ward\"\n", "there is no action"),
        ("from_local_mqtt = [\"acknowledge\"]\n", "mqtt is missing"),
        ("topic = \"wardline/actions\"\n", "of no use"),
        ("from_local_mqtt = [\"reset\"]\nmqtt = \"ward\"\ntopic = \"wardline/+\"\n", "without wildcards"),
        (
            "from_local_mqtt = [\"reset\"]\nmqtt = \"ward\"\ntopic = \"vitals/icu-3-08/numerics\"\n",
            "as readings",
        ),
    ] {
        let problems = problems(actions);
        assert_eq!(problems.len(), 1, "{actions}: {problems:#?}");
        assert!(problems[0].what.contains(told), "{actions}: {problems:#?}");
    }
}
