/** A control plane's door that shows one mesh and one evidence, for commands that ask it. */
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createManagementDoor } from '../../src/admin/management-door.ts';
import type { QuarantineDesk } from '../../src/admin/quarantine.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { MemoryEvidence } from '../evidence/memory-evidence.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';

/** @param person whoever is behind every pseudonym. @returns its state folder, for `--state`. */
export async function doorOf(
  snapshot: Snapshot,
  nowMs: number,
  evidence = new MemoryEvidence(),
  person = '',
  quarantines?: QuarantineDesk,
): Promise<string> {
  const state = await temporaryFolder();
  const door = createManagementDoor(
    {
      nowMs: () => nowMs,
      view: () => ({ ready: true, snapshot, xds: '', clients: [], certificateOf: () => undefined }),
      wholeSnapshot: () => snapshot,
      rotations: () => undefined,
      confirmLoss: () => ({ kind: 'confirmed', objects: 0 }),
      drills: () => undefined,
      evidence: () => ({
        store: evidence,
        reveal: () => person,
        kept: evidence,
        forget: async () => ({ kind: 'forgotten' }),
      }),
      proxies: () => undefined,
      workloads: '',
      quarantines: () => quarantines,
    },
    () => undefined,
    () => undefined,
  );
  onTestFinished(() => door.close());
  await door.listenOnSocket(join(state, 'admin.sock'));
  return state;
}
