/** A backup is the same mesh again, or it is refused; never half of one, and never its key by accident. */
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type BackupResult, backup, type KeyCustody, restore } from '../../src/admin/backup.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { StateError } from '../../src/identity/state-error.ts';
import { fakePorts, hourMs } from '../identity/fake-ports.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';

const trustDomain = 'mesh.test';
const cart = `spiffe://${trustDomain}/ns/shop/sa/cart`;
const ports = fakePorts();
const passphrase: KeyCustody = { kind: 'passphrase', passphrase: 'correct horse battery' };
const clear: KeyCustody = { kind: 'clear' };

async function meshIn(stateFolder: string, keyFile?: string) {
  const options = { stateFolder, trustDomain, ports, ...(keyFile === undefined ? {} : { keyFile }) };
  const authority = await openAuthority(options);
  await authority.ensure({ tenants: ['empty'], spiffeIds: [cart], leafLifetimeMs: 24 * hourMs });
  const { token } = await authority.tokens.mintToken({ workload: 'shop/cart-0', serviceAccount: 'cart' });
  const leaf = authority.leaf(cart);
  return {
    token,
    authority,
    trust: [
      authority.rootPem,
      authority.bundlePem('shop'),
      authority.bundlePem('empty'),
      leaf?.certificateChainPem,
      leaf?.privateKeyPem.reveal(),
    ],
  };
}

async function folders() {
  const base = await temporaryFolder();
  return { state: join(base, 'state'), file: join(base, 'mesh.backup'), keyFile: join(base, 'elsewhere.key') };
}

function expectRefused(result: BackupResult, advice: RegExp): void {
  expect(result).toEqual({ kind: 'refused', message: expect.any(String), advice: expect.stringMatching(advice) });
}

test.each([passphrase, clear])(
  'destroyed and restored, it is the same mesh: root, anchors, leaves and token key ($kind)',
  async (custody) => {
    const { state, file } = await folders();
    const before = await meshIn(state);
    expect(await backup({ stateFolder: state, file, custody, ports })).toMatchObject({ kind: 'done' });
    await rm(state, { recursive: true });
    expect(await restore({ stateFolder: state, file, custody, ports })).toMatchObject({ kind: 'done' });
    const after = await meshIn(state);
    expect(after.trust).toEqual(before.trust);
    expect(await after.authority.tokens.verifyToken(before.token)).toMatchObject({ kind: 'ok' });
  },
);

test('a key that is kept elsewhere stays there, and restores from there only', async () => {
  const { state, file, keyFile } = await folders();
  await writeFile(keyFile, randomBytes(32).toString('base64'), { mode: 0o600 });
  const custody: KeyCustody = { kind: 'elsewhere', keyFile };
  const before = await meshIn(state, keyFile);
  await backup({ stateFolder: state, file, custody, ports });
  await rm(state, { recursive: true });
  expectRefused(await restore({ stateFolder: state, file, custody: clear, ports }), /--state-key-file/);
  await restore({ stateFolder: state, file, custody, ports });
  expect((await meshIn(state, keyFile)).trust).toEqual(before.trust);
});

describe('the archive', () => {
  test('holds neither the sealing key nor a private key where it is under a passphrase', async () => {
    const { state, file } = await folders();
    await meshIn(state);
    await backup({ stateFolder: state, file, custody: passphrase, ports });
    const key = await readFile(join(state, 'seal.key'), 'utf8');
    const text = await readFile(file, 'utf8');
    const decoded = text.replaceAll(/"[A-Za-z0-9+/=]{40,}"/g, (word) => Buffer.from(word, 'base64').toString('latin1'));
    for (const secret of [key, Buffer.from(key, 'base64').toString('latin1'), 'PRIVATE KEY']) {
      expect(text + decoded).not.toContain(secret);
    }
  });

  test('of a folder with a damaged record is not written', async () => {
    const { state, file } = await folders();
    await meshIn(state);
    await writeFile(join(state, 'leaves/shop/cart.sealed'), 'rubbish');
    await expect(backup({ stateFolder: state, file, custody: clear, ports })).rejects.toThrow(StateError);
    await expect(readFile(file)).rejects.toThrow(/ENOENT/);
  });

  test('of a folder without a mesh is refused, and none is made there', async () => {
    const { state, file } = await folders();
    await mkdir(state);
    expectRefused(await backup({ stateFolder: state, file, custody: clear, ports }), /--state/);
    expect(await readdir(state)).toEqual([]);
  });
});

describe('a restore is all or nothing', () => {
  async function archive() {
    const paths = await folders();
    await meshIn(paths.state);
    await backup({ stateFolder: paths.state, file: paths.file, custody: passphrase, ports });
    await rm(paths.state, { recursive: true });
    return paths;
  }

  test('a wrong passphrase is told', async () => {
    const { state, file } = await archive();
    const wrong: KeyCustody = { kind: 'passphrase', passphrase: 'correct horse batterie' };
    expectRefused(await restore({ stateFolder: state, file, custody: wrong, ports }), /made with/);
    await expect(readdir(state)).rejects.toThrow(/ENOENT/);
  });

  test('a folder that holds anything is never overwritten', async () => {
    const { state, file } = await archive();
    await mkdir(state);
    await writeFile(join(state, 'note'), 'mine');
    expectRefused(
      await restore({ stateFolder: state, file, custody: passphrase, ports }),
      /never overwritten|nothing is ever overwritten/,
    );
    expect(await readdir(state)).toEqual(['note']);
  });

  test('one flipped byte in any record leaves no folder behind', async () => {
    const { state, file } = await archive();
    const whole = JSON.parse(await readFile(file, 'utf8'));
    for (const name of Object.keys(whole.records)) {
      const bytes = Buffer.from(whole.records[name], 'base64');
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
      await writeFile(
        file,
        JSON.stringify({ ...whole, records: { ...whole.records, [name]: bytes.toString('base64') } }),
      );
      await expect(restore({ stateFolder: state, file, custody: passphrase, ports }), name).rejects.toThrow(StateError);
    }
    expect(await readdir(join(state, '..'))).toEqual(['mesh.backup']);
  });

  test.each([
    ['is cut off', (text: string) => text.slice(0, -10)],
    ['is something else', () => '{}'],
    ['lacks its root', (text: string) => text.replace('"root"', '"toor"')],
    ['names a record outside of the folder', (text: string) => text.replace('"leaves/shop/cart"', '"../../cart"')],
    ['names a hidden record', (text: string) => text.replace('"leaves/shop/cart"', '".bashrc"')],
  ])('an archive that %s is refused', async (_, damage) => {
    const { state, file } = await archive();
    await writeFile(file, damage(await readFile(file, 'utf8')));
    expectRefused(await restore({ stateFolder: state, file, custody: passphrase, ports }), /earlier copy/);
  });

  test('a folder that exists and is empty is taken, and made private', async () => {
    const { state, file } = await archive();
    await mkdir(state);
    await chmod(state, 0o755);
    expect(await restore({ stateFolder: state, file, custody: passphrase, ports })).toMatchObject({ kind: 'done' });
    const digest = createHash('sha256')
      .update(await readFile(join(state, 'root.sealed')))
      .digest('hex');
    const { records } = JSON.parse(await readFile(file, 'utf8'));
    expect(digest).toBe(createHash('sha256').update(Buffer.from(records.root, 'base64')).digest('hex'));
  });
});
