/** What a simulation found, for a person: the share that was seen first, as nothing below is worth more than it. */
import type { Drift, Group, ReplayReport } from '../proof/replay-tally.ts';
import { plural } from './plural.ts';
import type { NotReplayed } from './recorded-call.ts';
import type { TimeSpan } from './recorded-events.ts';
import type { SeenShare } from './seen-share.ts';
import { printable } from './table.ts';

export interface Simulation {
  readonly span: TimeSpan;
  readonly records: number;
  /** There were more records than were to be looked at. */
  readonly isCut: boolean;
  readonly notReplayed: Readonly<Record<NotReplayed, number>>;
  readonly seen: SeenShare;
  readonly report: ReplayReport;
}

/** Most groups of each part, as text; JSON has all that were kept. */
const groupsTold = 20;

export function simulationText({ span, records, isCut, notReplayed, seen, report }: Simulation): string {
  const { judged, gone, changes, groups, drift, drifted, ungrouped } = report;
  const lines = [
    `${plural(records, 'record')} from ${momentText(span.sinceMs)} to ${momentText(span.untilMs)}`,
    ...(isCut ? ['  there are more: the newest were not looked at (--max)'] : []),
    `  replayed: ${judged.allowed} allowed, ${judged.refused} refused`,
    ...seenLines(seen),
    ...restLines({ ...notReplayed, gone }),
    ...(judged.allowed + judged.refused === 0 ? ['  NOTHING was replayed: this says nothing about the change'] : []),
    ...part('newly denied', changes['newly-denied'], groups['newly-denied'], flipLines),
    ...part('newly allowed', changes['newly-allowed'], groups['newly-allowed'], flipLines),
    ...part('unknown, may be allowed', changes['may-be-allowed'], groups['may-be-allowed'], flipLines),
    ...part('unknown, may be denied', changes['may-be-denied'], groups['may-be-denied'], flipLines),
    ...part('unknown before and after', changes['may-be-either'], groups['may-be-either'], flipLines),
    ...part('recorded otherwise than the mesh judges now', drifted, drift, driftLines),
    ...(ungrouped > 0 ? [`${plural(ungrouped, 'record')} more in groups that are not told, for lack of room`] : []),
    `${changes.same} as before, ${report.unknownNow} of all unknown under the mesh as it is`,
    verdictLine(report),
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function momentText(ms: number): string {
  return new Date(ms).toISOString();
}

function seenLines({ allowed, standFor, share, seenFrom, lost, prunedBeforeMs }: SeenShare): readonly string[] {
  const sample =
    share === undefined || seenFrom === undefined
      ? ['  no allowed request was recorded: what the change would deny of them cannot be seen here']
      : [
          `  the allowed stand for ${standFor} requests: ${percentText(share)} of them was seen`,
          ...(seenFrom > 1
            ? [`  who came fewer than ${seenFrom} times may well not be among the ${allowed} seen`]
            : []),
        ];
  return [
    ...sample,
    '  allowed connections of opaque ports leave no record',
    ...(lost > 0 ? [`  lost on their way to the evidence: ${plural(lost, 'record')}`] : []),
    ...(prunedBeforeMs === undefined ? [] : [`  retention took records from before ${momentText(prunedBeforeMs)}`]),
  ];
}

function percentText(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}

function restLines(rest: Readonly<Record<NotReplayed | 'gone', number>>): readonly string[] {
  const told = [
    [rest['nobody-proved'], 'proved no identity'],
    [rest.form, 'refused for the form, by no policy'],
    [rest.undeclared, 'for what nothing declares'],
    [rest.gone, 'to pods that are in neither mesh'],
  ] as const;
  return told.filter(([count]) => count > 0).map(([count, why]) => `  not replayed: ${count} ${why}`);
}

function part<T extends Group | Drift>(
  name: string,
  count: number,
  groups: readonly T[],
  linesOf: (group: T) => readonly string[],
): readonly string[] {
  if (count === 0) return [`${name}: none`];
  const more = groups.length - groupsTold;
  return [
    `${name}: ${plural(count, 'record')}`,
    ...groups.slice(0, groupsTold).flatMap(linesOf),
    ...(more > 0 ? [`  and ${more} more: see --output json`] : []),
  ];
}

function flipLines(group: Group): readonly string[] {
  const { crossTenant, before, after, asks, standsFor, seen } = group;
  const stands = standsFor > seen ? `, for about ${Math.round(standsFor)} requests` : '';
  return [
    `${headOf(group, crossTenant ? ' (ACROSS TENANTS)' : '')}${stands}`,
    `      now   ${before}`,
    `      then  ${after}`,
    ...(asks.length === 0 ? [] : [`      to settle it, one would have to know ${asks.join(', ')}`]),
  ];
}

function driftLines(drift: Drift): readonly string[] {
  const { recorded, now, revision } = drift;
  return [
    headOf(drift),
    `      recorded  ${recorded}${revision === undefined ? '' : ` (revision ${revision})`}`,
    `      now       ${now}`,
  ];
}

function headOf({ caller, destination, method, path, seen, example }: Group | Drift, mark = ''): string {
  const asked = method === undefined ? 'a connection' : `${method} ${path}`;
  return `  ${caller} -> ${destination} ${asked}${mark}: ${plural(seen, 'time')}, such as ${example}`;
}

function verdictLine({ opened, mayOpen }: ReplayReport): string {
  if (opened > 0) return `A TENANT WOULD BE LET IN where it is not: ${plural(opened, 'record')}`;
  return mayOpen > 0
    ? `no record shows a tenant newly let in, but of ${plural(mayOpen, 'record')} across tenants it is not known`
    : 'no record shows a tenant newly let in';
}
