/**
 * One drill of each method under 200 requests a second, half of which policy denies: nothing that is denied arrives
 * because of it (INV-1), and afterwards each Envoy is byte for byte as it was (INV-4).
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasEnded, isEffective } from '../../src/lab/drill-control.ts';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { strangers, unauthorised } from './invariants.ts';
import { meshFolder, removeFolder } from './mesh-folder.ts';
import { startSteady } from './steady.ts';
import { callers, drillMs, endpoints, struckFiles } from './struck-mesh.ts';

const perSecond = 200;

describe('through a drill', () => {
  const folder = meshFolder(struckFiles);
  let mesh: MeshLab;

  beforeAll(async () => {
    mesh = await MeshLab.start({ folder });
  });
  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });

  /** What each Envoy holds, endpoints among it, and goes by, through its own admin socket. */
  const held = () =>
    Promise.all(
      [...callers, ...endpoints].map(async (key) => {
        const envoy = mesh.sidecar(key);
        const [dump, runtime] = await Promise.all(
          ['/config_dump?include_eds', '/runtime'].map((path) => envoy.admin(path)),
        );
        return { key, dump: settled(dump), runtime: settled(runtime) };
      }),
    );

  test.each([
    { drill: 'shop/breaker', denied: [403, 503], felt: 503 },
    { drill: 'shop/errors', denied: [403], felt: 503 },
    { drill: 'shop/slow', denied: [403], felt: 200 },
    { drill: 'shop/endpoint', denied: [403], felt: 200 },
  ])('`$drill`: what policy denies is denied, and all is as before afterwards', async ({ drill, denied, felt }) => {
    const before = await held();
    // Over HTTP/2, where what is slow or tried again holds nothing up behind it.
    const asked = ['http://api/', 'http://api/admin'];
    const steady = await startSteady(mesh.lab, 'shop/web-0', asked, { perSecond, http2: true });
    try {
      await steady.until('a service', ({ status }) => status === 200);
      await mesh.drills.begin(drill);
      const { faultAtMs } = await mesh.drills.until(drill, 'an effective fault', drillMs, isEffective);
      await steady.until('its effect', ({ path, status, askedMs, answeredMs }) => {
        const slow = drill !== 'shop/slow' || answeredMs - askedMs >= 50;
        return path === '/' && askedMs > faultAtMs && status === felt && slow;
      });
      const sinceMs = Date.now();
      await steady.until('a second of it', ({ askedMs }) => askedMs > sinceMs + 1_000);
      await mesh.drills.halt(drill, 'seen');
      const record = await mesh.drills.until(drill, 'its end', drillMs, hasEnded);
      expect(record.proxies.filter(({ state, why }) => state !== 'clean' || why !== '')).toEqual([]);
      const endedMs = Date.now();
      await steady.until(
        'a service afterwards',
        ({ path, askedMs, status }) => path === '/' && askedMs > endedMs && status === 200,
      );
    } finally {
      await steady.stop();
    }
    const admin = steady.answers().filter(({ path }) => path === '/admin');
    expect(admin.length).toBeGreaterThan(perSecond);
    expect([...new Set(admin.map(({ status }) => status))].sort()).toEqual(denied);
    const seen = endpoints.flatMap((key) => mesh.pod(key).app.requests());
    expect(seen.filter(({ path }) => path === '/admin')).toEqual([]);
    expect(seen.filter(({ path }) => path === '/').length).toBeGreaterThan(0);
    await expect.poll(() => unauthorised(mesh), { timeout: drillMs }).toEqual([]);
    expect(strangers(mesh)).toEqual([]);
    expect(await held()).toEqual(before);
  });
});

/** The same text for the same content: Envoy writes maps in any order, and beside what it holds since when. */
function settled(text = ''): string {
  const ordered = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(ordered);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).filter(([name]) => name !== 'last_updated');
    return Object.fromEntries(
      entries
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([name, each]) => [name, listed(name, ordered(each))]),
    );
  };
  return JSON.stringify(ordered(JSON.parse(text)));
}

/** Lists of resources are maps inside Envoy, too. */
function listed(name: string, value: unknown): unknown {
  if (!Array.isArray(value) || !/^(?:dynamic|static)_/.test(name)) return value;
  return value.map((each) => JSON.stringify(each)).sort();
}
