//! F14, F15: ways that are half open, slower than anybody can wait for, late, or that break in the midst of a frame: to
//! Kafka, to an MQTT broker, and from whoever asks the agent over HTTP. Nothing is lost, doubled or out of order once the
//! way is right again; alarms reach the bedside in time meanwhile.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::listener::{Heard, Listener};
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::proxy::Proxy;
use wardline_tests::publisher::{Load, Publisher, publish_one};
use wardline_tests::reader::Reader;
use wardline_tests::site::Site;
use wardline_tests::tally::{Tally, Verdict};
use wardline_tests::{port, wait};

const SOON: Duration = Duration::from_secs(60);
/// P8, and as much again for a machine that is busy with other tests.
const AT_THE_BEDSIDE: Duration = Duration::from_secs(1);
/// How long each fault lasts: longer than the agent waits for an answer.
const LASTS: Duration = Duration::from_secs(6);
/// A request that is not answered for so long is given up with its connection.
const ANSWER: &str = "answer_timeout = \"3s\"";
/// 64 kbit/s.
const SLOW_LINE: u32 = 8_000;
const RATE: u32 = 100;

/// What happens to a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// A byte a second, each way.
    Trickle,
    /// 64 kbit/s.
    SlowLine,
    /// Two seconds there and back.
    Late,
    /// The other end has lost the connection and says nothing of it.
    HalfOpen,
    /// Reset in the midst of a frame, again and again.
    Resets,
}

const FAULTS: [Fault; 5] = [Fault::Trickle, Fault::SlowLine, Fault::Late, Fault::HalfOpen, Fault::Resets];

impl Fault {
    /// Lets it happen while `look` looks on, and ends it.
    fn over(self, way: &Proxy, look: impl FnOnce() -> Result<()>) -> Result<()> {
        let begin = Instant::now();
        match self {
            Self::Trickle => way.slow(Some(1)),
            Self::SlowLine => way.slow(Some(SLOW_LINE)),
            Self::Late => way.delay(Duration::from_secs(1)),
            Self::HalfOpen => way.half_open(),
            Self::Resets => way.reset_after(40),
        }
        look()?;
        // Neither of them a multiple of a frame of anybody's.
        let mut bytes = [41, 173, 997, 2_503].into_iter();
        wait::until_true("the fault to have lasted", SOON, || {
            if self == Self::Resets && way.has_reset() {
                if let Some(bytes) = bytes.next() {
                    way.reset_after(bytes);
                    return false;
                }
            }
            begin.elapsed() >= LASTS && (self != Self::Resets || way.has_reset())
        })?;
        way.slow(None);
        way.delay(Duration::ZERO);
        way.tell();
        Ok(())
    }
}

/// An agent with one broker of readings and one for everything at the bedside, which no fault reaches.
struct Ward {
    bedside: Mosquitto,
    lamp: Listener,
    site: Site,
    agent: Agent,
    seq: u64,
}

impl Ward {
    /// `readings` is where the agent finds the broker of readings.
    fn start(name: &str, kafka: &str, readings: u16) -> Result<Self> {
        let bedside = Mosquitto::start()?;
        let site = Site::new(name)?.alarms_at_once().beds(["slow-1", "slow-2", "slow-3"]);
        let site = site.kafka_toml(&format!("brokers = [\"{kafka}\"]\nsecurity = \"plaintext\"\n{ANSWER}"));
        let site = site.mqtt(readings).ward().toml(&format!(
            "[mqtt.bedside]\nurl = \"mqtt://127.0.0.1:{}\"\n\
             [[source]]\nid = \"monitor\"\nbed = \"slow-3\"\nmqtt = \"bedside\"\ntopic = \"monitor\"\nformat = \"wardline\"\nperiod = \"60s\"\n\
             [[annunciator]]\nkind = \"mqtt\"\nmqtt = \"bedside\"\ntopic = \"alarms/{{bed}}\"\n",
            bedside.port()
        ));
        let lamp = Listener::start(bedside.port(), "alarms/slow-3")?;
        let agent = Agent::start(&site)?;
        let mut ward = Self { bedside, lamp, site, agent, seq: 0 };
        wait::until("the subscription", SOON, || {
            ward.say(Patient::Stable)?;
            Ok((ward.agent.metric("wardline_readings")? > 0.0).then_some(()))
        })?;
        Ok(ward)
    }

    fn say(&mut self, patient: Patient) -> Result<()> {
        self.seq += 1;
        publish_one(self.bedside.port(), "monitor", patient.payload(self.seq), false)
    }

    /// An alarm comes and goes at the lamp, each in its time.
    fn alarm(&mut self) -> Result<()> {
        for (patient, is_on) in [(Patient::Desaturated, true), (Patient::Stable, false)] {
            let begin = Instant::now();
            self.say(patient)?;
            let heard = self.lamp.wait_for("the lamp to change", SOON, |it| is_low(it) == is_on);
            let took = heard.with_context(|| self.agent.log())?.at - begin;
            ensure!(took < AT_THE_BEDSIDE, "at the bedside after {took:?}:\n{}", self.agent.log());
        }
        Ok(())
    }

    fn delivers(&self) -> Result<Duration> {
        let (begin, delivered) = (Instant::now(), || self.agent.metric("wardline_readings_delivered"));
        let before = delivered()?;
        let more = || Ok((delivered()? > before).then_some(()));
        wait::until("readings to reach Kafka again", SOON, more).with_context(|| self.agent.log())?;
        Ok(begin.elapsed())
    }

    /// Goes through all faults of a way while a load is published, and counts at the end what came.
    fn endure(mut self, way: &Proxy, broker: u16, kafka: &Kafka) -> Result<()> {
        let beds = vec!["slow-1".to_owned(), "slow-2".to_owned()];
        let mut load =
            Load { beds, count: 1 << 20, rate: Some(RATE), first_seq: 1, patient: Patient::Stable };
        let publisher = Publisher::start(broker, load.clone());
        self.delivers()?;
        for fault in FAULTS {
            fault.over(way, || self.alarm()).with_context(|| format!("{fault:?}"))?;
            let took = self.delivers().with_context(|| format!("after {fault:?}"))?;
            eprintln!("{fault:?}: readings go on {took:?} after its end");
        }
        load.count = publisher.stop()?;
        let readings = Reader::open(kafka, "vitals.readings.v1")?;
        let mut tally = Tally::default();
        let verdict = tally.read(&readings, &load, SOON)?;
        println!(
            "{}: {} readings: {verdict}, {} marked as sent again",
            self.site.agent(),
            load.count,
            tally.marked()
        );
        let Verdict { missing, doubled_records, doubled_messages, disordered, .. } = verdict;
        ensure!(missing + doubled_records + doubled_messages + disordered == 0, "{}", self.agent.log());
        self.agent.stop(SOON).map(drop)
    }
}

fn is_low(heard: &Heard) -> bool {
    let message: Value = serde_json::from_str(&heard.payload).unwrap_or_default();
    message["alarms"].as_array().is_some_and(|it| it.iter().any(|it| it["code"] == "spo2_low"))
}

#[test]
fn a_bad_way_to_kafka_costs_nothing_and_holds_up_no_alarm() -> Result<()> {
    let (behind, broker) = (port::free()?, Mosquitto::start()?);
    let way = Proxy::start(behind)?;
    let kafka = Kafka::start_behind(behind, way.port())?;
    let ward = Ward::start("slow-kafka", &format!("127.0.0.1:{}", way.port()), broker.port())?;
    ward.endure(&way, broker.port(), &kafka)
}

#[test]
fn a_bad_way_from_a_broker_costs_nothing_and_holds_up_no_other_broker() -> Result<()> {
    let (kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let way = Proxy::start(broker.port())?;
    let ward = Ward::start("slow-mqtt", &kafka.bootstrap(), way.port())?;
    ward.endure(&way, broker.port(), &kafka)
}

/// Connections that ask a byte a second or nothing, many more than the agent takes.
#[test]
fn who_asks_a_byte_a_second_or_never_ends_holds_nothing() -> Result<()> {
    const MANY: usize = 300;
    /// What the agent may have open besides: its bound, and what it opens of its own meanwhile.
    const FEW: usize = 50;
    // Its brokers are not there: nothing else opens and closes files.
    let site = Site::new("slow-http")?.mqtt(port::free()?).beds(["slow-4"]).ward();
    let agent = Agent::start(&site)?;
    let before = agent.usage()?.open_files;
    let ask = |words: &[u8]| -> Result<TcpStream> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, site.http()))?;
        stream.write_all(words)?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    };
    let crowd: Vec<_> = (0..MANY).map(|_| ask(b"GET /met")).collect::<Result<_>>()?;
    ensure!(agent.ask("/livez")?.0 == 200, "nobody else is answered");
    wait::until("the crowd to be few", SOON, || {
        Ok((agent.usage()?.open_files <= before + FEW).then_some(()))
    })?;
    drop(crowd);
    // One that always seems to go on.
    let (begin, mut drip) = (Instant::now(), ask(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ")?);
    let mut sent = 0;
    wait::until("the agent to hang up", SOON, || {
        if begin.elapsed().as_secs() > sent {
            sent += 1;
            if drip.write_all(b"x").is_err() {
                return Ok(Some(()));
            }
        }
        match drip.read(&mut [0; 512]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            // The end, or an answer that it waits no longer.
            Ok(_) | Err(_) => Ok(Some(())),
        }
    })?;
    let took = begin.elapsed();
    eprintln!("a byte a second: given up after {took:?}");
    ensure!(took < Duration::from_secs(12), "given up after {took:?}");
    ensure!(agent.ask("/livez")?.0 == 200, "nobody is answered afterwards");
    agent.stop(SOON).map(drop)
}
