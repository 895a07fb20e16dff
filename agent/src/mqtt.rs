//! How an MQTT broker is reached: address, TLS, login, and the limits said to it.

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

use crate::config::{MqttLink, MqttTls};

/// A broker that is silent for one and a half of this is gone; ours to notice and its to notice.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

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

/// The options of a connection; each of several connections to one broker has a suffix of its own.
pub fn options(link: &MqttLink, client_id_suffix: &str) -> Result<MqttOptions, TlsError> {
    let mut options =
        MqttOptions::new(format!("{}{client_id_suffix}", link.client_id), &link.host, link.port);
    options.set_keep_alive(KEEP_ALIVE);
    options.set_max_packet_size(Some(PACKET_MAX));
    options.set_session_expiry_interval(u32::try_from(link.session_expiry.as_secs()).ok());
    if let Some((user, password)) = &link.login {
        options.set_credentials(user, password.expose_secret());
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
