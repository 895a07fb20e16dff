//! TLS and passwords on the way from the broker: used where they are right, and said in words where they are wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use wardline_tests::agent::Agent;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::process::run;
use wardline_tests::publisher::publish_one;
use wardline_tests::scratch::Scratch;
use wardline_tests::site::Site;
use wardline_tests::tls::certify;
use wardline_tests::{port, program, wait};

const SOON: Duration = Duration::from_secs(20);
const PASSWORD: &str = "correct horse";

/// A broker with two listeners, one of them with TLS; the user `agent` has a password.
struct Secured {
    scratch: Scratch,
    broker: Mosquitto,
    tls: u16,
}

impl Secured {
    fn start() -> Result<Self> {
        let scratch = Scratch::new("secure")?;
        let dir = scratch.path();
        certify(dir, "ca", "server")?;
        let users = dir.join("users");
        run(Command::new(program::installed("mosquitto_passwd", "mosquitto")?)
            .args(["-b", "-c"])
            .arg(&users)
            .args(["agent", PASSWORD]))?;
        let tls = port::free()?;
        let (at, users) = (dir.display(), users.display());
        let broker = Mosquitto::start_with(&format!(
            "persistence false\npassword_file {users}\nlistener {tls} 127.0.0.1\ncafile {at}/ca.pem\n\
             certfile {at}/server.pem\nkeyfile {at}/server.key"
        ))?;
        Ok(Self { scratch, broker, tls })
    }

    /// A site whose agent logs in with this password and trusts this authority.
    fn site(&self, name: &str, password: &str, ca: &Path) -> Result<Site> {
        let secret = self.scratch.write("password", password)?;
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
        let (tls, secret, ca) = (self.tls, secret.display(), ca.display());
        Ok(Site::new(name)?.beds(["secure-1"]).toml(&format!(
            "[mqtt.ward]\nurl = \"mqtts://127.0.0.1:{tls}\"\nuser = \"agent\"\npassword_file = \"{secret}\"\n\
             ca_file = \"{ca}\"\n\
             [[source]]\nid = \"ward\"\nmqtt = \"ward\"\ntopic = \"ward/{{bed}}\"\nformat = \"wardline\"\n"
        )))
    }

    fn ca(&self) -> PathBuf {
        self.scratch.path().join("ca.pem")
    }
}

#[test]
fn with_the_right_password_over_tls_messages_arrive() -> Result<()> {
    let secured = Secured::start()?;
    let site = secured.site("secure-right", PASSWORD, &secured.ca())?;
    let agent = Agent::start(&site)?;
    agent
        .wait_heard(|| publish_one(secured.broker.port(), "ward/secure-1", Patient::Stable.payload(1), false))
}

#[test]
fn a_wrong_password_and_a_wrong_authority_are_said_in_words_and_not_again_and_again() -> Result<()> {
    let secured = Secured::start()?;
    let other = Scratch::new("other-ca")?;
    certify(other.path(), "ca", "server")?;
    let wrong = [
        ("secure-login", "wrong", secured.ca(), "password_file"),
        ("secure-ca", PASSWORD, other.path().join("ca.pem"), "TLS is not accepted"),
    ];
    for (name, password, ca, word) in wrong {
        let site = secured.site(name, password, &ca)?;
        let mut agent = Agent::start(&site)?;
        let told = || agent.log().lines().filter(|it| it.contains("WARN") && it.contains(word)).count();
        let said = wait::until(&format!("{word} in the log"), SOON, || Ok((told() > 0).then_some(())));
        said.with_context(|| format!("{name}: the agent's log:\n{}", agent.log()))?;
        // Long enough for several more tries.
        let tried = std::time::Instant::now() + Duration::from_secs(3);
        wait::until("several tries", SOON, || Ok((std::time::Instant::now() > tried).then_some(())))?;
        ensure!(told() <= 2, "{name}: the log is flooded:\n{}", agent.log());
        ensure!(!agent.log().contains(PASSWORD), "{name}: a secret is in the log");
        agent.check_alive()?;
    }
    Ok(())
}
