/** The authority over an opened state: see authority.ts for what it promises. */
import { parseSpiffeId } from '../model/spiffe-id.ts';
import { controlPlaneSpiffeId } from '../model/system-namespace.ts';
import {
  type Authority,
  defaultServerDnsName,
  type EnsureFailure,
  type EnsureResult,
  type RotationAnswer,
  type RotationStatus,
  type WantedIdentities,
} from './authority.ts';
import {
  type CertificateProfile,
  controlPlaneIntermediateProfile,
  leafProfile,
  serverProfile,
} from './certificate-profile.ts';
import { forEachBounded } from './for-each-bounded.ts';
import type { Issuer } from './issue-certificate.io.ts';
import { ensureIntermediate, keptIssuer, readIssuer } from './issuer-store.io.ts';
import type { Leaf } from './leaf.ts';
import { LeafStore } from './leaf-store.io.ts';
import type { IdentityPorts } from './ports.ts';
import { renewAtMs } from './renewal-schedule.ts';
import type { SharedRecords } from './shared-records.ts';
import type { StateFolder } from './state-folder.io.ts';
import { TenantCaStore, tenantRecord } from './tenant-ca-store.io.ts';
import { ledgerRecord } from './tenant-ledger.ts';
import type { TokenIssuer } from './token-issuer.io.ts';

/** Certificates made at the same time. Signing is one core's work; more would only hold more half-made keys. */
const issuingConcurrencyMax = 4;

/** Until a record is read again that could not be, in ms. */
const rereadMs = 5_000;

export interface StoredAuthorityParts {
  /** What the mesh has one of. */
  readonly records: SharedRecords;
  /** Of this process alone: leaves. */
  readonly state: StateFolder;
  readonly root: Issuer;
  readonly trustDomain: string;
  readonly tokens: TokenIssuer;
  readonly serverDnsNames: readonly string[];
  readonly ports: IdentityPorts;
  /** Whether it is up to this replica to begin rotations that are due. */
  leads(): boolean;
}

export class StoredAuthority implements Authority {
  readonly #parts: StoredAuthorityParts;
  readonly #leaves: LeafStore;
  readonly #tenants: TenantCaStore;
  #controlPlane: Issuer | undefined;
  #lastTurn: Promise<unknown> = Promise.resolve();
  /** What the last pass left nothing undone of; undefined once anything else was done. */
  #settled: Settled | undefined;
  /** Shared records that another replica has written, and that were not read since. */
  readonly #stale = new Set<string>();

  constructor(parts: StoredAuthorityParts) {
    this.#parts = parts;
    this.#leaves = new LeafStore(parts.state, parts.ports);
    this.#tenants = new TenantCaStore(parts);
  }

  get trustDomain(): string {
    return this.#parts.trustDomain;
  }

  get rootPem(): string {
    return this.#parts.root.certificate.pem;
  }

  get tokens(): TokenIssuer {
    return this.#parts.tokens;
  }

  bundlePem(tenant: string): string | undefined {
    return this.#tenants.bundlePem(tenant);
  }

  leaf(spiffeId: string): Leaf | undefined {
    const parsed = parseSpiffeId(spiffeId);
    if (parsed.kind === 'refused' || parsed.id.trustDomain !== this.trustDomain) return undefined;
    return this.#leaves.get(leafRecord(parsed.id.namespace, parsed.id.serviceAccount));
  }

  serverCredentials(dnsName: string = defaultServerDnsName): Leaf | undefined {
    return this.#leaves.get(serverRecord(dnsName));
  }

  clientCredentials(): Leaf | undefined {
    return this.leaf(controlPlaneSpiffeId(this.trustDomain));
  }

  nextRenewalMs(): number {
    if (this.#settled !== undefined) return this.#settled.untilMs;
    if (this.#stale.size > 0) return this.#parts.ports.clock.nowMs() + rereadMs;
    const { notAfterMs } = this.#parts.root.certificate;
    const controlPlaneMs =
      this.#controlPlane && renewAtMs(controlPlaneRecord, this.#controlPlane.certificate, notAfterMs);
    return Math.min(this.#leaves.nextRenewalMs(), controlPlaneMs ?? Infinity, this.#tenants.nextRotationMs());
  }

  ensure(wanted: WantedIdentities): Promise<EnsureResult> {
    return this.#inTurn(async (settled) => {
      const nowMs = this.#parts.ports.clock.nowMs();
      // A clock that was set back is no reason to believe what it said before.
      const leads = this.#parts.leads();
      if (settled?.wanted === wanted && settled.leads === leads && settled.fromMs <= nowMs && nowMs < settled.untilMs) {
        this.#settled = settled;
        return nothingToDo;
      }
      const result = await this.#ensure(wanted);
      const isWhole = result.failures.length === 0 && this.#stale.size === 0;
      if (isWhole) this.#settled = { wanted, leads, fromMs: nowMs, untilMs: this.nextRenewalMs() };
      return result;
    });
  }

  recordChanged(name: string): void {
    this.#stale.add(name);
    this.#settled = undefined;
  }

  rotations(): readonly RotationStatus[] {
    return this.#tenants.rotations();
  }

  beginRotation(tenant: string): Promise<RotationAnswer> {
    return this.#inTurn(async () => {
      if (this.bundlePem(tenant) === undefined) return refused(`there is no tenant \`${tenant}\``, adviceUnknown);
      const rotation = await this.#tenants.begin(tenant);
      return rotation === undefined
        ? refused(`the CA of \`${tenant}\` is being rotated already`, adviceBusy)
        : { kind: 'accepted', rotation };
    });
  }

  abortRotation(tenant: string): Promise<RotationAnswer> {
    return this.#inTurn(async () => {
      const rotation = await this.#tenants.abort(tenant);
      return rotation === undefined
        ? refused(`no rotation of \`${tenant}\` is under way that could be aborted`, adviceNothing)
        : { kind: 'accepted', rotation };
    });
  }

  advanceRotation(seen: RotationStatus): Promise<boolean> {
    return this.#inTurn(async () => {
      const issuer = this.#tenants.issuer(seen.tenant);
      const followed = issuer !== undefined && this.#leaves.areSignedBy(leafRecord(seen.tenant, ''), issuer.keys);
      return followed && (await this.#tenants.advance(seen));
    });
  }

  /** One after another: a step of a rotation never falls between the leaves of one pass. */
  #inTurn<Result>(work: (settled: Settled | undefined) => Promise<Result>): Promise<Result> {
    const turn = this.#lastTurn.then(() => {
      const settled = this.#settled;
      this.#settled = undefined;
      return work(settled);
    });
    this.#lastTurn = turn.catch(() => undefined);
    return turn;
  }

  async ensureServers(): Promise<readonly EnsureFailure[]> {
    const pass = new Pass();
    await this.#ensureServers(pass);
    return pass.failures;
  }

  async #ensure({ tenants, spiffeIds, withheld = [], leafLifetimeMs }: WantedIdentities): Promise<EnsureResult> {
    const pass = new Pass();
    const own = controlPlaneSpiffeId(this.trustDomain);
    const leaves = [own, ...spiffeIds].map((spiffeId) => this.#wantedLeaf(spiffeId, leafLifetimeMs));
    await this.#refresh(pass);
    await this.#ensureServers(pass);
    await forEachBounded(
      [...new Set([...tenants, ...leaves.map(({ tenant }) => tenant)])],
      issuingConcurrencyMax,
      (tenant) => this.#ensureTenant(pass, tenant),
    );
    await this.#enterTenants(pass);
    const held = new Set(withheld);
    await forEachBounded(leaves, issuingConcurrencyMax, ({ name, tenant, profile, spiffeId }) => {
      const issuer = this.#tenants.issuer(tenant);
      return held.has(spiffeId) ? this.#keepLeaf(pass, name, issuer) : this.#ensureLeaf(pass, name, profile, issuer);
    });
    await this.#prune(pass, new Set(leaves.map(({ name }) => name)));
    return { changed: pass.changed, failures: pass.failures };
  }

  #wantedLeaf(
    spiffeId: string,
    lifetimeMs: number,
  ): { spiffeId: string; name: string; tenant: string; profile: CertificateProfile } {
    const parsed = parseSpiffeId(spiffeId);
    if (parsed.kind === 'refused' || parsed.id.trustDomain !== this.trustDomain) {
      throw new Error(`\`${spiffeId}\` is no identity of trust domain \`${this.trustDomain}\``);
    }
    const { namespace, serviceAccount } = parsed.id;
    return {
      spiffeId,
      name: leafRecord(namespace, serviceAccount),
      tenant: namespace,
      profile: leafProfile(spiffeId, lifetimeMs),
    };
  }

  /** What another replica wrote is in force here, too; what cannot be read is tried again. */
  async #refresh(pass: Pass): Promise<void> {
    await forEachBounded([...this.#stale], issuingConcurrencyMax, async (name) => {
      this.#stale.delete(name);
      try {
        if (await this.#refreshRecord(name)) pass.changed = true;
      } catch (cause) {
        this.#stale.add(name);
        pass.failures.push({ name, cause });
      }
    });
  }

  async #refreshRecord(name: string): Promise<boolean> {
    if (name.startsWith(tenantRecord(''))) return this.#tenants.refresh(name.slice(tenantRecord('').length));
    if (name !== controlPlaneRecord || this.#controlPlane === undefined) return false;
    const before = this.#controlPlane;
    this.#controlPlane = keptIssuer([before], (await readIssuer(this.#parts.records, name)) ?? before);
    return this.#controlPlane !== before;
  }

  async #ensureServers(pass: Pass): Promise<void> {
    const { records, root, ports, serverDnsNames } = this.#parts;
    const name = controlPlaneRecord;
    const before = this.#controlPlane;
    try {
      const profile = controlPlaneIntermediateProfile();
      this.#controlPlane = await ensureIntermediate(records, name, profile, root, ports, before);
      if (this.#controlPlane !== before) pass.changed = true;
    } catch (cause) {
      pass.failures.push({ name, cause });
    }
    for (const dnsName of serverDnsNames) {
      await this.#ensureLeaf(pass, serverRecord(dnsName), serverProfile(dnsName), this.#controlPlane);
    }
  }

  async #ensureTenant(pass: Pass, tenant: string): Promise<void> {
    try {
      if (await this.#tenants.ensure(tenant)) pass.changed = true;
    } catch (cause) {
      pass.failures.push({ name: tenantRecord(tenant), cause });
    }
  }

  async #enterTenants(pass: Pass): Promise<void> {
    try {
      await this.#tenants.enterAll();
    } catch (cause) {
      pass.failures.push({ name: ledgerRecord, cause });
    }
  }

  /** @param issuer undefined where it failed, which is reported already. */
  async #ensureLeaf(pass: Pass, name: string, profile: CertificateProfile, issuer: Issuer | undefined): Promise<void> {
    if (issuer === undefined) return;
    try {
      const outcome = await this.#leaves.ensure({ name, profile, issuer });
      if (outcome.changed) pass.changed = true;
      if (outcome.kind === 'troubled') pass.failures.push({ name, cause: outcome.cause });
    } catch (cause) {
      pass.failures.push({ name, cause });
    }
  }

  async #keepLeaf(pass: Pass, name: string, issuer: Issuer | undefined): Promise<void> {
    if (issuer === undefined) return;
    try {
      if (await this.#leaves.keep({ name, issuer })) pass.changed = true;
    } catch (cause) {
      pass.failures.push({ name, cause });
    }
  }

  /** Drops leaves of identities that vanished: those held, and those an earlier process saved. */
  async #prune(pass: Pass, wanted: ReadonlySet<string>): Promise<void> {
    try {
      const known = new Set([...this.#leaves.names(), ...(await this.#parts.state.list())]);
      const vanished = [...known].filter((name) => name.startsWith(leafFolder) && !wanted.has(name));
      await forEachBounded(vanished, issuingConcurrencyMax, (name) => this.#leaves.remove(name));
    } catch (cause) {
      pass.failures.push({ name: leafFolder, cause });
    }
  }
}

/** For this very value of what is wanted, between these times (epoch ms), `ensure` has nothing to do. */
interface Settled {
  readonly wanted: WantedIdentities;
  readonly leads: boolean;
  readonly fromMs: number;
  readonly untilMs: number;
}

const nothingToDo: EnsureResult = { changed: false, failures: [] };

/** What one call found. */
class Pass {
  changed = false;
  readonly failures: EnsureFailure[] = [];
}

function refused(message: string, advice: string): RotationAnswer {
  return { kind: 'refused', message, advice };
}

const adviceUnknown = 'name a tenant of this mesh as its Tenant object does';
const adviceBusy = 'let it end, or abort it; `coffre rotate status` says at which step it is and who holds it back';
const adviceNothing = 'begin one; one that was aborted goes back to its end';

const controlPlaneRecord = 'control-plane';
const leafFolder = 'leaves/';

function leafRecord(tenant: string, serviceAccount: string): string {
  return `${leafFolder}${tenant}/${serviceAccount}`;
}

function serverRecord(dnsName: string): string {
  return `servers/${dnsName}`;
}
