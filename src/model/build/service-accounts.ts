/** Service accounts that are known to exist: what is written, and what pods run under, whoever owns the namespace. */
import type { Inventory } from './inventory.ts';

/** @returns `namespace/name`, sorted. */
export function serviceAccountsIn(inventory: Inventory): readonly string[] {
  const written = inventory.of('ServiceAccount').map(({ ref }) => `${ref.namespace}/${ref.name}`);
  const used = inventory
    .of('Pod')
    .map(({ object, ref }) => `${ref.namespace}/${object.spec.serviceAccountName ?? 'default'}`);
  return [...new Set([...written, ...used])].sort();
}
