/** What judges of pods know in a test: one tenant, `shop`, and who asks. */
import type { Verdict } from '../../../src/kube/admission.ts';
import { settings, shop } from './settings.ts';

export const known = {
  settings,
  tenantOf: (namespace: string) => (namespace === 'shop' ? 'shop' : undefined),
  selectingLabels: () => new Set(['app']),
  isWelcome: () => true,
  sidecarUser: shop.sidecarUser,
};

export const alice = { username: 'alice' };
export const caretaker = { username: 'system:serviceaccount:coffre-system:coffre' };

/** What a verdict refuses. */
export function says(verdict: Verdict): string[] {
  return verdict.kind === 'allowed' ? [] : verdict.problems.map(({ code, path }) => `${code} ${path}`);
}
