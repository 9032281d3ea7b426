/**
 * A query of events as SQL over the records of all replicas.
 *
 * Order is that of commits (`batch`), then of positions: each chain's own order, and of several chains the one in which
 * the database got them, whatever the clocks of replicas say.
 * The surprise: a name may be that of several columns (an id, a decision, a trace). An OR over them would sort everything
 * that matches; a UNION of one branch for each walks their indices in order, and stops at the limit.
 */

import type { EventQuery } from '../store.ts';
import { type FactName, indexedFact, indexedLength } from './postgres-schema.ts';

export interface PostgresStatement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** Of one chain, above `after`, up to `upTo`. */
export interface ReplicaSpan {
  readonly replica: string;
  readonly after: number;
  readonly upTo: number;
}

/** Writes `$n` for what it is given. */
type Bind = (value: unknown) => string;

/** Above any character: the end of all texts with a prefix. */
const lastCharacter = '\u{10ffff}';

/**
 * @param spans oldest first, of each chain what is behind its cursor; undefined for the newest of all.
 * @param limit rows; one more than is asked for tells whether there are more.
 */
export function postgresStatement(
  query: EventQuery,
  spans: readonly ReplicaSpan[] | undefined,
  limit: number,
): PostgresStatement {
  const parameters: unknown[] = [];
  const bind: Bind = (value) => `$${parameters.push(value)}`;
  const [driving = [], ...others] = [
    query.id === undefined
      ? []
      : [`id = ${bind(query.id)}`, is('decision', query.id, bind), is('trace', query.id, bind)],
    sideColumns(query.from, 'from').map((name) => is(name, query.from, bind)),
    query.to === undefined ? [] : [is('to_workload', query.to, bind)],
    sideColumns(query.identity, 'either').map((name) => is(name, query.identity, bind)),
  ].filter((alternatives) => alternatives.length > 0);
  const common = [
    'body IS NOT NULL',
    ...others.map((alternatives) => `(${alternatives.join(' OR ')})`),
    ...plainConditions(query, bind),
  ];
  const most = bind(limit);
  const [direction, places] =
    spans === undefined
      ? ['DESC', ['true']]
      : [
          'ASC',
          spans.map(
            ({ replica, after, upTo }) =>
              `replica = ${bind(replica)} AND position > ${bind(after)} AND position <= ${bind(upTo)}`,
          ),
        ];
  const order = `ORDER BY batch ${direction}, position ${direction} LIMIT ${most}`;
  const branches = places.flatMap((place) =>
    (driving.length === 0 ? ['true'] : driving).map(
      (alternative) =>
        `(SELECT replica, position, batch FROM coffre.record WHERE ${[place, alternative, ...common].join(' AND ')} ${order})`,
    ),
  );
  return {
    sql: `SELECT replica, position, record.body FROM (
      SELECT * FROM (${branches.join('\nUNION ')}) AS branch ${order}
    ) AS found JOIN coffre.record USING (replica, position) ORDER BY found.batch ${direction}, position ${direction}`,
    parameters,
  };
}

function plainConditions(query: EventQuery, bind: Bind): readonly string[] {
  const { kinds, tenant, verdict, path, sinceMs, untilMs } = query;
  const conditions = [
    kinds && `kind = ANY(${bind(kinds)})`,
    tenant === undefined ? undefined : `tenant = ${bind(tenant)}`,
    verdict && is('verdict', verdict, bind),
    pathCondition(path, bind),
    sinceMs === undefined ? undefined : `at_ms >= ${bind(sinceMs)}`,
    untilMs === undefined ? undefined : `at_ms < ${bind(untilMs)}`,
  ];
  return conditions.filter((condition) => condition !== undefined);
}

function pathCondition(path: string | undefined, bind: Bind): string | undefined {
  if (path === undefined || !path.endsWith('*')) return path === undefined ? undefined : is('path', path, bind);
  const prefix = path.slice(0, -1);
  const [from, to] = [bind(beginningOf(prefix)), bind(`${beginningOf(prefix)}${lastCharacter}`)];
  return `(${indexedFact('path')}) >= ${from} AND (${indexedFact('path')}) < ${to}
    AND starts_with(facts ->> 'path', ${bind(stored(prefix))})`;
}

/** A SPIFFE ID is in columns of its own; any other name may be a workload's, a service account's or an address's. */
function sideColumns(name: string | undefined, side: 'from' | 'either'): readonly FactName[] {
  if (name === undefined) return [];
  const isId = name.startsWith('spiffe://');
  const from: readonly FactName[] = isId ? ['from_identity'] : ['from_account', 'from_workload', 'from_host'];
  if (side === 'from') return from;
  return isId ? [...from, 'subject'] : [...from, 'to_workload', 'workload', 'subject'];
}

/** The index knows the beginning only. */
function is(name: FactName, value: string | undefined, bind: Bind): string {
  const text = stored(value ?? '');
  const whole = text.length > indexedLength ? ` AND facts ->> '${name}' = ${bind(text)}` : '';
  return `(${indexedFact(name)}) = ${bind(beginningOf(text))}${whole}`;
}

/** In characters, as the server counts them. */
function beginningOf(text: string): string {
  return [...stored(text)].slice(0, indexedLength).join('');
}

/** As `coffre.facts` reads it. */
function stored(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}
