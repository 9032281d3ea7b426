/** What each proxy would be told otherwise, by resource; proxies of which the same changes are one group. */
import type { ResourceSnapshot } from '../xds/resource.ts';

export interface ResourceChange {
  readonly kind: 'added' | 'changed' | 'removed';
  /** The message's name without its package, such as `Listener`. */
  readonly type: string;
  readonly name: string;
}

export interface ProxyChanges {
  readonly proxies: readonly string[];
  readonly changes: readonly ResourceChange[];
}

type Proxies = ReadonlyMap<string, ResourceSnapshot>;

/** Largest group first. */
export function configurationChanges(before: Proxies, after: Proxies): readonly ProxyChanges[] {
  const groups = new Map<string, { proxies: string[]; changes: readonly ResourceChange[] }>();
  for (const key of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const changes = changesOf(before.get(key), after.get(key));
    if (changes.length === 0) continue;
    const id = JSON.stringify(changes);
    const group = groups.get(id) ?? { proxies: [], changes };
    group.proxies.push(key);
    groups.set(id, group);
  }
  return [...groups.values()].sort((left, right) => right.proxies.length - left.proxies.length);
}

function changesOf(
  before: ResourceSnapshot | undefined,
  after: ResourceSnapshot | undefined,
): readonly ResourceChange[] {
  const types = [...new Set([...(before?.types.keys() ?? []), ...(after?.types.keys() ?? [])])].sort();
  return types.flatMap((typeUrl) => {
    const [old, now] = [before?.types.get(typeUrl), after?.types.get(typeUrl)];
    if (old === now) return [];
    const type = typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
    const names = [...new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])])].sort();
    return names.flatMap((name): readonly ResourceChange[] => {
      const [former, latest] = [old?.get(name), now?.get(name)];
      if (former?.version === latest?.version) return [];
      return [{ kind: former === undefined ? 'added' : latest === undefined ? 'removed' : 'changed', type, name }];
    });
  });
}
