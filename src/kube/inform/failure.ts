/** Why nothing came of a request, as far as it matters to what is done next. */
import type { Problem } from '../../model/problem.ts';
import { quote } from '../../model/quote.ts';
import type { Place } from './resource.ts';

export interface Failure {
  /**
   * `expired`: the API server no longer knows the revision that was asked for.
   * `disordered`: what came contradicts what came before, so something may have been missed.
   * `too-large`: the answer passed a bound of ours.
   * `absent`: there is no such kind there.
   * `refused`: we may not.
   * `unanswered`: anything else, from a cut connection to half an answer.
   */
  readonly kind: 'expired' | 'disordered' | 'too-large' | 'absent' | 'refused' | 'unanswered';
  /** What happened, for a person; lower case, no full stop. */
  readonly text: string;
  /** How long the API server asked us to wait, in ms. */
  readonly retryAfterMs?: number;
}

/** Longest words of an API server that are repeated, in characters. */
const wordsMax = 200;

/** @param message of a `Status`, as the API server wrote it. */
export function failureOf(status: number, message: string, retryAfterMs?: number): Failure {
  const said = message === '' ? '' : `: ${quote(message, wordsMax)}`;
  return {
    kind: kindOf(status),
    text: `the API server answered ${status}${said}`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

function kindOf(status: number): Failure['kind'] {
  switch (status) {
    case 401:
    case 403:
      return 'refused';
    case 404:
      return 'absent';
    case 410:
      return 'expired';
    default:
      return 'unanswered';
  }
}

/** @param isSynced whether there is something that stays in force meanwhile. */
export function failureProblem({ kind, plural, group }: Place, failure: Failure, isSynced: boolean): Problem {
  const consequence = isSynced
    ? 'what was read of them before stays in force, and changes are not seen'
    : 'so the mesh is not known whole, and nothing is served by it';
  return {
    code: 'cluster-unreadable',
    severity: 'error',
    where: { file: kind, line: 1 },
    path: '',
    message: `objects of kind ${quote(kind)} cannot be read from the cluster, ${consequence}: ${failure.text}`,
    advice: adviceOn(failure, group === '' ? plural : `${plural}.${group}`),
  };
}

function adviceOn({ kind }: Failure, resource: string): string {
  switch (kind) {
    case 'refused':
      return `allow the service account of the control plane the verbs \`list\` and \`watch\` on \`${resource}\``;
    case 'absent':
      return `install the definition of \`${resource}\``;
    case 'expired':
    case 'disordered':
    case 'too-large':
    case 'unanswered':
      return 'see how the API server is, and what stands before it; nothing is taken for deleted until it answers';
  }
}
