/**
 * One object, two judges, who must agree.
 *
 *   random object ─┬─ POST ?dryRun=All&fieldValidation=Strict ─▶ 201 | 400, 422 ─┐
 *                  └─ readObject ────────────────────────────▶ valid | problems ─┴─▶ the same, or a rule of the webhook
 */
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { CelRule } from '../../../src/kube/crds/crd.ts';
import { customResourceDefinitions, ourKinds } from '../../../src/kube/crds/custom-resource-definitions.ts';
import { whereKube } from '../harness/kube-test.ts';
import { type Judged, judge, judgeAll, nullPaths } from './judge.ts';
import { authoredObject, completeObject, everySlip, withValue } from './random-objects.ts';
import { isForTheWebhook, webhookRules } from './webhook-rules.ts';

/** Beside every single slip. */
const objectsCount = 1_000;
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
    const random = fc.sample(authoredObject(ourKinds), { numRuns: objectsCount, seed });
    judged = await judgeAll(kube, namespace, [...ourKinds.flatMap(everySlip), ...random]);
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

  test('every rule of the definitions refuses something', () => {
    const idle = customResourceDefinitions().flatMap(({ spec }) => {
      const said = judged.filter(({ kind }) => kind === spec.names.kind).map(({ serverSays }) => serverSays);
      return messagesIn(spec).filter((message) => !said.some((words) => words.includes(message)));
    });
    expect(idle).toEqual([]);
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

/** What the CEL rules of a definition say where they refuse. */
function messagesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]: [string, unknown]) =>
    key === 'x-kubernetes-validations' && Array.isArray(part)
      ? part.filter(({ rule }: CelRule) => !isOfTwoWrites(rule)).map(({ message }: CelRule) => message)
      : messagesIn(part),
  );
}

/** Such a rule compares an object with what stood there before: no single object is refused by it. */
function isOfTwoWrites(rule: string): boolean {
  return /\boldSelf\b/.test(rule);
}
