/**
 * The same question answered a second time, as dumbly as it can be said, from docs/decisions and nothing of src/policy.
 *
 *   1. who has no name of this mesh is refused
 *   2. who is under quarantine reaches nobody, and nobody reaches them
 *   3. a policy that nobody understands refuses all of what it selects
 *   4. a deny rule that speaks of caller and request refuses; where requests cannot be seen it speaks of all of them
 *   5. another tenant needs a live grant that speaks of caller, port and request
 *   6. one's own tenant needs an allow rule where there is any on the port, and the default where there is none
 */
import type { AccessRule, Grant, RequestMatch, Snapshot, Workload } from '../../src/model/snapshot.ts';
import type { AccessRequest } from '../../src/policy/decide.ts';
import { grantConditions } from '../fixtures/random-mesh.ts';

export function mayPass(
  snapshot: Snapshot,
  workload: Workload,
  port: number,
  request: AccessRequest,
  nowMs: number,
): boolean {
  const [, domain, from] = /^spiffe:\/\/([a-z.]+)\/ns\/([a-z]+)\/sa\/[a-z]+$/.exec(request.principal) ?? [];
  if (from === undefined || domain !== snapshot.mesh.trustDomain) return false;

  const cutOff = [...snapshot.quarantines.values()].map(({ spiffeId }) => spiffeId);
  if (cutOff.includes(request.principal) || cutOff.includes(workload.spiffeId)) return false;

  const selecting = [...snapshot.policies.values()].filter(
    (policy) =>
      policy.tenant === workload.tenant &&
      [...policy.selector.entries()].every(([label, value]) => workload.labels.get(label) === value),
  );
  if (selecting.some((policy) => policy.broken)) return false;
  const onPort = (rule: AccessRule) => rule.ports.length === 0 || rule.ports.includes(port);
  const speaksOf = ({ callers: { tenants, spiffeIds } }: AccessRule) =>
    (tenants.length === 0 && spiffeIds.length === 0) || tenants.includes(from) || spiffeIds.includes(request.principal);
  for (const rule of selecting.flatMap((policy) => policy.deny).filter(onPort)) {
    if (speaksOf(rule) && (request.kind === 'tcp' || covers(rule.match, withoutParameters(request)))) return false;
  }

  if (from !== workload.tenant) {
    return [...snapshot.grants.values()].some(
      (grant) =>
        grant.from.tenant === from &&
        (grant.from.spiffeIds.length === 0 || grant.from.spiffeIds.includes(request.principal)) &&
        (grant.notAfterMs === undefined || nowMs < grant.notAfterMs) &&
        leadsTo(snapshot, grant, workload, port) &&
        covers(grant.to.match, request) &&
        (grant.when === undefined || (request.kind === 'http' && grantConditions[grant.when]?.(request) === true)),
    );
  }
  const allow = selecting.flatMap((policy) => policy.allow).filter(onPort);
  if (allow.length > 0) return allow.some((rule) => speaksOf(rule) && covers(rule.match, request));
  return snapshot.tenants.get(workload.tenant)?.defaultAccess === 'sameTenant';
}

export function leadsTo(snapshot: Snapshot, grant: Grant, workload: Workload, port: number): boolean {
  const ports = snapshot.services.get(grant.to.service)?.ports ?? [];
  return ports.some(
    (each) =>
      grant.to.ports.includes(each.port) &&
      each.endpoints.some((endpoint) => endpoint.workload === workload.key && endpoint.port === port),
  );
}

/** A deny is not walked around by `;`. */
function withoutParameters(request: AccessRequest): AccessRequest {
  return request.kind === 'tcp' ? request : { ...request, path: request.path.replace(/;[^/]*/g, '') };
}

/** Hosts and headers are asked by grants alone, and so as an allow asks: one value, and that one. */
function covers({ methods, paths, hosts = [], headers = [] }: RequestMatch, request: AccessRequest): boolean {
  if (request.kind === 'tcp') return [methods, paths, hosts, headers].every((asked) => asked.length === 0);
  const method = methods.length === 0 || methods.includes(request.method);
  const path =
    paths.length === 0 ||
    paths.some(
      (match) => match.path === request.path || (match.kind === 'subtree' && request.path.startsWith(`${match.path}/`)),
    );
  const host =
    hosts.length === 0 ||
    hosts.some((match) =>
      match.kind === 'exact' ? match.host === request.host : request.host?.endsWith(match.suffix) === true,
    );
  const header = headers.every((match) => {
    const values = (request.headers?.lines(match.name) ?? []).flatMap((line) => line.split(','));
    if (match.kind === 'present') return values.length > 0;
    if (match.kind === 'absent') return values.length === 0;
    const [value, ...more] = values;
    if (value === undefined || more.length > 0) return false;
    return match.kind === 'exact' ? value === match.value : value.startsWith(match.prefix);
  });
  return method && path && host && header;
}
