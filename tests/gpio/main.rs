//! A lamp, a buzzer and a heartbeat on a real kernel's GPIO chip, seen from outside the machine: `tests/long gpio::`.
//!
//! The agent runs under a Linux kernel of its own (see `wardline_tests::guest`); brokers, patient and operator are out here.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test that panics is a test that fails; real faults meet the real clock and environment"
)]

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use wardline_tests::guest::{CHIP, Edge, Guest};
use wardline_tests::kafka::Kafka;
use wardline_tests::listener::Listener;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::{Reader, Record};
use wardline_tests::site::Site;
use wardline_tests::wait;

/// An emulated machine takes its time.
const SOON: Duration = Duration::from_secs(120);
const BED: &str = "gpio-1";
const ACTIONS: &str = "board/actions";

// The lines of the chip.
const HIGH: u32 = 0;
const MEDIUM: u32 = 1;
const LOW: u32 = 2;
const BUZZER: u32 = 3;
const HEARTBEAT: u32 = 4;

struct Scene {
    kafka: &'static Kafka,
    broker: Mosquitto,
    site: Site,
    guest: Guest,
}

impl Scene {
    fn new() -> Result<Self> {
        let (kafka, broker) = (Kafka::shared()?, Mosquitto::start()?);
        let gpio = format!(
            "[[annunciator]]\nkind = \"gpio\"\nchip = \"{CHIP}\"\nlamp_high = {HIGH}\nlamp_medium = {MEDIUM}\nlamp_low = {LOW}\n\
             buzzer = {BUZZER}\nheartbeat = {HEARTBEAT}\n\
             [actions]\nfrom_kafka = false\nfrom_local_mqtt = [\"acknowledge\"]\nmqtt = \"ward\"\ntopic = \"{ACTIONS}\"\n\
             [buffer]\nsize = \"64MiB\"\n"
        );
        let site = Site::new("gpio")?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds([BED]).ward();
        let site = site.mqtt_annunciator().alarms_at_once().high_alarms().toml(&gpio);
        let kafka_port = kafka.bootstrap().rsplit(':').next().and_then(|it| it.parse().ok());
        let guest = Guest::boot(&site, &[broker.port(), kafka_port.context("no port")?])?;
        Ok(Self { kafka, broker, site, guest })
    }

    /// What the lines do in a time.
    fn look(&self, time: Duration) -> Vec<Edge> {
        let _ = self.guest.edges();
        thread::sleep(time);
        self.guest.edges()
    }

    /// What the lines do in a time, once they do as wanted; the console, if they never do.
    fn lines(&self, what: &str, time: Duration, are: impl Fn(&[Edge]) -> bool) -> Result<Vec<Edge>> {
        let seen = wait::until(what, SOON, || Ok(Some(self.look(time)).filter(|it| are(it))));
        seen.with_context(|| {
            format!("levels {:#x}; {}", self.guest.levels().unwrap_or(0), self.guest.console())
        })
    }

    fn alarm(&self, code: &str, phase: &str) -> Result<Record> {
        let alarms = Reader::open(self.kafka, "vitals.alarms.v1")?;
        let is = |it: &Record| of(it, &self.site) && it.text("code") == code && it.text("phase") == phase;
        alarms.wait_for(&format!("{phase} of {code}"), SOON, is).with_context(|| self.guest.console())
    }
}

/// Whether a record is of the site's agent.
fn of(record: &Record, site: &Site) -> bool {
    record.text("agent") == site.agent()
}

fn rises(edges: &[Edge], line: u32) -> usize {
    edges.iter().filter(|it| it.line == line && it.high).count()
}

/// Of the periods from one rise to the next: the shortest and longest, and the share of the time that the line was high, percent.
fn rhythm(edges: &[Edge], line: u32) -> Option<(Duration, Duration, u128)> {
    let edges: Vec<_> = edges.iter().filter(|it| it.line == line).skip_while(|it| !it.high).collect();
    let last = edges.iter().rposition(|it| it.high)?;
    let mut periods = Vec::new();
    let mut high = Duration::ZERO;
    for pair in edges[..=last].chunks_exact(2) {
        high += pair[1].at - pair[0].at;
    }
    let rises: Vec<_> = edges[..=last].iter().step_by(2).collect();
    periods.extend(rises.windows(2).map(|it| it[1].at - it[0].at));
    let whole = edges[last].at - edges[0].at;
    let share = high.as_millis() * 100 / whole.as_millis().max(1);
    Some((*periods.iter().min()?, *periods.iter().max()?, share))
}

#[test]
fn a_lamp_flashes_as_its_alarm_wants_on_a_real_kernels_lines() -> Result<()> {
    let mut scene = Scene::new()?;
    ensure!(scene.guest.levels()? == 0, "nobody has the lines yet");
    // Somebody else has one of the lines, and lets go.
    let taken = |what: &str| {
        format!("echo $(($(cat /sys/class/gpio/gpiochip*/base) + {BUZZER})) > /sys/class/gpio/{what}")
    };
    scene.guest.order(&taken("export"))?;
    scene.guest.order("agent")?;
    scene
        .guest
        .wait_for(&format!("line {BUZZER} of {CHIP} is in use by \"sysfs\": free it, or take another"))?;
    scene.guest.order(&taken("unexport"))?;

    // The heartbeat says that the bedside loop turns, and nothing else is on.
    let beats = |it: &[Edge]| rises(it, HEARTBEAT) >= 2 && it.iter().all(|it| it.line == HEARTBEAT);
    scene.lines("the heartbeat alone", Duration::from_secs(3), beats)?;

    // High: red flashes within the standard's bounds, and the buzzer is heard.
    let mut seq = 0;
    let lit = |it: &[Edge]| rises(it, HIGH) >= 5;
    let flashing = wait::until("the red lamp", SOON, || {
        seq += 1;
        publish_one(scene.broker.port(), &format!("ward/{BED}"), Patient::Desaturated.payload(seq), false)?;
        Ok(Some(scene.look(Duration::from_secs(4))).filter(|it| lit(it)))
    });
    let flashing = flashing.with_context(|| scene.guest.console())?;
    let (shortest, longest, share) = rhythm(&flashing, HIGH).context("no rhythm")?;
    let (fast, slow) =
        (Duration::from_micros(1_000_000 * 10 / 28), Duration::from_micros(1_000_000 * 10 / 14));
    ensure!(
        shortest >= fast && longest <= slow && (20..=60).contains(&share),
        "{shortest:?} to {longest:?}, {share} %"
    );
    ensure!(rises(&flashing, MEDIUM) + rises(&flashing, LOW) == 0, "one lamp for each priority");
    // A burst of ten pulses every eight seconds.
    let pulses = rises(&scene.look(Duration::from_secs(9)), BUZZER);
    ensure!((7..=16).contains(&pulses), "{pulses} pulses in 9 s");

    // Acknowledged: no sound, and the light stays.
    let start = scene.alarm("spo2_low", "start")?;
    acknowledge(&scene, &start)?;
    let after = scene.lines("the buzzer's silence", Duration::from_secs(9), |it| rises(it, BUZZER) == 0)?;
    ensure!(rises(&after, HIGH) >= 12, "the light went with the sound: {}", rises(&after, HIGH));

    // The chip is pulled: an alarm of the agent, told by the other ways, and over when it is back.
    scene.guest.pull()?;
    let failed = scene.alarm("annunciator_failed", "start")?;
    assert_eq!((failed.text("priority"), failed.text("cause")), ("medium", "2 gpio AMDF030:00"));
    scene.guest.plug()?;
    scene.alarm("annunciator_failed", "end")?;
    scene.lines("the red lamp again", Duration::from_secs(4), lit)?;

    // Stopped, it leaves everything off.
    scene.guest.order("kill -TERM $(cat /pid); wait $(cat /pid); echo guest: ended $?")?;
    scene.guest.wait_for("guest: ended 0")?;
    ensure!(scene.guest.levels()? == 0, "{:#x} is left on", scene.guest.levels()?);
    let figure = format!(
        "a kernel's GPIO chip under QEMU, high alarm: lamp {:.2} to {:.2} Hz, {share} % of the time on",
        1.0 / longest.as_secs_f64(),
        1.0 / shortest.as_secs_f64()
    );
    println!("{figure}; {pulses} pulses of the buzzer in 9 s");
    println!("evidence: P7 | {figure} | – | tests/long gpio::");
    Ok(())
}

/// Acknowledges from a board at the bedside.
fn acknowledge(scene: &Scene, alarm: &Record) -> Result<()> {
    let beds = Reader::open(scene.kafka, "vitals.beds.v1")?;
    let lists = |it: &Record| {
        let alarms = it.body["alarms"].as_array().map_or(&[][..], Vec::as_slice);
        of(it, &scene.site) && alarms.iter().any(|it| it["id"] == alarm.text("id"))
    };
    beds.wait_for("the bed with its alarm", SOON, lists)?;
    let answers = Listener::start(scene.broker.port(), &format!("{ACTIONS}/replies"))?;
    let answer = wait::until("the acknowledgement", SOON, || {
        // As old as the newest state that can be read.
        let newest = Reader::open(scene.kafka, "vitals.beds.v1")?.rest(Duration::from_millis(500))?;
        let newest = newest.iter().rfind(|it| lists(it)).context("no state of the bed")?;
        let asked = json!({"type": "action", "schema": "vitals.actions.v1", "id": format!("ack-{:?}", newest.number("up_ms")),
            "bed": BED, "action": "acknowledge", "alarm": alarm.text("id"), "seen_priority": "high", "seen_run": newest.text("run"),
            "seen_up_ms": newest.number("up_ms"), "actor": "a-board", "role": "nurse"});
        publish_one(scene.broker.port(), ACTIONS, asked.to_string(), false)?;
        let heard = answers.wait_for("an answer", Duration::from_secs(10), |_| true)?;
        let answer: Value = serde_json::from_str(&heard.payload)?;
        Ok((answer["outcome"] == "accepted").then_some(answer))
    });
    let answer = answer.with_context(|| scene.guest.console())?;
    ensure!(answer["durable"] == true, "{answer}");
    Ok(())
}
