//! The open alarms, and a test alarm for whoever asks: on the socket alone, because records are patients' data.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::timeout;
use vitals::alarm::event::Priority;
use vitals::name::Name;

use super::Seen;
use crate::bedside::{TestQuestion, TestRefusal};
use crate::clock;

/// The bedside loop turns four times a second; one that has not answered after so long stands still.
const ANSWERS_WITHIN: Duration = Duration::from_millis(1500);

/// Which test alarm is wanted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestWanted {
    pub(crate) bed: String,
    pub(crate) priority: Priority,
    pub(crate) by: Name,
}

/// Every open alarm, the most urgent first, and the newest test.
pub(super) async fn open(State(seen): State<Seen>) -> Response {
    let status = seen.status.borrow().clone();
    axum::Json(json!({
        "version": 1, "agent": seen.agent, "run": seen.run, "turns": seen.turns(),
        "up_ms": status.at, "at": clock::timestamp(), "alarms": status.open, "test": status.test,
    }))
    .into_response()
}

/// Begins a test alarm: 202 with its id, or why not in words.
pub(super) async fn test(State(seen): State<Seen>, axum::Json(wanted): axum::Json<TestWanted>) -> Response {
    let (answer, begun) = oneshot::channel();
    let question = TestQuestion { bed: wanted.bed, priority: wanted.priority, by: wanted.by, answer };
    if seen.tests.try_send(question).is_err() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the bedside loop takes no question now\n").into_response();
    }
    match timeout(ANSWERS_WITHIN, begun).await {
        Ok(Ok(Ok(id))) => {
            (StatusCode::ACCEPTED, axum::Json(json!({ "version": 1, "id": id }))).into_response()
        }
        Ok(Ok(Err(refusal))) => {
            let status = match refusal {
                TestRefusal::NoSuchBed => StatusCode::NOT_FOUND,
                TestRefusal::Busy | TestRefusal::Patient => StatusCode::CONFLICT,
            };
            (status, format!("{refusal}\n")).into_response()
        }
        Ok(Err(_)) | Err(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the bedside loop stands still\n").into_response()
        }
    }
}
