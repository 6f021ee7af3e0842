//! Runs of jobs and slots of schedules.

use jiff::Timestamp;
use rusqlite::{Row, params};
use strongroom_model::Id;

use super::row::{
    bytes, id, limit, millis, number, optional_bytes, optional_millis, optional_number, optional_string, optional_time,
    stored, string, text, time,
};
use super::session::Session;
use super::workloads::workload;
use crate::port::{Claim, RunEnd, RunFilter, RunRow, RunRows, RunState, RunTx, SealedRun, StoreError, WorkloadRow};

/// The columns that [`run`] reads, in its order.
macro_rules! columns {
    () => {
        "seq, id, project, job, state, slot, attempts, spared, lost, run_at, holder, lease_until, progress, \
         progress_message, error, created_at, created_by, started_at, finished_at"
    };
}

fn run(row: &Row<'_>) -> Result<RunRow, StoreError> {
    let state = RunState::from_word(text(row, 4, "runs.state")?).ok_or(StoreError::Damaged("runs.state"))?;
    Ok(RunRow {
        seq: number(row, 0, "runs.seq")?,
        id: id(row, 1, "runs.id")?,
        project: id(row, 2, "runs.project")?,
        job: id(row, 3, "runs.job")?,
        state,
        slot: optional_time(row, 5, "runs.slot")?,
        attempts: number(row, 6, "runs.attempts")?,
        spared: number(row, 7, "runs.spared")?,
        lost: number(row, 8, "runs.lost")?,
        run_at: time(row, 9, "runs.run_at")?,
        holder: string(row, 10, "runs.holder")?,
        lease_until: optional_time(row, 11, "runs.lease_until")?,
        progress: optional_number(row, 12, "runs.progress")?,
        progress_message: optional_string(row, 13, "runs.progress_message")?,
        error: optional_string(row, 14, "runs.error")?,
        created_at: time(row, 15, "runs.created_at")?,
        created_by: string(row, 16, "runs.created_by")?,
        started_at: optional_time(row, 17, "runs.started_at")?,
        finished_at: optional_time(row, 18, "runs.finished_at")?,
    })
}

impl RunRows for Session<'_> {
    fn run(&mut self, project: &Id, id: &Id) -> Result<Option<RunRow>, StoreError> {
        self.first(
            concat!("SELECT ", columns!(), " FROM runs WHERE id = ?1 AND project = ?2"),
            params![id.as_bytes(), project.as_bytes()],
            run,
        )
    }

    fn sealed_run(&mut self, id: &Id) -> Result<Option<SealedRun>, StoreError> {
        self.first("SELECT payload, result FROM runs WHERE id = ?1", [id.as_bytes()], |row| {
            Ok(SealedRun { payload: bytes(row, 0, "runs.payload")?, result: optional_bytes(row, 1, "runs.result")? })
        })
    }

    fn runs(&mut self, project: &Id, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        let before = filter.before.map(stored).transpose()?.unwrap_or(i64::MAX);
        let (project, most) = (project.as_bytes(), limit(filter.limit));
        // each has its index; a filter on the state goes first, since those looked for are few
        match (filter.state, &filter.job) {
            (Some(state), job) => self.all(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM runs WHERE project = ?1 AND state = ?2 AND seq < ?3 AND (?4 IS NULL OR job = ?4)
                     ORDER BY seq DESC LIMIT ?5"
                ),
                params![project, state.as_str(), before, job.as_ref().map(Id::as_bytes), most],
                run,
            ),
            (None, Some(job)) => self.all(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM runs WHERE job = ?2 AND seq < ?3 AND +project = ?1 ORDER BY seq DESC LIMIT ?4"
                ),
                params![project, job.as_bytes(), before, most],
                run,
            ),
            (None, None) => self.all(
                concat!("SELECT ", columns!(), " FROM runs WHERE project = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3"),
                params![project, before, most],
                run,
            ),
        }
    }

    fn jobs(&mut self) -> Result<Vec<(WorkloadRow, Option<Timestamp>)>, StoreError> {
        self.all(
            "SELECT id, project, namespace, name, active, created_at, updated_at, updated_by, mac, kind,
               (SELECT run_at FROM runs WHERE job = workloads.id AND state IN ('queued', 'retrying')
                ORDER BY run_at LIMIT 1)
             FROM workloads WHERE kind = 'job' ORDER BY id",
            [],
            |row| Ok((workload(row)?, optional_time(row, 10, "runs.run_at")?)),
        )
    }

    fn last_slot(&mut self, job: &Id) -> Result<Option<Timestamp>, StoreError> {
        self.first("SELECT slot FROM slots WHERE job = ?1 ORDER BY slot DESC LIMIT 1", [job.as_bytes()], |row| {
            time(row, 0, "slots.slot")
        })
    }

    fn has_scheduled_run(&mut self, job: &Id) -> Result<bool, StoreError> {
        let found = self.first(
            "SELECT 1 FROM runs WHERE job = ?1 AND slot IS NOT NULL AND state IN ('queued', 'retrying', 'running') LIMIT 1",
            [job.as_bytes()],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }
}

impl RunTx for Session<'_> {
    fn insert_run(&mut self, row: &RunRow, payload: &[u8]) -> Result<(), StoreError> {
        self.insert(
            "a run of this id",
            "INSERT INTO runs (id, project, job, state, slot, attempts, spared, lost, run_at, holder, lease_until,
               progress, progress_message, error, created_at, created_by, started_at, finished_at, payload)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
            params![
                row.id.as_bytes(),
                row.project.as_bytes(),
                row.job.as_bytes(),
                row.state.as_str(),
                optional_millis(row.slot),
                stored(row.attempts)?,
                stored(row.spared)?,
                stored(row.lost)?,
                millis(row.run_at),
                row.holder,
                optional_millis(row.lease_until),
                row.progress.map(stored).transpose()?,
                row.progress_message,
                row.error,
                millis(row.created_at),
                row.created_by,
                optional_millis(row.started_at),
                optional_millis(row.finished_at),
                payload,
            ],
        )?;
        Ok(())
    }

    fn claim_runs(&mut self, claim: &Claim) -> Result<Vec<RunRow>, StoreError> {
        // one writer: what is read here cannot be claimed by another before it is written
        // without the hint, SQLite counts along the index of all runs of the job, which are kept for a month
        let running = self.one(
            "SELECT count(*) FROM runs INDEXED BY runs_running WHERE job = ?1 AND state = 'running'",
            [claim.job.as_bytes()],
            |row| number(row, 0, "a count"),
        )?;
        let free = claim.at_once.saturating_sub(usize::try_from(running).unwrap_or(usize::MAX));
        self.all(
            concat!(
                "UPDATE runs SET state = 'running', attempts = attempts + 1, holder = ?5, lease_until = ?6,
                   started_at = ?3, progress = NULL, progress_message = NULL
                 WHERE seq IN (SELECT seq FROM runs WHERE job = ?1 AND state IN ('queued', 'retrying')
                                 AND run_at <= ?3 AND (?2 IS NULL OR id = ?2)
                                 AND (?7 = 0 OR slot IS NULL OR slot = (
                                   SELECT min(slot) FROM runs WHERE job = ?1 AND slot IS NOT NULL
                                     AND state IN ('queued', 'retrying', 'running')))
                               ORDER BY run_at, seq LIMIT ?4)
                 RETURNING ",
                columns!()
            ),
            params![
                claim.job.as_bytes(),
                claim.only.as_ref().map(Id::as_bytes),
                millis(claim.now),
                limit(free.min(claim.limit)),
                claim.holder,
                millis(claim.lease_until),
                claim.slots_in_turn,
            ],
            run,
        )
    }

    fn renew_leases(&mut self, holder: &str, until: Timestamp) -> Result<u64, StoreError> {
        self.change(
            "UPDATE runs SET lease_until = ?2 WHERE state = 'running' AND holder = ?1",
            params![holder, millis(until)],
        )
    }

    fn reclaim_runs(&mut self, holder: &str, ended: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        self.change(
            "UPDATE runs SET state = 'queued', run_at = ?3, spared = spared + 1, lost = lost + 1, holder = '',
               lease_until = NULL
             WHERE state = 'running' AND holder <> ?1 AND lease_until < ?2",
            params![holder, millis(ended), millis(now)],
        )
    }

    fn release_runs(&mut self, holder: &str, now: Timestamp) -> Result<u64, StoreError> {
        self.change(
            "UPDATE runs SET state = 'queued', run_at = ?2, spared = spared + 1, holder = '', lease_until = NULL
             WHERE state = 'running' AND holder = ?1",
            params![holder, millis(now)],
        )
    }

    fn report_progress(
        &mut self,
        id: &Id,
        holder: &str,
        progress: u64,
        message: Option<&str>,
    ) -> Result<bool, StoreError> {
        let changed = self.change(
            "UPDATE runs SET progress = ?3, progress_message = ?4 WHERE id = ?1 AND state = 'running' AND holder = ?2",
            params![id.as_bytes(), holder, stored(progress)?, message],
        )?;
        Ok(changed > 0)
    }

    fn end_run(&mut self, end: &RunEnd) -> Result<bool, StoreError> {
        let finished = end.state.is_over().then_some(end.at);
        let changed = self.change(
            "UPDATE runs SET state = ?4, run_at = iif(?7 IS NULL, ?5, run_at), result = ?6, finished_at = ?7, error = ?8,
               holder = '', lease_until = NULL
             WHERE id = ?1 AND state = 'running' AND holder = ?2 AND attempts = ?3",
            params![
                end.id.as_bytes(),
                end.holder,
                stored(end.attempt)?,
                end.state.as_str(),
                millis(end.run_at),
                end.result,
                optional_millis(finished),
                end.error,
            ],
        )?;
        Ok(changed > 0)
    }

    fn cancel_run(&mut self, id: &Id, at: Timestamp) -> Result<bool, StoreError> {
        let changed = self.change(
            "UPDATE runs SET state = 'cancelled', finished_at = ?2, holder = '', lease_until = NULL
             WHERE id = ?1 AND state IN ('queued', 'retrying', 'running')",
            params![id.as_bytes(), millis(at)],
        )?;
        Ok(changed > 0)
    }

    fn put_back_run(&mut self, id: &Id, at: Timestamp) -> Result<bool, StoreError> {
        let changed = self.change(
            "UPDATE runs SET state = 'queued', run_at = ?2, spared = attempts, lost = 0, finished_at = NULL
             WHERE id = ?1 AND state IN ('dead', 'cancelled')",
            params![id.as_bytes(), millis(at)],
        )?;
        Ok(changed > 0)
    }

    fn insert_slot(&mut self, job: &Id, slot: Timestamp, run: Option<&Id>) -> Result<bool, StoreError> {
        let changed = self.insert(
            "a slot",
            "INSERT INTO slots (job, slot, run) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            params![job.as_bytes(), millis(slot), run.map(Id::as_bytes)],
        )?;
        Ok(changed > 0)
    }

    fn prune_runs(&mut self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.erase(
            "DELETE FROM runs WHERE seq IN (SELECT seq FROM runs WHERE finished_at < ?1 AND finished_at IS NOT NULL
                                              ORDER BY finished_at LIMIT ?2)",
            params![millis(before), super::row::limit(limit)],
        )
    }

    fn prune_slots(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        self.change(
            "DELETE FROM slots WHERE slot < ?1
               AND slot < (SELECT max(latest.slot) FROM slots AS latest WHERE latest.job = slots.job)",
            [millis(before)],
        )
    }
}
