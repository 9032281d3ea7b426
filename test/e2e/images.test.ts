/**
 * The images, packed as for a registry, unpacked again and run as a pod runs them: root read-only, no capability that is
 * not named, nobody's user where it is not the redirect.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { interceptionRules } from '../../src/envoy/redirect.ts';
import { redirectContainer } from '../../src/kube/inject/redirect-container.ts';
import { defaultSettings } from '../../src/kube/inject/settings.ts';
import { freePort } from '../fixtures/free-port.ts';
import { startContainer, type Unpacked, unpackImage } from './images/unpacked-image.ts';

const run = promisify(execFile);
const repo = join(import.meta.dirname, '../..');
let work: string;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'coffre-image-test-'));
});
afterAll(() => rm(work, { recursive: true }));

async function made(name: string, folder: string): Promise<{ readonly said: string; readonly image: Unpacked }> {
  const { stdout } = await run(process.execPath, ['tools/images.ts', '--out', folder, name], { cwd: repo });
  return { said: stdout, image: await unpackImage(join(folder, 'layout'), name, join(folder, 'unpacked')) };
}

interface File {
  readonly path: string;
  readonly mode: number;
}

async function filesOf(root: string): Promise<readonly File[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.map(async (file) => ({ path: file.slice(root.length), mode: (await lstat(file)).mode })));
}

interface Bill {
  readonly components: readonly { readonly name: string; readonly version: string; readonly purl: string }[];
}

const billOf = async ({ root }: Unpacked): Promise<Bill> =>
  JSON.parse(await readFile(join(root, 'usr/share/coffre/sbom.cdx.json'), 'utf8'));

describe('the image of the control plane', () => {
  let image: Unpacked;
  beforeAll(async () => {
    ({ image } = await made('coffre', join(work, 'coffre')));
  });

  test('has one program, no shell, and no file that lends its owner’s rights', async () => {
    const files = await filesOf(image.root);
    const programs = files.filter(({ path }) => /^\/usr\/(local\/)?s?bin\//.test(path)).map(({ path }) => path);
    expect(programs).toEqual(['/usr/bin/node']);
    expect(files.filter(({ mode }) => (mode & 0o6000) !== 0)).toEqual([]);
    expect(image).toMatchObject({ user: 65_532, group: 65_532, entrypoint: ['/usr/bin/node'] });
  });

  test('bears a bill that names what npm laid down, each by its version', async () => {
    const { components } = await billOf(image);
    const listed = new Set(components.map(({ name, version }) => `${name}@${version}`));
    const manifests = (await filesOf(image.root))
      .map(({ path }) => path)
      .filter((path) => /\/node_modules\/(@[^/]+\/)?[^/@]+\/package\.json$/.test(path));
    expect(manifests.length).toBeGreaterThan(50);
    for (const path of manifests) {
      const { name, version } = JSON.parse(await readFile(join(image.root, path), 'utf8'));
      expect(listed, path).toContain(`${name}@${version}`);
    }
    expect(listed).toContain(`node@${process.versions.node}`);
    expect(components.map(({ purl }) => purl)).toContainEqual(expect.stringMatching(/^pkg:deb\/debian\/libc6@/));
  });

  test('serves a mesh as nobody, with a root that is read-only', async () => {
    const mesh = join(work, 'mesh');
    await cp(join(repo, 'deploy/demo'), mesh, { recursive: true });
    const [xds, evidence] = [await freePort(), await freePort()];
    const args = [
      ...['/coffre/src/main.ts', '--folder', '/var/run/coffre', '--state', '/var/lib/coffre/state'],
      ...['--xds', `127.0.0.1:${xds}`, '--evidence', `127.0.0.1:${evidence}`],
    ];
    const mounts = { '/tmp': 'memory', '/var/lib/coffre': 'memory', '/var/run/coffre': { folder: mesh } } as const;
    const child = startContainer(image, args, { mounts });
    const said: string[] = [];
    child.stderr?.on('data', (chunk) => said.push(String(chunk)));
    try {
      const lines = child.stdout && createInterface({ input: child.stdout });
      for await (const line of lines ?? []) {
        said.push(line);
        if (line.includes('"msg":"serving"')) break;
      }
      expect(said.join('\n')).toContain('"msg":"serving"');
    } finally {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'close');
    }
    expect(child.exitCode, said.join('\n')).toBe(0);
  });

  test('runs a worker, which says what it misses', async () => {
    const child = startContainer(image, ['/coffre/src/worker.ts'], {});
    const said: string[] = [];
    child.stderr?.on('data', (chunk) => said.push(String(chunk)));
    const [code] = await once(child, 'close');
    expect({ code, said: said.join('') }).toMatchObject({ code: 2, said: expect.stringContaining('--xds') });
  });
});

describe('the image of the redirect', () => {
  let image: Unpacked;
  let said: string;
  beforeAll(async () => {
    ({ image, said } = await made('coffre-redirect', join(work, 'redirect')));
  });

  test('is the same bytes whenever it is made', async () => {
    expect((await made('coffre-redirect', join(work, 'again'))).said).toBe(said);
    expect(said).toMatch(/^coffre-redirect@sha256:[0-9a-f]{64} {2}\d/);
  });

  test('has a shell and iptables, and no other program', async () => {
    const files = (await filesOf(image.root)).map(({ path }) => path);
    const programs = files.filter((path) => /^\/usr\/s?bin\//.test(path)).sort();
    expect(programs).toEqual(['/usr/bin/sh', '/usr/sbin/ip6tables-restore', '/usr/sbin/iptables-restore']);
    const { components } = await billOf(image);
    expect(components.map(({ name }) => name)).toEqual(expect.arrayContaining(['dash', 'iptables', 'libc6']));
  });

  test('loads an injected pod’s rules with NET_ADMIN alone', async () => {
    const settings = {
      ...defaultSettings,
      ...{ revision: 'test', version: '0', envoyImage: 'envoy', redirectImage: 'redirect' },
      controlPlane: { address: '10.96.0.9', port: 15_012 },
    };
    const user = 1_900_000_001;
    const { command, env } = redirectContainer(settings, user);
    const network = `coffre-image-${process.pid}`;
    await run('ip', ['netns', 'add', network]);
    try {
      const child = startContainer({ ...image, entrypoint: [...command] }, [], {
        ...{ network, capabilities: ['net_admin'] },
        env: Object.fromEntries(env.map(({ name, value }) => [name, value])),
      });
      const told: string[] = [];
      child.stderr?.on('data', (chunk) => told.push(String(chunk)));
      const [code] = await once(child, 'close');
      expect({ code, told: told.join('') }).toEqual({ code: 0, told: '' });
      const { stdout } = await run('ip', ['netns', 'exec', network, 'iptables-save']);
      const rules = interceptionRules({
        family: 4,
        sidecar: { kind: 'user', user },
        dnsResolvers: settings.dnsResolvers,
      });
      const appended = (text: string) => text.split('\n').filter((line) => line.startsWith('-A')).length;
      expect(appended(stdout)).toBe(appended(rules));
      expect(appended(rules)).toBeGreaterThan(5);
    } finally {
      await run('ip', ['netns', 'delete', network]);
    }
  });
});

test.each([
  [[], 'where to?'],
  [['--out', '/tmp', 'envoy'], 'there is no image `envoy`'],
])('%j is answered by what to write', async (args, words) => {
  const failed = await run(process.execPath, ['tools/images.ts', ...args], { cwd: repo }).catch((error) => error);
  expect(failed).toMatchObject({ code: 2, stderr: expect.stringContaining(words) });
});
