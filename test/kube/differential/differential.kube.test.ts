/**
 * One object, two judges, who must agree.
 *
 *   random object ─┬─ POST ?dryRun=All&fieldValidation=Strict ─▶ 201 | 400, 422 ─┐
 *                  └─ readObject ────────────────────────────▶ valid | problems ─┴─▶ the same, or a rule of the webhook
 */
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { ourKinds } from '../../../src/kube/crds/custom-resource-definitions.ts';
import { whereKube } from '../harness/kube-test.ts';
import { type Judged, judge, judgeAll, nullPaths } from './judge.ts';
import { authoredObject, completeObject, withValue } from './random-objects.ts';
import { isForTheWebhook, webhookRules } from './webhook-rules.ts';

const objectsCount = 2_000;
/** Disagreements that are shown. */
const shownMax = 5;
/** Of each kind both verdicts must come more often, for the test to mean something. */
const oftenEnough = 20;

whereKube('an API server and a folder', (kube) => {
  let namespace = '';
  let judged: readonly Judged[] = [];

  beforeAll(async () => {
    namespace = await kube.newNamespace('differential');
    const seed = Number(process.env['COFFRE_SEED']);
    judged = await judgeAll(kube, namespace, fc.sample(authoredObject(ourKinds), { numRuns: objectsCount, seed }));
  });

  test('what the server refuses is refused in a folder', () => {
    expectNone(judged.filter(({ server, problems }) => server === 'refuses' && problems.length === 0));
  });

  test('what a folder refuses the server refuses too, but for nulls and what else is left to the webhook', () => {
    const unexplained = ({ kind, object, problems }: Judged) => {
      const nulls = nullPaths(object);
      return problems.some((path) => !isForTheWebhook(kind, path) && !nulls.includes(path));
    };
    expectNone(judged.filter((each) => each.server === 'takes' && unexplained(each)));
  });

  test('a null is kept as it was written, so that whoever reads the object can refuse it', async () => {
    const object = withValue(completeObject('Grant'), ['spec', 'from', 'serviceAccounts'], null);
    const { server, stored, problems } = await judge(kube, namespace, { kind: 'Grant', object });
    expect(server).toBe('takes');
    expect(nullPaths(stored)).toEqual(['spec.from.serviceAccounts']);
    expect(problems).toEqual(['spec.from.serviceAccounts']);
  });

  test.each(ourKinds)('%s is taken and refused often enough to tell', (kind) => {
    const own = judged.filter((each) => each.kind === kind);
    for (const verdict of ['takes', 'refuses'] as const) {
      expect(own.filter(({ server }) => server === verdict).length, verdict).toBeGreaterThan(oftenEnough);
    }
  });

  test.each(webhookRules)('$path of $kind needs the webhook: $why', async ({ kind, path, example }) => {
    const object = withValue(completeObject(kind), example.at, example.value);
    const { server, problems } = await judge(kube, namespace, { kind, object });
    expect({ server, problems }).toEqual({ server: 'takes', problems: [expect.stringMatching(path)] });
  });
});

function expectNone(disagreements: readonly Judged[]): void {
  const shown = disagreements.slice(0, shownMax).map(({ object, serverSays, problems }) => ({
    object: JSON.stringify(object),
    serverSays,
    problems,
  }));
  expect(shown, `${disagreements.length} objects`).toEqual([]);
}
