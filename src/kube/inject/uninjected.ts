/**
 * Whether a pod is what injection makes of it: the last look, after every other webhook.
 *
 * It is injected once more, as the same sidecar user, and compared. In the pod others may have added what they like, as long as
 * it is no danger; to our containers and volumes nobody adds anything but the cluster itself.
 */
import type { JsonValue } from '@bufbuild/protobuf';
import { canonicalJson } from '../../model/canonical-json.ts';
import { injectPod } from './inject-pod.ts';
import { sidecarName, volumeNames } from './names.ts';
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
      return isSameOfOurs(pod.spec, spec) ? [] : [different('spec.initContainers')];
    }
  }
}

function userOf({ spec }: Pod): number | undefined {
  const sidecar = (spec.initContainers ?? []).find(({ name }) => name === sidecarName);
  const user = sidecar?.securityContext?.runAsUser;
  return user !== undefined && user >= sidecarUsers.first && user <= sidecarUsers.last ? user : undefined;
}

/** Ours, of two pods: a mount's `subPath` or a profile of the node's would be somebody else's doing. */
function isSameOfOurs(left: Pod['spec'], right: Pod['spec']): boolean {
  const text = (spec: Pod['spec']) =>
    canonicalJson([
      ourContainers({ spec }).map(withoutDefaults),
      (spec.volumes ?? []).filter(({ name }) => volumeNames.has(name)),
    ]);
  return text(left) === text(right);
}

/**
 * Less what a cluster adds of itself, and we do not write out: `procMount` (API server), and `requests` and `limits` of more
 * resources (LimitRange), of which those that we ask for are compared with the rest of the pod.
 */
function withoutDefaults(container: Container & { readonly resources?: object }): object {
  const { resources = {}, securityContext = {}, ...rest } = container;
  const { procMount, ...context } = securityContext;
  return {
    ...rest,
    resources: Object.keys(resources).sort(),
    securityContext: procMount === 'Default' ? context : securityContext,
  };
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
