//! Posts a record to a web address, and again for a bounded time if that fails.

use std::time::Duration;

use tokio::task::{JoinError, spawn_blocking};

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// Waits between attempts: with attempts of 5 s each, a record is given up after at most 45 s.
const WAITS: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_millis(7500),
];

/// A web address that takes records.
#[derive(Debug, Clone)]
pub struct Webhook {
    url: String,
    client: ureq::Agent,
}

/// Why a record was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The address is none.
    #[error("{0:?} is not a web address: it begins with https:// or http://")]
    Address(String),
    /// No attempt succeeded; this is what the last one said.
    #[error("{attempts} attempts failed, the last one told")]
    GivenUp {
        /// How many.
        attempts: usize,
        /// What the last one said.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The record itself is refused: trying again would not help.
    #[error("it was refused with status {0}")]
    Refused(u16),
    /// The attempt was cut off.
    #[error("the attempt was cut off")]
    CutOff(#[source] JoinError),
}

impl Webhook {
    /// A web address.
    pub fn new(url: &str) -> Result<Self, PostError> {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Err(PostError::Address(url.into()));
        }
        let client = ureq::Agent::config_builder().timeout_global(Some(ATTEMPT)).build().into();
        Ok(Self { url: url.into(), client })
    }

    /// Posts a record until it is taken, refused, or given up.
    pub async fn post(&self, record: &str) -> Result<(), PostError> {
        let mut waits = WAITS.into_iter();
        loop {
            let (client, url, body) = (self.client.clone(), self.url.clone(), record.to_owned());
            let attempt = move || client.post(&url).content_type("application/json").send(&body).map(drop);
            match (spawn_blocking(attempt).await.map_err(PostError::CutOff)?, waits.next()) {
                (Ok(()), _) => return Ok(()),
                // Too many requests is the one refusal that passes.
                (Err(ureq::Error::StatusCode(status @ 400..=499)), _) if status != 429 => {
                    return Err(PostError::Refused(status));
                }
                (Err(_), Some(wait)) => tokio::time::sleep(wait).await,
                (Err(error), None) => {
                    return Err(PostError::GivenUp { attempts: WAITS.len() + 1, source: Box::new(error) });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::thread;

    /// Answers one request after the other with the statuses given; returns what was posted.
    fn listener(statuses: &'static [u16]) -> (String, thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/alarms", listener.local_addr().unwrap());
        let answer = move |status: &u16| {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line == "\r\n" {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = format!("HTTP/1.1 {status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            reader.into_inner().write_all(answer.as_bytes()).unwrap();
            String::from_utf8(body).unwrap()
        };
        (url, thread::spawn(move || statuses.iter().map(answer).collect()))
    }

    #[tokio::test]
    async fn a_record_is_posted_again_until_it_is_taken() {
        let (url, server) = listener(&[503, 200]);
        Webhook::new(&url).unwrap().post(r#"{"text":"SpO2 low"}"#).await.unwrap();
        assert_eq!(server.join().unwrap(), [r#"{"text":"SpO2 low"}"#; 2]);
    }

    #[tokio::test]
    async fn a_refusal_is_final() {
        let (url, server) = listener(&[400]);
        let refused = Webhook::new(&url).unwrap().post("{}").await.unwrap_err();
        assert!(matches!(refused, PostError::Refused(400)), "{refused}");
        server.join().unwrap();
    }

    #[test]
    fn what_is_no_web_address_is_refused() {
        for url in ["", "bell", "ftp://a/b", "https://", "http:///path"] {
            assert!(Webhook::new(url).is_err(), "{url:?}");
        }
    }
}
