/** Grants of volumes that hold: both tenants exist and may meet, and the end has not passed. Whether the claim is there only a cluster knows. */
import type { ProblemList } from '../problem-list.ts';
import type { Tenant, VolumeGrant } from '../snapshot.ts';
import { expiry, isExpired, partiesRefusal } from './grants.ts';
import type { Inventory } from './inventory.ts';

export interface VolumeGrants {
  /** By `namespace/name`, sorted. */
  readonly byKey: ReadonlyMap<string, VolumeGrant>;
  /** Keys of those whose end has passed. */
  readonly expired: readonly string[];
}

/** @param nowMs epoch ms; absent where nothing is to expire here. */
export function volumeGrantsIn(
  inventory: Inventory,
  tenants: ReadonlyMap<string, Tenant>,
  nowMs: number | undefined,
  problems: ProblemList,
): VolumeGrants {
  const byKey = new Map<string, VolumeGrant>();
  const expired: string[] = [];
  for (const source of inventory.of('Grant')) {
    const { metadata, spec } = source.object;
    if (spec.to.volume === undefined) continue;
    const key = `${metadata.namespace}/${metadata.name}`;
    const refusal = partiesRefusal(source, tenants);
    if (refusal !== undefined) problems.error(source, refusal);
    else if (isExpired(source.object, nowMs)) {
      expired.push(key);
      problems.warning(source, expiry(source.object));
    } else {
      byKey.set(key, {
        key,
        tenant: metadata.namespace,
        name: metadata.name,
        from: { tenant: spec.from.tenant },
        claim: spec.to.volume,
        ...(spec.notAfter === undefined ? {} : { notAfterMs: Date.parse(spec.notAfter) }),
        reason: spec.reason,
        where: source.where,
      });
    }
  }
  return { byKey, expired };
}
