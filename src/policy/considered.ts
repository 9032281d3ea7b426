/**
 * Every rule that could have had a say on one port, with the first of its conditions that does not hold.
 *
 *   compiled rules ──put to the judge──▶ outcome, miss        written rules that were not compiled ──▶ why they have no say
 *
 * A rule for another port, or one that speaks of requests where bytes are all that is seen, is no rule of the port. Its
 * author thinks that it is, so it is told.
 */
import type { AccessRule, Grant, Service, ServicePort, Snapshot, Workload } from '../model/snapshot.ts';
import type { SourceRef } from '../model/source-ref.ts';
import { spiffeIdPrefix } from '../model/spiffe-id.ts';
import type { AccessRequest } from './access-request.ts';
import { grantName, namesPort, writtenRules } from './analyze-written.ts';
import { selects } from './compile.ts';
import { firstMiss, type Miss, opaqueMiss } from './first-miss.ts';
import type { Effect } from './match-path.ts';
import { isStatic, matchesEvery, type PortPolicy, type Rule } from './port-policy.ts';
import { readRequest } from './reading.ts';
import { RuleJudge, type RuleOutcome } from './rule-judge.ts';
import type { InboundPort } from './view.ts';

export interface ConsideredRule {
  readonly effect: 'deny' | 'allow';
  readonly name: string;
  readonly where: SourceRef;
  /** `no-say`: it is no rule of this port, and `miss` tells why. */
  readonly outcome: RuleOutcome | 'no-say';
  /** The first condition that does not hold; absent where all do. */
  readonly miss?: Miss;
  /** Of a policy under audit: it is told, and decides nothing. */
  readonly audited?: true;
}

/** One port of one workload, as the service port that is called leads to it. */
export interface ConsideredPort {
  readonly workload: Workload;
  readonly inbound: InboundPort;
  readonly service: Service;
  readonly servicePort: ServicePort;
}

/** First those that are enforced, then those under audit, then those without a say. */
export function considerAll(
  snapshot: Snapshot,
  target: ConsideredPort,
  request: AccessRequest,
  nowMs: number,
): readonly ConsideredRule[] {
  const { policy } = target.inbound;
  const { deny = [], allow = [] } = policy.audited ?? {};
  const enforced = judged(policy, policy, request, nowMs);
  const names = new Set(enforced.map(({ name }) => name));
  const audited = judged(policy, { deny, allow }, request, nowMs).filter(({ name }) => !names.has(name));
  for (const { name } of audited) names.add(name);
  const silent = [...silentRules(snapshot, target), ...silentGrants(snapshot, target, request.principal)];
  return [
    ...enforced,
    ...audited.map((rule) => ({ ...rule, audited: true as const })),
    ...silent.filter(({ name }) => !names.has(name)),
  ];
}

function judged(
  { trustDomain }: PortPolicy,
  { deny, allow }: Pick<PortPolicy, 'deny' | 'allow'>,
  request: AccessRequest,
  nowMs: number,
): readonly ConsideredRule[] {
  const reading = readRequest(request, trustDomain, nowMs);
  const list = (effect: Effect, rules: readonly Rule[]) =>
    rules.map((rule): ConsideredRule => {
      const told = { effect, name: rule.name, where: rule.where };
      if (reading === undefined) return { ...told, outcome: 'other-caller' };
      const outcome = new RuleJudge(rule, effect).judge(reading);
      const miss = firstMiss(rule, effect, reading, outcome);
      return { ...told, outcome, ...(miss === undefined ? {} : { miss }) };
    });
  return [...list('deny', deny), ...list('allow', allow)];
}

/** Of policies that select the workload. */
function silentRules(snapshot: Snapshot, { workload, inbound }: ConsideredPort): readonly ConsideredRule[] {
  return writtenRules(snapshot)
    .filter(({ policy }) => !policy.broken && selects(policy, workload))
    .map(({ name, effect, rule, policy }) => ({
      ...{ effect, name, where: rule.where, outcome: 'no-say' as const, miss: silence(rule, inbound) },
      ...(policy.enforcement === 'Audit' ? { audited: true as const } : {}),
    }));
}

function silence(rule: AccessRule, { port, protocol }: InboundPort): Miss {
  if (!namesPort(rule, port)) return portMiss(rule.ports, port);
  if (protocol === 'tcp' && !(matchesEvery(rule.match) && isStatic(rule))) return opaqueMiss;
  const asks = 'callers of other tenants only';
  return { condition: 'caller', asks, shows: 'the tenant wall, which an `AccessPolicy` never opens' };
}

/** To the same service, for a tenant that the caller may be of, and not to this port. */
function silentGrants(
  { grants, mesh: { trustDomain } }: Snapshot,
  { service, servicePort }: ConsideredPort,
  principal: string,
): readonly ConsideredRule[] {
  const isFor = ({ to, from }: Grant) =>
    to.service === service.key &&
    principal.startsWith(spiffeIdPrefix(trustDomain, from.tenant)) &&
    !to.ports.includes(servicePort.port);
  return [...grants.values()].filter(isFor).map((grant) => ({
    ...{ effect: 'allow', name: grantName(grant), where: grant.where, outcome: 'no-say' },
    miss: portMiss(grant.to.ports, servicePort.port),
  }));
}

function portMiss(ports: readonly number[], port: number): Miss {
  return { condition: 'port', asks: ports.map((each) => `\`${each}\``).join(' or '), shows: `\`${port}\`` };
}
