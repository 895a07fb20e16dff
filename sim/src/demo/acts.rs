//! The acts: the agent gets ready, the ward plays while Kafka goes and comes, the judge speaks.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::kafka::KafkaStandIn;
use super::stage::Stage;
use super::{BEDS, DemoError};
use crate::clock;
use crate::expect::limits::Limits;
use crate::judge::topics::Place;
use crate::judge::{self, JudgeError, Verdict};
use crate::live::{Live, Memory, Pace, Played};

/// Kafka is away from here, ms of the ward's time…
const AWAY_FROM_MS: u64 = 30_000;
/// …to here.
const AWAY_UNTIL_MS: u64 = 50_000;
/// How long the agent may take to be there and to have opened every line: a slow machine, a cold disk.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// How long what waits may take to be delivered when the ward has ended.
const DELIVERED_WITHIN: Duration = Duration::from_secs(10);

/// Waits until the agent watches and listens on every line.
pub(super) async fn ready(stage: &mut Stage, play: &mut Live) -> Result<(), DemoError> {
    stage.tell("the agent starts").map_err(DemoError::Stage)?;
    let deadline = clock::now() + READY_WITHIN;
    while !(stage.seen.present && stage.seen.agent.is_some() && play.is_listened_to()) {
        if clock::now() > deadline {
            return Err(DemoError::NotReady(stage.seen.last_lines().collect::<Vec<_>>().join("\n")));
        }
        stage.turn().await.map_err(DemoError::Stage)?;
    }
    Ok(())
}

/// The ward plays; meanwhile Kafka goes and comes.
pub(super) async fn perform(
    stage: &mut Stage,
    play: Live,
    kafka: &KafkaStandIn,
    end_ms: Option<u64>,
) -> Result<Played, DemoError> {
    let start = clock::now();
    stage.start = Some(start);
    stage.act = "the ward plays; Kafka will be taken away at 30 s".into();
    stage.tell("the ward begins").map_err(DemoError::Stage)?;
    let mut plays = JoinSet::new();
    // Nobody stops the ward early: it goes with the runtime.
    let (_never, stop) = watch::channel(false);
    plays.spawn(play.run(Pace { start, speed: 1, end_ms }, stop));
    let mut outage = Outage::Ahead;
    loop {
        stage.turn().await.map_err(DemoError::Stage)?;
        outage = outage.turn(stage, kafka)?;
        match plays.try_join_next() {
            Some(Ok(Ok(played))) => return Ok(played),
            Some(_) => return Err(DemoError::Ward),
            None => {}
        }
    }
}

/// How far the loss of Kafka has come.
enum Outage {
    Ahead,
    Away { most_waiting: u64 },
    Back { most_waiting: u64, since: Instant },
    Over,
}

impl Outage {
    fn turn(self, stage: &mut Stage, kafka: &KafkaStandIn) -> Result<Self, DemoError> {
        let (now_ms, waiting) = (stage.now_ms(), stage.seen.waiting());
        let tell = |stage: &mut Stage, words: String| stage.tell(words).map_err(DemoError::Stage);
        Ok(match self {
            Self::Ahead if now_ms >= AWAY_FROM_MS => {
                kafka.take_away().map_err(DemoError::Kafka)?;
                stage.act =
                    "KAFKA IS TAKEN AWAY until 50 s: readings wait on disk, alarms go on at the bedside"
                        .into();
                tell(
                    stage,
                    "KAFKA IS TAKEN AWAY for 20 s: readings wait on disk, alarms go on at the bedside".into(),
                )?;
                Self::Away { most_waiting: waiting }
            }
            Self::Away { most_waiting } if now_ms >= AWAY_UNTIL_MS => {
                kafka.bring_back().map_err(DemoError::Kafka)?;
                stage.act = "Kafka is back: what waited is delivered".into();
                tell(stage, format!("Kafka is back; {waiting} records wait on disk"))?;
                Self::Back { most_waiting: most_waiting.max(waiting), since: clock::now() }
            }
            Self::Away { most_waiting } => Self::Away { most_waiting: most_waiting.max(waiting) },
            // A few are always on their way.
            Self::Back { most_waiting, since } if waiting <= 2 * BEDS => {
                stage.act = "the ward plays to its end; then the judge compares".into();
                let took = since.elapsed().as_millis();
                tell(
                    stage,
                    format!("delivered: at most {most_waiting} records had waited; it took {took} ms"),
                )?;
                Self::Over
            }
            it => it,
        })
    }
}

/// Waits until Kafka has everything, and judges.
pub(super) async fn verdict(stage: &mut Stage, played: Played, place: Place) -> Result<Verdict, DemoError> {
    stage.act = "the ward has ended; the judge compares what was said with what is in Kafka".into();
    let alarm = stage.seen.first_alarm_ms.map_or_else(String::new, |it| {
        format!("; its first alarm was made known after {}.{} s", it / 1000, it / 100 % 10)
    });
    stage.tell(format!("the ward has ended{alarm}")).map_err(DemoError::Stage)?;
    let deadline = clock::now() + DELIVERED_WITHIN;
    // The next answer may be older than the last reading.
    let enough = stage.seen.answers + 2;
    while (stage.seen.waiting() > 0 || stage.seen.answers < enough) && clock::now() < deadline {
        stage.turn().await.map_err(DemoError::Stage)?;
    }
    stage.tell("the judge compares what was said with what is in Kafka").map_err(DemoError::Stage)?;
    let limits = Limits::load(None, "adult").map_err(|it| DemoError::Judge(JudgeError::Limits(it)))?;
    let mut judges = JoinSet::new();
    let said = match &played.memory {
        Memory::Said(said) => said.clone(),
        Memory::Nothing | Memory::File(_) => Vec::new(),
    };
    judges.spawn_blocking(move || judge::judge(&said, &place, &limits));
    loop {
        stage.turn().await.map_err(DemoError::Stage)?;
        match judges.try_join_next() {
            Some(Ok(verdict)) => return verdict.map_err(DemoError::Judge),
            Some(Err(_)) => return Err(DemoError::Ward),
            None => {}
        }
    }
}
