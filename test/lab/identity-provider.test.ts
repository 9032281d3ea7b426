/** The lab's own identity provider, as the verifier of tokens meets it: over TLS, by discovery, two issuers in one process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, type buildConnector, request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { httpsKeyFetcher } from '../../src/oidc/https-key-fetcher.io.ts';
import type { IdentityProvider } from '../../src/oidc/identity-provider.ts';
import { TokenVerifier } from '../../src/oidc/token-verifier.ts';
import { createTestAuthority } from '../authz/support/pki.ts';
import { freePort } from '../fixtures/free-port.ts';
import { loopbackConnector } from '../oidc/support/lying-host.ts';

const hosts = ['login.shop.test', 'login.bank.test'] as const;
/** In the certificate, and no issuer. */
const stranger = 'login.else.test';
const dir = mkdtempSync(join(tmpdir(), 'coffre-provider-'));
let provider: ChildProcess;
let connector: buildConnector.connector;
let dispatcher: Agent;
let port: number;

beforeAll(async () => {
  const authority = await createTestAuthority();
  const leaf = await authority.issue(...[...hosts, stranger].map((value) => ({ type: 'dns', value }) as const));
  writeFileSync(join(dir, 'cert'), leaf.certificatePem);
  writeFileSync(join(dir, 'key'), leaf.keyPem);
  connector = loopbackConnector(authority.caPem);
  dispatcher = new Agent({ connect: connector });
  port = await freePort();
  const script = fileURLToPath(new URL('../../src/lab/identity-provider.ts', import.meta.url));
  const flags = ['--port', String(port), '--cert', join(dir, 'cert'), '--key', join(dir, 'key')];
  const issuers = hosts.flatMap((host) => ['--issuer', issuerOf(host)]);
  provider = spawn(process.execPath, [script, ...flags, ...issuers], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (provider.stdout !== null) await once(provider.stdout, 'data');
});

afterAll(async () => {
  provider.kill();
  await dispatcher.destroy();
  rmSync(dir, { recursive: true });
});

function issuerOf(host: (typeof hosts)[number]): string {
  return `https://${host}:${port}`;
}

function believing(host: (typeof hosts)[number]): readonly IdentityProvider[] {
  return [{ name: 'staff', preset: 'oidc', issuer: issuerOf(host), audiences: ['orders'], hostedDomains: [] }];
}

async function tokenOf(host: (typeof hosts)[number], audience = 'orders'): Promise<string> {
  const body = new URLSearchParams({ username: 'ada', audience }).toString();
  const answer = await request(`${issuerOf(host)}/token`, { dispatcher, method: 'POST', body });
  return ((await answer.body.json()) as { access_token: string }).access_token;
}

async function verify(providers: readonly IdentityProvider[], token: string) {
  const verifier = new TokenVerifier({ fetchKeys: httpsKeyFetcher({ connector }), report: () => undefined });
  return verifier.verify(providers, token, Date.now());
}

test('its tokens are valid where its issuer is believed, and say who bears them', async () => {
  for (const host of hosts) {
    expect(await verify(believing(host), await tokenOf(host))).toMatchObject({
      kind: 'valid',
      issuer: issuerOf(host),
      subject: 'ada',
    });
  }
});

test('a token of one issuer is nothing to who believes the other', async () => {
  const [shop, bank] = hosts;
  expect(await verify(believing(shop), await tokenOf(bank))).toMatchObject({
    kind: 'invalid',
    why: expect.stringMatching(/no identity provider/),
  });
});

test('the issuers sign with keys of their own: a token that only names the other is not its', async () => {
  const [shop, bank] = hosts;
  const [, claims] = (await tokenOf(shop)).split('.');
  const [header, , signature] = (await tokenOf(bank)).split('.');
  expect(await verify(believing(shop), [header, claims, signature].join('.'))).toMatchObject({
    kind: 'invalid',
    why: expect.stringMatching(/signature/),
  });
  const keys = await Promise.all(
    hosts.map(async (host) => (await request(`${issuerOf(host)}/keys`, { dispatcher })).body.text()),
  );
  expect(new Set(keys).size).toBe(hosts.length);
});

test('a token is for the audience that was asked for', async () => {
  const [shop] = hosts;
  expect(await verify(believing(shop), await tokenOf(shop, 'invoices'))).toMatchObject({
    why: 'the token is for another audience',
  });
});

test('a host that it does not play, and a path that it has not, are not found', async () => {
  const [shop] = hosts;
  expect((await request(`https://${stranger}:${port}/keys`, { dispatcher })).statusCode).toBe(404);
  expect((await request(`${issuerOf(shop)}/admin`, { dispatcher })).statusCode).toBe(404);
});

test('a form without end is refused', async () => {
  const [shop] = hosts;
  const body = `username=${'a'.repeat(5_000)}`;
  const answer = await request(`${issuerOf(shop)}/token`, { dispatcher, method: 'POST', body });
  expect(answer.statusCode).toBe(400);
});
