/**
 * From one snapshot of the mesh after another to what each proxy is told: what did not change is the very same value.
 *
 *   Snapshot ──slices──▶ tenants whose slice or trust moved ──classes──▶ parts that moved ──▶ ResourceSnapshots
 *
 * It tells what `configure` tells, byte for byte, and works for what a change concerns: other tenants are passed by, other
 * classes of the tenant are compared and left, and nothing is encoded that was encoded before. The one difference is the
 * revision, which is that of the snapshot by which a proxy's configuration last changed.
 */
import type { Platform } from '../envoy/platform.ts';
import { identitySecretOf } from '../envoy/secret.ts';
import { isSameList, keepUnchanged } from '../model/keep-unchanged.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { type Slices, slicesOf } from '../policy/tenant-slice.ts';
import type { Resource, ResourceSnapshot } from '../xds/resource.ts';
import { type Configuration, type ConfiguredProxies, type IssuedTrust, workerKey } from './configure.ts';
import { Encoder } from './encoder.ts';
import { listingsOf } from './listings.ts';
import { Memo } from './memo.ts';
import { TenantConfiguration } from './tenant-configuration.ts';

/** What a look cost, counted; it changes nothing. */
export interface WorkCounters {
  /** Proxies of classes that had to be looked into. */
  visited(proxies: number): void;
  /** A resource was built and encoded. */
  encoded(): void;
}

export class Configurator {
  private readonly platform: Platform;
  private readonly counters: WorkCounters;
  private readonly encoder: Encoder;
  private readonly tenants = new Map<string, TenantConfiguration>();
  private snapshot: Snapshot | undefined;
  private slices: Slices | undefined;
  private parts: readonly ConfiguredProxies[] = [];
  private readonly secrets = new Memo<Resource>();
  private worker: ResourceSnapshot | undefined;
  private workerInputs: readonly unknown[] = [];
  private current: Configuration = { proxies: new Map(), told: new Map(), withheld: [], failed: [] };

  constructor(platform: Platform, counters: WorkCounters = { visited: () => undefined, encoded: () => undefined }) {
    this.platform = platform;
    this.counters = counters;
    this.encoder = new Encoder(() => counters.encoded());
  }

  /** @param nowMs epoch ms at which grants are judged dead or alive. */
  configure(latest: Snapshot, trust: IssuedTrust, nowMs: number): Configuration {
    const snapshot = keepUnchanged(this.snapshot, latest);
    const slices = slicesOf(snapshot, nowMs, this.slices);
    this.snapshot = snapshot;
    this.slices = slices;
    const { platform, encoder } = this;
    const means = { trust, platform, nowMs, encoder };
    for (const tenant of this.tenants.keys()) if (!slices.slices.has(tenant)) this.tenants.delete(tenant);
    const parts = [...slices.slices].map(([tenant, slice]) => {
      const known = this.tenants.get(tenant) ?? new TenantConfiguration(tenant, means);
      this.tenants.set(tenant, known);
      return known.look(slice.snapshot, snapshot.revision, means, (proxies) => this.counters.visited(proxies));
    });
    const worker = this.workerOf(parts, trust, snapshot.revision);
    if (worker === this.worker && isSameList(parts, this.parts)) return this.current;
    this.worker = worker;
    this.parts = parts;
    this.current = together(parts, worker);
    return this.current;
  }

  private workerOf(
    parts: readonly ConfiguredProxies[],
    trust: IssuedTrust,
    revision: string,
  ): ResourceSnapshot | undefined {
    const identity = trust.workerIdentity();
    if (identity === undefined || parts.some(({ hasEveryProgram }) => !hasEveryProgram)) return undefined;
    const { certificateChainPem, privateKeyPem } = identity;
    const secret = this.secrets.of('worker', [certificateChainPem, privateKeyPem], () =>
      this.encoder.encode(identitySecretOf(identity)),
    );
    this.secrets.sweep();
    const programs = parts.map((part) => part.programs);
    const inputs = [secret, ...programs];
    if (this.worker !== undefined && isSameList(inputs, this.workerInputs)) return this.worker;
    this.workerInputs = inputs;
    const types = listingsOf([secret, ...programs.flat()], this.worker?.types);
    return this.worker?.types === types ? this.worker : { revision, types };
  }
}

function together(parts: readonly ConfiguredProxies[], worker: ResourceSnapshot | undefined): Configuration {
  const told = new Map<string, readonly string[]>();
  for (const part of parts) {
    for (const [tenant, keys] of part.told) told.set(tenant, [...(told.get(tenant) ?? []), ...keys]);
  }
  const proxies = new Map(parts.flatMap((part) => [...part.proxies]));
  return {
    proxies: worker === undefined ? proxies : proxies.set(workerKey, worker),
    told,
    withheld: parts.flatMap(({ withheld }) => withheld),
    failed: parts.flatMap(({ failed }) => failed),
  };
}
