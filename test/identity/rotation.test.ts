/** Rotation of a tenant's CA in the state folder: what is issued and trusted at each step, across crashes, and on the way back. */
import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Authority, RotationStatus } from '../../src/identity/authority.ts';
import { abortRestMs } from '../../src/identity/ca-rotation.ts';
import { intermediateLifetimeMs } from '../../src/identity/certificate-profile.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { StateFolder } from '../../src/identity/state-folder.io.ts';
import { dayMs, type FakePorts, fakePorts } from './fake-ports.ts';
import { present } from './handshake.ts';
import { temporaryFolder } from './temporary-folder.ts';

const cart = 'spiffe://mesh.example/ns/shop/sa/cart';
const till = 'spiffe://mesh.example/ns/shop/sa/till';
const ledger = 'spiffe://mesh.example/ns/bank/sa/ledger';
const wanted = { tenants: ['shop', 'bank'], spiffeIds: [cart, till, ledger], leafLifetimeMs: dayMs };

async function made(ports: FakePorts = fakePorts()) {
  const stateFolder = await temporaryFolder();
  const open = async (folder = stateFolder) => {
    const authority = await openAuthority({ stateFolder: folder, trustDomain: 'mesh.example', ports });
    expect((await authority.ensure(wanted)).failures).toEqual([]);
    return authority;
  };
  const authority = await open();
  return { authority, open, ports, stateFolder, old: authority.bundlePem('shop') ?? '' };
}

function rotationOf(authority: Authority): RotationStatus {
  const [rotation] = authority.rotations();
  if (rotation === undefined) throw new Error('no rotation is under way');
  return rotation;
}

/** As the loop does it: publish, hear that all accepted, go on, issue. */
async function step(authority: Authority): Promise<void> {
  expect(await authority.advanceRotation(rotationOf(authority))).toBe(true);
  await authority.ensure(wanted);
}

/** Where a rotation of `shop` stands, by what a peer would see of it. */
function seen(authority: Authority, old: string) {
  const bundle = authority.bundlePem('shop')?.split(/(?<=-----END CERTIFICATE-----\n)/) ?? [];
  const chains = [cart, till].map((id) => authority.leaf(id)?.certificateChainPem ?? '');
  const [rotation] = authority.rotations();
  return {
    step: rotation?.step ?? 'resting',
    trusts: bundle.map((pem) => (pem === old ? 'old' : 'new')).sort(),
    leavesBy: chains.map((chain) => (chain.endsWith(old) ? 'old' : 'new')),
  };
}

const resting = (which: 'old' | 'new') => ({ step: 'resting', trusts: [which], leavesBy: [which, which] });
const trusted = { step: 'trusted', trusts: ['new', 'old'], leavesBy: ['old', 'old'] };
const used = { step: 'used', trusts: ['new', 'old'], leavesBy: ['new', 'new'] };
const dropped = { step: 'dropped', trusts: ['new'], leavesBy: ['new', 'new'] };

test('a rotation passes through its steps and ends with the new CA alone, in memory and on disk', async () => {
  const { authority, open, stateFolder, ports, old } = await made();
  const steps = [seen(authority, old)];
  expect(await authority.beginRotation('shop')).toMatchObject({ kind: 'accepted', rotation: { step: 'trusted' } });
  for (let taken = 0; taken < 3; taken += 1) {
    await authority.ensure(wanted);
    steps.push(seen(authority, old));
    await step(authority);
  }
  steps.push(seen(authority, old));
  expect(steps).toEqual([resting('old'), trusted, used, dropped, resting('new')]);
  const record = await (await StateFolder.open(stateFolder, undefined, ports.entropy)).read('tenants/shop');
  expect(Object.keys(record ?? {}).sort()).toEqual(['certificatePem', 'privateKeyPem']);
  expect(record).toMatchObject({ certificatePem: authority.bundlePem('shop') });
  const again = await open();
  expect(again.bundlePem('shop')).toBe(authority.bundlePem('shop'));
  expect(again.leaf(cart)?.certificateChainPem).toBe(authority.leaf(cart)?.certificateChainPem);
});

test('peers of both anchors accept leaves of both CAs, and at the end the old one is refused', async () => {
  const { authority } = await made(fakePorts(Date.now()));
  const side = () => {
    const leaf = authority.leaf(cart);
    return { certificateChainPem: leaf?.certificateChainPem ?? '', privateKeyPem: leaf?.privateKeyPem.reveal() ?? '' };
  };
  const before = side();
  await authority.beginRotation('shop');
  await step(authority);
  const both = authority.bundlePem('shop') ?? '';
  expect(side().certificateChainPem).not.toBe(before.certificateChainPem);
  expect((await present(before, both)).kind).toBe('accepted');
  expect((await present(side(), both)).kind).toBe('accepted');
  await step(authority);
  await step(authority);
  expect((await present(side(), authority.bundlePem('shop') ?? '')).kind).toBe('accepted');
  expect(await present(before, authority.bundlePem('shop') ?? '')).toMatchObject({ kind: 'refused' });
});

test('another tenant’s CA and leaves do not move', async () => {
  const { authority } = await made();
  const before = [authority.bundlePem('bank'), authority.leaf(ledger)];
  await authority.beginRotation('shop');
  for (let taken = 0; taken < 3; taken += 1) await step(authority);
  expect([authority.bundlePem('bank'), authority.leaf(ledger)]).toEqual(before);
});

test('a step that moves no anchor moves no byte of the bundle', async () => {
  const { authority } = await made();
  await authority.beginRotation('shop');
  const both = authority.bundlePem('shop');
  await step(authority);
  expect(authority.bundlePem('shop')).toBe(both);
  await authority.abortRotation('shop');
  expect(authority.bundlePem('shop')).toBe(both);
});

const steps = [0, 1, 2];

test.each(steps)('aborted after %i steps, it goes back to the old CA and forgets the new one', async (taken) => {
  const { authority, open, old } = await made();
  await authority.beginRotation('shop');
  for (let done = 0; done < taken; done += 1) await step(authority);
  expect(await authority.abortRotation('shop')).toMatchObject({ kind: 'accepted', rotation: { aborted: true } });
  await authority.ensure(wanted);
  while (authority.rotations().length > 0) await step(authority);
  expect(seen(authority, old)).toEqual(resting('old'));
  expect(seen(await open(), old)).toEqual(resting('old'));
});

/**
 * Every state that the folder can be in: each record of one turn is written whole, so a crash leaves some of them as they
 * were before and the others as they are after.
 */
async function crashes(before: string, after: string): Promise<readonly string[]> {
  const files = (await readdir(after, { recursive: true })).filter((file) => file.endsWith('.sealed'));
  const differs = async (file: string) =>
    !(await readFile(join(before, file)).catch(() => Buffer.alloc(0))).equals(await readFile(join(after, file)));
  const changed: string[] = [];
  for (const file of files) if (await differs(file)) changed.push(file);
  const folders: string[] = [];
  for (let subset = 0; subset < 2 ** changed.length; subset += 1) {
    const folder = await copyOf(before);
    for (const [index, file] of changed.entries()) {
      if ((subset & (1 << index)) !== 0) await cp(join(after, file), join(folder, file));
    }
    folders.push(folder);
  }
  return folders;
}

async function copyOf(folder: string): Promise<string> {
  const copy = join(await temporaryFolder(), 'state');
  await cp(folder, copy, { recursive: true });
  return copy;
}

/** Some sixty restarts; on a loaded machine many seconds. */
const crashTestMs = 60_000;

test.each(['to its end', 'back'] as const)(
  'killed between any two writes, it goes on where it was: %s',
  { timeout: crashTestMs },
  async (way) => {
    const { authority, open, stateFolder, old } = await made();
    let before = await copyOf(stateFolder);
    let crashed = 0;
    const turn = async (work: () => Promise<unknown>) => {
      const states = [seen(authority, old)];
      await work();
      await authority.ensure(wanted);
      states.push(seen(authority, old));
      const after = await copyOf(stateFolder);
      for (const folder of await crashes(before, after)) {
        crashed += 1;
        const survivor = await open(folder);
        // Whole after one look: the step before or the step after, with every leaf by the CA that it says.
        expect(states).toContainEqual(seen(survivor, old));
        expect((await survivor.ensure(wanted)).changed).toBe(false);
        const [rotation] = survivor.rotations();
        if (rotation === undefined) continue;
        while (survivor.rotations().length > 0) await step(survivor);
        expect(seen(survivor, old)).toEqual(resting(rotation.aborted ? 'old' : 'new'));
      }
      before = after;
    };
    const advance = () => authority.advanceRotation(rotationOf(authority));
    await turn(() => authority.beginRotation('shop'));
    if (way === 'back') {
      await turn(advance);
      await turn(() => authority.abortRotation('shop'));
    }
    while (authority.rotations().length > 0) await turn(advance);
    expect(seen(authority, old)).toEqual(resting(way === 'back' ? 'old' : 'new'));
    expect(crashed).toBeGreaterThanOrEqual(14);
  },
);

test('what was judged before the rotation moved advances nothing', async () => {
  const { authority } = await made();
  await authority.beginRotation('shop');
  const judged = rotationOf(authority);
  await authority.abortRotation('shop');
  expect(await authority.advanceRotation(judged)).toBe(false);
  expect(rotationOf(authority)).toMatchObject({ step: 'dropped', aborted: true });
});

test('it rests until every leaf of the tenant is by the new CA', async () => {
  const { authority } = await made();
  await authority.beginRotation('shop');
  await authority.advanceRotation(rotationOf(authority));
  expect(await authority.advanceRotation(rotationOf(authority))).toBe(false);
  await authority.ensure(wanted);
  expect(await authority.advanceRotation(rotationOf(authority))).toBe(true);
});

test('what cannot be begun or aborted is refused with what to do', async () => {
  const { authority } = await made();
  expect(await authority.beginRotation('nobody')).toMatchObject({
    kind: 'refused',
    message: 'there is no tenant `nobody`',
  });
  expect(await authority.abortRotation('shop')).toMatchObject({ kind: 'refused' });
  await authority.beginRotation('shop');
  expect(await authority.beginRotation('shop')).toMatchObject({
    kind: 'refused',
    advice: expect.stringContaining('abort'),
  });
  await authority.abortRotation('shop');
  expect(await authority.abortRotation('shop')).toMatchObject({ kind: 'refused' });
});

test('a CA past two thirds of its life begins its rotation by itself, each tenant at its own time', async () => {
  const { authority, ports } = await made();
  const issuedMs = ports.clock.nowMs();
  ports.clock.set(issuedMs + (intermediateLifetimeMs * 2) / 3 - dayMs);
  await authority.ensure(wanted);
  expect(authority.rotations()).toEqual([]);
  const begins: number[] = [];
  while (authority.rotations().length < 2) {
    ports.clock.advance(7 * dayMs);
    await authority.ensure(wanted);
    if (authority.rotations().length > begins.length) begins.push(ports.clock.nowMs());
  }
  const shares = begins.map((beginMs) => (beginMs - issuedMs) / intermediateLifetimeMs);
  for (const share of shares) expect(share).toBeGreaterThan(0.66);
  for (const share of shares) expect(share).toBeLessThan(0.78);
  expect(shares[1]).toBeGreaterThan(shares[0] ?? 1);
});

test('after an abort no rotation begins by itself until the rest is over', async () => {
  const { authority, open, ports } = await made();
  ports.clock.advance(intermediateLifetimeMs * 0.8);
  await authority.ensure(wanted);
  expect(authority.rotations().map(({ tenant }) => tenant)).toEqual(['bank', 'coffre-system', 'shop']);
  for (const tenant of ['shop', 'bank', 'coffre-system']) await authority.abortRotation(tenant);
  while (authority.rotations().length > 0) await step(authority);
  const again = await open();
  await again.ensure(wanted);
  expect(again.rotations()).toEqual([]);
  ports.clock.advance(abortRestMs);
  await again.ensure(wanted);
  expect(again.rotations()).toHaveLength(3);
});
