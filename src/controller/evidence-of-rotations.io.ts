/** Rotations of tenants' CAs as evidence: when one began, was turned round, and ended. */
import type { CertificateEvent } from '../evidence/event.ts';
import type { Teller } from '../evidence/recorder/recorder-ports.ts';
import type { RotationStatus } from '../identity/authority.ts';
import type { LoopRotations } from './loop.io.ts';

interface Change {
  readonly what: CertificateEvent['what'];
  readonly rotation: RotationStatus;
  readonly detail: string;
}

/** @returns the same rotations; what is under way is compared with the time before at each turn of the loop. One that a restart found under way did not begin then. */
export function recordRotations({ clock, newId, record }: Teller, rotations: LoopRotations): LoopRotations {
  let known: readonly RotationStatus[] | undefined;
  return {
    underway: () => rotations.underway(),
    turn(published, nowMs) {
      const changes = known === undefined ? [] : changesBetween(known, published.rotations);
      known = published.rotations;
      for (const { what, rotation, detail } of changes) {
        const { tenant } = rotation;
        const common = { id: newId(), atMs: clock.nowMs(), tenant };
        record({ kind: 'certificate', ...common, what, subject: `CA of tenant ${tenant}`, detail });
      }
      return rotations.turn(published, nowMs);
    },
  };
}

function changesBetween(before: readonly RotationStatus[], after: readonly RotationStatus[]): readonly Change[] {
  const former = new Map(before.map((rotation) => [rotation.tenant, rotation]));
  const current = new Set(after.map(({ tenant }) => tenant));
  const ended = before.filter(({ tenant }) => !current.has(tenant));
  return [
    ...ended.map((rotation) => ({ what: 'rotation-ended' as const, rotation, detail: `${rotation.staying} stays` })),
    ...after.flatMap((rotation) => changeOf(former.get(rotation.tenant), rotation)),
  ];
}

function changeOf(before: RotationStatus | undefined, rotation: RotationStatus): readonly Change[] {
  const { aborted, leaving, staying } = rotation;
  if (before === undefined ? !aborted : before.aborted && !aborted) {
    return [{ what: 'rotation-began', rotation, detail: `${staying} is to replace ${leaving}` }];
  }
  if (!aborted || before?.aborted === true) return [];
  return [{ what: 'rotation-aborted', rotation, detail: `${staying} comes back for ${leaving}` }];
}
