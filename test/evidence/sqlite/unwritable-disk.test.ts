/**
 * Disks that take nothing: full (FLT-31), or read-only.
 *
 * What needs a record is refused, nothing else is; with room again it goes on without a gap.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { denial, noonMs } from '../event-samples.ts';
import { SqliteWorld } from './sqlite-world.ts';

const unshare = ['--user', '--map-root-user', '--mount'];
/** A child that hangs is to fail, in ms: while it is waited for, no timeout of the test can fire. */
const bounded = { encoding: 'utf8', timeout: 50_000, killSignal: 'SIGKILL' } as const;
const canMount = spawnSync('unshare', [...unshare, 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()]).status === 0;

test.skipIf(!canMount)(
  'FLT-31 a full disk refuses, still reads, and continues without gap or duplicate (needs user and mount namespaces)',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'coffre-full-'));
    try {
      const script = join(import.meta.dirname, 'full-disk.ts');
      const said = execFileSync('unshare', [...unshare, process.execPath, script, folder], bounded);
      const { whileFull, afterwards, verified } = JSON.parse(said);
      expect(whileFull.append).toMatchObject({ kind: 'failed', full: true });
      expect(whileFull.again).toMatchObject({ kind: 'failed', full: true });
      expect(whileFull.drill.kind).toBe('failed');
      expect(whileFull.blocked).toBeUndefined();
      expect(whileFull.query).toMatchObject({ kind: 'events', events: [{ event: { id: 'before' } }] });
      expect(afterwards.append).toMatchObject({ kind: 'kept', skipped: 0 });
      expect(afterwards.drill).toEqual({ kind: 'appended', sequence: 1 });
      expect(afterwards.probe).toBeUndefined();
      expect(verified).toEqual({ records: 4, last: 4, findings: [] });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

test('a file at its largest refuses likewise, and goes on where it was once it may grow', async () => {
  const world = new SqliteWorld();
  try {
    const small = await world.open({ bytesMax: 400_000 });
    const reason = 'x'.repeat(20_000);
    let kept = 0;
    let answer = await small.append([denial('e0', { reason })]);
    for (; answer.kind === 'kept' && kept < 100; answer = await small.append([denial(`e${kept}`, { reason })]))
      kept += 1;
    expect(answer).toMatchObject({ kind: 'failed', full: true });
    expect(small.appendDrill('vault/slow', 0, reason, { atMs: noonMs, tenant: 'vault' }).kind).toBe('failed');
    expect(small.blocked()).toBeUndefined();
    const roomy = await world.open();
    expect(await roomy.append([denial(`e${kept}`, { reason })])).toMatchObject({ kind: 'kept', skipped: 0 });
    const found = await roomy.query({ kinds: ['denial'], limit: 1_000 });
    expect(found.kind === 'events' && found.events.length).toBe(kept + 1);
  } finally {
    await world.remove();
  }
});

test.skipIf(!canMount)(
  'a copy on a read-only disk is verified where it is (needs user and mount namespaces)',
  async () => {
    const world = new SqliteWorld();
    try {
      const store = await world.open();
      await store.append([denial('a')]);
      await store.close();
      const script = join(import.meta.dirname, 'verify-read-only.ts');
      const command = [...unshare, process.execPath, script, world.folder, world.publicKeyPem];
      const said = JSON.parse(execFileSync('unshare', command, bounded));
      expect(said).toMatchObject({ records: 2, findings: [] });
    } finally {
      await world.remove();
    }
  },
);
