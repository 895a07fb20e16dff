//! Passwords and certificates that are changed while the agent runs: a client that Kafka refuses gives way to one that is
//! made with what the files hold by then.

use std::cell::Cell;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use secrecy::ExposeSecret;

use crate::clock;
use crate::config::{Kafka, KafkaSecurity};

/// How often the files are looked at while Kafka refuses them.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Gives a client's configuration the password as it is now. Certificates librdkafka reads itself.
pub(crate) fn renew(kafka: &Kafka, config: &mut ClientConfig) {
    if let KafkaSecurity::SaslTls(sasl) | KafkaSecurity::SaslPlaintext(sasl) = &kafka.security {
        config.set("sasl.password", sasl.password.now().expose_secret());
    }
}

/// What a client was made with, and whether Kafka refuses it.
#[derive(Debug)]
pub(crate) struct Login {
    files: Vec<PathBuf>,
    /// What they held.
    seen: u64,
    refused: Refused,
    looked: Cell<Option<Instant>>,
}

/// The side of a client's callbacks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refused(Arc<AtomicBool>);

impl Refused {
    /// Something failed.
    pub(crate) fn handle(&self, error: &KafkaError) {
        use RDKafkaErrorCode as Code;
        let code = error.rdkafka_error_code();
        if matches!(code, Some(Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL)) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

impl Login {
    /// To be taken before the client is made, so that no change comes in between.
    pub(crate) fn new(kafka: &Kafka) -> Self {
        let mut files = Vec::new();
        if let KafkaSecurity::SaslTls(sasl) | KafkaSecurity::SaslPlaintext(sasl) = &kafka.security {
            files.push(sasl.password.path().to_owned());
        }
        files.extend(kafka.ca_file.clone());
        files.extend(kafka.client_cert.iter().flat_map(|(cert, key)| [cert.clone(), key.clone()]));
        Self { seen: digest(&files), files, refused: Refused::default(), looked: Cell::new(None) }
    }

    /// For the client's callbacks.
    pub(crate) fn refused(&self) -> Refused {
        self.refused.clone()
    }

    /// Kafka takes it.
    pub(crate) fn handle_success(&self) {
        self.refused.0.store(false, Ordering::Relaxed);
    }

    /// Whether Kafka refuses it and the files hold something else by now.
    pub(crate) fn is_outdated(&self) -> bool {
        let looked_at = self.looked.get().is_some_and(|it| it.elapsed() < LOOK_EVERY);
        if !self.refused.0.load(Ordering::Relaxed) || looked_at {
            return false;
        }
        self.looked.set(Some(clock::instant()));
        digest(&self.files) != self.seen
    }
}

/// A number that changes with what the files hold.
fn digest(files: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for file in files {
        fs::read(file).ok().hash(&mut hasher);
    }
    hasher.finish()
}
