//! Starting one worker: values and a generic process at the same time, then the code.

use std::sync::Arc;
use std::time::Duration;

use crate::masks::Masks;
use crate::output::Loaded;
use crate::permissions::PermissionSet;
use crate::pool::Pool;
use crate::snapshot::{Facts, Snapshot, SnapshotError, SnapshotSource};
use crate::spec::WorkerSpec;
use crate::worker::{StartFailure, Worker};

/// Longest time for the code to load.
const LOAD_WAIT: Duration = Duration::from_secs(30);
/// Longest time for values to be resolved.
const SNAPSHOT_WAIT: Duration = Duration::from_secs(10);

/// A worker whose code is loaded and that serves nobody yet.
pub(crate) struct Fresh {
    pub(crate) worker: Arc<Worker>,
    pub(crate) spec: Arc<WorkerSpec>,
    pub(crate) facts: Facts,
    pub(crate) epoch: u64,
    pub(crate) valid_until: Option<i64>,
    pub(crate) loaded: Arc<Loaded>,
}

/// Starts a worker for `spec`.
pub(crate) async fn start(
    pool: &Arc<Pool>,
    source: &dyn SnapshotSource,
    spec: Arc<WorkerSpec>,
    masks: Arc<Masks>,
) -> Result<Fresh, StartFailure> {
    let set = PermissionSet { engine: spec.engine, net: spec.net.clone(), memory_bytes: spec.memory_bytes };
    let (snapshot, worker) = tokio::join!(snapshot(source, &spec), pool.take(&set));
    let (snapshot, worker) = (snapshot.map_err(StartFailure::Snapshot)?, worker?);
    let loaded = worker.assign(&spec, &snapshot, masks, LOAD_WAIT).await?;
    let facts = Facts::of(&snapshot);
    let (epoch, valid_until) = (snapshot.epoch, snapshot.valid_until_unix_ms);
    Ok(Fresh { worker, spec, facts, epoch, valid_until, loaded })
}

/// The values of `workload` now, or why they cannot be had in time.
pub(crate) async fn snapshot(source: &dyn SnapshotSource, spec: &WorkerSpec) -> Result<Snapshot, SnapshotError> {
    match tokio::time::timeout(SNAPSHOT_WAIT, source.snapshot(spec)).await {
        Ok(snapshot) => snapshot,
        Err(_) => Err(SnapshotError(format!("no answer within {SNAPSHOT_WAIT:?}"))),
    }
}
