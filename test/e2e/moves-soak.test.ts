/**
 * Services, routes and endpoints move at random under 200 requests a second, and no request fails.
 *
 * The long form is the same test with more moves: `COFFRE_SOAK_MOVES=10000 npm test -- test/e2e/moves-soak.test.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { meshFolder, removeFolder } from './mesh-folder.ts';
import { MovingMesh, randomFrom } from './random-moves.ts';
import { startSteady } from './steady.ts';

const moves = Number(process.env['COFFRE_SOAK_MOVES'] ?? 150);
const seed = Number(process.env['COFFRE_SEED']);
const perSecond = 200;
/** Between two moves, in ms: below what one takes to reach the proxies, so that some catch others on their way. */
const pauseMaxMs = 60;
/** Longest a move may take on a loaded machine, in ms, for the test's own limit. */
const moveMs = 400;
/** Longest wait for the last move to act, in ms. */
const settleMs = 20_000;

describe(`${moves} moves of services, routes and endpoints, seed ${seed}`, { timeout: 60_000 + moves * moveMs }, () => {
  const world = new MovingMesh(seed);
  const folder = meshFolder(world.files());
  let mesh: MeshLab;

  beforeAll(async () => {
    mesh = await MeshLab.start({ folder });
  });
  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });

  test('lose no request, and end where the last edit says', async () => {
    const steady = await startSteady(mesh.lab, 'shop/web-0', ['http://front/'], { perSecond, http2: true });
    const random = randomFrom(seed + 1);
    const made: string[] = [];
    for (let count = 0; count < moves; count += 1) {
      const { move, file, text } = world.move();
      mesh.write(file, text);
      made.push(move);
      // A pace, not a wait for anything.
      if (random() < 0.7) await sleep(random() * pauseMaxMs);
    }
    await expect.poll(() => routedTo(mesh), { timeout: settleMs }).toEqual([...world.backends].sort());

    const answers = await steady.stop();
    expect(new Set(made).size).toBe(4);
    expect(answers.length).toBeGreaterThan(perSecond);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  });
});

/** What the caller's Envoy itself says of the route: clusters and weights. */
async function routedTo(mesh: MeshLab): Promise<readonly (readonly [string, number])[]> {
  const dump = JSON.stringify(await mesh.sidecar('shop/web-0').configDump());
  const config = JSON.parse(dump) as { readonly configs: readonly Record<string, unknown>[] };
  const routes = config.configs.flatMap((part) => (part['dynamic_route_configs'] ?? []) as readonly RouteDump[]);
  const front = routes.find(({ route_config: { name } }) => name === 'out/shop/front/80')?.route_config;
  const action = front?.virtual_hosts[0]?.routes[0]?.route;
  if (action === undefined) return [];
  const clusters = action.weighted_clusters?.clusters ?? [{ name: action.cluster ?? '', weight: 1 }];
  const service = (cluster: string) => cluster.split('/')[1] ?? '';
  return clusters.map(({ name, weight }) => [service(name), weight] as const).sort();
}

interface RouteDump {
  readonly route_config: {
    readonly name: string;
    readonly virtual_hosts: readonly {
      readonly routes: readonly {
        readonly route: {
          readonly cluster?: string;
          readonly weighted_clusters?: {
            readonly clusters: readonly { readonly name: string; readonly weight: number }[];
          };
        };
      }[];
    }[];
  };
}
