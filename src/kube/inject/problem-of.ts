import type { Problem } from '../../model/problem.ts';
import type { Finding } from '../../model/sourced-object.ts';
import { clusterProblem } from '../cluster-problem.ts';

/** Of which pod something is said. A pod that a controller makes has no name yet. */
export interface PodRef {
  readonly namespace: string;
  readonly name: string;
}

export type PodFinding = Omit<Finding, 'severity'>;

/** A finding of a pod, as everybody reads it. */
export function problemOf({ namespace, name }: PodRef, finding: PodFinding): Problem {
  return clusterProblem({ kind: 'Pod', namespace, name }, { ...finding, severity: 'error' });
}
