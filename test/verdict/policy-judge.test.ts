/** One check, judged: what is not known is not judged, and only who may know is told why. */
import { expect, test } from 'vitest';
import type { AccessRequest, Principal } from '../../src/authz/access-request.ts';
import { accessRequest } from '../../src/authz/access-request.ts';
import { readCheckRequest } from '../../src/authz/check-request.ts';
import type { Decision } from '../../src/authz/judge.ts';
import { defaultCheckLimits } from '../../src/authz/limits.ts';
import { checkContext } from '../../src/policy/program.ts';
import type { TokenVerifier } from '../../src/verdict/bearer-token.ts';
import { policyJudge } from '../../src/verdict/policy-judge.ts';
import { clockStepMaxMs, type ProgramBook, programAgeMaxMs } from '../../src/verdict/program-book.ts';
import { checkRequest } from '../authz/support/check-request.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { atelier, notaire, twoTenants } from '../fixtures/two-tenants.ts';
import { programsOf } from './programs-of.ts';

const endMs = Date.UTC(2027, 0, 31, 18);
const nowMs = endMs - 3_600_000;

const rules = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: reads, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api, methods: [GET] }, notAfter: "2027-01-31T18:00:00Z", reason: reads }
---
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: no-admin, namespace: atelier }
spec: { selector: { matchLabels: { app: api } }, deny: [{ to: { paths: ["/admin/*"] } }] }
`;

const book: ProgramBook = {
  programs: new Map(programsOf(meshFrom(documents(twoTenants, rules))).map((each) => [each.workload, each])),
  revision: 'r1',
  confirmedAtMs: nowMs,
};

/** No rule of the book asks for a token. */
const noTokens: TokenVerifier = { verify: () => expect.fail('a token was verified for nothing') };

interface Check {
  readonly from?: Principal | string;
  readonly path?: string;
  readonly method?: string;
  readonly workload?: string;
  readonly port?: string;
  readonly askers?: readonly string[];
  readonly atMs?: number;
  readonly held?: ProgramBook | undefined;
}

function judge(check: Check): Decision {
  const { workload = 'atelier/api-1', port = '8080', askers = [atelier.api], atMs = nowMs } = check;
  const held = 'held' in check ? check.held : book;
  const request: AccessRequest = {
    ...baseRequest(),
    principal: typeof check.from === 'object' ? check.from : { kind: 'uri-san', uri: check.from ?? atelier.web },
    method: check.method ?? 'GET',
    path: check.path ?? '/',
    contextExtensions: new Map([
      [checkContext.workload, workload],
      [checkContext.port, port],
    ]),
  };
  const judged = policyJudge({ tokens: noTokens, book: () => held, nowMs: () => atMs }).judge(request, {
    spiffeUris: askers,
  });
  return judged instanceof Promise ? expect.fail('no rule here asks for a token') : judged;
}

function baseRequest(): AccessRequest {
  const read = readCheckRequest(checkRequest(), defaultCheckLimits);
  const access = read.kind === 'read' ? accessRequest(read.fields) : expect.fail(read.why);
  return access.kind === 'readable' ? access.request : expect.fail(access.why);
}

test('an allow names its rule and the revision it was made by', () => {
  expect(judge({})).toEqual({ kind: 'allow', rule: 'tenant/atelier/default', revision: 'r1' });
  expect(judge({ from: notaire.web })).toEqual({ kind: 'allow', rule: 'grant/atelier/reads', revision: 'r1' });
});

test.for<[string, Check]>([
  ['no policy at all', { held: undefined }],
  ['policies too old', { atMs: nowMs + programAgeMaxMs + 1 }],
  ['policies from a future that no clock step explains', { atMs: nowMs - clockStepMaxMs - 1 }],
  ['a workload that is not known', { workload: 'atelier/api-2' }],
  ['no workload said', { workload: '' }],
  ['a port that no service declares', { port: '9090' }],
  ['no port said', { port: '' }],
  ['a port that is no number', { port: '8080 or so' }],
  ['the sidecar of another workload of the tenant', { askers: [atelier.web] }],
  ['the sidecar of another tenant', { askers: [notaire.api] }],
  ['the same name in another trust domain', { askers: [atelier.api.replace('mesh.test', 'other.test')] }],
  ['a peer without a SPIFFE ID', { askers: [] }],
  ['a certificate of two names, one of them right', { askers: [atelier.api, atelier.web] }],
])('with %s there is no verdict', ([, check]) => {
  expect(judge(check).kind).toBe('unavailable');
});

test('policies are believed to the last millisecond of their age, and a clock may step back a little', () => {
  expect(judge({ atMs: nowMs + programAgeMaxMs }).kind).toBe('allow');
  expect(judge({ atMs: nowMs - clockStepMaxMs }).kind).toBe('allow');
});

test('who asked about a workload that is not his is in the record', () => {
  expect(judge({ askers: [notaire.api] })).toMatchObject({ why: expect.stringContaining(notaire.api) });
});

test('a grant ends at its own millisecond by the worker’s clock, with no word from anybody', () => {
  expect(judge({ from: notaire.web, atMs: endMs - 1 }).kind).toBe('allow');
  expect(judge({ from: notaire.web, atMs: endMs })).toMatchObject({ kind: 'deny', reason: 'grant-expired' });
});

test.for<[string, Check, string]>([
  ['nobody', { from: { kind: 'none' } }, 'no-identity'],
  ['a caller of another trust domain', { from: atelier.web.replace('mesh.test', 'other.test') }, 'no-identity'],
  ['a tenant without a grant', { from: notaire.web, workload: 'atelier/web-1', askers: [atelier.web] }, 'tenant-wall'],
  ['a tenant beside its grant', { from: notaire.web, method: 'POST' }, 'outside-grant'],
  ['a tenant at a denied path', { from: notaire.web, path: '/admin' }, 'deny-rule'],
])('%s is denied, and is told no reason', ([, check, reason]) => {
  const denied = judge(check);
  expect(denied).toMatchObject({ kind: 'deny', reason, revision: 'r1' });
  expect(denied).not.toHaveProperty('publicText');
});

test('the record names the rule that denies, where one does', () => {
  expect(judge({ path: '/admin' })).toMatchObject({ rule: 'access-policy/atelier/no-admin/deny/0' });
  expect(judge({ from: notaire.web, method: 'POST' })).not.toHaveProperty('rule');
});

test('the own tenant is told which rule, and where it stands', () => {
  expect(judge({ path: '/admin' })).toMatchObject({
    kind: 'deny',
    reason: 'deny-rule',
    publicText: expect.stringMatching(/^`access-policy\/atelier\/no-admin\/deny\/0` \(mesh\.yaml:\d+\) denies it$/),
  });
});
