/** What `coffre status` prints of evidence, and how it ends, against a door behind which only evidence may be in trouble. */
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createManagementDoor } from '../../src/admin/management-door.ts';
import type { EvidenceView } from '../../src/admin/mesh-status.ts';
import { runProgram } from '../../src/cli/program.ts';
import { MemoryEvidence } from '../evidence/memory-evidence.ts';
import { meshFrom } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';

/** Without workloads: no proxy of it is missing. */
const mesh = { ...meshFrom(twoTenants), workloads: new Map() };
const steady = { name: 'lake', lag: 0, failing: undefined };
const refused = { name: 'siem', lag: 82, failing: 'ECONNREFUSED 10.0.0.9:6514' };

async function status(evidence: EvidenceView | undefined, ...flags: readonly string[]) {
  const kept = new MemoryEvidence();
  const state = await temporaryFolder();
  const door = createManagementDoor(
    {
      nowMs: () => 0,
      view: () => ({ ready: true, snapshot: mesh, xds: '', clients: [], certificateOf: () => undefined, evidence }),
      wholeSnapshot: () => mesh,
      rotations: () => undefined,
      confirmLoss: () => ({ kind: 'confirmed', objects: 0 }),
      drills: () => undefined,
      evidence: () => ({ store: kept, reveal: () => '', kept, forget: async () => ({ kind: 'forgotten' }) }),
      proxies: () => undefined,
      workloads: '',
    },
    () => undefined,
    () => undefined,
  );
  onTestFinished(() => door.close());
  await door.listenOnSocket(join(state, 'admin.sock'));
  let [out, code] = ['', 0];
  await runProgram(['status', '--state', state, ...flags], {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      out += text;
    },
    setExitCode: (exit) => {
      code = exit;
    },
    nowMs: () => 0,
    signal: new AbortController().signal,
  });
  return { out, code };
}

test.each([
  ['nothing before there is a store', undefined, [], 0],
  [
    'one line where all is well',
    { head: 412, blocked: undefined, sinks: [steady, { ...steady, name: 'siem' }] },
    ['evidence: record 412, 2 sinks up to date'],
    0,
  ],
  ['no sink where there is none', { head: 0, blocked: undefined, sinks: [] }, ['evidence: record 0'], 0],
  [
    'a sink that is behind',
    { head: 412, blocked: undefined, sinks: [steady, { ...refused, failing: undefined }] },
    ['evidence: record 412, 1 of 2 sinks up to date', 'sink siem: 82 behind'],
    0,
  ],
  [
    'a sink that refuses, and why',
    { head: 412, blocked: undefined, sinks: [refused] },
    ['evidence: record 412, 0 of 1 sink up to date', 'sink siem: 82 behind, ECONNREFUSED 10.0.0.9:6514'],
    1,
  ],
  [
    'why nothing is written',
    { head: 412, blocked: 'the disk is full', sinks: [steady] },
    ['evidence: nothing is written: the disk is full'],
    1,
  ],
])('of evidence it tells %s', async (_, evidence, lines, code) => {
  const told = await status(evidence);
  expect(told.out.split('\n').filter((line) => /^(evidence|sink)/.test(line))).toEqual(lines);
  expect({ code: told.code, well: told.out.endsWith('\nall is well\n') }).toEqual({ code, well: code === 0 });
});

test('`-o json` holds the same as values', async () => {
  const { out, code } = await status(
    { head: 412, blocked: 'the disk is full', sinks: [steady, refused] },
    '-o',
    'json',
  );
  expect(code).toBe(1);
  expect(JSON.parse(out).evidence).toEqual({
    head: 412,
    blocked: 'the disk is full',
    sinks: [{ name: 'lake', lag: 0 }, refused],
  });
});
