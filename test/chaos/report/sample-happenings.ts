/** What the mesh recorded while the sample drill ran. */
import type { Call, Happening, Occurrence, OccurrenceWord } from '../../../src/chaos/report/happening.ts';
import { faultMs } from './sample-record.ts';

export function call(afterFaultMs: number, outcome: Call['outcome'], more: Partial<Call> = {}): Call {
  return {
    kind: 'call',
    atMs: faultMs + afterFaultMs,
    caller: 'atelier/web',
    callee: 'atelier/api/80',
    onEdge: true,
    outcome,
    detail: outcome === 'overflow' ? 'UO' : '',
    standsFor: 1,
    ...more,
  };
}

export function occurrence(
  afterFaultMs: number,
  what: OccurrenceWord,
  about: string,
  more: Partial<Occurrence> = {},
): Occurrence {
  return { kind: 'occurrence', atMs: faultMs + afterFaultMs, what, about, words: '', ...more };
}

const cluster = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';

export const sampleHappenings: readonly Happening[] = [
  occurrence(-28_000, 'publication', 'r41', { proxies: 6, words: 'Service atelier/api (atelier/api.yaml:3)' }),
  occurrence(-27_900, 'push', cluster, { proxies: 6, resources: 2 }),
  occurrence(-27_700, 'ack', cluster, { proxies: 6 }),
  call(-9_000, 'denied', { caller: '10.1.9.9:40112', detail: 'no-allow-rule', onEdge: false, callee: 'atelier/api-1' }),
  ...Array.from({ length: 412 }, (_, index) => call(30 + index * 30, 'overflow', { proxy: 'atelier/web-1' })),
  call(900, 'failed', { caller: 'atelier/cron', proxy: 'atelier/cron-1', detail: 'UH' }),
  call(2_000, 'passed', { standsFor: 100, proxy: 'atelier/web-5' }),
  occurrence(4_200, 'ejected', 'atelier/api-2', { words: 'atelier/web-5' }),
  occurrence(6_000, 'detector', 'refusals', { words: 'many refusals from `atelier/web`' }),
  occurrence(11_000, 'person', 'drillHalt', { words: 'carol' }),
  occurrence(12_400, 'nack', cluster, { proxies: 1, words: 'unknown field `x`' }),
  occurrence(14_000, 'problem', 'certificate-late', { words: 'the certificate of `atelier/web-3` is late' }),
  call(15_000, 'failed', { proxy: 'atelier/web-3', detail: 'UF' }),
].toSorted((left, right) => left.atMs - right.atMs);
