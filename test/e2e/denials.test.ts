/**
 * Each kind of denial, by real traffic: it is one event with an id, found by who has no id too, explained in the same
 * words each time, and what policy can mend is mended by the YAML that was printed, and nothing else by it.
 *
 *   row ──provoke──▶ one event ──explain ID──▶ golden text     explain --from --to ──▶ the same id
 *                                    └── YAML ──written to the folder──▶ the request passes, its neighbours do not
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadFolder } from '../../src/folder/watch-folder.ts';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { decide } from '../../src/policy/decide.ts';
import { viewOf } from '../../src/policy/view.ts';
import { moreObjects, rows, staffProvider, status } from './denials/rows.ts';
import { inLab } from './differential/in-lab.ts';
import { identities, showMs, WatchedMesh } from './watched-mesh.ts';

const refusals = ['denial', 'plaintext-attempt', 'handshake-failure', 'undeclared-port', 'breaker-overflow'];
const flags = refusals.flatMap((kind) => ['--kind', kind]);

inLab('a denial', () => {
  let mesh: WatchedMesh;
  /** Ids of the events that were seen, by row. */
  const seen = new Map<string, string>();

  beforeAll(async () => {
    mesh = await WatchedMesh.start({
      prepare: async (_, folder) => {
        const tenants = readFileSync(join(folder, 'tenants.yaml'), 'utf8');
        const own = /(name: shop }\nspec: { environment: test)/;
        writeFileSync(join(folder, 'tenants.yaml'), tenants.replace(own, `$1, ${staffProvider}`));
        writeFileSync(join(folder, 'denials.yaml'), moreObjects);
      },
    });
    await mesh.steal('web', identities.web);
  }, 120_000);
  afterAll(() => mesh?.stop());

  const refused = async () => (await mesh.events(...flags)).map(({ event }) => event);

  test.for(rows)('by $name is one event, which is explained', { timeout: 120_000 }, async (row) => {
    const before = new Set((await refused()).map(({ id }) => id));
    const news = async () => (await refused()).filter(({ id }) => !before.has(id));
    expect(await row.provoke(mesh)).toBe(row.status);
    await expect.poll(news, { timeout: showMs }).not.toEqual([]);
    const [event, ...others] = await news();
    if (event === undefined) throw new Error('the event is gone');
    expect([event.kind, others]).toEqual([row.event, []]);
    const id = event.decision ?? event.id;
    seen.set(row.name, event.id);
    // An answer shows its decision; a closed connection shows nothing, and neither does what was refused unread.
    expect(event.decision === undefined).toBe(row.event !== 'denial' || row.isUnread === true);

    const explained = await mesh.coffre('explain', id);
    expect(explained.code).toBe(1);
    await expect(masked(explained.out, id)).toMatchFileSnapshot(`denials/${row.name}.txt`);
    const asked = await mesh.coffre('explain', '--from', row.from, '--to', row.to, ...(row.more ?? []));
    expect(asked.out).toMatch(new RegExp(`^last refused: (?:decision|event) ${id}, `));
    await row.undo?.(mesh);
  });

  test('by whichever kind is told once: there is no event beside', async () => {
    expect((await refused()).map(({ id }) => id).sort()).toEqual([...seen.values()].sort());
  });

  const mendable = rows.filter(({ near }) => near !== undefined);

  test.for(mendable)(
    'by $name is mended by the YAML that it prints, and no other is',
    {
      timeout: 120_000,
    },
    async (row) => {
      const { out } = await mesh.coffre('explain', '--from', row.from, '--to', row.to, ...(row.more ?? []));
      const [yaml = ''] = /^apiVersion:[\s\S]*?(?=\n\n|$(?![\s\S]))/m.exec(out) ?? [];
      const before = await judged(mesh.lab.folder);
      expect(await row.provoke(mesh)).not.toBe(200);
      const near = await Promise.all((row.near ?? []).map((ask) => status(mesh, ask)));
      mesh.lab.write(`mended-${row.name}.yaml`, `${yaml}\n`);
      await expect.poll(() => row.provoke(mesh), { timeout: showMs }).toBe(200);
      expect(near.every((each) => each !== 200)).toBe(true);
      for (const ask of row.near ?? [])
        expect([ask, await status(mesh, ask)]).toEqual([ask, expect.not.toBeOneOf([200])]);
      const after = await judged(mesh.lab.folder);
      expect(before.size).toBeGreaterThan(1_000);
      const opened = [...after].filter(([asked, verdict]) => verdict === 'allow' && before.get(asked) === 'deny');
      expect(opened).toHaveLength(1);
      const closed = [...after].filter(([asked, verdict]) => verdict === 'deny' && before.get(asked) === 'allow');
      expect(closed).toEqual([]);
    },
  );
});

/** What differs from run to run. */
function masked(text: string, id: string): string {
  return text
    .replaceAll(id, 'ID')
    .replace(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, 'TIME')
    .replace(/revision [0-9a-f]{16}/g, 'revision REVISION')
    .replace(/(10[.]99[.]9[.]10):\d+/g, '$1:PORT');
}

/** Every caller at every port with a grid of requests, by the folder as it stands. */
async function judged(folder: string): Promise<ReadonlyMap<string, string>> {
  const { objects } = await loadFolder(folder);
  return verdicts(buildSnapshot(objects));
}

const paths = ['/', '/open', '/open/1', '/admin/1', '/ledger', '/ledger/7', '/ledger/8', '/staff/1'];
const hosts = ['api', 'books', 'books.shop', 'files', 'files.archive', '10.96.1.1', '10.96.3.1'];

function verdicts(snapshot: Snapshot): ReadonlyMap<string, string> {
  const all = new Map<string, string>();
  for (const workload of snapshot.workloads.values()) {
    for (const { port, policy, protocol } of viewOf(snapshot, workload, 0).inbound) {
      if (protocol === 'tcp') continue;
      for (const { spiffeId: principal } of snapshot.workloads.values()) {
        for (const method of ['GET', 'PUT', 'POST', 'DELETE']) {
          for (const path of paths) {
            for (const host of hosts) {
              const request = { kind: 'http', principal, method, path, host } as const;
              const asked = `${principal} ${workload.key}:${port} ${method} ${host} ${path}`;
              all.set(asked, decide(policy, request, Date.now()).kind);
            }
          }
        }
      }
    }
  }
  return all;
}
