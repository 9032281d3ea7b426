/** Leaves while nothing can be signed, and when it can be again. */
import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import type { IdentityPorts } from '../../src/identity/ports.ts';
import { dayMs, fakePorts, hourMs } from './fake-ports.ts';
import { temporaryFolder } from './temporary-folder.ts';

const names = Array.from({ length: 60 }, (_, index) => `spiffe://mesh.example/ns/shop/sa/cart-${index}`);
const wanted = { tenants: ['shop'], spiffeIds: names, leafLifetimeMs: dayMs };

/** Nothing is signed without a serial number. */
function brittlePorts() {
  const { clock, entropy } = fakePorts();
  const state = { isDown: false };
  const ports: IdentityPorts = {
    clock,
    entropy: {
      bytes(length) {
        if (state.isDown) throw new Error('the CA is down');
        return entropy.bytes(length);
      },
    },
  };
  return { ports, clock, state };
}

test('FLT-25 renewals of one moment are spread over a tenth of a life before its half, and each is tried from there on', async () => {
  const { ports, clock } = brittlePorts();
  const authority = await openAuthority({ stateFolder: await temporaryFolder(), trustDomain: 'mesh.example', ports });
  await authority.ensure(wanted);
  const beganMs = clock.nowMs();
  const renewedAt = new Map<string, number>();
  const first = new Map(names.map((name) => [name, authority.leaf(name)]));
  while (renewedAt.size < names.length) {
    clock.set(authority.nextRenewalMs());
    await authority.ensure(wanted);
    for (const name of names) {
      if (!renewedAt.has(name) && authority.leaf(name) !== first.get(name))
        renewedAt.set(name, clock.nowMs() - beganMs);
    }
  }
  const times = [...renewedAt.values()];
  expect(Math.max(...times)).toBeLessThanOrEqual(12 * hourMs);
  expect(Math.min(...times)).toBeGreaterThanOrEqual(9 * hourMs);
  expect(new Set(times).size).toBeGreaterThan(names.length / 2);
});

test('FLT-25 a leaf that cannot be renewed is served to its end, told at each try, and never replaced by one of another issuer', async () => {
  const { ports, clock, state } = brittlePorts();
  const authority = await openAuthority({ stateFolder: await temporaryFolder(), trustDomain: 'mesh.example', ports });
  await authority.ensure(wanted);
  const before = names.map((name) => authority.leaf(name));
  state.isDown = true;
  for (const hours of [12, 18, 23]) {
    clock.set(fakePorts().clock.nowMs() + hours * hourMs);
    const { failures } = await authority.ensure(wanted);
    expect(failures.filter(({ name }) => name.startsWith('leaves/shop/'))).toHaveLength(names.length);
    expect(authority.nextRenewalMs()).toBeLessThanOrEqual(clock.nowMs());
    expect(names.map((name) => authority.leaf(name))).toEqual(before);
  }
  state.isDown = false;
  expect((await authority.ensure(wanted)).failures).toEqual([]);
  const issuer = new X509Certificate(authority.bundlePem('shop') ?? '');
  for (const [index, name] of names.entries()) {
    const leaf = authority.leaf(name);
    expect(leaf).not.toBe(before[index]);
    expect(new X509Certificate(leaf?.certificateChainPem ?? '').checkIssued(issuer)).toBe(true);
  }
});
