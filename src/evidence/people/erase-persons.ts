/** Erases the people of a tenant from the evidence: their key goes, then the chain says so. No record is touched. */
import type { AppendAnswer, EvidenceStore } from '../store.ts';

export interface ErasePorts {
  readonly keys: { destroy(tenant: string): boolean };
  readonly store: Pick<EvidenceStore, 'append'>;
  readonly clock: { nowMs(): number };
  newId(): string;
}

/** The key is gone whatever the answer: an answer other than `kept` means that only the record of it is missing. */
export async function erasePersons(
  tenant: string,
  { keys, store, clock, newId }: ErasePorts,
): Promise<AppendAnswer | { readonly kind: 'no-key' }> {
  if (!keys.destroy(tenant)) return { kind: 'no-key' };
  const text = `the key for people of tenant \`${tenant}\` was destroyed: their names cannot be told any more`;
  return store.append([{ kind: 'store', id: newId(), atMs: clock.nowMs(), tenant, what: 'key-destroyed', text }]);
}
