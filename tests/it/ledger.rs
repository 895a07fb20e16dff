//! P1, P2, P3, P5: the ledger. Whatever dies, stalls, lies or fills up between a publisher and Kafka, a reader of what
//! is committed sees each reading once and in order, and the agent's own account balances.
//!
//! ```text
//! publisher ─► mosquitto ─► tap ─► agent ─► proxy ─► Kafka ─► reader ─► oracle
//!                            │   on a disk of its own                     ▲
//!                            └── what it was given and acknowledged ──────┘
//! ```
//!
//! The truth is not what the publisher said: a killed mosquitto loses what it has acknowledged and not saved. It is what
//! passed the tap ([`wardline_tests::oracle`] has the rules), and what mosquitto lost or gave twice is counted apart.

mod fault;
mod ward;

use anyhow::{Result, ensure};
use wardline_tests::{evidence, length, seed};

use self::fault::{Fault, Meanwhile};
use self::ward::Ward;

/// Decks of faults, each kind once in each: more than two hundred in `tests/long`.
const DECKS: (usize, usize) = (1, 12);

/// F1, F4, F5, F7, F11, F12, F13, F17, F20, F21, F37.
#[test]
fn every_reading_is_in_kafka_once_and_in_order_whatever_happens() -> Result<()> {
    let mut random = seed::random("ledger");
    let decks = length::pick(DECKS.0, DECKS.1);
    let faults: Vec<_> = (0..decks).flat_map(|_| Fault::deck(&mut random)).collect();
    let mut ward = Ward::start("ledger", "exactly-once")?;
    let end = ward.live_through(&faults, &mut random)?;
    let it = end.judgement;
    ensure!(it.is_right(), "{it}; the agent's log:\n{}", end.log);
    ensure!(end.conservation_error == 0.0, "{} records are nowhere:\n{}", end.conservation_error, end.log);
    ensure!(end.proof.contains(&format!("{}: complete: ", ward.site.agent())), "{}", end.proof);
    let figure = format!("{} faults: {it}; conservation error 0", faults.len());
    evidence::show(
        "P1 P2 P3 P5",
        &figure,
        "ledger::every_reading_is_in_kafka_once_and_in_order_whatever_happens",
    );
    Ok(())
}

/// The control with the cursor outside the transaction: some record comes twice, and both oracle and station see it.
#[test]
fn without_transactions_records_come_twice() -> Result<()> {
    let mut random = seed::random("ledger without transactions");
    let mut ward = Ward::start("untransacted", "at-least-once")?;
    let faults: Vec<_> =
        (0..4).map(|_| Fault::AgentKilledWhileDraining(seed::time(&mut random, 0.0, 30.0))).collect();
    let end = ward.live_through(&faults, &mut random)?;
    let it = end.judgement;
    assert!(it.doubled_records > 0 && !it.is_right(), "once cannot be told from twice: {it}");
    assert!(end.proof.contains("NOT COMPLETE"), "{}", end.proof);
    Ok(())
}

/// The control without fencing: the broker hears another transactional id from each life of the agent, and the agent does
/// not hear that a transaction is open, which it would wait for. So the end of one that the network had kept back is done
/// although its agent is dead and another has sent the same again.
#[test]
fn without_fencing_records_come_twice() -> Result<()> {
    let mut random = seed::random("ledger without fencing");
    let mut ward = Ward::start("unfenced", "exactly-once")?;
    ward.unfenced = true;
    let end = ward.live_through(&[Fault::EndTxnHeld(Meanwhile::AgentKilled); 3], &mut random)?;
    let it = end.judgement;
    assert!(it.doubled_records > 0 && !it.is_right(), "once cannot be told from twice: {it}");
    assert!(end.proof.contains("NOT COMPLETE"), "{}", end.proof);
    Ok(())
}
