/** Who may let a pod without a sidecar into its node. */
import { expect, test } from 'vitest';
import type { AdmissionRequest } from '../../../src/kube/admission.ts';
import { mutatePod } from '../../../src/kube/inject/mutate-pod.ts';
import { validatePod } from '../../../src/kube/inject/validate-pod.ts';
import { alice, caretaker, known, says } from './known.ts';
import { podWith } from './settings.ts';

test('a caretaker may, and nobody else', () => {
  const annotations = { 'coffre.dev/inject': 'disabled' };
  const request: AdmissionRequest = {
    ...{ operation: 'CREATE', kind: { kind: 'Pod' }, namespace: 'shop', name: 'agent-0', userInfo: alice },
    object: podWith({}, { serviceAccountName: 'node-agent', hostPID: true }, { annotations }),
  };
  const halves = [mutatePod, validatePod];
  const refused = ['sidecar-bypass spec.hostPID'];
  expect(halves.map((half) => says(half(request, known)))).toEqual([refused, refused]);
  const byCaretaker = { ...request, userInfo: caretaker };
  const allowed = { kind: 'allowed', patch: [] };
  expect(halves.map((half) => half(byCaretaker, known))).toEqual([allowed, allowed]);
});
