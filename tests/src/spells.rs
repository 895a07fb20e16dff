//! Patients whose SpO₂ falls for a spell and recovers, by chance, and what is told of them four times a second: what an
//! agent that is killed again and again can be judged by.

pub mod judge;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use wardline_agent::clock;
use wardline_sim::random::Random;

use crate::publisher::Caller;

/// How often each bed says something.
const EVERY: Duration = Duration::from_millis(250);
/// A spell, and the time between two, ms: longer than a delay and twice the time that a killed agent is away on a busy machine.
const SPELL_MS: (f64, f64) = (11_000.0, 16_000.0);

/// How a patient fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Low for a spell, well for a spell.
    Spells,
    /// Low all the time.
    Low,
    /// Far too low, until the ward is told that it is over.
    Crisis,
}

/// One message of a bed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Its number.
    pub seq: u64,
    /// Whether the value is below the limit.
    pub low: bool,
    /// When it was given to the broker, on the boot-time clock, ms.
    pub at_ms: u64,
}

/// A ward that speaks until it is stopped.
#[derive(Debug)]
pub struct Ward {
    stage: Arc<AtomicU8>,
    thread: JoinHandle<Result<BTreeMap<String, Vec<Told>>>>,
}

/// Everybody as their fate is.
const FATES: u8 = 0;
/// Who was in a crisis is well.
const CRISIS_OVER: u8 = 1;
/// So is who has spells.
const CALM: u8 = 2;
const STOP: u8 = 3;

impl Ward {
    /// Begins to speak on `ward/BED` of the broker at `port`.
    pub fn start(port: u16, beds: &[(&str, Fate)], seed: u64) -> Result<Self> {
        let stage = Arc::new(AtomicU8::new(FATES));
        let caller = Caller::connect(port)?;
        let beds = (0..).zip(beds);
        let beds: Vec<Bed> = beds.map(|(stream, (id, fate))| Bed::new(id, *fate, seed, stream)).collect();
        let told = Arc::clone(&stage);
        Ok(Self { stage, thread: thread::spawn(move || speak(&caller, beds, &told)) })
    }

    /// Who was in a crisis is well from now on.
    pub fn end_crisis(&self) {
        self.stage.store(CRISIS_OVER, Ordering::Relaxed);
    }

    /// Nobody has spells any more.
    pub fn calm(&self) {
        self.stage.store(CALM, Ordering::Relaxed);
    }

    /// Falls silent; what it said of each bed.
    pub fn stop(self) -> Result<BTreeMap<String, Vec<Told>>> {
        self.stage.store(STOP, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the ward panicked"))?
    }
}

struct Bed {
    id: String,
    fate: Fate,
    random: Random,
    low: bool,
    until: Duration,
    told: Vec<Told>,
}

impl Bed {
    fn new(id: &str, fate: Fate, seed: u64, stream: u64) -> Self {
        let random = Random::new(seed, stream);
        Self {
            id: id.to_owned(),
            fate,
            random,
            low: stream % 2 == 0,
            until: Duration::ZERO,
            told: Vec::new(),
        }
    }

    /// What it says after so long.
    fn spo2(&mut self, after: Duration, stage: u8) -> u8 {
        if after >= self.until {
            let spell = self.random.between(SPELL_MS.0, SPELL_MS.1);
            self.until = after + Duration::from_secs_f64(spell / 1000.0);
            self.low = !self.low;
        }
        match self.fate {
            Fate::Low => 82,
            Fate::Crisis if stage == FATES => 75,
            Fate::Spells if stage < CALM && self.low => 82,
            Fate::Crisis | Fate::Spells => 97,
        }
    }
}

fn speak(caller: &Caller, mut beds: Vec<Bed>, stage: &AtomicU8) -> Result<BTreeMap<String, Vec<Told>>> {
    let begin = Instant::now();
    for seq in 1_u32.. {
        let stage = stage.load(Ordering::Relaxed);
        if stage == STOP {
            break;
        }
        let after = EVERY * seq;
        for bed in &mut beds {
            let spo2 = bed.spo2(after, stage);
            let (seq, low, now) = (u64::from(seq), spo2 < 90, clock::timestamp());
            bed.told.push(Told { seq, low, at_ms: clock::uptime().as_millis() });
            let payload = format!(r#"{{"time":"{now}","seq":{seq},"spo2":{spo2}}}"#);
            caller.publish(&format!("ward/{}", bed.id), payload)?;
        }
        thread::sleep((begin + after).saturating_duration_since(Instant::now()));
    }
    Ok(beds.into_iter().map(|it| (it.id, it.told)).collect())
}
