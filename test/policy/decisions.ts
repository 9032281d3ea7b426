/**
 * Tables of decisions: who asks what of which port, and what is wanted.
 *
 * A want is the verdict with its reason in one word or name: `allow tenant/atelier/default`, `deny tenant-wall`.
 */
import { expect } from 'vitest';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { type AccessRequest, type Decision, decide } from '../../src/policy/decide.ts';
import type { PortPolicy } from '../../src/policy/port-policy.ts';
import { viewOf } from '../../src/policy/view.ts';

export interface Row {
  /** SPIFFE ID of the caller. */
  readonly from: string;
  /** `namespace/pod:port`. */
  readonly to: string;
  /** `GET /path`; absent for a TCP connection. */
  readonly request?: string;
  /** Epoch ms; by default 0. */
  readonly atMs?: number;
  readonly want: string;
}

/** Grants are compiled at time 0 and judged at each row's own time. */
export function expectDecisions(snapshot: Snapshot, rows: readonly Row[]): void {
  const found = rows.map((row) => ({ ...row, want: verdictOf(snapshot, row) }));
  expect(found).toEqual(rows);
}

function verdictOf(snapshot: Snapshot, { to, from, request, atMs = 0 }: Row): string {
  return wordsOf(decide(policyOf(snapshot, to), accessRequest(from, request), atMs));
}

function accessRequest(principal: string, request: string | undefined): AccessRequest {
  if (request === undefined) return { kind: 'tcp', principal };
  const [method = '', path = ''] = request.split(' ');
  return { kind: 'http', principal, method, path, host: 'a.test' };
}

/** @param to `namespace/pod:port`. @throws where no service declares the port. */
function policyOf(snapshot: Snapshot, to: string): PortPolicy {
  const [key = '', port] = to.split(':');
  const workload = snapshot.workloads.get(key);
  if (workload === undefined) throw new Error(`there is no workload \`${key}\``);
  const inbound = viewOf(snapshot, workload, 0).inbound.find((each) => each.port === Number(port));
  if (inbound === undefined) throw new Error(`no service declares port ${port} of \`${key}\``);
  return inbound.policy;
}

function wordsOf(decision: Decision): string {
  if (decision.kind === 'allow') return `allow ${decision.rule.name}`;
  const { reason } = decision;
  return 'rule' in reason ? `deny ${reason.kind} ${reason.rule.name}` : `deny ${reason.kind}`;
}
