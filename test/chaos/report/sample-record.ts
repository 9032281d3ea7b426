/** A drill that stopped itself, as its journal tells it: one proxy is out of reach, one was never touched. */
import type { DrillRecord, TimelineEntry } from '../../../src/chaos/drill-engine.ts';
import type { Drill } from '../../../src/model/drill.ts';

/** Epoch ms of the fault. */
export const faultMs = Date.parse('2026-11-21T12:00:30.000Z');

export const sampleDrill: Drill = {
  key: 'atelier/api-breaker',
  tenant: 'atelier',
  name: 'api-breaker',
  hypothesis: 'web answers from its cache while api cannot be called',
  risk: 'api is lost',
  mitigation: 'web serves the last good page',
  target: { service: 'atelier/api', port: 80 },
  method: { kind: 'openBreaker' },
  radius: { callers: [{ tenant: 'atelier', serviceAccounts: ['web'] }], percent: 75 },
  steadyState: [
    {
      name: 'web-up',
      phases: ['before', 'during', 'after'],
      source: { kind: 'http', url: 'http://10.0.0.5:8080/', expectStatus: 200, metric: 'success' },
      tolerance: { atLeast: 1 },
      intervalMs: 1_000,
      silenceMs: 5_000,
    },
    {
      name: 'p99',
      phases: ['before', 'after'],
      source: { kind: 'traffic', metric: 'p99', group: 'control' },
      tolerance: { atMost: 250 },
      intervalMs: 1_000,
      silenceMs: 5_000,
    },
  ],
  abortOn: [
    { kind: 'probe', probe: 'web-up' },
    { kind: 'alert', name: 'CheckoutDown' },
  ],
  durationMs: 120_000,
  observeMs: 30_000,
  hash: '0123456789abcdef',
  where: { file: 'atelier/drills.yaml', line: 1 },
};

const proxies = ['atelier/web-1', 'atelier/web-2', 'atelier/web-3'];
const breaker = { key: 'circuit_breakers.atelier/api/80.default.max_requests', value: 0 };

export const sampleRecord: DrillRecord = {
  drill: sampleDrill.key,
  tenant: 'atelier',
  phase: 'aborted',
  reason: 'the alert `CheckoutDown` fires',
  startedBy: 'alice',
  approvedBy: 'bob',
  startedAtMs: faultMs - 30_000,
  faultAtMs: faultMs,
  deadlineMs: faultMs + 120_000,
  endedAtMs: faultMs + 43_500,
  proxies: [
    { proxy: 'atelier/web-1', state: 'clean', why: '' },
    { proxy: 'atelier/web-2', state: 'clean', why: '' },
    { proxy: 'atelier/web-3', state: 'expired', why: 'it does not answer' },
    { proxy: 'atelier/web-4', state: 'excluded', why: 'it takes no resource with a time to live' },
  ],
  probes: [
    { name: 'web-up', value: 1, state: 'within' },
    { name: 'p99', value: 41.5, state: 'within' },
  ],
  overflows: 1_204,
  verdict: 'deviated',
  hypothesis: sampleDrill.hypothesis,
  definition: sampleDrill,
  plannedBy: 'alice',
  haltedBy: '',
  plan: {
    drill: sampleDrill.key,
    hash: 'feedfacefeedface',
    method: sampleDrill.method,
    needsSecondPerson: true,
    touches: proxies.map((proxy) => ({ proxy, keys: [breaker] })),
    control: ['atelier/cron-1', 'atelier/web-5'],
    excluded: [{ proxy: 'atelier/web-4', why: 'it takes no resource with a time to live' }],
    notes: ['connections that stand already are not cut; requests on them are refused'],
  },
  callers: [
    { account: 'atelier/cron', struck: [], spared: ['atelier/cron-1'] },
    { account: 'atelier/web', struck: proxies, spared: ['atelier/web-5'] },
  ],
  traffic: [
    { proxy: 'atelier/web-1', seen: 900, failed: 700, standsFor: 1 },
    { proxy: 'atelier/web-2', seen: 604, failed: 504, standsFor: 1 },
    { proxy: 'atelier/web-5', seen: 640, failed: 0, standsFor: 1 },
  ],
  measured: [
    { probe: 'web-up', phase: 'before', answers: 30, breaches: 0, range: { lowest: 1, highest: 1 } },
    { probe: 'p99', phase: 'before', answers: 30, breaches: 0, range: { lowest: 38, highest: 44.25 } },
    { probe: 'web-up', phase: 'during', answers: 12, breaches: 2, range: { lowest: 0, highest: 1 } },
    { probe: 'web-up', phase: 'after', answers: 30, breaches: 0, range: { lowest: 1, highest: 1 } },
    { probe: 'p99', phase: 'after', answers: 0, breaches: 0, range: undefined },
  ],
  timeline: [
    entry(-60_000, 'planned', 'planned by `alice`'),
    entry(-45_000, 'approved', 'approved by `bob`'),
    entry(-30_000, 'started', 'started by `alice`'),
    entry(0, 'fault-laid', 'the fault was sent to 3 proxies'),
    entry(0, 'proxy-excluded', 'it takes no resource with a time to live', 'atelier/web-4'),
    entry(21, 'proxy-effective', 'the keys stand in its runtime', 'atelier/web-1'),
    entry(34, 'proxy-effective', 'the keys stand in its runtime', 'atelier/web-2'),
    entry(12_020, 'probe-breach', '0, below 1', 'web-up'),
    entry(12_480, 'alert', 'it fires', 'CheckoutDown'),
    entry(12_481, 'fault-withdrawn', 'the empty layer was sent to 3 proxies'),
    entry(12_506, 'proxy-clean', 'as it was before', 'atelier/web-1'),
    entry(12_519, 'proxy-clean', 'as it was before', 'atelier/web-2'),
    entry(13_500, 'steady', 'every probe is within its tolerance'),
    entry(22_481, 'proxy-expired', 'one time to live has passed', 'atelier/web-3'),
    entry(43_500, 'ended', 'the drill is over'),
  ],
};

export function entry(afterFaultMs: number, what: TimelineEntry['what'], text: string, about?: string): TimelineEntry {
  return { atMs: faultMs + afterFaultMs, what, text, ...(about === undefined ? {} : { about }) };
}
