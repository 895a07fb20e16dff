//! Which Kafka cluster this agent's readings have gone to, and whether the one that answers may have them too.
//!
//! A cluster tells its id to every client. The first that takes readings is kept beside the store; another one gets none
//! until the configuration names it, because cursors of two clusters must not be mixed: what the one has, the other
//! would never get, and nobody would know.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tokio::sync::watch;
use tracing::{error, info, warn};

/// The file in the state directory.
const FILE: &str = "kafka-cluster";

/// What is known of clusters.
pub(super) struct Cluster {
    path: PathBuf,
    /// Confirmed by a person: `cluster_id` under `[kafka]`.
    confirmed: Option<String>,
    /// The one that readings have gone to; `None`: none yet, or not read yet.
    kept: Option<String>,
    verdict: watch::Sender<Verdict>,
}

/// What the last look at a cluster came to, for those who do not look themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Nobody has looked yet, or it was refused.
    pub(super) accepted: bool,
    /// Which cluster; `None` for a broker that does not tell.
    pub(super) id: Option<String>,
}

/// What a cluster is to this agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The one that readings have gone to; or none can be told from the other.
    Known,
    /// The first.
    First,
    /// Another one, and a person has confirmed it.
    Moved,
    /// Another one, and nobody has confirmed it.
    Refused,
}

impl Cluster {
    /// Nothing is read yet: the disk may be slow.
    pub(super) fn new(state_dir: &Path, confirmed: Option<String>) -> Self {
        let verdict = watch::Sender::new(Verdict::default());
        Self { path: state_dir.join(FILE), confirmed, kept: None, verdict }
    }

    /// What the last look came to.
    pub(super) fn verdict(&self) -> watch::Receiver<Verdict> {
        self.verdict.subscribe()
    }

    /// Reads which cluster earlier runs have sent to.
    pub(super) fn read(&mut self) {
        match fs::read_to_string(&self.path) {
            Ok(id) => self.kept = Some(id.trim().to_owned()).filter(|it| !it.is_empty()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                error!(%error, path = %self.path.display(), "Which Kafka cluster the readings have gone to cannot be read: a move to another one would not be noticed.");
            }
        }
    }

    /// Judges the cluster that answers, and says why where it is refused.
    pub(super) fn judge(&self, found: Option<&str>) -> Judgement {
        let judgement = judge(self.confirmed.as_deref(), self.kept.as_deref(), found);
        let accepted = judgement != Judgement::Refused;
        self.verdict.send_replace(Verdict { accepted, id: found.map(ToOwned::to_owned) });
        judgement
    }

    /// Why the cluster that answers is refused, for a person.
    pub(super) fn refuse(&self, found: Option<&str>) {
        match (&self.confirmed, &self.kept, found) {
            (_, Some(kept), Some(found)) => error!(
                "Kafka is another cluster, {found}, than the readings have gone to, {kept}. They wait on the disk; alarms go on. If the move is meant, write cluster_id = \"{found}\" under [kafka] and restart the agent; if not, correct brokers."
            ),
            (Some(confirmed), None, Some(found)) => error!(
                "Kafka is the cluster {found}, and cluster_id under [kafka] names {confirmed}. Readings wait on the disk; alarms go on. Correct brokers or cluster_id, and restart the agent."
            ),
            _ => error!(
                "Kafka does not tell its cluster id, and cluster_id under [kafka] names one. Readings wait on the disk; alarms go on. Correct brokers, or take cluster_id out, and restart the agent."
            ),
        }
    }

    /// Readings are in this cluster: durably, before the next start could take another one for the first.
    pub(super) fn keep(&mut self, found: Option<&str>) {
        let Some(found) = found.filter(|it| self.kept.as_deref() != Some(*it)) else { return };
        match write(&self.path, found) {
            Ok(()) => info!(cluster = found, "Readings go to this Kafka cluster from now on."),
            Err(error) => {
                warn!(%error, path = %self.path.display(), "Which Kafka cluster the readings go to cannot be kept: after a restart a move to another one would not be noticed.");
            }
        }
        self.kept = Some(found.to_owned());
    }
}

/// What a cluster is, from what a person has confirmed, what earlier runs have sent to, and what it says of itself.
fn judge(confirmed: Option<&str>, kept: Option<&str>, found: Option<&str>) -> Judgement {
    match (confirmed, kept, found) {
        (Some(confirmed), _, found) if Some(confirmed) != found => Judgement::Refused,
        (_, Some(kept), Some(found)) if kept == found => Judgement::Known,
        (Some(_), Some(_), Some(_)) => Judgement::Moved,
        (None, Some(_), Some(_)) => Judgement::Refused,
        (_, None, Some(_)) => Judgement::First,
        (_, _, None) => Judgement::Known,
    }
}

fn write(path: &Path, id: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let dir = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(dir)?;
    let mut file = File::create(&new)?;
    writeln!(file, "{id}")?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_cluster_is_refused_until_a_person_names_it() {
        for (confirmed, kept, found, judgement) in [
            (None, None, Some("a"), Judgement::First),
            (None, Some("a"), Some("a"), Judgement::Known),
            (None, Some("a"), Some("b"), Judgement::Refused),
            (Some("b"), Some("a"), Some("b"), Judgement::Moved),
            (Some("b"), Some("b"), Some("b"), Judgement::Known),
            (Some("b"), Some("a"), Some("a"), Judgement::Refused),
            (Some("b"), None, Some("b"), Judgement::First),
            (Some("b"), None, Some("a"), Judgement::Refused),
            (Some("b"), Some("b"), None, Judgement::Refused),
            (None, Some("a"), None, Judgement::Known),
            (None, None, None, Judgement::Known),
        ] {
            let is = judge(confirmed, kept, found);
            assert_eq!(is, judgement, "confirmed {confirmed:?}, kept {kept:?}, found {found:?}");
        }
    }

    #[test]
    fn what_was_kept_outlives_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let state_dir = dir.path().join("state");
        let mut first = Cluster::new(&state_dir, None);
        first.read();
        assert_eq!(first.judge(Some("a")), Judgement::First);
        first.keep(Some("a"));
        let mut second = Cluster::new(&state_dir, None);
        second.read();
        assert_eq!(second.judge(Some("b")), Judgement::Refused);
        assert!(!second.verdict().borrow().accepted);
        let mut third = Cluster::new(&state_dir, Some("b".into()));
        third.read();
        assert_eq!(third.judge(Some("b")), Judgement::Moved);
        third.keep(Some("b"));
        assert_eq!(third.judge(Some("b")), Judgement::Known);
        assert_eq!(*third.verdict().borrow(), Verdict { accepted: true, id: Some("b".into()) });
    }
}
