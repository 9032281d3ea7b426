/**
 * Faults of the drill engine itself, on eight real Envoys: it is frozen, cut off, blinded, told to stop. A name's number
 * is that of the fault in the catalogue of faults. What Envoys hold is read from themselves, past the control plane.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DrillRecord } from '../../src/chaos/drill-engine.ts';
import { hasEnded, isEffective } from '../../src/lab/drill-control.ts';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { toldReport } from '../chaos/report/told-report.ts';
import { meshFolder, removeFolder } from './mesh-folder.ts';
import {
  askOwner,
  beacon,
  callers,
  consentText,
  cutOff,
  deadManMs,
  drillMs,
  endpoints,
  lightBeacon,
  meshText,
  owner,
  playProxy,
  struck,
  struckAgain,
  struckFiles,
  toLastClean,
  words,
} from './struck-mesh.ts';

/** A heartbeat of a fault, and a moment before it, in ms. */
const heartbeatMs = 3_000;
const beforeBeatMs = 150;

/** How long it is watched that nothing comes back, in ms: a few heartbeats; and what TCP waits before it tries a healed link again. */
const afterThawMs = 4_000;
const afterHealMs = 13_000;

describe('a drill that goes wrong', () => {
  const folder = meshFolder(struckFiles);
  let mesh: MeshLab;

  beforeAll(async () => {
    mesh = await MeshLab.start({ folder });
  });
  afterEach(async () => {
    expect(await struck(mesh, [...callers, ...endpoints])).toEqual([]);
  });
  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });

  const ended = (drill: string) => mesh.drills.until(drill, 'its end', drillMs, hasEnded);
  const untilClean = (proxies: readonly string[]) =>
    expect.poll(() => struck(mesh, proxies), { timeout: 2 * deadManMs, interval: 50 }).toEqual([]);

  async function lay(drill: string): Promise<void> {
    await mesh.drills.whole(drillMs);
    await mesh.drills.begin(drill);
    await mesh.drills.until(drill, 'an effective fault', drillMs, isEffective);
    expect(await struck(mesh, callers)).toEqual(callers);
  }

  /** Ended by this, with every proxy seen clean. */
  function expectAborted(record: DrillRecord, by: string): void {
    expect(record).toMatchObject({ phase: 'aborted' });
    expect(words(record)).toContain(by);
    expect(record.proxies).toEqual(callers.map((proxy) => ({ proxy, state: 'clean', why: '' })));
    console.info(`${by} to the last proxy seen clean: ${toLastClean(record, by)} ms`);
  }

  async function expectRefused(drill: string, why: RegExp): Promise<void> {
    const planned = await askOwner(mesh, 'drillPlan', { drill });
    const asked =
      planned.kind === 'answered'
        ? await askOwner(mesh, 'drillStart', { drill, planHash: planned.value.hash })
        : planned;
    expect(asked).toMatchObject({ kind: 'refused', message: expect.stringMatching(why), advice: expect.anything() });
  }

  test('FLT-27 whose control plane is frozen leaves every Envoy by itself, and is ended when the control plane thaws', async () => {
    await lay('shop/breaker');
    await mesh.controlPlane.kill('SIGSTOP');
    const frozenMs = Date.now();
    try {
      await untilClean(callers);
      expect(Date.now() - frozenMs).toBeLessThan(deadManMs);
      // Longer than the engine's own watchdog, which is what is tried here.
      await sleep(deadManMs - (Date.now() - frozenMs));
    } finally {
      await mesh.controlPlane.kill('SIGCONT');
    }
    const record = await ended('shop/breaker');
    expect(record).toMatchObject({ phase: 'aborted', verdict: 'unproven' });
    expect(record.timeline.find(({ atMs }) => atMs > frozenMs)?.what).toMatch(/watchdog|probe-silent/);
    expect(words(record).filter((what) => what === 'fault-laid')).toHaveLength(1);
  });

  const freezes: readonly (readonly [string, number])[] = [
    // A heartbeat is due 3 s after the one before, and the fault ends 10 s after it.
    ['just before a heartbeat, until the fault ends', 7_200],
    ['for longer than the fault lives', deadManMs],
  ];

  test.each(freezes)('FLT-27 whose control plane is frozen %s brings the fault back nowhere', async (_, frozenMs) => {
    await lay('shop/breaker');
    const { timeline } = await mesh.drills.record('shop/breaker');
    const laidMs = timeline.find(({ what }) => what === 'fault-laid')?.atMs ?? Number.NaN;
    const toBeatMs = heartbeatMs - ((Date.now() - laidMs) % heartbeatMs);
    await sleep(toBeatMs > beforeBeatMs ? toBeatMs - beforeBeatMs : toBeatMs + heartbeatMs - beforeBeatMs);
    await mesh.controlPlane.kill('SIGSTOP');
    try {
      await sleep(frozenMs);
    } finally {
      await mesh.controlPlane.kill('SIGCONT');
    }
    expect(await struckAgain(mesh, callers, afterThawMs)).toEqual([]);
    expect(await struck(mesh, callers)).toEqual([]);
    const record = await ended('shop/breaker');
    expect(record.verdict).toBe('unproven');
    expect(words(record).filter((what) => what === 'fault-laid')).toHaveLength(1);
  });

  test('FLT-27, FLT-29 whose link to some is cut for longer than the fault lives leaves them out, and says so', async () => {
    const away = callers.slice(4);
    await lay('shop/long');
    const heal = await cutOff(mesh, away);
    try {
      await untilClean(away);
    } finally {
      await heal();
    }
    expect(await struckAgain(mesh, away, afterHealMs)).toEqual([]);
    const record = await ended('shop/long');
    expect(record).toMatchObject({ phase: 'completed', verdict: 'unproven' });
    expect(record.proxies.filter(({ state }) => state === 'excluded')).toEqual(
      away.map((proxy) => ({ proxy, state: 'excluded', why: expect.stringContaining('lost the fault by itself') })),
    );
  });

  test('FLT-27, FLT-29 whose callers are partly out of reach ends there by expiry, and is not over before', async () => {
    const away = callers.slice(4);
    const near = callers.slice(0, 4);
    await lay('shop/breaker');
    const heal = await cutOff(mesh, away);
    const cutMs = Date.now();
    try {
      await mesh.drills.halt('shop/breaker', 'two are out of reach');
      const partly = await mesh.drills.until('shop/breaker', 'four clean', drillMs, ({ proxies }) =>
        near.every((key) => proxies.find(({ proxy }) => proxy === key)?.state === 'clean'),
      );
      expect(partly).toMatchObject({ phase: 'aborting', reason: expect.stringContaining('4 confirmed, 2 awaited') });
      expect(await struck(mesh, callers)).toEqual(away);
      await untilClean(away);
      expect(Date.now() - cutMs).toBeLessThan(deadManMs);
      const record = await ended('shop/breaker');
      expect(record.endedAtMs).toBeGreaterThan(cutMs + deadManMs - 1_000);
      expect(record.proxies).toEqual([
        ...near.map((proxy) => ({ proxy, state: 'clean', why: '' })),
        ...away.map((proxy) => ({ proxy, state: 'expired', why: '' })),
      ]);
      expect(record.reason).toContain('4 confirmed, 2 by expiry');
      expect(toldReport(record)).toContain('4 confirmed, 2 by expiry');
      expect(toldReport(record)).toMatch(/shop\/web-4.*by expiry/);
    } finally {
      await heal();
    }
  });

  test('FLT-28 whose probe falls silent is aborted', async () => {
    await lay('shop/breaker');
    await mesh.pod(beacon).app.process.kill('SIGKILL');
    try {
      expectAborted(await ended('shop/breaker'), 'probe-silent');
    } finally {
      await lightBeacon(mesh);
    }
  });

  test('FLT-28 is aborted by an alert that it names, with the time to detect it, and by no other', async () => {
    await lay('shop/breaker');
    const post = (name: string) => owner(mesh, 'alerts', { alerts: [{ name, state: 'firing' }] });
    expect(await post('SomethingElse')).toEqual({ taken: 1 });
    const heard = await mesh.drills.record('shop/breaker');
    expect(heard.phase).toBe('running');
    await post('CustomersSuffer');
    const record = await ended('shop/breaker');
    expectAborted(record, 'alert');
    expect(record.timeline.find(({ about }) => about === 'CustomersSuffer')?.text).toMatch(/, \d+ ms after the fault$/);
    expect(toldReport(record)).toMatch(/\| the fault \| an alert that it names: `CustomersSuffer` \| \d+ ms \|/);
  });

  test('FLT-28 is aborted when consent is withdrawn, and may not begin without it', async () => {
    await lay('shop/breaker');
    mesh.remove('consent.yaml');
    try {
      expectAborted(await ended('shop/breaker'), 'consent-withdrawn');
      await expectRefused('shop/breaker', /has consented to nothing/);
    } finally {
      mesh.write('consent.yaml', consentText);
    }
    await expect
      .poll(async () => (await askOwner(mesh, 'drillPlan', { drill: 'shop/breaker' })).kind, { timeout: drillMs })
      .toBe('answered');
  });

  test('FLT-28 is aborted by the lever, which stays pulled over a restart until it is released', async () => {
    await lay('shop/breaker');
    await owner(mesh, 'drillHaltAll', { reason: 'customers call' });
    expectAborted(await ended('shop/breaker'), 'lever');
    await expectRefused('shop/short', /lever was pulled.*customers call/);
    await mesh.killControlPlane();
    await mesh.startControlPlane();
    await mesh.drills.whole(drillMs);
    await expectRefused('shop/short', /lever was pulled.*customers call/);
    await owner(mesh, 'drillRelease', {});
  });

  test('FLT-28 is aborted by the lever in the mesh, and none begins until it is taken out', async () => {
    await lay('shop/breaker');
    mesh.write('mesh.yaml', meshText(', halted: true'));
    try {
      expectAborted(await ended('shop/breaker'), 'lever');
      await expectRefused('shop/short', /lever is pulled in `Mesh`/);
    } finally {
      mesh.write('mesh.yaml', meshText());
    }
  });

  test('a proxy that takes no TTL is left out and named, and the others feel it', async () => {
    const deaf = await playProxy(mesh, 'shop/web-5', 'deaf');
    try {
      const plan = await mesh.drills.begin('shop/breaker');
      expect(plan.excluded).toEqual([{ proxy: 'shop/web-5', why: expect.stringContaining('a TTL') }]);
      await mesh.drills.until('shop/breaker', 'an effective fault', drillMs, isEffective);
      expect(await struck(mesh, callers)).toEqual(callers.slice(0, 5));
      await mesh.drills.halt('shop/breaker', 'seen');
      expect(toldReport(await ended('shop/breaker'))).toMatch(/`shop\/web-5`.*left out/);
    } finally {
      await deaf.stop();
    }
  });

  test('a proxy that refuses the layer is left out and named, and the drill goes on without it', async () => {
    const picky = await playProxy(mesh, 'shop/web-5', 'picky');
    try {
      await mesh.drills.begin('shop/breaker');
      const record = await mesh.drills.until('shop/breaker', 'an effective fault', drillMs, isEffective);
      const [out] = record.proxies.filter(({ state }) => state === 'excluded');
      expect(out).toMatchObject({ proxy: 'shop/web-5', why: expect.stringContaining('this layer is not for me') });
      expect(record.phase).toBe('running');
      await untilClean(['shop/web-5']);
      expect(await struck(mesh, callers)).toEqual(callers.slice(0, 5));
      await mesh.drills.halt('shop/breaker', 'seen');
      expect((await ended('shop/breaker')).reason).toContain('5 confirmed');
    } finally {
      await picky.stop();
    }
  });

  test('a proxy whose layer ran out is left out, and the last that it is told is the empty layer', async () => {
    const forgetful = await playProxy(mesh, 'shop/web-5', 'forgetful');
    try {
      await lay('shop/breaker');
      await mesh.drills.until('shop/breaker', 'an excluded proxy', drillMs, ({ proxies }) =>
        proxies.some(({ proxy, state }) => proxy === 'shop/web-5' && state === 'excluded'),
      );
      expect(forgetful.said()).toContain('refused');
      await untilClean(['shop/web-5']);
      await mesh.drills.halt('shop/breaker', 'seen');
      await ended('shop/breaker');
      expect(forgetful.said().at(-1)).toBe('took 0');
    } finally {
      await forgetful.stop();
    }
  });

  test('FLT-28 that is left alone is completed at its deadline', async () => {
    await expect
      .poll(async () => (await askOwner(mesh, 'drillPlan', { drill: 'shop/short' })).kind, { timeout: drillMs })
      .toBe('answered');
    await lay('shop/short');
    const record = await ended('shop/short');
    expect(record).toMatchObject({
      phase: 'completed',
      verdict: 'held',
      reason: expect.stringContaining('6 confirmed'),
    });
    expect(record.timeline.find(({ what }) => what === 'deadline')?.atMs).toBeGreaterThanOrEqual(record.deadlineMs - 5);
  });
});
