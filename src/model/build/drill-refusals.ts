/**
 * Why a drill could never be allowed: nobody is there to be struck or to feel it, the mesh itself would be, its method
 * has no hold on bytes, or its probes ask whom nobody may ask.
 */

import { latencyMetrics } from '../drill-words.ts';
import type { DrillObject } from '../kinds/drill.ts';
import { nearest } from '../nearest.ts';
import { quote } from '../quote.ts';
import type { Mesh, Service, ServicePort, Tenant } from '../snapshot.ts';
import type { Finding } from '../sourced-object.ts';
import { isProtected, protectedTenant } from './drill-consents.ts';
import { probeTargetOf } from './drill-rules.ts';
import type { Resolvers } from './resolvers.ts';

export interface DrillContext {
  readonly mesh: Mesh;
  readonly tenants: ReadonlyMap<string, Tenant>;
  /** Of the target's tenant. */
  readonly services: ReadonlyMap<string, Service>;
  /** Of the whole mesh. */
  readonly resolvers: Resolvers;
  /** `namespace/name` of every service account that is known to exist. */
  readonly serviceAccounts: ReadonlySet<string>;
}

type Refusal = Omit<Finding, 'severity'>;

/** @returns empty where it could be allowed. */
export function drillRefusals(drill: DrillObject, context: DrillContext): readonly Refusal[] {
  return [...targetRefusals(drill, context), ...callerRefusals(drill, context), ...probeRefusals(drill, context)];
}

function targetRefusals(
  { metadata, spec }: DrillObject,
  { mesh, tenants, services, resolvers }: DrillContext,
): Refusal[] {
  const { namespace } = metadata;
  const { service: name, port } = spec.target;
  if (isProtected(namespace, mesh)) return [protectedTenant('metadata.namespace', namespace)];
  if (!tenants.has(namespace)) {
    const message = `nobody owns the namespace ${quote(namespace)}, so there is nothing to strike`;
    const advice = `write a \`Tenant\` named ${quote(namespace)}`;
    return [{ code: 'missing-tenant', path: 'metadata.namespace', message, advice }];
  }
  const service = services.get(`${namespace}/${name}`);
  if (service === undefined) {
    const known = [...services.values()].map((each) => each.name);
    const meant = nearest(name, known);
    const message = `there is no service ${quote(name)} in ${quote(namespace)}, so there is nothing to strike`;
    const advice = meant === undefined ? 'check the name of the service' : `did you mean ${quote(meant)}?`;
    return [{ code: 'dangling-reference', path: 'spec.target.service', message, advice }];
  }
  if (resolvers.services.has(service.key)) return [answersDns('spec.target.service', `the service ${quote(name)}`)];
  const servicePort = service.ports.find((each) => each.port === port);
  if (servicePort === undefined) {
    const known = service.ports.map((each) => each.port).join(', ');
    const message = `the service ${quote(name)} has no port ${port} in force`;
    const advice = known === '' ? 'give it a port' : `its ports are ${known}`;
    return [{ code: 'dangling-reference', path: 'spec.target.port', message, advice }];
  }
  return [...opaqueRefusals(spec.method, servicePort), ...latencyRefusals(spec.steadyState, servicePort)];
}

/** On a port of bytes nobody can answer in the application's place, or hold back one request. */
function opaqueRefusals(method: DrillObject['spec']['method'], { port, protocol }: ServicePort): Refusal[] {
  const needsHttp = (['abort', 'delay', 'ejectEndpoint'] as const).find((kind) => method[kind] !== undefined);
  if (protocol !== 'tcp' || needsHttp === undefined) return [];
  const message = `port ${port} is TCP, where nobody can see a request, so ${quote(needsHttp)} cannot strike there`;
  const advice = 'use `openBreaker` or `throttleBreaker`, or declare the port as HTTP';
  return [{ code: 'bad-value', path: `spec.method.${needsHttp}`, message, advice }];
}

/** A connection has no latency: nobody knows when the other side was asked something, and when it answered. */
function latencyRefusals(probes: DrillObject['spec']['steadyState'], { port, protocol }: ServicePort): Refusal[] {
  if (protocol !== 'tcp') return [];
  return probes.flatMap(({ source }, index): Refusal[] => {
    const metric = source.traffic?.metric ?? '';
    if (!latencyMetrics.has(metric)) return [];
    const message = `port ${port} is TCP, where no request has a latency, so ${quote(metric)} would never have a value`;
    const advice = 'measure `successRate` or `overflows`, or declare the port as HTTP';
    return [{ code: 'bad-value', path: `spec.steadyState[${index}].source.traffic.metric`, message, advice }];
  });
}

function callerRefusals({ metadata, spec }: DrillObject, context: DrillContext): Refusal[] {
  const { resolvers } = context;
  return spec.blastRadius.callers.flatMap(({ tenant, serviceAccounts }, index) => {
    const path = `spec.blastRadius.callers[${index}]`;
    const refusal = tenantRefusal(tenant, metadata.namespace, `${path}.tenant`, context);
    if (refusal !== undefined) return [refusal];
    if (serviceAccounts === undefined) {
      const meansResolver = [...resolvers.accounts].some((account) => account.startsWith(`${tenant}/`));
      return meansResolver ? [answersDns(path, `a workload of ${quote(tenant)}`)] : [];
    }
    return serviceAccounts.flatMap((name, nameIndex) => {
      const at = `${path}.serviceAccounts[${nameIndex}]`;
      if (resolvers.accounts.has(`${tenant}/${name}`)) return [answersDns(at, quote(name))];
      if (context.serviceAccounts.has(`${tenant}/${name}`)) return [];
      const message = `nobody runs under the service account ${quote(name)} in ${quote(tenant)}`;
      const advice = 'check the name: a drill whose callers are fewer than written proves less than written';
      return [{ code: 'dangling-reference' as const, path: at, message, advice }];
    });
  });
}

function tenantRefusal(
  name: string,
  target: string,
  path: string,
  { mesh, tenants }: DrillContext,
): Refusal | undefined {
  if (isProtected(name, mesh)) return protectedTenant(path, name);
  const [caller, owner] = [tenants.get(name), tenants.get(target)];
  if (caller === undefined) {
    const message = `there is no tenant ${quote(name)}, so nobody of it can feel the drill`;
    return { code: 'dangling-reference', path, message, advice: 'check the name of the tenant' };
  }
  if (owner === undefined || caller.environment === owner.environment) return undefined;
  const message = `${quote(name)} is in ${quote(caller.environment)} and ${quote(target)} in ${quote(owner.environment)}: environments never meet`;
  return { code: 'environment-wall', path, message, advice: 'name a tenant of the same environment' };
}

function answersDns(path: string, who: string): Refusal {
  const message = `${who} answers DNS for the mesh, which no drill touches`;
  return { code: 'protected-tenant', path, message, advice: 'name another target, or callers by service account' };
}

/** What a probe asks is asked by the control plane: an author who may write a drill may not send it anywhere. */
function probeRefusals({ spec }: DrillObject, { mesh }: DrillContext): Refusal[] {
  const { probeTargets, prometheusUrl } = mesh.drills;
  const allowed = new Set([...probeTargets, ...(prometheusUrl === undefined ? [] : [probeTargetOf(prometheusUrl)])]);
  return spec.steadyState.flatMap(({ source }, index): Refusal[] => {
    const path = `spec.steadyState[${index}].source`;
    const { http, grpcHealth, promql } = source;
    if (promql !== undefined && prometheusUrl === undefined) {
      const message = 'the mesh names no Prometheus to ask';
      return [
        { code: 'probe-not-allowed', path: `${path}.promql`, message, advice: 'have `drills.prometheusUrl` set' },
      ];
    }
    const asked = http === undefined ? grpcHealth?.address : http.url;
    if (asked === undefined || allowed.has(probeTargetOf(asked))) return [];
    const message = `probes may not ask ${quote(probeTargetOf(asked))}, so nobody would see whether all is well`;
    const advice = 'have it added to `drills.probeTargets` of the mesh';
    return [
      {
        code: 'probe-not-allowed',
        path: http === undefined ? `${path}.grpcHealth.address` : `${path}.http.url`,
        message,
        advice,
      },
    ];
  });
}
