/**
 * Keeps both webhook configurations as they should be: by the leader, with the mesh's root as whom API servers believe.
 *
 * What was changed by hand is put back at the next look. They are never made here: whoever installs Coffre makes them, and
 * whoever takes them away wants no wall.
 */
import type { Problem } from '../../model/problem.ts';
import { clusterProblem } from '../cluster-problem.ts';
import type { Leadership } from '../lease/leadership.ts';
import type { KubeObjects, Outcome } from '../objects.ts';
import type { WebhookConfiguration } from './registration.ts';

const plurals = {
  MutatingWebhookConfiguration: 'mutatingwebhookconfigurations',
  ValidatingWebhookConfiguration: 'validatingwebhookconfigurations',
} as const satisfies Record<WebhookConfiguration['kind'], string>;

export class RegistrationKeeper {
  readonly #objects: Pick<KubeObjects, 'apply'>;
  readonly #leadership: Pick<Leadership, 'term'>;
  #problems: readonly Problem[] = [];

  constructor(objects: Pick<KubeObjects, 'apply'>, leadership: Pick<Leadership, 'term'>) {
    this.#objects = objects;
    this.#leadership = leadership;
  }

  /** Of the last look while this replica led. */
  problems(): readonly Problem[] {
    return this.#leadership.term() === undefined ? [] : this.#problems;
  }

  /** @returns whether problems are others than before. Never rejects. */
  async look(wanted: readonly WebhookConfiguration[]): Promise<boolean> {
    const problems: Problem[] = [];
    for (const configuration of wanted) {
      // Asked before each write: whoever led a moment ago may have been stopped since.
      if (this.#leadership.term() === undefined) return false;
      const { kind, metadata } = configuration;
      const of = { group: 'admissionregistration.k8s.io', version: 'v1', plural: plurals[kind] };
      const outcome = await this.#objects.apply(of, { ...configuration });
      if (outcome.kind !== 'done') problems.push(notKept(kind, metadata.name, outcome));
    }
    const isSame =
      problems.map(({ message }) => message).join() === this.#problems.map(({ message }) => message).join();
    this.#problems = problems;
    return !isSame;
  }
}

function notKept(kind: string, name: string, outcome: Exclude<Outcome, { kind: 'done' }>): Problem {
  return clusterProblem(
    { kind, namespace: '', name },
    {
      code: 'webhook-closed',
      severity: 'error',
      path: '',
      message: `API servers cannot be told whom to ask (${'message' in outcome ? outcome.message : outcome.kind})`,
      advice: 'install it again as `coffre install --dry-run` prints it, with the rights to change it',
    },
  );
}
