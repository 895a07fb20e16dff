//! Passwords and certificates that are changed while the agent runs: every new connection is made with what their files
//! hold by then.

use rumqttc::v5::MqttOptions;
use tracing::warn;

use super::options;
use crate::config::MqttLink;

/// Reads a link's secrets again.
#[derive(Debug)]
pub struct Renewal {
    link: MqttLink,
    /// It was said that they cannot be read.
    said: bool,
}

impl Renewal {
    /// For the connections of a link.
    #[must_use]
    pub fn new(link: MqttLink) -> Self {
        Self { link, said: false }
    }

    /// Gives a connection to be made what the files hold now; what cannot be read stays as it is.
    pub async fn renew(&mut self, old: &mut MqttOptions) {
        let Some(new) = self.read().await else { return };
        old.set_transport(new.transport());
        if let Some(login) = new.credentials() {
            old.set_credentials(login.username, login.password);
        }
    }

    /// The options of a connection by what the files hold now; `None` where nothing is to be read, or cannot be.
    pub async fn read(&mut self) -> Option<MqttOptions> {
        if self.link.login.is_none() && self.link.tls.is_none() {
            return None;
        }
        let link = self.link.clone();
        // A disk that stands still must not hold up what else this thread does.
        match tokio::task::spawn_blocking(move || options(&link, "")).await.ok()? {
            Ok(options) => {
                self.said = false;
                Some(options)
            }
            Err(error) => {
                if !std::mem::replace(&mut self.said, true) {
                    warn!(link = %self.link.name, error = &error as &dyn std::error::Error, "The certificates are not read anew; those before are used.");
                }
                None
            }
        }
    }
}
