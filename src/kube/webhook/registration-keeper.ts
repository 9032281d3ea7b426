/**
 * Keeps both webhook configurations as they should be: by the leader, with the mesh's root as whom API servers believe.
 *
 * What was changed by hand is put back at the next look. They are never made here: whoever installs Coffre makes them, and
 * whoever takes them away wants no wall. So each is read before it is written, and where it is missing nothing is kept.
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

type Objects = Pick<KubeObjects, 'read' | 'apply'>;

export class RegistrationKeeper {
  readonly #objects: Objects;
  readonly #leadership: Pick<Leadership, 'term'>;
  #problems: readonly Problem[] = [];
  #isRegistered = false;

  constructor(objects: Objects, leadership: Pick<Leadership, 'term'>) {
    this.#objects = objects;
    this.#leadership = leadership;
  }

  /** Whether API servers have been told to ask, at the last look of any replica; until then nothing waits for an answer. */
  isRegistered(): boolean {
    return this.#isRegistered;
  }

  /** Of the last look while this replica led. */
  problems(): readonly Problem[] {
    return this.#leadership.term() === undefined ? [] : this.#problems;
  }

  /** @returns whether anything that the methods tell is another than before. Never rejects. */
  async look(wanted: readonly WebhookConfiguration[]): Promise<boolean> {
    const outcomes: Outcome[] = [];
    const problems: Problem[] = [];
    for (const configuration of wanted) {
      const outcome = await this.#keep(configuration);
      outcomes.push(outcome);
      const { kind, metadata } = configuration;
      if (outcome.kind !== 'done' && outcome.kind !== 'missing') problems.push(notKept(kind, metadata.name, outcome));
    }
    // Who cannot say whether it is there does not say that it is not.
    const isRegistered = outcomes.some(({ kind }) => kind !== 'missing');
    const isSame = isRegistered === this.#isRegistered && textOf(problems) === textOf(this.#problems);
    this.#isRegistered = isRegistered;
    this.#problems = problems;
    return !isSame;
  }

  async #keep(configuration: WebhookConfiguration): Promise<Outcome> {
    const { kind, metadata } = configuration;
    const of = { group: 'admissionregistration.k8s.io', version: 'v1', plural: plurals[kind] };
    const there = await this.#objects.read(of, metadata.name);
    // Asked right before each write: whoever led a moment ago may have been stopped since.
    if (there.kind !== 'done' || this.#leadership.term() === undefined) return there;
    return this.#objects.apply(of, { ...configuration });
  }
}

function textOf(problems: readonly Problem[]): string {
  return problems.map(({ message }) => message).join();
}

function notKept(kind: string, name: string, outcome: Exclude<Outcome, { kind: 'done' | 'missing' }>): Problem {
  return clusterProblem(
    { kind, namespace: '', name },
    {
      code: 'webhook-closed',
      severity: 'error',
      path: '',
      message: `API servers cannot be told whom to ask (${outcome.message})`,
      advice: 'install it again as `coffre install --dry-run` prints it, with the rights to change it',
    },
  );
}
