/**
 * As whom a container runs where nobody says so: as whom its image says.
 *
 *   runAsUser ──stated──▶ judged (`dangers.ts`)      not stated ──▶ USER of the image, which nobody here reads
 *
 * The user of a sidecar stands in the spec of its pod, for whoever may read it. So an image that is chosen after the pod was
 * made could have been built for it, and would pass the redirection. Before that nobody knows which user will be drawn.
 */
import type { Problem } from '../../model/problem.ts';
import { quote } from '../../model/quote.ts';
import { clusterProblem } from '../cluster-problem.ts';
import { containerNames } from './names.ts';
import { ourContainers } from './our-containers.ts';
import type { Container, EphemeralContainer, Pod } from './pod.ts';
import type { PodFinding, PodRef } from './problem-of.ts';

/** Of a guest that states none: `nobody`, as distributions have it. */
export const guestUser = 65_534;

/** Says which bytes are run, so no other image can take its place. */
const digestPattern = /@sha256:[0-9a-f]{64}$/;

type AnyContainer = Container | EphemeralContainer;

function statesUser({ spec }: Pod, container: AnyContainer): boolean {
  return (container.securityContext?.runAsUser ?? spec.securityContext?.runAsUser) !== undefined;
}

/** @returns the pod where its new guests have a user each; guests that were there before cannot be changed. */
export function stateGuestUsers(before: Pod, after: Pod): Pod {
  const { ephemeralContainers } = after.spec;
  if (ephemeralContainers === undefined) return after;
  const without = new Set(guestsWithoutUser(before, after));
  const stated = ephemeralContainers.map((guest) =>
    without.has(guest) ? { ...guest, securityContext: { ...guest.securityContext, runAsUser: guestUser } } : guest,
  );
  return { ...after, spec: { ...after.spec, ephemeralContainers: stated } };
}

/** The last look: another webhook may have taken out what the mutating half put in. */
export function refuseGuestsWithoutUser(before: Pod, after: Pod): readonly PodFinding[] {
  const all = after.spec.ephemeralContainers ?? [];
  return guestsWithoutUser(before, after).map((guest) => ({
    code: 'sidecar-bypass',
    path: `spec.ephemeralContainers[${all.indexOf(guest)}].securityContext.runAsUser`,
    message: `the image of ${quote(guest.name)} says as whom it runs, and could say the user of the sidecar`,
    advice: `state one, as ${guestUser}`,
  }));
}

function guestsWithoutUser(before: Pod, after: Pod): readonly EphemeralContainer[] {
  if (ourContainers(after).length === 0) return [];
  const known = new Set((before.spec.ephemeralContainers ?? []).map(({ name }) => name));
  return (after.spec.ephemeralContainers ?? []).filter((guest) => !known.has(guest.name) && !statesUser(after, guest));
}

/** An image that is set in a living pod. */
export function refuseImages(before: Pod, after: Pod): readonly PodFinding[] {
  if (ourContainers(before).length === 0) return [];
  const images = new Map(applicationsOf(before).map(({ container: { name, image } }) => [name, image]));
  return applicationsOf(after)
    .filter(({ container }) => images.get(container.name) !== container.image && !statesUser(after, container))
    .map(({ container: { name, image = '' }, path }) => ({
      code: 'sidecar-bypass',
      path: `${path}.image`,
      message: `${quote(name)} states no user, so ${quote(image)} says as whom it runs, and could say the user of the sidecar`,
      advice: 'change it where the pod is made from, and let it be made anew; or state `runAsUser` there',
    }));
}

/** What a restart of a container could bring: said in few words, as API servers cut warnings off. */
export function warnOfTags(ref: PodRef, pod: Pod): readonly Problem[] {
  if (ourContainers(pod).length === 0) return [];
  return applicationsOf(pod)
    .filter(({ container }) => !digestPattern.test(container.image ?? '') && !statesUser(pod, container))
    .map(({ container, path }) =>
      clusterProblem(
        { kind: 'Pod', ...ref },
        {
          ...{ code: 'sidecar-bypass', severity: 'warning', path },
          message: `whoever moves the tag of ${quote(container.name)} could run it as its sidecar's user after a restart`,
          advice: 'name a digest, or state `runAsUser`',
        },
      ),
    );
}

function applicationsOf({ spec }: Pod): readonly { readonly container: Container; readonly path: string }[] {
  return (['initContainers', 'containers'] as const).flatMap((field) =>
    (spec[field] ?? [])
      .map((container, index) => ({ container, path: `spec.${field}[${index}]` }))
      .filter(({ container: { name } }) => !containerNames.has(name)),
  );
}
