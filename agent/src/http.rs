//! How the agent is seen from outside: metrics, liveness, readiness and status, on its socket and on loopback.
//!
//! On the socket alone: a look at the store, `/buffer/…`, the open alarms, and a test alarm, the only thing that can be
//! asked for. `/readyz` does not ask for Kafka: a dead broker must not get the agent restarted.

mod alarms;
mod bounded;
mod look;

use std::fmt::Debug;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::Listener;
use serde_json::json;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{error, warn};

use self::bounded::Bounded;
use self::look::Looks;
use crate::bedside::{BedsideStatus, TestQuestion};
use crate::buffer::{OUTAGE_MAX, Progress, StoreState};
use crate::clock;
use crate::config::Config;
use crate::forwarder::ForwarderProgress;
use crate::metrics::{Metrics, OfPriority, PriorityLabel};

/// A bedside loop that has not turned for this long stands still.
const TURNS_WITHIN: Duration = Duration::from_secs(5);

/// So long an answer may still take when the agent stops.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// A connection to the address lasts so long: every answer there is ready in a moment, and who keeps a connection makes it anew.
const CONNECTION_MAX: Duration = Duration::from_secs(10);

/// The socket's name in the run directory.
pub const SOCKET: &str = "agent.sock";

/// What there is to see.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The agent's id.
    pub agent: String,
    /// This life of the process.
    pub run: String,
    /// The bedside loop's account.
    pub status: watch::Receiver<BedsideStatus>,
    /// The store's account.
    pub store: watch::Receiver<Progress>,
    /// The forwarder's account.
    pub forwarder: watch::Receiver<ForwarderProgress>,
    /// The counters.
    pub metrics: Metrics,
    /// Who wants a test alarm.
    pub tests: mpsc::Sender<TestQuestion>,
}

/// Serves on the socket and, where configured, on an address. What cannot be opened is said; the agent runs on.
pub fn start(config: &Config, seen: &Seen, stopped: &watch::Receiver<bool>, tasks: &mut JoinSet<()>) {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/status.json", get(status))
        .with_state(seen.clone());
    let looks = Looks::new(config.agent.store_dir(), seen.store.clone(), stopped.clone());
    let looking = Router::new().route("/buffer/{ask}", get(look::look)).with_state(looks);
    let alarms = Router::new()
        .route("/alarms.json", get(alarms::open))
        .route("/alarms/test", post(alarms::test))
        .with_state(seen.clone());
    let path = config.agent.run_dir.join(SOCKET);
    match socket(&path) {
        Ok(listener) => {
            // A look at the store may take long, and only the agent's group may ask here.
            let all = router.clone().merge(looking).merge(alarms);
            serve(Bounded::new(listener, None), all, stopped.clone(), tasks);
        }
        Err(error) => {
            error!(%error, path = %path.display(), "The agent's socket cannot be opened; status cannot ask it.");
        }
    }
    if let Some(address) = config.agent.http {
        match std::net::TcpListener::bind(address)
            .and_then(|it| it.set_nonblocking(true).map(|()| it))
            .and_then(TcpListener::from_std)
        {
            Ok(listener) => serve(
                Bounded::new(listener, Some(CONNECTION_MAX)),
                router.layer(axum::middleware::from_fn(only_own_names)),
                stopped.clone(),
                tasks,
            ),
            Err(error) => {
                warn!(%error, %address, "Metrics cannot be served there; set http under [agent] to another address.");
            }
        }
    }
}

fn socket(path: &std::path::Path) -> io::Result<UnixListener> {
    // A process that was killed leaves its socket; the store's lock has already told that no other agent lives here.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

fn serve<L: Listener<Addr: Debug>>(
    listener: Bounded<L>,
    router: Router,
    stopped: watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) {
    tasks.spawn(async move {
        let serve = axum::serve(listener, router).with_graceful_shutdown(stop(stopped.clone()));
        until_stopped(serve.into_future(), stopped).await;
    });
}

/// Serves until the agent stops, and then for a moment: whoever asked and does not read must not hold up the end.
async fn until_stopped(serve: impl Future<Output = io::Result<()>>, stopped: watch::Receiver<bool>) {
    let end = async {
        stop(stopped).await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    tokio::select! {
        _ = serve => {}
        () = end => {}
    }
}

async fn stop(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|it| *it).await;
}

/// A page in a browser must not reach the agent under a foreign name (DNS rebinding).
async fn only_own_names(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|it| it.to_str().ok()).unwrap_or("");
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    if name == "localhost" || name.parse::<std::net::IpAddr>().is_ok() {
        return next.run(request).await;
    }
    (StatusCode::FORBIDDEN, "ask by address\n").into_response()
}

async fn metrics(State(seen): State<Seen>) -> Response {
    seen.look();
    let mut headers = HeaderMap::new();
    if let Ok(kind) = "application/openmetrics-text; version=1.0.0; charset=utf-8".parse() {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    (headers, seen.metrics.text()).into_response()
}

async fn livez(State(seen): State<Seen>) -> Response {
    answer(seen.turns(), "the bedside loop turns", "the bedside loop stands still")
}

async fn readyz(State(seen): State<Seen>) -> Response {
    answer(seen.turns() && seen.status.borrow().beds > 0, "alarms are decided", "alarms are not decided")
}

fn answer(good: bool, yes: &'static str, no: &'static str) -> Response {
    if good {
        (StatusCode::OK, format!("{yes}\n"))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{no}\n"))
    }
    .into_response()
}

async fn status(State(seen): State<Seen>) -> Response {
    let bedside = seen.status.borrow().clone();
    let store = seen.store.borrow().clone();
    let forwarder = seen.forwarder.borrow().clone();
    let [low, medium, high] = bedside.alarms;
    let [own_low, own_medium, own_high] = bedside.own_alarms;
    axum::Json(json!({
        "agent": seen.agent, "run": seen.run, "version": env!("CARGO_PKG_VERSION"),
        "up_ms": clock::uptime(), "at": clock::timestamp(),
        "bedside": { "turns": bedside.turns, "beds": bedside.beds, "readings": bedside.reading_seq,
            "alarm_records": bedside.alarm_seq, "alarms": { "high": high, "medium": medium, "low": low },
            "own_alarms": { "high": own_high, "medium": own_medium, "low": own_low } },
        "store": { "state": store.state.name(), "bytes": store.bytes_on_disk, "bytes_max": store.bytes_max,
            "records": store.readings.buffered_records + store.alarms.buffered_records,
            "conservation_error": store.conservation_error,
            "eta_full_s": bedside.outage.map(|it| it.as_secs()) },
        "kafka": { "connected": forwarder.connected, "readings": forwarder.delivered_readings,
            "alarms": forwarder.delivered_alarms, "trouble": forwarder.trouble,
            "cluster": forwarder.cluster, "standing": forwarder.standing.name() },
    }))
    .into_response()
}

impl Seen {
    fn turns(&self) -> bool {
        clock::uptime().since(self.status.borrow().at) < TURNS_WITHIN
    }

    /// Takes over what the parts say of themselves.
    fn look(&self) {
        let views = &self.metrics.views;
        let bedside = self.status.borrow().clone();
        views.turns.set(bedside.turns);
        views.readings.set(bedside.reading_seq);
        views.alarm_records.set(bedside.alarm_seq);
        let priorities = [PriorityLabel::low, PriorityLabel::medium, PriorityLabel::high];
        for ((priority, beds), own) in priorities.into_iter().zip(bedside.alarms).zip(bedside.own_alarms) {
            let count = (beds + own).try_into().unwrap_or(u64::MAX);
            views.alarms_active.get_or_create(&OfPriority { priority }).set(count);
        }
        let store = self.store.borrow().clone();
        views.buffer_records.set(store.readings.buffered_records + store.alarms.buffered_records);
        views.buffer_bytes.set(store.bytes_on_disk);
        views.buffer_bytes_max.set(store.bytes_max);
        // Where nothing was measured yet, as where nothing comes: no time can be told.
        views.buffer_eta_full.set(bedside.outage.unwrap_or(OUTAGE_MAX).as_secs());
        views.store_ok.set(u64::from(matches!(store.state, StoreState::Ok)));
        views.commits.set(store.commits);
        views.syncs.set(store.syncs);
        views.evicted.set(store.readings.evicted + store.readings.shed + store.readings.damaged);
        views.conservation_error.set(store.conservation_error);
        let forwarder = self.forwarder.borrow().clone();
        views.delivered_readings.set(forwarder.delivered_readings);
        views.delivered_alarms.set(forwarder.delivered_alarms);
        views.refused.set(forwarder.refused.readings + forwarder.refused.alarms);
        views.kafka_connected.set(u64::from(forwarder.connected));
        views.producers_recreated.set(forwarder.producers_recreated);
    }
}
