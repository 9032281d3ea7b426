/**
 * The tables of a store in PostgreSQL, shared by replicas; each has its own chain in them.
 *
 *   replica  one row a chain: its key, and the epoch of whoever may write it
 *   record   one row a record; `facts`, what is searched, is *computed* from its body: no index says other than the chain
 *   head     the newest two of each chain, and of those before them the last of each span
 *   base     where a chain begins whose oldest part is gone
 *
 * A control plane inserts and reads. What takes away goes through three functions that hold the rules themselves: a body
 * goes only if a record of the same chain says so, and a row only if its body is gone.
 * The surprise: jsonb cannot hold NUL or half a surrogate pair, which a forged path may well hold. `facts` reads both as
 * U+FFFD; without that, such an event would be lost, or be found by nobody.
 */

/** Version of the tables; a higher one was made by a newer Coffre. */
export const postgresFormat = 1;

/** Of the heads behind the newest two, one in this many positions is kept. */
const headSpan = 1_024;

/** Characters of a fact that are indexed: an entry of an index holds 2,704 bytes, and a character has four at most. */
export const indexedLength = 500;

/** What is searched by. See `coffre.facts`. */
export const factNames = [
  'decision',
  'trace',
  'workload',
  'from_identity',
  'from_account',
  'from_workload',
  'from_host',
  'to_workload',
  'subject',
  'path',
  'verdict',
] as const;

export type FactName = (typeof factNames)[number];

/** The beginning of a fact, as the indices have it. */
export function indexedFact(name: FactName): string {
  return `left(facts ->> '${name}', ${indexedLength}) COLLATE "C"`;
}

const factIndices = factNames.map(
  (name) => `CREATE INDEX record_by_${name} ON coffre.record ((${indexedFact(name)}), batch, position)
  WHERE (facts ->> '${name}') IS NOT NULL;`,
);

const tables = `
CREATE SCHEMA coffre;
CREATE TABLE coffre.format (number integer PRIMARY KEY);
INSERT INTO coffre.format (number) VALUES (${postgresFormat});
-- One number for each commit: in this order the chains of all replicas are told as one.
CREATE SEQUENCE coffre.batch;
CREATE TABLE coffre.replica (
  name text COLLATE "C" PRIMARY KEY, public_key text NOT NULL, epoch bigint NOT NULL
);
CREATE TABLE coffre.head (
  replica text COLLATE "C" NOT NULL, position bigint NOT NULL, hash text NOT NULL, at_ms bigint NOT NULL,
  signature text NOT NULL, PRIMARY KEY (replica, position)
);
CREATE TABLE coffre.base (
  replica text COLLATE "C" PRIMARY KEY, position bigint NOT NULL, hash text NOT NULL, at_ms bigint NOT NULL,
  signature text NOT NULL
);`;

const factsFunction = String.raw`
CREATE FUNCTION coffre.facts(body text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog AS $$
DECLARE
  event jsonb;
  identity text;
BEGIN
  IF strpos(body, '\u') > 0 THEN
    body := regexp_replace(body, '(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})', '\1\\ufffd', 'g');
  END IF;
  event := body::jsonb;
  identity := event #>> '{from,identity}';
  RETURN jsonb_strip_nulls(jsonb_build_object(
    'decision', event ->> 'decision',
    'trace', event ->> 'trace',
    'workload', event ->> 'workload',
    'from_identity', identity,
    -- spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/NAME as NAMESPACE/NAME
    'from_account', CASE WHEN identity LIKE 'spiffe://%/ns/%/sa/%'
      THEN replace(substr(identity, strpos(identity, '/ns/') + 4), '/sa/', '/') END,
    'from_workload', event #>> '{from,workload}',
    'from_host', rtrim(rtrim(event #>> '{from,address}', '0123456789'), ':'),
    -- or the service that was dialled, where nobody was reached
    'to_workload', coalesce(event #>> '{to,workload}', event #>> '{to,service}'),
    'subject', coalesce(event ->> 'subject', event ->> 'about'),
    'path', event #>> '{request,path}',
    'verdict', event ->> 'verdict',
    'pruned_class', CASE WHEN event ->> 'kind' = 'store' THEN event #>> '{pruned,class}' END,
    'pruned_before', CASE WHEN event ->> 'kind' = 'store' THEN (event #>> '{pruned,beforeMs}')::bigint END));
EXCEPTION WHEN others THEN
  RETURN '{}'; -- another hand wrote it; it is kept as it is
END $$;`;

const record = `
CREATE TABLE coffre.record (
  replica text COLLATE "C" NOT NULL, position bigint NOT NULL, id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL, class text COLLATE "C" NOT NULL, at_ms bigint NOT NULL,
  tenant text COLLATE "C" NOT NULL, epoch bigint NOT NULL, stream text COLLATE "C" NOT NULL, sequence bigint NOT NULL,
  body_digest bytea NOT NULL, nonce bytea, body text, link bytea NOT NULL, batch bigint NOT NULL,
  facts jsonb GENERATED ALWAYS AS (coffre.facts(body)) STORED,
  PRIMARY KEY (replica, position)
);
CREATE UNIQUE INDEX record_by_id ON coffre.record (id);
CREATE UNIQUE INDEX record_by_stream ON coffre.record (stream, sequence) WHERE stream > '';
CREATE INDEX record_by_batch ON coffre.record (batch, position) WHERE body IS NOT NULL;
CREATE INDEX record_by_kind ON coffre.record (kind, batch, position);
CREATE INDEX record_by_tenant ON coffre.record (tenant, batch, position);
CREATE INDEX record_by_time ON coffre.record (at_ms) WHERE body IS NOT NULL;
CREATE INDEX record_kept ON coffre.record (replica, class, at_ms) WHERE body IS NOT NULL;
CREATE INDEX record_whole ON coffre.record (replica, position) WHERE body IS NOT NULL;
CREATE INDEX record_of_prunings ON coffre.record (replica, (facts ->> 'pruned_class'), position)
  WHERE facts ->> 'pruned_class' IS NOT NULL;
${factIndices.join('\n')}`;

/** As whoever owns the tables; the name of what is asked for is resolved nowhere else. */
const asOwner = 'SECURITY DEFINER SET search_path = pg_catalog, pg_temp';

const functions = `
CREATE FUNCTION coffre.keep_head(of_replica text, of_position bigint, of_hash text, of_ms bigint, of_signature text)
RETURNS void LANGUAGE plpgsql ${asOwner} AS $$
DECLARE
  newest bigint[];
BEGIN
  INSERT INTO coffre.head (replica, position, hash, at_ms, signature)
    VALUES (of_replica, of_position, of_hash, of_ms, of_signature);
  newest := ARRAY(SELECT position FROM coffre.head WHERE replica = of_replica ORDER BY position DESC LIMIT 3);
  IF newest[2] / ${headSpan} = newest[3] / ${headSpan} THEN
    DELETE FROM coffre.head WHERE replica = of_replica AND position = newest[3];
  END IF;
END $$;

-- Positions whose class is kept no longer. Never: a pruning that no later one stands for; a drill of which anything is
-- younger; a stream that is no drill's, since it is state.
CREATE FUNCTION coffre.outlived(of_replica text, of_class text, before_ms bigint) RETURNS SETOF bigint
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT position FROM coffre.record
  WHERE replica = of_replica AND class = of_class AND at_ms < before_ms AND body IS NOT NULL
  AND (stream = '' OR stream LIKE '%/%' AND NOT EXISTS (
    SELECT FROM coffre.record AS younger WHERE younger.stream = record.stream AND younger.at_ms >= before_ms))
  AND (facts ->> 'pruned_class' IS NULL OR EXISTS (
    SELECT FROM coffre.record AS later WHERE later.replica = of_replica AND later.position > record.position
    AND later.facts ->> 'pruned_class' = record.facts ->> 'pruned_class'
    AND (later.facts ->> 'pruned_before')::bigint >= (record.facts ->> 'pruned_before')::bigint))
$$;

-- Takes at most so many of them, of those that stand before the record that says so. Returns how many.
CREATE FUNCTION coffre.take_bodies(of_replica text, of_class text, before_ms bigint, most integer) RETURNS integer
LANGUAGE plpgsql ${asOwner} AS $$
DECLARE
  said bigint;
  taken integer;
BEGIN
  SELECT max(position) INTO said FROM coffre.record WHERE replica = of_replica
    AND facts ->> 'pruned_class' = of_class AND (facts ->> 'pruned_before')::bigint >= before_ms;
  IF said IS NULL THEN
    RAISE EXCEPTION 'no record of % says that class % is pruned so far', of_replica, of_class;
  END IF;
  UPDATE coffre.record SET body = NULL, nonce = NULL WHERE replica = of_replica AND position IN (
    SELECT outlived FROM coffre.outlived(of_replica, of_class, before_ms) WHERE outlived < said LIMIT most);
  GET DIAGNOSTICS taken = ROW_COUNT;
  RETURN taken;
END $$;

-- Moves the base forward over records without a body. The two newest heads stand on records that opening looks at.
CREATE FUNCTION coffre.drop_beginning(
  of_replica text, of_position bigint, of_hash text, of_ms bigint, of_signature text
) RETURNS void LANGUAGE plpgsql ${asOwner} AS $$
DECLARE
  heads bigint[] := ARRAY(
    SELECT position FROM coffre.head WHERE replica = of_replica ORDER BY position DESC LIMIT 2);
BEGIN
  IF coalesce(of_position >= heads[2], true)
    OR NOT EXISTS (SELECT FROM coffre.record
      WHERE replica = of_replica AND position = of_position AND encode(link, 'hex') = of_hash)
    OR EXISTS (SELECT FROM coffre.record
      WHERE replica = of_replica AND position <= of_position AND body IS NOT NULL)
  THEN
    RAISE EXCEPTION 'the beginning of % cannot go up to position %', of_replica, of_position;
  END IF;
  INSERT INTO coffre.base (replica, position, hash, at_ms, signature)
    VALUES (of_replica, of_position, of_hash, of_ms, of_signature)
    ON CONFLICT (replica) DO UPDATE SET position = excluded.position, hash = excluded.hash, at_ms = excluded.at_ms,
      signature = excluded.signature;
  DELETE FROM coffre.record WHERE replica = of_replica AND position <= of_position;
  DELETE FROM coffre.head WHERE replica = of_replica AND position <= of_position;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA coffre FROM PUBLIC;`;

/** Run once, in one transaction, by whoever shall own the tables. */
export const postgresSchema: string = [tables, factsFunction, record, functions].join('\n').trim();

/** What a control plane needs, and no more: it can change no record, and take away only by the functions' rules. */
export function postgresGrants(role: string): string {
  const to = `TO "${role.replaceAll('"', '""')}"`;
  return `GRANT USAGE ON SCHEMA coffre ${to};
GRANT SELECT ON ALL TABLES IN SCHEMA coffre ${to};
GRANT INSERT ON coffre.replica, coffre.record ${to};
GRANT UPDATE (epoch) ON coffre.replica ${to};
GRANT USAGE ON SEQUENCE coffre.batch ${to};
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA coffre ${to};`;
}
