//! How an MQTT broker is reached: address, TLS, login, the limits said to it, and how it is noticed that it is gone.

mod renewal;

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::MqttOptions;
use rumqttc::{TlsConfiguration, Transport};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout_at};

use crate::clock;
use crate::config::{MqttLink, MqttTls};

pub use self::renewal::Renewal;

/// How often a broker is asked whether it is there; rumqttc takes no less. The broker closes a connection that is silent
/// for one and a half of it (MQTT 5.0, 3.1.2.10).
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// How long a broker may take to answer that.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// The largest packet that the broker may send: no bedside device says more at once.
pub const PACKET_MAX: u32 = 256 * 1024;

/// The files with the certificates that a system trusts, by distribution.
const SYSTEM_CA_FILES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file with certificates or a key cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is nothing of use in a file.
    #[error("{path} holds no {what} in PEM form")]
    Empty {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// The system has no file with trusted certificates.
    #[error("the system has no trusted certificates: install ca-certificates, or set ca_file")]
    NoSystemCertificates,
    /// TLS does not take them.
    #[error("the certificates are not accepted")]
    Certificates(#[source] rustls::Error),
}

/// Notices that nothing comes from a broker any more though it is asked, as where packets vanish on the way.
///
/// rumqttc itself notices when the second ping in a row is due, up to two keep-alives later; and not at all, before the
/// operating system gives the connection up, while it waits to write.
#[derive(Debug, Default)]
pub struct Silence {
    /// When something came last on the connection that there is.
    heard: Option<Instant>,
}

impl Silence {
    /// Something came.
    pub fn end(&mut self) {
        self.heard = Some(now());
    }

    /// There is no connection: how long one takes to be made has a bound of its own.
    pub fn forget(&mut self) {
        self.heard = None;
    }

    /// What polling a connection gives; `None` when nothing has come for so long that the broker must be gone. Polling is
    /// not cancel safe: the connection must be cleaned then.
    ///
    /// `keep_alive` is the connection's: a broker may ask for another than ours.
    pub async fn bound<T>(&self, keep_alive: Duration, polling: impl Future<Output = T>) -> Option<T> {
        match self.deadline(keep_alive) {
            Some(deadline) => timeout_at(deadline, polling).await.ok(),
            None => Some(polling.await),
        }
    }

    fn deadline(&self, keep_alive: Duration) -> Option<Instant> {
        self.heard.map(|it| it + keep_alive + ANSWERS_WITHIN)
    }
}

fn now() -> Instant {
    clock::instant().into()
}

/// The options of a connection; each of several connections to one broker has a suffix of its own.
pub fn options(link: &MqttLink, client_id_suffix: &str) -> Result<MqttOptions, TlsError> {
    let mut options =
        MqttOptions::new(format!("{}{client_id_suffix}", link.client_id), &link.host, link.port);
    options.set_keep_alive(KEEP_ALIVE);
    options.set_max_packet_size(Some(PACKET_MAX));
    options.set_session_expiry_interval(u32::try_from(link.session_expiry.as_secs()).ok());
    if let Some((user, password)) = &link.login {
        options.set_credentials(user, password.now().expose_secret());
    }
    if let Some(tls) = &link.tls {
        options.set_transport(Transport::Tls(TlsConfiguration::Rustls(Arc::new(client_config(tls)?))));
    }
    Ok(options)
}

fn client_config(tls: &MqttTls) -> Result<ClientConfig, TlsError> {
    let ca_file = match &tls.ca_file {
        Some(path) => path.as_path(),
        None => SYSTEM_CA_FILES
            .iter()
            .map(Path::new)
            .find(|it| it.exists())
            .ok_or(TlsError::NoSystemCertificates)?,
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(ca_file)?);
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Certificates)?
        .with_root_certificates(roots);
    match &tls.client_cert {
        Some((cert, key)) => builder
            .with_client_auth_cert(certificates(cert)?, private_key(key)?)
            .map_err(TlsError::Certificates),
        None => Ok(builder.with_no_client_auth()),
    }
}

fn open(path: &Path) -> Result<BufReader<File>, TlsError> {
    File::open(path).map(BufReader::new).map_err(|source| TlsError::Read { path: path.into(), source })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = rustls_pemfile::certs(&mut open(path)?).collect();
    let found = found.map_err(|source| TlsError::Read { path: path.into(), source })?;
    if found.is_empty() {
        return Err(TlsError::Empty { path: path.into(), what: "certificate" });
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    rustls_pemfile::private_key(&mut open(path)?)
        .map_err(|source| TlsError::Read { path: path.into(), source })?
        .ok_or_else(|| TlsError::Empty { path: path.into(), what: "private key" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_broker_that_answers_nothing_is_noticed_whatever_rumqttc_waits_for() {
        let mut silence = Silence::default();
        assert_eq!(silence.deadline(KEEP_ALIVE), None, "until there is a connection");
        silence.end();
        let within = silence.deadline(KEEP_ALIVE).unwrap().elapsed();
        assert_eq!(within, Duration::ZERO, "not yet");
        assert!(KEEP_ALIVE + ANSWERS_WITHIN <= Duration::from_secs(8), "F13: within ten seconds");
        silence.heard = now().checked_sub(KEEP_ALIVE + ANSWERS_WITHIN);
        let nothing_comes = silence.bound(KEEP_ALIVE, std::future::pending::<()>());
        assert_eq!(nothing_comes.await, None);
        let taken = silence.bound(KEEP_ALIVE, std::future::ready(7)).await;
        assert_eq!(taken, Some(7), "what has come although this process did not run in time");
        let other = silence.deadline(Duration::from_secs(60)).unwrap();
        assert!(other > now(), "a broker that asked for fewer pings");
        silence.forget();
        assert_eq!(silence.bound(KEEP_ALIVE, std::future::ready(7)).await, Some(7));
    }
}
