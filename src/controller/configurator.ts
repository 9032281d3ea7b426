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
import { JoinedMap } from '../model/joined-map.ts';
import { keepSameMap, keepUnchanged } from '../model/keep-unchanged.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { systemNamespace } from '../model/system-namespace.ts';
import { programTypeUrl } from '../policy/program.ts';
import { type Slices, slicesOf } from '../policy/tenant-slice.ts';
import type { Listing, Resource, ResourceSnapshot } from '../xds/resource.ts';
import { type Configuration, type ConfiguredProxies, type IssuedTrust, workerKey } from './configure.ts';
import { Encoder } from './encoder.ts';
import { listingsOf } from './listings.ts';
import { Memo } from './memo.ts';
import { TenantConfiguration } from './tenant-configuration.ts';
import { askedOnce } from './trust-for.ts';

/** What a look cost, counted; it changes nothing. */
export interface WorkCounters {
  /** Proxies of classes that had to be looked into. */
  visited(proxies: number): void;
  /** A resource was built and encoded. */
  encoded(): void;
  /** Something of ours threw for this tenant, so all of it was made the slow way. What could not be built says so by itself. */
  madeWhole(tenant: string, cause: unknown): void;
}

const uncounted: WorkCounters = { visited: () => undefined, encoded: () => undefined, madeWhole: () => undefined };

type Parts = ReadonlyMap<string, ConfiguredProxies>;

/** What the authorization workers are told, and what it is made of. */
interface Worker {
  readonly secret: Resource;
  readonly programs: Listing;
  readonly snapshot: ResourceSnapshot;
}

export class Configurator {
  private platform: Platform;
  private readonly counters: WorkCounters;
  private readonly encoder: Encoder;
  private readonly tenants = new Map<string, TenantConfiguration>();
  private slices: Slices | undefined;
  /** By tenant. */
  private parts: Parts = new Map();
  private told: ReadonlyMap<string, Configuration['told']> = new Map();
  private proxies = new JoinedMap<ResourceSnapshot>();
  private programs = new JoinedMap<Resource>();
  private readonly secrets = new Memo<Resource>();
  private worker: Worker | undefined;
  private current: Configuration = { proxies: new Map(), told: new Map(), withheld: [], failed: [] };

  constructor(platform: Platform, counters: Partial<WorkCounters> = {}) {
    this.platform = platform;
    this.counters = { ...uncounted, ...counters };
    this.encoder = new Encoder(() => this.counters.encoded());
  }

  /** Authorization workers are at these addresses from the next look on. */
  reach(authz: Platform['authz']): void {
    const kept = keepUnchanged(this.platform.authz, authz);
    if (kept !== this.platform.authz) this.platform = { ...this.platform, authz: kept };
  }

  /**
   * @param snapshot what did not change since the last one is the very same value: what is another one is read again,
   * and found to be equal or not.
   * @param nowMs epoch ms at which grants are judged dead or alive.
   */
  configure(snapshot: Snapshot, trust: IssuedTrust, nowMs: number): Configuration {
    const slices = slicesOf(snapshot, nowMs, this.slices);
    this.slices = slices;
    const { platform, encoder } = this;
    const means = { trust: askedOnce(trust), platform, nowMs, encoder };
    for (const tenant of this.tenants.keys()) if (!slices.slices.has(tenant)) this.tenants.delete(tenant);
    const looked = new Map<string, ConfiguredProxies>();
    for (const [tenant, slice] of slices.slices) {
      const known = this.tenants.get(tenant) ?? new TenantConfiguration(tenant, means, this.counters);
      this.tenants.set(tenant, known);
      looked.set(tenant, known.look(slice.snapshot, snapshot.revision, means));
    }
    const parts = keepSameMap(this.parts, looked);
    const worker = this.workerOf(parts, trust, snapshot.revision);
    if (worker !== this.worker || parts !== this.parts) this.current = this.together(parts, worker);
    this.worker = worker;
    this.parts = parts;
    return this.current;
  }

  private workerOf(parts: Parts, trust: IssuedTrust, revision: string): Worker | undefined {
    this.programs = this.programs.with(each(parts, (part) => part.programs));
    const identity = trust.workerIdentity();
    if (identity === undefined || [...parts.values()].some((part) => !part.hasEveryProgram)) return undefined;
    const { certificateChainPem, privateKeyPem } = identity;
    const secret = this.secrets.of('worker', [certificateChainPem, privateKeyPem], () =>
      this.encoder.encode(identitySecretOf(identity)),
    );
    this.secrets.sweep();
    const { worker: before, programs } = this;
    if (before?.secret === secret && before.programs === programs) return before;
    const types = new Map([...listingsOf([secret], before?.snapshot.types), [programTypeUrl, programs] as const]);
    return { secret, programs, snapshot: { revision, types } };
  }

  private together(parts: Parts, worker: Worker | undefined): Configuration {
    const proxies = each(parts, (part) => part.proxies);
    if (worker !== undefined) proxies.set(systemNamespace, new Map([[workerKey, worker.snapshot]]));
    this.proxies = this.proxies.with(proxies);
    const told = each(parts, (part) => part.told);
    const isToldStill = keepSameMap(this.told, told) === this.told;
    this.told = told;
    return {
      proxies: this.proxies,
      told: isToldStill ? this.current.told : toldBy(told.values()),
      withheld: [...parts.values()].flatMap(({ withheld }) => withheld),
      failed: [...parts.values()].flatMap(({ failed }) => failed),
    };
  }
}

function each<Value>(parts: Parts, pick: (part: ConfiguredProxies) => Value): Map<string, Value> {
  return new Map([...parts].map(([tenant, part]) => [tenant, pick(part)]));
}

function toldBy(parts: Iterable<Configuration['told']>): Configuration['told'] {
  const told = new Map<string, string[]>();
  for (const part of parts) {
    for (const [tenant, keys] of part) {
      const known = told.get(tenant);
      if (known === undefined) told.set(tenant, [...keys]);
      else for (const key of keys) known.push(key);
    }
  }
  return told;
}
