/** What somebody adds to our containers and volumes on the way of a pod, and what a cluster adds of itself. */
import { expect, test } from 'vitest';
import { injectPod } from '../../../src/kube/inject/inject-pod.ts';
import type { Pod } from '../../../src/kube/inject/pod.ts';
import { refuseUninjected } from '../../../src/kube/inject/uninjected.ts';
import { podWith, settings, shop } from './settings.ts';

/** @param path of a map in the spec of an injected pod. */
function refusal(path: readonly (string | number)[], added: object): string[] {
  const injection = injectPod(podWith(), settings, shop);
  if (injection.kind !== 'injected') throw new Error(JSON.stringify(injection));
  const spec = structuredClone(injection.pod.spec);
  const map = path.reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], spec);
  if (typeof map !== 'object' || map === null) throw new Error(`there is nothing at ${path.join('.')}`);
  Object.assign(map, added);
  const pod: Pod = { ...injection.pod, spec };
  return refuseUninjected(pod, settings, shop).map(({ code, path: at }) => `${code} ${at}`);
}

const sidecar = ['initContainers', 1] as const;

test.each<[string, readonly (string | number)[], object]>([
  ['another part of a volume', [...sidecar, 'volumeMounts', 0], { subPath: 'elsewhere' }],
  ['a mount that others see', [...sidecar, 'volumeMounts', 1], { mountPropagation: 'Bidirectional' }],
  ['a profile of the node’s', [...sidecar, 'securityContext', 'seccompProfile'], { localhostProfile: 'loose.json' }],
  ['another confinement', [...sidecar, 'securityContext'], { appArmorProfile: { type: 'Unconfined' } }],
  ['an unmasked `/proc`', ['initContainers', 0, 'securityContext'], { procMount: 'Unmasked' }],
  ['a host in a probe', [...sidecar, 'startupProbe', 'httpGet'], { host: 'elsewhere.example' }],
  ['a device', [...sidecar, 'resources'], { claims: [{ name: 'gpu' }] }],
  ['a root that may be missing', ['volumes', 0, 'projected', 'sources', 1, 'configMap'], { optional: true }],
])('%s is refused', (_name, path, added) => {
  expect(refusal(path, added)).toEqual(['sidecar-changed spec.initContainers']);
});

test.each<[string, readonly (string | number)[], object]>([
  ['the API server’s own default', [...sidecar, 'securityContext'], { procMount: 'Default' }],
  ['a limit of the namespace', [...sidecar, 'resources', 'limits'], { 'ephemeral-storage': '1Gi' }],
  ['what is the application’s', ['containers', 0], { env: [{ name: 'A', value: 'b' }] }],
])('%s is taken', (_name, path, added) => {
  expect(refusal(path, added)).toEqual([]);
});
