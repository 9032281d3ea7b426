import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { tokenLifetimeMs } from '../../src/identity/token-issuer.io.ts';
import { WorkloadFiles } from '../../src/identity/workload-files.io.ts';
import { fakePorts } from './fake-ports.ts';
import { temporaryFolder } from './temporary-folder.ts';

const cart = { workload: 'shop/cart-0', serviceAccount: 'cart' };
const ledger = { workload: 'bank/ledger-0', serviceAccount: 'ledger' };

async function prepared() {
  const ports = fakePorts();
  const authority = await openAuthority({
    stateFolder: await temporaryFolder(),
    trustDomain: 'mesh.example',
    ports,
  });
  const folder = await temporaryFolder();
  const { rootPem, tokens } = authority;
  const files = new WorkloadFiles({ folder, rootPem, tokens, clock: ports.clock });
  const read = (path: string) => readFile(join(folder, path), 'utf8');
  return { ports, authority, folder, files, read };
}

test('each workload gets the root, a token of its own, and the two files that name them to Envoy', async () => {
  const { authority, files, folder, read } = await prepared();
  expect((await files.sync([cart, ledger])).renewed).toEqual(['bank/ledger-0', 'shop/cart-0']);
  expect(await read('shop/cart-0/secrets/root.crt')).toBe(authority.rootPem);
  expect(await authority.tokens.verifyToken(await read('shop/cart-0/secrets/token'))).toMatchObject(cart);
  expect(await authority.tokens.verifyToken(await read('bank/ledger-0/secrets/token'))).toMatchObject(ledger);
  const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
  const secrets = join(folder, 'shop/cart-0/secrets');
  expect(JSON.parse(await read('shop/cart-0/mesh-root.sds.json'))).toEqual({
    resources: [
      {
        '@type': type,
        name: 'mesh-root',
        validation_context: { trusted_ca: { filename: `${secrets}/root.crt` }, watched_directory: { path: secrets } },
      },
    ],
  });
  expect(JSON.parse(await read('shop/cart-0/token.sds.json'))).toEqual({
    resources: [{ '@type': type, name: 'token', generic_secret: { secret: { filename: `${secrets}/token` } } }],
  });
});

test('folders are 0700, files 0600, and nothing temporary stays', async () => {
  const { files, folder } = await prepared();
  await files.sync([cart]);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  expect(entries.map(({ name }) => name).sort()).toEqual(
    ['cart-0', 'mesh-root.sds.json', 'root.crt', 'secrets', 'shop', 'token', 'token.sds.json'].sort(),
  );
  for (const entry of entries) {
    const { mode } = await stat(join(entry.parentPath, entry.name));
    expect((mode & 0o777).toString(8)).toBe(entry.isDirectory() ? '700' : '600');
  }
});

test('a token is renewed at half life by a move, and nothing else is touched', async () => {
  const { files, folder, ports, read } = await prepared();
  const { nextRenewalMs } = await files.sync([cart]);
  expect(nextRenewalMs).toBeGreaterThan(ports.clock.nowMs() + tokenLifetimeMs * 0.39);
  expect(nextRenewalMs).toBeLessThanOrEqual(ports.clock.nowMs() + tokenLifetimeMs / 2);
  const inodeOf = async (name: string) => (await stat(join(folder, 'shop/cart-0', name))).ino;
  const names = ['secrets/token', 'secrets/root.crt', 'token.sds.json', 'mesh-root.sds.json'];
  const before = await Promise.all(names.map(inodeOf));
  const token = await read('shop/cart-0/secrets/token');
  ports.clock.set(nextRenewalMs - 1);
  expect((await files.sync([cart])).renewed).toEqual([]);
  ports.clock.set(nextRenewalMs);
  expect((await files.sync([cart])).renewed).toEqual(['shop/cart-0']);
  expect(await read('shop/cart-0/secrets/token')).not.toBe(token);
  const after = await Promise.all(names.map(inodeOf));
  expect(after.map((inode, index) => inode !== before[index])).toEqual([true, false, false, false]);
});

test('after the clock was set back nobody is left with a token of the future', async () => {
  const { authority, files, folder, ports } = await prepared();
  const all = [cart, ledger];
  await files.sync(all);
  ports.clock.advance(-tokenLifetimeMs);
  expect((await files.sync(all)).renewed).toEqual(['bank/ledger-0', 'shop/cart-0']);
  const token = await readFile(join(folder, 'shop/cart-0/secrets/token'), 'utf8');
  expect(await authority.tokens.verifyToken(token)).toMatchObject(cart);
  expect((await files.sync(all)).renewed).toEqual([]);
});

test('a workload that changes its service account gets a new token at once', async () => {
  const { authority, files, read } = await prepared();
  await files.sync([cart]);
  await files.sync([{ ...cart, serviceAccount: 'other' }]);
  expect(await authority.tokens.verifyToken(await read('shop/cart-0/secrets/token'))).toMatchObject({
    serviceAccount: 'other',
  });
});

test('the folder of a vanished workload is removed, also after a restart', async () => {
  const { authority, files, folder, ports } = await prepared();
  await files.sync([cart, ledger]);
  const { rootPem, tokens } = authority;
  const restarted = new WorkloadFiles({ folder, rootPem, tokens, clock: ports.clock });
  expect((await restarted.sync([ledger])).removed).toEqual(['shop/cart-0']);
  expect(await readdir(join(folder, 'shop'))).toEqual([]);
});

test('a folder that is not ours, and what a symbolic link leads to, are never removed', async () => {
  const { files, folder } = await prepared();
  const elsewhere = await temporaryFolder();
  await mkdir(join(folder, 'home/person'), { recursive: true });
  await writeFile(join(folder, 'home/person/letter.txt'), 'dear');
  await writeFile(join(elsewhere, 'token.sds.json'), '{}');
  await symlink(elsewhere, join(folder, 'home/linked'));
  expect((await files.sync([])).removed).toEqual([]);
  expect(await readdir(elsewhere)).toEqual(['token.sds.json']);
  expect(await readdir(join(folder, 'home/person'))).toEqual(['letter.txt']);
});

test('a workload key that climbs out of the folder is refused', async () => {
  const { files } = await prepared();
  await expect(files.sync([{ workload: '../escape', serviceAccount: 'a' }])).rejects.toThrow('no workload key');
});

test('the very same list again looks through no folder until a token is due', async () => {
  const { files, folder, ports } = await prepared();
  const all = [cart, ledger];
  const { nextRenewalMs } = await files.sync(all);
  // A folder that a pass would remove, put there behind its back.
  const late = join(folder, 'shop/late-0');
  await mkdir(late);
  await writeFile(join(late, 'token.sds.json'), '{}');
  expect(await files.sync(all)).toEqual({ renewed: [], removed: [], nextRenewalMs });
  expect(await readdir(join(folder, 'shop'))).toEqual(['cart-0', 'late-0']);
  ports.clock.set(nextRenewalMs);
  expect((await files.sync(all)).renewed).toHaveLength(1);
});

test('a withheld workload keeps its files and gets no new token, until it is withheld no more', async () => {
  const { ports, files, read } = await prepared();
  await files.sync([cart, ledger]);
  const before = await read('shop/cart-0/secrets/token');
  const withheld = new Set([cart.workload]);
  ports.clock.advance(tokenLifetimeMs);
  expect((await files.sync([cart, ledger], withheld)).renewed).toEqual(['bank/ledger-0']);
  expect(await read('shop/cart-0/secrets/token')).toBe(before);
  expect((await files.sync([cart, ledger])).renewed).toEqual(['shop/cart-0']);
  expect(await read('shop/cart-0/secrets/token')).not.toBe(before);
});
