-- Fill-in links. `terms` is JSON under the row's MAC.
CREATE TABLE links (
  id          BLOB NOT NULL PRIMARY KEY,
  project     BLOB NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  digest      BLOB NOT NULL UNIQUE,
  terms       TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  created_by  TEXT NOT NULL,
  expires_at  INTEGER NOT NULL,
  filled_at   INTEGER,
  filled_from TEXT,
  revoked_at  INTEGER,
  mac         BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX links_by_project ON links (project, created_at);
CREATE INDEX links_by_end ON links (expires_at);
