-- AUTOINCREMENT: pages of a list are cut by `seq`, which is never given twice. What is sealed comes last, so that lists read
-- none of it. `payload` and `result` are sealed for the run under the project's key.
CREATE TABLE runs (
  seq              INTEGER PRIMARY KEY AUTOINCREMENT,
  id               BLOB NOT NULL UNIQUE,
  project          BLOB NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  job              BLOB NOT NULL REFERENCES workloads (id) ON DELETE CASCADE,
  state            TEXT NOT NULL,
  slot             INTEGER,
  attempts         INTEGER NOT NULL,
  spared           INTEGER NOT NULL,
  lost             INTEGER NOT NULL,
  run_at           INTEGER NOT NULL,
  holder           TEXT NOT NULL,
  lease_until      INTEGER,
  progress         INTEGER,
  progress_message TEXT,
  error            TEXT,
  created_at       INTEGER NOT NULL,
  created_by       TEXT NOT NULL,
  started_at       INTEGER,
  finished_at      INTEGER,
  payload          BLOB NOT NULL,
  result           BLOB
) STRICT;
-- What is due next of a job; what runs; what a schedule made and is not over: few entries each, whatever is over.
CREATE INDEX runs_waiting ON runs (job, run_at, seq) WHERE state IN ('queued', 'retrying');
CREATE INDEX runs_running ON runs (job) WHERE state = 'running';
CREATE INDEX runs_scheduled ON runs (job, slot) WHERE slot IS NOT NULL AND state IN ('queued', 'retrying', 'running');
CREATE INDEX runs_by_job ON runs (job, seq);
CREATE INDEX runs_by_state ON runs (project, state, seq);
CREATE INDEX runs_by_project ON runs (project, seq);
CREATE INDEX runs_finished ON runs (finished_at) WHERE finished_at IS NOT NULL;

-- One row a slot, so that each is dealt with once.
CREATE TABLE slots (
  job  BLOB NOT NULL REFERENCES workloads (id) ON DELETE CASCADE,
  slot INTEGER NOT NULL,
  run  BLOB,
  PRIMARY KEY (job, slot)
) STRICT, WITHOUT ROWID;
