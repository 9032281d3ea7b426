/**
 * From a snapshot of the mesh to what each proxy is told: a pure function, deterministic to the byte.
 *
 *   Snapshot ──viewOf──▶ ProxyView ──resourcesFor──▶ messages ──encode──▶ ResourceSnapshot, by workload
 *
 * A proxy whose certificate or anchors are not there yet is withheld, not configured halfway. A port that cannot be
 * built is closed and the rest of its proxy served; where that does not help, the proxy keeps what it has. Neither takes
 * anybody else down.
 */
import { PolicyProgramSchema } from '#gen/coffre/policy/v1/program_pb.js';
import type { Platform } from '../envoy/platform.ts';
import type { ProxyTrust } from '../envoy/proxy-trust.ts';
import { type EnvoyResource, resource } from '../envoy/resource.ts';
import { resourcesFor } from '../envoy/resources-for.ts';
import { identitySecretOf, tenantsOf } from '../envoy/secret.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { systemNamespace } from '../model/system-namespace.ts';
import { programOf, programTypeUrl } from '../policy/program.ts';
import { type ProxyView, viewOf } from '../policy/view.ts';
import type { Resource, ResourceSnapshot } from '../xds/resource.ts';
import { typeUrls } from '../xds/type-url.ts';
import { type BrokenPart, buildProxy } from './build-proxy.ts';
import { encoded } from './encode.ts';

/** Said of every proxy, be the list empty: a type that a snapshot does not speak of is left as the client has it. */
const servedTypes: readonly string[] = [...Object.values(typeUrls), programTypeUrl];

/** Key of the authorization workers' configuration; its namespace may belong to no tenant. */
export const workerKey = `${systemNamespace}/authz`;

/** What the CA has issued so far. */
export interface IssuedTrust {
  leaf(spiffeId: string): Pick<ProxyTrust, 'certificateChainPem' | 'privateKeyPem'> | undefined;
  bundlePem(tenant: string): string | undefined;
  readonly rootPem: string;
  /** What authorization workers serve with. */
  workerIdentity(): Pick<ProxyTrust, 'certificateChainPem' | 'privateKeyPem'> | undefined;
}

export interface Configuration {
  /** By workload key, and `workerKey`; what to serve from now on. */
  readonly proxies: ReadonlyMap<string, ResourceSnapshot>;
  /** By tenant: workloads whose proxies are told its CA. */
  readonly told: ReadonlyMap<string, readonly string[]>;
  /** Workloads that wait for a certificate or an anchor: nothing new is said to them. */
  readonly withheld: readonly string[];
  /** What could not be built: a fault of ours, to be shown with its cause. */
  readonly failed: readonly Unbuilt[];
}

export interface Unbuilt {
  readonly workload: string;
  /** The port that is closed, the others being served; absent where the whole proxy is told nothing new. */
  readonly part?: BrokenPart;
  readonly cause: unknown;
}

/** @param nowMs epoch ms at which grants are judged dead or alive. */
export function configure(snapshot: Snapshot, trust: IssuedTrust, platform: Platform, nowMs: number): Configuration {
  const proxies = new Map<string, ResourceSnapshot>();
  const told = new Map<string, string[]>();
  const withheld: string[] = [];
  const failed: Unbuilt[] = [];
  let hasEveryProgram = true;
  const known = new Map<string, Resource>();
  const programs: EnvoyResource[] = [];
  for (const workload of snapshot.workloads.values()) {
    const { key } = workload;
    let isJudged = false;
    try {
      const view = viewOf(snapshot, workload, nowMs);
      programs.push(resource(PolicyProgramSchema, key, programOf(view)));
      isJudged = true;
      const proxyTrust = trustFor(view, trust);
      if (proxyTrust === undefined) {
        withheld.push(key);
        continue;
      }
      const { resources, broken } = buildProxy(view, (part) => resourcesFor(part, proxyTrust, platform));
      proxies.set(key, toSnapshot(snapshot.revision, resources, known));
      failed.push(...broken.map(({ part, cause }) => ({ workload: key, part, cause })));
      for (const tenant of proxyTrust.bundles.keys()) {
        const workloads = told.get(tenant) ?? [];
        told.set(tenant, workloads);
        workloads.push(key);
      }
    } catch (cause) {
      failed.push({ workload: key, cause });
      hasEveryProgram &&= isJudged;
    }
  }
  const identity = trust.workerIdentity();
  // Half of the programs would answer 503 for the other half, which a worker with the last good whole does not.
  if (identity !== undefined && hasEveryProgram) {
    proxies.set(workerKey, toSnapshot(snapshot.revision, [identitySecretOf(identity), ...programs], known));
  }
  return { proxies, told, withheld, failed };
}

function trustFor(view: ProxyView, trust: IssuedTrust): ProxyTrust | undefined {
  const leaf = trust.leaf(view.workload.spiffeId);
  if (leaf === undefined) return undefined;
  const bundles = new Map<string, string>();
  for (const tenant of tenantsOf(view)) {
    const bundle = trust.bundlePem(tenant);
    if (bundle === undefined) return undefined;
    bundles.set(tenant, bundle);
  }
  return {
    certificateChainPem: leaf.certificateChainPem,
    privateKeyPem: leaf.privateKeyPem,
    rootPem: trust.rootPem,
    bundles,
  };
}

function toSnapshot(
  revision: string,
  resources: readonly EnvoyResource[],
  known: Map<string, Resource>,
): ResourceSnapshot {
  const types = new Map<string, Map<string, Resource>>(servedTypes.map((typeUrl) => [typeUrl, new Map()]));
  for (const resource of resources) {
    const ofType = types.get(resource.typeUrl) ?? new Map<string, Resource>();
    types.set(resource.typeUrl, ofType);
    if (ofType.has(resource.name)) throw new Error(`two resources are called \`${resource.name}\``);
    ofType.set(resource.name, encodeOnce(resource, known));
  }
  return { revision, types };
}

/** Equal content is one object, whoever it is for: memory grows with what differs, not with proxies. */
function encodeOnce(built: EnvoyResource, known: Map<string, Resource>): Resource {
  const resource = encoded(built);
  const key = `${resource.typeUrl}\n${resource.name}\n${resource.version}`;
  const same = known.get(key);
  if (same !== undefined) return same;
  known.set(key, resource);
  return resource;
}
