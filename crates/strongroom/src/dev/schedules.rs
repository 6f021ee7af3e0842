//! Jobs by their schedules, while dev runs with `--schedules`. What passes while it does not run is not made up for.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use strongroom_model::Schedule;
use strongroom_runtime::WorkloadId;
use tokio::task::JoinHandle;

use super::calls::{Run, run_job};
use super::code::{Loaded, Shared};
use super::print::{From, Tone};
use crate::opening::request_id_start;

/// Longest sleep: clocks are set, and machines sleep.
const MAX_SLEEP: Duration = Duration::from_secs(30);

/// Runs one job at each slot. A slot at which the run before still goes on is passed over.
pub(super) fn keep(shared: &Arc<Shared>, id: WorkloadId, schedule: Schedule) -> JoinHandle<()> {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let mut from = (shared.now)();
        while let Some(slot) = schedule.next_after(from) {
            loop {
                let left = Duration::try_from(slot.duration_since((shared.now)())).unwrap_or_default();
                if left.is_zero() {
                    break;
                }
                tokio::time::sleep(left.min(MAX_SLEEP)).await;
            }
            if let Some(Loaded::Ready(spec)) = shared.loaded(&id).as_deref() {
                let text = format!("its schedule {} begins a run", schedule.as_str());
                shared.printer.say(From::About(&id.name), Tone::Info, &text);
                let number = format!("{:016x}", request_id_start());
                let run = Run { id: number, payload: Bytes::new(), scheduled_for: Some(slot.to_string()) };
                // how it ended is told where it runs
                run_job(&shared, spec, run).await.ok();
            }
            from = (shared.now)().max(slot);
        }
    })
}
