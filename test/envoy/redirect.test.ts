import { expect, test } from 'vitest';
import { interceptionRules, proxyMark } from '../../src/envoy/redirect.ts';

const dnsResolvers = ['10.99.0.53', 'fd99::53', 'resolver.example\n-A INPUT -j ACCEPT'];
const sidecar = { kind: 'mark', mark: proxyMark } as const;
const ipv4 = interceptionRules({ family: 4, sidecar, dnsResolvers });
const ipv6 = interceptionRules({ family: 6, sidecar, dnsResolvers });
const ofUser = interceptionRules({ family: 4, sidecar: { kind: 'user', user: 1_500_000_007 }, dnsResolvers });

test.each([
  ['ipv4', ipv4],
  ['ipv6', ipv6],
  ['ipv4.user', ofUser],
])('the rules of %s read as in the golden file', async (family, text) => {
  await expect(text).toMatchFileSnapshot(`golden/redirect.${family}.rules`);
});

test('every chain of the filter table drops what is not named, in both families', () => {
  for (const text of [ipv4, ipv6, ofUser]) {
    const [, filter] = text.split('*filter\n');
    expect(filter?.match(/^:.*$/gm)).toEqual([':INPUT DROP [0:0]', ':FORWARD DROP [0:0]', ':OUTPUT DROP [0:0]']);
  }
});

test('a resolver is written into the rules of its own family, and text that is no address into none', () => {
  expect(ipv4).toContain('-d 10.99.0.53 ');
  expect(ipv4).not.toContain('fd99::53');
  expect(ipv6).toContain('-d fd99::53 ');
  expect(ipv6).not.toContain('10.99.0.53');
  expect(ipv4 + ipv6).not.toContain('resolver.example');
});

test('without a resolver nothing but redirected TCP and neighbour discovery is accepted', () => {
  for (const family of [4, 6] as const) {
    expect(interceptionRules({ family, sidecar, dnsResolvers: [] })).not.toMatch(/ 53 |udp/);
  }
});

test('the kubelet is let in where there is one, by user, and nowhere else', () => {
  expect(ofUser).toContain(
    '-A INPUT -p tcp --dport 15021 -m conntrack --ctorigdstport 15021 --ctdir ORIGINAL -j ACCEPT',
  );
  expect(ipv4).not.toContain('--dport 15021 ');
});
