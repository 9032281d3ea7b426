/**
 * The mutating half: a pod that is created gets its sidecar, and a guest of a pod that has one a user. Called again after
 * other webhooks it arrives at the same pod, with their containers' probes diverted as well.
 */
import { type AdmissionRequest, unchanged, type Verdict } from '../admission.ts';
import { jsonPatch } from '../json-patch.ts';
import type { AdmissionContext } from './admission-context.ts';
import { injectPod } from './inject-pod.ts';
import { jsonOf, readPod } from './pod.ts';
import { problemOf } from './problem-of.ts';
import { refOf, wrongShape } from './review.ts';
import { stateGuestUsers } from './users.ts';

export function mutatePod(request: AdmissionRequest, context: AdmissionContext): Verdict {
  const { namespace = '', operation, object, oldObject, subResource = '', userInfo } = request;
  const { sidecarUser, settings } = context;
  const tenant = context.tenantOf(namespace);
  if (tenant === undefined) return unchanged;
  const byCaretaker = settings.caretakers.has(userInfo.username);
  if (operation === 'UPDATE' && subResource === 'ephemeralcontainers' && !byCaretaker) {
    return withGuestUsers(oldObject, object);
  }
  if (operation !== 'CREATE' || subResource !== '') return unchanged;
  const ref = refOf(request);
  const read = readPod(object);
  if ('wrongAt' in read) return { kind: 'refused', problems: [problemOf(ref, wrongShape(read.wrongAt))] };
  const injection = injectPod(read.pod, settings, { namespace, tenant, sidecarUser, byCaretaker });
  if (injection.kind === 'refused') {
    return { kind: 'refused', problems: injection.findings.map((finding) => problemOf(ref, finding)) };
  }
  return { kind: 'allowed', patch: jsonPatch(jsonOf(read.pod), jsonOf(injection.pod)) };
}

/** What is no pod the validating half refuses. */
function withGuestUsers(oldObject: unknown, object: unknown): Verdict {
  const [before, after] = [readPod(oldObject), readPod(object)];
  if ('wrongAt' in before || 'wrongAt' in after) return unchanged;
  return { kind: 'allowed', patch: jsonPatch(jsonOf(after.pod), jsonOf(stateGuestUsers(before.pod, after.pod))) };
}
