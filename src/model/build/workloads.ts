/**
 * Pods as workloads: those of a tenant, still running, with an address and a network of their own, made of what and
 * running beside whom their tenant allows.
 *
 * An address that two pods of one tenant claim is taken from both, since a caller could not tell them apart.
 * Between tenants both keep it: what one namespace writes must not change another's workloads, and a wrong address
 * only ends at a proxy that has the wrong identity and is refused there. Each side is told, without the other's name.
 * Under explicit capture, where sidecars bind their addresses side by side, nobody has an address that anybody else
 * claims: it could lead a tenant's bytes to another tenant's process.
 */
import { applicationAddressOf, applicationPath, captureOf } from '../capture.ts';
import { canonicalIp, loopbackIp } from '../ip-address.ts';
import { isSameList, keepUnchanged } from '../keep-unchanged.ts';
import type { NodeObject } from '../kinds/node.ts';
import type { PodObject } from '../kinds/pod.ts';
import { isAllowedIn, localityOf } from '../locality.ts';
import { badAddress } from '../object-rules.ts';
import type { ProblemList } from '../problem-list.ts';
import { quote } from '../quote.ts';
import type { Tenant, Workload } from '../snapshot.ts';
import type { ValidObject } from '../sourced-object.ts';
import { formatSpiffeId } from '../spiffe-id.ts';
import { ageFinding } from './age-finding.ts';
import { imageFindings } from './image-findings.ts';
import type { Inventory } from './inventory.ts';
import { neighbourFinding, neverStrangers, type Strangers } from './neighbours.ts';

export interface PodWorkload {
  readonly workload: Workload;
  readonly pod: ValidObject<'Pod'>;
  /** The node that `workload.locality` was read from. */
  readonly node: NodeObject | undefined;
}

interface Claim {
  readonly source: ValidObject<'Pod'>;
  readonly address: string;
  readonly path: string;
}

/** A running pod and the addresses that it says are its own. */
export interface PodClaims {
  readonly pod: ValidObject<'Pod'>;
  readonly addresses: readonly Claim[];
  readonly application: readonly Claim[];
}

/** Every running pod of a tenant, and what it claims, whether it gets it or not. */
export function claimsIn(inventory: Inventory, isTenant: boolean, problems: ProblemList): readonly PodClaims[] {
  return inventory
    .of('Pod')
    .filter((pod) => isRunning(pod.object) && isOwned(pod, isTenant, problems))
    .map((pod) => ({ pod, addresses: claimsOf(pod, problems), application: applicationClaim(pod) }));
}

export function claimedAddresses(claims: readonly PodClaims[]): ReadonlySet<string> {
  return new Set(
    claims.flatMap(({ addresses, application }) => [...addresses, ...application].map(({ address }) => address)),
  );
}

export interface PlaceContext {
  readonly trustDomain: string;
  readonly tenant: Tenant;
  /** By name; of those that the tenant's pods run on, at least. */
  readonly nodes: ReadonlyMap<string, NodeObject>;
  /** Of the addresses that the tenant's pods claim, those that another tenant's claim too. */
  readonly contested: ReadonlySet<string>;
  /** Of a tenant that shares its nodes with nobody. */
  readonly strangers: Strangers;
}

/** @param former of the same tenant: what stands on the same words is taken from there. @returns of one tenant, sorted. */
export function workloadsIn(
  pods: readonly PodClaims[],
  context: PlaceContext,
  former: readonly PodWorkload[],
  problems: ProblemList,
): readonly PodWorkload[] {
  const claims = Map.groupBy(
    pods.flatMap(({ addresses, application }) => [...addresses, ...application]),
    ({ address }) => address,
  );
  const isOnlyHere = (claim: Claim) =>
    isUncontested(claim, claims.get(claim.address) ?? [], context.contested.has(claim.address), problems);
  const before = new Map(former.map((each) => [each.workload.key, each]));
  return pods.flatMap(({ pod, addresses, application }) => {
    const kept = addresses.filter(isOnlyHere);
    if (kept.length === 0 || !application.every(isOnlyHere)) return [];
    if (!mayHaveIdentity(pod, context, problems)) return [];
    const made = podWorkloadOf(pod, [...new Set(kept.map(({ address }) => address))], context, before.get(keyOf(pod)));
    warnOfPlace(pod, made.workload, context.tenant, problems);
    return [made];
  });
}

/** Whoever may not have one is in no mesh: nobody is led to it, and nothing is issued to it or told to it. */
function mayHaveIdentity(pod: ValidObject<'Pod'>, { tenant, strangers }: PlaceContext, problems: ProblemList): boolean {
  const images = tenant.images === undefined ? [] : imageFindings(pod.object, tenant.images);
  const neighbour = tenant.nodesSharedWith === undefined ? undefined : neighbourFinding(pod, strangers);
  const age = ageFinding(pod, tenant);
  const findings = [...(age === undefined ? [] : [age]), ...images, ...(neighbour === undefined ? [] : [neighbour])];
  for (const finding of findings) problems.error(pod, finding);
  return findings.length === 0;
}

/** Names of the nodes that the pods of a namespace run on. */
export function nodeNamesIn(inventory: Inventory): readonly string[] {
  return [...new Set(inventory.of('Pod').flatMap(({ object }) => object.spec.nodeName ?? []))].sort();
}

function isRunning({ status }: PodObject): boolean {
  // A pod that has ended keeps its address in its status, while the cluster has given it to the next one.
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

function isOwned(source: ValidObject<'Pod'>, isTenant: boolean, problems: ProblemList): boolean {
  const { namespace } = source.ref;
  // The cluster's own and ours are to be nobody's.
  if (!isTenant && neverStrangers.includes(namespace)) return false;
  if (!isTenant) {
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

/** @param claims of the address in the pod's own namespace. @param elsewhere whether somebody claims it in another one. */
function isUncontested(
  { source, address, path }: Claim,
  claims: readonly Claim[],
  elsewhere: boolean,
  problems: ProblemList,
): boolean {
  const sibling = claims.find((claim) => claim.source !== source);
  if (sibling === undefined && !elsewhere) return true;
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
  owner: Tenant,
  problems: ProblemList,
): void {
  if (isAllowedIn(owner, locality)) return;
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

function podWorkloadOf(
  pod: ValidObject<'Pod'>,
  addresses: readonly string[],
  { trustDomain, nodes }: PlaceContext,
  former: PodWorkload | undefined,
): PodWorkload {
  const { metadata, spec, status } = pod.object;
  const node = spec.nodeName === undefined ? undefined : nodes.get(spec.nodeName);
  const serviceAccount = spec.serviceAccountName ?? 'default';
  const spiffeId = formatSpiffeId({ trustDomain, namespace: metadata.namespace, serviceAccount });
  const isSame = former?.pod === pod && former.node === node && former.workload.spiffeId === spiffeId;
  if (isSame && isSameList(former.workload.addresses, addresses)) return former;
  const workload: Workload = {
    key: keyOf(pod),
    tenant: metadata.namespace,
    name: metadata.name,
    serviceAccount,
    spiffeId,
    labels: sortedLabels(metadata.labels),
    addresses,
    capture: captureOf(pod.object),
    applicationAddress: applicationAddressOf(pod.object),
    ready: (status?.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True'),
    locality: localityOf(pod.object, nodes),
    where: pod.where,
  };
  return { workload: keepUnchanged(former?.workload, workload), pod, node };
}

function keyOf({ ref }: ValidObject<'Pod'>): string {
  return `${ref.namespace}/${ref.name}`;
}

export function sortedLabels(labels: Readonly<Record<string, string>> = {}): ReadonlyMap<string, string> {
  return new Map(
    Object.keys(labels)
      .sort()
      .map((key) => [key, labels[key] ?? '']),
  );
}
