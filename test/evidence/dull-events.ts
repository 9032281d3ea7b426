/** Small events for tests: whole, and as dull as may be. */
import type { AckEvent, DenialEvent, EvidenceEvent, HumanAction, RequestEvent } from '../../src/evidence/event.ts';

const request = { host: 'api', method: 'GET', path: '/', status: 403 };

export function denial(id: string, more: Partial<DenialEvent> = {}): DenialEvent {
  const from = { identity: 'spiffe://mesh/ns/shop/sa/web', address: '10.0.0.9:4000' };
  const to = { workload: 'notaire/api-1', port: 8080 };
  const common = { id, atMs: 0, tenant: 'notaire', verdict: 'deny', by: 'proxy', reason: 'tenant-wall' } as const;
  return { kind: 'denial', ...common, from, to, request, ...more };
}

export function sampled(id: string): RequestEvent {
  const common = { id, atMs: 0, tenant: 'notaire', verdict: 'allow', durationMs: 1, standsFor: 100 } as const;
  return { kind: 'request', ...common, from: {}, to: {}, request: { ...request, status: 200 } };
}

function ack(id: string): AckEvent {
  return { kind: 'ack', id, atMs: 0, tenant: 'notaire', typeUrl: 'Cluster', proxies: ['notaire/api-1'], proxyCount: 1 };
}

export function action(id: string): HumanAction {
  return { kind: 'human-action', id, atMs: 0, tenant: 'notaire', person: 'owner', method: 'x', about: '', status: 200 };
}

export const dullEvents: Readonly<
  Record<'denial' | 'request' | 'ack' | 'human-action', (id: string) => EvidenceEvent>
> = { denial, request: sampled, ack, 'human-action': action };
