/**
 * The control plane as a process: what it says when it cannot start, one line with what to do and never a stack, and how
 * a person comes in by the port it opens.
 */
import { execFile } from 'node:child_process';
import { truncate } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createManagementDoor } from '../src/admin/management-door.ts';
import { runProgram } from '../src/cli/program.ts';
import { openAuthority } from '../src/identity/open-authority.io.ts';
import { systemPorts } from '../src/identity/system-ports.io.ts';
import { startServing } from './fixtures/serving-control-plane.ts';
import { temporaryFolder } from './identity/temporary-folder.ts';

const repo = resolve(import.meta.dirname, '..');
const demo = join(repo, 'deploy/demo');

interface End {
  readonly code: number;
  readonly lines: readonly string[];
}

/** Starts it on the demo's folder; it is expected to end by itself. */
function start(...flags: readonly string[]): Promise<End> {
  const argv = [join(repo, 'src/main.ts'), '--folder', demo, ...flags];
  return new Promise((ended) => {
    execFile(process.execPath, argv, { timeout: 20_000 }, (error, _, stderr) => {
      ended({ code: error === null ? 0 : Number(error.code), lines: stderr.trimEnd().split('\n') });
    });
  });
}

/** A port of loopback that somebody has. */
async function squat(): Promise<{ readonly port: number; leave(): Promise<void> }> {
  const squatter = createServer();
  await new Promise<void>((listening) => squatter.listen(0, '127.0.0.1', listening));
  const leave = () => new Promise<void>((left) => squatter.close(() => left()));
  const bound = squatter.address();
  return typeof bound === 'object' && bound !== null ? { port: bound.port, leave } : expect.fail('there is no port');
}

async function takenPort(): Promise<number> {
  const { port, leave } = await squat();
  onTestFinished(leave);
  return port;
}

test('flags that say nothing are told, each in a line', async () => {
  const { code, lines } = await start('--xds', 'here');
  expect({ code, lines }).toEqual({ code: 2, lines: [expect.stringContaining('--xds')] });
});

test('a state folder that another control plane uses is left to it', async () => {
  const state = await temporaryFolder();
  const noMesh = { ready: false, snapshot: undefined, xds: '', clients: [], certificateOf: () => undefined };
  const other = createManagementDoor(
    {
      nowMs: () => 0,
      view: () => noMesh,
      wholeSnapshot: () => undefined,
      rotations: () => undefined,
      confirmLoss: () => ({ kind: 'confirmed', objects: 12 }),
      drills: () => undefined,
      evidence: () => undefined,
      proxies: () => undefined,
      workloads: '',
    },
    () => undefined,
    () => undefined,
  );
  onTestFinished(() => other.close());
  await other.listenOnSocket(join(state, 'admin.sock'));
  const { code, lines } = await start('--state', state);
  expect({ code, lines }).toEqual({ code: 1, lines: [expect.stringContaining('another control plane serves there')] });
});

test('an address that is taken is told', async () => {
  const port = await takenPort();
  const { code, lines } = await start('--state', await temporaryFolder(), '--xds', `127.0.0.1:${port}`);
  // grpc-js says a line of its own before.
  expect({ code, last: lines.at(-1) }).toEqual({ code: 1, last: expect.stringContaining(`127.0.0.1:${port}`) });
  expect(lines.join('\n')).not.toContain('    at ');
});

test('a state folder of another mesh is refused with both names', async () => {
  const state = await temporaryFolder();
  await openAuthority({ stateFolder: state, trustDomain: 'other.mesh', ports: systemPorts });
  const { code, lines } = await start('--state', state, '--xds', `127.0.0.1:${await takenPort()}`);
  expect({ code, lines }).toEqual({
    code: 1,
    lines: [expect.stringMatching(/other\.mesh.*demo\.coffre|demo\.coffre.*other\.mesh/)],
  });
});

test('a state folder that was damaged is refused with what to restore', async () => {
  const state = await temporaryFolder();
  await openAuthority({ stateFolder: state, trustDomain: 'demo.coffre', ports: systemPorts });
  await truncate(join(state, 'root.sealed'), 10);
  const { code, lines } = await start('--state', state);
  expect({ code, lines }).toEqual({ code: 1, lines: [expect.stringMatching(/root\.sealed.*restore/)] });
});

test('SEC-39 a person comes in by the port, as far as role and tenant go, and nobody for being on loopback', async () => {
  const person = join(await temporaryFolder(), 'alice');
  const { state, admin } = await startServing();
  const issue = ['admin', 'issue', '--role', 'viewer', '--tenant', 'notaire', '--name', 'alice', '--out', person];
  expect(await coffre(...issue, '--state', state)).toMatchObject({ code: 0 });
  const status = await coffre('status', '--admin', admin, '--as', person, '-o', 'json');
  expect(JSON.parse(status.said)).toMatchObject({ ready: true, tenants: ['notaire'] });
  expect(status.said).not.toContain('atelier');
  const files = ['proxy', 'bootstrap', 'notaire/web-1', '--out', join(person, 'out')];
  expect(await coffre(...files, '--admin', admin, '--as', person)).toMatchObject({
    said: expect.stringMatching(/`alice` is viewer and `proxyFiles` is for operator/),
  });
  await expect(fetch(`https://${admin}/v1/status`, { method: 'POST' })).rejects.toThrow();
  await expect(fetch(`http://${admin}/v1/status`, { method: 'POST' })).rejects.toThrow();
});

/** The command line, in this process. */
async function coffre(...args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  let [said, code] = ['', 0];
  const take = (text: string) => {
    said += text;
  };
  await runProgram(args, {
    out: take,
    err: take,
    setExitCode: (exit) => {
      code = exit;
    },
    nowMs: Date.now,
    signal: new AbortController().signal,
  });
  return { code, said };
}
