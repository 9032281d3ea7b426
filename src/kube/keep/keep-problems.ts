/** What is told of kept objects: who changed one, and which cannot be kept. */
import type { ObjectRef, Problem } from '../../model/problem.ts';
import { quote } from '../../model/quote.ts';
import { clusterProblem } from '../cluster-problem.ts';
import type { KubeObject } from '../objects.ts';
import type { KeptKind } from './kept-kind.ts';
import type { Step } from './plan-keeping.ts';

/** Longest words of an API server that are repeated, in characters. */
const wordsMax = 200;

/** @returns nothing where nobody else had a hand in it. */
export function driftProblem({ place: { kind } }: KeptKind, step: Step): Problem | undefined {
  if (step.kind === 'remove' || (step.kind === 'create' ? !step.isLost : !step.isDrift)) return undefined;
  const ref = refOf(kind, step.object);
  const [stranger] = step.kind === 'create' ? [] : step.found.strangers;
  const by =
    stranger === undefined
      ? 'by somebody who left no name'
      : `by ${quote(stranger.manager)}${stranger.time === '' ? '' : ` at ${stranger.time}`}`;
  const [field = ''] = stranger?.fields ?? [];
  const what =
    step.kind === 'create'
      ? `${quote(ref.name)} was deleted, or lost our labels, though the mesh still needs it`
      : `${field === '' ? quote(ref.name) : quote(field)} was changed ${by}, though it follows from the mesh`;
  return clusterProblem(ref, {
    code: 'object-drift',
    severity: 'warning',
    path: field,
    message: `${what}; it is set right`,
    advice: 'write what you mean as an object of the mesh; if nobody of yours did it, see who may write here',
  });
}

export interface Failure {
  readonly object: KubeObject | undefined;
  readonly key: string;
  /** In a row. */
  readonly count: number;
  readonly message: string;
}

/** @param failures at least one. */
export function unkeptProblem({ place }: KeptKind, [first, ...others]: readonly [Failure, ...Failure[]]): Problem {
  const [name = '', namespace = ''] = first.key.split('/').reverse();
  const more = others.length === 0 ? '' : `, and ${others.length} more`;
  const resource = place.group === '' ? place.plural : `${place.plural}.${place.group}`;
  return clusterProblem(
    { kind: place.kind, namespace, name },
    {
      code: 'cluster-unwritable',
      severity: 'error',
      path: '',
      message: `${quote(first.key)}${more} cannot be kept as the mesh wants it: ${quote(first.message, wordsMax)}`,
      advice: `see that the service account of the control plane may write \`${resource}\`, and what else would refuse it; it is tried again`,
    },
  );
}

function refOf(kind: string, { metadata }: KubeObject): ObjectRef {
  return { kind, namespace: metadata.namespace ?? '', name: metadata.name };
}
