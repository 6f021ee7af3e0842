-- Times are INTEGER milliseconds since 1970 (UTC), ids are BLOBs of 16 bytes, '' stands for "none" in columns that take
-- part in uniqueness. Values exist only as `versions.envelope`, sealed.

CREATE TABLE instance (
  only        INTEGER PRIMARY KEY CHECK (only = 1),
  id          BLOB NOT NULL,
  key_check   BLOB NOT NULL,
  fingerprint TEXT NOT NULL,
  created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE projects (
  id         BLOB NOT NULL PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  settings   TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  mac        BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE project_keys (
  project    BLOB NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  version    INTEGER NOT NULL,
  wrapped    BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (project, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE namespaces (
  project    BLOB NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  name       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (project, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE apps (
  project    BLOB NOT NULL,
  namespace  TEXT NOT NULL,
  id         TEXT NOT NULL,
  label      TEXT,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (project, namespace, id),
  FOREIGN KEY (project, namespace) REFERENCES namespaces (project, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The epoch of a namespace is the higher of its own row and of the row of ''. Rows stay when a namespace goes, so that
-- one made again under its name does not start lower.
CREATE TABLE epochs (
  project   BLOB NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  namespace TEXT NOT NULL,
  epoch     INTEGER NOT NULL,
  PRIMARY KEY (project, namespace)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
  id           BLOB NOT NULL PRIMARY KEY,
  project      BLOB NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  scope        TEXT NOT NULL,
  namespace    TEXT NOT NULL,
  app          TEXT NOT NULL,
  end_user     TEXT NOT NULL,
  name         TEXT NOT NULL,
  description  TEXT,
  expires_at   INTEGER,
  version      INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  created_by   TEXT NOT NULL,
  updated_at   INTEGER NOT NULL,
  updated_by   TEXT NOT NULL,
  value_set_at INTEGER,
  deleted_at   INTEGER,
  mac          BLOB NOT NULL
) STRICT;

-- One live name in a scope, also when case is ignored; finds one scope's secrets.
CREATE UNIQUE INDEX secrets_by_scope ON secrets (project, scope, namespace, app, end_user, name COLLATE NOCASE)
  WHERE deleted_at IS NULL;
-- Lists in the order of pages; finds one name in all scopes. End users' secrets, of which there may be very many, are
-- left out. `deleted_at` and `id` are there so that a list of names is answered from the index alone.
CREATE INDEX secrets_by_name ON secrets (project, name, scope, namespace, app, deleted_at, id)
  WHERE deleted_at IS NULL AND scope <> 'user';
-- The next three have entries for few secrets only.
CREATE INDEX secrets_expiring ON secrets (project, expires_at, scope)
  WHERE deleted_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX secrets_declared ON secrets (project, scope)
  WHERE deleted_at IS NULL AND version = 0;
CREATE INDEX secrets_deleted ON secrets (deleted_at)
  WHERE deleted_at IS NOT NULL;

CREATE TABLE versions (
  secret       BLOB NOT NULL REFERENCES secrets (id) ON DELETE CASCADE,
  version      INTEGER NOT NULL,
  kind         TEXT NOT NULL,
  from_version INTEGER,
  created_at   INTEGER NOT NULL,
  created_by   TEXT NOT NULL,
  envelope     BLOB NOT NULL,
  PRIMARY KEY (secret, version)
) STRICT;

CREATE TABLE functions (
  id         BLOB NOT NULL PRIMARY KEY,
  project    BLOB NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  namespace  TEXT NOT NULL,
  name       TEXT NOT NULL,
  active     INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  updated_by TEXT NOT NULL,
  mac        BLOB NOT NULL,
  UNIQUE (project, namespace, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE deployments (
  function       BLOB NOT NULL REFERENCES functions (id) ON DELETE CASCADE,
  number         INTEGER NOT NULL,
  manifest       TEXT NOT NULL,
  found          TEXT NOT NULL,
  digest         BLOB NOT NULL,
  bundle_bytes   INTEGER NOT NULL,
  created_at     INTEGER NOT NULL,
  created_by     TEXT NOT NULL,
  mac            BLOB NOT NULL,
  PRIMARY KEY (function, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE bundles (
  function BLOB NOT NULL,
  number   INTEGER NOT NULL,
  code     BLOB NOT NULL,
  PRIMARY KEY (function, number),
  FOREIGN KEY (function, number) REFERENCES deployments (function, number) ON DELETE CASCADE
) STRICT;

CREATE TABLE read_facts (
  project      BLOB NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  namespace    TEXT NOT NULL,
  kind         TEXT NOT NULL,
  workload     TEXT NOT NULL,
  secret       TEXT NOT NULL,
  via          TEXT NOT NULL,
  last_read_at INTEGER,
  PRIMARY KEY (project, namespace, kind, workload, secret, via)
) STRICT, WITHOUT ROWID;
CREATE INDEX read_facts_by_secret ON read_facts (project, secret);

CREATE TABLE tokens (
  id           BLOB NOT NULL PRIMARY KEY,
  project      BLOB NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  name         TEXT NOT NULL,
  digest       BLOB NOT NULL UNIQUE,
  access       TEXT NOT NULL,
  expires_at   INTEGER,
  created_at   INTEGER NOT NULL,
  created_by   TEXT NOT NULL,
  last_used_at INTEGER,
  revoked_at   INTEGER,
  mac          BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_by_project ON tokens (project, created_at);

CREATE TABLE idempotency (
  scope  TEXT NOT NULL,
  key    TEXT NOT NULL,
  answer TEXT NOT NULL,
  at     INTEGER NOT NULL,
  PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (at);

CREATE TABLE audit_nodes (
  number INTEGER PRIMARY KEY CHECK (number BETWEEN 1 AND 32767),
  node   TEXT NOT NULL UNIQUE
) STRICT;

-- `place` is audit_nodes.number * 2^48 + seq: each node's chain is one range of the table, a record is appended at the
-- end of its range, and no second index has to be kept for it.
CREATE TABLE audit (
  place   INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL,
  project TEXT NOT NULL,
  action  TEXT NOT NULL,
  record  TEXT NOT NULL,
  link    BLOB NOT NULL
) STRICT;

-- AUTOINCREMENT: an id is never given twice, not even after the newest line was erased, because followers count on it.
CREATE TABLE logs (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  at        INTEGER NOT NULL,
  project   BLOB NOT NULL,
  category  TEXT NOT NULL,
  namespace TEXT NOT NULL,
  workload  TEXT NOT NULL,
  execution TEXT,
  level     TEXT NOT NULL,
  message   TEXT NOT NULL
) STRICT;
CREATE INDEX logs_by_project ON logs (project, id);
CREATE INDEX logs_by_execution ON logs (execution) WHERE execution IS NOT NULL;
CREATE INDEX logs_by_age ON logs (at);
