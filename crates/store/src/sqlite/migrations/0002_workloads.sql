-- Functions become workloads of one of two kinds. SQLite cannot change a uniqueness rule, so the tables are made anew and
-- filled; the old ones go children first, so that nothing is erased by a foreign key.
CREATE TABLE workloads (
  id         BLOB NOT NULL PRIMARY KEY,
  project    BLOB NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  namespace  TEXT NOT NULL,
  kind       TEXT NOT NULL,
  name       TEXT NOT NULL,
  active     INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  updated_by TEXT NOT NULL,
  mac        BLOB NOT NULL,
  UNIQUE (project, kind, namespace, name)
) STRICT, WITHOUT ROWID;
INSERT INTO workloads (id, project, namespace, kind, name, active, created_at, updated_at, updated_by, mac)
  SELECT id, project, namespace, 'function', name, active, created_at, updated_at, updated_by, mac FROM functions;

CREATE TABLE deployments_of_workloads (
  workload     BLOB NOT NULL REFERENCES workloads (id) ON DELETE CASCADE,
  number       INTEGER NOT NULL,
  manifest     TEXT NOT NULL,
  found        TEXT NOT NULL,
  digest       BLOB NOT NULL,
  bundle_bytes INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  created_by   TEXT NOT NULL,
  mac          BLOB NOT NULL,
  PRIMARY KEY (workload, number)
) STRICT, WITHOUT ROWID;
INSERT INTO deployments_of_workloads
  SELECT function, number, manifest, found, digest, bundle_bytes, created_at, created_by, mac FROM deployments;

CREATE TABLE bundles_of_workloads (
  workload BLOB NOT NULL,
  number   INTEGER NOT NULL,
  code     BLOB NOT NULL,
  PRIMARY KEY (workload, number),
  FOREIGN KEY (workload, number) REFERENCES deployments_of_workloads (workload, number) ON DELETE CASCADE
) STRICT;
INSERT INTO bundles_of_workloads SELECT function, number, code FROM bundles;

DROP TABLE bundles;
DROP TABLE deployments;
DROP TABLE functions;
ALTER TABLE deployments_of_workloads RENAME TO deployments;
ALTER TABLE bundles_of_workloads RENAME TO bundles;
