//! Hands changes on to where a person is: a program or a webhook, one at a time, in order, in a bounded time each.

mod command;
mod webhook;

use std::ffi::OsString;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use vitals::alarm::event::Phase;

use crate::ward::{AgentNews, Change, KafkaNews, News};

pub use command::{RunError, run};
pub use webhook::{PostError, Webhook};

/// Changes that may wait for one way out: a storm of 32 beds with 8 changes each.
pub const QUEUE: usize = 256;

/// A way out.
#[derive(Debug, Clone)]
pub enum Way {
    /// A program that gets the record on standard input; no shell, no arguments.
    Command(OsString),
    /// A web address that the record is posted to.
    Webhook(Webhook),
}

/// Why a change was not handed on.
#[derive(Debug, thiserror::Error)]
pub enum HandoffError {
    /// The program failed.
    #[error("the program {program:?} has not taken it")]
    Command {
        /// The program.
        program: OsString,
        /// Why.
        #[source]
        source: RunError,
    },
    /// The web address failed.
    #[error("the webhook has not taken it")]
    Webhook(#[source] PostError),
    /// The way out is slower than the ward.
    #[error("{QUEUE} changes wait for it already")]
    Full,
}

/// The ways out, each with its own queue and task, so that a dead one delays no other.
#[derive(Debug)]
pub struct Handoff {
    queues: Vec<Sender<Arc<str>>>,
    tasks: JoinSet<()>,
}

impl Handoff {
    /// Starts a task for each way; what fails is told to `failed`.
    #[must_use]
    pub fn start(ways: Vec<Way>, failed: &Sender<HandoffError>) -> Self {
        let mut it = Self { queues: Vec::new(), tasks: JoinSet::new() };
        for way in ways {
            let (sender, receiver) = channel(QUEUE);
            it.queues.push(sender);
            it.tasks.spawn(hand_on(way, receiver, failed.clone()));
        }
        it
    }

    /// Hands a change on; returns how many ways were full.
    #[must_use]
    pub fn offer(&self, change: &Change, words: &str) -> usize {
        let Some(body) = body(change, words) else { return 0 };
        let body: Arc<str> = body.into();
        let full = |queue: &&Sender<Arc<str>>| {
            matches!(queue.try_send(Arc::clone(&body)), Err(TrySendError::Full(_)))
        };
        self.queues.iter().filter(full).count()
    }

    /// Takes nothing more and waits until everything that was taken is handed on.
    pub async fn finish(mut self) {
        self.queues.clear();
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn hand_on(way: Way, mut queue: Receiver<Arc<str>>, failed: Sender<HandoffError>) {
    while let Some(body) = queue.recv().await {
        let outcome = match &way {
            Way::Command(program) => run(program, &body)
                .await
                .map_err(|source| HandoffError::Command { program: program.clone(), source }),
            Way::Webhook(webhook) => webhook.post(&body).await.map_err(HandoffError::Webhook),
        };
        if let Err(error) = outcome {
            // Whoever prints it is gone only at the very end.
            drop(failed.send(error).await);
        }
    }
}

/// The JSON that is handed on: the alarm record as it is, or a notice of the station's own; `None` for no news.
fn body(change: &Change, words: &str) -> Option<String> {
    let notice = |notice: &str, agent: Option<&str>| {
        let it = json!({"schema": "wardline.notice.v1", "notice": notice, "agent": agent, "text": words});
        Some(it.to_string())
    };
    match change {
        Change::Alarm { record, .. } if record.phase == Phase::Continue => None,
        // What was open when the station started had been handed on before, by whoever was there.
        Change::Alarm { news: News::Found, .. } => None,
        Change::Alarm { record, .. } => serde_json::to_string(record).ok(),
        Change::Agent { agent, news } => match news {
            AgentNews::Lost(_) => notice("agent_lost", Some(agent)),
            AgentNews::Stuck(_) => notice("agent_stuck", Some(agent)),
            AgentNews::Back => notice("agent_back", Some(agent)),
            AgentNews::Heard { .. } | AgentNews::Restarted => None,
        },
        Change::Kafka(KafkaNews::Lost(_)) => notice("kafka_lost", None),
        Change::Kafka(KafkaNews::Back) => notice("kafka_back", None),
    }
}
