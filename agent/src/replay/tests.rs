//! Replay from the outside: files in, lines out.

use std::fmt::Write as _;
use std::fs;

use clap::Parser;
use vitals::record::alarm::AlarmRecord;

use super::*;

const ALARMS: &str = r#"
version = 1
approved_by = "nobody"
[profile.adult.spo2]
hysteresis = 1
low = { limit = 90, delay = "15s", extreme = 80, extreme_delay = "5s" }
[profile.adult.heart_rate]
low = { limit = 50, delay = "10s", extreme = 35, extreme_delay = "3s" }
"#;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    arguments: Arguments,
}

/// Runs a replay of this CSV with further arguments.
fn replayed(csv: &str, more: &[&str]) -> Result<(String, String), ReplayError> {
    let dir = tempfile::tempdir().unwrap();
    let (alarms, numbers) = (dir.path().join("alarms.toml"), dir.path().join("numbers.csv"));
    fs::write(&alarms, ALARMS).unwrap();
    fs::write(&numbers, csv).unwrap();
    run_with(&alarms, &numbers, more)
}

fn run_with(alarms: &Path, csv: &Path, more: &[&str]) -> Result<(String, String), ReplayError> {
    let fixed = ["replay", "--alarms", alarms.to_str().unwrap(), csv.to_str().unwrap()];
    let arguments = Command::try_parse_from(fixed.iter().chain(more)).unwrap().arguments;
    let (mut out, mut talk) = (Vec::new(), Vec::new());
    replay(&arguments, &mut out, &mut talk)?;
    Ok((String::from_utf8(out).unwrap(), String::from_utf8(talk).unwrap()))
}

/// Time, code, phase and priority of each record.
fn brief(out: &str) -> Vec<String> {
    let line = |line: &str| {
        let record: AlarmRecord = serde_json::from_str(line).unwrap();
        let (phase, priority) = (serde_json::json!(record.phase), serde_json::json!(record.priority));
        let (phase, priority) = (phase.as_str().unwrap().to_owned(), priority.as_str().unwrap().to_owned());
        format!("{} {} {phase} {priority}", record.up_ms.as_millis(), record.code)
    };
    out.lines().map(line).collect()
}

/// One row a second, from pairs of value and last second.
fn each_second(header: &str, runs: &[(&str, u32)]) -> String {
    let mut csv = format!("{header}\n");
    let mut at = 0;
    for (value, last) in runs {
        for second in at..=*last {
            writeln!(csv, "{second},{value}").unwrap();
        }
        at = last + 1;
    }
    csv
}

#[test]
fn the_first_row_of_the_worked_table() {
    let csv = each_second("t,spo2", &[("92", 9), ("88", 40), ("92", 60)]);
    let (out, talk) = replayed(&csv, &[]).unwrap();
    let expected =
        ["25000 spo2_low start medium", "40000 spo2_low continue medium", "46000 spo2_low end medium"];
    assert_eq!(brief(&out), expected);
    assert!(talk.contains("61 rows, period 1.000 s, profile adult"), "{talk}");
    let first: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    for (field, value) in [
        ("id", serde_json::json!("replay/replay/1")),
        ("seq", serde_json::json!(1)),
        ("mode", serde_json::json!("replay")),
        ("bed", serde_json::json!("replay")),
        ("source", serde_json::json!("replay")),
        ("value", serde_json::json!(88)),
        ("condition_delay_ms", serde_json::json!(15_000)),
        ("onset_at", serde_json::Value::Null),
        ("clock", serde_json::Value::Null),
    ] {
        assert_eq!(first[field], value, "{field}");
    }
}

#[test]
fn reasons_stand_in_cells_and_empty_rows_are_silence() {
    let csv = each_second("t,spo2", &[("88", 19), ("sensor_off", 49), ("88", 60)]);
    let (out, _) = replayed(&csv, &[]).unwrap();
    assert_eq!(brief(&out)[1], "30000 spo2_low update medium");
    assert_eq!(brief(&out)[2], "30000 sensor_off start low");
    let (out, _) = replayed("t,spo2\n0,78\n31,\n", &["--period", "1"]).unwrap();
    let expected = [
        "5000 spo2_low start high",
        "5000 no_data start medium",
        "15000 spo2_low update high",
        "20000 no_data continue medium",
        "30000 spo2_low continue high",
    ];
    assert_eq!(brief(&out), expected);
}

#[test]
fn dates_give_the_wall_clock() {
    let csv = "t,spo2\n2026-11-23T08:30:00Z,78\n2026-11-23T08:30:01Z,78\n2026-11-23T08:30:05.5Z,78\n";
    let (out, _) = replayed(csv, &["--period", "1s"]).unwrap();
    let first: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(first["up_ms"], 5000);
    assert_eq!(first["onset_at"], "2026-11-23T08:30:00.000Z");
    assert_eq!(first["decided_at"], "2026-11-23T08:30:05.000Z");
}

#[test]
fn a_real_patient_is_replayed_to_the_same_bytes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (alarms, csv) =
        (root.join("config/alarms.toml"), root.join("tests/captures/mimic2_s25047_numerics_1min.csv"));
    let map = "minute=t,HR_bpm=heart_rate,PULSE_bpm=pulse_rate,RESP_pm=resp_rate,SpO2_pct=spo2,\
               NBPSys_mmHg=nibp_systolic,NBPDias_mmHg=nibp_diastolic,NBPMean_mmHg=nibp_mean";
    let zero = "heart_rate,pulse_rate,resp_rate,spo2";
    let more = ["--map", map, "--zero-absent", zero, "--time-unit", "min"];
    let (out, talk) = run_with(&alarms, &csv, &more).unwrap();
    assert_eq!(run_with(&alarms, &csv, &more).unwrap(), (out.clone(), talk.clone()));
    assert!(talk.contains("period 60.000 s"), "{talk}");
    let brief = brief(&out);
    // SpO2 falls to 71 in minute 40: 5 s later it is an alarm of high priority.
    assert!(brief.contains(&"2405000 spo2_low start high".to_owned()), "{brief:?}");
    // From minute 45 on the monitor has no heart rate, and says so as a 0.
    assert!(brief.contains(&"2730000 no_value start low".to_owned()), "{brief:?}");
    assert!(!brief.iter().any(|it| it.contains("heart_rate_low start") && it.starts_with("27")), "{brief:?}");
}

#[test]
fn each_kind_of_mistake_has_its_words_and_its_exit_code() {
    let usage = |csv: &str, more: &[&str]| replayed(csv, more).unwrap_err();
    for (csv, more, code, words) in [
        ("t,spo2\n0,NaN\n", &[][..], 65, "numbers.csv:2: column \"spo2\": \"NaN\" is not a decimal number"),
        ("t,spo2\n0,1e308\n", &[], 65, "too large"),
        ("t,sp02\n0,97\n", &[], 65, "column \"sp02\" is no vital"),
        ("t,spo2\nnoon,97\n", &[], 65, "t is \"noon\""),
        ("t,spo2\n-1,97\n", &[], 65, "t is \"-1\""),
        ("t,spo2\n0,97,98\n", &[], 65, "3 cells under 2 columns"),
        ("spo2,heart_rate\n97,60\n", &[], 65, "the first column must be \"t\""),
        ("", &[], 65, "not even a header"),
        ("t,spo2\n0,97\n", &["--map", "x=spo2"], 64, "has no column \"x\""),
        ("t,spo2\n0,97\n", &["--zero-absent", "x"], 64, "no vital \"x\""),
        ("t,spo2\n0,97\n", &["--profile", "child"], 64, "has no profile \"child\""),
    ] {
        let error = usage(csv, more);
        assert_eq!(error.exit_code(), code, "{csv:?}: {error}");
        assert!(error.to_string().contains(words), "{csv:?}: {error}");
    }
    let error = run_with(Path::new("none.toml"), Path::new("none.csv"), &[]).unwrap_err();
    assert_eq!(
        (error.exit_code(), error.to_string().as_str()),
        (78, "cannot read the alarms file none.toml")
    );
}

#[test]
fn a_row_of_the_past_is_refused_and_told() {
    let (out, talk) = replayed("t,spo2\n0,97\n4,97\n3,10\n6,97\n", &["--period", "1"]).unwrap();
    assert_eq!(out, "");
    assert!(talk.contains("refused 1 rows that are earlier than the row above them: lines 4"), "{talk}");
}

#[test]
fn a_broken_alarms_file_is_told_with_line_and_column() {
    let dir = tempfile::tempdir().unwrap();
    let (alarms, csv) = (dir.path().join("alarms.toml"), dir.path().join("numbers.csv"));
    fs::write(&alarms, ALARMS.replace("limit = 90", "limit = 900")).unwrap();
    fs::write(&csv, "t,spo2\n").unwrap();
    let error = run_with(&alarms, &csv, &[]).unwrap_err();
    assert_eq!(error.exit_code(), 78);
    assert!(
        error.to_string().contains("alarms.toml:6:17: limit 900 of spo2 is outside what is plausible"),
        "{error}"
    );
}

/// Runs a script.
fn staged(script: &str) -> Result<(String, String), ReplayError> {
    let dir = tempfile::tempdir().unwrap();
    let (alarms, inputs) = (dir.path().join("alarms.toml"), dir.path().join("inputs.jsonl"));
    fs::write(&alarms, [ALARMS, "[profile.child.spo2]\nlow = { limit = 92, delay = \"1s\" }\n"].concat())
        .unwrap();
    fs::write(&inputs, script).unwrap();
    run_with(&alarms, &inputs, &[])
}

#[test]
fn a_script_plays_every_input_and_writes_what_actions_were_answered() {
    let mut script = String::from(
        "{\"sources\":[{\"name\":\"a\"},{\"name\":\"b\",\"period_ms\":2000}],\"stay\":\"s-1\"}\n",
    );
    for second in 0..=16 {
        let t = second * 1000;
        writeln!(script, r#"{{"t":{t},"source":"a","vitals":{{"spo2":88,"heart_rate":"lead_off"}}}}"#)
            .unwrap();
    }
    script += r#"{"t":16500,"action":{"id":"1","do":"acknowledge","alarm":9,"seen_priority":"high"}}
{"t":16500,"action":{"id":"2","stay":"s-1","do":"acknowledge","alarm":3,"seen_priority":"medium","seen":16000}}
{"t":16500,"action":{"id":"2","do":"acknowledge","alarm":3,"seen_priority":"medium"}}
{"t":16600,"profile":"child"}
{"t":16700,"restart":"same","up":16800}
{"t":16900,"source":"a","vitals":{"spo2":91.5},"quality":{"spo2":["artifact"]},"device_time":"2026-01-01T00:00:00Z"}
{"t":17000,"flag":"device_battery","on":true,"source":"a"}
{"t":17000,"port":"gone","source":"b","cause":"mqtt"}
{"t":17100,"frame":"b"}
{"t":17200,"device":"a"}
{"t":17300}
"#;
    let (out, talk) = staged(&script).unwrap();
    let answers: Vec<&str> = out.lines().filter(|it| it.contains("outcome")).collect();
    assert_eq!(
        answers,
        [
            r#"{"of":"1","outcome":"refused","reason":"no_such_alarm"}"#,
            r#"{"of":"2","outcome":"accepted"}"#,
            r#"{"of":"2","outcome":"duplicate"}"#,
        ]
    );
    let records: Vec<&str> = out.lines().filter(|it| !it.contains("outcome")).collect();
    let brief = brief(&records.join("\n"));
    for expected in [
        "6000 no_data start medium",
        "10000 sensor_off start low",
        "15000 spo2_low start medium",
        "16500 spo2_low update medium",
        "16600 spo2_low update medium",
        "16800 spo2_low continue medium",
        "16900 spo2_low update medium",
        "17000 device_battery start low",
        "17000 port_gone start medium",
        "17200 device_changed start medium",
    ] {
        assert!(brief.contains(&expected.to_owned()), "{expected}: {brief:#?}");
    }
    assert!(records.iter().any(|it| it.contains("\"id\":\"replay/replay2/")), "{out}");
    assert!(talk.contains("inputs, profile adult"), "{talk}");
    let error = staged("{\"t\":5}\n{\"t\":4}\n{\"t\":6,\"vitals\":{}}\n{\"t\":7,\"x\":1}\n").unwrap_err();
    let words = error.to_string();
    assert!(words.contains(":2: t falls") && words.contains(":3: source is missing"), "{words}");
    assert!(words.contains(":4: unknown field `x`"), "{words}");
}

#[test]
fn a_summary_counts_for_a_patient_and_day() {
    // An hour: three times 30 s at 88 %, once 20 s at 75 %.
    let low = |value, from: u32, until: u32| [("95", from - 1), (value, until)];
    let runs = [low("88", 100, 129), low("88", 700, 729), low("88", 1300, 1329), low("75", 2000, 2019)];
    let mut runs: Vec<(&str, u32)> = runs.concat();
    runs.push(("95", 3600));
    let (_, talk) = replayed(&each_second("t,spo2", &runs), &["--burden"]).unwrap();
    let words = |name: &str| {
        let line = talk.lines().find(|it| it.starts_with(name)).unwrap_or_else(|| panic!("{name}: {talk}"));
        line.split_whitespace().map(String::from).collect::<Vec<_>>()
    };
    // 15 s delay, 5 s to clear: three times 20 s; the extreme after 5 s, 20 s long.
    let expected = ["spo2_low", "4", "96.0", "1", "3", "0", "80.000", "s", "20.000", "s", "1"];
    assert_eq!(words("spo2_low"), expected);
    assert!(
        talk.contains("4 alarms, 96.0 a patient-day over 0.041 of a day; in alarm 2.2 % of the time"),
        "{talk}"
    );
    let burden = "spo2_low                   4 alarms at 15 s: 0 s 4 (+0 %), 20 s 4 (+0 %), 25 s 4 (+0 %), 30 s 4 (+0 %), 45 s 1 (-75 %)";
    assert!(talk.contains(burden), "{talk}");
    assert!(
        talk.contains("without any delay: 4 alarms, 96.0 a patient-day; with them: 4, 96.0 (+0 %)"),
        "{talk}"
    );
}

#[test]
fn a_longer_delay_says_how_much_later_the_long_alarms_would_have_come() {
    // Out for 20 s, for 110 s, for 90 s; the second and third last a minute or more.
    let runs = [("92", 9), ("88", 29), ("92", 99), ("88", 209), ("92", 299), ("88", 389), ("92", 450)];
    let (_, talk) = replayed(&each_second("t,spo2", &runs), &["--burden"]).unwrap();
    for words in [
        "spo2_low                   3 alarms at 15 s: 0 s 3 (+0 %), 20 s 3 (+0 %), 25 s 2 (-33 %), 30 s 2 (-33 %), 45 s 2 (-33 %)",
        "    2 of them lasted a minute or more; of these would have come\n",
        "      at 25 s: 2 later by 10.000 s\n",
        "      at 30 s: 2 later by 15.000 s\n",
    ] {
        assert!(talk.contains(words), "{words} is not in:\n{talk}");
    }
    // Out for 20 s, in the band and out again: 15 s of delay make an alarm of a minute, of which 45 s make none.
    let (_, talk) =
        replayed(&each_second("t,spo2", &[("88", 20), ("90", 80), ("92", 90)]), &["--burden"]).unwrap();
    assert!(talk.contains("      at 45 s: none; not at all: those of t = 15.000 s\n"), "{talk}");
}
