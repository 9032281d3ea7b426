/**
 * Leaf certificates with their keys: in memory for who asks, in the state folder for the next start.
 *
 *   wanted ─▶ held? ─▶ saved from before? ─▶ due? issue ─▶ save ─▶ held
 *   not wanted any more ─▶ removed from memory and from the folder
 *
 * A restarted control plane delivers the same bytes, so no proxy sees a new certificate because of us. A leaf by another
 * key than the issuer's is as good as none: that is how the leaves of a tenant follow the rotation of its CA.
 * The surprise: what cannot be *saved* is served all the same. A full disk must not let a mesh's certificates run out;
 * it is reported, and saved at the next turn.
 */
import { X509Certificate } from 'node:crypto';
import type { CertificateProfile } from './certificate-profile.ts';
import { type Issuer, issueCertificate } from './issue-certificate.io.ts';
import { readCertificate } from './issuer-store.io.ts';
import { generateKeyPair, type KeyPair } from './key-pair.io.ts';
import type { Leaf } from './leaf.ts';
import type { IdentityPorts } from './ports.ts';
import { Redacted } from './redacted.ts';
import { isDue, renewAtMs } from './renewal-schedule.ts';
import { StateError } from './state-error.ts';
import type { StateFolder } from './state-folder.io.ts';

export interface WantedLeaf {
  /** Name of the record, `leaves/shop/cart`; also the seed of the renewal's jitter. */
  readonly name: string;
  readonly profile: CertificateProfile;
  readonly issuer: Issuer;
}

/** `changed`: what is served is not what was served before. */
export type LeafOutcome =
  | { readonly kind: 'fine'; readonly changed: boolean }
  /** Served, and something went wrong that a person must hear of. */
  | { readonly kind: 'troubled'; readonly changed: boolean; readonly cause: unknown };

interface HeldLeaf {
  readonly leaf: Leaf;
  readonly saved: boolean;
  /** The issuer's, which is one object for as long as this process holds it. */
  readonly signedBy: KeyPair;
  readonly issuerNotAfterMs: number;
}

export class LeafStore {
  readonly #state: StateFolder;
  readonly #ports: IdentityPorts;
  readonly #held = new Map<string, HeldLeaf>();
  /** Names of those that are held and not to be renewed. */
  readonly #kept = new Set<string>();

  constructor(state: StateFolder, ports: IdentityPorts) {
    this.#state = state;
    this.#ports = ports;
  }

  get(name: string): Leaf | undefined {
    return this.#held.get(name)?.leaf;
  }

  names(): Iterable<string> {
    return this.#held.keys();
  }

  /** Whether every leaf whose name begins so was signed by this key. */
  areSignedBy(prefix: string, keys: KeyPair): boolean {
    return [...this.#held].every(([name, { signedBy }]) => !name.startsWith(prefix) || signedBy === keys);
  }

  /** @returns Infinity where nothing is held. What is only kept is looked at again when it ends. */
  nextRenewalMs(): number {
    let next = Infinity;
    for (const [name, { leaf, issuerNotAfterMs }] of this.#held) {
      next = Math.min(next, this.#kept.has(name) ? leaf.notAfterMs : renewAtMs(name, leaf, issuerNotAfterMs));
    }
    return next;
  }

  /** Issues nothing: what is there is held for as long as it is good, and dropped then. @returns whether that is another than before. */
  async keep({ name, issuer }: Pick<WantedLeaf, 'name' | 'issuer'>): Promise<boolean> {
    const held = this.#held.get(name);
    const before = held?.signedBy === issuer.keys ? held : await this.#readSaved({ name, issuer });
    if (before === undefined || before instanceof StateError || before.leaf.notAfterMs <= this.#ports.clock.nowMs()) {
      await this.remove(name);
      return held !== undefined;
    }
    this.#kept.add(name);
    this.#held.set(name, before);
    return held !== before;
  }

  async ensure(wanted: WantedLeaf): Promise<LeafOutcome> {
    const { name, profile, issuer } = wanted;
    this.#kept.delete(name);
    const held = this.#held.get(name);
    const before = held?.signedBy === issuer.keys ? held : await this.#readSaved(wanted);
    if (before instanceof StateError) {
      // A leaf is cheap to lose: a new one is issued, and the damage is told.
      const after = await this.#issue(wanted);
      return { kind: 'troubled', changed: true, cause: after.kind === 'troubled' ? after.cause : before };
    }
    const nowMs = this.#ports.clock.nowMs();
    const { notAfterMs } = issuer.certificate;
    if (before === undefined || isDue(name, before.leaf, profile.lifetimeMs, nowMs, notAfterMs)) {
      return this.#issue(wanted);
    }
    this.#held.set(name, before);
    const changed = held !== before;
    return before.saved ? { kind: 'fine', changed } : this.#save(name, before, changed);
  }

  async remove(name: string): Promise<void> {
    this.#held.delete(name);
    this.#kept.delete(name);
    await this.#state.remove(name);
  }

  async #issue({ name, profile, issuer }: WantedLeaf): Promise<LeafOutcome> {
    const keys = await generateKeyPair();
    const { pem, notBeforeMs, notAfterMs } = await issueCertificate(profile, keys, issuer, this.#ports);
    const certificateChainPem = pem + issuer.certificate.pem;
    const leaf = { certificateChainPem, privateKeyPem: keys.privateKeyPem, notBeforeMs, notAfterMs };
    return this.#save(name, { ...signedBy(issuer), leaf, saved: false }, true);
  }

  /** Held first and saved after: see the head of this file. */
  async #save(name: string, held: HeldLeaf, changed: boolean): Promise<LeafOutcome> {
    this.#held.set(name, held);
    const { certificateChainPem, privateKeyPem } = held.leaf;
    try {
      await this.#state.write(name, { certificateChainPem, privateKeyPem: privateKeyPem.reveal() });
    } catch (cause) {
      return { kind: 'troubled', changed, cause };
    }
    this.#held.set(name, { ...held, saved: true });
    return { kind: 'fine', changed };
  }

  async #readSaved({ name, issuer }: Pick<WantedLeaf, 'name' | 'issuer'>): Promise<HeldLeaf | undefined | StateError> {
    try {
      const record = await this.#state.read(name);
      if (record === undefined) return undefined;
      const leaf = leafOf(record);
      const signer = new X509Certificate(issuer.certificate.pem);
      return new X509Certificate(leaf.certificateChainPem).checkIssued(signer)
        ? { ...signedBy(issuer), leaf, saved: true }
        : undefined;
    } catch (error) {
      if (error instanceof StateError) return error;
      throw error;
    }
  }
}

function signedBy({ keys, certificate }: Issuer): Pick<HeldLeaf, 'signedBy' | 'issuerNotAfterMs'> {
  return { signedBy: keys, issuerNotAfterMs: certificate.notAfterMs };
}

function leafOf(record: unknown): Leaf {
  const { certificateChainPem, privateKeyPem } = record as Record<string, unknown>;
  if (typeof certificateChainPem !== 'string' || typeof privateKeyPem !== 'string') {
    throw new TypeError('a sealed leaf record lacks its certificate or its key');
  }
  const { notBeforeMs, notAfterMs } = readCertificate(certificateChainPem);
  return { certificateChainPem, privateKeyPem: new Redacted(privateKeyPem), notBeforeMs, notAfterMs };
}
