/** Where an issuer's discovery document is; what it may say is tried in lying-jwks-host.test.ts. */
import { expect, test } from 'vitest';
import { discoveryUrl } from '../../src/oidc/discovery.ts';

test.each([
  ['https://idp.example', 'https://idp.example/.well-known/openid-configuration'],
  ['https://shop.eu.auth0.com/', 'https://shop.eu.auth0.com/.well-known/openid-configuration'],
  ['https://idp.example/realms/staff', 'https://idp.example/realms/staff/.well-known/openid-configuration'],
  ['https://sts.windows.net/directory/', 'https://sts.windows.net/directory/.well-known/openid-configuration'],
])('the document of %s is at %s: a slash at the end is not doubled', (issuer, url) => {
  expect(discoveryUrl(issuer)).toBe(url);
});
