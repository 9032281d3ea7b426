/**
 * Every sentence of a report, in English. The other languages have the same entries: french.ts.
 *
 * What the journal wrote down in words (reasons, notes, why a proxy was left out) is told as it stands.
 */
import type { AbortCondition, BlastRadius, DrillMethod, Probe, ProbePhase } from '../../model/drill.ts';
import type { DrillPhase, DrillRecord, DrillView, ProbeMeasure, TimelineEntry } from '../drill-engine.ts';
import { numberText, rangeText } from '../probe-tally.ts';
import { proxyCount } from '../proxy-count.ts';
import type { Affected } from './affected-by.ts';
import type { ProxyTimes } from './drill-times.ts';
import type { Call, Occurrence } from './happening.ts';
import type { GraphSeries } from './report-graphs.ts';
import { code, joined, nothing, ours, type Rich, say, strong } from './rich-text.ts';
import { withoutSecrets } from './without-secrets.ts';

const verdicts: Readonly<Record<DrillView['verdict'], { readonly heading: string; readonly sentence: string }>> = {
  held: {
    heading: 'the hypothesis held',
    sentence: 'Every probe stayed within its tolerance while the fault lasted, and after it.',
  },
  deviated: {
    heading: 'the hypothesis did not hold',
    sentence: 'A probe left its tolerance or fell silent; what was believed is not so.',
  },
  unproven: {
    heading: 'nothing is proven',
    sentence: 'What was seen is not enough to tell whether the hypothesis holds: it is no evidence either way.',
  },
  pending: { heading: 'not over yet', sentence: 'The drill is not over; this is what is known so far.' },
};

const how: Readonly<Record<ProxyTimes['state'], Rich>> = {
  planned: ours('not touched'),
  laid: strong(ours('the fault was sent, and it is not known to be clean')),
  effective: strong(ours('feels the fault')),
  withdrawn: strong(ours('withdrawn, and not seen clean yet')),
  clean: ours('confirmed: seen clean'),
  expired: [...strong(ours('by expiry')), ...ours(': out of reach')],
  excluded: strong(ours('left out')),
};

const groups: Readonly<Record<Affected['group'], string>> = {
  struck: 'the fault was laid for it',
  spared: 'spared',
  idle: 'may call and was not seen to, so no control',
  unplanned: 'no caller when it was planned',
};

const series: Readonly<Record<GraphSeries['name'], string>> = {
  overflow: 'turned away by breakers, per second',
  failed: 'failed otherwise, per second',
  effective: 'proxies that felt the fault',
  clean: 'proxies seen clean, or by expiry',
};

export const english = {
  lang: 'en',
  headings: {
    fallsShort: 'What falls short',
    done: 'What was done',
    took: 'How long it took',
    who: 'Who',
    reached: 'Whom it reached',
    graphs: 'At a glance',
    proxies: 'Proxies',
    probes: 'Probes',
    timeline: 'Timeline',
    evidence: 'Evidence',
  },
  columns: {
    took: ['From', 'to', 'took'],
    who: ['Deed', 'By'],
    reached: ['Tenant', 'Caller', 'Group', 'Failed', 'Of', 'First', 'Last'],
    proxies: ['Proxy', 'Effective', 'Clean', 'How'],
    probes: ['Probe', 'Measures', 'Tolerance'],
    timeline: ['UTC', 'From the fault', 'What', 'About', 'Told'],
  },
  phases: { before: 'before', during: 'during', after: 'after' } satisfies Record<ProbePhase, string> as Readonly<
    Record<ProbePhase, string>
  >,
  /** Above everything; empty where there is nothing to say of the language itself. */
  preface: '',
  title: (drill: string, verdict: DrillView['verdict']): Rich => [
    ...say`Drill ${code(drill)}: `,
    ...ours(verdicts[verdict].heading),
  ],
  number: (value: number): string => String(value),
  ms: (ms: number | undefined): Rich => ours(ms === undefined ? '–' : duration(ms)),
  rest: (count: number): Rich => say`and ${count} more: see ${code('-o json')}`,
  nobody: ours('nobody'),

  hypothesis: (text: string): Rich => say`${strong(ours('Hypothesis:'))} ${text}`,
  verdict: (verdict: DrillView['verdict']): Rich => [
    ...strong(ours('Verdict:')),
    ...ours(` ${verdicts[verdict].heading}. ${verdicts[verdict].sentence}`),
  ],
  ended: (phase: DrillPhase, reason: string): Rich => say`${strong(ours('Ended'))} as ${code(phase)}: ${reason}`,
  phase: (phase: DrillPhase): Rich => say`${strong(ours('Phase:'))} ${code(phase)}`,
  risk: (text: string): Rich => say`${strong(ours('Risk exercised:'))} ${text}`,
  mitigation: (text: string): Rich => say`${strong(ours('Mitigation expected:'))} ${text}`,
  method: (method: DrillMethod, service: string, port: number): Rich =>
    say`${strong(ours('Method'))} ${code(method.kind)}: ${methodSentence(method, service, port)}`,
  radius: ({ callers, percent }: BlastRadius, touched: number, control: number, idle: number): Rich => {
    const who = callers.map(({ tenant, serviceAccounts }) =>
      serviceAccounts.length === 0
        ? say`every caller of ${code(tenant)}`
        : say`${joined(serviceAccounts.map(code), ', ')} of ${code(tenant)}`,
    );
    const others = ours(idle === 0 ? '' : `; ${idle} more not seen to call it, and so no control`);
    return say`${strong(ours('Radius:'))} ${percent} % of ${joined(who, ' and ')}: ${ours(proxyCount(touched))}, with ${control} as control group${others}`;
  },
  bounds: (durationMs: number, observeMs: number, until: string): Rich =>
    say`${strong(ours('Bounds:'))} ${ours(duration(durationMs))} at most${ours(until === '' ? '' : `, until ${until}`)}; watched ${ours(duration(observeMs))} before and after`,
  abortOn: (conditions: readonly AbortCondition[]): Rich => {
    const each = conditions.map((condition) =>
      condition.kind === 'probe' ? say`probe ${code(condition.probe)}` : say`alert ${code(condition.name)}`,
    );
    return say`${strong(ours('To be aborted by:'))} ${joined(each, ', ')}; and always by silence of a probe, a halt, the lever, withdrawn consent`;
  },
  lasted: (ms: number | undefined): Rich =>
    say`${strong(ours('The fault lasted:'))} ${ours(ms === undefined ? '–' : duration(ms))}`,
  turnedAway: (overflows: number | undefined): Rich =>
    overflows === undefined
      ? say`${strong(ours('Turned away by breakers:'))} not known, nobody reported it`
      : say`${strong(ours('Turned away by breakers:'))} ${overflows} requests or connections`,
  plan: (hash: string): Rich => say`${strong(ours('Plan:'))} ${code(hash)}`,
  knownBefore: (note: string): Rich => say`${strong(ours('Known before:'))} ${note}`,

  took: {
    fault: ours('the fault'),
    lastEffective: (count: number): Rich => say`the last proxy seen to feel it, of ${count}`,
    noticed: (namesAlerts: boolean, alert: string): Rich => {
      const which = ours(namesAlerts ? 'an alert that it names' : 'any alert, as it names none');
      return alert === '' ? which : say`${which}: ${code(alert)}`;
    },
    itsEnd: ours('its end'),
    lastClean: ours('the last proxy seen clean'),
    withdrawal: ours('the withdrawal'),
    steady: ours('the steady state'),
  },
  deeds: { planned: ours('planned'), approved: ours('approved'), started: ours('started'), halted: ours('halted') },
  notNeeded: ours('nobody, and nobody was needed'),

  proxy: {
    notSeen: ours('not seen'),
    after: (ms: number): Rich => ours(`after ${duration(ms)}`),
    how: (state: ProxyTimes['state'], why: string): Rich => (why === '' ? how[state] : say`${how[state]}: ${why}`),
  },
  probe: {
    source: ({ source }: Probe): Rich => {
      switch (source.kind) {
        case 'traffic':
          return ours(
            `${source.metric} of the drilled edge, ${source.group === 'all' ? 'all callers' : `${source.group} group`}`,
          );
        case 'http':
          return say`${ours(source.metric)} of GET ${code(withoutSecrets(source.url))}, ${source.expectStatus} expected`;
        case 'grpcHealth':
          return say`gRPC health of ${code(source.service)} at ${code(source.address)}`;
        case 'promql':
          return say`PromQL ${code(source.query)}`;
      }
    },
    tolerance: ({ tolerance: { atLeast, atMost } }: Probe): Rich =>
      ours(
        [
          ...(atLeast === undefined ? [] : [`at least ${numberText(atLeast)}`]),
          ...(atMost === undefined ? [] : [`at most ${numberText(atMost)}`]),
        ].join(', '),
      ),
    measure: (measure: ProbeMeasure | undefined): Rich => {
      if (measure === undefined) return nothing;
      const { answers, breaches, range } = measure;
      if (range === undefined) return ours('no answer');
      const told = ours(`${rangeText(measure)} (${answers} ${answers === 1 ? 'answer' : 'answers'})`);
      const breached = strong(ours(`${breaches} ${breaches === 1 ? 'breach' : 'breaches'}`));
      return breaches === 0 ? told : say`${told}, ${breached}`;
    },
  },

  reached: {
    group: (group: Affected['group'], proxies: number): Rich =>
      ours(proxies === 0 ? groups[group] : `${groups[group]}: ${proxyCount(proxies)}`),
    count: (count: number | undefined, isEstimate: boolean): Rich => {
      if (count === undefined) return ours('not known');
      return ours(isEstimate && count > 0 ? `about ${count} (estimate)` : String(count));
    },
    nothingFelt: ours('none'),
    undated: ours('not recorded one by one'),
    tenant: (tenant: string, failed: number, isEstimate: boolean): Rich =>
      say`${strong(tenant === '' ? ours('callers that nobody knows') : code(tenant))}: ${ours(isEstimate ? 'about ' : '')}${failed} requests or connections failed while the fault could be felt`,
    nobody: ours('no tenant: no request or connection on the drilled edge is known to have failed'),
    basis: ours(
      'Counted from load reports until the fault was withdrawn, of which the last second may be missing, and from records of single calls until the last proxy was seen clean. Callers that felt nothing stand here too.',
    ),
  },

  graph: {
    titles: { failures: 'Failures on the drilled edge', proxies: 'Proxies' },
    description: (from: string, until: string, names: readonly GraphSeries['name'][]): string =>
      `From ${from} to ${until}: ${names.map((name) => series[name]).join('; ')}. The time of the fault is shaded. The numbers stand in the table below.`,
    series,
    phases: { before: 'before', fault: 'fault', after: 'after' },
    table: { open: 'The numbers', moment: 'UTC' },
  },

  timeline: {
    word: (word: string): Rich => code(word),
    entry: (entry: TimelineEntry, _record: DrillRecord): Rich => say`${entry.text}`,
    times: (count: number, last: string): Rich => say`${count} times, the last at ${ours(last)}`,
    call: ({ outcome, caller, detail }: Call): Rich => {
      const because = detail === '' ? [] : say` (${detail})`;
      switch (outcome) {
        case 'passed':
          return say`${code(caller)} was answered`;
        case 'overflow':
          return say`${code(caller)} was turned away by its own breaker${because}`;
        case 'failed':
          return say`${code(caller)} got no good answer${because}`;
        case 'denied':
          return say`${code(caller)} was refused by rule${because}`;
        case 'answered-error':
          return say`${code(caller)} was answered an error${because}`;
      }
    },
    occurrence: (occurrence: Occurrence): Rich => {
      const { what, proxies = 0, resources = 0, words } = occurrence;
      const colon = words === '' ? [] : say`: ${words}`;
      switch (what) {
        case 'publication':
          return say`a new revision is in force for ${ours(proxyCount(proxies))}${colon}`;
        case 'push':
          return say`${resources} ${ours(resources === 1 ? 'resource' : 'resources')} sent to ${ours(proxyCount(proxies))}`;
        case 'ack':
          return say`accepted by ${ours(proxyCount(proxies))}`;
        case 'nack':
          return say`refused by ${ours(proxyCount(proxies))}${colon}`;
        case 'ejected':
          return say`taken out of its load balancing by ${code(words)}`;
        case 'returned':
          return say`back in the load balancing of ${code(words)}`;
        case 'problem-solved':
          return say`solved${colon}`;
        case 'person':
          return say`asked for by ${code(words)}`;
        case 'plaintext-attempt':
          return say`${code(words)} came without TLS, and was not let in`;
        case 'handshake-failure':
          return say`the handshake failed${colon}`;
        case 'undeclared-port':
          return say`${code(words)} dialled what is not declared`;
        case 'certificate':
        case 'problem':
        case 'detector':
        case 'loss':
        case 'store':
          return say`${words}`;
      }
    },
    omitted: (count: number): Rich => say`${count} more lines have no room here; they are in the evidence`,
  },

  shortfall: {
    none: ours('nothing that this report could tell'),
    expired: (clean: number, expired: number, which: Rich): Rich =>
      say`${clean} confirmed, ${expired} by expiry: ${which} could not be seen clean; the fault there ended with its time to live`,
    open: (which: Rich): Rich => say`not known to be clean: ${which}`,
    differs: (proxy: string, why: string): Rich => say`${code(proxy)} is not configured as it was before: ${why}`,
    unseen: (which: Rich): Rich => say`the fault was never seen in force at ${which}`,
    excluded: (which: Rich): Rich => say`left out, and so not tried: ${which}`,
    unanswered: (probe: string, phase: ProbePhase): Rich =>
      say`${code(probe)} had no answer in the phase ${code(phase)}`,
    lostSight: ours(
      'the control plane stopped while the fault lay: the fault ended in each proxy with its time to live, and what was counted and measured until then is lost',
    ),
    unnoticed: (namesAlerts: boolean): Rich =>
      ours(`nobody noticed: no alert${namesAlerts ? ' that the drill names' : ''} fired after the fault was laid`),
    unsteady: ours('the steady state was not seen to come back'),
    noControl: ours('there was no control group: what else happened at that time cannot be told from the fault'),
    neverLaid: ours('the fault was never laid, so nothing was tried'),
    unreported: ours('no caller’s load is known: how many requests there were at all was not reported'),
    cut: ours('more was recorded at that time than was read for this report: its counts of single calls are too low'),
    more: (count: number): Rich => say` and ${count} more`,
    bounded: (tenant: string): Rich =>
      say`this is what ${code(tenant)}, which felt it, may see; people, probes and other proxies stand in the report of its owner`,
  },
  evidence: (head: string | undefined): Rich =>
    head === undefined
      ? ours('No record of evidence was there yet when this report was made.')
      : say`Made from the chain of evidence up to ${code(head)} (replica, position, hash): a chain that does not hold this record has been cut since. The exact bytes of this report are signed, in the file of the same name with ${code('.sig')} behind it.`,
};

export type Phrases = typeof english;

function methodSentence(method: DrillMethod, service: string, port: number): Rich {
  const to = say`${code(service)} port ${port}`;
  switch (method.kind) {
    case 'openBreaker':
      return say`the callers’ circuit breaker towards ${to} let no request (HTTP) or new connection (TCP) through; TCP connections that stood already went on`;
    case 'throttleBreaker':
      return say`the callers’ circuit breaker towards ${to} let ${method.limit} requests (HTTP) or connections (TCP) of each proxy through at once`;
    case 'abort':
      return say`${method.percent} % of the callers’ requests to ${to} were answered ${method.status} by the target’s own sidecar`;
    case 'delay':
      return say`${method.percent} % of the callers’ requests to ${to} waited ${ours(duration(method.delayMs))} at the target’s own sidecar`;
    case 'ejectEndpoint':
      return say`${method.count} of the endpoints of ${to} answered 503 to the callers, for outlier detection to eject`;
  }
}

function duration(ms: number): string {
  if (Math.abs(ms) < 1_000) return `${ms} ms`;
  if (ms < 120_000) return `${ms / 1_000} s`;
  const [minutes, seconds] = [Math.floor(ms / 60_000), Math.round((ms % 60_000) / 1_000)];
  return seconds === 0 ? `${minutes} min` : `${minutes} min ${seconds} s`;
}
