/**
 * Whether a pod is what injection makes of it: the last look, after every other webhook.
 *
 * It is injected once more, as the same sidecar user, and compared. What the cluster adds of itself, such as a default of
 * its limits, may be there as well; a container of ours with another command, or before ours another one, may not.
 */
import type { JsonValue } from '@bufbuild/protobuf';
import { injectPod } from './inject-pod.ts';
import { sidecarName } from './names.ts';
import { ourContainers } from './our-containers.ts';
import { type Container, jsonOf, type Pod } from './pod.ts';
import type { PodFinding } from './problem-of.ts';
import { type InjectSettings, sidecarUsers } from './settings.ts';

export function refuseUninjected(
  pod: Pod,
  settings: InjectSettings,
  of: { readonly namespace: string; readonly tenant: string },
): readonly PodFinding[] {
  const sidecarUser = userOf(pod);
  const injection = injectPod(pod, settings, { ...of, sidecarUser: sidecarUser ?? sidecarUsers.first });
  switch (injection.kind) {
    case 'refused':
      return injection.findings;
    case 'left':
      return ourContainers(pod).length === 0 ? [] : [different('spec.initContainers')];
    case 'injected': {
      if (sidecarUser === undefined) return [missing];
      const { spec, metadata } = injection.pod;
      if (!covers(jsonOf(pod), jsonOf({ ...injection.pod, metadata: metadataOf(metadata) }))) {
        return [different('spec')];
      }
      return sameKeys(ourContainers(pod), ourContainers({ spec })) ? [] : [different('spec.initContainers')];
    }
  }
}

function userOf({ spec }: Pod): number | undefined {
  const sidecar = (spec.initContainers ?? []).find(({ name }) => name === sidecarName);
  const user = sidecar?.securityContext?.runAsUser;
  return user !== undefined && user >= sidecarUsers.first && user <= sidecarUsers.last ? user : undefined;
}

/** Fields of a container that would be somebody else's doing: `envFrom`, another hook of its `lifecycle`, a device. */
function sameKeys(left: readonly Container[], right: readonly Container[]): boolean {
  const keys = ({ lifecycle = {}, ...container }: Container) =>
    [container, lifecycle].map((each) => Object.keys(each).sort().join(' ')).join(';');
  return left.map(keys).join('\n') === right.map(keys).join('\n');
}

/** Everything that is expected is there, and no list is longer; a map may hold more. */
function covers(actual: JsonValue, expected: JsonValue): boolean {
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return false;
    return expected.every((each, index) => covers(actual[index] ?? null, each));
  }
  if (typeof expected !== 'object' || expected === null) return actual === expected;
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual)) return false;
  return Object.entries(expected).every(([key, value]) => covers(actual[key] ?? null, value));
}

function metadataOf({ labels, annotations }: NonNullable<Pod['metadata']> = {}): NonNullable<Pod['metadata']> {
  return { ...(labels && { labels }), ...(annotations && { annotations }) };
}

const missing: PodFinding = {
  code: 'sidecar-required',
  path: 'spec.initContainers',
  message: 'the pod has no sidecar, and would speak for its tenant without one',
  advice: 'create it again; if it stays so, another webhook takes the sidecar out after it was put in',
};

function different(path: string): PodFinding {
  return {
    code: 'sidecar-changed',
    path,
    message: 'what was injected was changed by somebody on its way',
    advice: 'find the webhook that changes pods after ours, and except containers whose names begin with `coffre-`',
  };
}
