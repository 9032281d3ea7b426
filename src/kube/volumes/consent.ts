/**
 * Whether a reach is consented to: it stays with its owner, no tenant is concerned, or the owner's grant names the volume.
 *
 * A namespace without a tenant is no way around: its data are nobody's to give, and it has no name that a grant could
 * let in. Keys are another matter: the secrets of a storage driver live in a namespace that no tenant owns.
 */
import { quote } from '../../model/quote.ts';
import type { Tenant, VolumeGrant } from '../../model/snapshot.ts';
import type { Finding } from '../../model/sourced-object.ts';
import type { Reach } from './reach.ts';

/** What the mesh says of volumes: of a `Snapshot`, and the moment at which its grants are judged dead or alive. */
export interface VolumeConsents {
  readonly tenants: ReadonlyMap<string, Tenant>;
  readonly volumeGrants: ReadonlyMap<string, VolumeGrant>;
  /** Epoch ms. */
  readonly nowMs: number;
}

/** @returns why the reach is refused, or nothing. */
export function refusalOf(reach: Reach, consents: VolumeConsents): Finding | undefined {
  const { kind, by, owner, claim, path, how } = reach;
  const { tenants } = consents;
  const isOurs = tenants.has(owner) || (kind === 'data' && tenants.has(by));
  if (owner === by || !isOurs || isGranted(reach, consents)) return undefined;
  const whose = kind === 'keys' ? `a secret of ${quote(owner)}` : dataOf(owner, claim);
  const whom = by === '' ? 'open to any tenant, since it names none' : `used by ${quote(by)}`;
  const message = `${whose} would be ${whom}: ${how}, and no grant in force lets it through the wall`;
  return { code: 'volume-wall', severity: 'error', path, message, advice: adviceFor(reach, consents) };
}

function isGranted({ kind, by, owner, claim }: Reach, { volumeGrants, nowMs }: VolumeConsents): boolean {
  if (kind === 'keys' || claim === undefined) return false;
  return [...volumeGrants.values()].some(
    (grant) =>
      grant.tenant === owner &&
      grant.from.tenant === by &&
      grant.claim === claim &&
      (grant.notAfterMs === undefined || nowMs < grant.notAfterMs),
  );
}

function dataOf(owner: string, claim: string | undefined): string {
  return claim === undefined ? `data of ${quote(owner)}` : `what the claim ${quote(`${owner}/${claim}`)} holds`;
}

function adviceFor({ kind, by, owner, claim }: Reach, { tenants }: VolumeConsents): string {
  if (kind === 'keys') return 'name a secret of the claim’s own namespace, or of a namespace that no tenant owns';
  if (!tenants.has(owner))
    return `nobody owns ${quote(owner)}: write a \`Tenant\` of that name, whose owners can grant it`;
  if (by === '') return 'name the claim that it is for in `claimRef`, or delete the volume with what it holds';
  if (!tenants.has(by)) return `nobody owns ${quote(by)}: write a \`Tenant\` of that name, to which it can be granted`;
  if (claim === undefined)
    return `it is not known of which claim: have ${quote(owner)} make a snapshot of a claim, and grant that`;
  return `have the owners of ${quote(owner)} write a \`Grant\` with \`from.tenant: ${by}\` and \`to.volume: ${claim}\`, or use storage of your own`;
}
