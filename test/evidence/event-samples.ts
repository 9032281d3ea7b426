/** Events to write: plain ones, of which a test changes what it is about. */
import type { DenialEvent, RequestEvent, Target, UndeclaredPort } from '../../src/evidence/event.ts';

const noonMs = Date.UTC(2030, 0, 1, 12);

export function denial(id: string, changes: Partial<DenialEvent> = {}): DenialEvent {
  return {
    kind: 'denial',
    id,
    atMs: noonMs,
    tenant: 'vault',
    workload: 'vault/api-0',
    verdict: 'deny',
    from: { identity: 'spiffe://mesh.example/ns/atelier/sa/web', workload: 'atelier/web-0', address: '10.1.0.7:40112' },
    to: { workload: 'vault/api-0', port: 8080 },
    request: { host: 'api', method: 'GET', path: '/orders/7', status: 403 },
    by: 'proxy',
    reason: 'no-allow-rule',
    ...changes,
  };
}

export function sampled(id: string, changes: Partial<RequestEvent> = {}): RequestEvent {
  return {
    kind: 'request',
    id,
    atMs: noonMs,
    tenant: 'atelier',
    verdict: 'allow',
    from: { workload: 'vault/api-0' },
    to: { workload: 'atelier/web-0' },
    request: { host: 'web', method: 'GET', path: '/', status: 200 },
    durationMs: 3,
    standsFor: 100,
    ...changes,
  };
}

/** Stopped at the caller. */
export function undeclared(id: string, to: Target): UndeclaredPort {
  const from = { identity: 'spiffe://mesh.example/ns/notaire/sa/web', workload: 'notaire/web-0' };
  return { kind: 'undeclared-port', direction: 'outbound', id, atMs: noonMs, tenant: 'notaire', from, to };
}

export { noonMs };
