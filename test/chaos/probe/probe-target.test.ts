import { describe, expect, test } from 'vitest';
import { endpointOf, grpcTarget, httpTarget, mayResolveTo } from '../../../src/chaos/probe/probe-target.ts';

const rules = {
  probeTargets: new Set([
    'http://10.0.0.5:8080',
    'https://shop.example',
    '10.0.0.5:9000',
    'https://health.example:9443',
  ]),
  prometheusUrl: 'http://10.0.0.6:9090/prometheus',
};

describe('a probe over HTTP', () => {
  test.each([
    'http://10.0.0.5:8080/healthz?deep=1',
    'https://shop.example/',
    'https://SHOP.example:443/',
    'http://10.0.0.6:9090/api/v1/query',
  ])('may ask %s', (url) => {
    expect(httpTarget(url, rules)).toMatchObject({ kind: 'target' });
  });

  test.each([
    ['another port', 'http://10.0.0.5:8081/'],
    ['another scheme', 'http://shop.example/'],
    ['a host that begins alike', 'https://shop.example.evil.test/'],
    ['a host behind user information', 'https://shop.example@evil.test/'],
    ['credentials', 'https://me:secret@shop.example/'],
    ['a file', 'file:///etc/passwd'],
    ['a host and port', '10.0.0.5:9000'],
    ['the same address in another notation of a range that is not named', 'http://0x0a000007:8080/'],
    ['nothing', ''],
  ])('may not ask %s', (_what, url) => {
    expect(httpTarget(url, rules)).toMatchObject({ kind: 'refused' });
  });

  test('may ask nobody where the mesh names nobody', () => {
    expect(httpTarget('http://10.0.0.5:8080/', { probeTargets: new Set() })).toMatchObject({ kind: 'refused' });
  });
});

describe('a probe of gRPC health', () => {
  test('asks in plaintext, and by TLS where the mesh says so', () => {
    const target = (address: string) => grpcTarget(address, rules);
    expect(target('10.0.0.5:9000')).toMatchObject({ url: { protocol: 'http:' } });
    expect(target('10.0.0.5:8080')).toMatchObject({ url: { protocol: 'http:' } });
    expect(target('health.example:9443')).toMatchObject({ url: { protocol: 'https:' } });
    expect(target('shop.example:443')).toMatchObject({ url: { protocol: 'https:' } });
  });

  test.each(['10.0.0.5:9001', 'evil.test:9000', '10.0.0.5:9000/x', 'me@10.0.0.5:9000', '10.0.0.5:9000?x', ''])(
    'may not ask %s',
    (address) => {
      expect(grpcTarget(address, rules)).toMatchObject({ kind: 'refused' });
    },
  );
});

test('a name may not resolve to the machine, its link or a group', () => {
  const never = ['127.0.0.1', '127.9.9.9', '0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255'];
  const never6 = ['::1', '::', 'fe80::1', 'ff02::1', '::ffff:127.0.0.1', '::ffff:169.254.169.254', 'no address'];
  for (const address of [...never, ...never6]) expect(mayResolveTo(address), address).toBe(false);
  for (const address of ['10.0.0.5', '192.168.1.1', '93.184.216.34', 'fd99::1', '2001:db8::1']) {
    expect(mayResolveTo(address), address).toBe(true);
  }
});

test('an endpoint has the port of its scheme, and no brackets', () => {
  expect(endpointOf(new URL('https://[fd99::1]/'))).toEqual({ host: 'fd99::1', port: 443 });
  expect(endpointOf(new URL('http://shop.example'))).toEqual({ host: 'shop.example', port: 80 });
  expect(endpointOf(new URL('http://shop.example:9000'))).toEqual({ host: 'shop.example', port: 9_000 });
});
