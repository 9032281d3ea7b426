/** A policy travels as bytes and judges on the other side as it did here; what is not whole does not arrive at all. */
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Caller,
  CallerSchema,
  HeaderMatchSchema,
  HostMatchSchema,
  PathMatchSchema,
  type PolicyProgram,
  PolicyProgramSchema,
  PortProgramSchema,
  type Rule,
  TokenMatchSchema,
} from '#gen/coffre/policy/v1/program_pb.js';
import { decide } from '../../src/policy/decide.ts';
import { programOf, readProgram } from '../../src/policy/program.ts';
import { viewOf } from '../../src/policy/view.ts';
import {
  momentsMs,
  principals,
  randomMesh,
  randomTestMs,
  requestMethods,
  requestPaths,
  requestShapes,
  snapshotOf,
} from '../fixtures/random-mesh.ts';

test('on random meshes what arrives is what was compiled, and decides alike', { timeout: randomTestMs }, () => {
  const requests = principals.flatMap((principal) =>
    requestMethods.flatMap((method) =>
      requestPaths.flatMap((path) =>
        requestShapes.map((shape) => ({ kind: 'http', principal, method, path, ...shape }) as const),
      ),
    ),
  );
  let ports = 0;
  fc.assert(
    fc.property(randomMesh(), fc.constantFrom(...momentsMs), (objects, nowMs) => {
      const snapshot = snapshotOf(objects);
      for (const workload of snapshot.workloads.values()) {
        const view = viewOf(snapshot, workload, nowMs);
        const { key, spiffeId, tenant } = workload;
        const read = readProgram(fromBinary(PolicyProgramSchema, toBinary(PolicyProgramSchema, programOf(view))));
        const compiled = new Map(view.inbound.map(({ port, policy }) => [port, policy]));
        expect(read).toEqual({ kind: 'ok', program: { workload: key, spiffeId, tenant, ports: compiled } });
        if (read.kind === 'refused') return;
        for (const [port, policy] of compiled) {
          const arrived = read.program.ports.get(port) ?? expect.fail(`port ${port} did not arrive`);
          for (const request of requests) {
            expect(decide(arrived, request, nowMs).kind).toBe(decide(policy, request, nowMs).kind);
          }
          ports += 1;
        }
      }
    }),
    { numRuns: 60 },
  );
  // A mesh without a port would prove nothing.
  expect(ports).toBeGreaterThan(60);
});

const web = 'spiffe://mesh.test/ns/atelier/sa/web';

function caller(init: MessageInitShape<typeof CallerSchema>): Caller {
  return create(CallerSchema, init);
}

function pathOf(kind: 'exact' | 'subtree' | 'template', value: string) {
  return create(PathMatchSchema, { match: { case: kind, value } });
}

function program(): PolicyProgram {
  const rule = {
    name: 'r',
    callers: [caller({ caller: { case: 'spiffeId', value: web } })],
    paths: [pathOf('exact', '/')],
  };
  return create(PolicyProgramSchema, {
    workload: 'atelier/api-1',
    spiffeId: 'spiffe://mesh.test/ns/atelier/sa/api',
    tenant: 'atelier',
    ports: [{ port: 8080, allow: [rule] }],
  });
}

function ruleOf({ ports: [port] }: PolicyProgram): Rule {
  return port?.allow[0] ?? expect.fail('the program has lost its rule');
}

test('a whole program is read', () => {
  expect(readProgram(program()).kind).toBe('ok');
});

const programs: readonly (readonly [string, Partial<PolicyProgram>])[] = [
  ['no workload', { workload: '' }],
  ['no tenant', { tenant: '' }],
  ['no identity', { spiffeId: '' }],
  ['an identity that is none', { spiffeId: 'spiffe://mesh.test/api' }],
  ['an identity of another tenant', { spiffeId: 'spiffe://mesh.test/ns/notaire/sa/api' }],
  ['port 0', { ports: [create(PortProgramSchema)] }],
  ['a port that TCP does not have', { ports: [create(PortProgramSchema, { port: 65_536 })] }],
  ['one port twice', { ports: [80, 80].map((port) => create(PortProgramSchema, { port })) }],
];
const rules: readonly (readonly [string, Partial<Rule>])[] = [
  ['no name', { name: '' }],
  ['callers lost on the way', { callers: [] }],
  ['anyone and somebody as its callers', { anyone: true }],
  ['a caller that is nobody', { callers: [caller({})] }],
  ['a caller without a tenant', { callers: [caller({ caller: { case: 'tenant', value: '' } })] }],
  ['a caller whose identity cannot be compared', { callers: [caller({ caller: { case: 'spiffeId', value: 'web' } })] }],
  ['an empty method', { methods: [''] }],
  ['a path that no request has', { paths: [pathOf('exact', 'admin')] }],
  ['a subtree of nothing', { paths: [pathOf('subtree', '')] }],
  ['a path of a kind that was lost', { paths: [create(PathMatchSchema)] }],
  ['a template that is taken for a path', { paths: [pathOf('exact', '/{id}')] }],
  ['a template without a hole', { paths: [pathOf('template', '/id')] }],
  ['a host that was lost', { hosts: [create(HostMatchSchema)] }],
  ['a suffix that is a host', { hosts: [create(HostMatchSchema, { match: { case: 'suffix', value: 'a.b' } })] }],
  ['a header without a name', { headers: [create(HeaderMatchSchema, { match: { case: 'present', value: true } })] }],
  ['a header of which nothing is asked', { headers: [create(HeaderMatchSchema, { name: 'x-a' })] }],
  [
    'a header with an empty value',
    { headers: [create(HeaderMatchSchema, { name: 'x-a', match: { case: 'prefix', value: '' } })] },
  ],
  ['a provider without a name', { token: create(TokenMatchSchema, { provider: '' }) }],
  ['a claim without a value', { token: create(TokenMatchSchema, { claims: [{ path: ['a'] }] }) }],
  ['a claim of nowhere', { token: create(TokenMatchSchema, { claims: [{ values: ['a'] }] }) }],
  ['a condition that is no CEL', { when: 'request.method ==' }],
  ['a condition over a variable of another day', { when: 'session.age > 1' }],
  ['a condition that is empty', { when: '' }],
  ['an end before the epoch', { notAfterMs: -1n }],
  ['an end that no clock reaches', { notAfterMs: 2n ** 62n }],
];

test.for(programs)('a program with %s is refused', ([, changes]) => {
  expect(readProgram(Object.assign(program(), changes)).kind).toBe('refused');
});

test.for(rules)('a program is refused whole for one rule with %s', ([, changes]) => {
  const broken = program();
  Object.assign(ruleOf(broken), changes);
  expect(readProgram(broken).kind).toBe('refused');
});

/** Field 15 of length 0: in no message of ours. */
const unknownField = [{ no: 15, wireType: 2, data: new Uint8Array([0]) }];

test.for<[string, (program: PolicyProgram) => object | undefined]>([
  ['the program', (whole) => whole],
  ['a port', ({ ports: [port] }) => port],
  ['a rule', ruleOf],
  ['a caller', (whole) => ruleOf(whole).callers[0]],
  ['a path', (whole) => ruleOf(whole).paths[0]],
])(
  'a field that is not known, in %s, may be a condition: the program is refused, and not read without it',
  ([, at]) => {
    const newer = program();
    Object.assign(at(newer) ?? expect.fail('there is no such part'), { $unknown: unknownField });
    const arrived = fromBinary(PolicyProgramSchema, toBinary(PolicyProgramSchema, newer));
    expect(readProgram(arrived).kind).toBe('refused');
  },
);
