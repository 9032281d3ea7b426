/**
 * From a snapshot of the mesh to what each proxy is told: a pure function, deterministic to the byte.
 *
 *   Snapshot ──viewOf──▶ ProxyView ──resourcesFor──▶ messages ──encode──▶ ResourceSnapshot, by workload
 *
 * A proxy whose certificate or anchors are not there yet is withheld, not configured halfway. A port that cannot be
 * built is closed and the rest of its proxy served; where that does not help, the proxy keeps what it has. Neither takes
 * anybody else down.
 * It says what is to be told; `Configurator` says the same, made of what was told before.
 */
import { PolicyProgramSchema } from '#gen/coffre/policy/v1/program_pb.js';
import type { Platform } from '../envoy/platform.ts';
import type { ProxyTrust } from '../envoy/proxy-trust.ts';
import { resource } from '../envoy/resource.ts';
import { resourcesFor } from '../envoy/resources-for.ts';
import { identitySecretOf } from '../envoy/secret.ts';
import type { Snapshot, Workload } from '../model/snapshot.ts';
import { systemNamespace } from '../model/system-namespace.ts';
import { programOf } from '../policy/program.ts';
import { viewOf } from '../policy/view.ts';
import type { Listing, Resource, ResourceSnapshot } from '../xds/resource.ts';
import { type BrokenPart, buildProxy } from './build-proxy.ts';
import { Encoder } from './encoder.ts';
import { listingsOf } from './listings.ts';
import { trustFor } from './trust-for.ts';

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

/** Of some workloads, before the authorization workers are thought of. */
export interface ConfiguredProxies extends Configuration {
  /** Of each workload that could be judged, by its key. */
  readonly programs: Listing;
  /** Half of the programs would answer 503 for the other half, which a worker with the last good whole does not. */
  readonly hasEveryProgram: boolean;
}

/** @param nowMs epoch ms at which grants are judged dead or alive. */
export function configure(snapshot: Snapshot, trust: IssuedTrust, platform: Platform, nowMs: number): Configuration {
  const encoder = new Encoder(() => undefined);
  const made = configureProxies(snapshot, [...snapshot.workloads.values()], { trust, platform, nowMs, encoder });
  const { proxies, told, withheld, failed, programs, hasEveryProgram } = made;
  const identity = trust.workerIdentity();
  if (identity === undefined || !hasEveryProgram) return { proxies, told, withheld, failed };
  const types = listingsOf([encoder.encode(identitySecretOf(identity)), ...programs.values()]);
  return {
    proxies: new Map([...proxies, [workerKey, { revision: snapshot.revision, types }]]),
    told,
    withheld,
    failed,
  };
}

export interface Means {
  readonly trust: IssuedTrust;
  readonly platform: Platform;
  readonly nowMs: number;
  readonly encoder: Encoder;
}

/** @param snapshot of the mesh, or as much of it as these workloads depend on. */
export function configureProxies(
  snapshot: Snapshot,
  workloads: readonly Workload[],
  { trust, platform, nowMs, encoder }: Means,
): ConfiguredProxies {
  const proxies = new Map<string, ResourceSnapshot>();
  const told = new Map<string, string[]>();
  const withheld: string[] = [];
  const failed: Unbuilt[] = [];
  const programs = new Map<string, Resource>();
  let hasEveryProgram = true;
  for (const workload of workloads) {
    const { key } = workload;
    let isJudged = false;
    try {
      const view = viewOf(snapshot, workload, nowMs);
      programs.set(key, encoder.encode(resource(PolicyProgramSchema, key, programOf(view))));
      isJudged = true;
      const proxyTrust = trustFor(view, trust);
      if (proxyTrust === undefined) {
        withheld.push(key);
        continue;
      }
      const { resources, broken } = buildProxy(view, (part) => resourcesFor(part, proxyTrust, platform));
      proxies.set(key, { revision: snapshot.revision, types: listingsOf(encoder.encodeAll(resources)) });
      failed.push(...broken.map(({ part, cause }) => ({ workload: key, part, cause })));
      for (const tenant of proxyTrust.bundles.keys()) {
        const others = told.get(tenant) ?? [];
        told.set(tenant, others);
        others.push(key);
      }
    } catch (cause) {
      failed.push({ workload: key, cause });
      hasEveryProgram &&= isJudged;
    }
  }
  return { proxies, told, withheld, failed, programs, hasEveryProgram };
}
