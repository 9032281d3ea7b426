/**
 * What was seen of a refusal stays: it is explained by its id, seen as it comes, verified by a stranger, and outlives kill -9.
 */
import { generateKeyPairSync } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inLab } from './differential/in-lab.ts';
import { startSteady } from './steady.ts';
import { runCoffre, showMs, WatchedMesh } from './watched-mesh.ts';

const web = 'shop/web-0';
/** Refusals that were told before the control plane is killed among others. */
const toldMin = 10;

inLab('evidence of a running mesh', () => {
  let mesh: WatchedMesh;
  let key: string;

  beforeAll(async () => {
    mesh = await WatchedMesh.start();
    key = join(mesh.folder, 'evidence.pem');
    writeFileSync(key, await mesh.publicKey());
  });
  afterAll(() => mesh?.stop());

  const verify = (file: string, ...flags: readonly string[]) =>
    runCoffre(['evidence', 'verify', file, '--key', key, ...flags]);
  const isWhole = { code: 0, out: expect.stringMatching(/^whole: /m) };
  const whole = async () => {
    const newest = await mesh.events();
    expect(newest.length).toBeLessThan(1_000);
    return newest;
  };

  /** The chain as it is on disk, in one file that nobody writes to. */
  function copyOfStore(): string {
    const copy = join(mesh.folder, 'copy.db');
    for (const end of ['', '-wal'])
      if (existsSync(`${mesh.store}${end}`)) copyFileSync(`${mesh.store}${end}`, `${copy}${end}`);
    const database = new DatabaseSync(copy);
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    database.close();
    return copy;
  }

  test('a refusal is explained by the id that its caller was given', async () => {
    const refused = await mesh.ask(web, 'http://api/admin/why');
    const id = refused.header('x-coffre-decision') ?? '';
    expect(refused.status).toBe(403);
    await expect.poll(async () => (await mesh.coffre('explain', id)).out, { timeout: showMs }).toContain(id);
    const { out, code } = await mesh.coffre('explain', id);
    expect({ code, out }).toMatchObject({
      code: 1,
      out: expect.stringContaining('access-policy/shop/no-admin/deny/0'),
    });
    expect(out).toContain('policies.yaml');
  });

  test('a denial is tapped while it happens', async () => {
    const ended = new AbortController();
    const tapped = mesh.following(ended.signal, 'tap', '--path', '/admin/live', '--max', '1', '-o', 'json');
    let isOver = false;
    const over = tapped.finally(() => {
      isOver = true;
    });
    // It begins at the end of the chain, and nobody can tell when: whoever is refused again is seen.
    const refusedOnce = async () => {
      expect((await mesh.ask(web, 'http://api/admin/live')).status).toBe(403);
      return isOver;
    };
    await expect
      .poll(refusedOnce, { timeout: showMs, interval: 500 })
      .toBe(true)
      .finally(() => ended.abort());
    const { out } = await over;
    expect(JSON.parse(out)).toMatchObject({
      event: { kind: 'denial', workload: 'shop/api-0', request: { path: '/admin/live' } },
    });
  });

  test('the store of a running control plane is whole to whoever has its public key, and to no other key', async () => {
    expect(await verify(mesh.store)).toMatchObject(isWhole);
    const stranger = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' });
    const wrong = join(mesh.folder, 'stranger.pem');
    writeFileSync(wrong, stranger);
    const verified = await runCoffre(['evidence', 'verify', mesh.store, '--key', wrong]);
    expect(verified).toMatchObject({ code: 1, out: expect.stringContaining('DAMAGED') });
  });

  test('of one byte that was changed in a copy, the record is named', async () => {
    const copy = copyOfStore();
    expect(await verify(copy)).toMatchObject(isWhole);
    const [{ position } = expect.fail('the refusal is not kept')] = await mesh.events('--path', '/admin/why');
    const bytes = readFileSync(copy);
    const told = '"path":"/admin/why"';
    bytes.write('W', bytes.indexOf(told) + told.indexOf('why'));
    writeFileSync(copy, bytes);
    expect(await verify(copy)).toMatchObject({
      code: 1,
      out: expect.stringContaining(`record ${position} is not what was signed`),
    });
  });

  test('what was told before a kill -9 is there after it, the chain is whole, and the sink has no gap', async () => {
    const flood = await startSteady(mesh.lab.lab, web, ['http://api/admin/flood'], { perSecond: 40 });
    const isToldOften = async () => (await mesh.events('--path', '/admin/flood')).length;
    await expect.poll(isToldOften, { timeout: showMs }).toBeGreaterThan(toldMin);
    const witnessed = (await mesh.coffre('evidence', 'head')).out.trim();
    const told = await whole();
    await mesh.lab.killControlPlane();
    await flood.stop();
    await mesh.lab.startControlPlane();
    await mesh.lab.drills.whole(showMs);
    await mesh.fence(web, 'http://api/admin/after');
    const kept = await whole();
    const byPosition = new Map(kept.map((stored) => [stored.position, stored]));
    expect(told.map(({ position }) => byPosition.get(position))).toEqual(told);
    expect(kept.map(({ position }) => position)).toEqual(kept.map((_, index) => index + 1));
    expect(await verify(mesh.store, '--expect-head', witnessed)).toMatchObject(isWhole);
    const last = kept.at(-1)?.position ?? 0;
    const toldSiem = () => new Set(mesh.siem().map(({ metadata }) => metadata['sequence']));
    await expect.poll(() => toldSiem().has(last), { timeout: showMs }).toBe(true);
    expect(kept.filter(({ position }) => !toldSiem().has(position))).toEqual([]);
  });
});
