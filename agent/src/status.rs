//! `wardline-agent status`: one question to the running agent, answered within two seconds or not at all.

use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::Value;

use crate::buffer::OUTAGE_MAX;
use crate::socket::{self, Ask, SocketError};

/// What was asked.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The agent's socket.
    #[arg(long, value_name = "PATH", default_value = "/run/wardline/agent.sock")]
    pub socket: PathBuf,
    /// The agent's own words, for machines.
    #[arg(long)]
    pub json: bool,
}

/// Asks, and prints the answer.
pub fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), SocketError> {
    let path = &arguments.socket;
    let (_, body) = socket::ask(path, Ask::Get("/status.json"))?;
    let answer = serde_json::from_str(&body).map_err(|error| SocketError::Answer {
        path: path.clone(),
        source: io::Error::new(io::ErrorKind::InvalidData, error),
    })?;
    // A reader who has gone away is no mistake.
    let _ = if arguments.json { writeln!(out, "{answer}") } else { write!(out, "{}", told(&answer)) };
    Ok(())
}

/// The answer, as a person reads it.
fn told(answer: &Value) -> String {
    let text = |pointer: &str| match answer.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".into(),
        Some(other) => other.to_string(),
    };
    let connected = answer.pointer("/kafka/connected") == Some(&Value::Bool(true));
    let kafka = match (connected, text("/kafka/standing").as_str()) {
        (false, _) => format!("takes no records: {}", text("/kafka/trouble")),
        (true, "other_cluster") => format!(
            "is another cluster, {}, than the readings have gone to: they wait; name it with cluster_id under [kafka] if that is meant",
            text("/kafka/cluster")
        ),
        (true, "cursor_gone") => {
            "has lost this agent's cursor: readings wait until the agent is restarted".into()
        }
        (true, "duplicate") => {
            "gets readings of another agent with this id: those of this one wait; give each an id of its own"
                .into()
        }
        (true, _) => "takes records".into(),
    };
    format!(
        "agent    {} {}, run {}\nbeds     {}, {} readings taken\nalarms   {} high, {} medium, {} low\n\
         store    {}, {} records wait, {} of {} bytes; {}\nkafka    {kafka}, {} readings and {} alarm records delivered\n",
        text("/agent"),
        text("/version"),
        text("/run"),
        text("/bedside/beds"),
        text("/bedside/readings"),
        text("/bedside/alarms/high"),
        text("/bedside/alarms/medium"),
        text("/bedside/alarms/low"),
        text("/store/state"),
        text("/store/records"),
        text("/store/bytes"),
        text("/store/bytes_max"),
        outage(answer.pointer("/store/eta_full_s").and_then(Value::as_u64)),
        text("/kafka/readings"),
        text("/kafka/alarms"),
    )
}

/// How long an outage of Kafka may last, in words.
fn outage(lasts_s: Option<u64>) -> String {
    let Some(lasts) = lasts_s else { return "how long without Kafka is not measured yet".into() };
    match (lasts / 86_400, lasts / 3_600 % 24, lasts / 60 % 60) {
        _ if lasts >= OUTAGE_MAX.as_secs() => "without Kafka it fills in years".into(),
        (0, 0, 0) => "without Kafka it is full within a minute: the oldest readings make room".into(),
        (0, 0, minutes) => format!("without Kafka it is full in {minutes} min"),
        (0, hours, minutes) => format!("without Kafka it is full in {hours} h {minutes} min"),
        (days, hours, _) => format!("without Kafka it is full in {days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_there_is_said_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let arguments = Arguments { socket: dir.path().join("agent.sock"), json: false };
        let error = run(&arguments, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("is it running?"), "{error}");
    }

    #[test]
    fn an_answer_is_put_into_words() {
        let answer =
            serde_json::json!({ "agent": "icu-3", "kafka": { "connected": false, "trouble": "no broker" } });
        let told = told(&answer);
        assert!(told.contains("takes no records: no broker"), "{told}");
    }

    #[test]
    fn how_long_is_told_as_a_person_would() {
        for (lasts, words) in [
            (None, "not measured"),
            (Some(59), "within a minute"),
            (Some(7 * 60 + 5), "in 7 min"),
            (Some(3 * 3_600 + 60), "in 3 h 1 min"),
            (Some(6 * 86_400 + 7_200), "in 6 d 2 h"),
            (Some(OUTAGE_MAX.as_secs()), "in years"),
        ] {
            assert!(outage(lasts).contains(words), "{lasts:?}: {}", outage(lasts));
        }
    }
}
