/** Groups that a provider held back: neither "none" nor "any", for those rules alone that ask for them. */
import { expect, test } from 'vitest';
import { decide } from '../../src/policy/decide.ts';
import { tellReason } from '../../src/policy/tell-reason.ts';
import type { TokenFacts } from '../../src/policy/token.ts';
import { viewOf } from '../../src/policy/view.ts';
import { documents, meshFrom, trustDomain } from '../fixtures/mesh-from.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';

const overage = 'the groups were not in the token: overage';
const told: TokenFacts = {
  kind: 'valid',
  provider: 'staff',
  issuer: 'https://idp.example',
  subject: 'ada',
  claims: { department: 'law', _claim_names: { groups: 'src1' } },
  groups: [],
  expiresAtMs: 1e15,
  untold: { groups: true, claims: ['groups'], why: overage },
};

/** @param spec of a policy on `shop/api`. @returns the code of the refusal, or `allow`, and its sentence. */
function judged(spec: string) {
  const snapshot = meshFrom(
    documents(
      tenant(
        'shop',
        'environment: prod, identityProviders: [{ name: staff, preset: oidc, issuer: "https://idp.example", audiences: [a] }, { name: guests, preset: oidc, issuer: "https://guests.example", audiences: [a] }]',
      ),
      `apiVersion: coffre.dev/v1alpha1\nkind: AccessPolicy\nmetadata: { name: people, namespace: shop }\nspec: ${spec}`,
      pod('shop', 'api', '10.1.0.1'),
      service('shop', 'api', '10.96.1.1', 'name: http, port: 80, targetPort: 8080'),
    ),
  );
  const [workload = expect.fail('no workload')] = snapshot.workloads.values();
  const [port = expect.fail('no port')] = viewOf(snapshot, workload, 0).inbound;
  const principal = `spiffe://${trustDomain}/ns/shop/sa/web`;
  const request = { kind: 'http', principal, method: 'GET', path: '/', host: 'api', token: () => told } as const;
  const decision = decide(port.policy, request, 0);
  if (decision.kind === 'allow') return { verdict: 'allow', sentence: '' };
  const { code, sentence } = tellReason(decision.reason);
  return { verdict: code, sentence };
}

test.each([
  ['a provider', '{ provider: staff }'],
  ['a claim', '{ claims: [{ path: [department], values: [law] }] }'],
])('an allow that asks for %s lets the bearer in', (_, token) => {
  expect(judged(`{ allow: [{ token: ${token} }] }`).verdict).toBe('allow');
});

test.each([
  ['groups', '{ groups: [clerks] }'],
  [
    'groups beside what it says',
    '{ provider: staff, groups: [clerks], claims: [{ path: [department], values: [law] }] }',
  ],
  ['groups by the name of their claim', '{ claims: [{ path: [groups], values: [clerks] }] }'],
])('an allow that asks for %s refuses with a reason of its own and the cure', (_, token) => {
  const { verdict, sentence } = judged(`{ allow: [{ token: ${token} }] }`);
  expect({ verdict, sentence }).toEqual({ verdict: 'token-untold', sentence: expect.stringContaining(overage) });
});

test.each([
  ['another provider', '{ provider: guests, groups: [clerks] }'],
  ['another claim', '{ groups: [clerks], claims: [{ path: [department], values: [sales] }] }'],
])('a rule that asks for groups and for %s is of somebody else', (_, token) => {
  expect(judged(`{ allow: [{ token: ${token} }] }`).verdict).toBe('no-allow-rule');
  expect(judged(`{ allow: [{ to: { paths: [/*] } }], deny: [{ token: ${token} }] }`).verdict).toBe('allow');
});

test.each([
  ['of groups', 'token: { groups: [banned] }'],
  ['of the claim that holds them', 'token: { claims: [{ path: [groups], values: [banned] }] }'],
  ['with a condition on groups', `when: '"banned" in token.groups'`],
  [
    'with a condition that a missing claim would fail',
    `when: 'has(token.claims.groups) && "banned" in token.claims.groups'`,
  ],
])('a deny %s does not miss its members', (_, rule) => {
  expect(judged(`{ allow: [{ to: { paths: [/*] } }], deny: [{ ${rule} }] }`).verdict).toBe('deny-rule');
});

test('a condition that asks for neither groups nor claims is judged as ever', () => {
  expect(judged(`{ allow: [{ when: 'token.valid && token.subject == "ada"' }] }`).verdict).toBe('allow');
});
