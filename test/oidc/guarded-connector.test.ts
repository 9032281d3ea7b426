/** SEC-43, SEC-44: which addresses a provider may have, and that no way around the look leads inside. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { guardedConnector } from '../../src/oidc/guarded-connector.io.ts';
import { httpsKeyFetcher } from '../../src/oidc/https-key-fetcher.io.ts';
import { addressGuard, isPublicAddress } from '../../src/oidc/public-address.ts';
import { openLyingHost } from './support/lying-host.ts';

const inside = [
  '0.0.0.0',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '100.100.100.200',
  '127.0.0.1',
  '127.255.255.254',
  '168.63.129.16',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.192',
  '192.0.2.1',
  '192.168.1.1',
  '198.18.0.1',
  '203.0.113.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '::127.0.0.1',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b:1::1',
  '100::1',
  '2001::1',
  '2001:db8::1',
  '2002:a9fe:a9fe::1',
  '3fff::1',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
];
const outside = [
  '1.1.1.1',
  '8.8.8.8',
  '11.0.0.1',
  '100.63.255.255',
  '100.128.0.1',
  '172.15.0.1',
  '172.32.0.1',
  '192.167.1.1',
  '223.255.255.254',
  '2606:4700::1111',
  '2a00:1450:4001::200e',
];

test.each(inside)('%s is inside', (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test.each(outside)('%s is outside', (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

test.each(['', 'localhost', '0x7f.1', '2130706433', '127.1', '1.1.1.1 ', '1.1.1.1%eth0', '017700000001'])(
  '%j is no address',
  (text) => {
    expect(isPublicAddress(text)).toBe(false);
  },
);

/** What became of one fetch from this host, and of which names the resolver was asked. */
async function fetchFrom(
  host: string,
  ...addresses: readonly string[]
): Promise<{ error: string; resolved: string[] }> {
  const resolved: string[] = [];
  const connector = guardedConnector({
    async resolve(name) {
      resolved.push(name);
      return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    },
  });
  const fetchKeys = httpsKeyFetcher({ connector });
  const error = await fetchKeys({ issuer: `https://${host}`, jwksUri: undefined }).then(
    () => 'none',
    (reason: Error) => reason.message,
  );
  return { error, resolved };
}

describe('SEC-44: the connector dials nothing inside', () => {
  test.each(inside.filter((address) => !address.includes('%')))(
    'not by a name that resolves to %s',
    async (address) => {
      const { error, resolved } = await fetchFrom('idp.example', address);
      expect(error).toBe('the host has an address that no provider may have');
      expect(resolved).toEqual(['idp.example']);
    },
  );

  test('not by a name with one address inside among others outside', async () => {
    const { error } = await fetchFrom('idp.example', '1.1.1.1', '10.0.0.1');
    expect(error).toBe('the host has an address that no provider may have');
  });

  test('not by a name without an address', async () => {
    expect((await fetchFrom('idp.example')).error).toBe('the host has an address that no provider may have');
  });

  test.each(['169.254.169.254', '10.0.0.1:8443', '127.0.0.1', '[::1]', '[fd00:ec2::254]', '[::ffff:127.0.0.1]'])(
    'not by the address %s itself, which nobody resolves',
    async (host) => {
      const { error, resolved } = await fetchFrom(host);
      expect(error).toBe('the host is an address that no provider may have');
      expect(resolved).toEqual([]);
    },
  );

  test.each(['2130706433', '0x7f000001', '0177.0.0.1', '127.1'])(
    'not by %s, another spelling of loopback',
    async (host) => {
      expect((await fetchFrom(host)).error).toBe('the host is an address that no provider may have');
    },
  );

  test('nor anything over plain http, or with a password in the address', async () => {
    const fetchKeys = httpsKeyFetcher({ connector: guardedConnector() });
    for (const jwksUri of [
      'http://idp.example/keys',
      'file:///etc/passwd',
      'https://ada@idp.example/keys',
      'https://:secret@idp.example/keys',
    ]) {
      await expect(fetchKeys({ issuer: 'https://idp.example', jwksUri })).rejects.toThrow('not plain https');
    }
  });
});

describe('ranges inside that were named', () => {
  const mayBeDialled = addressGuard(['10.20.0.0/24', '192.168.1.7/32', 'fd12:3456::/48']);

  test.each(['10.20.0.1', '10.20.0.255', '192.168.1.7', 'fd12:3456:0:1::1', '1.1.1.1', '2606:4700::1111'])(
    '%s may be dialled',
    (address) => {
      expect(mayBeDialled(address)).toBe(true);
    },
  );

  test.each([...inside, '10.20.1.0', '10.19.255.255', '192.168.1.8', 'fd12:3457::1', '::ffff:10.20.0.1', 'localhost'])(
    '%s may not',
    (address) => {
      expect(mayBeDialled(address)).toBe(false);
    },
  );

  test.each([
    ['another host in the same range', 'https://127.0.0.2:8443/keys'],
    ['another port', 'https://127.0.0.1:8444/keys'],
    ['the port of HTTPS', 'https://127.0.0.1/keys'],
  ])('are no leave for %s', async (_, jwksUri) => {
    const privateHosts = [{ host: '127.0.0.1', port: 8_443, addresses: ['127.0.0.0/8'] }];
    const asked = httpsKeyFetcher()({ issuer: 'https://127.0.0.1:8443', jwksUri, privateHosts });
    await expect(asked).rejects.toThrow('the host is an address that no provider may have');
  });

  test('are asked for the keys of the very host and port that were named', async () => {
    const host = await openLyingHost();
    onTestFinished(() => host.close());
    const { port } = new URL(host.issuer);
    const leave = { host: '127.0.0.1', port: Number(port), addresses: ['127.0.0.1/32'] };
    const ask = (privateHosts: readonly (typeof leave)[]) =>
      httpsKeyFetcher()({ issuer: host.issuer, jwksUri: `https://127.0.0.1:${port}/keys`, privateHosts }).catch(
        (reason: Error) => reason.message,
      );
    // Dialled, and not believed: its certificate is of no authority of the system.
    expect(await ask([leave])).toMatch(/certificate/);
    expect(await ask([])).toBe('the host is an address that no provider may have');
  });
});
