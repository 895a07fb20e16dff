//! Where the agent's own words go: the journal under systemd, else standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What is told unless `RUST_LOG` says otherwise. sled and librdkafka trace each step, which would flood the journal.
const FILTER: &str = "info,sled=warn,rdkafka=warn,librdkafka=off,rumqttc=warn";

/// Begins to tell. Called once, before anything else.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(FILTER));
    #[expect(
        clippy::disallowed_methods,
        reason = "systemd tells by this variable that output goes to the journal"
    )]
    let under_systemd = std::env::var_os("JOURNAL_STREAM").is_some();
    let registry = tracing_subscriber::registry().with(filter);
    if let Some(journal) = under_systemd.then(tracing_journald::layer).and_then(Result::ok) {
        registry.with(journal).init();
    } else {
        let colour = std::io::stderr().is_terminal();
        let stderr = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colour);
        registry.with(stderr.with_target(false)).init();
    }
}
