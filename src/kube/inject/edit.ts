/**
 * What an edit of a living pod may not touch: our containers and statements, and the labels by which services and policies
 * choose it. Most of a pod's spec no edit can change anyway; images, resources, labels and annotations it can. An image may
 * be changed where it does not say as whom it runs.
 *
 * A pod that takes another label takes another pod's place: as an endpoint of its service, with its rights.
 */
import { canonicalJson } from '../../model/canonical-json.ts';
import { quote } from '../../model/quote.ts';
import { ownPrefix } from './names.ts';
import { ourContainers } from './our-containers.ts';
import type { Pod } from './pod.ts';
import type { PodFinding } from './problem-of.ts';
import { refuseImages } from './users.ts';

export function refuseEdit(before: Pod, after: Pod, selectingLabels: ReadonlySet<string>): readonly PodFinding[] {
  return [
    ...changedContainers(before, after),
    ...refuseImages(before, after),
    ...changedKeys('labels', before, after, (key) => key.startsWith(ownPrefix)).map(ourStatement),
    ...changedKeys('annotations', before, after, (key) => key.startsWith(ownPrefix)).map(ourStatement),
    ...changedKeys('labels', before, after, (key) => !key.startsWith(ownPrefix) && selectingLabels.has(key)).map(
      selecting,
    ),
  ];
}

function changedContainers(before: Pod, after: Pod): readonly PodFinding[] {
  const was = ours(before);
  const is = ours(after);
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((name) => was.get(name) !== is.get(name))
    .map((name) => ({
      code: 'sidecar-changed',
      path: 'spec.initContainers',
      message: `${quote(name)} is the wall of this pod, and may not be changed in it`,
      advice: 'delete the pod: the next one gets the sidecar as it is now',
    }));
}

/** As text, by name. */
function ours(pod: Pod): ReadonlyMap<string, string> {
  return new Map(ourContainers(pod).map((each) => [each.name, canonicalJson(each)]));
}

interface Changed {
  readonly field: 'labels' | 'annotations';
  readonly key: string;
}

function changedKeys(
  field: Changed['field'],
  before: Pod,
  after: Pod,
  isWatched: (key: string) => boolean,
): readonly Changed[] {
  const was = before.metadata?.[field] ?? {};
  const is = after.metadata?.[field] ?? {};
  const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  return keys.filter((key) => isWatched(key) && was[key] !== is[key]).map((key) => ({ field, key }));
}

function ourStatement({ field, key }: Changed): PodFinding {
  return {
    code: 'sidecar-changed',
    path: `metadata.${field}.${key}`,
    message: `${quote(key)} says what was settled when the pod was made, and may not be changed in it`,
    advice: 'write it where the pod is made from, and delete the pod',
  };
}

function selecting({ key }: Changed): PodFinding {
  return {
    code: 'sidecar-changed',
    path: `metadata.labels.${key}`,
    message: `services and policies choose their pods by ${quote(key)}, so another value would be another workload's place`,
    advice: 'change it where the pod is made from, and let it be made anew',
  };
}
