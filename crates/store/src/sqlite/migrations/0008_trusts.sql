-- Whom a project trusts to say who somebody is: issuers of its end users' tokens, and platforms whose workloads sign in.
CREATE TABLE trusts (
  id         BLOB NOT NULL PRIMARY KEY,
  project    BLOB NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  kind       TEXT NOT NULL,
  name       TEXT NOT NULL,
  record     TEXT NOT NULL,
  sealed     BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  mac        BLOB NOT NULL,
  UNIQUE (project, kind, name)
) STRICT, WITHOUT ROWID;
