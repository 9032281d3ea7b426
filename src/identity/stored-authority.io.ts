/** The authority over an opened state folder: see authority.ts for what it promises. */
import { parseSpiffeId } from '../model/spiffe-id.ts';
import {
  type Authority,
  defaultServerDnsName,
  type EnsureFailure,
  type EnsureResult,
  type WantedIdentities,
} from './authority.ts';
import {
  type CertificateProfile,
  controlPlaneIntermediateProfile,
  leafProfile,
  serverProfile,
  tenantIntermediateProfile,
} from './certificate-profile.ts';
import { forEachBounded } from './for-each-bounded.ts';
import type { Issuer } from './issue-certificate.io.ts';
import { ensureIntermediate } from './issuer-store.io.ts';
import type { Leaf } from './leaf.ts';
import { LeafStore } from './leaf-store.io.ts';
import type { IdentityPorts } from './ports.ts';
import { renewAtMs } from './renewal-schedule.ts';
import type { StateFolder } from './state-folder.io.ts';
import type { TokenIssuer } from './token-issuer.io.ts';

/** Certificates made at the same time. Signing is one core's work; more would only hold more half-made keys. */
const issuingConcurrencyMax = 4;

export interface StoredAuthorityParts {
  readonly state: StateFolder;
  readonly root: Issuer;
  readonly trustDomain: string;
  readonly tokens: TokenIssuer;
  readonly serverDnsNames: readonly string[];
  readonly ports: IdentityPorts;
}

export class StoredAuthority implements Authority {
  readonly #parts: StoredAuthorityParts;
  readonly #leaves: LeafStore;
  /** By record name. */
  readonly #intermediates = new Map<string, Issuer>();
  #lastTurn: Promise<unknown> = Promise.resolve();

  constructor(parts: StoredAuthorityParts) {
    this.#parts = parts;
    this.#leaves = new LeafStore(parts.state, parts.ports);
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
    return this.#intermediates.get(tenantRecord(tenant))?.certificate.pem;
  }

  leaf(spiffeId: string): Leaf | undefined {
    const parsed = parseSpiffeId(spiffeId);
    if (parsed.kind === 'refused' || parsed.id.trustDomain !== this.trustDomain) return undefined;
    return this.#leaves.get(leafRecord(parsed.id.namespace, parsed.id.serviceAccount));
  }

  serverCredentials(dnsName: string = defaultServerDnsName): Leaf | undefined {
    return this.#leaves.get(serverRecord(dnsName));
  }

  nextRenewalMs(): number {
    let next = this.#leaves.nextRenewalMs();
    for (const [name, { certificate }] of this.#intermediates) next = Math.min(next, renewAtMs(name, certificate));
    return next;
  }

  ensure(wanted: WantedIdentities): Promise<EnsureResult> {
    const turn = this.#lastTurn.then(() => this.#ensure(wanted));
    this.#lastTurn = turn.catch(() => undefined);
    return turn;
  }

  async ensureServers(): Promise<readonly EnsureFailure[]> {
    const pass = new Pass();
    await this.#ensureServers(pass);
    return pass.failures;
  }

  async #ensure({ tenants, spiffeIds, leafLifetimeMs }: WantedIdentities): Promise<EnsureResult> {
    const pass = new Pass();
    const leaves = spiffeIds.map((spiffeId) => this.#wantedLeaf(spiffeId, leafLifetimeMs));
    await this.#ensureServers(pass);
    await forEachBounded(
      [...new Set([...tenants, ...leaves.map(({ tenant }) => tenant)])],
      issuingConcurrencyMax,
      (tenant) =>
        this.#ensureIntermediate(pass, tenantRecord(tenant), tenantIntermediateProfile(this.trustDomain, tenant)),
    );
    await forEachBounded(leaves, issuingConcurrencyMax, ({ name, tenant, profile }) =>
      this.#ensureLeaf(pass, name, profile, tenantRecord(tenant)),
    );
    await this.#prune(pass, new Set(leaves.map(({ name }) => name)));
    return { changed: pass.changed, failures: pass.failures };
  }

  #wantedLeaf(spiffeId: string, lifetimeMs: number): { name: string; tenant: string; profile: CertificateProfile } {
    const parsed = parseSpiffeId(spiffeId);
    if (parsed.kind === 'refused' || parsed.id.trustDomain !== this.trustDomain) {
      throw new Error(`\`${spiffeId}\` is no identity of trust domain \`${this.trustDomain}\``);
    }
    const { namespace, serviceAccount } = parsed.id;
    return {
      name: leafRecord(namespace, serviceAccount),
      tenant: namespace,
      profile: leafProfile(spiffeId, lifetimeMs),
    };
  }

  async #ensureServers(pass: Pass): Promise<void> {
    await this.#ensureIntermediate(pass, controlPlaneRecord, controlPlaneIntermediateProfile());
    for (const dnsName of this.#parts.serverDnsNames) {
      await this.#ensureLeaf(pass, serverRecord(dnsName), serverProfile(dnsName), controlPlaneRecord);
    }
  }

  async #ensureIntermediate(pass: Pass, name: string, profile: CertificateProfile): Promise<void> {
    const { state, root, ports } = this.#parts;
    const before = this.#intermediates.get(name);
    try {
      const after = await ensureIntermediate(state, name, profile, root, ports, before);
      this.#intermediates.set(name, after);
      if (after !== before) pass.changed = true;
    } catch (cause) {
      pass.failures.push({ name, cause });
    }
  }

  async #ensureLeaf(pass: Pass, name: string, profile: CertificateProfile, issuerName: string): Promise<void> {
    const issuer = this.#intermediates.get(issuerName);
    if (issuer === undefined) return; // its failure is reported already
    try {
      const outcome = await this.#leaves.ensure({ name, profile, issuer });
      if (outcome.changed) pass.changed = true;
      if (outcome.kind === 'troubled') pass.failures.push({ name, cause: outcome.cause });
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

/** What one call found. */
class Pass {
  changed = false;
  readonly failures: EnsureFailure[] = [];
}

const controlPlaneRecord = 'control-plane';
const leafFolder = 'leaves/';

function tenantRecord(tenant: string): string {
  return `tenants/${tenant}`;
}

function leafRecord(tenant: string, serviceAccount: string): string {
  return `${leafFolder}${tenant}/${serviceAccount}`;
}

function serverRecord(dnsName: string): string {
  return `servers/${dnsName}`;
}
