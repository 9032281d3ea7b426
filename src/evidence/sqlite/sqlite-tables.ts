/**
 * The tables of a store in SQLite.
 *
 *   record   one row a record; what is searched is *computed* from its body, by SQLite and not by us
 *   head     the newest two, and of those before them the last of each span
 *   base     where the chain begins, once its oldest part is gone
 *
 * The surprise: taking a body away takes it out of every search index too, as nothing is left to compute from.
 */

/** Version of the tables; a higher one was written by a newer Coffre. */
export const format = 1;

/** Of the heads behind the newest two, one in this many positions is kept. */
export const headSpan = 1_024;

const from = `body ->> '$.from.identity'`;
const address = `body ->> '$.from.address'`;

/** What is searched by, and how it follows from the body. */
const searched: Readonly<Record<string, string>> = {
  decision: `body ->> '$.decision'`,
  trace: `body ->> '$.trace'`,
  workload: `body ->> '$.workload'`,
  from_identity: from,
  // `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/NAME` as `NAMESPACE/NAME`
  from_account: `CASE WHEN ${from} LIKE 'spiffe://%/ns/%/sa/%' THEN replace(substr(${from}, instr(${from}, '/ns/') + 4), '/sa/', '/') END`,
  from_workload: `body ->> '$.from.workload'`,
  from_host: `rtrim(rtrim(${address}, '0123456789'), ':')`,
  // or the service that was dialled, where nobody was reached
  to_workload: `coalesce(body ->> '$.to.workload', body ->> '$.to.service')`,
  subject: `coalesce(body ->> '$.subject', body ->> '$.about')`,
  path: `body ->> '$.request.path'`,
  verdict: `body ->> '$.verdict'`,
};

// A body that was changed and is no JSON any more must not break every query that meets it.
const columns = Object.entries(searched).map(
  ([name, expression]) =>
    `${name} TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(body) THEN ${expression} END) VIRTUAL`,
);

export const tables = `
  CREATE TABLE IF NOT EXISTS fence (id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS chain (
    id INTEGER PRIMARY KEY CHECK (id = 1), replica TEXT NOT NULL, public_key TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS record (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, class TEXT NOT NULL, at_ms INTEGER NOT NULL,
    tenant TEXT NOT NULL, epoch INTEGER NOT NULL, stream TEXT NOT NULL, sequence INTEGER NOT NULL,
    body_digest BLOB NOT NULL, nonce BLOB, body TEXT, link BLOB NOT NULL, ${columns.join(', ')}
  ) STRICT;
  CREATE TABLE IF NOT EXISTS head (
    position INTEGER PRIMARY KEY, hash TEXT NOT NULL, at_ms INTEGER NOT NULL, signature TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS base (
    id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL, hash TEXT NOT NULL, at_ms INTEGER NOT NULL,
    signature TEXT NOT NULL
  ) STRICT;
  INSERT OR IGNORE INTO fence (id, epoch) VALUES (1, 0);
  PRAGMA user_version = ${format};
`;

/** By name; each is made anew where it is missing. */
export const indices: Readonly<Record<string, string>> = {
  record_by_id: 'CREATE UNIQUE INDEX IF NOT EXISTS record_by_id ON record (id)',
  record_by_stream: `CREATE UNIQUE INDEX IF NOT EXISTS record_by_stream ON record (stream, sequence) WHERE stream > ''`,
  record_by_kind: 'CREATE INDEX IF NOT EXISTS record_by_kind ON record (kind)',
  record_by_tenant: 'CREATE INDEX IF NOT EXISTS record_by_tenant ON record (tenant)',
  record_by_time: 'CREATE INDEX IF NOT EXISTS record_by_time ON record (at_ms) WHERE body IS NOT NULL',
  record_kept: 'CREATE INDEX IF NOT EXISTS record_kept ON record (class, at_ms) WHERE body IS NOT NULL',
  ...Object.fromEntries(
    Object.keys(searched).map((name) => [
      `record_by_${name}`,
      `CREATE INDEX IF NOT EXISTS record_by_${name} ON record (${name}) WHERE ${name} IS NOT NULL`,
    ]),
  ),
};
