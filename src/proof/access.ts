/**
 * Who may call which service port, by which rules and until when: the policy's own word, compiled.
 *
 *   Snapshot ──inboundOf──▶ compiled policy of each port ──▶ one `Access` for each identity that some rule lets in
 *
 * Workloads behind one service that are judged alike are one; where they are not, each is told.
 */
import type { RequestMatch, Snapshot } from '../model/snapshot.ts';
import type { SourceRef } from '../model/source-ref.ts';
import { spiffeIdPrefix } from '../model/spiffe-id.ts';
import { inboundOf } from '../policy/inbound-view.ts';
import { momentOf } from '../policy/moment.ts';
import { matchesEvery, type PortPolicy, type Rule } from '../policy/port-policy.ts';

/** One identity at one service port. */
export interface Access {
  readonly caller: string;
  readonly callerTenant: string;
  /** `namespace/service`. */
  readonly service: string;
  readonly tenant: string;
  readonly port: number;
  /** Live rules that allow some request. Never empty. */
  readonly allow: readonly AccessRule[];
  /** Live rules that deny some of these. */
  readonly deny: readonly AccessRule[];
}

export interface AccessRule {
  readonly name: string;
  readonly where: SourceRef;
  readonly match: RequestMatch;
  /** A valid token is asked for, or a condition in CEL. */
  readonly conditions: readonly string[];
  readonly notAfterMs?: number;
}

/** Sorted by caller, service and port. @param nowMs epoch ms at which grants are judged. */
export function accessesOf(snapshot: Snapshot, nowMs: number): readonly Access[] {
  const callers = new Map([...snapshot.workloads.values()].map(({ spiffeId, tenant }) => [spiffeId, tenant]));
  const moments = new Map([...snapshot.tenants.keys()].map((tenant) => [tenant, momentOf(snapshot, tenant, nowMs)]));
  const policies = new Map(
    [...snapshot.workloads.values()].map((workload) => {
      const now = moments.get(workload.tenant);
      const inbound = now === undefined ? [] : inboundOf(now, workload);
      return [workload.key, new Map(inbound.map(({ port, policy }) => [port, policy]))] as const;
    }),
  );
  const accesses = new Map<string, Access>();
  for (const service of snapshot.services.values()) {
    for (const { port, endpoints } of service.ports) {
      const behind = endpoints.flatMap((endpoint) => policies.get(endpoint.workload)?.get(endpoint.port) ?? []);
      for (const [caller, callerTenant] of callers) {
        const allow = distinct(behind.flatMap((policy) => allowing(policy, caller, nowMs)));
        if (allow.length === 0) continue;
        const deny = distinct(
          behind.flatMap((policy) => policy.deny.filter((rule) => isInForce(rule, caller, policy, nowMs))),
        );
        const id = `${caller} ${service.key} ${String(port).padStart(5, '0')}`;
        accesses.set(id, {
          caller,
          callerTenant,
          service: service.key,
          tenant: service.tenant,
          port,
          allow: allow.map(told),
          deny: deny.map(told),
        });
      }
    }
  }
  return [...accesses].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, access]) => access);
}

/** None where a deny leaves nothing of it. */
function allowing(policy: PortPolicy, caller: string, nowMs: number): readonly Rule[] {
  const denied = policy.deny.some((rule) => isInForce(rule, caller, policy, nowMs) && isUnconditional(rule));
  return denied ? [] : policy.allow.filter((rule) => isInForce(rule, caller, policy, nowMs));
}

function isInForce(rule: Rule, caller: string, policy: PortPolicy, nowMs: number): boolean {
  return speaksOf(rule, caller, policy) && (rule.notAfterMs === undefined || nowMs < rule.notAfterMs);
}

function isUnconditional({ match, token, when }: Rule): boolean {
  return matchesEvery(match) && token === undefined && when === undefined;
}

function speaksOf({ callers }: Rule, spiffeId: string, { trustDomain }: PortPolicy): boolean {
  if (callers === 'anyone') return true;
  return callers.some((caller) =>
    caller.kind === 'tenant'
      ? spiffeId.startsWith(spiffeIdPrefix(trustDomain, caller.tenant))
      : spiffeId === caller.spiffeId,
  );
}

function told({ name, where, match, token, when, notAfterMs }: Rule): AccessRule {
  const conditions = [
    ...(token === undefined ? [] : [`a token of ${token.provider ?? 'a provider of the tenant'}`]),
    ...(when === undefined ? [] : [when]),
  ];
  return { name, where, match, conditions, ...(notAfterMs === undefined ? {} : { notAfterMs }) };
}

function distinct(rules: readonly Rule[]): readonly Rule[] {
  return [...new Map(rules.map((rule) => [rule.name, rule])).values()];
}
