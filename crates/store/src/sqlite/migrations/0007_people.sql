-- People who sign in. `access` of a member and of an invitation is JSON under the row's MAC.
CREATE TABLE users (
  id           BLOB NOT NULL PRIMARY KEY,
  name         TEXT NOT NULL UNIQUE,
  is_admin     INTEGER NOT NULL,
  is_disabled  INTEGER NOT NULL,
  generation   INTEGER NOT NULL,
  password     TEXT NOT NULL,
  factor       BLOB,
  factor_step  INTEGER NOT NULL,
  recovery     TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  created_by   TEXT NOT NULL,
  signed_in_at INTEGER,
  mac          BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
  project    BLOB NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  user       BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  access     TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  mac        BLOB NOT NULL,
  PRIMARY KEY (project, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_user ON members (user);

CREATE TABLE sessions (
  id           BLOB NOT NULL PRIMARY KEY,
  user         BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  digest       BLOB NOT NULL UNIQUE,
  kind         TEXT NOT NULL,
  generation   INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  proved_at    INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  source       TEXT NOT NULL,
  label        TEXT NOT NULL,
  mac          BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user, created_at);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE invitations (
  id         BLOB NOT NULL PRIMARY KEY,
  name       TEXT NOT NULL,
  digest     BLOB NOT NULL UNIQUE,
  access     TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  closed_at  INTEGER,
  mac        BLOB NOT NULL
) STRICT, WITHOUT ROWID;
