/** Who could become the user of a sidecar by what an image says, and how that is kept from them. */
import { describe, expect, test } from 'vitest';
import type { AdmissionRequest } from '../../../src/kube/admission.ts';
import { injectPod } from '../../../src/kube/inject/inject-pod.ts';
import { mutatePod } from '../../../src/kube/inject/mutate-pod.ts';
import type { Pod } from '../../../src/kube/inject/pod.ts';
import { guestUser } from '../../../src/kube/inject/users.ts';
import { validatePod } from '../../../src/kube/inject/validate-pod.ts';
import { formatProblem } from '../../../src/model/format-problem.ts';
import { applyPatch } from './apply-patch.ts';
import { alice, caretaker, known, says } from './known.ts';
import { podWith, restricted, settings, shop } from './settings.ts';

const { runAsUser: _stated, ...userless } = restricted;
const digest = `registry.example/web@sha256:${'a'.repeat(64)}`;

const injected = (pod: Pod): Pod => {
  const injection = injectPod(pod, settings, shop);
  if (injection.kind !== 'injected') throw new Error(JSON.stringify(injection));
  return injection.pod;
};

const request = (oldObject: unknown, object: unknown, change: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
  ...{ operation: 'UPDATE', kind: { kind: 'Pod' }, namespace: 'shop', name: 'web-0', userInfo: alice },
  ...{ oldObject, object, ...change },
});

describe('a guest that states no user', () => {
  const before = injected(podWith());
  const guest = { name: 'debugger', image: 'busybox', securityContext: userless };
  const subResource = 'ephemeralcontainers';
  const withGuests = (pod: Pod, ...ephemeralContainers: object[]): Pod =>
    ({ ...pod, spec: { ...pod.spec, ephemeralContainers } }) as Pod;
  const mutated = (was: Pod, is: Pod, change: Partial<AdmissionRequest> = {}) => {
    const verdict = mutatePod(request(was, is, { subResource, ...change }), known);
    if (verdict.kind === 'refused') throw new Error(says(verdict).join());
    return applyPatch(is, verdict.patch) as unknown as Pod;
  };
  const judged = (was: Pod, is: Pod) => says(validatePod(request(was, is, { subResource }), known));

  test('gets one that is nobody’s, and is let in', () => {
    const after = mutated(before, withGuests(before, guest));
    const stated = { ...guest, securityContext: { ...userless, runAsUser: guestUser } };
    expect(after).toEqual(withGuests(before, stated));
    expect(judged(before, after)).toEqual([]);
    expect(mutated(before, after)).toEqual(after);
  });

  test('is refused where another webhook takes it away', () => {
    expect(judged(before, withGuests(before, guest))).toEqual([
      'sidecar-bypass spec.ephemeralContainers[0].securityContext.runAsUser',
    ]);
  });

  test('has that of its pod, if the pod states one', () => {
    const stating = injected(podWith({}, { securityContext: { runAsUser: 1_000 } }));
    const after = withGuests(stating, guest);
    expect(mutated(stating, after)).toEqual(after);
    expect(judged(stating, after)).toEqual([]);
  });

  test('stays as it is where it was there before, where there is no sidecar, and where a caretaker sends it', () => {
    const after = withGuests(before, guest);
    expect([mutated(after, after), judged(after, after)]).toEqual([after, []]);
    const bare = withGuests(podWith(), guest);
    expect([mutated(podWith(), bare), judged(podWith(), bare)]).toEqual([bare, []]);
    expect(mutated(before, after, { userInfo: caretaker })).toEqual(after);
  });
});

describe('an image that is set in a living pod', () => {
  const setImage = (pod: Pod): Pod => ({
    ...pod,
    spec: { ...pod.spec, containers: pod.spec.containers.map((one) => ({ ...one, image: 'evil:1' })) },
  });
  const withoutUser = { securityContext: userless };
  const stating = { securityContext: { runAsUser: 1_000 } };
  test.each<[string, Pod, string[]]>([
    ['of a container without a user', injected(podWith(withoutUser)), ['sidecar-bypass spec.containers[0].image']],
    ['of a container with one', injected(podWith()), []],
    ['of a container whose pod has one', injected(podWith(withoutUser, stating)), []],
    ['of a pod without a sidecar', podWith(withoutUser), []],
  ])('%s', (_name, before, wanted) => {
    expect(says(validatePod(request(before, setImage(before)), known))).toEqual(wanted);
    expect(says(validatePod(request(before, before), known))).toEqual([]);
  });
});

describe('a tag that could be moved', () => {
  const warnings = (pod: Pod) => {
    const verdict = validatePod(request(null, injected(pod), { operation: 'CREATE' }), known);
    return verdict.kind === 'refused' ? says(verdict) : (verdict.warnings ?? []).map(formatProblem);
  };

  test('is warned of where it would say as whom the container runs, in as many characters as an API server passes on', () => {
    const [first = '', ...more] = warnings(podWith({ securityContext: userless }));
    expect(first).toBe(
      "Pod/shop/web-0:1: spec.containers[0]: whoever moves the tag of `web` could run it as its sidecar's user after a restart; name a digest, or state `runAsUser`",
    );
    expect(first.length).toBeLessThanOrEqual(256);
    expect(more).toEqual([]);
  });

  test('is not where a digest is named, or a user stated by the container or its pod', () => {
    expect(warnings(podWith({ securityContext: userless, image: digest }))).toEqual([]);
    expect(warnings(podWith())).toEqual([]);
    expect(warnings(podWith({ securityContext: userless }, { securityContext: { runAsUser: 1_000 } }))).toEqual([]);
  });
});
