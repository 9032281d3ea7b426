/**
 * All objects of all sources to one snapshot: each by itself is valid already, here they meet.
 *
 * Pure, and independent of the order of the objects and of how they were formatted. It is the first look of a builder
 * that remembers nothing; `snapshot-builder.ts` tells what is built of what.
 */
import type { Quarantine } from './quarantine.ts';
import type { Snapshot } from './snapshot.ts';
import { SnapshotBuilder } from './snapshot-builder.ts';
import type { SourcedObject } from './sourced-object.ts';

/**
 * @param nowMs epoch ms, against which grants, rules and consents end; without it none does here, and each still ends at
 * its `notAfterMs` wherever it is enforced.
 * @param quarantines running state, beside what the sources say.
 * @returns a snapshot without tenants where there is no `Mesh`. Never throws.
 */
export function buildSnapshot(
  objects: readonly SourcedObject[],
  nowMs?: number,
  quarantines: readonly Quarantine[] = [],
): Snapshot {
  return new SnapshotBuilder().build(objects, nowMs, quarantines);
}
