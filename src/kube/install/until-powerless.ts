/** Whether a control plane that still lives can write back what is taken away: its rights end a moment after their binding. */
import { setTimeout as sleep } from 'node:timers/promises';
import { systemNamespace } from '../../model/system-namespace.ts';
import type { Collection, KubeObjects } from '../objects.ts';
import { controlPlaneName } from './parts.ts';
import { lookMs } from './until-ready.ts';

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

/** @returns why it still can, or why nobody knows. */
export async function untilPowerless(objects: KubeObjects): Promise<string | undefined> {
  const untilMs = Date.now() + powerlessMaxMs;
  for (;;) {
    const outcome = await objects.create(reviews, review);
    if (outcome.kind !== 'done') {
      const why = 'message' in outcome ? outcome.message : outcome.kind;
      return `it is gone, and whether the control plane heard of that is not known: ${why}`;
    }
    const { allowed } = (outcome.object['status'] ?? {}) as { readonly allowed?: boolean };
    if (allowed !== true) return undefined;
    if (Date.now() > untilMs) {
      return `it is gone, and \`${account}\` may still write admission policies, by a right of somebody else’s: take that away, too`;
    }
    await sleep(lookMs);
  }
}
