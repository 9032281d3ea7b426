/** A tenant where nobody is asked about pods would be one without a wall. */
import { quote } from '../../model/quote.ts';
import { type AdmissionRequest, unchanged, type Verdict } from '../admission.ts';
import { clusterProblem } from '../cluster-problem.ts';

/** @param exempt namespaces about whose pods nobody is asked. */
export function refuseExempt({ kind, name = '', operation }: AdmissionRequest, exempt: readonly string[]): Verdict {
  if (kind.kind !== 'Tenant' || operation !== 'CREATE' || !exempt.includes(name)) return unchanged;
  const problem = clusterProblem(
    { kind: 'Tenant', namespace: '', name },
    {
      code: 'bad-value',
      severity: 'error',
      path: 'metadata.name',
      message: `${quote(name)} is exempt from webhooks, so its pods would be without sidecars and nobody would hear of it`,
      advice: 'give the tenant another namespace, or take this one out of the exempt ones of the installation',
    },
  );
  return { kind: 'refused', problems: [problem] };
}
