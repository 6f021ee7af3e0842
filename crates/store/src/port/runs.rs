//! Runs of jobs: a durable queue with leases, and the slots of schedules.
//!
//! ```text
//!            insert                claim                    end
//!   (none) ─────────► queued ───────────────► running ─────────────► succeeded
//!                       ▲    ▲                 │  │  └──────────────► dead ──────┐
//!                       │    └──── reclaim ────┘  └─ end ─► retrying ─ claim ─►… │
//!                       └───────────────── put back ◄────────────────────────────┘
//!   cancelled: from queued, retrying and running; it can be put back as well
//! ```

use jiff::Timestamp;
use strongroom_model::Id;

use super::{StoreError, WorkloadRow};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunState {
    /// Waits for its first attempt, or for one that does not count as a retry.
    Queued,
    /// An attempt is under way.
    Running,
    /// The last attempt failed; the next one waits for its time.
    Retrying,
    /// Done.
    Succeeded,
    /// Every attempt failed: a dead letter.
    Dead,
    /// Stopped by somebody.
    Cancelled,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Running, Self::Retrying, Self::Succeeded, Self::Dead, Self::Cancelled];

    /// The word used in rows and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Succeeded => "succeeded",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing will happen to the run by itself any more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Dead | Self::Cancelled)
    }
}

/// One run of a job, without what is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Rises with every run; 0 before it is stored.
    pub seq: u64,
    /// The run.
    pub id: Id,
    /// The project.
    pub project: Id,
    /// The job.
    pub job: Id,
    /// Where it stands.
    pub state: RunState,
    /// The slot of the schedule that it is for; none if somebody asked for it.
    pub slot: Option<Timestamp>,
    /// Attempts begun.
    pub attempts: u64,
    /// Attempts among them that do not count against the retries: those of a server that ended, and those before the
    /// run was put back.
    pub spared: u64,
    /// Attempts whose server ended before they did, since the run was queued or put back.
    pub lost: u64,
    /// When it is due.
    pub run_at: Timestamp,
    /// The process that runs it; empty if none does.
    pub holder: String,
    /// Until when the holder counts as alive.
    pub lease_until: Option<Timestamp>,
    /// How far the code says it is, from 0 to 100.
    pub progress: Option<u64>,
    /// What the code says of it, masked.
    pub progress_message: Option<String>,
    /// Why the last attempt failed, masked.
    pub error: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Who asked.
    pub created_by: String,
    /// When the last attempt began.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
}

/// What of a run is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRun {
    /// What it was asked to work on.
    pub payload: Vec<u8>,
    /// What it returned.
    pub result: Option<Vec<u8>>,
}

/// Which runs to list, newest first.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Only of this job.
    pub job: Option<Id>,
    /// Only in this state.
    pub state: Option<RunState>,
    /// Only below this `seq`.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: usize,
}

/// Which runs to claim.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Of this job.
    pub job: Id,
    /// Only this run.
    pub only: Option<Id>,
    /// Those due at this time.
    pub now: Timestamp,
    /// So many that no more than this number of the job's runs are running then, whoever holds them.
    pub at_once: usize,
    /// At most this many.
    pub limit: usize,
    /// Of the runs that the schedule made, only the earliest that is not over.
    pub slots_in_turn: bool,
    /// Who claims them.
    pub holder: String,
    /// Until when.
    pub lease_until: Timestamp,
}

/// What an attempt came to.
#[derive(Debug, Clone)]
pub struct RunEnd {
    /// The run.
    pub id: Id,
    /// Who held it.
    pub holder: String,
    /// Which attempt.
    pub attempt: u64,
    /// Where the run stands now.
    pub state: RunState,
    /// When it is due again; only looked at if it is not over.
    pub run_at: Timestamp,
    /// The sealed result.
    pub result: Option<Vec<u8>>,
    /// Why it failed, masked.
    pub error: Option<String>,
    /// Now.
    pub at: Timestamp,
}

/// Reading.
pub trait RunRows {
    /// One run of a project.
    fn run(&mut self, project: &Id, id: &Id) -> Result<Option<RunRow>, StoreError>;
    /// What of a run is sealed.
    fn sealed_run(&mut self, id: &Id) -> Result<Option<SealedRun>, StoreError>;
    /// A page of a project's runs.
    fn runs(&mut self, project: &Id, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError>;
    /// The jobs of all projects, each with the time at which its earliest waiting run is due.
    fn jobs(&mut self) -> Result<Vec<(WorkloadRow, Option<Timestamp>)>, StoreError>;
    /// The latest slot of a job's schedule that was dealt with.
    fn last_slot(&mut self, job: &Id) -> Result<Option<Timestamp>, StoreError>;
    /// Whether a run that the schedule made is not over.
    fn has_scheduled_run(&mut self, job: &Id) -> Result<bool, StoreError>;
}

/// Writing.
pub trait RunTx {
    /// Queues a run with its sealed payload; `Exists` if its id is there.
    fn insert_run(&mut self, row: &RunRow, payload: &[u8]) -> Result<(), StoreError>;
    /// Takes runs that are due, earliest first: they are running, have one attempt more, and are the holder's. No two
    /// callers get the same one.
    fn claim_runs(&mut self, claim: &Claim) -> Result<Vec<RunRow>, StoreError>;
    /// Moves the leases of everything that `holder` runs; returns how many.
    fn renew_leases(&mut self, holder: &str, until: Timestamp) -> Result<u64, StoreError>;
    /// Puts back what runs under leases of others than `holder` that ended before `ended`: queued, due `now`, and the
    /// attempt does not count. Returns how many.
    fn reclaim_runs(&mut self, holder: &str, ended: Timestamp, now: Timestamp) -> Result<u64, StoreError>;
    /// Puts back what runs under leases of `holder`, which is about to end: queued, due `now`, and the attempt does not
    /// count. Returns how many.
    fn release_runs(&mut self, holder: &str, now: Timestamp) -> Result<u64, StoreError>;
    /// Notes how far a run is. `false` if `holder` does not run it.
    fn report_progress(
        &mut self,
        id: &Id,
        holder: &str,
        progress: u64,
        message: Option<&str>,
    ) -> Result<bool, StoreError>;
    /// Ends an attempt. `false`, and nothing happens, if that attempt is not under way: it was cancelled or reclaimed.
    fn end_run(&mut self, end: &RunEnd) -> Result<bool, StoreError>;
    /// Cancels a run that is not over. `false` if it is, or is not there.
    fn cancel_run(&mut self, id: &Id, at: Timestamp) -> Result<bool, StoreError>;
    /// Queues a dead or cancelled run again, with all its retries. `false` if it is neither.
    fn put_back_run(&mut self, id: &Id, at: Timestamp) -> Result<bool, StoreError>;
    /// Notes that a slot of a job's schedule was dealt with, and by which run if by one. `false` if it was before.
    fn insert_slot(&mut self, job: &Id, slot: Timestamp, run: Option<&Id>) -> Result<bool, StoreError>;
    /// Erases up to `limit` runs that were over before `before`; returns how many.
    fn prune_runs(&mut self, before: Timestamp, limit: usize) -> Result<u64, StoreError>;
    /// Erases what is known of slots before `before`, except each job's latest; returns how many.
    fn prune_slots(&mut self, before: Timestamp) -> Result<u64, StoreError>;
}
