/** Whether a control plane that still lives can write back what is taken away: its rights end a moment after their binding. */
import { systemNamespace } from '../../model/system-namespace.ts';
import { askUntil } from '../ask-until.ts';
import type { Collection, KubeObjects, Outcome } from '../objects.ts';
import { controlPlaneName } from './parts.ts';
import { patience } from './until-ready.ts';

/** Longest wait, in ms: an API server hears of a binding that is gone within one second. */
const powerlessMaxMs = 30_000;
const reviews: Collection = { group: 'authorization.k8s.io', version: 'v1', plural: 'subjectaccessreviews' };
const accounts = 'system:serviceaccounts';
const account = `system:serviceaccount:${systemNamespace}:${controlPlaneName}`;
/** As an API server sees the leader that keeps the policies. */
const review = {
  apiVersion: 'authorization.k8s.io/v1',
  kind: 'SubjectAccessReview',
  spec: {
    user: account,
    groups: [accounts, `${accounts}:${systemNamespace}`, 'system:authenticated'],
    resourceAttributes: {
      group: 'admissionregistration.k8s.io',
      resource: 'validatingadmissionpolicies',
      verb: 'create',
    },
  },
};

/** @param signal ends the waiting. @returns why it still can, or why nobody knows. */
export async function untilPowerless(
  objects: KubeObjects,
  signal: AbortSignal,
  waitMs: number = powerlessMaxMs,
): Promise<string | undefined> {
  const outcome = await askUntil(() => objects.create(reviews, review), {
    isFinal: (answer) => !isAllowed(answer),
    signal: AbortSignal.any([signal, AbortSignal.timeout(waitMs)]),
    waits: patience,
  });
  if (outcome.kind === 'done' && !isAllowed(outcome)) return undefined;
  if (outcome.kind === 'done' && !signal.aborted) {
    return `it is gone, and \`${account}\` may still write admission policies, by a right of somebody else’s: take that away, too`;
  }
  const why = 'message' in outcome ? outcome.message : 'nobody waited for it';
  return `it is gone, and whether the control plane heard of that is not known: ${why}`;
}

function isAllowed(outcome: Outcome): boolean {
  if (outcome.kind !== 'done') return false;
  const { allowed } = (outcome.object['status'] ?? {}) as { readonly allowed?: boolean };
  return allowed === true;
}
