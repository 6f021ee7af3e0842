-- Who people are at a sign-in provider. A person is known by issuer and subject, never by an e-mail address alone.
CREATE TABLE identities (
  issuer     TEXT NOT NULL,
  subject    TEXT NOT NULL,
  user       BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  label      TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  mac        BLOB NOT NULL,
  PRIMARY KEY (issuer, subject),
  UNIQUE (user, issuer)
) STRICT, WITHOUT ROWID;
