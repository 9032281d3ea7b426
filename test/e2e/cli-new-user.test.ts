/**
 * What somebody new does on the first day, by the commands alone and with a real Envoy: up, status, a sidecar by the
 * printed line, a broken file, and the state folder lost and restored without the sidecar being told anything new.
 */
import { execFile } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { delimiter, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MeshStatus } from '../../src/admin/mesh-status.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import type { LabProcess } from '../../src/lab/lab-process.ts';
import { hostPlace } from '../../src/lab/protocol.ts';
import { eachMode, labTestMs } from '../lab/each-mode.ts';

const repo = resolve(import.meta.dirname, '../..');
const envoyFolder = join(repo, '.cache/envoy/envoy/_bin');
const script = join(repo, 'src/cli/main.ts');
/** Longest wait for something that takes about a second, in ms. */
const patienceMs = 20_000;

eachMode('the first day with the command line', (mode) => {
  let lab: Lab;
  let up: LabProcess;
  let mesh: string;
  let state: string;
  let sidecar: string;

  beforeAll(async () => {
    lab = await startLab({ mode });
    [mesh, state, sidecar] = [join(lab.dir, 'mesh'), join(lab.privateDir, 's'), join(lab.privateDir, 'sidecar')];
    cpSync(join(repo, 'deploy/demo'), mesh, { recursive: true });
    up = await startUp();
  }, labTestMs);
  afterAll(() => lab?.stop());

  test('up says what is served, where, and what to try', async () => {
    await up.waitForLine(/sidecars connect to +10\.\S+:15012/, patienceMs);
    await up.waitForLine(/outsider\/pod\.yaml:\d+: .*write a `Tenant`/, patienceMs);
    const { code, out } = await coffre('status', '--state', state);
    expect(out).toMatch(/atelier\/web-1 +not connected/);
    expect(code).toBe(1);
  });

  test('the line that proxy bootstrap prints starts an Envoy that becomes live and accepts everything', async () => {
    const { code, out } = await coffre('proxy', 'bootstrap', 'atelier/web-1', '--out', sidecar, '--state', state);
    expect(code).toBe(0);
    // The two ways out of the demo's tenant: names that no cluster's DNS knows.
    const hosts = readFileSync(join(sidecar, 'hosts'), 'utf8').trimEnd().split('\n');
    expect(hosts).toEqual([
      expect.stringMatching(/^\S+ archive\.example$/),
      expect.stringMatching(/^\S+ cadastre\.example$/),
    ]);
    for (const host of hosts) expect(out).toContain(`  ${host}\n`);
    const line = /^ {2}(envoy .*)$/m.exec(out)?.[1] ?? '';
    await lab.spawn({
      in: hostPlace,
      argv: ['/bin/sh', '-c', line],
      confined: false,
      name: 'sidecar',
      env: { PATH: [envoyFolder, '/usr/bin', '/bin'].join(delimiter) },
    });
    await until(async () => (await envoy('/ready')) === 'LIVE\n');
    const types = await until(async () => syncedTypes(await status()));
    expect(types).toEqual(expect.arrayContaining(['CDS', 'LDS', 'SDS', 'RTDS']));
  });

  test('a broken file is told by `up` and by `check`, with its line, and status ends with 1', async () => {
    writeFileSync(join(mesh, 'atelier/broken.yaml'), grantTo('apu'));
    await up.waitForLine(/atelier\/broken\.yaml:\d+: .*`apu`/, patienceMs);
    const { code, out } = await coffre('check', mesh);
    expect({ code, told: /^error: atelier\/broken\.yaml:\d+/m.test(out) }).toEqual({ code: 1, told: true });
    expect((await status()).wrong).toContainEqual(expect.stringMatching(/^atelier\/broken\.yaml:\d+ is not in force$/));
    rmSync(join(mesh, 'atelier/broken.yaml'));
    await up.waitForLine(/solved: atelier\/broken\.yaml/, patienceMs);
  });

  test('backed up, destroyed and restored, the same Envoy comes back and is told nothing new', async () => {
    const [file, phrase] = [join(lab.privateDir, 'backup'), join(lab.privateDir, 'phrase')];
    writeFileSync(phrase, 'correct horse battery\n', { mode: 0o600 });
    expect(await coffre('backup', '--state', state, '--out', file, '--passphrase-file', phrase)).toMatchObject({
      code: 0,
    });
    const before = {
      certificates: await serials(),
      deliveries: await deliveries(),
      revision: (await status()).revision,
    };
    expect(before.certificates.length).toBeGreaterThan(0);
    expect([...before.deliveries.keys()].filter((name) => name.includes('sds'))).not.toEqual([]);

    await up.kill('SIGKILL');
    await up.exited;
    rmSync(state, { recursive: true });
    await until(async () =>
      (await envoy('/stats?filter=control_plane.connected_state')).includes('connected_state: 0'),
    );
    expect(await coffre('restore', file, '--state', state, '--passphrase-file', phrase)).toMatchObject({ code: 0 });
    up = await startUp();

    await until(async () => syncedTypes(await status()));
    expect({
      certificates: await serials(),
      deliveries: await deliveries(),
      revision: (await status()).revision,
    }).toEqual(before);
  });

  test('a worker that is killed is told and started again, and so is the control plane, whose end ends no worker', {
    timeout: 2 * labTestMs,
  }, async () => {
    const synced = async () => {
      const { out } = await coffre('status', '--state', state, '-o', 'json');
      if (out === '') return undefined; // the control plane does not answer yet
      const { workers = [] }: MeshStatus = JSON.parse(out);
      return workers.length === 2 && workers.every(({ state }) => state === 'SYNCED')
        ? workers.map(({ address }) => address)
        : undefined;
    };
    const before = await until(synced);
    const stayed = async (count: number) => {
      const now = await synced();
      return now?.filter((address) => before.includes(address)).length === count;
    };
    await kill('--listen \\S*:15016');
    await up.waitForLine(/authorization worker 1 ended by itself \(SIGKILL\); it is started again in/, patienceMs);
    await until(() => stayed(1));

    await kill('src/main\\.ts');
    await up.waitForLine(/control plane ended by itself \(SIGKILL\); it is started again in/, patienceMs);
    await until(() => stayed(0));
    expect(readFileSync(up.stderrPath, 'utf8').match(/ended by itself/g)?.length).toBe(2);
  });

  test('Ctrl-C ends all processes, and the command with 0', async () => {
    await up.kill('SIGINT');
    expect(await up.exited).toMatchObject({ code: 0 });
    expect((await coffre('status', '--state', state)).code).toBe(3);
  });

  /** Kills the one process of `up` whose command line matches. @param pattern of `grep`. */
  async function kill(pattern: string): Promise<void> {
    const script =
      'for p in $(cat /proc/$1/task/$1/children); do tr "\\0" " " < /proc/$p/cmdline | grep -q -e "$2" && kill -9 $p; done';
    const argv = ['/bin/sh', '-c', script, 'sh', String(up.pid), pattern];
    await lab.run({ in: hostPlace, argv, confined: false, timeoutMs: patienceMs });
  }

  async function startUp(): Promise<LabProcess> {
    const address = lab.host.ipv4;
    const flags = ['--state', state, '--xds', `${address}:15012`, '--authz', `${address}:15016`];
    const process_ = await lab.spawn({
      in: hostPlace,
      argv: [process.execPath, script, 'up', mesh, ...flags],
      confined: false,
      name: 'up',
    });
    await process_.waitForLine(/Ctrl-C ends it all/, patienceMs);
    return process_;
  }

  async function status(): Promise<MeshStatus> {
    return JSON.parse((await coffre('status', '--state', state, '-o', 'json')).out);
  }

  /** Envoy's own admin interface, in the folder that bootstrap made. */
  function envoy(path: string): Promise<string> {
    return new Promise((answered) => {
      const call = request({ socketPath: join(sidecar, 'admin.sock'), path }, async (response) => {
        answered(Buffer.concat(await response.toArray()).toString('utf8'));
      });
      call.once('error', (error) => answered(error.message));
      call.end();
    });
  }

  async function serials(): Promise<readonly string[]> {
    return [...(await envoy('/certs')).matchAll(/"serial_number": "(\w+)"/g)].map(([, serial = '']) => serial).sort();
  }

  /** How many times each thing was delivered to Envoy and taken, counted by Envoy. */
  async function deliveries(): Promise<ReadonlyMap<string, number>> {
    const lines = (await envoy('/stats?usedonly&filter=(update_success|ssl_context_update_by_sds)')).trim().split('\n');
    return new Map(lines.map((line) => [line.split(': ')[0] ?? '', Number(line.split(': ')[1])]));
  }
});

/** @returns the types of the sidecar, once it is connected and all of them are in sync. */
function syncedTypes({ proxies }: MeshStatus): readonly string[] | undefined {
  const proxy = proxies.find(({ workload }) => workload === 'atelier/web-1');
  const synced = proxy?.connected !== undefined && proxy.types.length >= 4;
  return synced && proxy.types.every(({ state }) => state === 'SYNCED')
    ? proxy.types.map(({ type }) => type)
    : undefined;
}

function grantTo(service: string): string {
  return `apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: broken, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: ${service} }, reason: a test }
`;
}

function coffre(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  return new Promise((ended) => {
    execFile(process.execPath, [script, ...args], (error, out, err) => {
      ended({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

/** Asks again until the answer is neither false nor absent. */
async function until<T>(question: () => Promise<T | false | undefined>): Promise<T> {
  const endMs = Date.now() + patienceMs;
  for (;;) {
    const answer = await question();
    if (answer !== false && answer !== undefined) return answer;
    if (Date.now() > endMs) throw new Error(`still not so after ${patienceMs} ms: ${question}`);
    await new Promise((again) => setTimeout(again, 100));
  }
}
