/**
 * What an identity may call, and what it comes to through those that it may call, as the policy says.
 *
 *   A ──direct──▶ B ──direct──▶ C        of C is told the first hop that leads there: through B
 */
import type { Snapshot } from '../model/snapshot.ts';
import type { Access } from './access.ts';

export interface Reach {
  readonly direct: readonly Access[];
  readonly through: readonly Through[];
}

/** A service port that no caller may call himself, and the shortest way there. */
export interface Through {
  readonly access: Access;
  /** Services on the way, first to last. */
  readonly by: readonly string[];
}

/** @param accesses of the whole mesh. @param callers SPIFFE IDs. */
export function reachOf(snapshot: Snapshot, accesses: readonly Access[], callers: ReadonlySet<string>): Reach {
  const byCaller = Map.groupBy(accesses, ({ caller }) => caller);
  const seen = new Set<string>();
  const direct = [...callers].sort().flatMap((caller) => byCaller.get(caller) ?? []);
  for (const access of direct) seen.add(placeOf(access));
  const through: Through[] = [];
  const known = new Set(callers);
  let front = direct.map((access) => ({ access, by: [] as readonly string[] }));
  while (front.length > 0) {
    const next: Through[] = [];
    for (const { access, by } of front) {
      for (const spiffeId of behind(snapshot, access)) {
        if (known.has(spiffeId)) continue;
        known.add(spiffeId);
        for (const onward of byCaller.get(spiffeId) ?? []) {
          if (seen.has(placeOf(onward))) continue;
          seen.add(placeOf(onward));
          next.push({ access: onward, by: [...by, access.service] });
        }
      }
    }
    through.push(...next);
    front = next;
  }
  return { direct, through };
}

function placeOf({ service, port }: Access): string {
  return `${service}:${port}`;
}

function behind(snapshot: Snapshot, { service, port }: Access): readonly string[] {
  const endpoints = snapshot.services.get(service)?.ports.find((each) => each.port === port)?.endpoints ?? [];
  return endpoints.flatMap(({ workload }) => snapshot.workloads.get(workload)?.spiffeId ?? []);
}
