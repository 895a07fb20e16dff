//! What a run without a store still has in memory at its end goes to the disk, if that takes it again by then.

use tracing::{info, warn};

use super::disk::Recovered;
use super::durable::{Platter, StoreError};
use super::facts::Naming;
use super::format;
use super::found::{place, probe};
use super::group::Group;
use super::history::Past;
use super::{Chunk, Settings};

/// The way to the disk for a lane that had none.
pub(super) struct Rescue {
    pub(super) settings: Settings,
    pub(super) platter: Platter,
}

impl Rescue {
    /// Keeps what is left of a lane behind a number as a generation of its run, which also says where the run ended; the
    /// next run sends it in its turn.
    pub(super) fn keep(&self, naming: &Naming, after: u64, rest: Vec<Chunk>) {
        let Some(last) = rest.last().map(|it| it.last).or((after > 0).then_some(after)) else { return };
        let first = after + 1;
        let lane = naming.lane.letter();
        match self.write(naming, first, rest) {
            Ok(()) => info!(%lane, first, last, "What was in memory is on the disk."),
            Err(error) => {
                warn!(%lane, first, last, error = error.chain(), "What was in memory and is not in Kafka is lost.");
            }
        }
    }

    fn write(&self, naming: &Naming, first: u64, rest: Vec<Chunk>) -> Result<(), StoreError> {
        probe(&self.settings.dir, &self.platter)?;
        format::enter(&self.settings.dir)?;
        let recovered = Recovered::read(place(&self.settings, naming.lane, &self.platter))?;
        let (state, past) = (recovered.state.clone(), Past::new(recovered.manifest.clone(), None));
        let manifest = past.manifest(&self.settings.run, &self.settings.started);
        let mut lane = recovered.begin(first, manifest, state)?;
        for chunk in rest {
            let weight = chunk.weight();
            lane.keep(Group { chunk: Some(chunk), weight, ..Group::default() })?;
        }
        lane.close();
        Ok(())
    }
}
