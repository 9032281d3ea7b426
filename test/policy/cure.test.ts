/**
 * What a cure says in YAML, read and compiled as every source is, lets in the request that it was asked for and nothing
 * else that was refused before.
 *
 *   random policies + a refused request ──explain──▶ YAML ──parse, build, compile──▶ the same 1,000 requests near it, twice
 *
 * Near means that between one and all six of caller, method, path, host, headers and token come from another request. Two
 * requests are one to a port if they differ only in a header or in who bears a token, and no rule there asks about either.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { parseDocument } from '../../src/model/parse-document.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { HttpAccess } from '../../src/policy/access-request.ts';
import type { Cure } from '../../src/policy/cure.ts';
import { decide } from '../../src/policy/decide.ts';
import { explain } from '../../src/policy/explain.ts';
import type { PortPolicy } from '../../src/policy/port-policy.ts';
import { viewOf } from '../../src/policy/view.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { type MeshObject, randomTestMs, yamlOf } from '../fixtures/random-mesh.ts';
import { atelier, atelierPolicy, notaire, twoTenants } from '../fixtures/two-tenants.ts';
import { requestOf } from './language/asked-request.ts';
import {
  type Asked,
  objectsOf,
  policyIn,
  randomPolicies,
  randomRequest,
  spiffeId,
  viewDrawn,
} from './language/drawn.ts';

const nowMs = Date.UTC(2026, 10, 22);

/** Another port of the workload, and another workload, so that a rule may be wrong about where as well. */
const elsewhere: readonly MeshObject[] = [service('agate', 'front', 9_090), service('azure', 'back', 8_080)];

function service(name: string, app: string, targetPort: number): MeshObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'aurore' },
    spec: {
      clusterIP: `10.96.1.${targetPort % 90}`,
      selector: { app },
      ports: [{ name: 'http', port: 80, targetPort }],
    },
  };
}

test(
  'it lets in what was asked for, and of a thousand requests near it none that was refused before',
  () => {
    const tally = { denied: 0, cured: 0, wider: 0, refused: 0, withCondition: 0, near: 0 };
    const kinds = new Set<string>();
    fc.assert(
      fc.property(
        randomPolicies,
        fc.array(randomRequest, { minLength: 24, maxLength: 24 }),
        fc.array(randomRequest, { minLength: 16, maxLength: 16 }),
        (drawn, requests, others) => {
          const yaml = yamlOf([...objectsOf(drawn), ...elsewhere]);
          const mesh = built(yaml);
          const before = judgesOf(mesh);
          const policy = policyIn(viewDrawn(drawn));
          for (const asked of requests) {
            const cure = cureOf(mesh, asked);
            if (cure === undefined) continue;
            tally.denied += 1;
            // Each cure is tried; what lies near, of a fair share of them.
            const isWatched = tally.cured % 4 === 0;
            kinds.add(cure.kind);
            if (cure.kind !== 'write') continue;
            const after = judgesOf(built(documents(yaml, cure.yaml)));
            if (cure.refusedBy !== undefined) {
              tally.refused += 1;
              expect(passes(after, asked)).toBe(false);
              continue;
            }
            expect(passes(after, asked), cure.yaml).toBe(true);
            tally.cured += 1;
            if (cure.yaml.includes('when:')) tally.withCondition += 1;
            if (cure.wider !== undefined) {
              tally.wider += 1;
              continue;
            }
            for (const near of isWatched ? nearTo(asked, others) : []) {
              tally.near += 1;
              for (const [place, judge] of before) {
                const [was, is] = [judge(near), after.get(place)?.(near)];
                // Nothing is taken away either.
                if (was) expect(is, `${place} ${JSON.stringify(near)}\n${cure.yaml}`).toBe(true);
                if (was || (place === called && isSameTo(policy, near, asked))) continue;
                expect(is, `${place} ${JSON.stringify(near)}\n${cure.yaml}`).toBe(false);
              }
            }
          }
        },
      ),
      // A refused request with its cure says enough: shrinking it would outlast the test.
      { numRuns: 60, endOnFailure: true },
    );
    console.log(JSON.stringify(tally));
    expect(kinds).toEqual(new Set(['write', 'change', 'none']));
    expect(tally.cured - tally.wider).toBeGreaterThan(50);
    expect(tally.near).toBeGreaterThan(50_000);
    expect(Math.min(tally.wider, tally.refused, tally.withCondition)).toBeGreaterThan(0);
  },
  randomTestMs,
);

type Judge = (asked: Asked) => boolean;

const called = 'aurore/front:8080';

function built(yaml: string): Snapshot {
  const { objects } = parseDocument(yaml, 'mesh.yaml');
  return buildSnapshot(objects);
}

/** By workload and port. */
function judgesOf(snapshot: Snapshot): ReadonlyMap<string, Judge> {
  const judges = [...snapshot.workloads.values()].flatMap((workload) =>
    viewOf(snapshot, workload, 0).inbound.map(({ port, policy }): [string, Judge] => [
      `${workload.key}:${port}`,
      (asked) => decide(policy, requestOf(asked), nowMs).kind === 'allow',
    ]),
  );
  return new Map(judges);
}

function passes(judges: ReadonlyMap<string, Judge>, asked: Asked): boolean {
  return judges.get(called)?.(asked) === true;
}

/** @returns undefined where the request is allowed. */
function cureOf(snapshot: Snapshot, asked: Asked): Cure | undefined {
  const { kind: _, principal: from, ...request } = requestOf(asked);
  const to = { kind: 'service', service: 'aurore/amber', port: 80 } as const;
  const explanation = explain(snapshot, { from, to, request: { host: undefined, ...request } as HttpAccess }, nowMs);
  if (explanation.kind !== 'judged') throw new Error(explanation.message);
  const [judgement] = explanation.judgements;
  expect(judgement?.verdict === 'allow').toBe(judgement?.cure === undefined);
  return judgement?.cure;
}

const dimensions: readonly (readonly (keyof Asked)[])[] = [
  ['tenant', 'account'],
  ['method'],
  ['sent', 'path'],
  ['authority', 'host'],
  ['headers'],
  ['token'],
];

function nearTo(asked: Asked, others: readonly Asked[]): readonly Asked[] {
  const masks = Array.from({ length: 2 ** dimensions.length - 1 }, (_, index) => index + 1);
  return masks.flatMap((mask) =>
    others.map((other) => {
      const taken = dimensions.flatMap((fields, index) => ((mask >> index) % 2 === 1 ? fields : []));
      return { ...asked, ...Object.fromEntries(taken.map((field) => [field, other[field]])) };
    }),
  );
}

/** @param policy what rules of the port ask about, as it is compiled. */
function isSameTo(policy: PortPolicy, left: Asked, right: Asked): boolean {
  const text = JSON.stringify([policy.deny, policy.allow]);
  const stated = ['x-team', 'x-debug'].filter(
    (name) => text.includes(name) || right.headers.some(([each]) => each === name),
  );
  const shown = ({ tenant, account, method, path, host, headers, token }: Asked) =>
    JSON.stringify([
      ...[tenant, account, method, path, host],
      stated.map((name) => headers.filter(([each]) => each === name).flatMap(([, line]) => line.split(/ *, */))),
      text.includes('token') || right.token.kind === 'valid'
        ? [token.kind, token.kind === 'valid' ? [token.provider, token.subject] : []]
        : [],
    ]);
  return shown(left) === shown(right);
}

describe('what a rule has no field for is said in CEL', () => {
  const closed = documents(twoTenants, atelierPolicy('{ allow: [{ to: { methods: [OPTIONS] } }] }'));
  const lines = (values: Readonly<Record<string, readonly string[]>>) => ({
    lines: (name: string) => values[name] ?? [],
    names: () => Object.keys(values),
  });
  const plain = { method: 'GET', path: '/x', host: 'api.atelier' };
  test.each([
    ['a path with an encoded blank', { ...plain, path: '/files/a%20b' }, 'request.path == "/files/a%20b"'],
    ['a path that would be a subtree', { ...plain, path: '/files/*' }, 'request.path == "/files/*"'],
    ['a path that would be a template', { ...plain, path: '/files/{id}' }, 'request.path == "/files/{id}"'],
    ['a method in small letters', { ...plain, method: 'get' }, 'request.method == "get"'],
    ['a host that is an address', { ...plain, host: '[::1]' }, 'request.host == "[::1]"'],
    [
      'a header with two values',
      { ...plain, headers: lines({ 'x-team': ['red, "blue"'] }) },
      'request.headers["x-team"] == ["red", "\\"blue\\""]',
    ],
    [
      'who bears the token',
      {
        ...plain,
        token: () => ({
          ...({ kind: 'valid', provider: 'staff', issuer: 'https://id.test', subject: 'u"1' } as const),
          ...{ claims: {}, groups: [], expiresAtMs: 1e15 },
        }),
      },
      'token.provider == "staff" && token.subject == "u\\"1"',
    ],
  ])('%s', (_, request, condition) => {
    for (const from of [atelier.web, notaire.web]) {
      const ask = (yaml: string) =>
        explain(meshFrom(yaml), { from, to: { kind: 'service', service: 'atelier/api' }, request }, 0);
      const refused = ask(closed);
      if (refused.kind !== 'judged') throw new Error(refused.message);
      const cure = refused.judgements[0]?.cure;
      if (cure?.kind !== 'write') throw new Error('there is nothing to write');
      expect(cure.yaml).toContain(`when: ${JSON.stringify(condition)}`);
      expect(ask(documents(closed, cure.yaml))).toMatchObject({ verdict: 'allow' });
    }
  });
});

test('what no rule can say is told beside it', () => {
  const bytes = { lines: (name: string) => (name === 'x-team' ? ['red\xff'] : []), names: () => ['x-team'] };
  const to = { kind: 'service', service: 'atelier/api' } as const;
  const request = { method: 'GET', path: '/x', host: 'api.atelier', headers: bytes };
  expect(explain(meshFrom(twoTenants), { from: 'notaire/web', to, request }, 0)).toMatchObject({
    judgements: [
      { cure: { kind: 'write', wider: expect.stringMatching(/^no rule can say .*`x-team`, which is no text/) } },
    ],
  });
});

test('of a question that states no host, headers or token the rule says nothing of them', () => {
  const to = { kind: 'service', service: 'atelier/api' } as const;
  const asked = { from: spiffeId('notaire', 'web'), to, request: { method: 'GET', path: '/x' } };
  const explanation = explain(meshFrom(twoTenants), asked, 0);
  expect(JSON.stringify(explanation)).toContain('kind: Grant');
  expect(JSON.stringify(explanation)).not.toMatch(/hosts:|headers:|when:/);
});
