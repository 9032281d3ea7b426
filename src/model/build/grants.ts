/**
 * Grants that hold: both tenants exist and may meet, the service is there and unsealed, its ports are named or known.
 * A grant that does not hold is absent, and so opens nothing.
 *
 *   grants of one tenant ──draftGrants──▶ drafts ──less those whose address is contested──▶ grantsIn, those in force
 *
 * What a draft says depends on its own tenant's services and on who the caller is; whether its addresses are free in the
 * caller's proxies is found over all drafts (see `granted-addresses.ts`).
 */
import { compareText } from '../canonical-json.ts';
import { isSameList, keepUnchanged } from '../keep-unchanged.ts';
import type { GrantObject } from '../kinds/grant.ts';
import type { ProblemList } from '../problem-list.ts';
import { quote } from '../quote.ts';
import type { Grant, Service, ServicePort, Tenant, Workload } from '../snapshot.ts';
import type { Finding, ValidObject } from '../sourced-object.ts';
import { formatSpiffeId } from '../spiffe-id.ts';
import { type Dialled, dialledOf } from './granted-addresses.ts';
import type { Inventory } from './inventory.ts';
import { requestMatch } from './policies.ts';

export interface GrantContext {
  readonly trustDomain: string;
  readonly tenants: ReadonlyMap<string, Tenant>;
  /** Of the granting tenant. */
  readonly services: ReadonlyMap<string, Service>;
  readonly workloads: ReadonlyMap<string, Workload>;
  /** `namespace/name` of every service account that is known to exist. */
  readonly serviceAccounts: ReadonlySet<string>;
  /** Epoch ms; absent where nothing is to expire here. */
  readonly nowMs: number | undefined;
}

export interface GrantDraft {
  readonly source: ValidObject<'Grant'>;
  readonly grant: Grant;
  readonly dialled: readonly Dialled[];
}

export interface GrantDrafts {
  readonly drafts: readonly GrantDraft[];
  readonly expired: readonly string[];
}

type Refusal = Omit<Finding, 'severity'>;

/** @returns of one tenant, sorted: what could be in force, and the keys of the grants whose end has passed. */
export function draftGrants(inventory: Inventory, context: GrantContext, problems: ProblemList): GrantDrafts {
  const drafts: GrantDraft[] = [];
  const expired: string[] = [];
  for (const source of inventory.of('Grant')) {
    const name = source.object.spec.to.service;
    if (name === undefined) continue;
    const refusal = partiesRefusal(source, context.tenants) ?? serviceRefusal(source, name, context);
    const ports = refusal === undefined ? grantedPorts(source.object, name, context) : [];
    if (refusal !== undefined) problems.error(source, refusal);
    else if ('code' in ports) problems.error(source, ports);
    else if (isExpired(source.object, context.nowMs)) {
      expired.push(keyOf(source));
      problems.warning(source, expiry(source.object));
    } else {
      warnOfUnknownAccounts(source, context, problems);
      drafts.push(draftOf(source, name, ports, context));
    }
  }
  return { drafts, expired };
}

/** Of the drafts of one tenant those that say the same of the same object are the former ones. */
export function keepDrafts(former: GrantDrafts | undefined, next: GrantDrafts): GrantDrafts {
  if (former === undefined) return next;
  const byKey = new Map(former.drafts.map((draft) => [draft.grant.key, draft]));
  const drafts = next.drafts.map((draft) => {
    const before = byKey.get(draft.grant.key);
    const grant = keepUnchanged(before?.grant, draft.grant);
    const dialled = keepUnchanged(before?.dialled, draft.dialled);
    const isSame = before?.source === draft.source && before.grant === grant && before.dialled === dialled;
    return isSame ? before : { source: draft.source, grant, dialled };
  });
  const kept = isSameList(former.drafts, drafts) ? former.drafts : drafts;
  return { drafts: kept, expired: keepUnchanged(former.expired, next.expired) };
}

/** @param contestedOf a draft, what `contestedAddresses` tells of its caller. @returns those in force, by `namespace/name`, sorted. */
export function grantsIn(
  drafts: readonly GrantDraft[],
  contestedOf: (draft: GrantDraft) => ReadonlySet<string> | undefined,
  problems: ProblemList,
): ReadonlyMap<string, Grant> {
  const grants = new Map<string, Grant>();
  for (const draft of drafts) {
    const { source, grant, dialled } = draft;
    const clash = dialled.find(({ address }) => contestedOf(draft)?.has(address))?.address;
    if (clash === undefined) grants.set(grant.key, grant);
    else problems.error(source, addressClash(grant, clash));
  }
  return grants;
}

/** Why no grant can lead from the one tenant to the other. */
export function partiesRefusal(
  { object, ref }: ValidObject<'Grant'>,
  tenants: ReadonlyMap<string, Tenant>,
): Refusal | undefined {
  const { from } = object.spec;
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
  return undefined;
}

function serviceRefusal({ ref }: ValidObject<'Grant'>, name: string, { services }: GrantContext): Refusal | undefined {
  const service = services.get(`${ref.namespace}/${name}`);
  if (service === undefined) {
    const message = `there is no service ${quote(name)} in ${quote(ref.namespace)}, so the grant opens nothing`;
    return { code: 'dangling-reference', path: 'spec.to.service', message, advice: 'check the name of the service' };
  }
  if (service.sealed) {
    const message = `the service ${quote(name)} is sealed: no grant may open it`;
    const advice = 'grant a service in front of it, or have the seal lifted on the tenant';
    return { code: 'sealed-service', path: 'spec.to.service', message, advice };
  }
  return undefined;
}

/** The service ports that the grant opens, or why it opens none. */
function grantedPorts(
  { metadata, spec }: GrantObject,
  name: string,
  { services }: GrantContext,
): readonly ServicePort[] | Refusal {
  const { service: _, ports, ...request } = spec.to;
  const declared = services.get(`${metadata.namespace}/${name}`)?.ports ?? [];
  const speaksOfHttp = spec.when !== undefined || Object.keys(request).length > 0;
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
      const message = `port ${number} is TCP, where nobody can see the requests that the grant names`;
      const advice = 'declare the port as HTTP, or grant it with nothing but a service, ports and callers';
      return { code: 'bad-value', path, message, advice };
    }
  }
  const open = declared.filter(({ port, protocol }) => ports?.includes(port) ?? !(speaksOfHttp && protocol === 'tcp'));
  if (open.length > 0) return open;
  const message = `the service ${quote(name)} has no port that the grant could open`;
  const advice = 'declare a port; what is said of requests needs one that is HTTP';
  return { code: 'dangling-reference', path: 'spec.to.service', message, advice };
}

export function isExpired({ spec }: GrantObject, nowMs: number | undefined): boolean {
  return nowMs !== undefined && spec.notAfter !== undefined && Date.parse(spec.notAfter) <= nowMs;
}

export function expiry({ spec }: GrantObject): Refusal {
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

function draftOf(
  source: ValidObject<'Grant'>,
  name: string,
  ports: readonly ServicePort[],
  context: GrantContext,
): GrantDraft {
  const { trustDomain, services, workloads } = context;
  const { metadata, spec } = source.object;
  const service = `${metadata.namespace}/${name}`;
  const spiffeIds = (spec.from.serviceAccounts ?? []).map((serviceAccount) =>
    formatSpiffeId({ trustDomain, namespace: spec.from.tenant, serviceAccount }),
  );
  const grant: Grant = {
    key: keyOf(source),
    tenant: metadata.namespace,
    name: metadata.name,
    from: { tenant: spec.from.tenant, spiffeIds: [...new Set(spiffeIds)].sort(compareText) },
    to: {
      service,
      ports: ports.map(({ port }) => port),
      match: requestMatch(spec.to),
    },
    ...(spec.when === undefined ? {} : { when: spec.when }),
    ...(spec.notAfter === undefined ? {} : { notAfterMs: Date.parse(spec.notAfter) }),
    reason: spec.reason,
    where: source.where,
  };
  const destination = services.get(service);
  const dialled = destination === undefined ? [] : ports.flatMap((port) => dialledOf(destination, port, workloads));
  return { source, grant, dialled };
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
