/** What a sidecar needs, moved to where it will run: the same words, other paths. */
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostsLines, readProxyFolder, relocate, tokenEndMs, writeProxyFolder } from '../../src/admin/proxy-folder.ts';
import { bootstrapFor } from '../../src/envoy/bootstrap.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { WorkloadFiles } from '../../src/identity/workload-files.io.ts';
import { fakePorts, hourMs, startMs } from '../identity/fake-ports.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';

const ports = fakePorts();
const workload = 'shop/cart-0';

/** As the control plane keeps it. */
async function kept(): Promise<string> {
  const { rootPem, tokens } = await openAuthority({
    stateFolder: await temporaryFolder(),
    trustDomain: 'mesh.test',
    ports,
  });
  const files = new WorkloadFiles({ folder: await temporaryFolder(), rootPem, tokens, clock: ports.clock });
  await files.sync([{ workload, serviceAccount: 'cart' }]);
  const folder = files.folderOf(workload);
  const bootstrap = bootstrapFor({
    nodeId: workload,
    nodeCluster: 'shop',
    controlPlane: { address: '0.0.0.0', port: 15_012 },
    serverName: 'coffre.mesh.coffre',
    adminSocket: join(folder, 'admin.sock'),
    files: {
      rootSds: join(folder, 'mesh-root.sds.json'),
      tokenSds: join(folder, 'token.sds.json'),
      watched: join(folder, 'secrets'),
    },
    bypass: { kind: 'user' },
  });
  await writeFile(join(folder, 'bootstrap.json'), JSON.stringify(bootstrap));
  await writeFile(join(folder, 'hosts'), '240.0.0.1 bank.example\n240.0.0.2 post.example\n');
  return join(folder, '../..');
}

async function found(workloads: string) {
  const folder = await readProxyFolder(workloads, workload);
  if (folder === undefined) throw new Error('the folder was not found');
  return folder;
}

test('nothing that was moved speaks of the old place, and every path leads into the new one', async () => {
  const before = await found(await kept());
  const folder = join(await temporaryFolder(), 'there');
  const moved = relocate(before, { folder });
  await writeProxyFolder(moved);
  expect(JSON.stringify(moved)).not.toContain(before.folder);
  for (const [name, text] of Object.entries(moved.files)) {
    expect(await readFile(join(folder, name), 'utf8')).toBe(text);
    expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  }
  const paths = [...moved.files['bootstrap.json'].matchAll(/"path": "([^"]+)"/g)].map(([, path]) => path);
  expect(paths).toHaveLength(10);
  expect(paths.every((path) => path?.startsWith(`${folder}/`))).toBe(true);
  expect(moved.files['secrets/token']).toBe(before.files['secrets/token']);
});

test('a folder whose name begins like the old one is another folder', () => {
  const files = {
    'secrets/root.crt': '',
    'secrets/token': '',
    'mesh-root.sds.json': '{"a":"/w/shop/cart-01/x","b":"/w/shop/cart-0"}',
    'token.sds.json': '{}',
    'bootstrap.json': '{}',
    hosts: '',
  };
  const moved = relocate({ workload, folder: '/w/shop/cart-0', files }, { folder: '/there' });
  expect(JSON.parse(moved.files['mesh-root.sds.json'])).toEqual({ a: '/w/shop/cart-01/x', b: '/there' });
});

test('the control plane is dialled where that machine reaches it, if that is said', async () => {
  const before = await found(await kept());
  const controlPlane = { address: '192.0.2.7', port: 25_012 };
  const sockets = (text: string) =>
    [...text.matchAll(/"address":\s*"([\d.]+)",\s*"portValue":\s*(\d+)/g)].map(([, ...found]) => found);
  expect(sockets(relocate(before, { folder: '/x' }).files['bootstrap.json'])).toEqual([['0.0.0.0', '15012']]);
  expect(sockets(relocate(before, { folder: '/x', controlPlane }).files['bootstrap.json'])).toEqual([
    ['192.0.2.7', '25012'],
  ]);
});

test('written again with a new token, only the token moves', async () => {
  const before = await found(await kept());
  const folder = await temporaryFolder();
  const moved = relocate(before, { folder });
  await writeProxyFolder(moved);
  const inodes = () =>
    Promise.all(Object.keys(moved.files).map(async (name) => [name, (await stat(join(folder, name))).ino] as const));
  const first = new Map(await inodes());
  await writeProxyFolder({ ...moved, files: { ...moved.files, 'secrets/token': 'another' } });
  const rewritten = (await inodes()).filter(([name, inode]) => first.get(name) !== inode).map(([name]) => name);
  expect(rewritten).toEqual(['secrets/token']);
});

test('the end of a token is read from it, and of what is no token there is none', async () => {
  const before = await found(await kept());
  expect(tokenEndMs(before)).toBe(startMs + hourMs);
  for (const token of ['', 'a.b.c', 'a.bnVsbA.c', 'a.e30.c']) {
    expect(tokenEndMs({ ...before, files: { ...before.files, 'secrets/token': token } })).toBeUndefined();
  }
});

test('the lines for the hosts file move as they are, and where nothing is named there is none', async () => {
  const before = await found(await kept());
  const moved = relocate(before, { folder: '/there' });
  expect(hostsLines(moved)).toEqual(['240.0.0.1 bank.example', '240.0.0.2 post.example']);
  expect(hostsLines({ ...before, files: { ...before.files, hosts: '' } })).toEqual([]);
});

test.each(['shop/cart-1', 'shop', '../shop/cart-0', 'shop/../shop/cart-0', '/etc/passwd', ''])(
  '%j has no folder',
  async (name) => {
    expect(await readProxyFolder(await kept(), name)).toBeUndefined();
  },
);

test('a folder that is not whole yet is none', async () => {
  const workloads = await temporaryFolder();
  await mkdir(join(workloads, workload, 'secrets'), { recursive: true });
  await chmod(join(workloads, workload), 0o700);
  expect(await readProxyFolder(workloads, workload)).toBeUndefined();
});
