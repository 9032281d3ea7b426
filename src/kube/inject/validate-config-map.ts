/**
 * The ConfigMap that every tenant's namespace holds for its sidecars: whoever writes it chooses whom they believe, and so it
 * is written by caretakers alone. Any other ConfigMap is nobody's business here.
 */

import Type from 'typebox';
import { Value } from 'typebox/value';
import { quote } from '../../model/quote.ts';
import { type AdmissionRequest, unchanged, type Verdict } from '../admission.ts';
import { clusterProblem } from '../cluster-problem.ts';
import type { AdmissionContext } from './admission-context.ts';
import { meshConfigMapName } from './names.ts';

const named = Type.Object({ metadata: Type.Object({ name: Type.String() }) });

export function validateConfigMap(request: AdmissionRequest, { settings, tenantOf }: AdmissionContext): Verdict {
  const { namespace = '', userInfo, object, oldObject } = request;
  const name = nameOf(object ?? oldObject);
  const isOurs = name === meshConfigMapName && tenantOf(namespace) !== undefined;
  if (!isOurs || settings.caretakers.has(userInfo.username)) return unchanged;
  const problem = clusterProblem(
    { kind: 'ConfigMap', namespace, name },
    {
      code: 'sidecar-changed',
      severity: 'error',
      path: '',
      message: `${quote(name)} says whom the sidecars of this namespace believe, and is not a tenant's to change`,
      advice: 'leave it to the control plane, which keeps it in step',
    },
  );
  return { kind: 'refused', problems: [problem] };
}

/** Of the object itself: a request that deletes a whole collection bears no name. */
function nameOf(object: unknown): string {
  return Value.Check(named, object) ? object.metadata.name : '';
}
