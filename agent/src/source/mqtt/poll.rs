//! The one task that polls an MQTT connection: it never waits for anything behind it, and says what it did.
//!
//! Three traps shape it, each met with rumqttc 0.25.1. `poll()` is not cancel safe while it connects, so nothing else
//! happens in this task. `poll()` both receives messages and sends acknowledgements, so whoever makes this task wait
//! for the pipeline closes a circle and stops everything. And acknowledgements go by packet id alone, so one that
//! outlives its connection would acknowledge another message, not yet stored: hence the generation, and the
//! handshake of [`FromPoll::Disconnected`] before the next connection is made.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tracing::{error, info, warn};
use vitals::backoff::Backoff;
use vitals::name::Name;
use vitals::time::Uptime;

use super::connection::{Connection, Failure, Heard, Message as Received};
use crate::clock;
use crate::mqtt::Renewal;

/// Messages between the polling task and the intake: a broker can have 65,535 QoS 1 messages outstanding on one
/// connection, so only a flood of QoS 0 can fill it; what does not fit of that is dropped and counted.
pub(super) const MESSAGES_MAX: usize = 65_536;

/// What a message costs while it waits for its acknowledgement, besides its payload: the record made of it carries
/// names, codes and times, some 500 bytes.
pub(super) const MESSAGE_OVERHEAD: usize = 512;

/// How long the intake may be over its bound before the connection is closed on purpose: with the keep-alive that may
/// have passed since the last ping, less than the one and a half after which the broker would close it.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What the polling task tells the intake, in order.
#[derive(Debug)]
pub(super) enum FromPoll {
    /// A connection was made.
    Connected {
        /// Counts the connections of this process, from 1.
        generation: u64,
        /// Whether the broker kept our session, and with it what we missed.
        session_present: bool,
    },
    /// A message came.
    Message {
        /// The connection it came on.
        generation: u64,
        /// The message.
        message: Received,
        /// When its last byte was read.
        at: Uptime,
    },
    /// The broker has answered what was subscribed to.
    Subscribed,
    /// The connection is gone. Whoever confirms will acknowledge nothing of it any more.
    Disconnected {
        /// Why.
        end: End,
        /// To be answered at once.
        confirm: oneshot::Sender<()>,
    },
}

/// Why a connection is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It was lost, or could not be made.
    Lost,
    /// It was closed on purpose.
    Closed,
}

/// Bytes received and not yet acknowledged: the link's own bound, since brokers ignore theirs.
#[derive(Debug, Clone)]
pub(super) struct Held {
    bytes: Arc<AtomicUsize>,
    changed: watch::Sender<()>,
    max: usize,
}

impl Held {
    /// Nothing held, and at most about `max` bytes.
    pub(super) fn new(max: usize) -> Self {
        Self { bytes: Arc::new(AtomicUsize::new(0)), changed: watch::Sender::new(()), max }
    }

    fn add(&self, cost: usize) {
        self.bytes.fetch_add(cost, Ordering::Relaxed);
    }

    /// Gives back what a message cost.
    pub(super) fn release(&self, cost: usize) {
        self.bytes.fetch_sub(cost, Ordering::Relaxed);
        self.changed.send_replace(());
    }

    /// Bytes held now.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        self.bytes() > self.max
    }

    /// Waits until half of the bound is free.
    async fn drained(&self) {
        let mut changed = self.changed.subscribe();
        while self.bytes() > self.max / 2 {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }
}

/// What a message costs while it waits for its acknowledgement, bytes.
pub(super) fn cost(message: &Received) -> usize {
    message.payload.len() + message.topic.len() + MESSAGE_OVERHEAD
}

/// The polling task of one link.
pub(super) struct Poll {
    pub(super) link: Name,
    /// Its broker: host and port.
    pub(super) broker: String,
    pub(super) connection: Connection,
    pub(super) renewal: Renewal,
    pub(super) intake: mpsc::Sender<FromPoll>,
    pub(super) held: Held,
    pub(super) backoff: Backoff,
    pub(super) random: fn() -> u32,
}

impl Poll {
    /// Polls until the intake is gone.
    pub(super) async fn run(mut self) {
        let mut generation = 0;
        let mut told = None;
        loop {
            if self.held.is_over() && timeout(PAUSE_MAX, self.held.drained()).await.is_err() {
                warn!(link = %self.link, bytes = self.held.bytes(), "The store is slow and memory for this broker's messages is full; the connection is closed until half of them is stored. The broker keeps the rest.");
                if self.disconnect(End::Closed).await.is_err() {
                    return;
                }
                self.held.drained().await;
            }
            let goes_on = match self.connection.poll().await {
                Ok(Heard::Message(message)) => {
                    let at = clock::uptime();
                    self.hand_over(generation, message, at).await
                }
                Ok(Heard::Connected { session_present }) => {
                    generation += 1;
                    told = None;
                    self.backoff.reset();
                    info!(link = %self.link, session_present, "Connected to the MQTT broker.");
                    self.intake
                        .send(FromPoll::Connected { generation, session_present })
                        .await
                        .map_err(|_| Gone)
                }
                Ok(Heard::Subscribed { .. }) => {
                    self.intake.send(FromPoll::Subscribed).await.map_err(|_| Gone)
                }
                Ok(Heard::Other | Heard::Ourselves) => Ok(()),
                Err((failure, chain)) => self.fail(failure, &chain, &mut told).await,
            };
            if goes_on.is_err() {
                return;
            }
        }
    }

    /// Hands a message on without waiting.
    async fn hand_over(&mut self, generation: u64, message: Received, at: Uptime) -> Result<(), Gone> {
        let cost = cost(&message);
        match self.intake.try_send(FromPoll::Message { generation, message, at }) {
            Ok(()) => {
                self.held.add(cost);
                Ok(())
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Gone),
            Err(mpsc::error::TrySendError::Full(_)) => {
                // A dropped message would never be acknowledged and its slot in the broker's window lost: on a new
                // connection it comes again.
                warn!(link = %self.link, "More messages at once than any broker may send; the connection is made anew.");
                self.disconnect(End::Closed).await
            }
        }
    }

    /// Says once what is wrong, and waits a little longer each time.
    async fn fail(&mut self, failure: Failure, chain: &str, told: &mut Option<Failure>) -> Result<(), Gone> {
        if *told != Some(failure) {
            *told = Some(failure);
            if failure == Failure::BadPacket {
                error!(link = %self.link, error = chain, "{}", explain(failure));
            } else {
                warn!(link = %self.link, broker = self.broker, error = chain, "{}", explain(failure));
            }
        }
        self.disconnect(End::Lost).await?;
        tokio::time::sleep(self.backoff.next_delay((self.random)())).await;
        if let Some(login) = self.renewal.read().await {
            self.connection.take_login(&login);
        }
        Ok(())
    }

    /// Ends the connection, and goes on only when no acknowledgement of it can be sent any more.
    async fn disconnect(&mut self, end: End) -> Result<(), Gone> {
        let (confirm, confirmed) = oneshot::channel();
        self.intake.send(FromPoll::Disconnected { end, confirm }).await.map_err(|_| Gone)?;
        confirmed.await.map_err(|_| Gone)?;
        // Takes the acknowledgements out of the request channel that were put there before the intake knew.
        self.connection.clean();
        Ok(())
    }
}

/// The intake has ended: so does the polling task.
struct Gone;

/// What a failure means, and what to do about it.
fn explain(failure: Failure) -> &'static str {
    match failure {
        Failure::Unreachable => {
            "The MQTT broker cannot be reached; trying again. Check its address and that it runs."
        }
        Failure::Tls => {
            "The MQTT broker's TLS is not accepted; trying again. Check ca_file, the host name in url and both clocks."
        }
        Failure::Refused => {
            "The MQTT broker refuses the connection; trying again. Check user, password_file and client_id."
        }
        Failure::BadPacket => {
            "The MQTT broker sends a packet that is too large or broken, and will send it again: nothing behind it arrives. Remove the message at the broker, and set its message_size_limit to 262144."
        }
        Failure::Silent => {
            "The MQTT broker answers nothing any more; connecting anew. Check the network to it."
        }
        Failure::Lost => "The connection to the MQTT broker is lost; trying again.",
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll as Turn, Waker};

    use super::*;

    fn futures_poll(future: Pin<&mut impl Future<Output = ()>>) -> Turn<()> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn held_bytes_are_drained_at_half_of_the_bound() {
        let held = Held::new(100);
        held.add(101);
        assert!(held.is_over());
        let mut waiting = Box::pin(held.drained());
        let mut poll = || futures_poll(waiting.as_mut());
        held.release(50);
        assert!(poll().is_pending(), "51 bytes are more than half of 100");
        held.release(1);
        assert!(poll().is_ready());
        assert_eq!(held.bytes(), 50);
    }
}
