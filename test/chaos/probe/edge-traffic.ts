/** Reports and records of one drilled edge, in as few words as a test needs. */

import type { ProbedEdge } from '../../../src/chaos/ports.ts';
import type { EdgeLoad, EdgeRecord, TrafficQuestion } from '../../../src/chaos/probe/traffic-window.ts';

export const api = 'shop/api/80';
export const startMs = 1_800_000_000_000;

/** A report of one second without traffic. @param afterMs `startMs`. */
export function report(key: string, afterMs: number, load: Partial<EdgeLoad> = {}): EdgeLoad {
  const none = { issued: 0, succeeded: 0, failed: 0, dropped: 0 };
  return { key, cluster: api, ...none, periodMs: 1_000, atMs: startMs + afterMs, ...load };
}

export function request(proxy: string, afterMs: number, durationMs: number): EdgeRecord {
  const fixed = { cluster: api, protocol: 'http', moment: 'end', flags: [] } as const;
  return { ...fixed, proxy, durationMs, atMs: startMs + afterMs };
}

export function connection(
  proxy: string,
  afterMs: number,
  moment: EdgeRecord['moment'],
  ...flags: string[]
): EdgeRecord {
  return { ...request(proxy, afterMs, 0), protocol: 'tcp', moment, flags };
}

export function question(proxies: Readonly<Record<string, number>>, afterMs = 0): TrafficQuestion {
  const fromMs = startMs + afterMs;
  return { clusters: [api], proxies: new Map(Object.entries(proxies)), fromMs, sinceMs: startMs };
}

export function edge(part: Partial<ProbedEdge> = {}): ProbedEdge {
  return { drill: 'shop/cut', clusters: [api], experiment: ['a'], control: ['c'], sinceMs: startMs, ...part };
}
