//! Every scenario that is shipped, on the virtual clock: the judge finds in a replay each alarm that the truth calls for, and no
//! other; and what `opioid` is there to teach.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use vitals::time::DeviceTime;
use wardline_tests::scratch::Scratch;
use wardline_tests::{length, program};

const SEED: &str = "7";

/// A scenario that was played: what was said, and what the alarms' rules make of it.
struct Played {
    dir: PathBuf,
    profile: &'static str,
    beds: Vec<String>,
}

impl Played {
    fn new(scratch: &Scratch, name: &str) -> Result<Self> {
        let dir = scratch.path().join(name);
        // A day takes as long as all the others together.
        let (beds, more) = match name {
            "ward-day" => ("1", length::pick(&["--duration", "6h"][..], &[])),
            "sepsis" => ("1", &[][..]),
            _ => ("2", &[][..]),
        };
        let profile = if name == "neonate-apnea" { "neonatal" } else { "adult" };
        let mut run = Command::new(program::ours("wardline-sim")?);
        run.args(["run", name, "--beds", beds, "--ways", "mqtt", "--seed", SEED]).args(more);
        done(&run.arg("--csv").arg(&dir).arg("--truth").arg(dir.join("truth.jsonl")).output()?)?;
        let mut beds = Vec::new();
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|it| it == "csv") {
                beds.push(path.file_stem().context("no name")?.to_string_lossy().into_owned());
            }
        }
        beds.sort();
        Ok(Self { dir, profile, beds })
    }

    /// The alarms of a bed by the rules that are shipped.
    fn replay(&self, bed: &str) -> Result<PathBuf> {
        let mut replay = Command::new(program::ours("wardline-agent")?);
        replay.args(["replay", "--profile", self.profile, "--alarms"]);
        replay.arg(program::repository().join("config/alarms.toml")).arg(self.dir.join(format!("{bed}.csv")));
        let (output, path) = (replay.output()?, self.dir.join(format!("{bed}.jsonl")));
        done(&output)?;
        fs::write(&path, output.stdout)?;
        Ok(path)
    }

    fn judge(&self, bed: &str, replayed: &Path) -> Result<Output> {
        let mut judge = Command::new(program::ours("wardline-sim")?);
        judge
            .args(["judge", "--profile", self.profile, "--bed", bed, "--truth"])
            .arg(self.dir.join("truth.jsonl"));
        Ok(judge.arg("--replayed").arg(replayed).output()?)
    }

    /// The alarms that must come: bed, code and level, and the seconds from the beginning at which each comes earliest and latest.
    fn expected(&self) -> Result<Vec<(String, i64, i64)>> {
        let mut expect = Command::new(program::ours("wardline-sim")?);
        expect.args(["expect", "--profile", self.profile, "--truth"]).arg(self.dir.join("truth.jsonl"));
        let output = expect.output()?;
        done(&output)?;
        let begin = first(&fs::read_to_string(self.dir.join("truth.jsonl"))?)?;
        let begin = seconds(&begin, "at")?;
        let line = |line: &str| -> Result<_> {
            let it: Value = serde_json::from_str(line)?;
            let text = |field: &str| it[field].as_str().unwrap_or_default().to_owned();
            let what = format!("{} {} {}", text("bed"), text("code"), text("level"));
            Ok((what, seconds(&it, "earliest")? - begin, seconds(&it, "latest")? - begin))
        };
        String::from_utf8(output.stdout)?.lines().map(line).collect()
    }
}

fn done(output: &Output) -> Result<()> {
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn first(lines: &str) -> Result<Value> {
    Ok(serde_json::from_str(lines.lines().next().context("empty")?)?)
}

fn seconds(it: &Value, field: &str) -> Result<i64> {
    let at = DeviceTime::parse(it[field].as_str().unwrap_or_default()).context("no time")?;
    Ok(at.as_millis() / 1000)
}

#[test]
fn the_judge_finds_every_alarm_of_every_scenario() -> Result<()> {
    let scratch = Scratch::new("scenarios")?;
    let mut names = Vec::new();
    for entry in fs::read_dir(program::repository().join("config/scenarios"))? {
        names.push(entry?.path().file_stem().context("no name")?.to_string_lossy().into_owned());
    }
    names.sort();
    ensure!(names.len() >= 17, "{names:?}");
    for name in &names {
        let played = Played::new(&scratch, name)?;
        for bed in &played.beds {
            let verdict = played.judge(bed, &played.replay(bed)?)?;
            let told = String::from_utf8_lossy(&verdict.stdout).into_owned();
            println!("figure {name}, {bed}: {}", told.trim());
            ensure!(
                verdict.status.success(),
                "{name}, {bed}: {told}{}",
                String::from_utf8_lossy(&verdict.stderr)
            );
        }
    }
    Ok(())
}

/// The first of each alarm in `opioid`, seconds from the beginning, earliest and latest. Breath tells before carbon dioxide,
/// and both before the saturation; with oxygen the saturation never tells.
const OPIOID: [(&str, i64, i64); 9] = [
    ("sim-ward-01 resp_rate_low limit", 640, 644),
    ("sim-ward-01 etco2_high limit", 962, 966),
    ("sim-ward-02 resp_rate_low limit", 1006, 1010),
    ("sim-ward-01 spo2_low limit", 1042, 1046),
    ("sim-ward-02 etco2_high limit", 1084, 1088),
    // Pauses of breath, from 25 min on.
    ("sim-ward-01 resp_rate_low extreme", 1339, 1343),
    ("sim-ward-01 spo2_low extreme", 1362, 1366),
    ("sim-ward-02 etco2_low extreme", 1595, 1599),
    ("sim-ward-02 resp_rate_low extreme", 1600, 1604),
];

#[test]
fn an_opioid_is_told_by_breath_and_carbon_dioxide_before_the_saturation() -> Result<()> {
    let scratch = Scratch::new("opioid")?;
    let played = Played::new(&scratch, "opioid")?;
    let expected = played.expected()?;
    for (what, earliest, latest) in OPIOID {
        let first = expected.iter().find(|it| it.0 == what).with_context(|| format!("no {what}"))?;
        assert_eq!((first.1, first.2), (earliest, latest), "{what}");
    }
    ensure!(!expected.iter().any(|it| it.0.contains("sim-ward-02 spo2")), "with oxygen: {expected:?}");

    // The control: alarms that are not there, come too late, or that nothing explains.
    let bed = "sim-ward-01";
    let replayed = fs::read_to_string(played.replay(bed)?)?;
    let kept: Vec<_> = replayed.lines().filter(|it| !it.contains("\"etco2_high\"")).collect();
    let without = kept.join("\n");
    let another =
        replayed.replace("\"spo2_low\"", "\"spo2_high\"").replace("\"resp_rate_low\"", "\"heart_rate_low\"");
    for (forged, finding) in [(without, "missed: "), (another, "false alarm: ")] {
        let path = scratch.write("forged.jsonl", &forged)?;
        let verdict = played.judge(bed, &path)?;
        let told = String::from_utf8_lossy(&verdict.stdout).into_owned();
        ensure!(verdict.status.code() == Some(65) && told.contains(finding), "{finding}{told}");
    }
    Ok(())
}
