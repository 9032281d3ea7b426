/**
 * The ways into one tenant, from kin to kin: what its own policies let in, and its callers' policies let out.
 *
 *   Entry by workload and identity ──kin──▶ Way: these kin may come to that port of those
 */
import type { Entries } from './entries.ts';
import type { Kin } from './kin.ts';

export interface Way {
  readonly to: Kin;
  readonly port: number;
  /** Tenant of the callers. */
  readonly from: string;
  /** Never empty but where everybody may come and nobody is there yet; sorted by name. */
  readonly callers: readonly Kin[];
  /** Everybody of that tenant may come, whoever comes later too. */
  readonly isOpen: boolean;
}

/** @param kin of the tenant. @param kinOf of any tenant. @returns sorted by kin, port and callers' tenant. */
export function waysInto(
  entries: Entries,
  kin: readonly Kin[],
  kinOf: (tenant: string) => readonly Kin[],
): readonly Way[] {
  return kin.flatMap((to) => {
    const all = to.members.flatMap(({ key }) => entries.of.get(key) ?? []);
    const byPort = Map.groupBy(all, ({ port, tenant }) => `${String(port).padStart(5, '0')} ${tenant}`);
    return [...byPort]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .flatMap(([, same]) => {
        const [first] = same;
        if (first === undefined) return [];
        const mayCome = new Set(same.flatMap(({ spiffeIds }) => [...spiffeIds]));
        const known = kinOf(first.tenant);
        const callers = known.filter(({ members }) => members.some(({ spiffeId }) => mayCome.has(spiffeId)));
        const isOpen = callers.length === known.length && same.some((each) => each.isOpen);
        return [{ to, port: first.port, from: first.tenant, callers, isOpen }];
      });
  });
}
