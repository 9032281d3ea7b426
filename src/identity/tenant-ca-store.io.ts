/**
 * The CAs of tenants, in memory and in the state folder, and their rotations.
 *
 *   begin, reverse, advance ──▶ one record written whole ──▶ memory         a crash leaves the step before or the step after
 *
 * Both CAs of a rotation lie in one record, so there is no order of writes to get wrong: leaves are issued by what the
 * record says, whenever somebody looks. What left is gone from the folder with the write that ends the rotation.
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
import { createIssuer, type IssuerRecord, issuerFrom, issuerRecord } from './issuer-store.io.ts';
import { generateKeyPair } from './key-pair.io.ts';
import type { IdentityPorts } from './ports.ts';
import { replaceAtMs } from './renewal-schedule.ts';
import type { StateFolder } from './state-folder.io.ts';

export interface TenantCaParts {
  readonly state: StateFolder;
  readonly root: Issuer;
  readonly trustDomain: string;
  readonly ports: IdentityPorts;
}

interface HeldCa {
  readonly ca: TenantCa<Issuer>;
  /** The same object for as long as the rotation rests at its step. */
  readonly status: RotationStatus | undefined;
}

export class TenantCaStore {
  readonly #parts: TenantCaParts;
  readonly #held = new Map<string, HeldCa>();

  constructor(parts: TenantCaParts) {
    this.#parts = parts;
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

  /** Epoch ms at which a rotation begins by itself; Infinity where none will. */
  nextRotationMs(): number {
    return Math.min(Infinity, ...[...this.#held].map(([tenant, { ca }]) => rotatesAtMs(tenant, ca)));
  }

  /** Reads or makes the CA of a tenant; of one that is held, begins the rotation when it is due. @returns whether anything changed. */
  async ensure(tenant: string): Promise<boolean> {
    const held = this.#held.get(tenant);
    if (held === undefined) {
      this.#hold(tenant, await this.#readOrCreate(tenant));
      return true;
    }
    if (this.#parts.ports.clock.nowMs() < rotatesAtMs(tenant, held.ca)) return false;
    return (await this.begin(tenant)) !== undefined;
  }

  /** @returns undefined where the tenant has no CA here or its rotation is under way. */
  async begin(tenant: string): Promise<RotationStatus | undefined> {
    const ca = this.#held.get(tenant)?.ca;
    if (ca?.kind !== 'resting') return undefined;
    const { root, trustDomain, ports } = this.#parts;
    const keys = await generateKeyPair();
    const certificate = await issueCertificate(tenantIntermediateProfile(trustDomain, tenant), keys, root, ports);
    return this.#replace(tenant, begun(ca, { certificate, keys }, ports.clock.nowMs()));
  }

  /** @returns undefined where no rotation is under way, or the one that is was aborted already. */
  async abort(tenant: string): Promise<RotationStatus | undefined> {
    const ca = this.#held.get(tenant)?.ca;
    if (ca?.kind !== 'rotating' || ca.aborted) return undefined;
    return this.#replace(tenant, reversed(ca, this.#parts.ports.clock.nowMs()));
  }

  /** @param seen what the caller judged; where the rotation has moved since, nothing happens. @returns whether it moved. */
  async advance(seen: RotationStatus): Promise<boolean> {
    const held = this.#held.get(seen.tenant);
    if (held?.ca.kind !== 'rotating' || held.status !== seen) return false;
    await this.#replace(seen.tenant, advanced(held.ca, this.#parts.ports.clock.nowMs()));
    return true;
  }

  async #replace(tenant: string, ca: TenantCa<Issuer>): Promise<RotationStatus | undefined> {
    await this.#parts.state.write(tenantRecord(tenant), recordOf(ca));
    return this.#hold(tenant, ca);
  }

  #hold(tenant: string, ca: TenantCa<Issuer>): RotationStatus | undefined {
    const status = ca.kind === 'rotating' ? statusOf(tenant, ca) : undefined;
    this.#held.set(tenant, { ca, status });
    return status;
  }

  async #readOrCreate(tenant: string): Promise<TenantCa<Issuer>> {
    const { state, root, trustDomain, ports } = this.#parts;
    const name = tenantRecord(tenant);
    const record = await state.read(name);
    if (record !== undefined) return caFrom(record);
    const profile = tenantIntermediateProfile(trustDomain, tenant);
    return { kind: 'resting', issuer: await createIssuer(state, name, profile, root, ports) };
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

async function caFrom(value: unknown): Promise<TenantCa<Issuer>> {
  const issuer = await issuerFrom(value);
  const { rotation, heldUntilMs } = value as TenantRecord;
  if (rotation === undefined) return { kind: 'resting', issuer, ...(heldUntilMs === undefined ? {} : { heldUntilMs }) };
  const { step, sinceMs, aborted } = rotation;
  const other = await issuerFrom(rotation.other);
  const [from, to] = step === 'trusted' ? [issuer, other] : [other, issuer];
  return { kind: 'rotating', from, to, step, sinceMs, aborted };
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
