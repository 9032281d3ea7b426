/**
 * The CAs of tenants, in memory and in the state, and their rotations.
 *
 *   begin, reverse, advance ──▶ one record written whole ──▶ memory         a crash leaves the step before or the step after
 *
 * Both CAs of a rotation lie in one record, so there is no order of writes to get wrong: leaves are issued by what the
 * record says, whenever somebody looks. What left is gone from the state with the write that ends the rotation.
 * Where replicas share the state the record is the truth, too: who would write over another's step reads it instead.
 */
import { X509Certificate } from 'node:crypto';
import type { RotationStatus } from './authority.ts';
import {
  advanced,
  anchorsOf,
  begun,
  type CaRotation,
  issuerOf,
  type RotationStep,
  reversed,
  type TenantCa,
} from './ca-rotation.ts';
import { tenantIntermediateProfile } from './certificate-profile.ts';
import { type Issuer, issueCertificate } from './issue-certificate.io.ts';
import { createIssuer, type IssuerRecord, issuerFrom, issuerRecord, keptIssuer } from './issuer-store.io.ts';
import { generateKeyPair } from './key-pair.io.ts';
import type { IdentityPorts } from './ports.ts';
import { replaceAtMs } from './renewal-schedule.ts';
import type { SharedRecords } from './shared-records.ts';
import { StateError } from './state-error.ts';
import { ledgerRecord, TenantLedger } from './tenant-ledger.ts';

export interface TenantCaParts {
  readonly records: SharedRecords;
  readonly root: Issuer;
  readonly trustDomain: string;
  readonly ports: IdentityPorts;
  /** Whether it is up to this replica to begin what is due. */
  leads(): boolean;
}

interface HeldCa {
  readonly ca: TenantCa<Issuer>;
  /** The same object for as long as the rotation rests at its step. */
  readonly status: RotationStatus | undefined;
}

export class TenantCaStore {
  readonly #parts: TenantCaParts;
  readonly #ledger: TenantLedger;
  readonly #held = new Map<string, HeldCa>();

  constructor(parts: TenantCaParts) {
    this.#parts = parts;
    this.#ledger = new TenantLedger(parts.records);
  }

  issuer(tenant: string): Issuer | undefined {
    const held = this.#held.get(tenant);
    return held && issuerOf(held.ca);
  }

  /** In an order that does not depend on who is leaving, so that a step which moves no anchor moves no byte. */
  bundlePem(tenant: string): string | undefined {
    const held = this.#held.get(tenant);
    return (
      held &&
      anchorsOf(held.ca)
        .map(({ certificate }) => certificate.pem)
        .sort()
        .join('')
    );
  }

  rotations(): readonly RotationStatus[] {
    return [...this.#held].sort(([left], [right]) => (left < right ? -1 : 1)).flatMap(([, { status }]) => status ?? []);
  }

  /** Epoch ms at which a rotation begins by itself; Infinity where none will, or another replica begins it. */
  nextRotationMs(): number {
    if (!this.#parts.leads()) return Infinity;
    return Math.min(Infinity, ...[...this.#held].map(([tenant, { ca }]) => rotatesAtMs(tenant, ca)));
  }

  /** Reads or makes the CA of a tenant; of one that is held, begins the rotation when it is due. @returns whether anything changed. */
  async ensure(tenant: string): Promise<boolean> {
    const held = this.#held.get(tenant);
    if (held === undefined) {
      this.#hold(tenant, await this.#readOrCreate(tenant));
      return true;
    }
    const { ports, leads } = this.#parts;
    if (!leads() || ports.clock.nowMs() < rotatesAtMs(tenant, held.ca)) return false;
    return (await this.begin(tenant)) !== undefined;
  }

  /** To be called after `ensure` of every tenant: what was made can be missed from here on. */
  enterAll(): Promise<void> {
    return this.#ledger.enter(this.#held.keys());
  }

  /** Reads it again, since somebody else has written it. @throws StateError where it is gone: what is held stays. */
  async refresh(tenant: string): Promise<boolean> {
    const { records } = this.#parts;
    const before = this.#held.get(tenant);
    if (before === undefined) return false;
    const record = await records.read(tenantRecord(tenant));
    if (record === undefined) throw goneError(records.path, tenantRecord(tenant));
    const ca = await caFrom(record, issuersIn(before.ca));
    if (JSON.stringify(recordOf(ca)) === JSON.stringify(recordOf(before.ca))) return false;
    this.#hold(tenant, ca);
    return true;
  }

  /** @returns undefined where the tenant has no CA here or its rotation is under way. */
  async begin(tenant: string): Promise<RotationStatus | undefined> {
    const ca = this.#held.get(tenant)?.ca;
    if (ca?.kind !== 'resting') return undefined;
    const { root, trustDomain, ports } = this.#parts;
    const keys = await generateKeyPair();
    const certificate = await issueCertificate(tenantIntermediateProfile(trustDomain, tenant), keys, root, ports);
    const rotation = begun(ca, { certificate, keys }, ports.clock.nowMs());
    return (await this.#replace(tenant, rotation)) ? this.#held.get(tenant)?.status : undefined;
  }

  /** @returns undefined where no rotation is under way, or the one that is was aborted already. */
  async abort(tenant: string): Promise<RotationStatus | undefined> {
    const ca = this.#held.get(tenant)?.ca;
    if (ca?.kind !== 'rotating' || ca.aborted) return undefined;
    const rotation = reversed(ca, this.#parts.ports.clock.nowMs());
    return (await this.#replace(tenant, rotation)) ? this.#held.get(tenant)?.status : undefined;
  }

  /** @param seen what the caller judged; where the rotation has moved since, nothing happens. @returns whether it moved. */
  async advance(seen: RotationStatus): Promise<boolean> {
    const held = this.#held.get(seen.tenant);
    if (held?.ca.kind !== 'rotating' || held.status !== seen) return false;
    return this.#replace(seen.tenant, advanced(held.ca, this.#parts.ports.clock.nowMs()));
  }

  /** @returns false where another replica has written it since: then that is held. */
  async #replace(tenant: string, ca: TenantCa<Issuer>): Promise<boolean> {
    const isWritten = await this.#parts.records.replace(tenantRecord(tenant), recordOf(ca));
    if (isWritten) this.#hold(tenant, ca);
    else await this.refresh(tenant);
    return isWritten;
  }

  #hold(tenant: string, ca: TenantCa<Issuer>): void {
    this.#held.set(tenant, { ca, status: ca.kind === 'rotating' ? statusOf(tenant, ca) : undefined });
  }

  async #readOrCreate(tenant: string): Promise<TenantCa<Issuer>> {
    const { records, root, trustDomain, ports } = this.#parts;
    const name = tenantRecord(tenant);
    const record = await records.read(name);
    if (record !== undefined) return caFrom(record, []);
    if (await this.#ledger.has(tenant)) throw lostError(records.path, name);
    const profile = tenantIntermediateProfile(trustDomain, tenant);
    return { kind: 'resting', issuer: await createIssuer(records, name, profile, root, ports) };
  }
}

/** On top the CA that signs; whoever reads no further issues by the right one. */
interface TenantRecord extends IssuerRecord {
  readonly rotation?: {
    readonly step: RotationStep;
    readonly sinceMs: number;
    readonly aborted: boolean;
    readonly other: IssuerRecord;
  };
  readonly heldUntilMs?: number;
}

function recordOf(ca: TenantCa<Issuer>): TenantRecord {
  const issuer = issuerOf(ca);
  if (ca.kind === 'resting') {
    return { ...issuerRecord(issuer), ...(ca.heldUntilMs === undefined ? {} : { heldUntilMs: ca.heldUntilMs }) };
  }
  const { step, sinceMs, aborted, from, to } = ca;
  const other = issuerRecord(issuer === from ? to : from);
  return { ...issuerRecord(issuer), rotation: { step, sinceMs, aborted, other } };
}

/** @param held issuers that stay the same objects where they are the same. */
async function caFrom(value: unknown, held: readonly Issuer[]): Promise<TenantCa<Issuer>> {
  const issuer = keptIssuer(held, await issuerFrom(value));
  const { rotation, heldUntilMs } = value as TenantRecord;
  if (rotation === undefined) return { kind: 'resting', issuer, ...(heldUntilMs === undefined ? {} : { heldUntilMs }) };
  const { step, sinceMs, aborted } = rotation;
  const other = keptIssuer(held, await issuerFrom(rotation.other));
  const [from, to] = step === 'trusted' ? [issuer, other] : [other, issuer];
  return { kind: 'rotating', from, to, step, sinceMs, aborted };
}

function issuersIn(ca: TenantCa<Issuer>): readonly Issuer[] {
  return ca.kind === 'resting' ? [ca.issuer] : [ca.from, ca.to];
}

function lostError(path: string, name: string): StateError {
  return new StateError(
    'record-missing',
    path,
    `\`${name}\` was made before and is missing; put it back from a backup. If a new one shall cut off whatever still trusts ` +
      `the old one, take \`${ledgerRecord}\` away, too`,
  );
}

function goneError(path: string, name: string): StateError {
  return new StateError(
    'record-missing',
    path,
    `\`${name}\` was taken away while it is in use; put it back from a backup before every replica has ended: ` +
      'what is held goes on until then',
  );
}

function statusOf(tenant: string, { step, sinceMs, aborted, from, to }: CaRotation<Issuer>): RotationStatus {
  return { tenant, step, sinceMs, aborted, leaving: fingerprintOf(from), staying: fingerprintOf(to) };
}

function fingerprintOf({ certificate }: Issuer): string {
  return new X509Certificate(certificate.pem).fingerprint256;
}

function rotatesAtMs(tenant: string, ca: TenantCa<Issuer>): number {
  if (ca.kind === 'rotating') return Infinity;
  return Math.max(replaceAtMs(tenantRecord(tenant), ca.issuer.certificate), ca.heldUntilMs ?? 0);
}

/** Name of the record that holds a tenant's CA. */
export function tenantRecord(tenant: string): string {
  return `tenants/${tenant}`;
}
