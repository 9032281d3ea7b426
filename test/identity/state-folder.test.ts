/** What is lost or damaged is refused aloud and never made anew: a silent new root would cut off every workload. */
import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { dayMs, fakePorts } from './fake-ports.ts';
import { temporaryFolder } from './temporary-folder.ts';

const cart = 'spiffe://mesh.example/ns/shop/sa/cart';
const wanted = { tenants: ['bank'], spiffeIds: [cart], leafLifetimeMs: dayMs };

async function made(keyFile?: string) {
  const stateFolder = await temporaryFolder();
  const open = (trustDomain = 'mesh.example') =>
    openAuthority({ stateFolder, trustDomain, ports: fakePorts(), ...(keyFile === undefined ? {} : { keyFile }) });
  const authority = await open();
  await authority.ensure(wanted);
  return { authority, open, stateFolder, at: (name: string) => join(stateFolder, name) };
}

async function flipByte(path: string, index: number): Promise<void> {
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(index) ^ 1, index);
  await writeFile(path, bytes);
}

test.each(['root', 'mesh'])('a flipped byte anywhere in %s.sealed stops the start', async (record) => {
  const { open, at } = await made();
  const path = at(`${record}.sealed`);
  const whole = await readFile(path);
  for (const index of [0, 15, 16, 28, 44, whole.length - 1]) {
    await flipByte(path, index);
    await expect(open()).rejects.toMatchObject({ code: 'damaged', message: expect.stringContaining('restore') });
    await writeFile(path, whole);
  }
  await expect(open()).resolves.toBeDefined();
});

test('a truncated root stops the start', async () => {
  const { open, at } = await made();
  await writeFile(at('root.sealed'), (await readFile(at('root.sealed'))).subarray(0, 20));
  await expect(open()).rejects.toMatchObject({ code: 'damaged' });
});

test.each(['root', 'mesh'])('a missing %s.sealed stops the start and is not made anew', async (record) => {
  const { open, at } = await made();
  await rm(at(`${record}.sealed`));
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await expect(open()).rejects.toMatchObject({ code: 'record-missing', message: expect.stringContaining(record) });
  }
});

test('a missing sealing key stops the start and is not made anew', async () => {
  const { open, at } = await made();
  await rm(at('seal.key'));
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await expect(open()).rejects.toMatchObject({ code: 'seal-key-missing' });
  }
});

test('another sealing key of the right size opens nothing', async () => {
  const { open, at } = await made();
  await writeFile(at('seal.key'), Buffer.alloc(32, 7).toString('base64'));
  await expect(open()).rejects.toMatchObject({ code: 'damaged' });
});

test('a sealing key that others can read is refused with the command that mends it', async () => {
  const { open, at } = await made();
  await chmod(at('seal.key'), 0o640);
  await expect(open()).rejects.toMatchObject({ code: 'permissions', message: expect.stringContaining('chmod 600') });
});

test('a sealing key kept elsewhere is used, must exist, and leaves none in the folder', async () => {
  const keyFile = join(await temporaryFolder(), 'kept-elsewhere.key');
  await expect(made(keyFile)).rejects.toMatchObject({ code: 'seal-key-missing' });
  await writeFile(keyFile, Buffer.alloc(32, 9).toString('base64'), { mode: 0o600 });
  const { at, open } = await made(keyFile);
  await expect(readFile(at('seal.key'))).rejects.toMatchObject({ code: 'ENOENT' });
  await writeFile(keyFile, 'c2hvcnQ=');
  await expect(open()).rejects.toMatchObject({ code: 'seal-key-malformed' });
});

test('one tenant’s record in another’s place is refused, and only that tenant goes without', async () => {
  const { authority, open, at } = await made();
  await copyFile(at('tenants/bank.sealed'), at('tenants/shop.sealed'));
  const again = await open();
  const { failures } = await again.ensure(wanted);
  expect(failures).toEqual([{ name: 'tenants/shop', cause: expect.objectContaining({ code: 'damaged' }) }]);
  expect(again.bundlePem('shop')).toBeUndefined();
  expect(again.leaf(cart)).toBeUndefined();
  expect(again.bundlePem('bank')).toBe(authority.bundlePem('bank'));
});

test('a damaged leaf is told of and replaced: it costs nobody anything', async () => {
  const { open, at } = await made();
  await flipByte(at('leaves/shop/cart.sealed'), 60);
  const again = await open();
  const { failures } = await again.ensure(wanted);
  expect(failures).toEqual([{ name: 'leaves/shop/cart', cause: expect.objectContaining({ code: 'damaged' }) }]);
  expect(again.leaf(cart)).toBeDefined();
  expect((await again.ensure(wanted)).failures).toEqual([]);
});

test('a tenant’s CA that was lost is told at every turn and not made anew, and no other tenant is concerned', async () => {
  const { open, at } = await made();
  await rm(at('tenants/shop.sealed'));
  const again = await open();
  for (const _turn of [1, 2]) {
    expect((await again.ensure(wanted)).failures).toEqual([
      { name: 'tenants/shop', cause: expect.objectContaining({ code: 'record-missing' }) },
    ]);
  }
  expect([again.bundlePem('shop'), again.leaf(cart)]).toEqual([undefined, undefined]);
  expect(again.bundlePem('bank')).toBeDefined();
});

test('whoever takes the ledger away, too, has a new CA made, and its leaves are replaced together with it', async () => {
  const { authority, open, at } = await made();
  for (const record of ['tenants/shop', 'tenants']) await rm(at(`${record}.sealed`));
  const again = await open();
  expect((await again.ensure(wanted)).failures).toEqual([]);
  expect(again.bundlePem('shop')).not.toBe(authority.bundlePem('shop'));
  expect(again.leaf(cart)?.certificateChainPem).toContain(again.bundlePem('shop'));
});

test('a changed trust domain is refused with both names and the folder', async () => {
  const { open, stateFolder } = await made();
  await expect(open('other.example')).rejects.toMatchObject({ code: 'trust-domain-changed' });
  for (const said of [stateFolder, 'mesh.example', 'other.example'])
    await expect(open('other.example')).rejects.toThrow(said);
});

test('a start that died between the sealing key and the root begins again with that key', async () => {
  const stateFolder = await temporaryFolder();
  const key = Buffer.alloc(32, 5).toString('base64');
  await writeFile(join(stateFolder, 'seal.key'), key, { mode: 0o600 });
  const open = () => openAuthority({ stateFolder, trustDomain: 'mesh.example', ports: fakePorts() });
  const { rootPem } = await open();
  expect((await open()).rootPem).toBe(rootPem);
  expect(await readFile(join(stateFolder, 'seal.key'), 'utf8')).toBe(key);
});

test('what a crash left half written is passed over', async () => {
  const { open, at, authority } = await made();
  await writeFile(at('leaves/shop/.new-0000.sealed'), 'half');
  const again = await open();
  expect(await again.ensure(wanted)).toEqual({ changed: true, failures: [] });
  expect(again.rootPem).toBe(authority.rootPem);
});
