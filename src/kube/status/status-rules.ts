/** What the control plane must be allowed to say of objects: it reads single ones, and writes nothing but their status. */
import { resources } from '../inform/resource.ts';
import type { PolicyRule } from '../policy-rule.ts';
import { hasStatus } from './wish.ts';

export const statusRules: readonly PolicyRule[] = [...Map.groupBy(resources.filter(isSpokenOf), ({ group }) => group)]
  .map(([group, ofGroup]) => ({ group, plurals: ofGroup.map(({ plural }) => plural) }))
  .flatMap(({ group, plurals }) => [
    { apiGroups: [group], resources: plurals, verbs: ['get'] },
    { apiGroups: [group], resources: plurals.map((plural) => `${plural}/status`), verbs: ['update'] },
  ]);

function isSpokenOf({ kind }: { readonly kind: string }): boolean {
  return hasStatus({ kind, namespace: '', name: '' });
}
