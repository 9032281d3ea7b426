/** The authority over time: what it issues, keeps, renews and drops, across restarts. */
import { X509Certificate } from 'node:crypto';
import { chmod, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { intermediateLifetimeMs, rootLifetimeMs } from '../../src/identity/certificate-profile.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { dayMs, type FakePorts, fakePorts, hourMs } from './fake-ports.ts';
import { temporaryFolder } from './temporary-folder.ts';

const cart = 'spiffe://mesh.example/ns/shop/sa/cart';
const till = 'spiffe://mesh.example/ns/shop/sa/till';
const both = { tenants: ['bank'], spiffeIds: [cart, till], leafLifetimeMs: dayMs };

async function opened(ports: FakePorts = fakePorts()) {
  const stateFolder = await temporaryFolder();
  const reopen = () => openAuthority({ stateFolder, trustDomain: 'mesh.example', ports });
  return { authority: await reopen(), reopen, ports, stateFolder };
}

test('ensure issues what is missing, and a second call changes nothing', async () => {
  const { authority } = await opened();
  expect(authority.leaf(cart)).toBeUndefined();
  expect(await authority.ensure(both)).toEqual({ changed: true, failures: [] });
  const before = authority.leaf(cart);
  expect(await authority.ensure(both)).toEqual({ changed: false, failures: [] });
  expect(authority.leaf(cart)).toBe(before);
});

test('a tenant without workloads has a bundle of its own', async () => {
  const { authority } = await opened();
  await authority.ensure(both);
  expect(new X509Certificate(authority.bundlePem('bank') ?? '').subject).toContain('CN=bank');
  expect(authority.bundlePem('bank')).not.toBe(authority.bundlePem('shop'));
  expect(authority.bundlePem('elsewhere')).toBeUndefined();
});

test('the control plane has a name as a client, by a CA of its own, whatever else is wanted', async () => {
  const { authority } = await opened();
  expect(authority.clientCredentials()).toBeUndefined();
  await authority.ensure({ tenants: [], spiffeIds: [], leafLifetimeMs: dayMs });
  const leaf = new X509Certificate(authority.clientCredentials()?.certificateChainPem ?? '');
  expect(leaf.subjectAltName).toBe('URI:spiffe://mesh.example/ns/coffre-system/sa/coffre');
  expect(leaf.checkIssued(new X509Certificate(authority.bundlePem('coffre-system') ?? ''))).toBe(true);
});

test('a restarted authority delivers the same bytes', async () => {
  const { authority, reopen } = await opened();
  await authority.ensure(both);
  const again = await reopen();
  await again.ensure(both);
  expect(again.rootPem).toBe(authority.rootPem);
  expect(again.bundlePem('shop')).toBe(authority.bundlePem('shop'));
  for (const id of [cart, till]) {
    expect(again.leaf(id)?.certificateChainPem).toBe(authority.leaf(id)?.certificateChainPem);
    expect(again.leaf(id)?.privateKeyPem.reveal()).toBe(authority.leaf(id)?.privateKeyPem.reveal());
  }
  expect(again.serverCredentials()?.certificateChainPem).toBe(authority.serverCredentials()?.certificateChainPem);
});

test('nothing is renewed before nextRenewalMs, and something is at it', async () => {
  const { authority, ports } = await opened();
  await authority.ensure(both);
  const next = authority.nextRenewalMs();
  expect(next).toBeGreaterThan(ports.clock.nowMs());
  ports.clock.set(next - 1);
  expect((await authority.ensure(both)).changed).toBe(false);
  ports.clock.set(next);
  expect((await authority.ensure(both)).changed).toBe(true);
  expect(authority.nextRenewalMs()).toBeGreaterThan(next);
});

test('a leaf is renewed with a new key, at half life and with half a life left', async () => {
  const { authority, ports } = await opened();
  await authority.ensure(both);
  const before = authority.leaf(cart);
  ports.clock.advance(12 * hourMs);
  await authority.ensure(both);
  const after = authority.leaf(cart);
  expect(before?.notAfterMs).toBe(ports.clock.nowMs() + 12 * hourMs);
  expect(after?.notAfterMs).toBe(ports.clock.nowMs() + 24 * hourMs);
  expect(after?.privateKeyPem.reveal()).not.toBe(before?.privateKeyPem.reveal());
});

test('the CA of the control plane is renewed over the same key, so an older certificate of it still vouches', async () => {
  const { authority, ports } = await opened();
  const chain = () => authority.serverCredentials()?.certificateChainPem ?? '';
  const caOf = (pem: string) => new X509Certificate(pem.slice(pem.lastIndexOf('-----BEGIN')));
  const older = caOf(chain());
  ports.clock.advance(intermediateLifetimeMs / 2);
  await authority.ensure(both);
  expect(caOf(chain()).serialNumber).not.toBe(older.serialNumber);
  expect(caOf(chain()).publicKey.equals(older.publicKey)).toBe(true);
  expect(new X509Certificate(chain()).checkIssued(older)).toBe(true);
});

test('what ends with its issuer is not issued again and again, since nothing by that issuer ends later', async () => {
  const { authority, ports } = await opened();
  await authority.ensure(both);
  // As after a clock that leapt, or two years in which nobody rotated: the tenant's CA has ended, and its successor is on its way.
  ports.clock.advance(intermediateLifetimeMs);
  await authority.ensure(both);
  const before = authority.leaf(cart);
  expect(await authority.ensure(both)).toEqual({ changed: false, failures: [] });
  expect(authority.leaf(cart)).toBe(before);
  expect(authority.nextRenewalMs()).toBeGreaterThan(ports.clock.nowMs());
});

test('a shorter life asked of the mesh replaces leaves at once', async () => {
  const { authority, ports } = await opened();
  await authority.ensure(both);
  expect((await authority.ensure({ ...both, leafLifetimeMs: hourMs })).changed).toBe(true);
  expect(authority.leaf(cart)?.notAfterMs).toBe(ports.clock.nowMs() + hourMs);
});

test('a vanished identity loses its leaf, in memory and on disk, also when it vanished between two starts', async () => {
  const { authority, reopen, stateFolder } = await opened();
  await authority.ensure(both);
  await authority.ensure({ ...both, spiffeIds: [cart] });
  expect(authority.leaf(till)).toBeUndefined();
  expect(await readdir(join(stateFolder, 'leaves/shop'))).toEqual(['cart.sealed']);
  await (await reopen()).ensure({ ...both, spiffeIds: [] });
  expect(await readdir(join(stateFolder, 'leaves/shop'))).toEqual([]);
});

test('a tenant that leaves and returns keeps its anchor', async () => {
  const { authority } = await opened();
  await authority.ensure(both);
  const anchor = authority.bundlePem('shop');
  await authority.ensure({ ...both, spiffeIds: [] });
  await authority.ensure(both);
  expect(authority.bundlePem('shop')).toBe(anchor);
});

test('an identity of another trust domain is never issued', async () => {
  const { authority } = await opened();
  const foreign = { ...both, spiffeIds: ['spiffe://other.example/ns/shop/sa/cart'] };
  await expect(authority.ensure(foreign)).rejects.toThrow('no identity of trust domain `mesh.example`');
});

test('calls at the same time issue each leaf once', async () => {
  const { authority } = await opened();
  const results = await Promise.all([authority.ensure(both), authority.ensure(both), authority.ensure(both)]);
  expect(results.map(({ changed }) => changed)).toEqual([true, false, false]);
});

test('two processes that open the same new folder share one root', async () => {
  const stateFolder = await temporaryFolder();
  const open = () => openAuthority({ stateFolder, trustDomain: 'mesh.example', ports: fakePorts() });
  const [one, other] = await Promise.all([open(), open()]);
  expect(one.rootPem).toBe(other.rootPem);
});

test('a leaf that cannot be saved is served all the same, told of, and saved at the next turn', async () => {
  const { authority, reopen, stateFolder } = await opened();
  await writeFile(join(stateFolder, 'leaves'), 'a file where the folder should be');
  const blocked = await authority.ensure({ ...both, spiffeIds: [cart] });
  expect(blocked.changed).toBe(true);
  expect(blocked.failures).toContainEqual({ name: 'leaves/shop/cart', cause: expect.any(Error) });
  const served = authority.leaf(cart)?.certificateChainPem;
  expect(served).toBeDefined();
  await rm(join(stateFolder, 'leaves'));
  expect(await authority.ensure({ ...both, spiffeIds: [cart] })).toEqual({ changed: false, failures: [] });
  const again = await reopen();
  await again.ensure({ ...both, spiffeIds: [cart] });
  expect(again.leaf(cart)?.certificateChainPem).toBe(served);
});

test('the state folder is private whatever it was before', async () => {
  const stateFolder = await temporaryFolder();
  await chmod(stateFolder, 0o755);
  const authority = await openAuthority({ stateFolder, trustDomain: 'mesh.example', ports: fakePorts() });
  await authority.ensure(both);
  const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
  expect(await modeOf(stateFolder)).toBe('700');
  for (const entry of await readdir(stateFolder, { recursive: true, withFileTypes: true })) {
    expect(await modeOf(join(entry.parentPath, entry.name))).toBe(entry.isDirectory() ? '700' : '600');
  }
});

test('a root past its end is refused with the date', async () => {
  const { ports, reopen } = await opened();
  ports.clock.advance(rootLifetimeMs);
  await expect(reopen()).rejects.toMatchObject({
    code: 'root-expired',
    message: expect.stringContaining('2036-11-17'),
  });
});

test('the very same value wanted again is answered from memory until something is due, or the clock was set back', async () => {
  const { authority, ports, stateFolder } = await opened();
  await authority.ensure(both);
  // A record of nobody, put there behind its back: a pass would remove it.
  const [name = ''] = await readdir(join(stateFolder, 'leaves/shop'));
  const record = join(stateFolder, 'leaves/shop', name.replace(/^(cart|till)/, 'stray'));
  const recordIsLeft = () =>
    stat(record).then(
      () => true,
      () => false,
    );
  await writeFile(record, '{}');
  expect(await authority.ensure(both)).toEqual({ changed: false, failures: [] });
  expect(await recordIsLeft()).toBe(true);
  ports.clock.advance(-1);
  await authority.ensure(both);
  expect(await recordIsLeft()).toBe(false);
  await writeFile(record, '{}');
  ports.clock.set(authority.nextRenewalMs());
  expect((await authority.ensure(both)).changed).toBe(true);
  expect(await recordIsLeft()).toBe(false);
});

test('what is withheld gets no certificate: one that is there is kept to its end, not renewed, and not of a new CA', async () => {
  const { authority, reopen, ports } = await opened();
  await authority.ensure(both);
  const withheld = { ...both, withheld: [cart] };
  const before = authority.leaf(cart);
  expect(await authority.ensure(withheld)).toEqual({ changed: false, failures: [] });
  ports.clock.advance(both.leafLifetimeMs * 0.75);
  await authority.ensure(withheld);
  expect(authority.leaf(cart)).toBe(before);
  expect(authority.nextRenewalMs()).toBeGreaterThan(ports.clock.nowMs());
  const restarted = await reopen();
  await restarted.ensure(withheld);
  expect(restarted.leaf(cart)?.certificateChainPem).toBe(before?.certificateChainPem);
  ports.clock.advance(both.leafLifetimeMs * 0.25);
  await restarted.ensure(withheld);
  expect(restarted.leaf(cart)).toBeUndefined();
  await restarted.ensure(both);
  expect(restarted.leaf(cart)?.notAfterMs).toBe(ports.clock.nowMs() + both.leafLifetimeMs);
});
