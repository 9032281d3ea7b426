/**
 * Traffic policies in force: the service is there, its ports are, and nobody else speaks of one of them.
 *
 * Two policies of one port contradict each other and nobody can say which was meant, so neither is in force and the
 * defaults hold. A policy that no longer holds leaves its service callable: it shapes traffic, it never permits any.
 */
import { parseDurationMs } from '../duration.ts';
import type { TrafficPolicyObject } from '../kinds/traffic-policy.ts';
import type { ProblemList } from '../problem-list.ts';
import { quote, quoteList } from '../quote.ts';
import type { Service, ServicePort } from '../snapshot.ts';
import { formatSourceRef } from '../source-ref.ts';
import type { Finding, ValidObject } from '../sourced-object.ts';
import type { TrafficPolicy } from '../traffic-policy.ts';
import type { Inventory } from './inventory.ts';

interface Draft {
  readonly source: ValidObject<'TrafficPolicy'>;
  readonly policy: TrafficPolicy;
}

type Refusal = Omit<Finding, 'severity'>;

/** @param services of the namespace. @returns of one namespace, by `namespace/name`, sorted. */
export function trafficPoliciesIn(
  inventory: Inventory,
  isTenant: boolean,
  services: ReadonlyMap<string, Service>,
  problems: ProblemList,
): ReadonlyMap<string, TrafficPolicy> {
  const drafts: Draft[] = [];
  for (const source of inventory.of('TrafficPolicy')) {
    if (!isTenant) {
      problems.warning(source, unowned(source.ref.namespace));
      continue;
    }
    const ports = portsOf(source, services);
    if ('code' in ports) problems.error(source, ports);
    else {
      warnOfOpaquePorts(source, ports, problems);
      drafts.push({ source, policy: policyOf(source, ports) });
    }
  }
  const byPort = Map.groupBy(
    drafts.flatMap((draft) => draft.policy.ports.map((port) => ({ draft, key: `${draft.policy.service} ${port}` }))),
    ({ key }) => key,
  );
  const policies = new Map<string, TrafficPolicy>();
  for (const { source, policy } of drafts) {
    const claims = policy.ports.flatMap((port) => byPort.get(`${policy.service} ${port}`) ?? []);
    const rivals = [...new Set(claims.map(({ draft }) => draft.source))].filter((other) => other !== source);
    if (rivals.length === 0) policies.set(policy.key, policy);
    else problems.error(source, conflict(source, rivals));
  }
  return policies;
}

function unowned(namespace: string): Refusal {
  const message = `nobody owns the namespace ${quote(namespace)}, so the policy speaks of nothing`;
  return {
    code: 'missing-tenant',
    path: 'metadata.namespace',
    message,
    advice: `write a \`Tenant\` named ${quote(namespace)}`,
  };
}

function portsOf(
  { object, ref }: ValidObject<'TrafficPolicy'>,
  services: ReadonlyMap<string, Service>,
): readonly ServicePort[] | Refusal {
  const { service: name, ports } = object.spec;
  const service = services.get(`${ref.namespace}/${name}`);
  if (service === undefined) {
    const message = `there is no service ${quote(name)} in ${quote(ref.namespace)}, so the policy speaks of nothing`;
    return { code: 'dangling-reference', path: 'spec.service', message, advice: 'check the name of the service' };
  }
  const known = service.ports.map(({ port }) => port);
  const missing = (ports ?? []).findIndex((port) => !known.includes(port));
  if (missing >= 0) {
    return {
      code: 'dangling-reference',
      path: `spec.ports[${missing}]`,
      message: `the service ${quote(name)} has no port ${ports?.[missing]} in force`,
      advice: known.length === 0 ? 'give it a port' : `its ports are ${known.join(', ')}`,
    };
  }
  const meant = service.ports.filter(({ port }) => ports?.includes(port) ?? true);
  if (meant.length > 0) return meant;
  const message = `the service ${quote(name)} has no port in force, so the policy speaks of nothing`;
  return { code: 'dangling-reference', path: 'spec.service', message, advice: 'give the service a port' };
}

/** What only HTTP knows does nothing on a port of bytes, and somebody may rely on it. */
function warnOfOpaquePorts(
  source: ValidObject<'TrafficPolicy'>,
  ports: readonly ServicePort[],
  problems: ProblemList,
): void {
  const { retries, timeouts, ports: named } = source.object.spec;
  const opaque = ports.filter(({ protocol }) => protocol === 'tcp');
  const path = [
    ...(retries === undefined ? [] : ['spec.retries']),
    ...(timeouts?.request === undefined ? [] : ['spec.timeouts.request']),
    ...(timeouts?.idle === undefined ? [] : ['spec.timeouts.idle']),
  ][0];
  if (path === undefined || opaque.length === 0 || (named === undefined && opaque.length < ports.length)) return;
  problems.warning(source, {
    code: 'bad-value',
    path,
    message: `port ${opaque.map(({ port }) => port).join(', ')} is TCP, where nobody can see a request, so ${quote(path)} does nothing there`,
    advice: 'declare the port as HTTP, or leave this to ports that are',
  });
}

function conflict({ ref, object }: Draft['source'], rivals: readonly Draft['source'][]): Refusal {
  const places = rivals.map((rival) => `${quote(rival.ref.name)} (${formatSourceRef(rival.where)})`).join(', ');
  return {
    code: 'policy-conflict',
    path: 'spec.service',
    message: `${quote(ref.name)} and ${places} speak of the same ports of ${quoteList([object.spec.service])}, so none of them is in force and the defaults hold`,
    advice: 'keep one of them, or give each ports of its own',
  };
}

function policyOf({ ref, object, where }: Draft['source'], ports: readonly ServicePort[]): TrafficPolicy {
  const { service, circuitBreakers = {}, outlierDetection = {}, timeouts = {}, retries = {} } = object.spec;
  return {
    key: `${ref.namespace}/${ref.name}`,
    tenant: ref.namespace,
    name: ref.name,
    service: `${ref.namespace}/${service}`,
    ports: ports.map(({ port }) => port),
    breakers: circuitBreakers,
    outliers: outliersOf(outlierDetection),
    timeouts: {
      ...milliseconds('requestMs', timeouts.request),
      ...milliseconds('idleMs', timeouts.idle),
      ...milliseconds('connectMs', timeouts.connect),
    },
    retries: {
      ...(retries.attempts === undefined ? {} : { attempts: retries.attempts }),
      ...(retries.retryOn === undefined ? {} : { on: [...new Set(retries.retryOn)].sort() }),
      ...milliseconds('perTryTimeoutMs', retries.perTryTimeout),
    },
    where,
  };
}

function outliersOf({
  consecutive5xx,
  interval,
  baseEjectionTime,
  maxEjectionPercent,
}: NonNullable<TrafficPolicyObject['spec']['outlierDetection']>): TrafficPolicy['outliers'] {
  return {
    ...(consecutive5xx === undefined ? {} : { consecutive5xx }),
    ...milliseconds('intervalMs', interval),
    ...milliseconds('baseEjectionTimeMs', baseEjectionTime),
    ...(maxEjectionPercent === undefined ? {} : { maxEjectionPercent }),
  };
}

/** The field, or nothing where nothing was written. */
function milliseconds<Field extends string>(
  field: Field,
  written: string | undefined,
): { readonly [F in Field]?: number } {
  const ms = written === undefined ? undefined : parseDurationMs(written);
  return ms === undefined ? {} : ({ [field]: ms } as { readonly [F in Field]: number });
}
