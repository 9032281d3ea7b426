/** SEC-43: a host that lies about an issuer's keys. Whatever it does, no key of its making is believed, and it costs little. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { documentBytesMax, fetchTimeoutMs, httpsKeyFetcher } from '../../src/oidc/https-key-fetcher.io.ts';
import { keysFreshMs, keysStaleMs } from '../../src/oidc/key-book.ts';
import { TokenVerifier } from '../../src/oidc/token-verifier.ts';
import { claims, nowMs, provider } from './support/issuer.ts';
import { brokenDocuments, hundredMebibytes, issuerKey, jsonHead, keys, refusedAnswers } from './support/key-lies.ts';
import { type Answer, json, type LyingHost, openLyingHost } from './support/lying-host.ts';
import { token } from './support/token-forge.ts';

const discovery = '/.well-known/openid-configuration';
let host: LyingHost;

beforeAll(async () => {
  host = await openLyingHost();
});

afterAll(async () => {
  await host.close();
});

beforeEach(() => {
  host.asked.length = 0;
  host.answers.clear();
  host.answers.set(discovery, json({ issuer: host.issuer, jwks_uri: `${host.issuer}/keys` }));
  host.answers.set('/keys', json(keys));
});

async function fetchKeys(signal?: AbortSignal): Promise<string> {
  const never = new AbortController().signal;
  const fetcher = httpsKeyFetcher({ connector: host.connector, timeLimit: () => signal ?? never });
  const { document } = await fetcher({ issuer: host.issuer, jwksUri: undefined });
  return Buffer.from(document).toString();
}

test('control: an honest host is believed, for two requests', async () => {
  expect(JSON.parse(await fetchKeys())).toEqual(keys);
  expect(host.asked).toEqual([discovery, '/keys']);
});

test('control: where the address of the keys is given, nothing is discovered', async () => {
  const fetcher = httpsKeyFetcher({ connector: host.connector });
  await fetcher({ issuer: 'https://elsewhere.example', jwksUri: `${host.issuer}/keys` });
  expect(host.asked).toEqual(['/keys']);
});

test.each([
  ['max-age=86400, public', 86_400_000],
  ['no-store', 0],
  ['public', undefined],
])('the age that `Cache-Control: %s` allows the keys is told with them', async (header, maxAgeMs) => {
  host.answers.set('/keys', (response) =>
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': header }).end(JSON.stringify(keys)),
  );
  const fetcher = httpsKeyFetcher({ connector: host.connector });
  expect(await fetcher({ issuer: host.issuer, jwksUri: undefined })).toMatchObject({ maxAgeMs });
});

describe.each([discovery, '/keys'])('at %s', (path) => {
  test.each(refusedAnswers)('%s is refused', async (_, answer, why) => {
    host.answers.set(path, answer);
    await expect(fetchKeys()).rejects.toThrow(why);
    expect(host.asked.at(-1)).toBe(path);
  });

  test('a hundred mebibytes are cut off after the limit', async () => {
    let written = 0;
    host.answers.set(
      path,
      hundredMebibytes((bytes) => (written += bytes)),
    );
    await expect(fetchKeys()).rejects.toThrow(`more than ${documentBytesMax} bytes`);
    expect(written).toBeLessThan(32 * 1_048_576);
  });

  test.each<[string, Answer]>([
    ['nothing', () => undefined],
    ['a head and then nothing', (response) => response.writeHead(200, jsonHead).flushHeaders()],
    ['a letter and then nothing', (response) => response.writeHead(200, jsonHead).write('{')],
  ])('%s ends with the time limit', async (_, answer) => {
    host.answers.set(path, answer);
    const limit = new AbortController();
    const fetching = fetchKeys(limit.signal);
    const refused = expect(fetching).rejects.toThrow('too slow');
    while (host.asked.at(-1) !== path) await host.nextRequest();
    limit.abort(new Error('too slow'));
    await refused;
  });
});

test('the time limit is one for discovery and keys together', async () => {
  const limits: number[] = [];
  const timeLimit = (ms: number) => {
    limits.push(ms);
    return new AbortController().signal;
  };
  await httpsKeyFetcher({ connector: host.connector, timeLimit })({ issuer: host.issuer, jwksUri: undefined });
  expect(limits).toEqual([fetchTimeoutMs]);
});

test.each<[string, unknown]>([
  ['another issuer', { issuer: 'https://thief.example', jwks_uri: 'https://thief.example/keys' }],
  ['the issuer with a slash', { issuer: 'https://idp.test/', jwks_uri: 'https://idp.test/keys' }],
  ['no issuer', { jwks_uri: 'https://idp.test/keys' }],
])('a discovery document of %s is refused', async (_, document) => {
  host.answers.set(discovery, json(document));
  await expect(fetchKeys()).rejects.toThrow('names another issuer');
  expect(host.asked).toEqual([discovery]);
});

test.each([undefined, 7, '', 'keys', `https://idp.test/${'x'.repeat(3_000)}`])(
  'a discovery document with the address %j of keys is refused',
  async (address) => {
    host.answers.set(discovery, json({ issuer: host.issuer, jwks_uri: address }));
    await expect(fetchKeys()).rejects.toThrow('no address of keys');
  },
);

test.each(['http://idp.test/keys', 'file:///etc/passwd', 'data:application/json,{}'])(
  'keys at %s are not fetched',
  async (address) => {
    host.answers.set(discovery, json({ issuer: host.issuer, jwks_uri: address }));
    await expect(fetchKeys()).rejects.toThrow('not plain https');
  },
);

test('a host without a certificate that the system believes is not believed', async () => {
  const fetcher = httpsKeyFetcher({ connector: host.distrustful });
  await expect(fetcher({ issuer: host.issuer, jwksUri: undefined })).rejects.toThrow(/certificate/);
  expect(host.asked).toEqual([]);
});

test('a host with a certificate of another name is not believed', async () => {
  const fetcher = httpsKeyFetcher({ connector: host.connector });
  const issuer = host.issuer.replace('idp.test', 'other.test');
  await expect(fetcher({ issuer, jwksUri: undefined })).rejects.toThrow(/altnames|Hostname/);
  expect(host.asked).toEqual([]);
});

describe('while a host lies, the last good keys are used up to their age, and then nobody is believed', () => {
  test.each(brokenDocuments)('%s', async (_, answer) => {
    const told: string[] = [];
    let heard: () => void = () => undefined;
    const verifier = new TokenVerifier({
      fetchKeys: httpsKeyFetcher({ connector: host.connector }),
      report: ({ kind }) => {
        told.push(kind);
        heard();
      },
    });
    const nextNews = () => new Promise<void>((resolve) => (heard = resolve));
    const ours = [{ ...provider, issuer: host.issuer }];
    const text = token(issuerKey, { ...claims, iss: host.issuer, exp: claims.exp + 7 * 86_400 }, { alg: 'ES256' });
    expect(await verifier.verify(ours, text, nowMs)).toMatchObject({ kind: 'valid' });

    host.answers.set('/keys', answer);
    const refreshed = nextNews();
    expect(verifier.verify(ours, text, nowMs + keysFreshMs)).toMatchObject({ kind: 'valid' });
    await refreshed;
    expect(told).toEqual(['fetched', 'failed']);
    const refreshedAgain = nextNews();
    expect(verifier.verify(ours, text, nowMs + keysStaleMs - 1)).toMatchObject({ kind: 'valid' });
    await refreshedAgain;
    expect(await verifier.verify(ours, text, nowMs + keysStaleMs)).toMatchObject({ kind: 'invalid' });
  });
});
