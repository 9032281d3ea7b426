/**
 * The report of one drill as blocks: what was believed, what was done, what came of it, whom it reached, what falls short.
 *
 *   DrillRecord, Happenings ──reportBlocks──▶ blocks       the same material, the same blocks; no clock, no mesh
 *
 * It is for people who were not there, and may be sent to them: it holds no address's query and no credentials.
 */
import { probePhases } from '../../model/drill-words.ts';
import type { DrillRecord } from '../drill-engine.ts';
import { type Affected, affectedBy, idleOf } from './affected-by.ts';
import { type DrillTimes, drillTimes, type ProxyTimes } from './drill-times.ts';
import type { Phrases } from './english.ts';
import type { Happening, Happenings } from './happening.ts';
import { mergedTimeline, type TimelineLine } from './merged-timeline.ts';
import type { ReportBlock } from './report-block.ts';
import { reportGraphs } from './report-graphs.ts';
import { code, nothing, ours, type Rich } from './rich-text.ts';
import { shortfalls } from './shortfalls.ts';

/** Most rows of one table. A drill at two thousand proxies is told by what went wrong, and whole in JSON. */
const rowsMax = 500;

export interface ReportMaterial {
  readonly record: DrillRecord;
  readonly happenings: Happenings;
  /** `replica:position:hash` of the chain of evidence when it was made; undefined where there was none. */
  readonly head: string | undefined;
}

export function reportBlocks({ record, happenings, head }: ReportMaterial, phrases: Phrases): readonly ReportBlock[] {
  const { headings, columns } = phrases;
  const times = drillTimes(record);
  const affected = affectedBy(record, happenings.each);
  const isWhole = record.boundedTo === undefined;
  const missing =
    record.boundedTo === undefined
      ? shortfalls({ record, times, affected, isCut: happenings.isCut }, phrases)
      : [phrases.shortfall.bounded(record.boundedTo)];
  return [
    { kind: 'title', text: phrases.title(record.drill, record.verdict) },
    ...(phrases.preface === '' ? [] : [{ kind: 'paragraph' as const, text: ours(phrases.preface) }]),
    { kind: 'bullets', items: isWhole ? beliefs(record, phrases) : boundedBeliefs(record, times, phrases) },
    heading(headings.fallsShort),
    { kind: 'bullets', items: missing.length === 0 ? [phrases.shortfall.none] : missing },
    ...(isWhole
      ? [
          heading(headings.done),
          { kind: 'bullets' as const, items: deeds(record, times, affected, phrases) },
          heading(headings.took),
          table(headings.took, columns.took, durations(times, phrases)),
          heading(headings.who),
          table(headings.who, columns.who, people(record, phrases)),
        ]
      : []),
    heading(headings.reached),
    ...reached(affected, phrases),
    ...graphs(record, happenings.each, phrases),
    heading(headings.proxies),
    capped(headings.proxies, columns.proxies, proxyRows(times, phrases), phrases),
    ...(isWhole
      ? [
          heading(headings.probes),
          table(
            headings.probes,
            [...columns.probes, ...probePhases.map((phase) => phrases.phases[phase])],
            probeRows(record, phrases),
          ),
        ]
      : []),
    heading(headings.timeline),
    timelineTable(record, happenings.each, phrases),
    heading(headings.evidence),
    { kind: 'paragraph', text: phrases.evidence(head) },
  ];
}

function beliefs({ hypothesis, definition, verdict, phase, reason }: DrillRecord, phrases: Phrases): readonly Rich[] {
  return [
    phrases.hypothesis(hypothesis),
    phrases.verdict(verdict),
    phrases.ended(phase, reason),
    phrases.risk(definition.risk),
    phrases.mitigation(definition.mitigation),
  ];
}

/** For a tenant that felt it: what was measured, done and by whom is the owner's to tell. */
function boundedBeliefs(record: DrillRecord, { faultMs }: DrillTimes, phrases: Phrases): readonly Rich[] {
  const { method, target } = record.definition;
  return [
    phrases.hypothesis(record.hypothesis),
    phrases.method(method, target.service, target.port),
    phrases.phase(record.phase),
    phrases.lasted(faultMs),
  ];
}

function deeds(
  record: DrillRecord,
  { faultMs }: DrillTimes,
  affected: readonly Affected[],
  phrases: Phrases,
): readonly Rich[] {
  const { definition, plan, overflows, deadlineMs } = record;
  const { method, target, radius, durationMs, observeMs, abortOn } = definition;
  const idle = idleOf(affected);
  return [
    phrases.method(method, target.service, target.port),
    phrases.radius(radius, plan.touches.length, plan.control.length - idle, idle),
    phrases.bounds(durationMs, observeMs, deadlineMs > 0 ? utc(deadlineMs) : ''),
    phrases.abortOn(abortOn),
    phrases.lasted(faultMs),
    phrases.turnedAway(overflows),
    phrases.plan(plan.hash),
    ...plan.notes.map(phrases.knownBefore),
  ];
}

function durations(times: DrillTimes, { took, ms, timeline }: Phrases): readonly (readonly Rich[])[] {
  const { detectMs, detectedBy, namesAlerts, trigger, stopMs, recoverMs, proxies } = times;
  const effective = proxies.flatMap(({ effectiveMs }) => effectiveMs ?? []);
  const [last] = effective.toSorted((left, right) => right - left);
  return [
    [took.fault, took.lastEffective(effective.length), ms(last)],
    [took.fault, took.noticed(namesAlerts, detectedBy), ms(detectMs)],
    [trigger === undefined ? took.itsEnd : timeline.word(trigger.what), took.lastClean, ms(stopMs)],
    [took.withdrawal, took.steady, ms(recoverMs)],
  ];
}

function people(record: DrillRecord, { deeds, nobody, notNeeded }: Phrases): readonly (readonly Rich[])[] {
  const { plannedBy, approvedBy, startedBy, haltedBy, plan } = record;
  const unapproved = plan.needsSecondPerson ? nothing : notNeeded;
  return [
    [deeds.planned, code(plannedBy)],
    [deeds.approved, approvedBy === '' ? unapproved : code(approvedBy)],
    [deeds.started, code(startedBy)],
    [deeds.halted, haltedBy === '' ? nobody : code(haltedBy)],
  ];
}

function reached(affected: readonly Affected[], phrases: Phrases): readonly ReportBlock[] {
  const words = phrases.reached;
  const tenants = Map.groupBy(
    affected.filter(({ failed }) => failed > 0),
    ({ tenant }) => tenant,
  );
  const sums = [...tenants].map(([tenant, rows]) => {
    const failed = rows.reduce((total, row) => total + row.failed, 0);
    return words.tenant(
      tenant,
      failed,
      rows.some(({ isEstimate }) => isEstimate),
    );
  });
  const moment = ({ failed }: Affected, ms: number | undefined) => {
    if (ms !== undefined) return ours(utc(ms));
    return failed === 0 ? nothing : words.undated;
  };
  const rows = affected.map((row) => [
    code(row.tenant),
    code(row.caller),
    words.group(row.group, row.proxies),
    row.failed === 0 ? words.nothingFelt : words.count(row.failed, row.isEstimate),
    words.count(row.seen, row.isEstimate),
    moment(row, row.firstMs),
    moment(row, row.lastMs),
  ]);
  return [
    { kind: 'bullets', items: sums.length === 0 ? [words.nobody] : sums },
    ...(rows.length === 0
      ? []
      : [
          capped(phrases.headings.reached, phrases.columns.reached, rows, phrases),
          { kind: 'paragraph' as const, text: words.basis },
        ]),
  ];
}

function graphs(record: DrillRecord, happenings: readonly Happening[], { headings }: Phrases): readonly ReportBlock[] {
  const drawn = reportGraphs(record, happenings);
  return drawn.length === 0 ? [] : [{ kind: 'graphs', text: ours(headings.graphs), graphs: drawn }];
}

/** What went wrong first, so that a cut table has lost what went well. */
function proxyRows({ proxies }: DrillTimes, { proxy: words }: Phrases): readonly (readonly Rich[])[] {
  const isWell = ({ state, differs }: ProxyTimes) => state === 'clean' && !differs;
  return [...proxies.filter((each) => !isWell(each)), ...proxies.filter(isWell)].map((each) => [
    code(each.proxy),
    each.effectiveMs === undefined ? words.notSeen : words.after(each.effectiveMs),
    each.cleanMs === undefined ? nothing : words.after(each.cleanMs),
    words.how(each.state, each.why),
  ]);
}

function probeRows({ definition, measured }: DrillRecord, { probe: words }: Phrases): readonly (readonly Rich[])[] {
  return definition.steadyState.map((probe) => [
    code(probe.name),
    words.source(probe),
    words.tolerance(probe),
    ...probePhases.map((phase) =>
      words.measure(measured.find((each) => each.probe === probe.name && each.phase === phase)),
    ),
  ]);
}

function timelineTable(record: DrillRecord, happenings: readonly Happening[], phrases: Phrases): ReportBlock {
  const { faultAtMs, startedAtMs, timeline } = record;
  const zeroMs = faultAtMs || startedAtMs || (timeline[0]?.atMs ?? 0);
  const { lines, omitted } = mergedTimeline(record, happenings);
  const rows = lines.map((line) => {
    const { what, about, told } = lineWords(line, record, phrases);
    const afterMs = line.atMs - zeroMs;
    const times = phrases.timeline.times(line.count, utc(line.lastMs));
    return [
      ours(utc(line.atMs)),
      ours(`${afterMs < 0 ? '' : '+'}${phrases.number(afterMs)} ms`),
      phrases.timeline.word(what),
      code(about),
      line.count === 1 ? told : [...told, ...ours(' · '), ...times],
    ];
  });
  const { headings, columns } = phrases;
  const block = table(headings.timeline, columns.timeline, rows);
  return omitted === 0 ? block : { ...block, rest: phrases.timeline.omitted(omitted) };
}

function lineWords({ told }: TimelineLine, record: DrillRecord, { timeline }: Phrases) {
  if (!('kind' in told)) return { what: told.what, about: told.about ?? '', told: timeline.entry(told, record) };
  if (told.kind === 'call') return { what: told.outcome, about: told.callee, told: timeline.call(told) };
  return { what: told.what, about: told.about, told: timeline.occurrence(told) };
}

function heading(text: string): ReportBlock {
  return { kind: 'heading', text: ours(text) };
}

function table(caption: string, head: readonly string[], rows: readonly (readonly Rich[])[]) {
  return { kind: 'table', caption, head, rows } as const;
}

function capped(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly Rich[])[],
  phrases: Phrases,
): ReportBlock {
  const rest = rows.length - rowsMax;
  const block = table(caption, head, rows.slice(0, rowsMax));
  return rest > 0 ? { ...block, rest: phrases.rest(rest) } : block;
}

function utc(ms: number): string {
  return new Date(ms).toISOString();
}
