/**
 * The mutating half: a pod that is created gets its sidecar. Called again after other webhooks it arrives at the same pod,
 * with their containers' probes diverted as well.
 */
import { type AdmissionRequest, unchanged, type Verdict } from '../admission.ts';
import { jsonPatch } from '../json-patch.ts';
import type { AdmissionContext } from './admission-context.ts';
import { injectPod } from './inject-pod.ts';
import { jsonOf, readPod } from './pod.ts';
import { problemOf } from './problem-of.ts';
import { refOf, wrongShape } from './review.ts';

export function mutatePod(request: AdmissionRequest, context: AdmissionContext): Verdict {
  const { namespace = '', operation, object, subResource = '', userInfo } = request;
  const tenant = context.tenantOf(namespace);
  if (tenant === undefined || operation !== 'CREATE' || subResource !== '') return unchanged;
  const ref = refOf(request);
  const read = readPod(object);
  if ('wrongAt' in read) return { kind: 'refused', problems: [problemOf(ref, wrongShape(read.wrongAt))] };
  const { sidecarUser, settings } = context;
  const byCaretaker = settings.caretakers.has(userInfo.username);
  const injection = injectPod(read.pod, settings, { namespace, tenant, sidecarUser, byCaretaker });
  if (injection.kind === 'refused') {
    return { kind: 'refused', problems: injection.findings.map((finding) => problemOf(ref, finding)) };
  }
  return { kind: 'allowed', patch: jsonPatch(jsonOf(read.pod), jsonOf(injection.pod)) };
}
