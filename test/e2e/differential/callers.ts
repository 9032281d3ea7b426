/** Real certificates for everybody that a random mesh can name, for some it cannot, and for one of another mesh. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IssuedTrust } from '../../../src/controller/configure.ts';
import { authzServerName } from '../../../src/envoy/ext-authz.ts';
import { type Authority, defaultServerDnsName } from '../../../src/identity/authority.ts';
import { openAuthority } from '../../../src/identity/open-authority.io.ts';
import { systemPorts } from '../../../src/identity/system-ports.io.ts';
import { parseSpiffeId } from '../../../src/model/spiffe-id.ts';
import { trustDomain } from '../../fixtures/mesh-from.ts';
import { spiffeId, tenants } from '../../fixtures/random-mesh.ts';

export interface Credentials {
  readonly certificateChainPem: string;
  readonly privateKeyPem: string;
}

const serverDnsNames = [defaultServerDnsName, authzServerName];
const otherDomain = 'other.test';
const stranger = spiffeId('aurore', 'adele', otherDomain);
const unknown = [spiffeId('aurore', 'nobody'), spiffeId('nowhere', 'adele')];
const known = tenants.flatMap(({ name, accounts }) => accounts.map((account) => spiffeId(name, account)));

/** Who exists, who exists nowhere but in a certificate of this mesh, and who has the name of another mesh. */
export const callers: readonly string[] = [...known, ...unknown, stranger];

export class Callers {
  readonly trust: IssuedTrust;
  readonly #authorities: readonly Authority[];
  readonly #folder: string;

  private constructor(folder: string, ours: Authority, theirs: Authority) {
    this.#folder = folder;
    this.#authorities = [ours, theirs];
    this.trust = {
      rootPem: ours.rootPem,
      bundlePem: (tenant) => ours.bundlePem(tenant),
      leaf: (id) => credentials(ours.leaf(id)),
      workerIdentity: () => credentials(ours.serverCredentials(authzServerName)),
    };
  }

  static async issue(): Promise<Callers> {
    const folder = mkdtempSync(join(tmpdir(), 'callers-'));
    const ours = await issuing(join(folder, 'ours'), trustDomain, [...known, ...unknown]);
    const theirs = await issuing(join(folder, 'theirs'), otherDomain, [stranger]);
    return new Callers(folder, ours, theirs);
  }

  of(principal: string): Credentials {
    const leaf = this.#authorities.map((authority) => authority.leaf(principal)).find((each) => each !== undefined);
    const found = credentials(leaf);
    if (found === undefined) throw new Error(`nobody has issued for \`${principal}\``);
    return found;
  }

  /** What the control plane shows to a sidecar. */
  controlPlane(): Credentials {
    const [ours] = this.#authorities;
    const found = credentials(ours?.clientCredentials());
    if (found === undefined) throw new Error('the control plane has no certificate');
    return found;
  }

  forget(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export function tenantOf(principal: string): string {
  const parsed = parseSpiffeId(principal);
  if (parsed.kind === 'refused') throw new Error(`\`${principal}\` is no SPIFFE ID`);
  return parsed.id.namespace;
}

async function issuing(stateFolder: string, domain: string, spiffeIds: readonly string[]): Promise<Authority> {
  const authority = await openAuthority({ stateFolder, trustDomain: domain, serverDnsNames, ports: systemPorts });
  await authority.ensure({
    tenants: [...new Set(spiffeIds.map(tenantOf))],
    spiffeIds,
    leafLifetimeMs: 86_400_000,
  });
  return authority;
}

function credentials(leaf: ReturnType<Authority['leaf']>): Credentials | undefined {
  return leaf && { certificateChainPem: leaf.certificateChainPem, privateKeyPem: leaf.privateKeyPem.reveal() };
}
