/**
 * Grants that hold: both tenants exist and may meet, the service is there and unsealed, its ports are named or known.
 * A grant that does not hold is absent, and so opens nothing.
 *
 * A granted service becomes reachable in another tenant's proxies, where its address could stand in front of one that
 * is there already. The destination writes the grant and the address, the caller never agreed to either: so a grant
 * is refused where its addresses meet those of the caller's own services or pods, and where two destinations bring the
 * caller the same address both are refused. Services of one destination may lead to the same pod. A cluster hands out each address once; this is for folders and for lies.
 */
import { compareText } from '../canonical-json.ts';
import type { GrantObject } from '../kinds/grant.ts';
import { pathMatches } from '../path-match.ts';
import type { ProblemList } from '../problem-list.ts';
import { quote } from '../quote.ts';
import type { Grant, Mesh, Service, ServicePort, Tenant } from '../snapshot.ts';
import type { Finding, ValidObject } from '../sourced-object.ts';
import { formatSpiffeId } from '../spiffe-id.ts';
import type { Inventory } from './inventory.ts';
import type { PodWorkload } from './workloads.ts';

export interface GrantContext {
  readonly mesh: Mesh;
  readonly tenants: ReadonlyMap<string, Tenant>;
  readonly services: ReadonlyMap<string, Service>;
  readonly workloads: ReadonlyMap<string, PodWorkload>;
  /** `namespace/name` of every service account that is known to exist. */
  readonly serviceAccounts: ReadonlySet<string>;
  /** Epoch ms; absent where nothing is to expire here. */
  readonly nowMs: number | undefined;
}

interface Draft {
  readonly source: ValidObject<'Grant'>;
  readonly grant: Grant;
  readonly dialled: readonly Dialled[];
}

/** What callers dial, and what they find there. */
interface Dialled {
  /** `address port`. */
  readonly address: string;
  /** A service, or one pod of a headless one. */
  readonly found: string;
}

type Refusal = Omit<Finding, 'severity'>;

/** @returns the grants in force, and the keys of those whose end has passed. */
export function buildGrants(
  inventory: Inventory,
  context: GrantContext,
  problems: ProblemList,
): { readonly grants: ReadonlyMap<string, Grant>; readonly expired: readonly string[] } {
  const drafts: Draft[] = [];
  const expired: string[] = [];
  for (const source of inventory.of('Grant')) {
    const refusal = refusalOf(source, context);
    const ports = refusal === undefined ? grantedPorts(source.object, context) : [];
    if (refusal !== undefined) problems.error(source, refusal);
    else if ('code' in ports) problems.error(source, ports);
    else if (isExpired(source.object, context.nowMs)) {
      expired.push(keyOf(source));
      problems.warning(source, expiry(source.object));
    } else {
      warnOfUnknownAccounts(source, context, problems);
      drafts.push(draftOf(source, ports, context));
    }
  }
  const contested = contestedAddresses(drafts, context);
  const grants = new Map<string, Grant>();
  for (const { source, grant, dialled } of drafts) {
    const clash = dialled.find(({ address }) => contested.has(`${grant.from.tenant} ${address}`))?.address;
    if (clash === undefined) grants.set(grant.key, grant);
    else problems.error(source, addressClash(grant, clash));
  }
  return { grants, expired };
}

function refusalOf({ object, ref }: ValidObject<'Grant'>, { tenants, services }: GrantContext): Refusal | undefined {
  const { from, to } = object.spec;
  const [owner, caller] = [tenants.get(ref.namespace), tenants.get(from.tenant)];
  if (owner === undefined) {
    const message = `nobody owns the namespace ${quote(ref.namespace)}, so nobody can grant a path into it`;
    const advice = `write a \`Tenant\` named ${quote(ref.namespace)}`;
    return { code: 'missing-tenant', path: 'metadata.namespace', message, advice };
  }
  if (from.tenant === ref.namespace) {
    const message = 'the grant is to the tenant itself, whose wall does not stand in its own way';
    return { code: 'self-grant', path: 'spec.from.tenant', message, advice: 'write an `AccessPolicy` instead' };
  }
  if (caller === undefined) {
    const message = `there is no tenant ${quote(from.tenant)}, so the grant opens nothing`;
    return { code: 'dangling-reference', path: 'spec.from.tenant', message, advice: 'check the name of the tenant' };
  }
  if (caller.environment !== owner.environment) {
    const message = `${quote(caller.name)} is in ${quote(caller.environment)} and ${quote(owner.name)} in ${quote(owner.environment)}: environments never meet`;
    const advice = 'grant it to a tenant of the same environment';
    return { code: 'environment-wall', path: 'spec.from.tenant', message, advice };
  }
  const service = services.get(`${ref.namespace}/${to.service}`);
  if (service === undefined) {
    const message = `there is no service ${quote(to.service)} in ${quote(ref.namespace)}, so the grant opens nothing`;
    return { code: 'dangling-reference', path: 'spec.to.service', message, advice: 'check the name of the service' };
  }
  if (service.sealed) {
    const message = `the service ${quote(to.service)} is sealed: no grant may open it`;
    const advice = 'grant a service in front of it, or have the seal lifted on the tenant';
    return { code: 'sealed-service', path: 'spec.to.service', message, advice };
  }
  return undefined;
}

/** The service ports that the grant opens, or why it opens none. */
function grantedPorts({ metadata, spec }: GrantObject, { services }: GrantContext): readonly ServicePort[] | Refusal {
  const { service: name, ports, methods, paths } = spec.to;
  const declared = services.get(`${metadata.namespace}/${name}`)?.ports ?? [];
  const speaksOfHttp = methods !== undefined || paths !== undefined;
  const byNumber = new Map(declared.map((port) => [port.port, port]));
  for (const [index, number] of (ports ?? []).entries()) {
    const path = `spec.to.ports[${index}]`;
    const port = byNumber.get(number);
    if (port === undefined) {
      const message = `the service ${quote(name)} has no port ${number} in force`;
      const known = declared.map((known) => String(known.port)).join(', ');
      return {
        code: 'dangling-reference',
        path,
        message,
        advice: known === '' ? 'give it a port' : `its ports are ${known}`,
      };
    }
    if (speaksOfHttp && port.protocol === 'tcp') {
      const message = `port ${number} is TCP, where nobody can see the methods and paths that the grant names`;
      const advice = 'declare the port as HTTP, or grant it without methods and paths';
      return { code: 'bad-value', path, message, advice };
    }
  }
  const open = declared.filter(({ port, protocol }) => ports?.includes(port) ?? !(speaksOfHttp && protocol === 'tcp'));
  if (open.length > 0) return open;
  const message = `the service ${quote(name)} has no port that the grant could open`;
  const advice = 'declare a port; methods and paths need one that is HTTP';
  return { code: 'dangling-reference', path: 'spec.to.service', message, advice };
}

function isExpired({ spec }: GrantObject, nowMs: number | undefined): boolean {
  return nowMs !== undefined && spec.notAfter !== undefined && Date.parse(spec.notAfter) <= nowMs;
}

function expiry({ spec }: GrantObject): Refusal {
  const message = `the grant ended at ${quote(spec.notAfter ?? '')} and opens nothing any more`;
  return {
    code: 'expired-grant',
    path: 'spec.notAfter',
    message,
    advice: 'remove it, or write a later end and a reason',
  };
}

function warnOfUnknownAccounts(
  source: ValidObject<'Grant'>,
  { serviceAccounts }: GrantContext,
  problems: ProblemList,
): void {
  const { from } = source.object.spec;
  for (const [index, account] of (from.serviceAccounts ?? []).entries()) {
    if (serviceAccounts.has(`${from.tenant}/${account}`)) continue;
    problems.warning(source, unknownAccount(`spec.from.serviceAccounts[${index}]`, account, from.tenant));
  }
}

export function unknownAccount(path: string, account: string, tenant: string): Refusal {
  const message = `nobody runs under the service account ${quote(account)} in ${quote(tenant)}`;
  return {
    code: 'dangling-reference',
    path,
    message,
    advice: 'check the name: the rule waits for it and matches nobody',
  };
}

function draftOf(source: ValidObject<'Grant'>, ports: readonly ServicePort[], context: GrantContext): Draft {
  const { mesh, services, workloads } = context;
  const { metadata, spec } = source.object;
  const service = `${metadata.namespace}/${spec.to.service}`;
  const spiffeIds = (spec.from.serviceAccounts ?? []).map((serviceAccount) =>
    formatSpiffeId({ trustDomain: mesh.trustDomain, namespace: spec.from.tenant, serviceAccount }),
  );
  const grant: Grant = {
    key: keyOf(source),
    tenant: metadata.namespace,
    name: metadata.name,
    from: { tenant: spec.from.tenant, spiffeIds: [...new Set(spiffeIds)].sort(compareText) },
    to: {
      service,
      ports: ports.map(({ port }) => port),
      match: { methods: [...new Set(spec.to.methods)].sort(compareText), paths: pathMatches(spec.to.paths) },
    },
    ...(spec.notAfter === undefined ? {} : { notAfterMs: Date.parse(spec.notAfter) }),
    reason: spec.reason,
    where: source.where,
  };
  const destination = services.get(service);
  const dialled = destination === undefined ? [] : ports.flatMap((port) => dialledOf(destination, port, workloads));
  return { source, grant, dialled };
}

/** A headless service is dialled at every address of its pods. */
function dialledOf(
  { key, virtualIps, headless }: Service,
  { port, endpoints }: ServicePort,
  workloads: GrantContext['workloads'],
): Dialled[] {
  if (!headless) return virtualIps.map((address) => ({ address: `${address} ${port}`, found: key }));
  return endpoints.flatMap((endpoint) => {
    const { addresses = [] } = workloads.get(endpoint.workload)?.workload ?? {};
    return addresses.map((address) => ({ address: `${address} ${endpoint.port}`, found: endpoint.workload }));
  });
}

/** `caller address port` that stands for more than one thing in the caller's proxies. */
function contestedAddresses(drafts: readonly Draft[], { services, workloads }: GrantContext): ReadonlySet<string> {
  const ownServices = new Set(
    [...services.values()].flatMap((service) =>
      service.ports.flatMap((port) =>
        dialledOf(service, port, workloads).map(({ address }) => `${service.tenant} ${address}`),
      ),
    ),
  );
  const ownPods = new Set(
    [...workloads.values()].flatMap(({ workload }) =>
      workload.addresses.map((address) => `${workload.tenant} ${address}`),
    ),
  );
  const brought = new Map<string, string>();
  const contested = new Set<string>();
  for (const { grant, dialled } of drafts) {
    for (const { address, found } of dialled) {
      const claim = `${grant.from.tenant} ${address}`;
      const isOwn = ownServices.has(claim) || ownPods.has(claim.slice(0, claim.lastIndexOf(' ')));
      if (isOwn || (brought.get(claim) ?? found) !== found) contested.add(claim);
      brought.set(claim, found);
    }
  }
  return contested;
}

function addressClash({ from, to }: Grant, address: string): Refusal {
  const message = `${quote(to.service)} is called at ${quote(address)}, where the proxies of ${quote(from.tenant)} find something else already`;
  return {
    code: 'address-conflict',
    path: 'spec.to.service',
    message,
    advice: 'give the service an address of its own',
  };
}

function keyOf({ ref }: ValidObject<'Grant'>): string {
  return `${ref.namespace}/${ref.name}`;
}
