//! What goes wrong, and how it is done.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use wardline_sim::random::Random;
use wardline_tests::agent::Agent;
use wardline_tests::disk::Disk;
use wardline_tests::end_txn::Stage;
use wardline_tests::publisher::IN_FLIGHT;
use wardline_tests::reader::Reader;
use wardline_tests::{length, seed, wait};

use super::ward::{READINGS, SOON, Ward};

/// An orderly end, whatever else is going on (F37).
const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// So many syncs of a thread pass before one is slow or fails.
const SYNCS: std::ops::Range<u64> = 3..20;

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// The agent dies.
    AgentKilled,
    /// The agent stands still: longer than a commit, shorter than a transaction.
    AgentFrozen(Duration),
    /// The agent is told to stop, again and again.
    AgentStopped,
    /// Kafka is away until much waits; the agent dies so long after the first of it lies in Kafka again.
    AgentKilledWhileDraining(Duration),
    /// Kafka dies, is away, and comes back.
    KafkaKilled(Duration),
    /// Kafka stands still with every connection open: a commit becomes slow, or ends in doubt.
    KafkaFrozen(Duration),
    /// All that goes to Kafka and back is late.
    KafkaLate { by: Duration, time: Duration },
    /// The connections to Kafka break.
    KafkaCut,
    /// Nothing goes to Kafka or back, and nobody is told.
    KafkaBlackHole(Duration),
    /// The end of a transaction is held back until the next one has begun (F17).
    EndTxnHeld(Meanwhile),
    /// mosquitto dies, is away, and comes back with what it had saved.
    BrokerKilled(Duration),
    /// mosquitto stands still.
    BrokerFrozen(Duration),
    /// The connection to mosquitto breaks.
    BrokerCut,
    /// Others fill the disk, and make room again.
    DiskFull(Duration),
    /// A sync fails (F4): the so many-th of its thread.
    SyncFails(u64),
    /// A sync takes five seconds (F7), and the agent dies after it.
    SyncSlow(u64),
}

/// What happens while an `EndTxn` is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meanwhile {
    /// The agent waits for the answer.
    Nothing,
    /// Its connections break, so that it may ask again on others at once.
    Cut,
    /// It dies.
    AgentKilled,
}

impl Fault {
    /// Each kind once, in random order.
    pub(super) fn deck(random: &mut Random) -> Vec<Self> {
        let syncs = |random: &mut Random| SYNCS.start + random.below(SYNCS.end - SYNCS.start);
        // Beyond the five seconds after which a commit is in doubt, and the ten of a transaction.
        let long = length::pick(6_500.0, 13_000.0);
        let mut deck = vec![
            Self::AgentKilled,
            Self::AgentFrozen(seed::time(random, 200.0, 4000.0)),
            Self::AgentStopped,
            Self::AgentKilledWhileDraining(seed::time(random, 0.0, 300.0)),
            Self::KafkaKilled(seed::time(random, 0.0, 3000.0)),
            Self::KafkaFrozen(seed::time(random, 500.0, long)),
            Self::KafkaLate { by: seed::time(random, 20.0, 400.0), time: seed::time(random, 2000.0, 6000.0) },
            Self::KafkaCut,
            Self::KafkaBlackHole(seed::time(random, 1000.0, long)),
            Self::EndTxnHeld(Meanwhile::Nothing),
            Self::EndTxnHeld(Meanwhile::Cut),
            Self::EndTxnHeld(Meanwhile::AgentKilled),
            Self::BrokerKilled(seed::time(random, 0.0, 3000.0)),
            Self::BrokerFrozen(seed::time(random, 500.0, 6000.0)),
            Self::BrokerCut,
            Self::DiskFull(seed::time(random, 1000.0, long)),
            Self::SyncFails(syncs(random)),
            Self::SyncSlow(syncs(random)),
        ];
        for last in (1..deck.len()).rev() {
            deck.swap(last, usize::try_from(random.below(last as u64 + 1)).unwrap_or(0));
        }
        deck
    }
}

impl Ward {
    /// Lets a fault happen, to its end.
    pub(super) fn suffer(&mut self, fault: Fault, random: &mut Random) -> Result<()> {
        match fault {
            Fault::AgentKilled => self.kill_agent(|_| Ok(())),
            Fault::AgentFrozen(time) => {
                self.agent()?.signal(Signal::STOP)?;
                thread::sleep(time);
                self.agent()?.signal(Signal::CONT)
            }
            Fault::AgentStopped => self.stop_agent(random),
            Fault::AgentKilledWhileDraining(after) => self.kill_agent_while_draining(after),
            Fault::KafkaKilled(away) => {
                self.kafka.kill();
                thread::sleep(away);
                self.kafka.restart()
            }
            Fault::KafkaFrozen(time) => {
                self.kafka.freeze()?;
                thread::sleep(time);
                self.kafka.thaw()
            }
            Fault::KafkaLate { by, time } => {
                self.to_kafka.delay(by);
                thread::sleep(time);
                self.to_kafka.delay(Duration::ZERO);
                Ok(())
            }
            Fault::KafkaCut => {
                self.to_kafka.cut();
                Ok(())
            }
            Fault::KafkaBlackHole(time) => {
                self.to_kafka.stall(true);
                thread::sleep(time);
                self.to_kafka.stall(false);
                Ok(())
            }
            Fault::EndTxnHeld(meanwhile) => self.hold_end_txn(meanwhile),
            Fault::BrokerKilled(away) => self.kill_broker(away, random),
            Fault::BrokerFrozen(time) => {
                self.broker.freeze()?;
                thread::sleep(time);
                self.broker.thaw()
            }
            Fault::BrokerCut => {
                self.to_broker.cut();
                Ok(())
            }
            Fault::DiskFull(time) => self.fill_disk(time),
            Fault::SyncFails(when) => self.fail_sync(when),
            Fault::SyncSlow(when) => self.slow_sync(when),
        }
    }

    fn stop_agent(&mut self, random: &mut Random) -> Result<()> {
        let begin = Instant::now();
        let mut agent = self.take_agent()?;
        for _ in 0..3 {
            // It may have ended already.
            let _ = agent.signal(Signal::TERM);
            thread::sleep(seed::time(random, 0.0, 200.0));
        }
        let status = agent.wait(ENDS_WITHIN * 2)?;
        let took = begin.elapsed();
        ensure!(
            status.success() && took < ENDS_WITHIN,
            "it ended with {status} after {took:?}:\n{}",
            agent.log()
        );
        self.start_agent()
    }

    fn kill_agent_while_draining(&mut self, after: Duration) -> Result<()> {
        self.kafka.kill();
        thread::sleep(Duration::from_secs(3));
        self.kafka.restart()?;
        let seen = Reader::open_uncommitted_at_end(&self.kafka, READINGS)?;
        seen.wait_for("the drain", SOON, |_| true)?;
        thread::sleep(after);
        self.kill_agent(|_| Ok(()))
    }

    /// Holds back the next end of a transaction until another has begun, and lets it go in the midst of that.
    fn hold_end_txn(&mut self, meanwhile: Meanwhile) -> Result<()> {
        self.end_txn.arm();
        self.end_txn.wait_for(Stage::Holding, SOON)?;
        match meanwhile {
            Meanwhile::Nothing => {}
            Meanwhile::Cut => self.to_kafka.cut_clients(),
            Meanwhile::AgentKilled => self.kill_agent(|_| Ok(()))?,
        }
        let begun = self.end_txn.wait_for(Stage::NextBegun, SOON);
        self.end_txn.release();
        begun
    }

    fn kill_broker(&mut self, away: Duration, random: &mut Random) -> Result<()> {
        let safe = self.taken_by_broker();
        self.broker.wait_saved()?;
        thread::sleep(seed::time(random, 0.0, 1000.0));
        self.broker.kill();
        // Acknowledgements that were on their way to the publisher may still arrive.
        self.excused.push(safe..self.taken_by_broker() + u64::from(IN_FLIGHT));
        thread::sleep(away);
        self.broker.restart()
    }

    fn fill_disk(&mut self, time: Duration) -> Result<()> {
        self.forget_failures()?;
        self.disk_faults += 1;
        self.disk.fill(0)?;
        let until = Instant::now() + time;
        wait::until("the end of the full disk", time + SOON, || {
            self.tend()?;
            Ok((Instant::now() >= until).then_some(()))
        })?;
        Disk::clear(&self.disk)?;
        self.wait_for_store()
    }

    fn fail_sync(&mut self, when: u64) -> Result<()> {
        self.forget_failures()?;
        self.disk_faults += 1;
        let injected = format!("inject=fdatasync:error=EIO:when={when}");
        self.kill_agent(|ward| ward.start_under_strace(&injected).map(drop))?;
        let status = self.agent()?.wait(SOON).context("the agent whose sync has failed must end")?;
        ensure!(!status.success(), "it ended with {status}");
        self.start_agent()?;
        self.wait_for_store()
    }

    fn slow_sync(&mut self, when: u64) -> Result<()> {
        let injected = format!("inject=fdatasync:delay_enter=5000000:when={when}");
        let mut seen = std::path::PathBuf::new();
        self.kill_agent(|ward| {
            seen = ward.start_under_strace(&injected)?;
            Ok(())
        })?;
        wait::until("a slow sync", SOON, || {
            let said = std::fs::read_to_string(&seen).unwrap_or_default();
            Ok(said.contains("DELAYED").then_some(()))
        })?;
        self.kill_agent(|_| Ok(()))
    }

    /// Kills the agent, lets `then` start another in its own way, and starts one if it did not.
    pub(super) fn kill_agent(&mut self, then: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        Agent::kill(self.take_agent()?)?;
        self.wait_until_gone()?;
        then(self)?;
        if self.agent().is_err() { self.start_agent() } else { Ok(()) }
    }
}
