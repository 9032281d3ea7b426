/** Tenants and grants for the pure tests of the wall: `shop` and `billing`, and `vault`, which demands encryption. */
import type { VolumeConsents } from '../../../src/kube/volumes/consent.ts';
import type { Tenant, VolumeGrant } from '../../../src/model/snapshot.ts';

const where = { file: 'mesh.yaml', line: 1 };

export function consentsOf(...grants: readonly VolumeGrant[]): VolumeConsents {
  const tenants = [tenant('shop'), tenant('billing'), tenant('vault', new Set(['encrypted']))];
  return {
    tenants: new Map(tenants.map((each) => [each.name, each])),
    volumeGrants: new Map(grants.map((each) => [each.key, each])),
    nowMs: 0,
  };
}

function tenant(name: string, encryptedStorageClasses?: ReadonlySet<string>): Tenant {
  return {
    name,
    environment: 'prod',
    defaultAccess: 'sameTenant',
    sealedServices: new Set(),
    allowedRegions: new Set(),
    allowedZones: new Set(),
    identityProviders: [],
    ...(encryptedStorageClasses === undefined ? {} : { encryptedStorageClasses }),
    where,
  };
}

export function grant(owner: string, to: string, claim: string, notAfterMs?: number): VolumeGrant {
  const end = notAfterMs === undefined ? {} : { notAfterMs };
  return {
    key: `${owner}/${to}-${claim}`,
    tenant: owner,
    name: `${to}-${claim}`,
    from: { tenant: to },
    claim,
    ...end,
    reason: 'an audit',
    where,
  };
}
