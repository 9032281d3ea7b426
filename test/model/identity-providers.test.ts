/** What each preset demands of a tenant's identity provider, and what is let through. */
import { describe, expect, test } from 'vitest';
import { parseDocument } from '../../src/model/parse-document.ts';

const directory = '11111111-2222-3333-4444-555555555555';

function tenantOf(...providers: readonly object[]): string {
  return JSON.stringify({
    apiVersion: 'coffre.dev/v1alpha1',
    kind: 'Tenant',
    metadata: { name: 'shop' },
    spec: { environment: 'prod', identityProviders: providers },
  });
}

function problemsOf(...providers: readonly object[]): readonly { readonly path: string; readonly message: string }[] {
  return parseDocument(tenantOf(...providers), 'tenant.yaml').problems;
}

const audiences = ['orders'];
const google = {
  name: 'staff',
  preset: 'google',
  issuer: 'https://accounts.google.com',
  audiences,
  hostedDomains: ['example.com'],
};

describe('an issuer as its vendor writes it is accepted', () => {
  test.each([
    ['google', google],
    ['entra v2', { preset: 'entra', issuer: `https://login.microsoftonline.com/${directory}/v2.0` }],
    ['entra v1', { preset: 'entra', issuer: `https://sts.windows.net/${directory}/` }],
    ['entra in a national cloud', { preset: 'entra', issuer: `https://login.microsoftonline.us/${directory}/v2.0` }],
    ['okta, organisation', { preset: 'okta', issuer: 'https://shop.okta.com' }],
    ['okta, custom authorization server', { preset: 'okta', issuer: 'https://shop.okta.com/oauth2/aus1a2b3' }],
    ['okta, domain of one’s own', { preset: 'okta', issuer: 'https://login.shop.example/oauth2/default' }],
    ['jumpcloud', { preset: 'jumpcloud', issuer: 'https://oauth.id.jumpcloud.com/' }],
    ['auth0', { preset: 'auth0', issuer: 'https://shop.eu.auth0.com/' }],
    ['auth0, domain of one’s own', { preset: 'auth0', issuer: 'https://login.shop.example/' }],
    ['any issuer', { preset: 'oidc', issuer: 'https://idp.shop.example:8443/realms/staff' }],
  ])('%s', (_, provider) => {
    expect(problemsOf({ name: 'staff', audiences, ...provider })).toEqual([]);
  });
});

describe('an issuer that vouches for strangers, or that no token bears, is refused', () => {
  test.each([
    ['entra for every directory', 'entra', 'https://login.microsoftonline.com/common/v2.0'],
    ['entra for every organisation', 'entra', 'https://login.microsoftonline.com/organizations/v2.0'],
    ['entra for personal accounts', 'entra', 'https://login.microsoftonline.com/consumers/v2.0'],
    [
      'entra’s directory of personal accounts',
      'entra',
      'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0',
    ],
    ['entra with a slash too many', 'entra', `https://login.microsoftonline.com/${directory}/v2.0/`],
    ['entra v1 without its slash', 'entra', `https://sts.windows.net/${directory}`],
    ['google with a slash too many', 'google', 'https://accounts.google.com/'],
    ['okta with a slash too many', 'okta', 'https://shop.okta.com/'],
    ['auth0 without its slash', 'auth0', 'https://shop.eu.auth0.com'],
    ['jumpcloud without its slash', 'jumpcloud', 'https://oauth.id.jumpcloud.com'],
    ['somebody else as jumpcloud', 'jumpcloud', 'https://idp.example/'],
  ])('%s', (_, preset, issuer) => {
    const hosted = preset === 'google' ? { hostedDomains: ['example.com'] } : {};
    const problems = problemsOf({ name: 'staff', preset, issuer, audiences, ...hosted });
    expect(problems).toMatchObject([{ path: 'spec.identityProviders[0].issuer', severity: 'error' }]);
  });

  test.each([
    'http://idp.example',
    'https://user@idp.example',
    'https://idp.example?x=1',
    'https://idp.example#x',
    'https://IDP.example',
    'https://idp.example/../x y',
  ])('%s is no issuer', (issuer) => {
    expect(problemsOf({ name: 'staff', preset: 'oidc', issuer, audiences }).length).toBeGreaterThan(0);
  });
});

test.each([
  ['google', 'https://accounts.google.com'],
  ['entra', `https://sts.windows.net/${directory}/`],
  ['okta', 'https://shop.okta.com'],
  ['jumpcloud', 'https://oauth.id.jumpcloud.com/'],
  ['auth0', 'https://shop.auth0.com/'],
])('an issuer of %s cannot be written as plain `oidc`', (preset, issuer) => {
  const problems = problemsOf({ name: 'staff', preset: 'oidc', issuer, audiences });
  expect(problems).toMatchObject([{ path: 'spec.identityProviders[0].preset', advice: `write \`preset: ${preset}\`` }]);
});

test('google without hosted domains would let in every Google account, and is refused', () => {
  const { hostedDomains: _, ...open } = google;
  expect(problemsOf(open)).toMatchObject([{ path: 'spec.identityProviders[0]', code: 'missing-field' }]);
});

test('hosted domains of another preset would pin nothing, and are refused', () => {
  const okta = { ...google, preset: 'okta', issuer: 'https://shop.okta.com' };
  expect(problemsOf(okta)).toMatchObject([{ path: 'spec.identityProviders[0].hostedDomains' }]);
});

test.each(['https://graph.microsoft.com', 'https://graph.microsoft.com/', '00000003-0000-0000-c000-000000000000'])(
  'the audience %s of Microsoft Graph is refused',
  (audience) => {
    const issuer = `https://sts.windows.net/${directory}/`;
    const problems = problemsOf({ name: 'staff', preset: 'entra', issuer, audiences: ['orders', audience] });
    expect(problems).toMatchObject([{ path: 'spec.identityProviders[0].audiences[1]' }]);
  },
);

test('two providers of one name or of one issuer are told', () => {
  const oidc = { name: 'staff', preset: 'oidc', issuer: 'https://idp.example', audiences };
  expect(problemsOf(oidc, { ...oidc, issuer: 'https://other.example' })).toMatchObject([
    { path: 'spec.identityProviders[1].name' },
  ]);
  expect(problemsOf(oidc, { ...oidc, name: 'partners' })).toMatchObject([{ path: 'spec.identityProviders[1].issuer' }]);
});
