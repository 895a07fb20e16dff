//! `discover` at brokers that speak MQTT 3.1.1 alone.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::port;
use wardline_tests::publisher::publish_one;
use wardline_tests::site::Site;

use super::{entry, path, run, told};

/// Where the version stands in a CONNECT of less than 128 bytes: behind its head of two and the name `MQTT`.
const VERSION_AT: usize = 8;
/// A CONNACK of MQTT 3.1.1: this version is not known here.
const UNKNOWN_VERSION: [u8; 4] = [0x20, 2, 0, 1];

/// What a broker says to a version that it does not know.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    /// No.
    Says,
    /// Nothing.
    HangsUp,
}

/// A broker that knows MQTT 3.1.1 alone: what comes in that goes to one that knows both. Its port.
fn older(broker: u16, refusal: Refusal) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A client that gives up is none of ours.
            let _ = serve(client, broker, refusal);
        }
    });
    Ok(port)
}

fn serve(mut client: TcpStream, broker: u16, refusal: Refusal) -> io::Result<()> {
    let mut head = [0; VERSION_AT + 1];
    client.read_exact(&mut head)?;
    if head[VERSION_AT] != 4 {
        if matches!(refusal, Refusal::Says) {
            client.write_all(&UNKNOWN_VERSION)?;
        }
        return client.shutdown(Shutdown::Both);
    }
    let mut server = TcpStream::connect(("127.0.0.1", broker))?;
    server.write_all(&head)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    thread::spawn(move || io::copy(&mut server, &mut client));
    Ok(())
}

#[test]
fn a_broker_of_the_older_version_is_looked_at_in_it() -> Result<()> {
    let broker = Mosquitto::start()?;
    publish_one(broker.port(), "ward/7", r#"{"spo2":91.375}"#, true)?;
    let lan = format!("127.0.0.1:{}", port::free()?);
    for refusal in [Refusal::Says, Refusal::HangsUp] {
        let url = format!("mqtt://127.0.0.1:{}", older(broker.port(), refusal)?);
        let output = run(&["discover", "--json", "--for", "2s", "--lan", &lan, "--mqtt", &url], |_| Ok(()))?;
        ensure!(output.status.success(), "{refusal:?}: {}", told(&output));
        let found: Value = serde_json::from_slice(&output.stdout)?;
        ensure!(entry(&found["mqtt"][0]["topics"], "topic", "ward/7")?["format"] == "wardline", "{found}");
        // The proposal says which version it is, and the agent takes it.
        let configuration = found["configuration"].as_str().context("no configuration")?;
        ensure!(configuration.contains("version = \"3.1.1\""), "{configuration}");
        let site = Site::new("older-broker")?.beds(["bed-1"]).toml(configuration);
        let output = run(&["check", "--config", path(&site.write()?)?], |_| Ok(()))?;
        ensure!(output.status.success(), "{}\n{configuration}", told(&output));
    }
    Ok(())
}

#[test]
fn a_broker_of_a_configuration_is_looked_at_in_the_version_that_stands_there() -> Result<()> {
    let broker = Mosquitto::start()?;
    publish_one(broker.port(), "ward/7", r#"{"spo2":91.375}"#, true)?;
    let url = format!("mqtt://127.0.0.1:{}", older(broker.port(), Refusal::Says)?);
    let look = |version: &str| {
        let section = format!("[mqtt.old]\nurl = \"{url}\"\nversion = \"{version}\"\n");
        let source =
            "[[source]]\nid = \"s\"\nbed = \"bed-1\"\nmqtt = \"old\"\ntopic = \"t\"\nformat = \"wardline\"\n";
        let site = Site::new("older-configured")?.beds(["bed-1"]).toml(&section).toml(source);
        let (config, lan) = (site.write()?, format!("127.0.0.1:{}", port::free()?));
        let arguments = ["discover", "--json", "--for", "2s", "--lan", &lan, "--config", path(&config)?];
        run(&arguments, |_| Ok(()))
    };
    let output = look("3.1.1")?;
    ensure!(output.status.success(), "{}", told(&output));
    let found: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(entry(&found["mqtt"][0]["topics"], "topic", "ward/7")?["format"] == "wardline", "{found}");
    // What a person has written is not guessed away.
    let output = look("5")?;
    ensure!(output.status.code() == Some(69), "{}", told(&output));
    Ok(())
}
