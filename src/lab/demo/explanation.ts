/** What `coffre explain` answers about a refusal that a row has just seen, by the id of the refusal. */
import type { Cure } from '../../policy/cure.ts';
import { askCoffre } from './coffre-command.ts';
import type { DemoContext } from './demo-context.ts';

export interface Explanation<Kind extends Cure['kind']> {
  readonly sentence: string;
  readonly cure: Extract<Cure, { readonly kind: Kind }>;
}

/** Longest wait for the record of the refusal, in ms: the sidecar sends it after its answer. */
const patienceMs = 10_000;

/** @param kind of the cure that is expected. @throws where there is none such. */
export async function explanationOf<Kind extends Cure['kind']>(
  context: DemoContext,
  decision: string,
  kind: Kind,
): Promise<Explanation<Kind>> {
  const argv = ['explain', decision, '--state', context.place.state, '-o', 'json'];
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    const { stdout, stderr } = await askCoffre(context, argv);
    const judgement = stdout === '' ? undefined : JSON.parse(stdout).now?.judgements?.[0];
    if (judgement?.cure?.kind === kind) return judgement;
    const said = judgement?.sentence ?? stderr.trim();
    if (performance.now() > deadlineMs) throw new Error(`\`coffre explain\` told no such cure, but: ${said}`);
  }
}
