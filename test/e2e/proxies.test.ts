/**
 * `coffre proxy status | diff | config` against a running control plane and its sidecars, under both kinds of capture.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { startEnvoy } from '../../src/lab/envoy-process.ts';
import { labSupport } from '../../src/lab/lab-support.ts';
import { MeshLab, type MeshLabOptions } from '../../src/lab/mesh-lab.ts';

const demo = join(import.meta.dirname, '../../deploy/demo');
const modes: readonly NonNullable<MeshLabOptions['mode']>[] = [
  ...[labSupport().kind].filter((kind) => kind !== 'none'),
  'loopback',
];
/** Longest wait for every sidecar to have accepted everything, in ms. */
const settleMs = 20_000;

async function coffre(mesh: MeshLab, ...args: readonly string[]) {
  let [out, code] = ['', 0];
  await runProgram(['proxy', ...args, '--state', mesh.stateFolder], {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      out += text;
    },
    setExitCode: (exit) => {
      code = exit;
    },
    nowMs: Date.now,
    signal: new AbortController().signal,
  });
  return { out, code };
}

describe.each(modes)('in a mesh of the lab, mode %s', (mode) => {
  test('every sidecar holds what it was sent, and one that was started with more shows it', async () => {
    const mesh = await MeshLab.start({ folder: demo, mode });
    try {
      await expect.poll(async () => (await coffre(mesh, 'status')).code, { timeout: settleMs }).toBe(0);
      const sidecars = mesh.pods().flatMap(({ key, envoy }) => (envoy === undefined ? [] : [key]));
      expect(sidecars.length).toBeGreaterThan(4);
      for (const key of sidecars) {
        expect({ key, ...(await coffre(mesh, 'diff', key)) }).toMatchObject({
          code: 0,
          out: expect.stringContaining(`${key} holds what it was sent`),
        });
      }
      const [key = ''] = sidecars;
      expect((await coffre(mesh, 'config', key, '--type', 'LDS')).out).toMatch(/^LDS +inspection +active$/m);

      const { process: honest, adminSocket } = mesh.sidecar(key);
      await honest.kill('SIGKILL');
      await honest.exited;
      const path = join(dirname(adminSocket), 'bootstrap.json');
      const bootstrap = JSON.parse(readFileSync(path, 'utf8'));
      bootstrap.staticResources.clusters.push({ name: 'backdoor', type: 'STATIC', connectTimeout: '1s' });
      const bootstrapPath = join(dirname(adminSocket), 'more.json');
      writeFileSync(bootstrapPath, JSON.stringify(bootstrap));
      const more = await startEnvoy(mesh.lab, key, { bootstrapPath, name: 'more' });
      await more.waitLive();
      await expect
        .poll(async () => JSON.parse((await coffre(mesh, 'diff', key, '-o', 'json')).out).differences, {
          timeout: settleMs,
        })
        .toEqual([{ kind: 'extra', type: 'CDS', name: 'backdoor (static)' }]);
    } finally {
      await mesh.stop();
    }
  });
});
