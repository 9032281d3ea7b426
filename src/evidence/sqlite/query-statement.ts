/**
 * A query of events as SQL over the table of records.
 *
 * The surprise: a name may be that of several columns (an id, a decision, a trace). An OR over them would sort everything
 * that matches; a UNION of one branch for each walks their indices in order of position, and stops at the limit.
 */
import type { EventQuery } from '../store.ts';

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly (string | number)[];
}

/** Positions to look at: above `after`, up to `upTo`. */
export interface Span {
  readonly after: number;
  readonly upTo: number;
}

interface Condition {
  readonly sql: string;
  readonly parameters: readonly (string | number)[];
}

/** Above any character: the end of all texts with a prefix. */
const lastCharacter = '\u{10ffff}';

/** @param limit rows; one more than is asked for tells whether there are more. */
export function statementOf(query: EventQuery, { after, upTo }: Span, limit: number): Statement {
  const [driving = [], ...others] = [
    named(query.id, ['id', 'decision', 'trace']),
    named(query.from, sideColumns(query.from, 'from')),
    named(query.to, ['to_workload']),
    named(query.identity, sideColumns(query.identity, 'either')),
  ].filter((alternatives) => alternatives.length > 0);
  // A plus keeps the planner from walking along positions, where a range of paths or times is the shorter way.
  const isRanged = query.after === undefined && (query.path?.endsWith('*') || query.untilMs !== undefined);
  const place = isRanged ? '+position' : 'position';
  const common: readonly Condition[] = [
    { sql: `${place} > ? AND ${place} <= ? AND body IS NOT NULL`, parameters: [after, upTo] },
    ...others.map(anyOf),
    ...plainConditions(query),
  ];
  const branches = (driving.length === 0 ? [undefined] : driving).map((alternative) =>
    selectWhere(alternative === undefined ? common : [alternative, ...common]),
  );
  const order = query.after === undefined ? 'DESC' : 'ASC';
  return {
    sql: `SELECT record.position, record.body FROM (
      ${branches.map(({ sql }) => sql).join(' UNION ')} ORDER BY position ${order} LIMIT ?
    ) AS found JOIN record ON record.position = found.position ORDER BY found.position ${order}`,
    parameters: [...branches.flatMap(({ parameters }) => parameters), limit],
  };
}

function plainConditions({ kinds, tenant, verdict, path, sinceMs, untilMs }: EventQuery): readonly Condition[] {
  const conditions: (Condition | undefined)[] = [
    kinds && { sql: `kind IN (${kinds.map(() => '?').join(', ')})`, parameters: kinds },
    equal('tenant', tenant),
    equal('verdict', verdict),
    pathCondition(path),
    sinceMs === undefined ? undefined : { sql: 'at_ms >= ?', parameters: [sinceMs] },
    untilMs === undefined ? undefined : { sql: 'at_ms < ?', parameters: [untilMs] },
  ];
  return conditions.filter((condition) => condition !== undefined);
}

function pathCondition(path: string | undefined): Condition | undefined {
  if (path === undefined || !path.endsWith('*')) return equal('path', path);
  const prefix = path.slice(0, -1);
  return { sql: 'path >= ? AND path < ?', parameters: [prefix, `${prefix}${lastCharacter}`] };
}

/** A SPIFFE ID is in columns of its own; any other name may be a workload's, a service account's or an address's. */
function sideColumns(name: string | undefined, side: 'from' | 'either'): readonly string[] {
  const is = name?.startsWith('spiffe://') ? ['from_identity'] : ['from_account', 'from_workload', 'from_host'];
  if (side === 'from') return is;
  return name?.startsWith('spiffe://') ? [...is, 'subject'] : [...is, 'to_workload', 'workload', 'subject'];
}

function named(name: string | undefined, columns: readonly string[]): readonly Condition[] {
  return name === undefined ? [] : columns.map((column) => ({ sql: `${column} = ?`, parameters: [name] }));
}

function equal(column: string, value: string | undefined): Condition | undefined {
  return value === undefined ? undefined : { sql: `${column} = ?`, parameters: [value] };
}

function anyOf(alternatives: readonly Condition[]): Condition {
  return {
    sql: `(${alternatives.map(({ sql }) => sql).join(' OR ')})`,
    parameters: alternatives.flatMap(({ parameters }) => parameters),
  };
}

function selectWhere(conditions: readonly Condition[]): Statement {
  return {
    sql: `SELECT position FROM record WHERE ${conditions.map(({ sql }) => sql).join(' AND ')}`,
    parameters: conditions.flatMap(({ parameters }) => parameters),
  };
}
