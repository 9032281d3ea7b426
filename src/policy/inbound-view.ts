/**
 * What of a view comes in: the ports that services declare on the workload, and who may come through each.
 *
 * Of the workload itself it depends on the services that lead there and on the policies that select it, and on nothing
 * else: workloads of one tenant that agree in these have equal ports.
 */
import type { Grant, PortProtocol, Workload } from '../model/snapshot.ts';
import { type ArmingTarget, armedCallers } from './arming.ts';
import { compilePort, selects } from './compile.ts';
import { decide } from './decide.ts';
import { leadsTo } from './live-grants.ts';
import type { Lead, Moment } from './moment.ts';
import { needsWorker, type PortPolicy, type PortQuarantine } from './port-policy.ts';
import { patienceOf } from './routing.ts';
import { longer, trafficOf } from './traffic.ts';
import type { CallerTenant, InboundPort } from './view.ts';

interface DeclaredPort {
  readonly protocol: PortProtocol;
  readonly grants: Map<string, Grant>;
  /** The services that lead here, each with the grants that open it. */
  readonly targets: ArmingTarget[];
  /** Of the services that lead here, the more patient ones. */
  requestTimeoutMs: number;
  idleTimeoutMs: number;
}

/** @returns sorted by port. */
export function inboundOf(now: Moment, workload: Workload): readonly InboundPort[] {
  const { snapshot } = now;
  const tenant = snapshot.tenants.get(workload.tenant);
  if (tenant === undefined) return [];
  return [...declaredPorts(now, now.leads.get(workload.key) ?? [])]
    .sort(([left], [right]) => left - right)
    .map(([port, { protocol, grants, targets, requestTimeoutMs, idleTimeoutMs }]) => {
      const opaque = protocol === 'tcp';
      const rules = compilePort(snapshot, { workload, tenant, port, opaque, grants: [...grants.values()] });
      const quarantine = quarantineOf(now, workload);
      const policy = quarantine === undefined ? rules : { ...rules, quarantine };
      const granted = new Set([...grants.values()].map((grant) => grant.from.tenant));
      // Whoever is cut off has no door: what is connected to one ends with it.
      const tenants = quarantine?.owner === undefined ? [tenant.name, ...[...granted].sort()] : [];
      const callers = tenants.map((caller) => callerOf(now, { rules, policy, opaque }, caller));
      const everyRequest = !opaque && (snapshot.mesh.authorizationMode === 'everyRequest' || needsWorker(rules));
      const armed = opaque ? [] : armedCallers(snapshot, now.consents, targets);
      return { port, protocol, callers, policy, everyRequest, requestTimeoutMs, idleTimeoutMs, armed };
    });
}

/** @returns undefined where nobody is refused by one. */
function quarantineOf({ snapshot, quarantined }: Moment, { spiffeId }: Workload): PortQuarantine | undefined {
  const owner = snapshot.quarantines.get(spiffeId);
  if (owner !== undefined) return { callers: quarantined, owner };
  return quarantined.length === 0 ? undefined : { callers: quarantined };
}

/** Equal for workloads of one tenant whose inbound ports are equal. */
export function inboundKey({ snapshot, leads }: Moment, workload: Workload): string {
  const selecting = [...snapshot.policies.values()].filter((policy) => selects(policy, workload));
  const led = (leads.get(workload.key) ?? []).map(
    ({ service, servicePort, port }) => `${service.key} ${servicePort.port} ${port}`,
  );
  const cutOff = snapshot.quarantines.has(workload.spiffeId) ? workload.spiffeId : '';
  return JSON.stringify([selecting.map(({ key }) => key), led, cutOff]);
}

function declaredPorts(now: Moment, leads: readonly Lead[]): Map<number, DeclaredPort> {
  const declared = new Map<number, DeclaredPort>();
  for (const lead of leads) {
    const { service, servicePort, port } = lead;
    const limits = limitsOf(now, lead);
    const entry: DeclaredPort = declared.get(port) ?? {
      protocol: servicePort.protocol,
      grants: new Map(),
      targets: [],
      ...limits,
    };
    entry.requestTimeoutMs = longer(entry.requestTimeoutMs, limits.requestTimeoutMs);
    entry.idleTimeoutMs = longer(entry.idleTimeoutMs, limits.idleTimeoutMs);
    const opening = now.grants.filter((grant) => leadsTo(grant, service, servicePort));
    for (const grant of opening) entry.grants.set(grant.key, grant);
    entry.targets.push({ service, grants: opening });
    declared.set(port, entry);
  }
  return declared;
}

function limitsOf({ snapshot, traffic }: Moment, { service, servicePort }: Lead) {
  const { requestMs, idleMs } = trafficOf(traffic, service.key, servicePort).timeouts;
  const target = { service: service.key, port: servicePort.port };
  return { requestTimeoutMs: patienceOf(snapshot, target, requestMs), idleTimeoutMs: idleMs };
}

interface Opening {
  /** Without quarantines. */
  readonly rules: PortPolicy;
  readonly policy: PortPolicy;
  readonly opaque: boolean;
}

function callerOf(now: Moment, { rules, policy, opaque }: Opening, tenant: string): CallerTenant {
  if (!opaque) return { tenant, spiffeIds: [] };
  const spiffeIds = whoMayConnect(now, policy, tenant);
  if (policy === rules) return { tenant, spiffeIds };
  const cutOff = whoMayConnect(now, rules, tenant).filter((each) => !spiffeIds.includes(each));
  return cutOff.length === 0 ? { tenant, spiffeIds } : { tenant, spiffeIds, cutOff };
}

/** Every identity known in the caller's tenant that the policy lets connect: the wall of an opaque port is a list of names. */
function whoMayConnect({ snapshot, nowMs }: Moment, policy: PortPolicy, caller: string): readonly string[] {
  const known = [...snapshot.workloads.values()]
    .filter((workload) => workload.tenant === caller)
    .map((workload) => workload.spiffeId);
  return [...new Set(known)]
    .filter((principal) => decide(policy, { kind: 'tcp', principal }, nowMs).kind === 'allow')
    .sort();
}
