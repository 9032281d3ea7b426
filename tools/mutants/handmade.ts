/** Checks by hand beside the random ones: reasons, opaque ports, and programs that must not be read. */
import { create } from '@bufbuild/protobuf';
import { type PolicyProgram, PolicyProgramSchema, RuleSchema } from '#gen/coffre/policy/v1/program_pb.js';
import { allowPeers, allowRules, denyRules } from '../../src/envoy/rbac.ts';
import type { ClaimMatch, HostMatch, PathMatch, RequestMatch } from '../../src/model/snapshot.ts';
import type { HttpAccess } from '../../src/policy/access-request.ts';
import { compilePort } from '../../src/policy/compile.ts';
import { type AccessRequest, decide } from '../../src/policy/decide.ts';
import type { Effect } from '../../src/policy/match-path.ts';
import type { PortPolicy, Rule } from '../../src/policy/port-policy.ts';
import { readProgram } from '../../src/policy/program.ts';
import { readRequest } from '../../src/policy/reading.ts';
import { RuleIndex } from '../../src/policy/rule-index.ts';
import { RuleJudge } from '../../src/policy/rule-judge.ts';
import { snapshotOf } from '../../test/fixtures/random-mesh.ts';
import { type Asked, type Drawn, longAgo, objectsOf, spiffeId } from '../../test/policy/language/drawn.ts';
import { passes } from '../../test/policy/language/rbac-interpreter.ts';

const where = { file: 'f', line: 1 };
const everything = { methods: [], paths: [] };
const adele = spiffeId('aurore', 'adele');
const berthe = spiffeId('bastion', 'berthe');
const endMs = 1_000;

const granted: Rule = {
  name: 'grant/g',
  callers: [{ kind: 'identity', spiffeId: berthe }],
  match: { methods: ['GET'], paths: [] },
  notAfterMs: endMs,
  where,
};
const people: Rule = {
  name: 'people',
  callers: [{ kind: 'tenant', tenant: 'aurore' }],
  match: everything,
  token: { groups: ['eng'], claims: [] },
  where,
};
const always: Rule = { name: 'always', callers: 'anyone', match: everything, where };
const ending: Rule = { ...always, name: 'ending', notAfterMs: endMs };
const policy: PortPolicy = { trustDomain: 'mesh.test', tenant: 'aurore', deny: [], allow: [granted, people] };

export function reasonFindings(): string[] {
  const reason = (principal: string, atMs: number, extra: Partial<AccessRequest> = {}, of = policy): string => {
    const asked = { kind: 'http', principal, method: 'GET', path: '/', host: 'a.test', ...extra } as AccessRequest;
    const decision = decide(of, asked, atMs);
    return decision.kind === 'allow' ? 'allow' : decision.reason.kind;
  };
  const invalid = () => ({ kind: 'invalid', why: 'late' }) as const;
  const rows: readonly [string, string, string][] = [
    ['no identity', reason('nobody', 0), 'no-identity'],
    ['another trust domain', reason('spiffe://other.test/ns/aurore/sa/adele', 0), 'no-identity'],
    ['a tenant without a grant', reason(spiffeId('cipres', 'celia'), 0), 'tenant-wall'],
    ['a grant a moment before its end', reason(berthe, endMs - 1), 'allow'],
    ['a grant at its end', reason(berthe, endMs), 'grant-expired'],
    ['beside a grant', reason(berthe, 0, { method: 'PUT' } as Partial<AccessRequest>), 'outside-grant'],
    ['another of the granted tenant', reason(spiffeId('bastion', 'boris'), 0), 'outside-grant'],
    ['no token', reason(adele, 0), 'token-missing'],
    ['a bad token', reason(adele, 0, { token: invalid } as Partial<AccessRequest>), 'token-invalid'],
    ['a rule at its end', reason(adele, endMs, {}, { ...policy, allow: [ending] }), 'rule-expired'],
    ['a rule a moment before its end', reason(adele, endMs - 1, {}, { ...policy, allow: [ending] }), 'allow'],
    ['a deny at its end', reason(adele, endMs, {}, { ...policy, deny: [ending], allow: [always] }), 'allow'],
    [
      'a deny a moment before its end',
      reason(adele, endMs - 1, {}, { ...policy, deny: [ending], allow: [always] }),
      'deny-rule',
    ],
    ['no rule at all', reason(adele, 0, {}, { ...policy, allow: [] }), 'no-allow-rule'],
    [
      'a deny for a grantee',
      reason(berthe, 0, {}, { ...policy, deny: [{ ...people, callers: 'anyone', token: { groups: [], claims: [] } }] }),
      'allow',
    ],
    ['a path with two readings', reason(adele, 0, { path: '/a/..;/b' } as Partial<AccessRequest>), 'unclean-path'],
    ['no host', reason(adele, 0, { host: undefined } as Partial<AccessRequest>), 'bad-host'],
  ];
  const first = new RuleIndex(
    [
      { ...granted, name: 'a' },
      { ...granted, name: 'b' },
    ],
    'allow',
  );
  const reading = readRequest({ kind: 'http', principal: berthe, method: 'GET', path: '/' }, 'mesh.test', 0);
  const told = reading && first.judge(reading).matches?.name;
  return [
    ...rows.flatMap(([what, found, want]) => (found === want ? [] : [`reasons: ${what} is ${found}, not ${want}`])),
    ...(told === 'a' ? [] : ['reasons: not the first of several rules is told']),
  ];
}

/** Single conditions, which random policies meet too seldom. */
export function conditionFindings(): string[] {
  const outcome = (rule: Partial<Rule>, effect: Effect, request: Partial<HttpAccess>): string => {
    const asked = { kind: 'http', principal: adele, method: 'GET', path: '/', host: 'a.test', ...request } as const;
    const [reading, judge] = [
      readRequest(asked, 'mesh.test', 0),
      new RuleJudge({ name: 'r', callers: 'anyone', match: everything, where, ...rule }, effect),
    ];
    return reading === undefined ? 'nobody' : judge.judge(reading);
  };
  const verdict = (lists: Partial<PortPolicy>, path: string): string => {
    const open: Rule = { name: 'open', callers: 'anyone', match: everything, where };
    const request = { kind: 'http', principal: adele, method: 'GET', path, host: 'a.test' } as const;
    return decide({ trustDomain: 'mesh.test', tenant: 'aurore', deny: [], allow: [open], ...lists }, request, 0).kind;
  };
  const at = (path: string): Rule => ({
    ...{ name: 'r', callers: 'anyone', where },
    match: { methods: [], paths: [{ kind: 'exact', path }] },
  });
  const on = (path: string) => ({ match: at(path).match });
  const host = (match: HostMatch) => ({ match: { ...everything, hosts: [match] } });
  const red = { match: { ...everything, headers: [{ kind: 'exact', name: 'x-a', value: 'red' }] } } as const;
  const redder = { lines: () => ['redder'], names: () => ['x-a'] };
  const suffix = host({ kind: 'suffix', suffix: '.api.test' });
  const claims = (...all: ClaimMatch[]) => ({ token: { groups: [], claims: all } });
  const said = { level: 3, roles: ['a', 'b'] };
  const valid = { kind: 'valid', provider: 'p', issuer: 'i', subject: 's', groups: [], expiresAtMs: 1e15 } as const;
  const token = () => ({ ...valid, claims: said });
  const level = (value: string): ClaimMatch => ({ path: ['level'], values: [value] });
  const connection = readRequest({ kind: 'tcp', principal: adele }, 'mesh.test', 0);
  const ofRequests = new RuleJudge({ ...at('/'), callers: 'anyone' }, 'allow');
  const rows: readonly [string, string, string][] = [
    ['another caller', outcome({ callers: [{ kind: 'tenant', tenant: 'cipres' }] }, 'deny', {}), 'other-caller'],
    ['an error in an allow', outcome({ when: 'token.claims.a == 1' }, 'allow', {}), 'condition-error'],
    ['an error in a deny', outcome({ when: 'token.claims.a == 1' }, 'deny', {}), 'matches'],
    ['a connection', connection === undefined ? 'nobody' : ofRequests.judge(connection), 'other-path'],
    ['an encoded `;` in a deny', outcome(on('/a'), 'deny', { path: '/a%3Bx' }), 'matches'],
    ['a percent sign in a deny', outcome(on('/a!'), 'deny', { path: '/a%21' }), 'matches'],
    ['a value that begins alike', outcome(red, 'deny', { headers: redder }), 'other-header'],
    ['a host that ends alike', outcome(suffix, 'deny', { host: 'notapi.test' }), 'other-host'],
    ['a host below', outcome(suffix, 'allow', { host: 'x.api.test' }), 'matches'],
    ['one claim of two', outcome(claims(level('3'), level('4')), 'allow', { token }), 'other-token'],
    ['the second of a list', outcome(claims({ path: ['roles'], values: ['b'] }), 'allow', { token }), 'matches'],
    ['a deep path', verdict({ allow: [at('/a/b/c')] }, '/a/b/c'), 'allow'],
    ['a deep path by its names', verdict({ deny: [at('/a/b/c')] }, '/a;x/b/c'), 'deny'],
  ];
  return rows.flatMap(([what, found, want]) =>
    found === want ? [] : [`conditions: ${what} is ${found}, not ${want}`],
  );
}

/** Single conditions as RBAC, put to the interpreter that the real Envoy agrees with. */
export function emissionFindings(): string[] {
  const through = (effect: Effect, match: Partial<RequestMatch>, sent: Partial<Asked>): string => {
    const rule: Rule = { name: 'r', callers: 'anyone', match: { ...everything, ...match }, where };
    const lists = { deny: [], allow: [], [effect]: [rule] };
    const of: PortPolicy = { trustDomain: 'mesh.test', tenant: 'aurore', ...lists };
    const plain = { tenant: 'aurore', account: 'adele', method: 'GET', sent: '/', path: '/', authority: 'a.test' };
    const asked: Asked = { ...plain, headers: [], token: { kind: 'none' }, ...sent };
    return passes(effect === 'deny' ? denyRules(of) : allowRules(of), asked, 0) ? 'through' : 'refused';
  };
  const path = (kind: PathMatch['kind'], written: string) => ({ paths: [{ kind, path: written }] });
  const red = { headers: [{ kind: 'prefix', name: 'x-a', prefix: 'red' }] } as const;
  const isRed = { headers: [{ kind: 'exact', name: 'x-a', value: 'red' }] } as const;
  const twice: Asked['headers'] = [
    ['x-a', 'red'],
    ['x-a', 'redder'],
  ];
  const host = { hosts: [{ kind: 'exact', host: 'a.test' }] } as const;
  const rows: readonly [string, string, string][] = [
    ['a denied host with a port', through('deny', host, { authority: 'A.test.:81' }), 'refused'],
    [
      'two hosts, whatever is denied',
      through('deny', { paths: [], methods: ['PUT'] }, { authority: 'a.test,b.test' }),
      'refused',
    ],
    ['an address for a host', through('deny', { methods: ['PUT'] }, { authority: '[::1]:80' }), 'through'],
    ['another host', through('deny', host, { authority: 'ba.test' }), 'through'],
    ['a value of a deny in the middle', through('deny', isRed, { headers: [['x-a', 'blue, red, green']] }), 'refused'],
    ['two values of an allow', through('allow', red, { headers: twice }), 'refused'],
    ['one value of an allow', through('allow', red, { headers: twice.slice(1) }), 'through'],
    ['an encoded `;`', through('deny', path('exact', '/a'), { path: '/a%3Bx' }), 'refused'],
    ['an encoded character', through('deny', path('exact', '/a!b'), { path: '/a%21b' }), 'refused'],
    ['below, with parameters', through('deny', path('subtree', '/a'), { path: '/a;x/b' }), 'refused'],
    ['beside', through('deny', path('subtree', '/a'), { path: '/ab;x' }), 'through'],
  ];
  return rows.flatMap(([what, found, want]) => (found === want ? [] : [`emission: ${what} is ${found}, not ${want}`]));
}

export function opaqueFindings(): string[] {
  const afterMs = Date.parse(longAgo);
  const verdict = (drawn: Partial<Drawn>, principal: string, atMs = 0): string => {
    const snapshot = snapshotOf(objectsOf({ defaultAccess: 'sameTenant', policies: [], grants: [], ...drawn }));
    const [workload, tenant] = [snapshot.workloads.get('aurore/front'), snapshot.tenants.get('aurore')];
    if (workload === undefined || tenant === undefined) throw new Error('the mesh has no workload');
    const grants = [...snapshot.grants.values()];
    const compiled = compilePort(snapshot, { workload, tenant, port: 8_080, opaque: true, grants });
    const decision = decide(compiled, { kind: 'tcp', principal }, atMs);
    const peers = Object.keys(allowPeers([principal], compiled, 'mesh.test').policies).length;
    return `${decision.kind} ${peers}`;
  };
  const rows: readonly [string, string, string][] = [
    ['the default', verdict({}, adele), 'allow 1'],
    ['a deny of some requests', verdict({ policies: [{ deny: [{ to: { paths: ['/x'] } }] }] }, adele), 'deny 1'],
    ['a deny that has ended', verdict({ policies: [{ deny: [{ notAfter: longAgo }] }] }, adele, afterMs), 'allow 1'],
    ['an allow that has ended', verdict({ policies: [{ allow: [{ notAfter: longAgo }] }] }, adele, afterMs), 'deny 1'],
    ['a deny by token', verdict({ policies: [{ deny: [{ token: { groups: ['a'] } }] }] }, adele), 'deny 1'],
    ['an allow of some requests', verdict({ policies: [{ allow: [{ to: { methods: ['GET'] } }] }] }, adele), 'deny 0'],
    [
      'an allow by header',
      verdict({ policies: [{ allow: [{ to: { headers: [{ name: 'x-a', present: true }] } }] }] }, adele),
      'deny 0',
    ],
    ['an allow by host', verdict({ policies: [{ allow: [{ to: { hosts: ['a.b'] } }] }] }, adele), 'deny 0'],
    ['an allow by token', verdict({ policies: [{ allow: [{ token: { groups: ['a'] } }] }] }, adele), 'deny 0'],
    [
      'an allow by condition',
      verdict({ policies: [{ allow: [{ when: 'source.tenant == "aurore"' }] }] }, adele),
      'deny 0',
    ],
    [
      'an allow of all',
      verdict({ policies: [{ allow: [{ from: { serviceAccounts: ['adele'] } }] }] }, adele),
      'allow 1',
    ],
    ['a grant of some requests', verdict({ grants: [{ to: { methods: ['GET'] }, ended: false }] }, berthe), 'deny 0'],
    ['a grant of a host', verdict({ grants: [{ to: { hosts: ['a.b'] }, ended: false }] }, berthe), 'deny 0'],
    [
      'a grant of a header',
      verdict({ grants: [{ to: { headers: [{ name: 'x-a', present: true }] }, ended: false }] }, berthe),
      'deny 0',
    ],
    [
      'a grant with a condition',
      verdict({ grants: [{ when: 'source.tenant == "bastion"', ended: false }] }, berthe),
      'deny 0',
    ],
    ['a grant of all', verdict({ grants: [{ ended: false }] }, berthe), 'allow 1'],
  ];
  return rows.flatMap(([what, found, want]) => (found === want ? [] : [`opaque: ${what} is ${found}, not ${want}`]));
}

export function programFindings(): string[] {
  const whole = { name: 'r', anyone: true } as const;
  const unknown = [{ no: 31, wireType: 2, data: new Uint8Array([0]) }];
  const bad: readonly [string, (program: PolicyProgram) => unknown][] = [
    ['an unknown field', (program) => Object.assign(program, { $unknown: unknown })],
    ['an unknown field of a port', ({ ports }) => Object.assign(ports[0] ?? {}, { $unknown: unknown })],
    ['an unknown field of a rule', ({ ports }) => Object.assign(ports[0]?.allow[0] ?? {}, { $unknown: unknown })],
    ['callers lost', ({ ports }) => Object.assign(ports[0]?.allow[0] ?? {}, { anyone: false })],
    ['a condition nobody reads', ({ ports }) => Object.assign(ports[0]?.allow[0] ?? {}, { when: 'x' })],
    ['an end before the epoch', ({ ports }) => Object.assign(ports[0]?.allow[0] ?? {}, { notAfterMs: -1n })],
    ['another tenant', (program) => Object.assign(program, { tenant: 'bastion' })],
    ['port 0', ({ ports }) => Object.assign(ports[0] ?? {}, { port: 0 })],
    [
      'a broken rule under audit',
      ({ ports }) => Object.assign(ports[0] ?? {}, { audited: { deny: [create(RuleSchema)], allow: [] } }),
    ],
    [
      'a provider without audiences',
      (program) =>
        Object.assign(program, {
          identityProviders: [{ ...program, name: 'a', preset: 'oidc', issuer: 'i', audiences: [], hostedDomains: [] }],
        }),
    ],
  ];
  const read = (edit: (program: PolicyProgram) => unknown): string => {
    const program = create(PolicyProgramSchema, {
      ...{ workload: 'aurore/front', spiffeId: adele, tenant: 'aurore', ports: [{ port: 80, allow: [whole] }] },
    });
    edit(program);
    return readProgram(program).kind;
  };
  return [
    ...(read(() => undefined) === 'ok' ? [] : ['program: a whole one is refused']),
    ...bad.flatMap(([what, edit]) => (read(edit) === 'refused' ? [] : [`program: ${what} is read`])),
  ];
}
