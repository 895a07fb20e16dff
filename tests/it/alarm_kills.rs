//! E34, E35; F1: killed again and again, the agent tells the alarms that it would have told without, but for what came while
//! it was away.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use wardline_agent::clock;
use wardline_sim::random::Random;
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::reader::{Reader, Record};
use wardline_tests::site::Site;
use wardline_tests::spells::judge::{Down, Findings, Rule, judge};
use wardline_tests::spells::{Fate, Told, Ward};
use wardline_tests::{evidence, length, program, seed, wait};

use crate::way::of;

const SOON: Duration = Duration::from_secs(60);
const ALARMS: &str = "vitals.alarms.v1";
/// Who has spells; both agents watch them.
const SPELLS: [&str; 12] = [
    "kills-1", "kills-2", "kills-3", "kills-4", "kills-5", "kills-6", "kills-7", "kills-8", "kills-9",
    "kills-10", "kills-11", "kills-12",
];
/// Whose alarm is acknowledged, and goes on; whose has latched.
const SEEN: &str = "kills-seen";
const LATCHED: &str = "kills-latched";

const RULE: Rule = Rule { delay_ms: 2500, clear_ms: 1000 };
const RULES: &str = r#"
version = 1
approved_by = "tests"
approved_on = "2026-01-01"
[defaults]
clear_delay = "1s"
gap_tolerance = "10s"
continue_every = "15s"
reminder = "3m"
extreme = { priority = "high", latch = true }
limit = { priority = "medium", latch = false }
[profile.adult.spo2]
hysteresis = 1
worse_by = 3
low = { limit = 90, delay = "2500ms", extreme = 80, extreme_delay = "1s" }
high = "off"
[technical]
sensor_off = { delay = "10s", priority = "low", medium_after = "60s" }
no_value = { delay = "30s", priority = "low", medium_after = "60s" }
no_data = { priority = "medium", high_after = "3m" }
"#;

/// A period so long that no value becomes stale while the agent is away.
const SOURCE: &str = r#"
[[source]]
id = "ward"
mqtt = "ward"
topic = "ward/{bed}"
format = "wardline"
period = "20s"
"#;

fn site(name: &str, beds: &[&str], kafka: &Kafka, broker: &Mosquitto) -> Result<Site> {
    let site = Site::new(name)?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds(beds.iter().copied());
    Ok(site.toml(SOURCE).alarms(RULES))
}

/// What an agent has told of the alarms of SpO₂.
fn alarms(kafka: &Kafka, site: &Site) -> Result<Vec<Record>> {
    let all = Reader::open(kafka, ALARMS)?.rest(Duration::from_secs(2))?;
    Ok(all.into_iter().filter(|it| of(it, site) && it.text("code") == "spo2_low").collect())
}

/// When it took which number of each bed as of now; boot-time clock, ms.
fn taken(kafka: &Kafka, site: &Site) -> Result<BTreeMap<String, BTreeMap<u64, u64>>> {
    let mut taken = BTreeMap::<_, BTreeMap<_, _>>::new();
    for it in Reader::open(kafka, "vitals.readings.v1")?.rest(Duration::from_secs(2))? {
        if of(&it, site) && it.body["late"] != true {
            let (seq, up_ms) =
                (it.number("device_seq").context("no number")?, it.number("up_ms").context("no time")?);
            taken.entry(it.text("bed").to_owned()).or_default().insert(seq, up_ms);
        }
    }
    Ok(taken)
}

fn judged(
    kafka: &Kafka,
    site: &Site,
    told: &BTreeMap<String, Vec<Told>>,
    downs: &[Down],
) -> Result<Findings> {
    let (alarms, taken) = (alarms(kafka, site)?, taken(kafka, site)?);
    let mut findings = Findings::default();
    for bed in SPELLS {
        let of_bed: Vec<_> = alarms.iter().filter(|it| it.text("bed") == bed).cloned().collect();
        let (told, taken) =
            (told.get(bed).context("said nothing")?, taken.get(bed).context("nothing was taken")?);
        findings = findings.and(judge(told, taken, &of_bed, downs, RULE)?);
    }
    Ok(findings)
}

/// Somebody has seen the alarm of a bed.
fn acknowledge(kafka: &Kafka, site: &Site, bed: &str) -> Result<()> {
    wait::until("the acknowledgement", SOON, || {
        let mut station = Command::new(program::ours("wardline-station")?);
        station.args(["ack", "--brokers", &kafka.bootstrap(), "--bed", bed, "--by", "anna"]);
        Ok(station.output()?.status.success().then_some(()))
    })?;
    told(kafka, site, bed, "acknowledged").map(drop)
}

/// The record that tells this signal.
fn told(kafka: &Kafka, site: &Site, bed: &str, signal: &str) -> Result<Record> {
    let is = |it: &Record| of(it, site) && it.text("bed") == bed && it.text("signal") == signal;
    Reader::open(kafka, ALARMS)?.wait_for(&format!("{bed} {signal}"), SOON, is)
}

/// Kills it at moments of chance, now and then before it watches; in between, its files are as `between` leaves them.
fn kill(
    site: &Site,
    mut agent: Agent,
    rounds: u32,
    random: &mut Random,
    between: impl Fn(&Site),
) -> Result<(Agent, Vec<Down>)> {
    let (mut downs, mut waiting) = (Vec::<Down>::new(), 0);
    for _ in 0..rounds {
        if random.below(5) == 0 {
            thread::sleep(seed::time(random, 0.0, 250.0));
        } else {
            watches(&mut agent, &mut downs, &mut waiting)?;
            thread::sleep(seed::time(random, 50.0, 2_000.0));
        }
        let from_ms = clock::uptime().as_millis();
        agent.kill()?;
        downs.push(Down { from_ms, gone_ms: clock::uptime().as_millis(), back_ms: u64::MAX });
        between(site);
        thread::sleep(seed::time(random, 0.0, 300.0));
        agent = Agent::launch(site, &[])?;
    }
    watches(&mut agent, &mut downs, &mut waiting)?;
    Ok((agent, downs))
}

/// Waits until it watches, which ends the times that it was away.
fn watches(agent: &mut Agent, downs: &mut [Down], waiting: &mut usize) -> Result<()> {
    agent.wait_ready()?;
    for it in downs.iter_mut().skip(*waiting) {
        it.back_ms = clock::uptime().as_millis();
    }
    *waiting = downs.len();
    Ok(())
}

/// Until Kafka has what the disk had.
fn delivered(agent: &Agent) -> Result<()> {
    wait::until("everything in Kafka", SOON, || {
        Ok((agent.metric("wardline_buffer_records")? == 0.0).then_some(()))
    })
}

#[test]
fn killed_again_and_again_it_tells_the_same_alarms() -> Result<()> {
    let (kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let rounds = length::pick(10, 1000);
    let beds = [&SPELLS[..], &[SEEN, LATCHED]].concat();
    let killed = site("kills", &beds, &kafka, &broker)?;
    let unharmed = site("unharmed", &SPELLS, &kafka, &broker)?;
    let (first, other) = (Agent::start(&killed)?, Agent::start(&unharmed)?);
    let fates = SPELLS.map(|bed| (bed, Fate::Spells));
    let fates = [&fates[..], &[(SEEN, Fate::Low), (LATCHED, Fate::Crisis)]].concat();
    let ward = Ward::start(broker.port(), &fates, seed::value())?;
    told(&kafka, &killed, LATCHED, "on")?;
    ward.end_crisis();
    let latched = told(&kafka, &killed, LATCHED, "latched")?;
    acknowledge(&kafka, &killed, SEEN)?;
    let (agent, downs) = kill(&killed, first, rounds, &mut seed::random("kills"), |_| ())?;
    ward.calm();
    quiet(&killed)?;
    quiet(&unharmed)?;
    let said = ward.stop()?;
    delivered(&agent)?;
    delivered(&other)?;
    let (it, without) = (judged(&kafka, &killed, &said, &downs)?, judged(&kafka, &unharmed, &said, &[])?);
    let lost = left(&kafka, &killed, &latched)?;
    let figure = format!(
        "{} kills, {} beds: {} alarms of {} came and ended to the millisecond as by what the agent heard ({} without kills); {} of those told within 100 ms before a kill were told anew; {} false, doubled, late or never ended; an acknowledged and a latched alarm were kept over all of them",
        downs.len(),
        beds.len(),
        it.right,
        it.expected,
        without.right,
        it.told_anew,
        it.faults.len()
    );
    println!("{figure}; {} in doubt", it.doubtful);
    ensure!(it.faults.is_empty(), "{:#?}\n{downs:?}", it.faults);
    ensure!(without.faults.is_empty() && without.told_anew == 0, "without a kill: {:#?}", without.faults);
    ensure!(it.right + it.doubtful >= without.right && it.right > 5, "{it:?} {without:?}");
    ensure!(lost.is_empty(), "{lost:#?}");
    evidence::show("P6", &figure, "alarm_kills::killed_again_and_again_it_tells_the_same_alarms");
    Ok(())
}

/// Waits until no alarm of a spell is open.
fn quiet(site: &Site) -> Result<()> {
    wait::until("the end of the spells' alarms", SOON, || {
        let mut list = Command::new(program::ours("wardline-agent")?);
        let list = list.args(["alarm", "ls", "--json", "--config"]).arg(site.write()?).output()?;
        let list: Value = serde_json::from_slice(&list.stdout).unwrap_or_default();
        let open = list["open"].as_array().cloned();
        let of_spells = |it: &Value| SPELLS.iter().any(|bed| it["bed"] == *bed && it["code"] == "spo2_low");
        Ok(open.is_some_and(|open| !open.iter().any(of_spells)).then_some(()))
    })
}

/// What was told of the acknowledged and of the latched alarm that a kill must not bring about.
fn left(kafka: &Kafka, site: &Site, latched: &Record) -> Result<Vec<String>> {
    let alarms = alarms(kafka, site)?;
    // The store may send again what was told before.
    let since = |told: &Record| {
        let (bed, up_ms) = (told.text("bed").to_owned(), told.number("up_ms"));
        alarms.iter().filter(move |it| it.text("bed") == bed && it.number("up_ms") > up_ms)
    };
    let is_seen = |it: &&Record| it.text("bed") == SEEN && it.text("signal") == "acknowledged";
    let seen = alarms.iter().find(is_seen).context("nobody has seen it")?;
    ensure!(since(seen).any(|it| it.body["restarted"] == true), "nobody said that it goes on");
    let wrong = [seen, latched].into_iter().flat_map(|told| {
        let differs = |it: &&Record| ["id", "signal"].iter().any(|field| it.text(field) != told.text(field));
        since(told).filter(differs).map(|it| it.body.to_string()).collect::<Vec<_>>()
    });
    Ok(wrong.collect())
}

/// The control: without what was kept, the same kills do harm that is seen.
#[test]
fn without_what_is_kept_kills_are_seen() -> Result<()> {
    let (kafka, broker) = (Kafka::shared()?, Mosquitto::start()?);
    let site = site("forgetful", &SPELLS, kafka, &broker)?;
    let agent = Agent::start(&site)?;
    let ward = Ward::start(broker.port(), &SPELLS.map(|bed| (bed, Fate::Spells)), seed::value())?;
    let (agent, downs) = kill(&site, agent, 8, &mut seed::random("kills that forget"), forget)?;
    ward.calm();
    quiet(&site)?;
    let said = ward.stop()?;
    delivered(&agent)?;
    let findings = judged(kafka, &site, &said, &downs)?;
    println!(
        "{} faults in {} alarms: {:#?}",
        findings.faults.len(),
        findings.expected,
        findings.faults.first()
    );
    ensure!(!findings.faults.is_empty(), "a memory that was lost was not missed: {findings:?}");
    Ok(())
}

/// Takes what the agent keeps of alarms: in the run directory, and in the store.
fn forget(site: &Site) {
    let _ = fs::remove_file(site.run_dir().join("alarms.json"));
    let _ = fs::remove_dir_all(site.state_dir().join("store/alarms"));
}
