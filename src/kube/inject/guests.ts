/**
 * Ephemeral containers: guests that `kubectl debug` puts into a living pod, beside its application and its sidecar.
 *
 * A guest may look at the application. It may bring nothing that an application may not have, and not look at what is ours:
 * in the process namespace of the sidecar it would read the pod's key from memory.
 */
import { quote } from '../../model/quote.ts';
import { containerDangers } from './dangers.ts';
import { containerNames } from './names.ts';
import type { Pod } from './pod.ts';
import type { PodFinding } from './problem-of.ts';
import { refuseGuestsWithoutUser } from './users.ts';

/** Guests that were there before were judged then. */
export function refuseGuests(before: Pod, after: Pod): readonly PodFinding[] {
  const known = new Set((before.spec.ephemeralContainers ?? []).map(({ name }) => name));
  const dangers = (after.spec.ephemeralContainers ?? []).flatMap((guest, index) => {
    if (known.has(guest.name)) return [];
    const path = `spec.ephemeralContainers[${index}]`;
    return [...containerDangers(guest, path), ...targetFindings(path, guest.targetContainerName)];
  });
  return [...dangers, ...refuseGuestsWithoutUser(before, after)];
}

function targetFindings(path: string, target: string | undefined): readonly PodFinding[] {
  if (target === undefined || !containerNames.has(target)) return [];
  return [
    {
      code: 'sidecar-bypass',
      path: `${path}.targetContainerName`,
      message: `whoever sees the processes of ${quote(target)} holds the identity of the pod`,
      advice: 'name a container of the application; `coffre proxy` shows what a sidecar holds',
    },
  ];
}
