/**
 * The validating half: what a pod is when everybody has had their say, and what may be done to it afterwards.
 *
 *   CREATE                       the pod is what its injection would make of it, whoever changed it in between, and the
 *                                scheduler finds its node, past no taint of another tenant's
 *   UPDATE, resize               what is ours in it stays as it is, and so do labels that choose its policy
 *   UPDATE ephemeralcontainers   a guest brings no way past the sidecar
 *   CONNECT exec, attach         nobody steps into the sidecar
 *
 * Only caretakers may: whoever may edit a tenant's pods is a tenant.
 */

import { type AdmissionRequest, unchanged, type Verdict } from '../admission.ts';
import type { AdmissionContext } from './admission-context.ts';
import { refuseEdit } from './edit.ts';
import { refuseGuests } from './guests.ts';
import { refusePlace, refuseTolerations } from './place.ts';
import { readPod } from './pod.ts';
import { type PodFinding, type PodRef, problemOf } from './problem-of.ts';
import { refOf, wrongShape } from './review.ts';
import { refuseStep } from './step-in.ts';
import { refuseUninjected } from './uninjected.ts';
import { warnOfTags } from './users.ts';

export function validatePod(request: AdmissionRequest, context: AdmissionContext): Verdict {
  const { namespace = '', userInfo } = request;
  const tenant = context.tenantOf(namespace);
  if (tenant === undefined || context.settings.caretakers.has(userInfo.username)) return unchanged;
  const findings = findingsOf(request, context, tenant);
  const ref = refOf(request);
  if (findings.length === 0) return request.operation === 'CREATE' ? withWarnings(ref, request.object) : unchanged;
  return { kind: 'refused', problems: findings.map((finding) => problemOf(ref, finding)) };
}

function withWarnings(ref: PodRef, object: unknown): Verdict {
  const read = readPod(object);
  const warnings = 'pod' in read ? warnOfTags(ref, read.pod) : [];
  return warnings.length === 0 ? unchanged : { kind: 'allowed', patch: [], warnings };
}

function findingsOf(request: AdmissionRequest, context: AdmissionContext, tenant: string): readonly PodFinding[] {
  const { namespace = '', operation, subResource = '', object, oldObject } = request;
  if (operation === 'CONNECT') return refuseStep(object, subResource);
  if (operation === 'DELETE') return [];
  const after = readPod(object);
  if ('wrongAt' in after) return [wrongShape(after.wrongAt)];
  const isWelcomeAt = (host: string) => context.isWelcome(host, tenant);
  if (operation === 'CREATE') {
    return [
      // Without a sidecar it is as much a stranger to a node.
      ...refusePlace(after.pod),
      ...refuseTolerations([], after.pod.spec.tolerations, isWelcomeAt),
      ...refuseUninjected(after.pod, context.settings, { namespace, tenant }),
    ];
  }
  const before = readPod(oldObject);
  if ('wrongAt' in before) return [wrongShape(before.wrongAt)];
  return [
    ...refuseEdit(before.pod, after.pod, context.selectingLabels(namespace)),
    ...refuseTolerations(before.pod.spec.tolerations, after.pod.spec.tolerations, isWelcomeAt),
    ...(subResource === 'ephemeralcontainers' ? refuseGuests(before.pod, after.pod) : []),
  ];
}
