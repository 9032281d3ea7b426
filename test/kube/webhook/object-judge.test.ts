/** An object among all others, as the webhook judges it: what is refused, what is told, and what is nobody's news. */
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { AdmissionRequest, Verdict } from '../../../src/kube/admission.ts';
import { ObjectJudge } from '../../../src/kube/webhook/object-judge.ts';
import { buildSnapshot } from '../../../src/model/build-snapshot.ts';
import { parseDocument } from '../../../src/model/parse-document.ts';
import { grant, mesh, namespaceOf, pod, policy, service, tenant } from '../../model/written.ts';

const nowMs = Date.parse('2027-01-01T00:00:00Z');
const written = [
  ...[mesh(), namespaceOf('shop'), tenant('shop'), namespaceOf('billing'), tenant('billing'), tenant('far', 'staging')],
  ...[pod('shop', 'api', '10.0.0.1'), service('shop', 'api', '10.96.0.1', { app: 'api' })],
];
const objects = written.flatMap((text) => parseDocument(text, 'mesh.yaml').objects);

function judge(text: string, former?: string): Verdict {
  const object = parse(text);
  const { kind, metadata } = object;
  const request: AdmissionRequest = {
    ...{ kind: { kind }, name: metadata.name, userInfo: { username: 'ana' }, object },
    ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
    ...(former === undefined ? { operation: 'CREATE' } : { operation: 'UPDATE', oldObject: parse(former) }),
  };
  const judged = new ObjectJudge();
  const verdict = judged.judge(request, objects, nowMs);
  // There is no state between two reviews that a verdict could hang on.
  judged.judge({ ...request, operation: 'CREATE' }, [], 0);
  expect(judged.judge(request, objects, nowMs)).toEqual(verdict);
  return verdict;
}

const codes = (verdict: Verdict) =>
  verdict.kind === 'refused'
    ? verdict.problems.map(({ code }) => `refused ${code}`)
    : (verdict.warnings ?? []).map(({ code }) => `told ${code}`);

test.each<[string, string, string[]]>([
  ['an object that is right', grant('shop', 'a', 'billing', 'api'), []],
  ['a grant to oneself', grant('shop', 'a', 'shop', 'api'), ['refused self-grant']],
  ['a grant into another environment', grant('shop', 'a', 'far', 'api'), ['refused environment-wall']],
  ['a grant for a service that may come', grant('shop', 'a', 'billing', 'not-yet'), ['told dangling-reference']],
  ['a grant to a tenant that may come', grant('shop', 'a', 'nobody', 'api'), ['told dangling-reference']],
  [
    'a condition that nobody understands',
    policy('shop', 'a', 'allow: [{when: "request.path"}]'),
    ['refused bad-value'],
  ],
  ['a misspelt field', policy('shop', 'a', 'alow: [{}]'), ['refused unknown-field']],
])('%s', (_, text, wanted) => {
  expect([...new Set(codes(judge(text)))]).toEqual(wanted);
});

test('the words are those of a folder', () => {
  const text = grant('shop', 'a', 'far', 'api');
  const [inFolder] = buildSnapshot([...objects, ...parseDocument(text, 'x.yaml').objects], nowMs).problems.filter(
    ({ code }) => code === 'environment-wall',
  );
  const verdict = judge(text);
  expect(verdict).toMatchObject({
    problems: [{ code: inFolder?.code, path: inFolder?.path, message: inFolder?.message, advice: inFolder?.advice }],
  });
});

describe('an update answers for what it adds', () => {
  const broken = grant('shop', 'a', 'far', 'api');

  test('what was wrong before is let through with what is mended beside it', () => {
    const mended = grant('shop', 'a', 'far', 'api', 'methods: [GET]');
    expect(codes(judge(mended, broken))).toEqual([]);
  });

  test('a second mistake beside the first is refused, alone', () => {
    expect(codes(judge(grant('shop', 'a', 'shop', 'api'), broken))).toEqual(['refused self-grant']);
  });

  test('others’ problems are theirs: a tenant may leave an environment that a grant needs it in', () => {
    const granted = [...objects, ...parseDocument(grant('shop', 'a', 'billing', 'api'), 'x.yaml').objects];
    const moved = parse(tenant('billing', 'staging'));
    const request = { kind: { kind: 'Tenant' }, name: 'billing', userInfo: { username: 'ana' } };
    const verdict = new ObjectJudge().judge(
      { ...request, operation: 'UPDATE', object: moved, oldObject: parse(tenant('billing')) },
      granted,
      nowMs,
    );
    expect(codes(verdict)).toEqual([]);
  });
});

test('what is deleted is not judged', () => {
  const request = { kind: { kind: 'Tenant' }, name: 'shop', userInfo: { username: 'ana' } };
  expect(new ObjectJudge().judge({ ...request, operation: 'DELETE' }, objects, nowMs)).toEqual({
    kind: 'allowed',
    patch: [],
  });
});
