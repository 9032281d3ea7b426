/** Where two configurations differ, resource by resource. */
import type { ComparableConfig } from './held-resource.ts';

export interface Difference {
  /** `missing`: expected and not held; `extra`: held and not expected. */
  readonly kind: 'missing' | 'extra' | 'different';
  /** As `keyOf` writes it. */
  readonly resource: string;
}

/** @returns sorted by resource; empty where the two are equal. */
export function differences(expected: ComparableConfig, held: ComparableConfig): readonly Difference[] {
  const all = [...new Set([...expected.keys(), ...held.keys()])].sort();
  return all.flatMap((resource) => {
    const [wanted, found] = [expected.get(resource), held.get(resource)];
    if (wanted === found) return [];
    const kind = found === undefined ? 'missing' : wanted === undefined ? 'extra' : 'different';
    return [{ kind, resource }];
  });
}
