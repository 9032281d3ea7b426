/** A token is one line of one scheme, or it is none, or it is not valid; and a verdict that waits for keys is whole. */
import { expect, test } from 'vitest';
import { accessRequest } from '../../src/authz/access-request.ts';
import { readCheckRequest } from '../../src/authz/check-request.ts';
import { defaultCheckLimits } from '../../src/authz/limits.ts';
import { checkContext } from '../../src/policy/program.ts';
import { readBearerToken, type VerifiedToken } from '../../src/verdict/bearer-token.ts';
import { policyJudge } from '../../src/verdict/policy-judge.ts';
import { checkRequest } from '../authz/support/check-request.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { atelier, twoTenants } from '../fixtures/two-tenants.ts';
import { programsOf } from './programs-of.ts';

function requestWith(...lines: readonly string[]) {
  const sketch = { headers: lines.map((line) => ['authorization', line] as const) };
  const read = readCheckRequest(checkRequest(sketch), defaultCheckLimits);
  const access = read.kind === 'read' ? accessRequest(read.fields) : expect.fail(read.why);
  return access.kind === 'readable' ? access.request : expect.fail(access.why);
}

test.each<[string, readonly string[], string]>([
  ['no header', [], 'none'],
  ['another scheme', ['Basic YTpi'], 'none'],
  ['a scheme that only begins so', ['Bearerx y'], 'invalid'],
  ['a token', ['Bearer a.b-c_d~e+f/g=='], 'a.b-c_d~e+f/g=='],
  ['a scheme in other letters', ['bEaReR abc'], 'abc'],
  ['nothing behind the scheme', ['Bearer '], 'invalid'],
  ['two words', ['Bearer a b'], 'invalid'],
  ['two tokens by a comma', ['Bearer a, Bearer b'], 'invalid'],
  ['two lines', ['Bearer a', 'Bearer b'], 'invalid'],
])('%s', (_, lines, want) => {
  const read = readBearerToken(requestWith(...lines).headers);
  expect(read.kind === 'bearer' ? read.token : read.facts.kind).toBe(want);
});

const policy = `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: people, namespace: atelier }
spec: { selector: { matchLabels: { app: api } }, allow: [{ token: { groups: [eng] } }] }
`;
const provider = '{ name: staff, preset: oidc, issuer: "https://id.test", audiences: [mesh] }';
const mesh = documents(twoTenants, policy).replace(
  /(name: atelier \}\nspec: \{ environment: prod)/,
  `$1, identityProviders: [${provider}]`,
);
const programs = new Map(programsOf(meshFrom(mesh)).map((each) => [each.workload, each]));
const engineer: VerifiedToken = {
  ...{ kind: 'valid', provider: 'staff', issuer: 'https://id.test', subject: 'u', claims: {}, groups: ['eng'] },
  expiresAtMs: 1e15,
};

test.each<[string, VerifiedToken | Promise<VerifiedToken>, string]>([
  ['known at once', engineer, 'allow'],
  ['known later', Promise.resolve(engineer), 'allow'],
  ['refused later', Promise.resolve({ kind: 'invalid', why: 'it has ended' }), 'token-invalid'],
  ['of somebody else', { ...engineer, groups: [] }, 'no-allow-rule'],
])('a token %s', async (_, verified, want) => {
  const asked: unknown[] = [];
  const judge = policyJudge({
    tokens: {
      verify(providers, token) {
        asked.push([providers.map(({ name }) => name), token]);
        return verified;
      },
    },
    book: () => ({ programs, revision: 'r1', confirmedAtMs: 0 }),
    nowMs: () => 1,
  });
  const request = {
    ...requestWith('Bearer abc'),
    principal: { kind: 'uri-san', uri: atelier.web } as const,
    contextExtensions: new Map([
      [checkContext.workload, 'atelier/api-1'],
      [checkContext.port, '8080'],
    ]),
  };
  const decision = await judge.judge(request, { spiffeUris: [atelier.api] });
  expect(decision.kind === 'deny' ? decision.reason : decision.kind).toBe(want);
  expect(asked).toEqual([[['staff'], 'abc']]);
});
