/**
 * Pods as workloads: those of a tenant, still running, with an address and a network of their own.
 *
 * An address that two pods of one tenant claim is taken from both, since a caller could not tell them apart.
 * Between tenants both keep it: what one namespace writes must not change another's workloads, and a wrong address
 * only ends at a proxy that has the wrong identity and is refused there. Each side is told, without the other's name.
 * Under explicit capture, where sidecars bind their addresses side by side, nobody has an address that anybody else
 * claims: it could lead a tenant's bytes to another tenant's process.
 */
import { applicationAddressOf, applicationPath, captureOf } from '../capture.ts';
import { canonicalIp, loopbackIp } from '../ip-address.ts';
import type { NodeObject } from '../kinds/node.ts';
import type { PodObject } from '../kinds/pod.ts';
import { isAllowedIn, localityOf } from '../locality.ts';
import { badAddress } from '../object-rules.ts';
import type { ProblemList } from '../problem-list.ts';
import { quote } from '../quote.ts';
import type { Mesh, Tenant, Workload } from '../snapshot.ts';
import type { ValidObject } from '../sourced-object.ts';
import { formatSpiffeId } from '../spiffe-id.ts';
import type { Inventory } from './inventory.ts';

export interface PodWorkload {
  readonly workload: Workload;
  readonly pod: PodObject;
}

interface Claim {
  readonly source: ValidObject<'Pod'>;
  readonly address: string;
  readonly path: string;
}

/** @returns by `namespace/pod`, sorted. */
export function buildWorkloads(
  inventory: Inventory,
  mesh: Mesh,
  tenants: ReadonlyMap<string, Tenant>,
  problems: ProblemList,
): ReadonlyMap<string, PodWorkload> {
  const claims = inventory
    .of('Pod')
    .filter((source) => isRunning(source.object) && isOwned(source, tenants, problems))
    .map((source) => ({ source, addresses: claimsOf(source, problems), application: applicationClaim(source) }));
  const byAddress = Map.groupBy(
    claims.flatMap(({ addresses, application }) => [...addresses, ...application]),
    ({ address }) => address,
  );
  const isOnlyHere = (claim: Claim) => isUncontested(claim, byAddress.get(claim.address) ?? [], problems);

  const nodes = new Map(inventory.of('Node').map(({ ref, object }) => [ref.name, object]));
  const workloads = new Map<string, PodWorkload>();
  for (const { source, addresses, application } of claims) {
    const kept = addresses.filter(isOnlyHere);
    if (kept.length === 0 || !application.every(isOnlyHere)) continue;
    const workload = workloadOf(
      source,
      mesh,
      kept.map(({ address }) => address),
      nodes,
    );
    warnOfPlace(source, workload, tenants, problems);
    workloads.set(workload.key, { workload, pod: source.object });
  }
  return workloads;
}

function isRunning({ status }: PodObject): boolean {
  // A pod that has ended keeps its address in its status, while the cluster has given it to the next one.
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

function isOwned(source: ValidObject<'Pod'>, tenants: ReadonlyMap<string, Tenant>, problems: ProblemList): boolean {
  const { namespace } = source.ref;
  if (!tenants.has(namespace)) {
    problems.warning(source, {
      code: 'missing-tenant',
      path: 'metadata.namespace',
      message: `nobody owns the namespace ${quote(namespace)}: the pod gets no identity and no configuration`,
      advice: `write a \`Tenant\` named ${quote(namespace)}`,
    });
    return false;
  }
  if (source.object.spec.hostNetwork !== true || captureOf(source.object) === 'explicit') return true;
  problems.warning(source, {
    code: 'bad-value',
    path: 'spec.hostNetwork',
    message: 'the pod shares the network of its node, where no sidecar can stand before it: it is outside the mesh',
    advice: 'give the pod a network of its own',
  });
  return false;
}

function claimsOf(source: ValidObject<'Pod'>, problems: ProblemList): Claim[] {
  return (source.object.status?.podIPs ?? []).flatMap(({ ip }, index) => {
    const path = `status.podIPs[${index}].ip`;
    const own = captureOf(source.object) === 'explicit' ? loopbackIp(ip) : undefined;
    const address = own ?? canonicalIp(ip);
    if (address === undefined) problems.error(source, badAddress(path, ip));
    return address === undefined ? [] : [{ source, address, path }];
  });
}

/** The sidecar's only way to the application; a pod that is captured has a loopback of its own instead. */
function applicationClaim(source: ValidObject<'Pod'>): Claim[] {
  if (captureOf(source.object) === 'transparent') return [];
  return [{ source, address: applicationAddressOf(source.object), path: applicationPath }];
}

function isUncontested({ source, address, path }: Claim, claims: readonly Claim[], problems: ProblemList): boolean {
  const others = claims.filter((claim) => claim.source !== source);
  if (others.length === 0) return true;
  const [sibling] = others.filter((claim) => claim.source.ref.namespace === source.ref.namespace);
  const advice = 'give every pod an address of its own';
  if (sibling === undefined && captureOf(source.object) === 'explicit') {
    const message = `somebody else claims ${quote(address)} too, and their sidecars cannot share it, so this pod has it not`;
    problems.error(source, { code: 'address-conflict', path, message, advice });
    return false;
  }
  if (sibling === undefined) {
    const message = `a pod of another tenant claims ${quote(address)} too; only one of them can answer there`;
    problems.warning(source, { code: 'address-conflict', path, message, advice });
    return true;
  }
  const message = `the pod ${quote(sibling.source.ref.name)} claims ${quote(address)} too, so neither has it`;
  problems.error(source, { code: 'address-conflict', path, message, advice });
  return false;
}

/** It keeps its identity and its own ways; only nobody is led to it. */
function warnOfPlace(
  source: ValidObject<'Pod'>,
  { tenant, locality }: Workload,
  tenants: ReadonlyMap<string, Tenant>,
  problems: ProblemList,
): void {
  const owner = tenants.get(tenant);
  if (owner === undefined || isAllowedIn(owner, locality)) return;
  const place =
    locality.region === '' && locality.zone === ''
      ? 'nobody knows where'
      : `${quote(locality.region)}, ${quote(locality.zone)}`;
  const path = source.object.spec.nodeName === undefined ? 'metadata.labels' : 'spec.nodeName';
  problems.error(source, {
    code: 'region-not-allowed',
    path,
    message: `the pod runs in ${place}: requests of ${quote(tenant)} may not be answered there, so it is not called`,
    advice: 'run it on a node whose `topology.kubernetes.io` labels the tenant allows',
  });
}

function workloadOf(
  source: ValidObject<'Pod'>,
  mesh: Mesh,
  addresses: readonly string[],
  nodes: ReadonlyMap<string, NodeObject>,
): Workload {
  const { metadata, spec, status } = source.object;
  const serviceAccount = spec.serviceAccountName ?? 'default';
  return {
    key: `${metadata.namespace}/${metadata.name}`,
    tenant: metadata.namespace,
    name: metadata.name,
    serviceAccount,
    spiffeId: formatSpiffeId({ trustDomain: mesh.trustDomain, namespace: metadata.namespace, serviceAccount }),
    labels: sortedLabels(metadata.labels),
    addresses: [...new Set(addresses)],
    capture: captureOf(source.object),
    applicationAddress: applicationAddressOf(source.object),
    ready: (status?.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True'),
    locality: localityOf(source.object, nodes),
    where: source.where,
  };
}

export function sortedLabels(labels: Readonly<Record<string, string>> = {}): ReadonlyMap<string, string> {
  return new Map(
    Object.keys(labels)
      .sort()
      .map((key) => [key, labels[key] ?? '']),
  );
}
