//! Somebody who listens to the MQTT annunciator: what a bedside lamp or a pager gateway would hear, and when.

use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

use crate::wait;

/// Time to be subscribed.
const SUBSCRIBED_WITHIN: Duration = Duration::from_secs(10);

/// A message heard.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Its topic.
    pub topic: String,
    /// Its payload as text.
    pub payload: String,
    /// Whether the broker had kept it.
    pub retained: bool,
    /// When it was heard.
    pub at: Instant,
}

/// A subscription that goes on until it is dropped.
#[derive(Debug)]
pub struct Listener {
    heard: Receiver<Heard>,
}

impl Listener {
    /// Subscribes on the broker at `port` and waits until the broker has said so.
    pub fn start(port: u16, filter: &str) -> Result<Self> {
        let mut options =
            MqttOptions::new(format!("listener-{}-{port}", std::process::id()), "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(30));
        let (client, mut connection) = Client::new(options, 16);
        client.subscribe(filter, QoS::AtLeastOnce)?;
        let (sender, heard) = mpsc::channel();
        let (ready, subscribed) = mpsc::channel();
        thread::spawn(move || {
            // The client is moved in: it ends the subscription when it is dropped.
            let _client = client;
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::SubAck(_))) => drop(ready.send(())),
                    Ok(Event::Incoming(Packet::Publish(message))) => {
                        let heard = Heard {
                            topic: message.topic,
                            payload: String::from_utf8_lossy(&message.payload).into_owned(),
                            retained: message.retain,
                            at: Instant::now(),
                        };
                        if sender.send(heard).is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        let listening = subscribed.recv_timeout(SUBSCRIBED_WITHIN);
        listening.context("the broker did not take the subscription")?;
        Ok(Self { heard })
    }

    /// Waits for a message that `is` wanted, passing over the others.
    pub fn wait_for(&self, what: &str, within: Duration, is: impl Fn(&Heard) -> bool) -> Result<Heard> {
        let mut passed = Vec::new();
        let found = wait::until(what, within, || {
            while let Ok(heard) = self.heard.try_recv() {
                if is(&heard) {
                    return Ok(Some(heard));
                }
                passed.push(format!("{}: {}", heard.topic, heard.payload));
            }
            Ok(None)
        });
        match found {
            Ok(heard) => Ok(heard),
            Err(error) => bail!("{error}; heard instead:\n{}", passed.join("\n")),
        }
    }

    /// Everything heard and not yet looked at.
    #[must_use]
    pub fn rest(&self) -> Vec<Heard> {
        self.heard.try_iter().collect()
    }
}
