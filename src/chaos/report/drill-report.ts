/**
 * The report of one drill, in Markdown: what was believed, what was done, what came of it, and what falls short.
 *
 *   DrillRecord ──drillReport──▶ text       the same record, the same bytes; no clock, no mesh, no network
 *
 * It is for people who were not there, and may be sent to them: it holds no address's query and no credentials, and
 * nothing that a tenant, a proxy or an alert wrote can become markup.
 */
import type { Probe, ProbePhase } from '../../model/drill.ts';
import { probePhases } from '../../model/drill-words.ts';
import type { DrillRecord, TimelineEntry } from '../drill-engine.ts';
import { proxyCount } from '../proxy-count.ts';
import { type DrillTimes, drillTimes, type ProxyTimes } from './drill-times.ts';
import {
  conditionWords,
  measureWords,
  methodSentence,
  radiusSentence,
  sourceWords,
  tellMs,
  toleranceWords,
  verdictHeading,
  verdictSentence,
} from './drill-words.ts';
import { bullets, code, markdownTable, sentence } from './markdown.ts';
import { shortfalls } from './shortfalls.ts';

/** Most rows of one table. A drill at two thousand proxies is told by what went wrong, and whole in JSON. */
const rowsMax = 500;

export function drillReport(record: DrillRecord): string {
  const times = drillTimes(record);
  if (record.boundedTo !== undefined) return boundedReport(record, record.boundedTo, times);
  const missing = shortfalls(record, times);
  return [
    `# Drill ${code(record.drill)}: ${verdictHeading[record.verdict]}\n`,
    bullets(beliefs(record)),
    '## What falls short\n',
    bullets(missing.length === 0 ? ['nothing that this report could tell'] : missing),
    '## What was done\n',
    bullets(deeds(record, times)),
    '## How long it took\n',
    markdownTable(['From', 'to', 'took'], durations(times)),
    '## Who\n',
    markdownTable(['Deed', 'By'], people(record)),
    '## Proxies\n',
    capped(['Proxy', 'Effective', 'Clean', 'How'], proxyRows(times)),
    '## Probes\n',
    markdownTable(['Probe', 'Measures', 'Tolerance', ...probePhases], probeRows(record)),
    '## Timeline\n',
    capped(['UTC', 'From the fault', 'What', 'About', 'Told'], timelineRows(record)),
  ].join('\n');
}

/** For a tenant that felt it: what was measured, done and by whom is the owner's to tell. */
function boundedReport(record: DrillRecord, tenant: string, times: DrillTimes): string {
  const { drill, hypothesis, verdict, phase, definition } = record;
  const { method, target } = definition;
  return [
    `# Drill ${code(drill)}: ${verdictHeading[verdict]}\n`,
    bullets([
      `**Hypothesis:** ${sentence(hypothesis)}`,
      `**Method** \`${method.kind}\`: ${methodSentence(method, target.service, target.port)}`,
      `**Phase:** \`${phase}\``,
      `**The fault lasted:** ${tellMs(times.faultMs)}`,
    ]),
    '## What falls short\n',
    bullets([
      `this is what ${code(tenant)}, which felt it, may see; people, probes and other proxies stand in the report of its owner`,
    ]),
    '## Proxies\n',
    capped(['Proxy', 'Effective', 'Clean', 'How'], proxyRows(times)),
    '## Timeline\n',
    capped(['UTC', 'From the fault', 'What', 'About', 'Told'], timelineRows(record)),
  ].join('\n');
}

function beliefs({ hypothesis, definition, verdict, phase, reason }: DrillRecord): readonly string[] {
  return [
    `**Hypothesis:** ${sentence(hypothesis)}`,
    `**Verdict:** ${verdictHeading[verdict]}. ${verdictSentence[verdict]}`,
    `**Ended** as \`${phase}\`: ${sentence(reason)}`,
    `**Risk exercised:** ${sentence(definition.risk)}`,
    `**Mitigation expected:** ${sentence(definition.mitigation)}`,
  ];
}

function deeds({ definition, plan, overflows, deadlineMs }: DrillRecord, { faultMs }: DrillTimes): readonly string[] {
  const { method, target, radius, durationMs, observeMs, abortOn } = definition;
  return [
    `**Method** \`${method.kind}\`: ${methodSentence(method, target.service, target.port)}`,
    `**Radius:** ${radiusSentence(radius)}: ${proxyCount(plan.touches.length)}, with ${plan.control.length} as control group`,
    `**Bounds:** ${tellMs(durationMs)} at most${deadlineMs > 0 ? `, until ${utc(deadlineMs)}` : ''}; watched ${tellMs(observeMs)} before and after`,
    `**To be aborted by:** ${abortOn.map(conditionWords).join(', ')}; and always by silence of a probe, a halt, the lever, withdrawn consent`,
    `**The fault lasted:** ${tellMs(faultMs)}`,
    `**Turned away by breakers:** ${overflows === undefined ? 'not known, nobody reported it' : `${overflows} requests or connections`}`,
    `**Plan:** ${code(plan.hash)}`,
    ...plan.notes.map((note) => `**Known before:** ${sentence(note)}`),
  ];
}

function durations(times: DrillTimes): readonly string[][] {
  const { detectMs, detectedBy, namesAlerts, trigger, stopMs, recoverMs, proxies } = times;
  const noticing = namesAlerts ? 'an alert that it names' : 'any alert, as it names none';
  const effective = proxies.flatMap(({ effectiveMs }) => effectiveMs ?? []);
  const [last] = effective.toSorted((left, right) => right - left);
  return [
    ['the fault', `the last proxy seen to feel it, of ${effective.length}`, tellMs(last)],
    ['the fault', detectedBy === '' ? noticing : `${noticing}: ${code(detectedBy)}`, tellMs(detectMs)],
    [trigger === undefined ? 'its end' : `\`${trigger.what}\``, 'the last proxy seen clean', tellMs(stopMs)],
    ['the withdrawal', 'the steady state', tellMs(recoverMs)],
  ];
}

function people({ plannedBy, approvedBy, startedBy, haltedBy, plan }: DrillRecord): readonly string[][] {
  const nobody = plan.needsSecondPerson ? '–' : 'nobody, and nobody was needed';
  return [
    ['planned', code(plannedBy)],
    ['approved', approvedBy === '' ? nobody : code(approvedBy)],
    ['started', code(startedBy)],
    ['halted', haltedBy === '' ? 'nobody' : code(haltedBy)],
  ];
}

const howWords: Readonly<Record<ProxyTimes['state'], string>> = {
  planned: 'not touched',
  laid: '**the fault was sent, and it is not known to be clean**',
  effective: '**feels the fault**',
  withdrawn: '**withdrawn, and not seen clean yet**',
  clean: 'confirmed: seen clean',
  expired: '**by expiry**: out of reach',
  excluded: '**left out**',
};

/** What went wrong first, so that a cut table has lost what went well. */
function proxyRows({ proxies }: DrillTimes): readonly string[][] {
  const isWell = ({ state, differs }: ProxyTimes) => state === 'clean' && !differs;
  return [...proxies.filter((each) => !isWell(each)), ...proxies.filter(isWell)].map((each) => [
    code(each.proxy),
    each.effectiveMs === undefined ? 'not seen' : `after ${tellMs(each.effectiveMs)}`,
    each.cleanMs === undefined ? '–' : `after ${tellMs(each.cleanMs)}`,
    `${howWords[each.state]}${each.why === '' ? '' : `: ${sentence(each.why)}`}`,
  ]);
}

function probeRows({ definition, measured }: DrillRecord): readonly string[][] {
  const measureOf = (probe: Probe, phase: ProbePhase) =>
    measured.find((each) => each.probe === probe.name && each.phase === phase);
  return definition.steadyState.map((probe) => [
    code(probe.name),
    sourceWords(probe),
    toleranceWords(probe),
    ...probePhases.map((phase) => measureWords(measureOf(probe, phase))),
  ]);
}

function timelineRows({ timeline, faultAtMs, startedAtMs }: DrillRecord): readonly string[][] {
  const zeroMs = faultAtMs || startedAtMs || (timeline[0]?.atMs ?? 0);
  return timeline.map(({ atMs, what, about = '', text }: TimelineEntry) => [
    utc(atMs),
    `${atMs < zeroMs ? '' : '+'}${atMs - zeroMs} ms`,
    code(what),
    code(about),
    sentence(text),
  ]);
}

function capped(head: readonly string[], rows: readonly string[][]): string {
  const rest = rows.length - rowsMax;
  return `${markdownTable(head, rows.slice(0, rowsMax))}${rest > 0 ? `\nand ${rest} more: see \`-o json\`\n` : ''}`;
}

function utc(ms: number): string {
  return new Date(ms).toISOString();
}
