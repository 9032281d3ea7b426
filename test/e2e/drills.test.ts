/**
 * Drills on twelve real Envoys of three tenants: each method from plan to report, what ends one, and what is left of it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DrillRecord } from '../../src/chaos/drill-engine.ts';
import { drillLayer } from '../../src/envoy/names.ts';
import { runtimeLayers } from '../../src/inspect/runtime-layer.ts';
import { hasEnded, isEffective } from '../../src/lab/drill-control.ts';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { toldReport } from '../chaos/report/told-report.ts';
import { drillFiles, sidecars } from './drills-mesh.ts';
import { meshFolder, removeFolder } from './mesh-folder.ts';
import { type Steady, startSteady } from './steady.ts';

/** Longest wait for a drill to get where it goes, in ms: observed before and after, on a loaded machine. */
const drillMs = 40_000;
/** TTL of a fault, and the second in which it must be gone. */
const deadManMs = 11_000;

describe('drills', { timeout: 120_000 }, () => {
  const folder = meshFolder(drillFiles);
  let mesh: MeshLab;

  beforeAll(async () => {
    mesh = await MeshLab.start({
      folder,
      listen: ({ ports }) => ports.map(({ port }) => `${port === 7_000 ? 'tcp' : 'http'}:${port}`),
    });
    expect(mesh.pods().filter(({ envoy }) => envoy !== undefined)).toHaveLength(sidecars);
  });
  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });

  /** Asks from a pod until `act` is done. */
  async function asking<T>(pod: string, url: string, act: (steady: Steady) => Promise<T>): Promise<T> {
    const steady = await startSteady(mesh.lab, pod, [url], { perSecond: 50 });
    try {
      return await act(steady);
    } finally {
      await steady.stop();
    }
  }

  const effective = (drill: string) => mesh.drills.until(drill, 'an effective fault', drillMs, isEffective);
  const ended = (drill: string) => mesh.drills.until(drill, 'its end', drillMs, hasEnded);
  const connections = (steady: Steady) => new Set(steady.answers().map(({ connection }) => connection)).size;

  /** Every runtime key that some sidecar has in its drill layer. */
  async function keysLeft(): Promise<readonly string[]> {
    const runtimes = await Promise.all(
      mesh.pods().map(async ({ key, envoy }) => {
        if (envoy === undefined) return [];
        const layer = runtimeLayers(await envoy.admin('/runtime'))?.get(drillLayer);
        return [...(layer?.keys() ?? ['no drill layer'])].map((name) => `${key}: ${name}`);
      }),
    );
    return runtimes.flat().sort();
  }

  test('an open breaker refuses the callers named and nobody else, loses no connection, and is halted clean', async () => {
    const before = await keysLeft();
    await asking('shop/web-0', 'http://api/', (struck) =>
      asking('shop/jobs-0', 'http://api/', async (spared) => {
        const plan = await mesh.drills.begin('shop/breaker');
        expect(plan.touches.map(({ proxy }) => proxy)).toEqual(['shop/web-0', 'shop/web-1', 'shop/web-2']);
        await effective('shop/breaker');
        await struck.until('a refusal', ({ status }) => status === 503);
        const counted = ({ overflows = 0 }: DrillRecord) => overflows > 0;
        await mesh.drills.until('shop/breaker', 'a count of what was refused', drillMs, counted);
        await mesh.drills.halt('shop/breaker', 'seen enough');
        const record = await ended('shop/breaker');

        expect(record).toMatchObject({ phase: 'aborted', haltedBy: 'owner' });
        expect(counted(record)).toBe(true);
        expect(record.proxies.map(({ state }) => state)).toEqual(['clean', 'clean', 'clean']);
        expect(await keysLeft()).toEqual(before);
        expect(spared.answers().filter(({ status }) => status !== 200)).toEqual([]);
        expect(connections(struck)).toBe(1);
        expect(connections(spared)).toBe(1);
        expect(toldReport(record)).toContain('seen enough');
      }),
    );
  });

  test('an open breaker of an opaque port refuses new connections', async () => {
    const dial = async () =>
      (
        await mesh.lab.run({
          in: 'shop/jobs-0',
          argv: ['sh', '-c', 'echo hello | curl -s -m 3 telnet://bus:7000'],
          confined: true,
          timeoutMs: 10_000,
        })
      ).stdout;
    expect(await dial()).toContain('hello');
    await mesh.drills.begin('shop/bus');
    await effective('shop/bus');
    expect(await dial()).not.toContain('hello');
    await mesh.drills.halt('shop/bus', 'seen');
    expect((await ended('shop/bus')).proxies.map(({ state }) => state)).toEqual(['clean']);
    expect(await dial()).toContain('hello');
  });

  test('a throttled breaker lets so many through at once, and no more', async () => {
    const atOnce = async () => {
      const urls = Array.from({ length: 4 }, () => 'http://api/delay/500');
      const { stdout } = await mesh.lab.run({
        in: 'shop/web-0',
        argv: ['curl', '-s', '-Z', '--parallel-immediate', '-w', '\n%{http_code}\n', ...urls],
        confined: true,
        timeoutMs: 20_000,
      });
      return (stdout.match(/^\d{3}$/gm) ?? []).sort();
    };
    expect(await atOnce()).toEqual(['200', '200', '200', '200']);
    await mesh.drills.begin('shop/throttle');
    await effective('shop/throttle');
    const throttled = await atOnce();
    expect(throttled).toHaveLength(4);
    expect(throttled).toContain('200');
    expect(throttled).toContain('503');
    await mesh.drills.halt('shop/throttle', 'seen');
    expect((await ended('shop/throttle')).proxies.map(({ state }) => state)).toEqual(['clean', 'clean', 'clean']);
    expect(await atOnce()).toEqual(['200', '200', '200', '200']);
  });

  test('errors strike the callers of one tenant by their true identity', async () => {
    await asking('bank/desk-0', 'http://api.shop/', (struck) =>
      asking('shop/web-0', 'http://api/', async (spared) => {
        await mesh.drills.begin('shop/errors');
        await effective('shop/errors');
        await struck.until('an error', ({ status }) => status === 503);
        await mesh.drills.halt('shop/errors', 'seen');
        const record = await ended('shop/errors');
        expect(record.proxies.every(({ state }) => state === 'clean')).toBe(true);
        expect(spared.answers().filter(({ status }) => status !== 200)).toEqual([]);
        expect(connections(struck)).toBe(1);
      }),
    );
  });

  test('a delay makes the callers wait as long as was written', async () => {
    await asking('archive/clerk-0', 'http://files/', async (struck) => {
      await mesh.drills.begin('archive/slow');
      await effective('archive/slow');
      await struck.until('a slow answer', ({ askedMs, answeredMs }) => answeredMs - askedMs >= 400);
      await mesh.drills.halt('archive/slow', 'seen');
      expect((await ended('archive/slow')).proxies.map(({ state }) => state)).toEqual(['clean']);
      expect(struck.answers().filter(({ status }) => status !== 200)).toEqual([]);
    });
  });

  test('a failing endpoint is ejected by the callers, and comes back after the drill', async () => {
    const ejections = async () =>
      (await mesh.sidecar('shop/web-0').stats('cluster.shop/api/80.outlier_detection.ejections_active')).values().next()
        .value ?? 0;
    await asking('shop/web-0', 'http://api/', async () => {
      const plan = await mesh.drills.begin('shop/endpoint');
      expect(plan.notes.join(' ')).toMatch(/eject/);
      await effective('shop/endpoint');
      await expect.poll(ejections, { timeout: drillMs, interval: 50 }).toBe(1);
      await mesh.drills.halt('shop/endpoint', 'seen');
      expect((await ended('shop/endpoint')).proxies.map(({ state }) => state)).toEqual(['clean']);
      await expect.poll(ejections, { timeout: drillMs, interval: 50 }).toBe(0);
    });
  });

  test('a breach of the steady state ends the drill by itself', async () => {
    await asking('shop/jobs-0', 'http://api/', async (struck) => {
      await mesh.drills.begin('shop/breach');
      const record = await ended('shop/breach');
      expect(record).toMatchObject({ phase: 'aborted', verdict: 'deviated' });
      expect(record.timeline.map(({ what }) => what)).toContain('probe-breach');
      expect(record.proxies.every(({ state }) => state === 'clean')).toBe(true);
      const endedMs = Date.now();
      const after = await struck.until('an answer afterwards', ({ askedMs }) => askedMs > endedMs);
      expect(after.status).toBe(200);
    });
  });

  test('a killed control plane ends the fault in every Envoy by itself, and the drill is marked, not resumed', async () => {
    const before = await keysLeft();
    await asking('shop/web-0', 'http://api/', async (struck) => {
      await mesh.drills.begin('shop/breaker');
      await effective('shop/breaker');
      await struck.until('a refusal', ({ status }) => status === 503);
      await mesh.killControlPlane();
      const killedMs = Date.now();
      try {
        await expect.poll(keysLeft, { timeout: 2 * deadManMs, interval: 50 }).toEqual(before);
        expect(Date.now() - killedMs).toBeLessThan(deadManMs);
        await struck.until('traffic', ({ askedMs, status }) => askedMs > killedMs && status === 200);
      } finally {
        await mesh.startControlPlane();
      }
      const record = await ended('shop/breaker');
      expect(record.phase).toBe('aborted');
      expect(record.timeline.map(({ what }) => what)).toContain('found-unfinished');
      expect(connections(struck)).toBe(1);
      expect(await keysLeft()).toEqual(before);
    });
  });
});
