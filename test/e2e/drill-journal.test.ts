/**
 * A journal of drills that cannot be written, or was changed under the control plane's hands: drills end and none begins,
 * and whoever is served or refused goes on being so. A name's number is that of the fault in the catalogue of faults.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DrillRecord } from '../../src/chaos/drill-engine.ts';
import { hasEnded, isEffective } from '../../src/lab/drill-control.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { hostPlace } from '../../src/lab/protocol.ts';
import { meshFolder, removeFolder } from './mesh-folder.ts';
import { startSteady } from './steady.ts';
import { askOwner, callers, drillMs, onHost, struck, struckFiles, words } from './struck-mesh.ts';

/** Room for the evidence of a few drills, in KiB. */
const diskKib = 8_192;

/** Within which a journal that takes no more ends a drill, in ms: it is tried once a second. */
const noticedMs = 2_000;

describe('a drill whose journal fails', () => {
  const folder = meshFolder(struckFiles);
  let mesh: MeshLab;
  const journal = () => join(mesh.stateFolder, 'evidence');

  /** A file system of its own, inside the lab. */
  async function smallDisk(lab: Lab): Promise<void> {
    const path = join(lab.privateDir, 'state', 'evidence');
    const script = `mkdir -p -m 700 '${path}' && mount -t tmpfs -o size=${diskKib}k,mode=0700 tmpfs '${path}'`;
    const argv = ['sh', '-c', `umask 077; ${script}`];
    expect(await lab.run({ in: hostPlace, argv, confined: false, timeoutMs: 10_000 })).toMatchObject({ code: 0 });
  }

  beforeAll(async () => {
    mesh = await MeshLab.start({ folder, prepare: smallDisk });
  });
  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });

  const ended = (drill: string) => mesh.drills.until(drill, 'its end', drillMs, hasEnded);

  async function lay(drill: string): Promise<void> {
    await mesh.drills.whole(drillMs);
    await mesh.drills.begin(drill);
    await mesh.drills.until(drill, 'an effective fault', drillMs, isEffective);
  }

  async function restart(): Promise<void> {
    await mesh.killControlPlane();
    await mesh.startControlPlane();
    await mesh.drills.whole(drillMs);
  }

  async function start(drill: string) {
    const planned = await askOwner(mesh, 'drillPlan', { drill });
    if (planned.kind !== 'answered') return planned;
    return askOwner(mesh, 'drillStart', { drill, planHash: planned.value.hash });
  }

  const noStore = (message: RegExp) => ({
    ...{ kind: 'refused', status: 503, message: expect.stringMatching(message) },
    advice: expect.stringContaining('the state folder can be written'),
  });

  /** While `act` runs the open path is served, at least after it, and the closed one never is. */
  async function servingAndDenying(act: () => Promise<void>): Promise<void> {
    const steady = await startSteady(mesh.lab, 'shop/web-0', ['http://api/', 'http://api/admin'], { perSecond: 20 });
    try {
      await act();
      const nowMs = Date.now();
      for (const [path, wanted] of [
        ['/', 200],
        ['/admin', 403],
      ] as const) {
        const isNew = (answer: { askedMs: number; path: string }) => answer.askedMs > nowMs && answer.path === path;
        expect((await steady.until(`${path} is asked`, isNew)).status).toBe(wanted);
      }
      // An open breaker turns a request away before the policy is asked.
      const admin = (await steady.stop()).filter(({ path }) => path === '/admin').map(({ status }) => status);
      expect(admin.filter((status) => status !== 403 && status !== 503)).toEqual([]);
    } finally {
      await steady.stop();
    }
  }

  /** The journal took no more from then on. */
  function expectNoticed(record: DrillRecord, sinceMs: number): void {
    const failed = record.timeline.find(({ what }) => what === 'store-failed')?.atMs ?? Number.NaN;
    console.info(`noticed after ${failed - sinceMs} ms`);
    expect(failed - sinceMs).toBeLessThan(noticedMs);
    expect(record).toMatchObject({ phase: 'aborted', verdict: 'unproven' });
    expect(record.proxies.map(({ state }) => state)).toEqual(callers.map(() => 'clean'));
  }

  test('FLT-31 on a full disk ends by itself, none begins, and its end is written once there is room', async () => {
    await servingAndDenying(async () => {
      await lay('shop/breaker');
      await onHost(mesh, 'sh', '-c', `dd if=/dev/zero of='${journal()}/ballast' bs=1k 2>/dev/null; true`);
      const fullMs = Date.now();
      expectNoticed(await ended('shop/breaker'), fullMs);
      expect(await struck(mesh, callers)).toEqual([]);
      expect(await start('shop/short')).toMatchObject(noStore(/cannot be written.*full/));
      expect(await struck(mesh, callers)).toEqual([]);
    });
    await onHost(mesh, 'rm', join(journal(), 'ballast'));
    await expect.poll(async () => (await start('shop/short')).kind, { timeout: drillMs }).toBe('answered');
    await ended('shop/short');
    await restart();
    const kept = await mesh.drills.record('shop/breaker');
    expect(kept).toMatchObject({
      phase: 'aborted',
      haltedBy: '',
      reason: expect.stringContaining('the journal cannot be written'),
    });
    expect(words(kept)).not.toContain('found-unfinished');
    expect(await mesh.drills.record('shop/short')).toMatchObject({ phase: 'completed' });
  });

  test('FLT-32 overwritten while it runs ends by itself; what was damaged is read by nobody, and told', async () => {
    await servingAndDenying(async () => {
      await lay('shop/breaker');
      const smash = (file: string) => `dd if=/dev/urandom of='${journal()}/${file}' bs=4k count=16 conv=notrunc`;
      await onHost(mesh, 'sh', '-c', `{ ${smash('evidence.db')} && ${smash('evidence.db-wal')}; } 2>&1`);
      const damagedMs = Date.now();
      expectNoticed(await ended('shop/breaker'), damagedMs);
      expect(await struck(mesh, callers)).toEqual([]);
      await restart();
      expect(await start('shop/short')).toMatchObject(
        noStore(/evidence\.db cannot be opened.*restore it from a backup/),
      );
      expect(mesh.controlPlaneLog()).toMatch(/evidence\.db cannot be opened.*no drill begins/);
    });
    await onHost(mesh, 'sh', '-c', `rm '${journal()}'/evidence.db*`);
    await restart();
    expect(await start('shop/short')).toMatchObject({ kind: 'answered' });
    expect(await ended('shop/short')).toMatchObject({ phase: 'completed' });
  });
});
