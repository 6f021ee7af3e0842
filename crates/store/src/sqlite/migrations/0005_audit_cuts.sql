-- Where the chain of a node begins since its oldest records were erased: `seq` is the last one that was, `link` its link.
CREATE TABLE audit_cuts (
  number INTEGER PRIMARY KEY REFERENCES audit_nodes (number),
  seq    INTEGER NOT NULL,
  link   BLOB NOT NULL,
  at     INTEGER NOT NULL,
  mac    BLOB NOT NULL
) STRICT;
