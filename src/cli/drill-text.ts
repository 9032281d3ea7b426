/** Drills for a person at a terminal: a plan, a list, one look at a drill, and how a command about it ends. */
import type { DrillRecord, DrillView, PlannedProxy, PlanView, ProxyProgress } from '../chaos/drill-engine.ts';
import { proxyCount } from '../chaos/proxy-count.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { printable, table } from './table.ts';

/** Most proxies of a plan that are shown; `-o json` has them all. */
const proxiesShownMax = 40;

/** Everything but the hash: who names a plan says which. */
export function planText(plan: Omit<PlanView, 'hash'>): string {
  const { drill, method, touches, watches = [], control, excluded, notes, needsSecondPerson } = plan;
  const lines = [
    `${drill} (${method.kind}) would touch ${proxyCount(touches.length)}, with ${proxyCount(control.length)} as control group`,
    ...keysText(touches),
    ...(watches.length === 0
      ? []
      : [`and, without any fault, have ${proxyCount(watches.length)} tell of each request:`]),
    ...keysText(watches),
    ...excluded.map(({ proxy, why }) => `  left out: ${proxy} ${why}`),
    ...notes.map((note) => `  note: ${note}`),
    ...(needsSecondPerson ? ['its radius needs a second person'] : []),
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function keysText(planned: readonly PlannedProxy[]): readonly string[] {
  const rest = planned.length - proxiesShownMax;
  return [
    ...planned
      .slice(0, proxiesShownMax)
      .map(({ proxy, keys }) => `  ${proxy}  ${keys.map(({ key, value }) => `${key} = ${value}`).join(', ')}`),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ];
}

export function listText(views: readonly DrillView[]): string {
  if (views.length === 0) return 'there is no drill that you may see\n';
  const rows = views.map(({ drill, phase, verdict, startedAtMs, startedBy, proxies: struck }) => [
    drill,
    phase,
    verdict,
    startedAtMs === 0 ? '-' : new Date(startedAtMs).toISOString(),
    startedBy || '-',
    countsText(struck) || '-',
  ]);
  return table(['DRILL', 'PHASE', 'VERDICT', 'STARTED', 'BY', 'PROXIES'], rows);
}

/** Several lines, as a screen shows them. */
export function watchText(record: DrillRecord, nowMs: number): string {
  const { drill, hypothesis, probes, overflows, proxies: struck } = record;
  const rows = probes.map(({ name, value, state }) => [name, valueText(value), stateText(state)]);
  return [
    `${printable(`${drill}: ${recordClockText(record, nowMs)}`)}\n`,
    `  ${printable(`hypothesis: ${hypothesis}`)}\n`,
    `  proxies: ${countsText(struck) || 'none'}\n`,
    `  turned away by breakers: ${overflows ?? 'nobody has reported yet'}\n`,
    table(['PROBE', 'VALUE', 'STATE'], rows),
  ].join('');
}

/** The same in one line, as a log shows it. */
export function watchLine(record: DrillRecord, nowMs: number): string {
  const { drill, probes, overflows, proxies: struck } = record;
  const parts = [
    `${drill}: ${recordClockText(record, nowMs)}`,
    `proxies ${countsText(struck) || 'none'}`,
    `turned away ${overflows ?? 'unknown'}`,
    ...probes.map(({ name, value, state }) => `${name} ${valueText(value)} ${stateText(state)}`),
  ];
  return `${printable(parts.join('; '))}\n`;
}

/** By their states, in the order in which a proxy passes through them. */
const stateOrder: readonly ProxyProgress['state'][] = [
  ...(['planned', 'laid', 'effective', 'withdrawn', 'clean', 'expired', 'excluded'] as const),
];

function countsText(struck: readonly ProxyProgress[]): string {
  return stateOrder
    .map((state) => ({ state, count: struck.filter((each) => each.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`)
    .join(', ');
}

/** How a drill stands in time. The deadline is the control plane's moment, against this machine's clock. */
export function clockText(view: DrillView, nowMs: number): string {
  const { phase, faultAtMs, deadlineMs, reason } = view;
  if (isOver(view)) return `${phase}, the hypothesis ${verdictWords[view.verdict]}: ${reason}`;
  if (phase === 'aborting' || phase === 'recovering') return `${phase}: ${reason}`;
  if (phase !== 'running') return phase;
  if (faultAtMs === 0) return 'running: the steady state is observed before the fault';
  return `running: ${secondsText(deadlineMs - nowMs)} to the deadline`;
}

/** The same, with how long the observation before the fault goes on: only the whole record knows. */
function recordClockText(record: DrillRecord, nowMs: number): string {
  const { phase, faultAtMs, startedAtMs, definition } = record;
  const text = clockText(record, nowMs);
  if (phase !== 'running' || faultAtMs !== 0) return text;
  return `${text}, ${secondsText(startedAtMs + definition.observeMs - nowMs)} more`;
}

function secondsText(ms: number): string {
  return `${Math.max(0, Math.ceil(ms / 1_000))} s`;
}

const verdictWords = {
  held: 'held',
  deviated: 'did not hold',
  unproven: 'is not proven',
  pending: 'is not judged yet',
} as const satisfies Record<DrillView['verdict'], string>;

export function isOver({ phase }: Pick<DrillView, 'phase'>): boolean {
  return phase === 'completed' || phase === 'aborted' || phase === 'failed';
}

/** What was found comes before how it ended: a drill that deviated and was then halted has deviated. */
export function drillExitCode(view: Pick<DrillView, 'phase' | 'verdict'>): ExitCode {
  if (!isOver(view)) return exitCode.ok;
  if (view.verdict === 'deviated') return exitCode.deviated;
  if (view.phase === 'aborted') return exitCode.halted;
  return view.phase === 'completed' && view.verdict === 'held' ? exitCode.ok : exitCode.no;
}

function valueText(value: number | undefined): string {
  return value === undefined ? '-' : String(Number(value.toFixed(4)));
}

/** What is wrong is to be seen without colours. */
function stateText(state: DrillView['probes'][number]['state']): string {
  return state === 'breach' || state === 'silent' ? state.toUpperCase() : state;
}
